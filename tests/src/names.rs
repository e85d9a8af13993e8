//! Name servers: Debian's dnsmasq, and one that never says anything useful.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Result;

use crate::host::Host;
use crate::peers::{Peer, Starter};

/// dnsmasq on `host`, which knows these names and nothing else; several entries for a name are several addresses.
#[must_use]
pub fn dnsmasq<'h>(host: &'h Host, address: &str, names: &[(&str, &str)]) -> Peer<'h> {
    let hosts = names.iter().fold(String::new(), |mut text, (name, address)| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{address} {name}");
        text
    });
    let listen = format!("--listen-address={address}");
    let options = [
        "--keep-in-foreground",
        "--bind-interfaces",
        "--no-resolv",
        "--no-hosts",
        "--log-facility=-",
        "--log-queries",
    ];
    let places =
        ["--conf-file=/dev/null", "--pid-file", "--user=root", "--group=root", "--addn-hosts=CONFIG"];
    let starter = Starter::new(host, "dnsmasq").config(&hosts).args(&options).args(&places).args(&[&listen]);
    let mut dnsmasq = starter.start();
    let _ = dnsmasq.wait_for_line(&["started, version"], Duration::from_secs(15));
    dnsmasq
}

/// A name server that is silent, and then answers with garbage. Ends when dropped.
#[derive(Debug)]
pub struct BadNameServer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    end: AtomicBool,
    talks: AtomicBool,
    queries: AtomicUsize,
    garbage: AtomicUsize,
}

impl BadNameServer {
    /// Silent at first.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub fn start(host: &Host, address: IpAddr) -> Result<Self> {
        let socket = host.socket(SocketAddr::new(address, 53))?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let shared = Arc::new(Shared::default());
        let mine = Arc::clone(&shared);
        let work = move || {
            let noise = AtomicU32::new(1);
            let mut query = [0; 512];
            while !mine.end.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut query) else { continue };
                mine.queries.fetch_add(1, Ordering::Relaxed);
                if mine.talks.load(Ordering::Relaxed) {
                    for answer in garbage(&query[..length], &noise) {
                        // A resolver that has heard enough may have closed its port.
                        if socket.send_to(&answer, from).is_ok() {
                            mine.garbage.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            }
        };
        Ok(Self { shared, thread: Some(thread::spawn(work)) })
    }

    /// From now on it answers, with garbage.
    pub fn talk(&self) {
        self.shared.talks.store(true, Ordering::Relaxed);
    }

    /// Queries that came.
    #[must_use]
    pub fn queries(&self) -> usize {
        self.shared.queries.load(Ordering::Relaxed)
    }

    /// Useless answers that were given.
    #[must_use]
    pub fn garbage(&self) -> usize {
        self.shared.garbage.load(Ordering::Relaxed)
    }
}

impl Drop for BadNameServer {
    fn drop(&mut self) {
        self.shared.end.store(true, Ordering::Relaxed);
        // It panicked, or it ends within 50 ms; the port must be free for the next.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// What nobody should believe: noise, an answer to another query, one that ends in the middle, one whose names point
/// at themselves, and one whose address has eleven bytes.
fn garbage(query: &[u8], noise: &AtomicU32) -> Vec<Vec<u8>> {
    let mut noisy = query.to_vec();
    noisy.extend([0; 64]);
    for byte in &mut noisy[2.min(query.len())..] {
        // A linear congruence is noise enough, and the same every time.
        let next = noise.load(Ordering::Relaxed).wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        noise.store(next, Ordering::Relaxed);
        *byte = (next >> 24) as u8;
    }
    let reply = |answers: u16, record: &[u8]| {
        let mut reply = query.to_vec();
        if let Some(header) = reply.get_mut(2..12) {
            header.copy_from_slice(&[0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0]);
            header[4..6].copy_from_slice(&answers.to_be_bytes());
        }
        reply.extend(record);
        reply
    };
    let mut stranger = reply(1, &[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 99, 0, 66]);
    if let Some(id) = stranger.first_mut() {
        *id = !*id;
    }
    let itself = (0xc000 | query.len() as u16).to_be_bytes();
    let endless = [itself[0], itself[1], 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 99, 0, 67];
    let overlong = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 11, 10, 99, 0, 68];
    vec![stranger, query[..query.len() / 2].to_vec(), reply(0xffff, &endless), reply(3, &overlong), noisy]
}
