//! One server, asked again and again.

use rand_core::RngCore;

use super::schedule::Schedule;
use super::{Discard, DiscardCounters, Reach};
use crate::exchange::Exchange;
use crate::packet::{
    HEADER_LEN, Header, KissCode, Leap, Mode, PacketView, PollExp, Precision, RefId, Stratum,
};
use crate::time::{FreeTime, Monotonic, NtpDuration, NtpShort, NtpTimestamp};

/// RFC 5905's MAXDISP: a server at this root distance or beyond is as good as unsynchronised.
const MAX_ROOT_DISTANCE: NtpDuration = NtpDuration::from_secs(16);
/// What a client that keeps its clock to itself says of its precision.
const HIDDEN_PRECISION: Precision = Precision::new(32);
/// How long before a request the way to the server is warmed up.
const WARM_UP: NtpDuration = NtpDuration::from_secs(2);

/// No association counts further than this; beyond it a count is damaged.
const MAX_COUNT: u64 = 1 << 48;

/// How an association behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct Params {
    /// NTP version of the requests, 3 or 4.
    pub version: u8,
    /// Shortest poll interval.
    pub min_poll: PollExp,
    /// Longest poll interval.
    pub max_poll: PollExp,
    /// Four to eight requests, 2 s apart, at the first contact.
    pub iburst: bool,
    /// Up to four requests, 2 s apart, at a regular poll that goes unanswered.
    pub burst: bool,
    /// From this poll interval on, each request follows 2 s after another whose reply is not used: it fills the
    /// caches of address resolution and of firewalls on the way, which would delay one direction only. `None`:
    /// never.
    pub presend: Option<PollExp>,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            version: 4,
            min_poll: PollExp::new(6),
            max_poll: PollExp::new(10),
            iburst: false,
            burst: false,
            presend: None,
        }
    }
}

/// Names one request of one association, so that what comes late finds or misses its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct TxToken(u64);

impl TxToken {
    /// The number of the request, counted from 0, warm-ups included.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// A request to be sent from a fresh socket with a random port (RFC 9109).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Hand it back with the transmit stamp and with what arrives on that socket.
    pub token: TxToken,
    /// Whether it only warms up the way: nobody waits for its reply, and it is not counted.
    pub is_warm_up: bool,
    /// The packet.
    pub bytes: [u8; HEADER_LEN],
}

/// What a reply that passed every test says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// The four timestamps.
    pub exchange: Exchange,
    /// The server's leap indicator, never [`Leap::Unsynchronised`].
    pub leap: Leap,
    /// The server's stratum, 1 … 15.
    pub stratum: Stratum,
    /// The server's precision.
    pub precision: Precision,
    /// What the server is set by.
    pub ref_id: RefId,
    /// Round trip from the server to its primary clock.
    pub root_delay: NtpShort,
    /// Dispersion of the server with respect to its primary clock.
    pub root_dispersion: NtpShort,
    /// When the server's clock was last set.
    pub reference: NtpTimestamp,
}

/// Whether the server wants to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Standing {
    /// It is asked.
    Active,
    /// It said DENY or RSTR and is left alone.
    Refused(KissCode),
    /// The operator says that there is no way to it.
    Offline,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Outstanding {
    token: TxToken,
    /// What the request carried as its transmit timestamp: random, so that it tells nobody our time and
    /// nobody can forge a reply without having seen the request.
    nonce: NtpTimestamp,
    t1: FreeTime,
}

/// A client association (RFC 5905 §9.1).
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Association {
    params: Params,
    standing: Standing,
    schedule: Schedule,
    /// No request before this, whatever the schedule says.
    not_before: Monotonic,
    latest_request: Option<Monotonic>,
    /// The request that the next one follows 2 s after, and when it left.
    warm_up: Option<(TxToken, Monotonic)>,
    next_token: u64,
    requests: u64,
    outstanding: Option<Outstanding>,
    last_reply: Option<NtpTimestamp>,
    reach: Reach,
    replies: u64,
    discards: DiscardCounters,
}

impl Association {
    /// The first request is due at `start`.
    #[must_use]
    pub fn new(params: Params, start: Monotonic) -> Self {
        Self {
            params,
            standing: Standing::Active,
            schedule: Schedule::new(&params),
            not_before: start,
            latest_request: None,
            warm_up: None,
            next_token: 0,
            requests: 0,
            outstanding: None,
            last_reply: None,
            reach: Reach::default(),
            replies: 0,
            discards: DiscardCounters::default(),
        }
    }

    /// When the next request is due; `None` if the server refused us or is offline.
    #[must_use]
    pub fn next_request(&self) -> Option<Monotonic> {
        if self.standing != Standing::Active {
            return None;
        }
        let due = match (self.warm_up, self.latest_request) {
            (Some((_, at)), _) => at + WARM_UP,
            (None, Some(at)) => at + self.schedule.interval(),
            (None, None) => return Some(self.not_before),
        };
        Some(self.not_before.max(due))
    }

    /// The request that is due, or `None` if none is. `free` is the departure as well as it is known before
    /// the fact. One call, one request; a reply to an earlier one is not accepted after it.
    pub fn poll_request(
        &mut self,
        now: Monotonic,
        free: FreeTime,
        rng: &mut impl RngCore,
    ) -> Option<Request> {
        if self.next_request().is_none_or(|due| now < due) {
            return None;
        }
        let (token, nonce) = (TxToken(self.next_token), random_nonce(rng));
        self.next_token += 1;
        let is_warm_up = self.warm_up.is_none() && self.wants_warm_up();
        if is_warm_up {
            (self.warm_up, self.outstanding) = (Some((token, now)), None);
        } else {
            self.warm_up = None;
            self.schedule.request_leaves(rng);
            self.latest_request = Some(now);
            self.reach.shift();
            self.requests += 1;
            self.outstanding = Some(Outstanding { token, nonce, t1: free });
        }
        Some(Request { token, is_warm_up, bytes: self.request(nonce).to_bytes() })
    }

    /// Whether the request only warmed up the way, so that nothing is made of its reply.
    #[must_use]
    pub fn is_warm_up(&self, token: TxToken) -> bool {
        self.warm_up.is_some_and(|(warm_up, _)| warm_up == token)
    }

    /// The request left at `t1`, as the kernel or the network card saw it. Too late or unknown: ignored.
    pub fn handle_departure(&mut self, token: TxToken, t1: FreeTime) {
        if let Some(outstanding) = self.outstanding.as_mut().filter(|o| o.token == token) {
            outstanding.t1 = t1;
        }
    }

    /// A datagram arrived at `t4` on the socket of the request `token`.
    ///
    /// # Errors
    /// The test that it failed, which is counted too.
    pub fn handle_reply(
        &mut self,
        now: Monotonic,
        token: TxToken,
        t4: FreeTime,
        datagram: &[u8],
    ) -> Result<Measurement, Discard> {
        let result = self.examine(token, t4, datagram);
        match &result {
            Ok(_) => {
                self.replies += 1;
                self.reach.mark();
                self.schedule.reply_is_good();
            }
            Err(discard) => {
                self.discards.count(*discard);
                if let Discard::Kiss(code) = discard {
                    self.obey(*code, now);
                }
            }
        }
        result
    }

    /// A measurement was not used after all, for a reason that only the caller can see.
    pub fn count_discard(&mut self, discard: Discard) {
        self.discards.count(discard);
    }

    /// Asks at this interval from now on, within the configured limits.
    pub fn set_poll(&mut self, poll: PollExp) {
        self.schedule.set_poll(poll);
    }

    /// Asks at once, as at the first contact; a refusal is forgotten.
    pub fn restart(&mut self, now: Monotonic) {
        self.standing = Standing::Active;
        self.not_before = now;
        self.begin_anew();
        self.schedule.restart(self.params.iburst);
    }

    /// There is no way to the server: it is left alone until [`Association::restart`].
    pub fn go_offline(&mut self) {
        self.leave(Standing::Offline);
    }

    /// What is known of our clock has become doubtful: asks soon and, if configured, in a burst. A server that
    /// wants to be left alone is, and so is one that is offline.
    pub fn recheck(&mut self, now: Monotonic) {
        if self.standing == Standing::Active {
            self.not_before = self.not_before.max(now);
            self.begin_anew();
            self.schedule.restart(self.params.iburst);
        }
    }

    /// Asks every 2 s from now on, until there were `replies` good ones or `requests` in all.
    pub fn burst(&mut self, now: Monotonic, replies: u8, requests: u8) {
        self.not_before = now;
        self.begin_anew();
        self.schedule.start_burst(replies, requests);
    }

    /// The poll interval in force.
    #[must_use]
    pub fn poll(&self) -> PollExp {
        self.schedule.poll()
    }

    /// Whether requests follow each other at 2 s.
    #[must_use]
    pub fn is_bursting(&self) -> bool {
        self.schedule.is_bursting()
    }

    /// When the latest request left.
    #[must_use]
    pub const fn latest_request(&self) -> Option<Monotonic> {
        self.latest_request
    }

    /// Other parameters from now on. The schedule keeps its place as far as they allow.
    pub fn set_params(&mut self, params: Params) {
        self.params = params;
        self.schedule.set_limits(&params);
    }

    /// Whether every figure could be that of an association. What came from a file need not.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let counts = [self.next_token, self.requests, self.replies, self.discards.largest()];
        let known = |token: TxToken| token.0 < self.next_token;
        counts.iter().all(|count| *count <= MAX_COUNT)
            && self.outstanding.is_none_or(|o| known(o.token))
            && self.warm_up.is_none_or(|(token, _)| known(token))
            && self.schedule.is_sound()
    }

    /// The reach register.
    #[must_use]
    pub const fn reach(&self) -> Reach {
        self.reach
    }

    /// Whether the server wants to be asked.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// Requests sent, those apart that only warm up the way.
    #[must_use]
    pub const fn requests(&self) -> u64 {
        self.requests
    }

    /// Replies that passed the tests of this association.
    #[must_use]
    pub const fn replies(&self) -> u64 {
        self.replies
    }

    /// How often each test failed.
    #[must_use]
    pub const fn discards(&self) -> &DiscardCounters {
        &self.discards
    }

    /// In quick succession every request is the warm-up of the next.
    fn wants_warm_up(&self) -> bool {
        let is_long = self.params.presend.is_some_and(|from| self.schedule.poll() >= from);
        is_long && !self.schedule.is_hasty()
    }

    /// The next request does not depend on when the latest left.
    fn begin_anew(&mut self) {
        (self.latest_request, self.warm_up) = (None, None);
    }

    /// Nothing of ours is in it but version and poll interval: a server and those on the way need not know
    /// what time it is here.
    fn request(&self, nonce: NtpTimestamp) -> Header {
        Header {
            leap: Leap::None,
            version: self.params.version,
            mode: Mode::Client,
            stratum: Stratum::UNSPECIFIED,
            poll: self.schedule.poll(),
            precision: HIDDEN_PRECISION,
            root_delay: NtpShort::default(),
            root_dispersion: NtpShort::default(),
            ref_id: RefId::NONE,
            reference: NtpTimestamp::ZERO,
            origin: NtpTimestamp::ZERO,
            receive: NtpTimestamp::ZERO,
            transmit: nonce,
        }
    }

    /// The tests, those first that tell a forger from the server: nothing that fails them changes anything.
    fn examine(&mut self, token: TxToken, t4: FreeTime, datagram: &[u8]) -> Result<Measurement, Discard> {
        if self.is_warm_up(token) {
            return Err(Discard::WarmUp);
        }
        let reply = PacketView::parse(datagram).map_err(Discard::Malformed)?;
        if !(1..=4).contains(&reply.version()) {
            return Err(Discard::Version(reply.version()));
        }
        if reply.mode() != Mode::Server {
            return Err(Discard::Mode(reply.mode()));
        }
        let Some(request) = self.outstanding.filter(|o| o.token == token && o.nonce == reply.origin()) else {
            let seen = self.last_reply == Some(reply.transmit()) && !reply.transmit().is_zero();
            return Err(if seen { Discard::Duplicate } else { Discard::BogusOrigin });
        };
        self.outstanding = None;
        self.last_reply = Some(reply.transmit());
        if is_kiss(&reply) {
            return Err(Discard::Kiss(KissCode::from_ref_id(reply.ref_id())));
        }
        check_header(&reply)?;
        Ok(measurement(&reply, Exchange { t1: request.t1, t2: reply.receive(), t3: reply.transmit(), t4 }))
    }

    fn obey(&mut self, code: KissCode, now: Monotonic) {
        match code {
            KissCode::Rate => {
                self.schedule.slow_down();
                self.not_before = now + self.schedule.poll().interval();
            }
            KissCode::Deny | KissCode::Rstr => self.leave(Standing::Refused(code)),
            KissCode::NtsNak | KissCode::Unknown(_) => {}
        }
    }

    /// Nobody is asked any more, so nobody can be reached.
    fn leave(&mut self, standing: Standing) {
        self.standing = standing;
        (self.outstanding, self.warm_up) = (None, None);
        self.reach = Reach::default();
    }
}

fn random_nonce(rng: &mut impl RngCore) -> NtpTimestamp {
    // Zero would read as "no timestamp".
    NtpTimestamp::from_bits(rng.next_u64().max(1))
}

/// Stratum 0 is a kiss-o'-death, unless the server only says that its clock was never set.
fn is_kiss(reply: &PacketView<'_>) -> bool {
    let never_set = reply.leap() == Leap::Unsynchronised && reply.ref_id() == RefId::NONE;
    reply.stratum() == Stratum::UNSPECIFIED && !never_set
}

/// RFC 5905 tests 3, 6 and 7.
fn check_header(reply: &PacketView<'_>) -> Result<(), Discard> {
    // Whoever follows stratum 15 is itself unsynchronised.
    if reply.leap() == Leap::Unsynchronised
        || !reply.stratum().next().is_synchronised()
        || reply.stratum() == Stratum::UNSPECIFIED
    {
        return Err(Discard::Unsynchronised);
    }
    if reply.receive().is_zero() || reply.transmit().is_zero() {
        return Err(Discard::MissingTimestamp);
    }
    let distance = reply.root_delay().to_duration().half() + reply.root_dispersion().to_duration();
    if distance >= MAX_ROOT_DISTANCE {
        return Err(Discard::RootDistance);
    }
    let set_after_sent = !reply.reference().is_zero() && reply.transmit().is_before(reply.reference());
    if reply.transmit().is_before(reply.receive()) || set_after_sent {
        return Err(Discard::Inverted);
    }
    Ok(())
}

fn measurement(reply: &PacketView<'_>, exchange: Exchange) -> Measurement {
    Measurement {
        exchange,
        leap: reply.leap(),
        stratum: reply.stratum(),
        precision: reply.precision(),
        ref_id: reply.ref_id(),
        root_delay: reply.root_delay(),
        root_dispersion: reply.root_dispersion(),
        reference: reply.reference(),
    }
}
