//! Strings that name reference clocks and their devices.

use std::path::PathBuf;

use toml::de::DeValue;

use super::Kind;
use super::text::{Text, Textual};
use crate::error::Complaint;
use crate::refclocks::{FileMode, InvalidRefclockId, PhcName, RefclockId};

/// The path of a device or a socket: from the root, since nobody knows where a daemon is started.
pub(crate) struct Absolute {
    /// The most bytes that it may have.
    longest: usize,
    example: &'static str,
}

impl Absolute {
    /// As long as Linux takes paths (`PATH_MAX` without the zero at the end).
    pub(crate) const fn device(example: &'static str) -> Self {
        Self { longest: 4095, example }
    }

    /// As long as the address of a socket has room for (`sun_path` without the zero at the end).
    pub(crate) const fn socket(example: &'static str) -> Self {
        Self { longest: 107, example }
    }

    pub(crate) fn parse(&self, text: &str) -> Result<PathBuf, Complaint> {
        let path = PathBuf::from_text(text)?;
        if !text.starts_with('/') {
            let complaint = Complaint::new(format!("{text:?} does not begin with /"));
            let is_name =
                self.example.starts_with("/dev/") && text.chars().all(|c| c.is_ascii_alphanumeric());
            return Err(if is_name { complaint.help(format!("write \"/dev/{text}\"")) } else { complaint });
        }
        if text.len() > self.longest {
            return Err(Complaint::new(format!("has {} bytes", text.len())));
        }
        Ok(path)
    }
}

impl Kind for Absolute {
    type Value = PathBuf;

    fn expected(&self) -> String {
        format!("a path such as \"{}\", at most {} bytes long", self.example, self.longest)
    }

    fn read(&self, value: &DeValue<'_>) -> Result<PathBuf, Complaint> {
        // Whatever is no string is told by the kind that takes any.
        let any = Text::<PathBuf>::new().read(value);
        value.as_str().map_or(any, |text| self.parse(text))
    }

    fn write(&self, value: &PathBuf) -> Option<String> {
        Text::new().write(value)
    }
}

impl Textual for RefclockId {
    const EXPECTED: &str = "1 to 4 letters, digits or signs of ASCII, such as \"GPS\"";

    fn from_text(text: &str) -> Result<Self, Complaint> {
        text.parse().map_err(|error: InvalidRefclockId| Complaint::new(format!("{text:?} {error}")))
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl Textual for FileMode {
    const EXPECTED: &str = "an octal number in quotes, \"0000\" to \"0777\"";

    fn from_text(text: &str) -> Result<Self, Complaint> {
        text.parse().map_err(|error| Complaint::new(format!("{text:?} {error}")))
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl Textual for PhcName {
    const EXPECTED: &str = "a path such as \"/dev/ptp0\", or the name of a network interface";

    fn from_text(text: &str) -> Result<Self, Complaint> {
        if text.starts_with('/') {
            return Absolute::device("/dev/ptp0").parse(text).map(Self::Path);
        }
        Textual::from_text(text).map(Self::Interface)
    }

    fn to_text(&self) -> String {
        match self {
            Self::Path(path) => path.to_text(),
            Self::Interface(name) => name.to_text(),
        }
    }
}
