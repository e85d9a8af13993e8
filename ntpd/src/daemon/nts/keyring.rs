//! The keys of the cookies that we give: this server's own, which outlive a restart, or a fleet's.

use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use ntp_proto::nts::CookieKeys;
use ntp_proto::time::{Monotonic, NtpDuration};
use nts_ke::UnixTime;
use nts_ke::cookie_keys::{Fleet, KeyInfo, Rotation, Slots, StoreError, load, load_fleet, save};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// Where keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeySource {
    /// The file of this server's own keys.
    pub(super) file: PathBuf,
    /// The secrets of a fleet, which take the place of that.
    pub(super) secret: Option<PathBuf>,
    /// How long a key seals, in seconds.
    pub(super) interval_s: NonZeroU32,
}

/// The keys, and when they change.
#[derive(Debug)]
pub(super) enum Keyring {
    /// Random ones.
    Own { rotation: Rotation, rng: Box<ChaCha20Rng>, file: PathBuf },
    /// Those that follow from a secret and the time.
    Shared { fleet: Fleet, period: i64 },
}

/// Both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    pub(super) monotonic: Monotonic,
    pub(super) unix: UnixTime,
}

impl Keyring {
    /// Reads what is there. Without a file of own keys there will be new ones.
    ///
    /// # Errors
    /// When a fleet's secret cannot be read: random keys would break what the fleet promises. Or when there is no
    /// randomness to be had.
    pub(super) fn open(source: &KeySource, now: Clocks) -> Result<(Self, Option<StoreError>), io::Error> {
        if let Some(secret) = &source.secret {
            let fleet = load_fleet(secret, source.interval_s).map_err(io::Error::other)?;
            let period = fleet.period(now.unix);
            return Ok((Self::Shared { fleet, period }, None));
        }
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::other)?;
        let mut rng = Box::new(ChaCha20Rng::from_seed(seed));
        let interval = NtpDuration::from_secs(source.interval_s.get().into());
        let (rotation, problem) = match load(&source.file) {
            Ok(slots) => (Rotation::restored(slots, interval, now.monotonic), None),
            Err(error) => {
                let problem = (!error.is_not_found()).then_some(error);
                (Rotation::new(interval, now.monotonic, &mut *rng), problem)
            }
        };
        Ok((Self::Own { rotation, rng, file: source.file.clone() }, problem))
    }

    /// Makes the changes that are due, and says whether there were any.
    pub(super) fn advance(&mut self, now: Clocks) -> bool {
        match self {
            Self::Own { rotation, rng, .. } => rotation.advance(now.monotonic, &mut **rng),
            Self::Shared { fleet, period } => {
                let current = fleet.period(now.unix);
                std::mem::replace(period, current) != current
            }
        }
    }

    /// How long until something is due, as far as can be foreseen: the time may be set.
    pub(super) fn wait(&self, now: Clocks) -> NtpDuration {
        match self {
            Self::Own { rotation, .. } => rotation.due() - now.monotonic,
            Self::Shared { fleet, .. } => NtpDuration::from_secs(fleet.due(now.unix).0 - now.unix.0),
        }
    }

    /// The keys, ready for use.
    pub(super) fn keys(&self, now: Clocks) -> Option<CookieKeys> {
        match self {
            Self::Own { rotation, .. } => rotation.cookie_keys(),
            Self::Shared { fleet, .. } => fleet.cookie_keys(now.unix),
        }
    }

    /// What is to be written down, and where. A fleet's keys are not.
    pub(super) fn to_save(&self, now: Clocks) -> Option<(PathBuf, Slots)> {
        match self {
            Self::Own { rotation, file, .. } => Some((file.clone(), rotation.slots(now.monotonic))),
            Self::Shared { .. } => None,
        }
    }

    /// What is told of the keys.
    pub(super) fn infos(&self, now: Clocks) -> Vec<KeyInfo> {
        match self {
            Self::Own { rotation, .. } => rotation.infos(now.monotonic),
            Self::Shared { fleet, .. } => fleet.infos(now.unix),
        }
    }

    /// Whether other servers have the same keys.
    pub(super) const fn is_shared(&self) -> bool {
        matches!(self, Self::Shared { .. })
    }
}

/// Writes keys down, making the directory if it is missing.
///
/// # Errors
/// The system's.
pub(super) fn write(file: &Path, slots: &Slots) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    save(file, slots)
}
