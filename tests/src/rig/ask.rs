//! Asks an NTP server and measures the path in true time, each way by itself.
//!
//! Against [`super::serve`] the two ways are the path's real delays. Against the daemon under test, half the
//! difference of the two is the error of what it serves.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::judge::Figures;
use super::packet::Packet;
use super::socket::{Socket, Stamps};
use super::truth::Truth;

/// Asks `count` times, half a second apart, and prints one line of figures in µs.
///
/// # Errors
/// When no reply came at all.
pub fn ask(truth: Truth, server: Ipv4Addr, port: u16, count: u32, stamps: Stamps) -> Result<()> {
    let socket = Socket::bind(Ipv4Addr::UNSPECIFIED, 0, truth, stamps)?;
    socket.set_patience(Duration::from_secs(1))?;
    let (mut out, mut back, mut last) = (Vec::new(), Vec::new(), None);
    for number in 0..count {
        if number > 0 {
            sleep(Duration::from_millis(500));
        }
        let before = truth.now()?;
        let request = Packet::request(before.cast_unsigned());
        let t1 = socket.send(&request, SocketAddrV4::new(server, port))?.unwrap_or(before);
        let Some(arrival) = socket.receive()? else { continue };
        let Some(reply) = arrival.packet.filter(|packet| packet.answers(&request)) else { continue };
        out.push(reply.receive(t1) - t1);
        back.push(arrival.at - reply.transmit(t1));
        last = Some(reply);
    }
    ensure!(last.is_some(), "{server} port {port}: no reply to {count} requests");
    let (out, back) = (Figures::of(&out), Figures::of(&back));
    println!(
        "replies={} out_us={:.3} back_us={:.3} offset_us={:.3} leap={} stratum={}",
        out.count,
        out.mean,
        back.mean,
        (out.mean - back.mean) / 2.0,
        last.map_or(0, |reply| reply.leap()),
        last.map_or(0, |reply| reply.stratum()),
    );
    Ok(())
}
