//! The root of the tree.
//!
//! Knows the sections and the keys above them; what a section's keys mean is the section's own business.
//! The daemon holds one `Config` and hands the sections to those who carry them out.

use crate::origin::Origins;
use crate::schema::{Boolean, Section, Visitor};
use crate::{Security, Server, Sources};

/// Everything that the configuration file can say, as it is meant.
///
/// The tree has the names of the file: `config.server.makestep.threshold` is the key
/// `server.makestep.threshold`. Two are equal if they say the same, wherever it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The service as a whole; `false`: start, report, do nothing. Has no default and must be written.
    pub enabled: bool,
    /// Where time comes from. Default: no sources.
    pub sources: Sources,
    /// Which time is served, and what is done to the clock. Default: see [`Server`].
    pub server: Server,
    /// Who is served. Default: nobody.
    pub security: Security,
    /// Which line of which file says so.
    pub(crate) origins: Origins,
}

impl Config {
    /// What the daemon does without a configuration file.
    ///
    /// It follows pool.ntp.org, falls back to its own clock at stratum 10, serves loopback and private
    /// networks on port 11123, and never touches the clock.
    ///
    /// # Panics
    /// Never: the text is part of this crate, and a test parses it.
    #[must_use]
    pub fn built_in() -> Self {
        crate::parse("built-in configuration", Self::BUILT_IN_TEXT).expect("a test parses this very text")
    }

    /// The text behind [`Config::built_in`]: TOML with remarks, fit to start a file of one's own from.
    pub const BUILT_IN_TEXT: &str = include_str!("built_in.toml");

    /// The effective configuration as TOML: every key with its value, and a remark on its origin: `# line 7`
    /// for what is written there in the file, `# default` for what is not written at all. A value that was
    /// changed after it was read has none.
    ///
    /// Parsing the text gives a configuration equal to this one.
    #[must_use]
    pub fn to_toml(&self) -> String {
        crate::writer::to_toml(&mut self.clone())
    }

    /// The name of the file as it was given to [`parse`](crate::parse).
    #[must_use]
    pub fn file(&self) -> &str {
        self.origins.file()
    }

    /// The line of the file, from 1, on which the value of a key stands, by its dotted path such as
    /// `security.access[0].network`. `None` if it is not written.
    #[must_use]
    pub fn line_of(&self, path: &str) -> Option<usize> {
        self.origins.line(path)
    }
}

impl Section for Config {
    fn blank() -> Self {
        Self {
            enabled: false,
            sources: Sources::default(),
            server: Server::default(),
            security: Security::default(),
            origins: Origins::default(),
        }
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.required("enabled", Boolean, &mut self.enabled);
        v.table("sources", &mut self.sources);
        v.table("server", &mut self.server);
        v.table("security", &mut self.security);
        v.not_yet("vlan_config");
        v.not_yet("monitoring");
    }
}
