//! NTP packets (RFC 5905 §7, extension fields of RFC 7822) in two forms: [`PacketView`] reads borrowed bytes,
//! [`Header`] is built and sent.

mod error;
mod extension;
mod fields;
mod header;
mod reader;
#[cfg(test)]
mod tests;
mod view;

pub use error::ParseError;
pub(crate) use extension::FIELD_HEADER;
pub use extension::{Extension, ExtensionType, Extensions};
pub use fields::{KissCode, Leap, Mode, PollExp, Precision, RefId, Stratum};
pub use header::Header;
pub(crate) use header::TRANSMIT_AT;
pub use reader::Reader;
pub use view::{HEADER_LEN, MacView, PacketView};
