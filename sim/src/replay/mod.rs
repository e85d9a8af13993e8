//! Recordings of real runs: the decisions made again, and what other options would have made of them.
//!
//! A recording is what `ntp_engine::record` defines, one JSON value a line: what reached the engine, and what it
//! wanted done.
//!
//! | file | does |
//! |---|---|
//! | `exact.rs` | makes the decisions again and compares them |
//! | `what_if.rs` | makes other decisions from the same world |

mod exact;
mod what_if;

use std::io::{BufRead, BufReader, Read};

use anyhow::{Context, Result, bail, ensure};
use ntp_engine::Options;
use ntp_engine::record::Line;
use serde_json::Value;

pub use exact::{Exact, replay};
pub use what_if::{WhatIf, what_if};

/// The lines of a recording; empty ones are passed over, and so is a last one that was not written to its end.
///
/// # Errors
/// It cannot be read, a line is none of a recording's, or the first brings no engine.
pub fn read(from: impl Read) -> Result<Vec<Line<'static>>> {
    let mut lines = Vec::new();
    let mut from = BufReader::new(from);
    let (mut number, mut text) = (0, String::new());
    while from.read_line(&mut text)? > 0 {
        number += 1;
        match serde_json::from_str(&text) {
            _ if text.trim().is_empty() => {}
            Ok(line) => lines.push(line),
            Err(error) if error.is_eof() && !text.ends_with('\n') => break,
            Err(error) => return Err(error).with_context(|| format!("line {number}")),
        }
        text.clear();
    }
    let begins = matches!(lines.first(), Some(Line::Start { .. } | Line::State { .. }));
    ensure!(begins, "it begins with no engine: neither with its start nor with its state");
    Ok(lines)
}

/// Sets a key of the options that a recording was made with: `minpoll`, `maxpoll` and `iburst` for all sources,
/// or a dotted path into the options as they stand in the recording, as `steering.max_slew_rate`.
///
/// # Errors
/// There is no such key, or the value is not JSON that fits.
pub fn set(options: &mut Options, assignment: &str) -> Result<()> {
    let (key, text) = assignment.split_once('=').with_context(|| format!("{assignment}: no '='"))?;
    let value: Value = serde_json::from_str(text).with_context(|| format!("{assignment}: not JSON"))?;
    let mut all = serde_json::to_value(&*options)?;
    let inner = match key {
        "minpoll" => "options.association.min_poll",
        "maxpoll" => "options.association.max_poll",
        "iburst" => "options.association.iburst",
        path => {
            *place(&mut all, path)? = value;
            return adopt(options, all, assignment);
        }
    };
    let Some(Value::Array(entries)) = all.get_mut("entries") else { bail!("{assignment}: no sources") };
    for entry in entries {
        *place(entry, inner)? = value.clone();
    }
    adopt(options, all, assignment)
}

fn place<'v>(value: &'v mut Value, path: &str) -> Result<&'v mut Value> {
    path.split('.').try_fold(value, |value, key| {
        match value {
            Value::Array(list) => key.parse::<usize>().ok().and_then(|index| list.get_mut(index)),
            value => value.get_mut(key),
        }
        .with_context(|| format!("there is no {key} in {path}"))
    })
}

fn adopt(options: &mut Options, all: Value, assignment: &str) -> Result<()> {
    *options = serde_json::from_value(all).with_context(|| format!("{assignment}: it does not fit"))?;
    Ok(())
}

#[cfg(test)]
mod tests;
