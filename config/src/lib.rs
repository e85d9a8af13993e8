//! The configuration of Truechimer: what may be written, what it means, and what is said when it is wrong.
//!
//! ```text
//!  text ─▶ TOML document with spans ─▶ reader ──┬─▶ Config            (all values meant, none invalid)
//!                                        ▲      └─▶ Errors            (all of them at once, with places)
//!                          sections declare their keys ─▶ writer ─▶ text again, with the origin of each value
//! ```
//!
//! [`parse`] looks at nothing but the text: whether a device exists, a name resolves or an address can be
//! bound is found out by those who need it, while the daemon runs. So the text alone decides whether the
//! daemon starts.
//!
//! Reading order: [`Config`] and its sections ([`Sources`], [`Server`], [`Security`]), each of which
//! declares its keys once in `visit` ([`Refclock`]: one table of many kinds, whose keys depend on the kind); `schema` (what a declaration is made of); `reader` and `writer` (the
//! two that walk the declarations); `agreement` (what entries must not say together); `origin` (which line a
//! value comes from); [`ConfigError`]. [`parse_source_lines`] reads the files that other programs leave in
//! `sources.sourcedir`.
//!
//! A key that is not declared is an error, and so is one that the platform's schema has but this build does
//! not carry out: nothing is accepted and then ignored.

#![forbid(unsafe_code)]

mod agreement;
mod changes;
mod config;
mod document;
mod error;
mod hardware;
mod host;
mod hwtimestamp;
mod interface;
mod network;
mod nts;
mod origin;
mod reader;
mod refclocks;
mod schema;
mod security;
mod server;
mod source_lines;
mod sources;
mod suggest;
mod syntax;
mod wishes;
mod writer;

pub use config::Config;
pub use error::{ConfigError, Errors};
pub use hardware::{Gps, GpsFeed, Hardware, Pps};
pub use host::{Host, HostName, InvalidHost};
pub use hwtimestamp::{HardwareTimestamps, RxFilter, StampedInterfaces};
pub use interface::{InterfaceName, InvalidInterfaceName};
pub use network::{InvalidNetwork, Network};
pub use nts::{AeadAlgorithm, ClientNts, KeyRateLimit, ServerCertificate, ServerNts, TrustedCertificates};
pub use reader::parse;
pub use refclocks::{
    ActiveRefclock, Driver, Edge, FileMode, Gives, InvalidFileMode, InvalidRefclockId, NmeaLine, PhcDevice,
    PhcName, PhcReads, PpsDevice, Pulses, Refclock, RefclockId, RefclockOptions, RtcDevice, ShmSegment,
    SockPath,
};
pub use security::{Access, Permission, RateLimit, Security};
pub use server::{Clients, ClockControl, Local, Makestep, Server, StepLimit};
pub use source_lines::{LineComplaint, LineSource, SourceLine, SourceLines, parse_source_lines};
pub use sources::{AuthSelect, Family, NtsOptions, PoolSource, ServerSource, SourceOptions, Sources};
