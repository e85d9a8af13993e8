//! Atomics: the machine's, or those of a model checker that tries every order of events.

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering, fence};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicU64, Ordering, fence};

/// Adds one. For a counter that one thread alone writes: others read it, so it need not be a single operation.
pub(crate) fn count(counter: &AtomicU64) {
    let value = counter.load(Ordering::Relaxed);
    counter.store(value.wrapping_add(1), Ordering::Relaxed);
}
