//! The 48-byte NTP packet, by hand and without extension fields (RFC 5905 §7.3).
//!
//! On purpose not `ntp_proto::packet`: who judges a parser must not read with it.

use super::truth::SECOND;

/// Length of a packet without extension fields and MAC.
pub const LENGTH: usize = 48;

/// Seconds from 1900 to 1970.
const UNIX_EPOCH: i64 = 2_208_988_800;

const MODE_CLIENT: u8 = 3;
const MODE_SERVER: u8 = 4;

/// A packet's fields, as far as the rig cares for them.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    bytes: [u8; LENGTH],
}

impl Packet {
    /// A version 4 client request whose transmit timestamp is `transmit`, any number.
    #[must_use]
    pub fn request(transmit: u64) -> Self {
        let mut packet = Self { bytes: [0; LENGTH] };
        packet.bytes[0] = 4 << 3 | MODE_CLIENT;
        packet.put(40, transmit);
        packet
    }

    /// Reads a client request (version 3 or 4) or a server's reply; what is longer than the header is ignored.
    #[must_use]
    pub fn parse(datagram: &[u8]) -> Option<Self> {
        let packet = Self { bytes: *datagram.first_chunk()? };
        let known = matches!(packet.version(), 3 | 4) && matches!(packet.mode(), MODE_CLIENT | MODE_SERVER);
        known.then_some(packet)
    }

    /// A primary server's answer to this request, received at `receive` (ns of Unix time). The transmit
    /// timestamp is put in last, by [`Self::stamp_transmit`].
    #[must_use]
    pub fn reply(&self, receive: i64) -> Self {
        let mut reply = Self { bytes: [0; LENGTH] };
        reply.bytes[0] = self.version() << 3 | MODE_SERVER;
        reply.bytes[1] = 1;
        reply.bytes[2] = self.bytes[2];
        reply.bytes[3] = (-24_i8).cast_unsigned();
        // Root dispersion of one unit (15 µs): zero is a claim that a client might reject.
        reply.bytes[11] = 1;
        reply.bytes[12..16].copy_from_slice(b"TRUE");
        reply.put(16, timestamp(receive - receive.rem_euclid(SECOND)));
        reply.put(24, self.take(40));
        reply.put(32, timestamp(receive));
        reply
    }

    /// Says that the last minute of the day has 61 seconds.
    pub fn announce_insertion(&mut self) {
        self.bytes[0] |= 1 << 6;
    }

    /// Sets the transmit timestamp, ns of Unix time.
    pub fn stamp_transmit(&mut self, at: i64) {
        self.put(40, timestamp(at));
    }

    /// The packet as sent.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; LENGTH] {
        &self.bytes
    }

    /// Whether this asks for the time.
    #[must_use]
    pub const fn is_request(&self) -> bool {
        self.mode() == MODE_CLIENT
    }

    /// Whether this is a server's reply to `request`.
    #[must_use]
    pub fn answers(&self, request: &Self) -> bool {
        self.mode() == MODE_SERVER && self.take(24) == request.take(40)
    }

    /// Leap indicator, 0 to 3.
    #[must_use]
    pub const fn leap(&self) -> u8 {
        self.bytes[0] >> 6
    }

    /// Stratum as on the wire; 0 is "unspecified", which stands for 16.
    #[must_use]
    pub const fn stratum(&self) -> u8 {
        self.bytes[1]
    }

    /// Receive timestamp in ns of Unix time, in the era that brings it near `pivot`.
    #[must_use]
    pub fn receive(&self, pivot: i64) -> i64 {
        unix_nanos(self.take(32), pivot)
    }

    /// Transmit timestamp in ns of Unix time, in the era that brings it near `pivot`.
    #[must_use]
    pub fn transmit(&self, pivot: i64) -> i64 {
        unix_nanos(self.take(40), pivot)
    }

    const fn version(&self) -> u8 {
        self.bytes[0] >> 3 & 7
    }

    const fn mode(&self) -> u8 {
        self.bytes[0] & 7
    }

    fn put(&mut self, at: usize, value: u64) {
        self.bytes[at..at + 8].copy_from_slice(&value.to_be_bytes());
    }

    fn take(&self, at: usize) -> u64 {
        let mut value = [0; 8];
        value.copy_from_slice(&self.bytes[at..at + 8]);
        u64::from_be_bytes(value)
    }
}

/// A 32.32 timestamp without its era.
fn timestamp(unix_nanos: i64) -> u64 {
    let seconds = (unix_nanos.div_euclid(SECOND) + UNIX_EPOCH) as u64;
    let fraction = ((unix_nanos.rem_euclid(SECOND) as u64) << 32) / SECOND as u64;
    seconds << 32 | fraction
}

/// The date within 68 years of `pivot` that the timestamp can mean.
fn unix_nanos(stamp: u64, pivot: i64) -> i64 {
    let distance = stamp.wrapping_sub(timestamp(pivot)).cast_signed();
    pivot + ((i128::from(distance) * i128::from(SECOND) + (1 << 31)) >> 32) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2036-02-07T06:28:16Z, where era 1 begins.
    const ERA_1: i64 = 2_085_978_496;

    #[test]
    fn era_1_begins_with_zero() {
        assert_eq!(timestamp(ERA_1 * SECOND), 0);
        assert_eq!(timestamp(ERA_1 * SECOND - SECOND / 2), u64::MAX << 31);
    }

    #[test]
    fn dates_survive_the_wire_on_both_sides_of_the_era() {
        for date in [ERA_1 * SECOND - 1_500_000_001, ERA_1 * SECOND + 7, 1_700_000_000 * SECOND + 123] {
            let back = unix_nanos(timestamp(date), ERA_1 * SECOND);
            assert!((back - date).abs() <= 1, "{date} came back as {back}");
        }
    }

    #[test]
    fn a_reply_answers_its_own_request_only() {
        let request = Packet::request(42);
        let mut reply = request.reply(ERA_1 * SECOND);
        reply.stamp_transmit(ERA_1 * SECOND + 1_000);
        let reply = Packet::parse(reply.as_bytes()).unwrap();
        assert!(reply.answers(&request));
        assert!(!reply.answers(&Packet::request(43)));
        assert_eq!((reply.leap(), reply.stratum()), (0, 1));
        let mut announcing = reply;
        announcing.announce_insertion();
        assert_eq!((announcing.leap(), announcing.answers(&request)), (1, true));
        assert_eq!(reply.receive(ERA_1 * SECOND), ERA_1 * SECOND);
    }

    #[test]
    fn short_and_foreign_datagrams_are_no_packets() {
        assert!(Packet::parse(&[0x23; 47]).is_none());
        assert!(Packet::parse(&[0; 48]).is_none());
    }
}
