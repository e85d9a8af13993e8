//! A scenario as it is written down, with what others reached in it.
//!
//! Files are TOML with one or more `[[scenario]]` tables; `docs/simulator.md` tells of every key. Defaults are
//! a client on a LAN with the usual poll intervals, its clock a tenth of a second ahead and 10 ppm fast.

mod build;
mod file;
mod refclock;

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

pub use file::{Behaving, Cycle, Event, Peer, Shared, Spikes, Stamping, Way};
pub use refclock::{Clock, Lates};

/// How the client polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polling {
    /// Between the scenario's bounds, as the engine likes.
    Default,
    /// Always at the shorter bound, so that programs are compared at equal packets.
    Equal,
}

/// A named scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it is called on the command line.
    pub name: String,
    /// What it is about, in a few words.
    pub title: String,
    /// How long it runs.
    pub seconds: u64,
    /// Errors count after this.
    pub settle: u64,
    /// How far the clock is ahead at the start, in seconds.
    #[serde(default = "file::tenth")]
    pub offset_s: f64,
    /// By how many ppm the oscillator runs fast at the start.
    #[serde(default = "file::ten")]
    pub frequency_ppm: f64,
    /// Random walk of the oscillator's frequency, s/s per √s.
    #[serde(default = "file::wander")]
    pub wander: f64,
    /// White noise of the oscillator's frequency, anew each second, in ppm.
    #[serde(default)]
    pub white_fm_ppm: f64,
    /// What temperature does to the oscillator.
    pub temperature: Option<Cycle>,
    /// Shortest poll interval, log2 seconds.
    #[serde(default = "file::six")]
    pub minpoll: i8,
    /// Longest poll interval, log2 seconds.
    #[serde(default = "file::ten")]
    pub maxpoll: i8,
    /// Whether the first requests follow each other quickly.
    #[serde(default = "file::yes")]
    pub iburst: bool,
    /// How well the client stamps its packets.
    #[serde(default)]
    pub stamps: Stamping,
    /// The servers.
    #[serde(default)]
    pub servers: Vec<Peer>,
    /// The reference clocks of the client's machine.
    #[serde(default)]
    pub refclocks: Vec<Clock>,
    /// What happens.
    #[serde(default)]
    pub events: Vec<Event>,
    /// What chrony reaches.
    pub chrony: Option<Reference>,
    /// What chrony reaches with maxpoll = minpoll.
    pub chrony_equal: Option<Reference>,
    /// RMS error in microseconds of the best estimator known that is told the truth about the world.
    pub ideal_us: Option<f64>,
    /// The same with maxpoll = minpoll.
    pub ideal_equal_us: Option<f64>,
    /// RMS error in microseconds of a filter like ours when every correction takes hold at once and exactly.
    pub forecast_us: Option<f64>,
    /// The same with maxpoll = minpoll.
    pub forecast_equal_us: Option<f64>,
    /// The share of chrony's error that is aimed at.
    #[serde(default = "file::half")]
    pub target: f64,
    /// The same with maxpoll = minpoll.
    #[serde(default = "file::three_fifths")]
    pub target_equal: f64,
    /// The truth cannot be told from what the client sees, so that nothing is asked.
    #[serde(default)]
    pub unknowable: bool,
    /// What the gate of the tests allows.
    pub gate: Option<Gate>,
}

/// What somebody reached.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// RMS time error in microseconds.
    pub rms_us: f64,
    /// The error that is not exceeded for 95 % of the time, in microseconds.
    pub p95_us: Option<f64>,
    /// The largest error in microseconds.
    pub max_us: Option<f64>,
    /// RMS frequency error.
    pub ppm: Option<f64>,
    /// Packets sent in a run.
    pub packets: Option<f64>,
    /// The time until the error was below 1 ms, in seconds.
    pub below_1ms_s: Option<f64>,
    /// The time until the error was below 100 µs, in seconds.
    pub below_100us_s: Option<f64>,
}

/// Limits that leave room for the seed but not for a regression.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// RMS time error in microseconds; left out, the tests do not run it.
    pub rms_us: Option<f64>,
    /// The same with maxpoll = minpoll.
    pub rms_equal_us: Option<f64>,
    /// The largest time error in microseconds since it was first below 1 ms.
    pub worst_us: Option<f64>,
    /// RMS of the estimate's error in stated standard deviations.
    #[serde(default = "file::two")]
    pub ratio: f64,
    /// The share of seconds in which the stated bound has to hold.
    #[serde(default = "file::almost_always")]
    pub held: f64,
}

impl Gate {
    /// RMS time error in microseconds.
    #[must_use]
    pub const fn rms(&self, polling: Polling) -> Option<f64> {
        match polling {
            Polling::Default => self.rms_us,
            Polling::Equal => self.rms_equal_us,
        }
    }
}

impl Case {
    /// From a scenario's table.
    ///
    /// # Errors
    /// A key is missing, unknown or of the wrong type, or what is asked for makes no sense.
    pub fn from_table(table: toml::Table) -> Result<Self> {
        let name = table.get("name").map_or_else(|| "without a name".to_owned(), toml::Value::to_string);
        let case: Self = table.try_into().with_context(|| format!("scenario {name}"))?;
        case.check().with_context(|| format!("scenario {name}"))?;
        Ok(case)
    }

    /// Whether polls are a fixed time apart anyway.
    #[must_use]
    pub const fn is_fixed(&self) -> bool {
        self.minpoll == self.maxpoll || self.servers.is_empty()
    }

    /// Whether nothing happens, so that errors today are like errors tomorrow.
    #[must_use]
    pub fn is_stationary(&self) -> bool {
        self.events.is_empty() && self.temperature.is_none()
    }

    /// What chrony reaches.
    #[must_use]
    pub const fn reference(&self, polling: Polling) -> Option<&Reference> {
        match polling {
            Polling::Default => self.chrony.as_ref(),
            Polling::Equal => self.chrony_equal.as_ref(),
        }
    }

    fn check(&self) -> Result<()> {
        ensure!(self.settle < self.seconds, "settle {} is not before its end {}", self.settle, self.seconds);
        ensure!(self.minpoll <= self.maxpoll, "minpoll {} is above maxpoll {}", self.minpoll, self.maxpoll);
        let servers = self.servers.iter().map(|s| s.count).sum::<usize>();
        ensure!(servers <= build::MOST_SERVERS, "{servers} servers; at most {}", build::MOST_SERVERS);
        ensure!(servers + self.refclocks.len() > 0, "neither servers nor refclocks");
        for event in &self.events {
            event.check(servers, self.refclocks.len())?;
        }
        refclock::check(&self.refclocks)?;
        self.servers.iter().try_for_each(Peer::check)
    }
}

/// The scenario tables of a file, or of all files of a folder in the order of their names.
///
/// # Errors
/// Something cannot be read, is not TOML, or holds something else than `[[scenario]]`.
pub fn tables(path: &Path) -> Result<Vec<toml::Table>> {
    if !path.is_dir() {
        return tables_of_file(path);
    }
    let entries = std::fs::read_dir(path).with_context(|| path.display().to_string())?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|e| e == "toml"));
    files.sort();
    let mut all = Vec::new();
    for file in files {
        all.extend(tables_of_file(&file)?);
    }
    Ok(all)
}

fn tables_of_file(path: &Path) -> Result<Vec<toml::Table>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut file: toml::Table = toml::from_str(&text).with_context(|| path.display().to_string())?;
    let Some(toml::Value::Array(scenarios)) = file.remove("scenario") else {
        bail!("{}: no [[scenario]]", path.display());
    };
    ensure!(file.is_empty(), "{}: only [[scenario]] is known", path.display());
    let table = |value| match value {
        toml::Value::Table(table) => Ok(table),
        other => bail!("{}: a scenario is a table, not {other}", path.display()),
    };
    scenarios.into_iter().map(table).collect()
}

/// The cases of a file, or of all files of a folder.
///
/// # Errors
/// As for [`tables`] and [`Case::from_table`].
pub fn load(path: &Path) -> Result<Vec<Case>> {
    let cases = tables(path)?.into_iter().map(Case::from_table);
    cases.collect::<Result<_>>().with_context(|| path.display().to_string())
}

/// Sets the key of a scenario at a dotted path, with numbers for places in a list: `servers.0.way.base_us=200`.
///
/// # Errors
/// There is no such place, or the value is not TOML.
pub fn set(table: &mut toml::Table, assignment: &str) -> Result<()> {
    let (path, value) = assignment.split_once('=').with_context(|| format!("{assignment}: no '='"))?;
    let value = toml::from_str::<toml::Table>(&format!("value = {value}"))
        .ok()
        .and_then(|mut parsed| parsed.remove("value"))
        .with_context(|| format!("{assignment}: {value} is not a TOML value"))?;
    let (parents, last) = path.rsplit_once('.').map_or((None, path), |(p, l)| (Some(p), l));
    let mut place = table;
    let mut rest = parents.into_iter().flat_map(|p| p.split('.')).peekable();
    while let Some(key) = rest.next() {
        let index = rest.peek().and_then(|next| next.parse::<usize>().ok());
        let inner = place.entry(key).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        place = match (inner, index) {
            (toml::Value::Array(list), Some(index)) => {
                rest.next();
                list.get_mut(index).and_then(toml::Value::as_table_mut)
            }
            (inner, _) => inner.as_table_mut(),
        }
        .with_context(|| format!("{assignment}: there is no {key} to set it in"))?;
    }
    place.insert(last.to_owned(), value);
    Ok(())
}

#[cfg(test)]
mod tests;
