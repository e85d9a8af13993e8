//! The server's thread, and how other threads speak to it.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use ntp_proto::nts::CookieKeys;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::NoServerSessionStorage;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle as Task;
use tokio::time::{MissedTickBehavior, interval};

use super::certificates::{CertificateState, Certificates, Resolver};
use super::config::Config;
use super::counters::Counters;
use super::listen;
use super::shared::{PortState, Shared, Terms};
use crate::ALPN;
use crate::unix_time::UnixTime;

/// How often the files of certificates are looked at.
const LOOK: Duration = Duration::from_secs(5);

enum Command {
    Configure(Box<Config>),
    Reload,
}

/// A running server; stopped when dropped.
pub struct Handle {
    shared: Arc<Shared>,
    /// `None` once it is to stop.
    commands: Option<UnboundedSender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").field("ports", &self.ports()).finish_non_exhaustive()
    }
}

/// Starts a thread that serves. Certificates that cannot be read and ports that cannot be had do not keep it from
/// starting; they are shown as such and tried again.
///
/// # Errors
/// The system has no thread, no randomness or no means to wait for sockets.
pub fn start(config: Config, cookie_keys: Arc<CookieKeys>) -> io::Result<Handle> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificates = Certificates::new(Arc::clone(&provider));
    let tls = tls(&provider, certificates.resolver()).map_err(io::Error::other)?;
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(io::Error::other)?;
    let terms = Terms { config: config.clone(), tls: Arc::clone(&tls) };
    let shared = Arc::new(Shared::new(terms, cookie_keys, seed));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let (commands, received) = unbounded_channel();
    let mut server = Server { shared: Arc::clone(&shared), certificates, tls, ports: HashMap::new() };
    let run = move || runtime.block_on(server.run(config, received));
    let thread = std::thread::Builder::new().name("nts-ke".to_owned()).spawn(run)?;
    Ok(Handle { shared, commands: Some(commands), thread: Some(thread) })
}

fn tls(provider: &Arc<CryptoProvider>, resolver: Arc<Resolver>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut tls = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    tls.alpn_protocols = vec![ALPN.to_vec()];
    // Clients come once in weeks: tickets would be of no use to them.
    tls.send_tls13_tickets = 0;
    tls.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(Arc::new(tls))
}

impl Handle {
    /// Cookies are sealed with these keys from now on. Whoever opens cookies has to know them already.
    pub fn replace_cookie_keys(&self, keys: Arc<CookieKeys>) {
        self.shared.replace_cookie_keys(keys);
    }

    /// Another configuration holds, soon. Ports that stay the same stay open, and connections go on as they began.
    pub fn configure(&self, config: Config) {
        self.send(Command::Configure(Box::new(config)));
    }

    /// Reads all certificates again, soon; changes are noticed within seconds without it.
    pub fn reload(&self) {
        self.send(Command::Reload);
    }

    fn send(&self, command: Command) {
        if let Some(commands) = &self.commands {
            // It fails only after the thread has ended, which it does on request alone.
            let _ = commands.send(command);
        }
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// How many connections there are now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.slots().len()
    }

    /// The addresses to listen at.
    #[must_use]
    pub fn ports(&self) -> Vec<PortState> {
        self.shared.ports()
    }

    /// The certificates.
    #[must_use]
    pub fn certificates(&self) -> Vec<CertificateState> {
        self.shared.certificates()
    }

    /// Closes all ports and connections, and waits for the thread to end, which takes no time.
    pub fn stop(self) {}
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // Its end is all that matters.
            let _ = thread.join();
        }
    }
}

/// What belongs to the thread alone.
struct Server {
    shared: Arc<Shared>,
    certificates: Certificates,
    tls: Arc<ServerConfig>,
    ports: HashMap<SocketAddr, Task<()>>,
}

impl Server {
    async fn run(&mut self, config: Config, mut commands: UnboundedReceiver<Command>) {
        self.configure(config);
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = look.tick() => self.refresh(false),
                command = commands.recv() => match command {
                    Some(Command::Configure(config)) => self.configure(*config),
                    Some(Command::Reload) => self.refresh(true),
                    // With the runtime go all connections and ports.
                    None => return,
                },
            }
        }
    }

    fn configure(&mut self, config: Config) {
        self.certificates.configure(&config.certificates);
        self.ports.retain(|address, task| {
            let stays = config.addresses.contains(address);
            if !stays {
                task.abort();
            }
            stays
        });
        self.shared.keep_ports(&config.addresses);
        self.shared.replace_terms(Terms { config, tls: Arc::clone(&self.tls) });
        self.refresh(false);
    }

    /// Ports are opened once there is a certificate, and then stay open.
    fn refresh(&mut self, anew: bool) {
        let can_serve = self.certificates.refresh(UnixTime::of_system(), anew);
        self.shared.show_certificates(self.certificates.states());
        if can_serve {
            for address in &self.shared.terms().config.addresses {
                let open = || tokio::spawn(listen::run(Arc::clone(&self.shared), *address));
                self.ports.entry(*address).or_insert_with(open);
            }
        }
    }
}
