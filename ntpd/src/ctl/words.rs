//! Phrases that more than one command uses.

use std::net::Ipv4Addr;

use ntp_engine::SourceAddress;
use ntp_engine::report::Control;
use ntp_proto::packet::{Leap, RefId};

const NTP_PORT: u16 = 123;

/// A source by the name that it was configured with and, if that is another, its address.
pub(super) fn host(name: &str, address: SourceAddress) -> String {
    let Some(address) = address.socket() else { return name.to_owned() };
    let ip = address.ip().to_string();
    let shown = if address.port() == NTP_PORT { ip.clone() } else { address.to_string() };
    if name == ip { shown } else { format!("{name} ({shown})") }
}

/// Who may steer the clock, and what to do if that is not as it should be.
pub(super) const fn control(control: Control) -> &'static str {
    match control {
        Control::Adjusting => "adjusting the clock",
        Control::Observing => {
            "observing only, the clock is left alone (started with -x, or server.control = \"none\")"
        }
        Control::Denied => {
            "not allowed to adjust the clock: give ntpd CAP_SYS_TIME (systemd: \
             AmbientCapabilities=CAP_SYS_TIME; container: --cap-add SYS_TIME), or start it with -x to observe only"
        }
    }
}

/// What a leap indicator announces.
pub(super) const fn leap(leap: Leap) -> &'static str {
    match leap {
        Leap::None => "none announced",
        Leap::Insert => "a second is inserted at the end of the UTC day (23:59:60)",
        Leap::Delete => "a second is left out at the end of the UTC day (no 23:59:59)",
        Leap::Unsynchronised => "not known, the clock is not synchronised",
    }
}

/// A reference identifier as the daemon writes it: letters, or eight hexadecimal digits.
pub(super) fn ref_id(text: &str) -> String {
    let bits = (text.len() == 8).then(|| u32::from_str_radix(text, 16).ok()).flatten();
    match bits {
        None => text.to_owned(),
        Some(0) => "none".to_owned(),
        Some(bits) if RefId::from_bits(bits) == RefId::LOCAL => format!("{text} (its own clock)"),
        Some(bits) => format!("{text} (IPv4 {}, or the hash of an IPv6 address)", Ipv4Addr::from_bits(bits)),
    }
}

/// Whether a reach register, in octal, has seen an answer lately.
pub(super) fn is_reached(reach: &str) -> bool {
    reach.bytes().any(|digit| digit != b'0')
}

/// `1 server`, `2 servers`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_show_what_is_not_obvious() {
        let host = |name, address: &str| host(name, address.parse().unwrap());
        assert_eq!(host("192.0.2.1", "192.0.2.1:123"), "192.0.2.1");
        assert_eq!(host("192.0.2.1", "192.0.2.1:11123"), "192.0.2.1:11123");
        assert_eq!(host("ntp.example", "[2001:db8::1]:123"), "ntp.example (2001:db8::1)");
        assert_eq!(host("2001:db8::1", "[2001:db8::1]:11123"), "[2001:db8::1]:11123");
        assert_eq!(host("PPS", "PPS"), "PPS");
    }

    #[test]
    fn reference_identifiers_are_letters_or_addresses() {
        assert_eq!(ref_id("GPS"), "GPS");
        assert_eq!(ref_id("00000000"), "none");
        assert_eq!(ref_id("7F7F0101"), "7F7F0101 (its own clock)");
        assert_eq!(ref_id("C0000201"), "C0000201 (IPv4 192.0.2.1, or the hash of an IPv6 address)");
    }
}
