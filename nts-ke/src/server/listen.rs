//! One port: opened as soon as it can be had, and who comes to it is let in or not.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::sleep;

use super::Count;
use super::conversation::serve;
use super::limit::Party;
use super::shared::{Listening, Shared};

/// Between attempts to open a port: the first wait, and the longest, to which it doubles.
const RETRY: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(64)];
/// After the system had no descriptor for a connection. Meanwhile those that are open come to their end.
const PAUSE: Duration = Duration::from_millis(50);
/// Connections that the kernel may keep while others are served; what is more has to come again.
const BACKLOG: u32 = 1_024;

/// Runs until it is aborted.
pub(super) async fn run(shared: Arc<Shared>, address: SocketAddr) {
    let listener = open(&shared, address).await;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => admit(&shared, stream, peer.ip()),
            // The client was gone before it was looked at.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(_) => {
                shared.counters.add(Count::AcceptErrors, 1);
                sleep(PAUSE).await;
            }
        }
    }
}

async fn open(shared: &Shared, address: SocketAddr) -> TcpListener {
    let [mut wait, longest] = RETRY;
    loop {
        let opened = bind(address).and_then(|listener| Ok((listener.local_addr()?, listener)));
        match opened {
            Ok((at, listener)) => {
                if shared.show_port(address, Listening::At(at)) {
                    tracing::info!(event = "nts_port_open", address = %at, "NTS key exchange listens at {at}");
                }
                return listener;
            }
            Err(error) => {
                let why = error.to_string();
                if shared.show_port(address, Listening::Failed(why.clone())) {
                    tracing::warn!(
                        event = "nts_port_unavailable",
                        %address, why,
                        "NTS key exchange cannot listen at {address}: {why}"
                    );
                }
            }
        }
        sleep(wait).await;
        wait = (wait * 2).min(longest);
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    if address.is_ipv6() {
        // So that both wildcard addresses can be had.
        setsockopt(&socket, sockopt::Ipv6V6Only, &true)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Dropping a connection closes it.
fn admit(shared: &Arc<Shared>, stream: TcpStream, peer: IpAddr) {
    let terms = shared.terms();
    let (limits, party) = (terms.config.limits, Party::of(peer));
    shared.counters.add(Count::Accepted, 1);
    if !(terms.config.access)(peer.to_canonical()) {
        return shared.counters.add(Count::Denied, 1);
    }
    let now = shared.start.elapsed();
    if limits.rate.is_some_and(|rate| !shared.accounts().allow(party, &rate, now)) {
        return shared.counters.add(Count::RateLimited, 1);
    }
    let (number, gone) = shared.slots().make_room(party, limits.connections, limits.connections_per_address);
    for displaced in gone {
        let count =
            if displaced.handshake_done { Count::DisplacedLater } else { Count::DisplacedInHandshake };
        shared.counters.add(count, 1);
    }
    // This thread runs the task too, so not before it has its place.
    let task = tokio::spawn(serve(Arc::clone(shared), terms, number, stream));
    shared.slots().take(number, party, task.abort_handle());
}
