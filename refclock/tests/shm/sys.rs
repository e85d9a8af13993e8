//! The other side of the shared memory: a program that writes samples, well or badly.

// Segments are no files; there is no safe call for them.
#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::{AtomicI32, Ordering, fence};

/// A segment, removed when dropped.
pub(crate) struct Segment {
    pub(crate) id: i32,
    fields: *mut AtomicI32,
}

// SAFETY: a place in shared memory, used through atomics only.
unsafe impl Sync for Segment {}

const MODE: usize = 0;
const COUNT: usize = 1;
const CLOCK: usize = 2;
const RECEIVE: usize = 6;
const LEAP: usize = 9;
const PRECISION: usize = 10;
const VALID: usize = 12;

/// What a writer writes, in the form for 64 bits.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) mode: i32,
    pub(crate) clock: (i64, i32),
    pub(crate) receive: (i64, i32),
    pub(crate) leap: i32,
}

impl Segment {
    /// The segment of a unit, made if there is none.
    pub(crate) fn of(unit: u8, size: usize) -> Self {
        let key = 0x4e54_5030 + i32::from(unit);
        // SAFETY: takes numbers.
        let id = unsafe { libc::shmget(key, size, libc::IPC_CREAT | 0o600) };
        assert!(id >= 0, "{}", io::Error::last_os_error());
        // SAFETY: the kernel chooses a place where nothing else is.
        let fields = unsafe { libc::shmat(id, std::ptr::null(), 0) };
        assert_ne!(fields.addr(), usize::MAX, "{}", io::Error::last_os_error());
        Self { id, fields: fields.cast() }
    }

    pub(crate) fn remove(&self) {
        // SAFETY: takes numbers, and no structure for this command.
        unsafe { libc::shmctl(self.id, libc::IPC_RMID, std::ptr::null_mut()) };
    }

    /// Gives the segment to another user.
    pub(crate) fn give_away(&self, user: u32, mode: u16) {
        // SAFETY: integers and structures of integers, of which zeros are a value.
        let mut facts: libc::shmid_ds = unsafe { std::mem::zeroed() };
        facts.shm_perm.uid = user;
        // As wide as this C library has it.
        facts.shm_perm.mode = mode as _;
        // SAFETY: the kernel reads one such structure.
        assert_eq!(unsafe { libc::shmctl(self.id, libc::IPC_SET, &raw mut facts) }, 0);
    }

    pub(crate) fn field(&self, index: usize) -> &AtomicI32 {
        assert!(index < 24);
        // SAFETY: within the first page, which is there whatever the size.
        unsafe { &*self.fields.add(index) }
    }

    pub(crate) fn set(&self, index: usize, value: i32) {
        self.field(index).store(value, Ordering::Relaxed);
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.field(VALID).load(Ordering::Acquire) != 0
    }

    /// As gpsd does it.
    pub(crate) fn write(&self, sample: &Sample) {
        self.set(VALID, 0);
        self.count();
        self.fill(sample);
        self.count();
        self.field(VALID).store(1, Ordering::Release);
    }

    fn count(&self) {
        fence(Ordering::SeqCst);
        self.field(COUNT).fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    fn fill(&self, sample: &Sample) {
        self.set(MODE, sample.mode);
        let times = [(CLOCK, sample.clock, 13), (RECEIVE, sample.receive, 14)];
        for (at, (seconds, nanos), fine) in times {
            self.set(at, seconds as i32);
            self.set(at + 1, (seconds >> 32) as i32);
            self.set(at + 2, nanos / 1000);
            self.set(fine, nanos);
        }
        self.set(LEAP, sample.leap);
        self.set(PRECISION, -20);
    }

    pub(crate) fn set_valid(&self) {
        self.field(VALID).store(1, Ordering::Release);
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        self.remove();
        // SAFETY: attached there, and `self` is not used any more.
        unsafe { libc::shmdt(self.fields.cast()) };
    }
}

/// Runs `work` in a thread that belongs to user `nobody` and may nothing.
pub(crate) fn as_nobody<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let other = || {
        let nobody = 65_534;
        // libc would change all threads; the kernel knows the users of each.
        // SAFETY: takes numbers.
        let changed = unsafe { libc::syscall(libc::SYS_setresuid, nobody, nobody, nobody) };
        assert_eq!(changed, 0, "{}", io::Error::last_os_error());
        work()
    };
    std::thread::scope(|scope| scope.spawn(other).join().expect("work that does not panic"))
}
