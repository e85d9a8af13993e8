//! Keys for our requests: each exchange with a server has a thread of its own that ends with it.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ntp_engine::{CertificateDates, Host, KeyExchange, KeyFailure, SourceId};
use ntp_proto::nts::{Aead, NtsSession};
use nts_ke::UnixTime;
use nts_ke::client::{Dates, KeError, Outcome, Places, Question, Stage, Trust, establish, establish_over};
use tokio::sync::mpsc::UnboundedSender;

use crate::daemon::driver::Happening;
use crate::sys::udp::ClientOptions;

/// When an exchange is given up.
const PATIENCE: Duration = Duration::from_secs(16);
/// The port of time servers that name none.
const NTP_PORT: u16 = 123;

/// What holds for all exchanges.
#[derive(Clone, Debug)]
pub(in crate::daemon) struct KeyClient {
    /// The algorithms that are offered, the best one first.
    pub(in crate::daemon) aeads: Vec<Aead>,
    /// Whether set 0 holds the authorities of the system.
    pub(in crate::daemon) system: bool,
    /// Files and directories of authorities, by set.
    pub(in crate::daemon) trusted: BTreeMap<u8, Vec<PathBuf>>,
    /// How connections leave.
    pub(in crate::daemon) leaving: ClientOptions,
}

/// One exchange.
#[derive(Clone, Debug)]
pub(in crate::daemon) struct Wanted {
    pub(in crate::daemon) source: SourceId,
    pub(in crate::daemon) host: Host,
    pub(in crate::daemon) server: SocketAddr,
    pub(in crate::daemon) cert_set: u8,
    pub(in crate::daemon) dates: CertificateDates,
}

impl KeyClient {
    /// Asks for keys; the answer comes as a [`Happening::KeysEstablished`].
    ///
    /// # Errors
    /// When no thread can be had.
    pub(in crate::daemon) fn start(
        self: &Arc<Self>,
        wanted: Wanted,
        tell: UnboundedSender<Happening>,
    ) -> io::Result<()> {
        let client = Arc::clone(self);
        let work = move || {
            let result = client.establish(&wanted).map(Box::new);
            let Wanted { source, dates, .. } = wanted;
            // The daemon may be gone by now.
            let _ = tell.send(Happening::KeysEstablished { source, dates, result });
        };
        thread::Builder::new().name("nts-client".to_owned()).spawn(work).map(drop)
    }

    fn establish(&self, wanted: &Wanted) -> Result<KeyExchange, KeyFailure> {
        let places = Places {
            system: self.system && wanted.cert_set == 0,
            extra: self.trusted.get(&wanted.cert_set).cloned().unwrap_or_default(),
        };
        // Read anew each time, since files change and exchanges are rare.
        let (trust, problems) = Trust::load(&places);
        let outcome = self.ask(&trust, wanted).map_err(|error| {
            let missing = problems.first().map(|problem| format!(" ({problem})"));
            failure(is_refusal(&error), format_args!("{error}{}", missing.unwrap_or_default()))
        })?;
        let valid = outcome.chain.valid();
        if let CertificateDates::NotBefore(unix) = wanted.dates
            && valid.not_after < UnixTime(unix)
        {
            return Err(failure(true, format_args!("certificate expired at {}", valid.not_after)));
        }
        let server = time_server(&outcome)?;
        let Outcome { keys, alternative, cookies, .. } = outcome;
        Ok(KeyExchange {
            alternative: alternative.map(|keys| NtsSession::new(keys, cookies.iter().cloned())),
            session: NtsSession::new(keys, cookies),
            server,
            not_before: valid.not_before.0,
            not_after: valid.not_after.0,
        })
    }

    fn ask(&self, trust: &Trust, wanted: &Wanted) -> Result<Outcome, KeError> {
        let (now, dates) = match wanted.dates {
            CertificateDates::At(unix) => (UnixTime(unix), Dates::Check),
            CertificateDates::NotBefore(unix) => (UnixTime(unix), Dates::Skip),
            CertificateDates::Unchecked => (UnixTime::of_system(), Dates::Skip),
        };
        let host = wanted.host.to_string();
        let question = Question {
            server: &host,
            aeads: &self.aeads,
            wanted_server: None,
            wanted_port: None,
            now,
            dates,
            patience: PATIENCE,
        };
        if self.leaving.says_where(wanted.server) {
            let begin = Instant::now();
            let stream = self.connect(wanted.server)?;
            let patience = PATIENCE.saturating_sub(begin.elapsed());
            return establish_over(trust, &Question { patience, ..question }, &stream);
        }
        establish(trust, &question, &[wanted.server])
    }

    /// A connection that leaves as requests do.
    fn connect(&self, server: SocketAddr) -> Result<TcpStream, KeError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let connecting = async {
            let socket = self.leaving.tcp_socket(server)?;
            let stream = tokio::time::timeout(PATIENCE, socket.connect(server)).await;
            let stream = stream.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??.into_std()?;
            stream.set_nonblocking(false)?;
            Ok::<_, io::Error>(stream)
        };
        let connected = runtime.and_then(|runtime| runtime.block_on(connecting));
        connected.map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut => KeError::Timeout(Stage::Connect),
            _ => KeError::Connect(error),
        })
    }
}

/// Where to ask for time; `None`: where keys were asked for.
fn time_server(outcome: &Outcome) -> Result<Option<SocketAddr>, KeyFailure> {
    let port = outcome.port.unwrap_or(NTP_PORT);
    let Some(name) = &outcome.server else {
        return Ok(outcome.port.map(|port| SocketAddr::new(outcome.address, port)));
    };
    let found = (name.as_str(), port).to_socket_addrs();
    let found: Vec<SocketAddr> = found
        .map_err(|error| failure(false, format_args!("no address for its time server {name}: {error}")))?
        .collect();
    let alike = found.iter().find(|address| address.is_ipv4() == outcome.address.is_ipv4());
    let address = alike.or(found.first()).copied();
    let none = || failure(false, format_args!("no address for its time server {name}"));
    address.map(Some).ok_or_else(none)
}

/// Whether the server was there.
const fn is_refusal(error: &KeError) -> bool {
    !matches!(error, KeError::NoAddress | KeError::Connect(_) | KeError::Timeout(Stage::Connect))
}

fn failure(is_refusal: bool, words: fmt::Arguments<'_>) -> KeyFailure {
    KeyFailure { is_refusal, words: words.to_string() }
}
