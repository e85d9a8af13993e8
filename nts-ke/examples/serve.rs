//! Gives keys, and the time of the system's clock to those who have them:
//! `serve KE-ADDRESS NTP-ADDRESS CERTIFICATE KEY [COOKIE-KEYS]`.
//!
//! Cookie keys are made, or taken from a file of ours or chrony's. Prints what was asked for whenever that changes, until it is ended. Tests with other people's clients run it.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ntp_proto::nts::{Aead, CookieKeys, Opening};
use ntp_proto::packet::{Leap, Precision, RefId, Stratum};
use ntp_proto::server::{SystemVars, Template};
use ntp_proto::time::{Monotonic, NtpDuration, NtpShort, NtpTimestamp};
use nts_ke::cookie_keys::{INTERVAL_S, Rotation, load};
use nts_ke::server::{CertificateFiles, Config, Count, Handle, Limits, start};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [ke, ntp, certificate, key, file @ ..] = &words[..] else {
        return Err("serve KE-ADDRESS NTP-ADDRESS CERTIFICATE KEY [COOKIE-KEYS]".into());
    };
    let socket = UdpSocket::bind(ntp)?;
    let config = Config {
        addresses: vec![ke.parse()?],
        certificates: vec![CertificateFiles { certificate: certificate.into(), key: key.into() }],
        aeads: Aead::ALL.to_vec(),
        ntp_server: None,
        ntp_port: Some(socket.local_addr()?.port()),
        // One machine may be all clients of a test.
        limits: Limits { connections_per_address: 100, ..Limits::default() },
        access: Arc::new(|_| true),
    };
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    let mut rng = ChaCha20Rng::from_seed(seed);
    let (week, start_of_time) = (NtpDuration::from_secs(INTERVAL_S), Monotonic::default());
    let rotation = match file {
        [file, ..] => Rotation::restored(load(Path::new(file))?, week, start_of_time),
        [] => Rotation::new(week, start_of_time, &mut rng),
    };
    let keys = Arc::new(rotation.cookie_keys().ok_or("no cookie keys")?);
    let handle = start(config, Arc::clone(&keys))?;
    serve_time(&socket, &handle, &keys, &mut rng)
}

fn serve_time(socket: &UdpSocket, handle: &Handle, keys: &CookieKeys, rng: &mut ChaCha20Rng) -> Result<()> {
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    let (mut packets, mut said) = (BTreeMap::new(), String::new());
    let mut buffer = [0; 2_048];
    loop {
        let line = line(handle, &packets);
        if line != said {
            println!("{line}");
            said = line;
        }
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        let now = now();
        let (what, reply) = match Opening::new(&mut buffer[..length], keys) {
            Opening::Opened(request) => {
                ("time_opened", Some(request.reply(now, &template(now), keys, rng).depart(self::now())?))
            }
            Opening::Unknown(nak) => ("time_nak", Some(nak.reply(now, now))),
            Opening::Plain(_) => ("time_plain", None),
            Opening::Ignored(_) => ("time_ignored", None),
        };
        *packets.entry(what).or_insert(0_u64) += 1;
        if let Some(reply) = reply {
            socket.send_to(reply, from)?;
        }
    }
}

/// All counts that are not 0.
fn line(handle: &Handle, packets: &BTreeMap<&str, u64>) -> String {
    let counts = Count::ALL.iter().map(|count| (count.name(), handle.counters().get(*count)));
    let packets = packets.iter().map(|(name, value)| (*name, *value));
    let named: Vec<String> = counts
        .chain(packets)
        .filter(|(_, value)| *value > 0)
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    format!("so far: {}", named.join(" "))
}

fn template(now: NtpTimestamp) -> Template {
    Template::new(&SystemVars {
        leap: Leap::None,
        stratum: Stratum::PRIMARY,
        precision: Precision::new(-20),
        root_delay: NtpShort::from_bits(0),
        root_dispersion: NtpShort::from_bits(1),
        ref_id: RefId::from_ascii(*b"TEST"),
        reference: now,
    })
}

fn now() -> NtpTimestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs().wrapping_add(2_208_988_800) & 0xffff_ffff;
    NtpTimestamp::from_bits((seconds << 32) | ((u64::from(since.subsec_nanos()) << 32) / 1_000_000_000))
}
