//! `ntpctl nts selfsign`: a certificate that nobody vouches for.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::ctl::args::SelfsignArgs;
use crate::ctl::exit::{Exit, Failure, Outcome};
use crate::ctl::output::Output;

/// Makes both files; one that is there already is left alone.
pub(super) fn run(args: &SelfsignArgs, out: &mut Output) -> Outcome {
    let made = nts_ke::selfsign::make(&args.names)
        .map_err(|error| Failure::new(Exit::USAGE, format!("no certificate can be for that: {error}")))?;
    write(&args.key, 0o600, made.key.as_bytes())?;
    write(&args.certificate, 0o644, made.certificate.as_bytes())?;
    let (certificate, key) = (args.certificate.display(), args.key.display());
    out.print(&format!(
        "certificate {certificate}, key {key}\n\
         server:  [security.nts] enabled = true, certificate = \"{certificate}\", key = \"{key}\"\n\
         clients: [[sources.nts.trusted]] path = \"{certificate}\"\n"
    ))?;
    Ok(Exit::OK)
}

fn write(path: &Path, mode: u32, text: &[u8]) -> Result<(), Failure> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    file.and_then(|mut file| file.write_all(text))
        .map_err(|error| Failure::new(Exit::IO, format!("cannot write {}: {error}", path.display())))
}
