//! Gets keys from a server and, with them, the time: `ask KE-ADDRESS NAME CERTIFICATE [AEAD…]`.
//!
//! Prints what was agreed on and what became of a few time packets. Tests with other people's servers run it.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use ntp_proto::nts::{Aead, NtsSession, SessionKeys};
use ntp_proto::packet::PacketView;
use nts_ke::UnixTime;
use nts_ke::client::{Dates, Outcome, Places, Question, Trust, establish};
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Some, so that not each is the first; NTPsec does not answer more than twenty in a row.
const PACKETS: usize = 5;

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let usage = "ask KE-ADDRESS NAME CERTIFICATE [AEAD…]";
    let (Some(address), Some(name), Some(certificate)) = (words.next(), words.next(), words.next()) else {
        return Err(usage.into());
    };
    let aeads: Vec<Aead> = words.filter_map(|word| Aead::from_id(word.parse().ok()?)).collect();
    let places = Places { system: false, extra: vec![PathBuf::from(certificate)] };
    let (trust, problems) = Trust::load(&places);
    for problem in problems {
        println!("certificate: {}", problem.error);
    }
    let question = Question {
        server: &name,
        aeads: if aeads.is_empty() { &[Aead::Aes128GcmSiv, Aead::AesSivCmac256] } else { &aeads },
        wanted_server: None,
        wanted_port: None,
        now: UnixTime::of_system(),
        dates: Dates::Check,
        patience: Duration::from_secs(5),
    };
    let outcome = establish(&trust, &question, &[address.parse()?])?;
    show(&outcome);
    let server: IpAddr = outcome.server.as_deref().map_or(Ok(outcome.address), str::parse)?;
    let server = SocketAddr::new(server, outcome.port.unwrap_or(123));
    println!("keys: {}", ask_time(server, outcome.keys, &outcome.cookies)?);
    if let Some(alternative) = outcome.alternative {
        println!("alternative keys: {}", ask_time(server, alternative, &outcome.cookies)?);
    }
    Ok(())
}

fn show(outcome: &Outcome) {
    let lengths: Vec<usize> = outcome.cookies.iter().map(Vec::len).collect();
    println!("algorithm: {}", outcome.keys.aead());
    println!("ambiguous: {}", outcome.alternative.is_some());
    println!("cookies: {lengths:?}");
    println!("time server: {:?}, port {:?}", outcome.server, outcome.port);
    let certificate = outcome.chain.certificate();
    println!("certificate: {} until {}", certificate.subject, certificate.valid.not_after);
    println!("took: {:?}", outcome.took);
}

/// What became of the packets, in words.
fn ask_time(server: SocketAddr, keys: SessionKeys, cookies: &[Vec<u8>]) -> Result<String> {
    let socket = UdpSocket::bind(if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    let mut rng = ChaCha20Rng::from_seed(seed);
    let mut session = NtsSession::new(keys, cookies.iter().cloned());
    let (mut accepted, mut last) = (0, "silence".to_owned());
    for _ in 0..PACKETS {
        let mut header = [0; 48];
        header[0] = 0x23;
        rng.fill_bytes(&mut header[40..]);
        let (mut packet, mut reply) = (Vec::new(), [0; 2_048]);
        let pending = session.request(&header, 2, &mut rng, &mut packet)?;
        socket.send_to(&packet, server)?;
        let Ok(length) = socket.recv(&mut reply) else { continue };
        match session.accept(&pending, &reply[..length]) {
            Ok(_) => {
                accepted += 1;
                let stratum = PacketView::parse(&reply[..length]).map(|view| view.header().stratum.get());
                last = format!("{} bytes answered by {length}, stratum {stratum:?}", packet.len());
            }
            Err(error) => last = error.to_string(),
        }
    }
    Ok(format!("{accepted} of {PACKETS} accepted, {} cookies left, at last {last}", session.cookies()))
}
