//! One connection: handshake, request, response, within its time.

use std::sync::Arc;
use std::time::Duration;

use ntp_proto::nts::SessionKeys;
use rustls::ServerConnection;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Count;
use super::shared::{Shared, Terms};
use super::slots::Number;
use crate::ALPN;
use crate::keys::{Export, export};
use crate::message::{COOKIES, ErrorCode, Request, Response, negotiate};
use crate::record::{Inbox, MESSAGE_MAX, Malformed};

/// Requests are this long at most, but for strange ones.
const PIECE: usize = 512;
/// For so long a client that is refused may go on talking.
const LINGER: Duration = Duration::from_millis(200);

/// Serves one connection and counts what became of it. Dropped when somebody else needs its place.
pub(super) async fn serve(shared: Arc<Shared>, terms: Arc<Terms>, number: Number, stream: TcpStream) {
    let _place = Place { shared: &shared, number };
    let end = Instant::now() + terms.config.limits.patience;
    let conversation = converse(&shared, &terms, number, stream);
    let count = match timeout_at(end, conversation).await {
        Ok(Ok(count) | Err(count)) => count,
        Err(_) => Count::TimedOut,
    };
    shared.counters.add(count, 1);
}

/// Left however the conversation ends.
struct Place<'a> {
    shared: &'a Shared,
    number: Number,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.shared.slots().leave(self.number);
    }
}

/// `Err` is where it ended early.
async fn converse(shared: &Shared, terms: &Terms, number: Number, stream: TcpStream) -> Result<Count, Count> {
    // Without it the last packet of the handshake would wait for an acknowledgement. Nothing is lost if it fails.
    let _ = stream.set_nodelay(true);
    let acceptor = TlsAcceptor::from(Arc::clone(&terms.tls));
    let mut stream = acceptor.accept(stream).await.map_err(|_| Count::TlsFailures)?;
    shared.slots().handshake_done(number);
    shared.counters.add(Count::Handshakes, 1);
    let (response, count) = match stream.get_ref().1.alpn_protocol() {
        Some(ALPN) => match read_request(&mut stream).await? {
            Ok(request) => answer(shared, terms, stream.get_ref().1, &request),
            Err(malformed) => (Response::error(ErrorCode::of(malformed)), Count::of(malformed)),
        },
        _ => return close(&mut stream, &[], Count::NoAlpn).await,
    };
    close(&mut stream, &response.write(), count).await
}

/// The outer error is a connection that breaks.
async fn read_request(stream: &mut TlsStream<TcpStream>) -> Result<Result<Request, Malformed>, Count> {
    let (mut inbox, mut piece) = (Inbox::default(), [0; PIECE]);
    loop {
        let length = stream.read(&mut piece).await.map_err(|_| Count::Lost)?;
        if length == 0 {
            return Err(Count::Lost);
        }
        match inbox.take(&piece[..length]) {
            Ok(false) => {}
            Ok(true) => return Ok(Request::parse(inbox.message())),
            Err(malformed) => return Ok(Err(malformed)),
        }
    }
}

fn answer(shared: &Shared, terms: &Terms, tls: &ServerConnection, request: &Request) -> (Response, Count) {
    let (mut response, agreement) = negotiate(request, &terms.config.aeads);
    let Some(agreement) = agreement else {
        let no_protocol = response.aead.is_none();
        return (response, if no_protocol { Count::NoProtocol } else { Count::NoAead });
    };
    let Ok(session) = export(tls, agreement.aead, Export::of(agreement)) else {
        return (Response::error(ErrorCode::INTERNAL), Count::Internal);
    };
    response.cookies = cookies(shared, &session);
    shared.counters.add(Count::Cookies, COOKIES as u64);
    response.server.clone_from(&terms.config.ntp_server);
    response.port = terms.config.ntp_port;
    (response, Count::Served)
}

fn cookies(shared: &Shared, session: &SessionKeys) -> Vec<Vec<u8>> {
    let (keys, mut rng) = (shared.cookie_keys(), shared.rng());
    (0..COOKIES).map(|_| keys.seal(session, &mut *rng).as_ref().to_vec()).collect()
}

async fn close(stream: &mut TlsStream<TcpStream>, message: &[u8], count: Count) -> Result<Count, Count> {
    stream.write_all(message).await.map_err(|_| Count::Lost)?;
    // The client has all it asked for; whether it hears the farewell does not matter.
    let _ = stream.shutdown().await;
    if count != Count::Served {
        linger(stream.get_mut().0).await;
    }
    Ok(count)
}

/// Bytes that are never read would reset the connection, and the client would not hear why it was refused.
async fn linger(stream: &mut TcpStream) {
    let (mut nowhere, mut left) = ([0; PIECE], MESSAGE_MAX);
    let end = Instant::now() + LINGER;
    while let Ok(Ok(length @ 1..)) = timeout_at(end, stream.read(&mut nowhere)).await {
        left = left.saturating_sub(length);
        if left == 0 {
            return;
        }
    }
}
