//! What happens to a world in the course of time.
//!
//! Most changes say by how much and not to what, so that those which overlap can be taken back one by one.

use ntp_proto::time::{Frequency, NtpDuration};

use crate::refclock::DeviceChange;
use crate::server::{Behaviour, Server};

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// The client's oscillator runs faster by this.
    Frequency(Frequency),
    /// Somebody else on the client's host sets the clock forward.
    Step(NtpDuration),
    /// Something happens to the server at this place in the scenario.
    Server(usize, ServerChange),
    /// Something happens to the reference clock at this place in the scenario.
    Refclock(usize, DeviceChange),
}

/// Something that happens to a server or to the way there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ServerChange {
    /// The way there and the way back become longer.
    Route(NtpDuration, NtpDuration),
    /// The mean delays that others cause on the way there and on the way back become longer.
    Congestion(NtpDuration, NtpDuration),
    /// There is one reason more for the path to be cut.
    Cut,
    /// There is one reason less.
    Mend,
    /// Its clock is set forward.
    Step(NtpDuration),
    /// Its clock runs faster by this.
    Drift(Frequency),
    /// It behaves differently.
    Behave(Behaviour),
}

impl Change {
    /// What takes it back.
    #[must_use]
    pub fn undone(self) -> Self {
        match self {
            Self::Frequency(by) => Self::Frequency(Frequency::new(-by.as_ratio())),
            Self::Step(by) => Self::Step(-by),
            Self::Server(index, change) => Self::Server(index, change.undone()),
            Self::Refclock(index, change) => Self::Refclock(index, change.undone()),
        }
    }
}

impl ServerChange {
    fn undone(self) -> Self {
        match self {
            Self::Route(out, back) => Self::Route(-out, -back),
            Self::Congestion(out, back) => Self::Congestion(-out, -back),
            Self::Cut => Self::Mend,
            Self::Mend => Self::Cut,
            Self::Step(by) => Self::Step(-by),
            Self::Drift(by) => Self::Drift(Frequency::new(-by.as_ratio())),
            Self::Behave(_) => Self::Behave(Behaviour::Answers),
        }
    }

    /// Lets it happen.
    pub fn apply(self, server: &mut Server) {
        let path = &mut server.path;
        match self {
            Self::Route(out, back) => {
                path.out.base += out;
                path.back.base += back;
            }
            Self::Congestion(out, back) => {
                path.out.congestion += out;
                path.back.congestion += back;
            }
            Self::Cut => path.cuts += 1,
            Self::Mend => path.cuts = path.cuts.saturating_sub(1),
            Self::Step(by) => server.ahead += by,
            Self::Drift(by) => server.drift = Frequency::new(server.drift.as_ratio() + by.as_ratio()),
            Self::Behave(behaviour) => server.behaviour = behaviour,
        }
    }
}
