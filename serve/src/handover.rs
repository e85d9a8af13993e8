//! What one thread decides and another works by, replaced seldom and without stopping anybody.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The giving end. The latest value is handed to every [`Taker`].
#[derive(Debug)]
pub struct Handover<T> {
    desk: Arc<Desk<T>>,
}

#[derive(Debug)]
struct Desk<T> {
    /// Counts the values.
    number: AtomicU64,
    latest: Mutex<Arc<T>>,
}

impl<T> Handover<T> {
    /// Begins with `value`.
    #[must_use]
    pub fn new(value: T) -> Self {
        let desk = Desk { number: AtomicU64::new(0), latest: Mutex::new(Arc::new(value)) };
        Self { desk: Arc::new(desk) }
    }

    /// From now on `value` holds; each taker has it before the next packets that it looks at.
    pub fn replace(&self, value: T) {
        let value = Arc::new(value);
        // Nothing can panic while it is locked, so it is never poisoned.
        *self.desk.latest.lock().unwrap_or_else(PoisonError::into_inner) = value;
        self.desk.number.fetch_add(1, Ordering::Release);
    }

    /// A taking end, with the value that holds now.
    #[must_use]
    pub fn taker(&self) -> Taker<T> {
        let number = self.desk.number.load(Ordering::Acquire);
        let held = Arc::clone(&self.desk.latest.lock().unwrap_or_else(PoisonError::into_inner));
        Taker { desk: Arc::clone(&self.desk), number, held }
    }
}

/// The taking end.
#[derive(Debug)]
pub struct Taker<T> {
    desk: Arc<Desk<T>>,
    number: u64,
    held: Arc<T>,
}

impl<T> Taker<T> {
    /// Takes the latest value, if it is another. Costs a read as long as it is not, and never waits: if
    /// somebody is at the desk, the value that is held serves until the next time.
    pub fn refresh(&mut self) {
        let number = self.desk.number.load(Ordering::Acquire);
        if number == self.number {
            return;
        }
        if let Ok(latest) = self.desk.latest.try_lock() {
            self.held = Arc::clone(&latest);
            self.number = number;
        }
    }

    /// What was taken last.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_taker_gets_the_latest_when_it_asks() {
        let handover = Handover::new(1);
        let (mut one, mut other) = (handover.taker(), handover.taker());
        handover.replace(2);
        assert_eq!((*one.get(), *handover.taker().get()), (1, 2));
        one.refresh();
        handover.replace(3);
        other.refresh();
        assert_eq!((*one.get(), *other.get()), (2, 3));
    }
}
