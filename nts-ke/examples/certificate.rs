//! Makes `certificate.pem` and `key.pem` in a folder, for these names: `certificate FOLDER NAME…`.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, names @ ..] = &words[..] else { return Err("certificate FOLDER NAME…".into()) };
    let made = nts_ke::selfsign::make(names)?;
    fs::write(Path::new(folder).join("certificate.pem"), &made.certificate)?;
    let key = Path::new(folder).join("key.pem");
    let mut key = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(key)?;
    key.write_all(made.key.as_bytes())?;
    Ok(())
}
