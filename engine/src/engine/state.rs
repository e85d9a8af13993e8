//! An engine in a recording: whether what was read makes sense, and what other options would make of it.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Engine;
use crate::options::Options;
use crate::source::{Source, SourceId};

/// No service meets more sources in its life than this; beyond it a number is damaged.
const MAX_SOURCES: u32 = 1 << 31;

impl Serialize for Engine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Engine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let engine = Self::deserialize(deserializer)?;
        match engine.damage() {
            None => Ok(engine),
            Some(damage) => Err(D::Error::custom(damage)),
        }
    }
}

impl Engine {
    /// Is treated as though it had been made from these options, as far as that can be: what has happened stays,
    /// and so do `drift` and `initial_rate`. `false`, and nothing changes, if they name other servers or pools, or have
    /// other reference clocks.
    #[must_use]
    pub fn change_options(&mut self, options: Options) -> bool {
        let names = |options: &Options| -> Vec<_> {
            options.entries.iter().map(|e| (e.host.clone(), e.port, e.kind)).collect()
        };
        if names(&self.options) != names(&options) || self.options.refclocks != options.refclocks {
            return false;
        }
        for (index, new) in options.entries.iter().enumerate() {
            if let Some(entry) = &mut self.entries[index] {
                entry.options = new.options;
            }
            let asked = self.sources.iter_mut().filter_map(Source::asked_mut);
            asked.filter(|asked| asked.entry == index).for_each(|asked| asked.set_options(new.options));
        }
        self.discipline.set_limits(options.steering, options.adjust);
        self.directory.set_refresh(options.refresh);
        self.options = options;
        true
    }

    /// Why it cannot have come about; `None` if it can.
    fn damage(&self) -> Option<&'static str> {
        let entries = self.entries.len();
        let rising = self.sources.is_sorted_by(|a, b| a.id < b.id);
        let named = self.next_source <= MAX_SOURCES
            && self.sources.last().is_none_or(|last| last.id < SourceId(self.next_source));
        let tests = [
            (entries >= self.options.entries.len(), "servers of the options are missing"),
            (self.origins.keys().all(|index| *index < entries), "a file names a server that does not exist"),
            (self.directory.is_sound(entries), "names and servers do not match"),
            (rising && named, "sources are not in the order of their numbers"),
            (
                self.sources.iter().filter_map(Source::entry).all(|entry| entry < entries),
                "a source belongs to no server",
            ),
            (self.sources.iter().all(|s| s.is_sound()), "a source has impossible figures"),
            (self.ensemble.as_ref().is_none_or(|e| e.is_sound()), "the ensemble has impossible figures"),
            (self.discipline.is_sound(), "the clock has impossible figures"),
        ];
        tests.into_iter().find(|(holds, _)| !holds).map(|(_, damage)| damage)
    }
}
