//! The sockets at one address that is served by several threads, each with its own.
//!
//! Their number changes without a missed datagram. A new socket gets none before the choice among them is replaced,
//! and one that leaves gets none afterwards: whoever has it fetches what is still in it and then closes it.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;

use super::UdpSocket;
use crate::sys::{choice, socket};

/// Sockets among which the client's address chooses; one client always reaches the same socket.
#[derive(Debug)]
pub struct Group {
    address: SocketAddr,
    /// In the order in which they were bound, by which the kernel numbers them.
    members: Vec<Arc<UdpSocket>>,
}

impl Group {
    /// `count` sockets like [`UdpSocket::server`], at least one. Of a client's IPv6 address `prefix` bits choose, at
    /// most 64.
    ///
    /// As a single one it fails where somebody else holds the address, also if that somebody would share it.
    pub fn open(address: SocketAddr, count: u16, prefix: u8) -> io::Result<Self> {
        let first = UdpSocket::server(address)?;
        // The port may have been the kernel's choice.
        let address = first.local_address()?;
        let mut group = Self { address, members: vec![Arc::new(first)] };
        group.resize(count, prefix)?;
        Ok(group)
    }

    /// The sockets.
    #[must_use]
    pub fn members(&self) -> &[Arc<UdpSocket>] {
        &self.members
    }

    /// From now on there are `count` sockets, at least one; those that were there stay in their order. Returns those
    /// that have left. They have to be closed before the number changes again.
    ///
    /// After a failure it is as before.
    pub fn resize(&mut self, count: u16, prefix: u8) -> io::Result<Vec<Arc<UdpSocket>>> {
        let (before, wanted) = (self.members.len(), usize::from(count.max(1)));
        let more = self.siblings(wanted.saturating_sub(before))?;
        self.members.extend(more);
        if self.members.len() > 1 {
            let chosen = choice::by_client(self.members[0].as_fd(), self.address.is_ipv4(), count, prefix);
            if let Err(error) = chosen {
                self.members.truncate(before);
                return Err(error);
            }
        }
        Ok(self.members.split_off(wanted))
    }

    fn siblings(&self, count: usize) -> io::Result<Vec<Arc<UdpSocket>>> {
        if count > 0 {
            // The first one was alone at its address, and only now begins to share it.
            socket::set_option(self.members[0].as_fd(), libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
        }
        (0..count).map(|_| UdpSocket::listening(self.address, true).map(Arc::new)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use super::super::ClientOptions;
    use super::*;

    /// Which of them has something, and how many that are.
    fn reached(servers: &[Arc<UdpSocket>]) -> Vec<usize> {
        let has = |server: &UdpSocket| server.wait(Duration::from_millis(1)).unwrap();
        (0..servers.len()).filter(|i| has(&servers[*i])).collect()
    }

    /// Sends from `client` and says which socket was reached, again and again.
    fn place_of(client: IpAddr, group: &Group, at: IpAddr) -> usize {
        let server = SocketAddr::new(at, group.address.port());
        let options = match client {
            IpAddr::V4(v4) => ClientOptions { from_v4: Some(v4), ..ClientOptions::default() },
            IpAddr::V6(v6) => ClientOptions { from_v6: Some(v6), ..ClientOptions::default() },
        };
        let mut places: Vec<usize> = (0..4)
            .map(|_| {
                UdpSocket::client(server, &options).unwrap().send(b"ask").unwrap();
                let [one] = reached(group.members())[..] else { panic!("one datagram reaches one socket") };
                group.members()[one].recv(&mut [0; 16]).unwrap();
                one
            })
            .collect();
        places.dedup();
        let [place] = places[..] else { panic!("{client} reached {places:?}") };
        place
    }

    fn clients() -> impl Iterator<Item = IpAddr> {
        (1..32u8).map(|i| [127, 0, 0, i].into())
    }

    fn used(group: &Group) -> Vec<usize> {
        let mut used: Vec<usize> =
            clients().map(|client| place_of(client, group, [127, 0, 0, 1].into())).collect();
        used.sort_unstable();
        used.dedup();
        used
    }

    #[test]
    fn the_clients_address_and_not_its_port_chooses() {
        let group = Group::open("0.0.0.0:0".parse().unwrap(), 3, 64).unwrap();
        assert_eq!(used(&group), [0, 1, 2]);
        if let Ok(group) = Group::open("[::1]:0".parse().unwrap(), 3, 64) {
            let own = "::1".parse().unwrap();
            place_of(own, &group, own);
        }
    }

    #[test]
    fn a_group_grows_and_shrinks() {
        let mut group = Group::open("127.0.0.1:0".parse().unwrap(), 1, 64).unwrap();
        assert_eq!(used(&group), [0]);
        for (count, expected) in [(2, 0..2), (4, 0..4), (2, 0..2), (3, 0..3), (1, 0..1), (2, 0..2)] {
            let left = group.resize(count, 64).unwrap();
            assert!(left.iter().all(|socket| Arc::strong_count(socket) == 1));
            drop(left);
            assert_eq!(used(&group), expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_waits_in_a_socket_that_leaves_can_still_be_fetched() {
        let mut group = Group::open("127.0.0.1:0".parse().unwrap(), 2, 64).unwrap();
        let at = [127, 0, 0, 1].into();
        let second = clients().find(|client| place_of(*client, &group, at) == 1).unwrap();
        let IpAddr::V4(from) = second else { unreachable!() };
        let options = ClientOptions { from_v4: Some(from), ..ClientOptions::default() };
        let client = UdpSocket::client(group.address, &options).unwrap();
        client.send(b"before").unwrap();
        let left = group.resize(1, 64).unwrap();
        client.send(b"after").unwrap();
        let mut buffer = [0; 16];
        assert_eq!(left[0].recv(&mut buffer).unwrap().len, b"before".len());
        assert!(left[0].recv(&mut buffer).is_err());
        assert_eq!(group.members()[0].recv(&mut buffer).unwrap().len, b"after".len());
    }

    #[test]
    fn a_group_shares_its_address_with_nobody_else() {
        let group = Group::open("127.0.0.1:0".parse().unwrap(), 2, 64).unwrap();
        for count in [1, 2] {
            let taken = Group::open(group.address, count, 64).unwrap_err();
            assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        }
        assert_eq!(group.members()[0].drops(), Some(0));
    }
}
