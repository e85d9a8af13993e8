//! One request from a fresh socket (RFC 9109), and what comes of it.
//!
//! ```text
//!  send ─▶ wait ─┬─ transmit stamp ──▶ departure, once
//!           ▲    ├─ reply ───────────▶ Measured, Unusable; if it is not to us, wait on
//!           └────┘ nothing any more ─▶ Silent
//! ```
//!
//! Every request is the first of an [`Association`] of its own, since only the tests of a reply are wanted
//! here and not the schedule. The system clock is taken for the free-running one: nothing is remembered from
//! one exchange to the next, and within one a step is noticed.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use ntp_engine::StampQuality;
use ntp_proto::client::{Association, Discard, Measurement, Params, TxToken};
use ntp_proto::packet::{KissCode, PacketView};
use ntp_proto::time::{FreeTime, NtpDuration, RawTime};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::Serialize;

use super::super::exit::{Exit, Failure};
use super::findings::{Measured, ServerVars};
use crate::sys::clock::{self, ClockPair};
use crate::sys::udp::{ClientOptions, Received, StampSource, UdpSocket};

/// Room for the longest reply that the servers of today send.
const LONGEST_REPLY: usize = 2048;
/// The two clocks never drift apart by that much within an exchange unless somebody sets one.
const STEP: NtpDuration = NtpDuration::from_millis(1);
/// Between two looks when something keeps the socket ready that cannot be received.
const PAUSE: Duration = Duration::from_millis(1);

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(super) enum Attempt {
    /// A valid reply.
    Measured(Measured),
    /// There was an answer, but the clock must not be set by it.
    Unusable {
        /// Why, in words.
        reason: String,
        /// Whether the server asks for fewer requests or none.
        refusal: bool,
        /// What the server says of itself, if it said anything.
        about: Option<ServerVars>,
    },
    /// No answer came.
    Silent {
        /// What happened instead, in words.
        reason: String,
    },
}

impl Attempt {
    /// The measurement, if it is one.
    pub(super) const fn measured(&self) -> Option<&Measured> {
        match self {
            Self::Measured(measured) => Some(measured),
            Self::Unusable { .. } | Self::Silent { .. } => None,
        }
    }

    /// What the server said of itself.
    pub(super) const fn about_server(&self) -> Option<&ServerVars> {
        match self {
            Self::Measured(measured) => Some(&measured.about),
            Self::Unusable { about, .. } => about.as_ref(),
            Self::Silent { .. } => None,
        }
    }

    /// Whether somebody answered.
    pub(super) const fn is_answer(&self) -> bool {
        !matches!(self, Self::Silent { .. })
    }

    /// Whether one ought to stop asking.
    pub(super) const fn is_refusal(&self) -> bool {
        matches!(self, Self::Unusable { refusal: true, .. })
    }
}

/// Sends requests.
pub(super) struct Asker {
    params: Params,
    /// How long a reply may take.
    patience: Duration,
    rng: ChaCha20Rng,
}

impl Asker {
    /// With requests of NTP version `version`.
    pub(super) fn new(version: u8, patience: Duration) -> Result<Self, Failure> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)
            .map_err(|error| Failure::new(Exit::SYSTEM, format!("no random numbers: {error}")))?;
        let params = Params { version, ..Params::default() };
        Ok(Self { params, patience, rng: ChaCha20Rng::from_seed(seed) })
    }

    /// Sends one request and waits for what comes of it. Blocks for as long as a reply may take.
    pub(super) fn ask(&mut self, server: SocketAddr) -> Attempt {
        let deadline = Instant::now() + self.patience;
        self.begin(server).and_then(|mut conversation| conversation.listen(deadline)).unwrap_or_else(
            |error| {
                let reason = match error.kind() {
                    ErrorKind::ConnectionRefused => "refused: nobody listens on that port".to_owned(),
                    ErrorKind::TimedOut => format!("no answer within {} s", self.patience.as_secs_f64()),
                    _ => error.to_string(),
                };
                Attempt::Silent { reason }
            },
        )
    }

    fn begin(&mut self, server: SocketAddr) -> io::Result<Conversation> {
        let socket = UdpSocket::client(server, &ClientOptions::default())?;
        let owes_stamp = socket.stamping().tx == StampSource::Kernel;
        let start = clock::pair();
        let mut association = Association::new(self.params, start.monotonic);
        let request = association
            .poll_request(start.monotonic, free(clock::raw()), &mut self.rng)
            .expect("the first request is due at the start");
        socket.send(&request.bytes)?;
        let token = request.token;
        let tx_quality = StampQuality::User;
        Ok(Conversation { socket, association, token, start, owes_stamp, tx_quality, stray: None })
    }
}

/// A request that is on its way.
struct Conversation {
    socket: UdpSocket,
    association: Association,
    token: TxToken,
    /// Both clocks before the request left.
    start: ClockPair,
    /// Whether the kernel's transmit stamp is still to be fetched.
    owes_stamp: bool,
    tx_quality: StampQuality,
    /// The latest datagram that was no answer to the request.
    stray: Option<Discard>,
}

impl Conversation {
    /// Until there is an answer or it is too late for one.
    fn listen(&mut self, deadline: Instant) -> io::Result<Attempt> {
        loop {
            let patience = deadline.saturating_duration_since(Instant::now());
            if patience.is_zero() {
                return self.give_up();
            }
            if !self.socket.wait(patience)? {
                continue;
            }
            let was_owed = self.owes_stamp;
            self.fetch_stamp()?;
            match self.receive()? {
                Some(attempt) => return Ok(attempt),
                None if was_owed && !self.owes_stamp => {}
                None => thread::sleep(PAUSE),
            }
        }
    }

    /// Someone who sends nothing but what is no answer has answered, after a fashion.
    fn give_up(&self) -> io::Result<Attempt> {
        match self.stray {
            Some(stray) => Ok(Attempt::Unusable {
                reason: format!("no usable answer: {stray}"),
                refusal: false,
                about: None,
            }),
            None => Err(ErrorKind::TimedOut.into()),
        }
    }

    /// There is one stamp for the one request; it is not asked for again once it came.
    fn fetch_stamp(&mut self) -> io::Result<()> {
        if self.owes_stamp
            && let Some(t1) = self.socket.tx_stamp()?
        {
            self.owes_stamp = false;
            self.tx_quality = StampQuality::Kernel;
            self.association.handle_departure(self.token, free(t1));
        }
        Ok(())
    }

    /// Receives a datagram, if there is one, and says what it amounts to, if it is for us.
    fn receive(&mut self) -> io::Result<Option<Attempt>> {
        let mut buffer = [0; LONGEST_REPLY];
        let received = match self.socket.recv(&mut buffer) {
            Ok(received) => received,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        };
        let now = clock::pair();
        let datagram = buffer.get(..received.len).unwrap_or_default();
        let (t4, rx_quality) = arrival(&received, now.raw);
        let reply = self.association.handle_reply(now.monotonic, self.token, free(t4), datagram);
        let about = PacketView::parse(datagram).ok().map(|p| ServerVars::of(&p.header(), now.raw));
        let result = reply.and_then(|measurement| self.check_clock(measurement, &now));
        Ok(match (result, about) {
            (Ok(m), Some(about)) => {
                Some(Attempt::Measured(Measured::new(&m.exchange, (self.tx_quality, rx_quality), about)))
            }
            (Err(discard), about) if is_answer(discard) => {
                Some(Attempt::Unusable { reason: discard.to_string(), refusal: is_refusal(discard), about })
            }
            (result, _) => {
                self.stray = result.err();
                None
            }
        })
    }

    /// Offset and delay mean nothing if somebody set the clock meanwhile.
    fn check_clock(&self, measurement: Measurement, now: &ClockPair) -> Result<Measurement, Discard> {
        let apart = (now.raw - self.start.raw) - (now.monotonic - self.start.monotonic);
        if apart.abs() > STEP + self.start.width + now.width {
            return Err(Discard::ClockChanged);
        }
        Ok(measurement)
    }
}

fn arrival(received: &Received, now: RawTime) -> (RawTime, StampQuality) {
    received.stamp.map_or((now, StampQuality::User), |stamp| (stamp, StampQuality::Kernel))
}

fn free(raw: RawTime) -> FreeTime {
    raw.reinterpret()
}

/// Whether a reply that failed this test was an answer to the request all the same.
const fn is_answer(discard: Discard) -> bool {
    !matches!(
        discard,
        Discard::Malformed(_)
            | Discard::Version(_)
            | Discard::Mode(_)
            | Discard::Duplicate
            | Discard::BogusOrigin
    )
}

const fn is_refusal(discard: Discard) -> bool {
    matches!(discard, Discard::Kiss(KissCode::Rate | KissCode::Deny | KissCode::Rstr))
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket as StdSocket;

    use ntp_proto::packet::{Leap, Precision, RefId, Stratum};
    use ntp_proto::server::{SystemVars, respond};
    use ntp_proto::time::NtpShort;

    use super::*;

    const AHEAD: NtpDuration = NtpDuration::from_secs(5);

    fn vars() -> SystemVars {
        SystemVars {
            leap: Leap::None,
            stratum: Stratum::new(2),
            precision: Precision::new(-20),
            root_delay: NtpShort::from_bits(0x100),
            root_dispersion: NtpShort::from_bits(0x80),
            ref_id: RefId::from_bits(0xc000_0201),
            reference: clock::raw().to_wire(),
        }
    }

    /// A server whose clock is ahead of ours. `twist` has the last word about each reply.
    fn server(vars: SystemVars, twist: impl Fn(&mut [u8]) + Send + 'static) -> SocketAddr {
        let socket = StdSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        thread::spawn(move || {
            let mut buffer = [0; 100];
            while let Ok((len, client)) = socket.recv_from(&mut buffer) {
                let now = (clock::raw() + AHEAD).to_wire();
                let mut reply = respond(&mut buffer[..len], now, &vars).unwrap().depart(now).to_vec();
                twist(&mut reply);
                socket.send_to(&reply, client).unwrap();
            }
        });
        address
    }

    fn ask(server: SocketAddr) -> Attempt {
        Asker::new(4, Duration::from_millis(300)).unwrap().ask(server)
    }

    fn unusable(attempt: &Attempt) -> (&str, bool) {
        match attempt {
            Attempt::Unusable { reason, refusal, .. } => (reason, *refusal),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_server_that_is_ahead_makes_our_clock_slow() {
        let mut asker = Asker::new(3, Duration::from_secs(2)).unwrap();
        let attempt = asker.ask(server(vars(), |_| {}));
        let measured = attempt.measured().unwrap();
        let error = (measured.offset_s - AHEAD.to_seconds()).abs();
        assert!(error <= measured.delay_s / 2.0 + 1e-6, "{measured:?}");
        assert_eq!(measured.stamps.0, StampQuality::Kernel);
        let distance = (256.0 / 2.0 + 128.0) / 65_536.0;
        assert!((measured.error_bound_s - measured.delay_s / 2.0 - distance).abs() < 1e-9);
        assert_eq!((measured.about.stratum, &*measured.about.ref_id), (2, "C0000201"));
        let set = measured.about.reference_time_unix.unwrap();
        assert!((set - clock::raw().to_unix_seconds()).abs() < 60.0);
    }

    #[test]
    fn kisses_are_obeyed_and_shown_in_words() {
        let server = server(vars(), |reply| {
            reply[0] |= 0xc0;
            reply[1] = 0;
            reply[12..16].copy_from_slice(b"RATE");
        });
        let attempt = ask(server);
        assert_eq!(unusable(&attempt), ("server asks for fewer requests (RATE)", true));
        assert!(attempt.is_refusal());
        assert_eq!(attempt.about_server().unwrap().ref_id, "RATE");
    }

    #[test]
    fn a_server_without_time_is_unusable_but_may_be_asked_again() {
        let vars = SystemVars { leap: Leap::Unsynchronised, ref_id: RefId::NONE, ..vars() };
        assert_eq!(unusable(&ask(server(vars, |_| {}))), ("server is not synchronised", false));
    }

    #[test]
    fn replies_to_others_are_waited_out() {
        let attempt = ask(server(vars(), |reply| reply[24] ^= 1));
        assert_eq!(unusable(&attempt), ("no usable answer: reply answers no request of ours", false));
    }

    #[test]
    fn silence_is_told_from_refusal() {
        let silent = StdSocket::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap();
        let reason = "no answer within 0.3 s".to_owned();
        assert_eq!(ask(address), Attempt::Silent { reason });
        drop(silent);
        let reason = "refused: nobody listens on that port".to_owned();
        assert_eq!(ask(address), Attempt::Silent { reason });
    }
}
