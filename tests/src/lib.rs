//! The test ground: what the end-to-end tests need beyond the programs under test.
//!
//! ```text
//!  rig    ─ runs inside a virtual machine with a kernel clock of its own (see `rig/README.md`):
//!           a server of true time, a judge of the clock, and hands that disturb it
//! ```
//!
//! Nothing here is shared with the programs under test: a mistake in common would judge itself right.

pub mod rig;
