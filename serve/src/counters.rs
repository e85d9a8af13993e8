//! What happened to the packets of one server thread.

use crate::sync::{AtomicU64, Ordering, count};

/// Something that is counted. No packet ends in more than one of those between `Denied` and `NoTime`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// A datagram arrived.
    Requests,
    /// A reply was sent, kisses included.
    Replies,
    /// It came from a network that may not ask.
    Denied,
    /// It is shorter than a packet.
    TooShort,
    /// An extension field has an impossible length.
    BadExtension,
    /// What is left at its end cannot be a MAC.
    BadMac,
    /// Its version is not spoken.
    Version,
    /// Its mode asks for nothing.
    Mode,
    /// It has a MAC of a key that is not known.
    UnknownKey,
    /// It uses NTS, and its unique identifier is missing, too short or there twice.
    NtsUniqueId,
    /// It uses NTS, and its cookie is missing or there twice.
    NtsCookie,
    /// It uses NTS, and a placeholder does not have the cookie's length.
    NtsPlaceholder,
    /// It uses NTS, and its authenticator is missing or has parts of impossible lengths.
    NtsAuthenticator,
    /// It uses NTS, and was not made with the key in its cookie.
    NtsForged,
    /// It uses NTS, and what it has sealed is not what may be there.
    NtsSealed,
    /// Its client asks too often; there was no answer, or a kiss.
    Limited,
    /// The clock was being changed all the time.
    NoTime,
    /// A client that asks too often was told so.
    Kisses,
    /// A request was authenticated by NTS; counted whatever came of it.
    NtsRequests,
    /// A cookie could not be opened; its client was told to get new ones.
    NtsNaks,
    /// The kernel would not send the reply.
    SendFailures,
    /// The arrival was stamped by the kernel.
    KernelStamps,
    /// The table had no room for a client; it was served all the same.
    Unrecorded,
    /// A client's record made room for another's.
    Forgotten,
}

impl Count {
    /// All of them, in their order.
    pub const ALL: [Self; 24] = [
        Self::Requests,
        Self::Replies,
        Self::Denied,
        Self::TooShort,
        Self::BadExtension,
        Self::BadMac,
        Self::Version,
        Self::Mode,
        Self::UnknownKey,
        Self::NtsUniqueId,
        Self::NtsCookie,
        Self::NtsPlaceholder,
        Self::NtsAuthenticator,
        Self::NtsForged,
        Self::NtsSealed,
        Self::Limited,
        Self::NoTime,
        Self::Kisses,
        Self::NtsRequests,
        Self::NtsNaks,
        Self::SendFailures,
        Self::KernelStamps,
        Self::Unrecorded,
        Self::Forgotten,
    ];

    /// Those that say why a datagram is no request.
    pub const IGNORED: [Self; 12] = [
        Self::TooShort,
        Self::BadExtension,
        Self::BadMac,
        Self::Version,
        Self::Mode,
        Self::UnknownKey,
        Self::NtsUniqueId,
        Self::NtsCookie,
        Self::NtsPlaceholder,
        Self::NtsAuthenticator,
        Self::NtsForged,
        Self::NtsSealed,
    ];

    /// As programs read it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Replies => "replies",
            Self::Denied => "denied",
            Self::TooShort => "too_short",
            Self::BadExtension => "bad_extension",
            Self::BadMac => "bad_mac",
            Self::Version => "version",
            Self::Mode => "mode",
            Self::UnknownKey => "unknown_key",
            Self::NtsUniqueId => "nts_unique_id",
            Self::NtsCookie => "nts_cookie",
            Self::NtsPlaceholder => "nts_placeholder",
            Self::NtsAuthenticator => "nts_authenticator",
            Self::NtsForged => "nts_forged",
            Self::NtsSealed => "nts_sealed",
            Self::Limited => "limited",
            Self::NoTime => "no_time",
            Self::Kisses => "kisses",
            Self::NtsRequests => "nts_requests",
            Self::NtsNaks => "nts_naks",
            Self::SendFailures => "send_failures",
            Self::KernelStamps => "kernel_stamps",
            Self::Unrecorded => "unrecorded",
            Self::Forgotten => "forgotten",
        }
    }
}

/// A counter for each [`Count`]; one thread counts, all may read.
#[derive(Debug, Default)]
pub struct Counters([AtomicU64; Count::ALL.len()]);

impl Counters {
    /// One more. By one thread only.
    pub fn count(&self, what: Count) {
        count(&self.0[what as usize]);
    }

    /// Takes over what another thread has counted. By one thread only.
    pub fn absorb(&self, other: &Self) {
        for (sum, part) in self.0.iter().zip(&other.0) {
            let (sum_now, part) = (sum.load(Ordering::Relaxed), part.load(Ordering::Relaxed));
            sum.store(sum_now.wrapping_add(part), Ordering::Relaxed);
        }
    }

    /// How many so far.
    #[must_use]
    pub fn get(&self, what: Count) -> u64 {
        self.0[what as usize].load(Ordering::Relaxed)
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_place() {
        let counters = Counters::default();
        for (i, what) in Count::ALL.into_iter().enumerate() {
            assert_eq!(what as usize, i);
            (0..=i).for_each(|_| counters.count(what));
        }
        assert!(Count::ALL.into_iter().enumerate().all(|(i, what)| counters.get(what) == i as u64 + 1));
        counters.absorb(&counters);
        assert!(Count::ALL.into_iter().enumerate().all(|(i, what)| counters.get(what) == 2 * (i as u64 + 1)));
    }
}
