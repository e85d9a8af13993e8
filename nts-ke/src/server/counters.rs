//! What became of connections, each counted once it is decided. Written by the server's thread, read by any.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::record::Malformed;

macro_rules! counts {
    ($($(#[doc = $doc:literal])+ $name:ident => $text:literal,)+) => {
        /// What is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Count {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Count {
            /// All of them, in their order.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$name),+];

            /// The name for programs.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

counts! {
    /// Connections.
    Accepted => "accepted",
    /// Refused by the access list.
    Denied => "denied",
    /// Refused since the address connects too often.
    RateLimited => "rate_limited",
    /// Ended for a newcomer before their handshake was done.
    DisplacedInHandshake => "displaced_in_handshake",
    /// Ended for a newcomer after that.
    DisplacedLater => "displaced_later",
    /// Handshakes done.
    Handshakes => "handshakes",
    /// Handshakes that failed.
    TlsFailures => "tls_failures",
    /// Handshakes of clients that did not say that they speak NTS.
    NoAlpn => "no_alpn",
    /// Not done when their time was over.
    TimedOut => "timed_out",
    /// Broken off by the client or the network.
    Lost => "lost",
    /// Requests that were answered with keys.
    Served => "served",
    /// Cookies in these answers.
    Cookies => "cookies",
    /// Requests for other protocols than NTPv4.
    NoProtocol => "no_protocol",
    /// Requests that share no algorithm with us.
    NoAead => "no_aead",
    /// Requests longer than a message may be.
    TooLong => "request_too_long",
    /// Requests with bytes after their end.
    AfterEnd => "request_after_end",
    /// Requests with critical records that we do not know.
    UnknownCritical => "request_unknown_critical",
    /// Requests with a record twice that may stand once.
    Duplicate => "request_duplicate",
    /// Requests with a record of impossible length or value.
    BadRecord => "request_bad_record",
    /// Requests without a necessary record.
    Missing => "request_missing_record",
    /// Requests with records that servers send.
    Misplaced => "request_misplaced_record",
    /// Faults of our own, which should not be.
    Internal => "internal",
    /// Connections that the system could not give us, for want of descriptors or memory.
    AcceptErrors => "accept_errors",
}

impl Count {
    /// How a request that makes no sense is counted.
    #[must_use]
    pub const fn of(malformed: Malformed) -> Self {
        match malformed {
            Malformed::TooLong => Self::TooLong,
            Malformed::AfterEnd => Self::AfterEnd,
            Malformed::UnknownCritical(_) => Self::UnknownCritical,
            Malformed::Duplicate(_) => Self::Duplicate,
            Malformed::Missing(_) => Self::Missing,
            Malformed::Misplaced(_) => Self::Misplaced,
            // The first two do not come out of a whole message.
            Malformed::Truncated | Malformed::NoEnd | Malformed::BadLength(_) | Malformed::BadValue(_) => {
                Self::BadRecord
            }
        }
    }
}

/// All counts since the start.
#[derive(Debug, Default)]
pub struct Counters {
    values: [AtomicU64; Count::ALL.len()],
}

impl Counters {
    pub(super) fn add(&self, count: Count, number: u64) {
        self.values[count as usize].fetch_add(number, Ordering::Relaxed);
    }

    /// The value of one.
    #[must_use]
    pub fn get(&self, count: Count) -> u64 {
        self.values[count as usize].load(Ordering::Relaxed)
    }
}
