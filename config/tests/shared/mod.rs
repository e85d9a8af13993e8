//! The configurations that are shown to people: files of `docs/examples` and blocks of documents.

use std::fs;
use std::path::{Path, PathBuf};

/// A whole configuration and where it is shown.
pub(crate) struct Example {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// The files of `docs/examples`, then the TOML blocks of README.md and of the documents in `docs`.
pub(crate) fn examples() -> Vec<Example> {
    let mut examples: Vec<_> = files("docs/examples", "toml").iter().map(|path| read(path)).collect();
    let documents = [root().join("README.md")].into_iter().chain(files("docs", "md"));
    examples.extend(documents.flat_map(|path| blocks(&read(&path))));
    examples
}

/// The files of a folder of the repository with this ending, in the order of their names.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|e| e == ending)).collect();
    files.sort();
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: &Path) -> Example {
    let name = path.strip_prefix(root()).unwrap().display().to_string();
    Example { name, text: fs::read_to_string(path).unwrap() }
}

/// What stands between a line of three backticks and `toml` and the next line of three backticks.
fn blocks(document: &Example) -> Vec<Example> {
    let opened = document.text.split("\n```toml\n").skip(1);
    let texts = opened.map(|rest| rest.split_once("\n```").unwrap().0);
    let numbered = texts.enumerate().map(|(index, text)| Example {
        name: format!("{}, block {}", document.name, index + 1),
        text: format!("{text}\n"),
    });
    numbered.collect()
}
