//! An NTP server that serves true time: a stratum 1 that is never wrong.
//!
//! The receive stamp is the kernel's. The transmit stamp has to be written before the packet is sent: it is the time
//! then plus what sending lately took, learnt from the kernel's transmit stamps, as servers with hardware stamps do.
//! It waits in `recvmsg` and never spins: in simulated time every instruction costs time.

use std::net::Ipv4Addr;

use anyhow::Result;

use super::packet::Packet;
use super::socket::{Socket, Stamps};
use super::truth::Truth;

/// How many packets it takes to learn how long sending takes: some, as one may have been interrupted.
const LEARNING: i64 = 4;

/// More than this is not sending but an accident, ns.
const LONGEST_SENDING: i64 = 50_000;

/// Whether a leap second is announced before it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Announce {
    /// No: it comes as a surprise, if one comes.
    None,
    /// Yes, from the start until it comes.
    Insert,
}

/// Serves until killed.
///
/// # Errors
/// When the socket cannot be bound or breaks.
pub fn serve(truth: Truth, address: Ipv4Addr, port: u16, stamps: Stamps, announce: Announce) -> Result<()> {
    let socket = Socket::bind(address, port, truth, stamps)?;
    let mut sending = 0;
    loop {
        let Some(arrival) = socket.receive()? else { continue };
        let Some(request) = arrival.packet.filter(Packet::is_request) else { continue };
        let mut reply = request.reply(arrival.at);
        if announce == Announce::Insert && truth.leap_is_ahead(truth.steady_now()?) {
            reply.announce_insertion();
        }
        let transmit = truth.now()?;
        reply.stamp_transmit(transmit + sending);
        // A client that vanished is no reason to end: the next request is another's.
        if let Some(left) = socket.send(&reply, arrival.from)? {
            let took = (left - transmit).clamp(0, LONGEST_SENDING);
            sending += (took - sending) / LEARNING;
        }
    }
}
