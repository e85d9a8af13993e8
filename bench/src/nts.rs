//! Requests that use NTS: what comes after the header in all of them.
//!
//! A server keeps nothing of a client, so that one authenticated request is as good as many, from any address.

use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use ntp_proto::nts::{Aead, NtsSession};
use nts_ke::UnixTime;
use nts_ke::client::{Dates, Outcome, Places, Question, Trust, establish};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use crate::frames;
use crate::lab::Lab;

/// How long the key exchange of a server that has just been started may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The server's address.
const SERVER: &str = "10.99.0.1";

/// How keys are exchanged.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Nts {
    /// Ask with NTS: every server gives keys on 10.99.0.1:4460 and shows this certificate, or one of its authority
    #[arg(long = "nts", value_name = "CERTIFICATE")]
    certificate: Option<PathBuf>,
    /// With this algorithm: 15 is AES-SIV-CMAC-256, 30 is AES-128-GCM-SIV
    #[arg(long, default_value_t = 15, requires = "certificate")]
    aead: u16,
}

impl Nts {
    /// The extension fields of a request to the server that runs now; `None` if NTS is not wanted.
    pub(crate) fn fields(&self, lab: &Lab) -> Result<Option<Vec<u8>>> {
        let Some(certificate) = &self.certificate else { return Ok(None) };
        let aead = Aead::from_id(self.aead).with_context(|| format!("AEAD {} is unknown", self.aead))?;
        let (trust, problems) = Trust::load(&Places { system: false, extra: vec![certificate.clone()] });
        ensure!(problems.is_empty(), "{}: not a certificate", certificate.display());
        let outcome = lab.at_client(|| exchange(&trust, aead))?;
        let mut session = NtsSession::new(outcome.keys, outcome.cookies);
        let (mut rng, mut request) = (ChaCha8Rng::seed_from_u64(1), Vec::new());
        session.request(&frames::HEADER, 0, &mut rng, &mut request)?;
        Ok(Some(request.split_off(frames::HEADER.len())))
    }
}

fn exchange(trust: &Trust, aead: Aead) -> Result<Outcome> {
    let end = Instant::now() + PATIENCE;
    loop {
        let question = Question {
            server: SERVER,
            aeads: &[aead],
            wanted_server: None,
            wanted_port: None,
            now: UnixTime::of_system(),
            dates: Dates::Check,
            patience: Duration::from_secs(2),
        };
        match establish(trust, &question, &[(SERVER.parse::<std::net::IpAddr>()?, nts_ke::PORT).into()]) {
            Ok(outcome) => return Ok(outcome),
            Err(error) if Instant::now() > end => bail!("no keys: {error}"),
            Err(_) => sleep(Duration::from_millis(200)),
        }
    }
}
