//! Names: looked up by the system's resolver, each in a thread of its own that ends with the answer.

use std::net::{IpAddr, ToSocketAddrs};
use std::thread;

use ntp_engine::LookupId;
use tokio::sync::mpsc::UnboundedSender;

use super::driver::Happening;

/// No name needs more than this; a resolver that says more is not believed.
const MAX_ADDRESSES: usize = 64;

/// Looks up `name`; the answer comes as a [`Happening::Resolved`], empty if there is none.
///
/// # Errors
/// When no thread can be had.
pub(super) fn start(lookup: LookupId, name: String, tell: UnboundedSender<Happening>) -> std::io::Result<()> {
    let work = move || {
        let answer = (name.as_str(), 0).to_socket_addrs();
        if let Err(error) = &answer {
            tracing::debug!(event = "lookup_error", name, %error, "look-up failed");
        }
        let mut addresses: Vec<IpAddr> = Vec::new();
        for address in answer.into_iter().flatten().map(|a| a.ip()).take(MAX_ADDRESSES) {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        // The daemon may be gone by now.
        let _ = tell.send(Happening::Resolved { lookup, addresses });
    };
    thread::Builder::new().name("lookup".to_owned()).spawn(work).map(drop)
}
