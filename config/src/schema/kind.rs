//! Kinds of values: how one is read, what is said when it does not fit, and how it is written.

use toml::de::DeValue;

use crate::error::Complaint;

/// What the value of a key may be.
pub(crate) trait Kind {
    /// What it becomes.
    type Value;

    /// What may be written, in words that make sense after `expected:`.
    fn expected(&self) -> String;

    /// Takes the value from the file. The reader adds what was expected to a complaint that does not say it.
    fn read(&self, value: &DeValue<'_>) -> Result<Self::Value, Complaint>;

    /// The value as TOML, or nothing where it means that the key is absent.
    fn write(&self, value: &Self::Value) -> Option<String>;
}

/// The complaint about a value of another TOML type than expected.
pub(crate) fn wrong_type(value: &DeValue<'_>) -> Complaint {
    let complaint = Complaint::new(format!("found {}", name_of_type(value)));
    match value.as_str() {
        Some(text) if text.parse::<f64>().is_ok() || text.parse::<bool>().is_ok() => {
            complaint.help(format!("write it without quotes: {text}"))
        }
        _ => complaint,
    }
}

/// The type of a value with its article.
pub(crate) const fn name_of_type(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// `true` or `false`.
pub(crate) struct Boolean;

impl Kind for Boolean {
    type Value = bool;

    fn expected(&self) -> String {
        "true or false".to_owned()
    }

    fn read(&self, value: &DeValue<'_>) -> Result<bool, Complaint> {
        value.as_bool().ok_or_else(|| wrong_type(value))
    }

    fn write(&self, value: &bool) -> Option<String> {
        Some(value.to_string())
    }
}

/// A value whose absence means something of its own.
pub(crate) struct Optional<K>(pub(crate) K);

impl<K: Kind> Kind for Optional<K> {
    type Value = Option<K::Value>;

    fn expected(&self) -> String {
        self.0.expected()
    }

    fn read(&self, value: &DeValue<'_>) -> Result<Self::Value, Complaint> {
        self.0.read(value).map(Some)
    }

    fn write(&self, value: &Self::Value) -> Option<String> {
        value.as_ref().and_then(|value| self.0.write(value))
    }
}
