//! Requests that use NTS: what comes after the header in all of them.
//!
//! A server keeps nothing of a client, so that one authenticated request is as good as many, from any address.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use ntp_proto::nts::{Aead, NtsSession, SessionKeys};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use crate::frames;
use crate::lab::Lab;

/// How long the key exchange of a server that has just been started may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The extension fields of a request, made with what `command` prints: `C2S_HEX COOKIE_HEX [AEAD_ID]`. It runs
/// where the clients are, and again until it succeeds.
pub(crate) fn fields(lab: &Lab, command: &str) -> Result<Vec<u8>> {
    let end = Instant::now() + PATIENCE;
    loop {
        let output = lab.on_client().args(command.split_whitespace()).output()?;
        if output.status.success() {
            return from_words(&String::from_utf8(output.stdout)?);
        }
        if Instant::now() > end {
            bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        sleep(Duration::from_millis(200));
    }
}

fn from_words(text: &str) -> Result<Vec<u8>> {
    let mut words = text.split_whitespace();
    let mut bytes = |what: &str| words.next().and_then(hex).with_context(|| format!("{what} is missing"));
    let (c2s, cookie) = (bytes("the key of requests")?, bytes("the cookie")?);
    let id = words.next().map_or(Ok(Aead::AesSivCmac256.id()), str::parse)?;
    let aead = Aead::from_id(id).with_context(|| format!("AEAD algorithm {id} is unknown"))?;
    // Replies are not opened, so that their key does not matter.
    let mut session = NtsSession::new(SessionKeys::new(aead, &c2s, &c2s)?, [cookie]);
    ensure!(session.cookies() == 1, "the cookie has an impossible length");
    let (mut rng, mut request) = (ChaCha8Rng::seed_from_u64(1), Vec::new());
    session.request(&frames::HEADER, 0, &mut rng, &mut request)?;
    Ok(request.split_off(frames::HEADER.len()))
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).ok());
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_the_fields_of_a_request() {
        let key = "0f".repeat(32);
        let fields = from_words(&format!("{key} {} 15\n", "ab".repeat(100))).unwrap();
        assert_eq!(fields.len(), 36 + 104 + 40);
        assert_eq!(fields[36..44], [2, 4, 0, 104, 0xab, 0xab, 0xab, 0xab]);
        for wrong in ["", "0f", &key, &format!("{key} ab"), &format!("{key} {key} 16"), "xx yy"] {
            assert!(from_words(wrong).is_err(), "{wrong}");
        }
    }
}
