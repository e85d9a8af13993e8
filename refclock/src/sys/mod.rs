//! The edge to the kernel: one call per function, safe from outside, and no policy. Drivers call it.
//!
//! What the kernel fills has a size that is asserted beside its use.

// The one place that may; each block says why it is sound.
#![allow(unsafe_code)]

pub(crate) mod serial;
