//! The test ground: what the end-to-end tests need beyond the programs under test.
//!
//! ```text
//!  ground ─ what a test needs of the machine: root, namespaces, peers, our own programs
//!  host   ─ two hosts with a cable between them, made of network namespaces
//!  daemon ─ our daemon on such a host
//!  peers  ─ other people's programs on such a host
//!  load   ─ requests of our own making, at a steady pace, and how long each answer took
//!  nts    ─ certificates, and configurations that say that NTS is wanted
//!  names  ─ name servers: one that works, one that does not
//!  rig    ─ runs inside a virtual machine with a kernel clock of its own (see `rig/README.md`):
//!           a server of true time, a judge of the clock, and hands that disturb it
//! ```
//!
//! Nothing here is shared with the programs under test: a mistake in common would judge itself right.

pub mod daemon;
pub mod ground;
pub mod host;
pub mod load;
pub mod names;
pub mod nts;
pub mod peers;
pub mod rig;
