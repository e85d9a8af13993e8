//! Strings, and what is spelled as one: addresses, names, paths and words from a list.

use std::fmt::Write;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::path::PathBuf;

use toml::de::DeValue;

use super::Kind;
use super::kind::wrong_type;
use crate::error::Complaint;
use crate::{Host, HostName, InterfaceName, InvalidHost, InvalidNetwork, Network, suggest};

/// What a string of the file can become.
pub(crate) trait Textual: Sized {
    /// What may be written, in words that make sense after `expected:`.
    const EXPECTED: &str;

    fn from_text(text: &str) -> Result<Self, Complaint>;
    fn to_text(&self) -> String;
}

/// A string with a meaning.
pub(crate) struct Text<T>(PhantomData<T>);

impl<T> Text<T> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: Textual> Kind for Text<T> {
    type Value = T;

    fn expected(&self) -> String {
        T::EXPECTED.to_owned()
    }

    fn read(&self, value: &DeValue<'_>) -> Result<T, Complaint> {
        T::from_text(value.as_str().ok_or_else(|| wrong_type(value))?)
    }

    fn write(&self, value: &T) -> Option<String> {
        Some(quoted(&value.to_text()))
    }
}

/// The text as a TOML basic string.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => _ = write!(out, "\\U{:08X}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn complaint_about_host(text: &str, error: InvalidHost) -> Complaint {
    let complaint = Complaint::new(format!("{text:?} {error}"));
    match error {
        InvalidHost::Port { host } => {
            complaint.help(format!("write {host:?} here and the port as a key of its own, `port`"))
        }
        InvalidHost::Address => complaint.help("write an address as `address` of [[sources.servers]]"),
        _ => complaint,
    }
}

impl Textual for Host {
    const EXPECTED: &str = "a host name, an IPv4 address or an IPv6 address";

    fn from_text(text: &str) -> Result<Self, Complaint> {
        text.parse().map_err(|error| complaint_about_host(text, error))
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl Textual for HostName {
    const EXPECTED: &str = "a host name that stands for several servers";

    fn from_text(text: &str) -> Result<Self, Complaint> {
        text.parse().map_err(|error| complaint_about_host(text, error))
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl Textual for IpAddr {
    const EXPECTED: &str = "an IPv4 or IPv6 address";

    fn from_text(text: &str) -> Result<Self, Complaint> {
        let address: Self = text.parse().map_err(|_| Complaint::new(format!("{text:?} is no address")))?;
        match address.to_canonical() {
            same if same == address => Ok(address),
            v4 => Err(Complaint::new(format!("{text:?} is an IPv4 address mapped into IPv6"))
                .help(format!("write \"{v4}\""))),
        }
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl Textual for InterfaceName {
    const EXPECTED: &str = "the name of a network interface, at most 15 bytes long";

    fn from_text(text: &str) -> Result<Self, Complaint> {
        text.parse().map_err(|error| Complaint::new(format!("{text:?} {error}")))
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl Textual for Network {
    const EXPECTED: &str = "a network such as 192.0.2.0/24 or 2001:db8::/32, or a single address";

    fn from_text(text: &str) -> Result<Self, Complaint> {
        text.parse().map_err(|error: InvalidNetwork| {
            let complaint = Complaint::new(format!("{text:?} {error}"));
            match error {
                InvalidNetwork::HostBits { masked } => complaint.help(format!("did you mean \"{masked}\"?")),
                _ => complaint,
            }
        })
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl Textual for PathBuf {
    const EXPECTED: &str = "a path";

    fn from_text(text: &str) -> Result<Self, Complaint> {
        match text {
            "" => Err(Complaint::new("is empty")),
            _ if text.contains('\0') => Err(Complaint::new("has a zero byte in it")),
            _ => Ok(text.into()),
        }
    }

    fn to_text(&self) -> String {
        self.to_string_lossy().into_owned()
    }
}

/// One word of a list, each with what it means.
pub(crate) struct Choice<T: 'static>(pub(crate) &'static [(&'static str, T)]);

impl<T: Copy + PartialEq> Kind for Choice<T> {
    type Value = T;

    fn expected(&self) -> String {
        let words: Vec<_> = self.0.iter().map(|(word, _)| format!("{word:?}")).collect();
        match words.split_last() {
            Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
            _ => words.concat(),
        }
    }

    fn read(&self, value: &DeValue<'_>) -> Result<T, Complaint> {
        let text = value.as_str().ok_or_else(|| wrong_type(value))?;
        self.0.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning).ok_or_else(|| {
            let complaint = Complaint::new(format!("{text:?} is not one of the words"));
            match suggest::nearest(text, self.0.iter().map(|(word, _)| *word)) {
                Some(word) => complaint.help(format!("did you mean {word:?}?")),
                None => complaint,
            }
        })
    }

    fn write(&self, value: &T) -> Option<String> {
        self.0.iter().find(|(_, meaning)| meaning == value).map(|(word, _)| quoted(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_string_survives_quoting(text: String) {
            let quoted = quoted(&text);
            let value = DeValue::parse(&quoted).unwrap();
            prop_assert_eq!(value.get_ref().as_str(), Some(&*text));
        }
    }
}
