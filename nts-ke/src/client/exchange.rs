//! The conversation with one server.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ntp_proto::nts::{Aead, SessionKeys};
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, Stream};

use super::verify::{Verifier, tls_time};
use super::{Chain, Dates, KeError, Stage, TlsFault, Trust};
use crate::ALPN;
use crate::keys::{Export, export};
use crate::message::{Agreement, Request, Response};
use crate::record::Inbox;
use crate::unix_time::UnixTime;

/// The most that a server may send, in bytes, TLS included: a chain of many certificates and the longest message
/// have a quarter of it.
const RECEIVED_MAX: usize = 256 << 10;

/// What to ask, and of whom.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The server's host name or address, which its certificate has to be for.
    pub server: &'a str,
    /// The algorithms that will do, the favourite first.
    pub aeads: &'a [Aead],
    /// The time server that would be liked, by name or address.
    pub wanted_server: Option<&'a str>,
    /// The UDP port that would be liked.
    pub wanted_port: Option<u16>,
    /// What time it is, for the dates in certificates.
    pub now: UnixTime,
    /// Whether these dates count.
    pub dates: Dates,
    /// When to give up, for the whole conversation.
    pub patience: Duration,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The keys, with their algorithm.
    pub keys: SessionKeys,
    /// Other keys, which the server may have meant: to be used instead if it answers the very first packet with
    /// an NTS NAK. Only if AES-128-GCM-SIV was agreed on and the server did not say how it exports keys: then
    /// `keys` are those of chrony 4.4 to 4.6, these are those of RFC 8915.
    pub alternative: Option<SessionKeys>,
    /// 1 to 8 of them.
    pub cookies: Vec<Vec<u8>>,
    /// The time server; `None`: the machine that answered.
    pub server: Option<String>,
    /// Its UDP port; `None`: 123.
    pub port: Option<u16>,
    /// The address that answered.
    pub address: IpAddr,
    /// How the server proved who it is.
    pub chain: Chain,
    /// What it all took.
    pub took: Duration,
}

/// Asks at these addresses in turn, until one can be connected to.
///
/// # Errors
/// [`KeError`]; of several addresses the last one's.
pub fn establish(
    trust: &Trust,
    question: &Question<'_>,
    addresses: &[SocketAddr],
) -> Result<Outcome, KeError> {
    let start = Instant::now();
    // Nobody is asked for what cannot be.
    let name = server_name(question.server)?;
    let stream = connect(addresses, start + question.patience)?;
    converse(trust, question, name, &stream, start)
}

/// Asks over a connection that somebody else made, from whatever address or interface.
///
/// # Errors
/// [`KeError`].
pub fn establish_over(
    trust: &Trust,
    question: &Question<'_>,
    stream: &TcpStream,
) -> Result<Outcome, KeError> {
    converse(trust, question, server_name(question.server)?, stream, Instant::now())
}

/// An address that does not answer leaves time for the others.
fn connect(addresses: &[SocketAddr], end: Instant) -> Result<TcpStream, KeError> {
    let mut last = KeError::NoAddress;
    for (address, left) in addresses.iter().zip((1..=addresses.len()).rev()) {
        let share = end.saturating_duration_since(Instant::now()) / u32::try_from(left).unwrap_or(u32::MAX);
        if share.is_zero() {
            return Err(KeError::Timeout(Stage::Connect));
        }
        match TcpStream::connect_timeout(address, share) {
            Ok(stream) => return Ok(stream),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => last = KeError::Timeout(Stage::Connect),
            Err(error) => last = KeError::Connect(error),
        }
    }
    Err(last)
}

fn converse(
    trust: &Trust,
    question: &Question<'_>,
    name: ServerName<'static>,
    stream: &TcpStream,
    start: Instant,
) -> Result<Outcome, KeError> {
    let address = stream.peer_addr().map_err(KeError::Connect)?.ip();
    // Otherwise the request would wait for the acknowledgement of the handshake's end.
    stream.set_nodelay(true).map_err(KeError::Connect)?;
    let config = Arc::new(config(trust, question)?);
    let mut tls = ClientConnection::new(config, name.clone()).map_err(|error| tls_error(&error))?;
    let mut timed = Timed { stream, end: start + question.patience, left: RECEIVED_MAX };
    while tls.is_handshaking() {
        tls.complete_io(&mut timed).map_err(|error| failed(Stage::Handshake, error))?;
    }
    if tls.alpn_protocol() != Some(ALPN) {
        return Err(KeError::NoAlpn);
    }
    let request = request(question);
    let response = exchange(&mut tls, &mut timed, &request)?;
    let agreement = response.agree(&request).map_err(KeError::Refused)?;
    let (keys, alternative) = session_keys(&tls, agreement).map_err(|error| tls_error(&error))?;
    let chain = tls.peer_certificates().and_then(|chain| Chain::new(name, chain));
    let unread = || KeError::Tls(TlsFault::BadCertificate("cannot be read".to_owned()));
    let chain = chain.ok_or_else(unread)?;
    // Courtesy only: the server has nothing more to say.
    tls.send_close_notify();
    let _ = tls.complete_io(&mut timed);
    let Response { cookies, server, port, .. } = response;
    Ok(Outcome { keys, alternative, cookies, server, port, address, chain, took: start.elapsed() })
}

/// A name as people write it: with a dot at its end, or an address.
fn server_name(name: &str) -> Result<ServerName<'static>, KeError> {
    let name = name.strip_suffix('.').unwrap_or(name);
    ServerName::try_from(name.to_owned()).map_err(|_| KeError::BadName)
}

fn config(trust: &Trust, question: &Question<'_>) -> Result<ClientConfig, KeError> {
    let inner = trust.verifier.clone().ok_or(KeError::Tls(TlsFault::UnknownIssuer))?;
    let verifier = Arc::new(Verifier::new(inner, question.dates));
    let now = Arc::new(FixedTime(question.now));
    let mut config = ClientConfig::builder_with_details(Arc::clone(&trust.provider), now)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| tls_error(&error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

#[derive(Debug)]
struct FixedTime(UnixTime);

impl TimeProvider for FixedTime {
    fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
        Some(tls_time(self.0))
    }
}

fn request(question: &Question<'_>) -> Request {
    let aeads: Vec<u16> = question.aeads.iter().map(|aead| aead.id()).collect();
    let (server, port) = (question.wanted_server.map(str::to_owned), question.wanted_port);
    // To say so is of use only with those who may choose AES-128-GCM-SIV.
    let compliant_gcm_siv = question.aeads.contains(&Aead::Aes128GcmSiv);
    Request { server, port, compliant_gcm_siv, ..Request::ntpv4(&aeads) }
}

fn exchange(
    tls: &mut ClientConnection,
    timed: &mut Timed<'_>,
    request: &Request,
) -> Result<Response, KeError> {
    let lost = |error| failed(Stage::Exchange, error);
    let mut stream = Stream::new(tls, timed);
    stream.write_all(&request.write()).map_err(lost)?;
    stream.flush().map_err(lost)?;
    let (mut inbox, mut piece) = (Inbox::default(), [0; 4_096]);
    loop {
        let length = match stream.read(&mut piece).map_err(lost)? {
            0 => break,
            length => length,
        };
        if inbox.take(&piece[..length]).map_err(KeError::Malformed)? {
            break;
        }
    }
    Response::parse(inbox.message()).map_err(KeError::Malformed)
}

fn session_keys(
    tls: &ClientConnection,
    agreement: Agreement,
) -> Result<(SessionKeys, Option<SessionKeys>), rustls::Error> {
    let way = Export::of(agreement);
    let keys = export(tls, agreement.aead, way)?;
    let alternative = match way {
        Export::Compliant => None,
        Export::OldChrony => Some(export(tls, agreement.aead, Export::Compliant)?),
    };
    Ok((keys, alternative))
}

fn tls_error(error: &rustls::Error) -> KeError {
    KeError::Tls(TlsFault::from(error))
}

/// rustls hides its own errors, and we hide [`KeError::TooMuch`], in those of input and output.
fn failed(stage: Stage, error: io::Error) -> KeError {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => return KeError::Timeout(stage),
        io::ErrorKind::FileTooLarge => return KeError::TooMuch,
        _ => {}
    }
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(inner) => tls_error(inner),
        None => KeError::Lost(stage, error),
    }
}

/// A connection that ends by its deadline, and that nobody can fill without end.
struct Timed<'a> {
    stream: &'a TcpStream,
    end: Instant,
    /// So many bytes may still come.
    left: usize,
}

impl Timed<'_> {
    fn remaining(&self) -> io::Result<Duration> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.remaining()?))?;
        let length = self.stream.read(buffer)?;
        self.left = self.left.checked_sub(length).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(length)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.remaining()?))?;
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
