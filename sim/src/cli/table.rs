//! `ntp-sim table`.

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use ntp_sim::case::{Case, Polling, set, tables};
use ntp_sim::table::{compute, print};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many seeds, counted from 1.
    #[arg(long, default_value_t = 10)]
    runs: u64,
    /// Only scenarios with such names; * and ? stand for anything and any character. May be repeated.
    #[arg(long)]
    only: Vec<String>,
    /// Only with the poll intervals of the scenario.
    #[arg(long, conflicts_with = "equal")]
    default_poll: bool,
    /// Only with the longest poll interval as short as the shortest.
    #[arg(long)]
    equal: bool,
    /// Changes a key of every scenario, as in `maxpoll=9`. May be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl Args {
    pub(crate) fn run(&self, scenarios: &Path) -> Result<()> {
        let cases = self.cases(scenarios)?;
        let chosen: Vec<&Case> = cases.iter().collect();
        ensure!(!chosen.is_empty(), "no scenario in {} is called so", scenarios.display());
        ensure!(self.runs > 0, "without runs there is nothing to show");
        for (polling, title) in self.pollings() {
            let began = Instant::now();
            let rows = compute(&chosen, polling, self.runs);
            super::say(&format!("## {title}\n\n{}\n", print(&rows)))?;
            let simulated: f64 = rows.iter().map(|r| r.case.seconds as f64 * r.summary.runs as f64).sum();
            let computed: f64 = rows.iter().map(|r| r.summary.took.as_secs_f64()).sum();
            eprintln!(
                "{:.1} s for {:.0} simulated days; on one core {:.0} times as fast as real time",
                began.elapsed().as_secs_f64(),
                simulated / 86_400.0,
                simulated / computed
            );
        }
        Ok(())
    }

    fn cases(&self, scenarios: &Path) -> Result<Vec<Case>> {
        let mut tables = tables(scenarios)?;
        tables.retain(|table| table.get("name").and_then(toml::Value::as_str).is_some_and(|n| self.wants(n)));
        let changed = |mut table: toml::Table| {
            self.set.iter().try_for_each(|assignment| set(&mut table, assignment))?;
            Case::from_table(table)
        };
        tables.into_iter().map(changed).collect()
    }

    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|pattern| matches(pattern.as_bytes(), name.as_bytes()))
    }

    fn pollings(&self) -> Vec<(Polling, &'static str)> {
        let mut all = Vec::new();
        if !self.default_poll {
            all.push((Polling::Equal, "Equal packets (maxpoll = minpoll)"));
        }
        if !self.equal {
            all.push((Polling::Default, "Default polling"));
        }
        all
    }
}

/// Whether a name is as the pattern says.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) if matches(rest, name) => true,
        (Some((b'*', _)), Some((_, name))) => matches(pattern, name),
        (Some((b'?', pattern)), Some((_, name))) => matches(pattern, name),
        (Some((p, pattern)), Some((n, name))) => p == n && matches(pattern, name),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_whole_names() {
        let is = |pattern: &str, name: &str| matches(pattern.as_bytes(), name.as_bytes());
        assert!(is("b*", "b1") && is("?1", "b1") && is("*-lan-*", "x-lan-y") && is("a1", "a1"));
        assert!(!is("b", "b1") && !is("?1", "b12") && !is("*x", "b1") && !is("", "b1"));
    }
}
