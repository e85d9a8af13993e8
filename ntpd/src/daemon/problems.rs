//! What does not work right now.

use std::collections::BTreeMap;
use std::fmt::Display;

/// Sentences by topic. A topic is logged when it appears, when its sentence changes and when it is solved, so
/// whatever is retried every minute is told once.
#[derive(Debug, Default)]
pub(super) struct Problems(BTreeMap<String, String>);

impl Problems {
    /// `topic` failed because of `error`; `then` says what happens now.
    pub(super) fn raise(&mut self, topic: &str, error: impl Display, then: &str) {
        let sentence = format!("{topic}: {error}; {then}");
        if self.0.get(topic) != Some(&sentence) {
            tracing::warn!(event = "problem", topic, "{sentence}");
            self.0.insert(topic.to_owned(), sentence);
        }
    }

    /// `topic` works.
    pub(super) fn solve(&mut self, topic: &str) {
        if self.0.remove(topic).is_some() {
            tracing::info!(event = "problem_solved", topic, "{topic}: works again");
        }
    }

    /// Raises or solves, as the result says; passes a value on.
    pub(super) fn note<T, E: Display>(&mut self, topic: &str, result: Result<T, E>, then: &str) -> Option<T> {
        match result {
            Ok(value) => {
                self.solve(topic);
                Some(value)
            }
            Err(error) => {
                self.raise(topic, error, then);
                None
            }
        }
    }

    /// All of them.
    pub(super) fn sentences(&self) -> Vec<String> {
        self.0.values().cloned().collect()
    }
}
