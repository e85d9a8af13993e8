//! A thread that sleeps until one of its descriptors has something.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use super::check;

/// Descriptors that one thread waits for.
#[derive(Debug, Default)]
pub struct Waiting {
    wanted: Vec<libc::pollfd>,
}

impl Waiting {
    /// One more; its place among those of [`ready`](Self::ready) is how many there were before. A descriptor
    /// that is closed meanwhile counts as ready.
    pub fn add(&mut self, fd: BorrowedFd<'_>) {
        self.wanted.push(pollfd(fd.as_raw_fd()));
    }

    /// One less; those after it move up by a place.
    pub fn remove(&mut self, place: usize) {
        self.wanted.remove(place);
    }

    /// Sleeps until one of them has something to fetch, an error included.
    pub fn wait(&mut self) -> io::Result<()> {
        let count = self.wanted.len() as libc::nfds_t;
        // SAFETY: the pointer and the length are those of one vector of ours, which outlives the call.
        match check(unsafe { libc::poll(self.wanted.as_mut_ptr(), count, -1) }) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            other => other.map(drop),
        }
    }

    /// Whether the one in this place had something when [`wait`](Self::wait) returned.
    #[must_use]
    pub fn ready(&self, place: usize) -> bool {
        self.wanted.get(place).is_some_and(|wanted| wanted.revents != 0)
    }
}

fn pollfd(fd: RawFd) -> libc::pollfd {
    libc::pollfd { fd, events: libc::POLLIN, revents: 0 }
}

/// Lets timers of the calling thread expire when they are due, instead of up to 50 us later.
pub fn be_punctual() {
    // SAFETY: takes numbers. If it is refused, sleeps are a little longer.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1) };
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn the_one_that_has_something_is_told() {
        let (quiet, _kept) = std::io::pipe().unwrap();
        let (talking, mut talk) = std::io::pipe().unwrap();
        let mut waiting = Waiting::default();
        waiting.add(quiet.as_fd());
        waiting.add(talking.as_fd());
        talk.write_all(b"x").unwrap();
        waiting.wait().unwrap();
        assert_eq!([0, 1, 2].map(|place| waiting.ready(place)), [false, true, false]);
        waiting.remove(0);
        waiting.wait().unwrap();
        assert!(waiting.ready(0));
    }

    #[test]
    fn an_end_counts_as_something() {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut waiting = Waiting::default();
        waiting.add(reader.as_fd());
        drop(writer);
        waiting.wait().unwrap();
        assert!(waiting.ready(0));
    }
}
