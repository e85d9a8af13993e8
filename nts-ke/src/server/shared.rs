//! What connections, ports and the daemon's other threads have in common.
//!
//! Each lock is held for some lines that cannot panic, and never across a wait.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ntp_proto::nts::CookieKeys;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use rustls::ServerConfig;

use super::certificates::CertificateState;
use super::config::Config;
use super::counters::Counters;
use super::limit::Accounts;
use super::slots::Slots;

/// What a connection is served by: what held when it began.
pub(super) struct Terms {
    pub(super) config: Config,
    pub(super) tls: Arc<ServerConfig>,
}

/// One of the addresses to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortState {
    /// As configured.
    pub address: SocketAddr,
    /// What came of it.
    pub state: Listening,
}

/// Whether a port is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listening {
    /// There is no certificate to serve with.
    NoCertificate,
    /// It is, at this address; of port 0 the system has made one.
    At(SocketAddr),
    /// It cannot be had, for this reason. It is tried again.
    Failed(String),
}

pub(super) struct Shared {
    pub(super) counters: Counters,
    pub(super) start: Instant,
    slots: Mutex<Slots>,
    accounts: Mutex<Accounts>,
    cookie_keys: Mutex<Arc<CookieKeys>>,
    rng: Mutex<ChaCha20Rng>,
    terms: Mutex<Arc<Terms>>,
    ports: Mutex<Vec<PortState>>,
    certificates: Mutex<Vec<CertificateState>>,
}

impl Shared {
    pub(super) fn new(terms: Terms, cookie_keys: Arc<CookieKeys>, seed: [u8; 32]) -> Self {
        Self {
            counters: Counters::default(),
            start: Instant::now(),
            slots: Mutex::default(),
            accounts: Mutex::new(Accounts::new()),
            cookie_keys: Mutex::new(cookie_keys),
            rng: Mutex::new(ChaCha20Rng::from_seed(seed)),
            terms: Mutex::new(Arc::new(terms)),
            ports: Mutex::default(),
            certificates: Mutex::default(),
        }
    }

    pub(super) fn slots(&self) -> MutexGuard<'_, Slots> {
        lock(&self.slots)
    }

    pub(super) fn accounts(&self) -> MutexGuard<'_, Accounts> {
        lock(&self.accounts)
    }

    pub(super) fn rng(&self) -> MutexGuard<'_, ChaCha20Rng> {
        lock(&self.rng)
    }

    pub(super) fn cookie_keys(&self) -> Arc<CookieKeys> {
        Arc::clone(&lock(&self.cookie_keys))
    }

    pub(super) fn replace_cookie_keys(&self, keys: Arc<CookieKeys>) {
        *lock(&self.cookie_keys) = keys;
    }

    pub(super) fn terms(&self) -> Arc<Terms> {
        Arc::clone(&lock(&self.terms))
    }

    pub(super) fn replace_terms(&self, terms: Terms) {
        *lock(&self.terms) = Arc::new(terms);
    }

    pub(super) fn certificates(&self) -> Vec<CertificateState> {
        lock(&self.certificates).clone()
    }

    pub(super) fn show_certificates(&self, states: Vec<CertificateState>) {
        *lock(&self.certificates) = states;
    }

    pub(super) fn ports(&self) -> Vec<PortState> {
        lock(&self.ports).clone()
    }

    /// These are the configured addresses; what is known of the others is forgotten.
    pub(super) fn keep_ports(&self, addresses: &[SocketAddr]) {
        let mut ports = lock(&self.ports);
        let old = std::mem::take(&mut *ports);
        for address in addresses {
            let known = old.iter().find(|port| port.address == *address).cloned();
            ports.push(known.unwrap_or(PortState { address: *address, state: Listening::NoCertificate }));
        }
    }

    /// Says whether that is news.
    pub(super) fn show_port(&self, address: SocketAddr, state: Listening) -> bool {
        let mut ports = lock(&self.ports);
        match ports.iter_mut().find(|port| port.address == address) {
            Some(port) if port.state != state => {
                port.state = state;
                true
            }
            _ => false,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
