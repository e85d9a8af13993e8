//! The files of `sources.sourcedir`: which there are, and what they name.
//!
//! Programs write them while the daemon runs, so nothing here is fatal: what cannot be read or makes no sense is told
//! and left out. Blocking; the loop has it done in a thread.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ntp_config::{LineSource, parse_source_lines};
use ntp_engine::FromFile;

use super::settings::{pool_entry, server_entry};
use super::state;

/// The end of the names of files that count.
const SUFFIX: &str = "sources";
/// More files than this are nobody's intention.
const MAX_FILES: usize = 1_000;
/// The longest file that is read.
const MAX_LENGTH: u64 = 1 << 20;
/// Sources beyond this are left out.
const MAX_SOURCES: usize = 4_096;
/// So many complaints say enough.
const MAX_COMPLAINTS: usize = 100;

/// What all files together say.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found {
    /// The sources, file by file.
    pub(super) entries: Vec<FromFile>,
    /// What was left out and why, each with its file.
    pub(super) complaints: Vec<String>,
}

/// Reads the files of these directories in the order of their names. Of files of one name only that in the first
/// directory counts. A directory that is not there has no files: who writes them makes it when it is needed.
pub(super) fn read(directories: &[PathBuf]) -> Found {
    let mut found = Found::default();
    let mut files: BTreeMap<_, PathBuf> = BTreeMap::new();
    for directory in directories {
        match list(directory) {
            Ok(paths) => {
                let named = paths.into_iter().filter_map(|path| Some((path.file_name()?.to_owned(), path)));
                named.for_each(|(name, path)| _ = files.entry(name).or_insert(path));
            }
            Err(error) => found.complain(format!("{}: {error}", directory.display())),
        }
    }
    for path in files.values().take(MAX_FILES) {
        match state::read(path, MAX_LENGTH) {
            Ok(text) => found.take(path, &text.unwrap_or_default()),
            Err(error) => found.complain(format!("{}: {error}", path.display())),
        }
    }
    if files.len() > MAX_FILES {
        found.complain(format!("{} files are not read: {MAX_FILES} are the most", files.len() - MAX_FILES));
    }
    found
}

fn list(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|end| end == SUFFIX)).collect())
}

impl Found {
    fn take(&mut self, path: &Path, text: &str) {
        let lines = parse_source_lines(text);
        for complaint in lines.complaints {
            self.complain(format!("{}: {complaint}; the line is skipped", path.display()));
        }
        let room = MAX_SOURCES - self.entries.len();
        if lines.sources.len() > room {
            self.complain(format!("{}: only {MAX_SOURCES} sources of files are used", path.display()));
        }
        let file = path.display().to_string();
        self.entries.extend(lines.sources.into_iter().take(room).map(|line| {
            let entry = match &line.source {
                LineSource::Server(server) => server_entry(server),
                LineSource::Pool(pool) => pool_entry(pool),
            };
            FromFile { file: file.clone(), entry }
        }));
    }

    fn complain(&mut self, complaint: String) {
        if self.complaints.len() < MAX_COMPLAINTS {
            self.complaints.push(complaint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn hosts(found: &Found) -> Vec<String> {
        found.entries.iter().map(|new| new.entry.host.to_string()).collect()
    }

    #[test]
    fn files_are_read_in_the_order_of_their_names_and_the_first_directory_wins() {
        let first = folder(&[("b.sources", "server b1\nserver b2"), ("readme", "server c")]);
        let second = folder(&[("b.sources", "server b3"), ("a.sources", "pool a maxsources 2")]);
        let absent = first.path().join("absent");
        let found = read(&[first.path().into(), absent, second.path().into()]);
        assert_eq!((hosts(&found), found.complaints.len()), (vec!["a".into(), "b1".into(), "b2".into()], 0));
        assert_eq!(found.entries[1].file, first.path().join("b.sources").display().to_string());
    }

    #[test]
    fn what_makes_no_sense_is_told_with_file_and_line() {
        let folder = folder(&[("a.sources", "server a key 1\nserver b")]);
        fs::write(folder.path().join("b.sources"), [0xff]).unwrap();
        fs::create_dir(folder.path().join("c.sources")).unwrap();
        let found = read(&[folder.path().into(), folder.path().join("a.sources")]);
        assert_eq!(hosts(&found), ["b"]);
        let name = |file: &str| folder.path().join(file).display().to_string();
        let all = found.complaints.join("\n");
        let first = format!("{}: line 1: this version does not carry out key", name("a.sources"));
        assert!(all.contains(&first), "{all}");
        assert!(all.contains(&name("b.sources")) && all.contains(&name("c.sources")), "{all}");
        assert_eq!(found.complaints.len(), 4, "the fourth: a file is no directory: {all}");
    }

    #[test]
    fn a_flood_of_sources_and_complaints_is_cut_off() {
        let files: Vec<String> = (0..10).map(|n| format!("{n}.sources")).collect();
        let text = "server a\n".repeat(900) + &"peer\n".repeat(30);
        let folder = folder(&files.iter().map(|name| (name.as_str(), text.as_str())).collect::<Vec<_>>());
        let found = read(&[folder.path().into()]);
        assert_eq!((found.entries.len(), found.complaints.len()), (MAX_SOURCES, MAX_COMPLAINTS));
    }
}
