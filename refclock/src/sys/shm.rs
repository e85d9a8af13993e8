//! Memory of System V that processes share (`shmget(2)`, `shmop(2)`, `shmctl(2)`).
//!
//! Ordinary libc calls, so that a library between the program and its libc can supply the memory.

use std::io;
use std::os::raw::c_void;
use std::ptr::{NonNull, null};
use std::sync::atomic::{AtomicU32, Ordering};

use super::check;

/// So much of a segment is looked at, in words of four bytes. Whatever its size, the kernel maps whole pages, so this
/// is always there.
pub(crate) const WORDS: usize = 24;

/// What the kernel knows of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// In bytes, as it was asked for.
    pub size: usize,
    /// Whose it is.
    pub owner: u32,
    /// Who may read and write it, as for files.
    pub permissions: u32,
    /// How many have it in their memory.
    pub attached: u64,
}

/// The number of the segment that `key` stands for, if it has `size` bytes at least.
pub(crate) fn find(key: i32, size: usize) -> io::Result<i32> {
    // SAFETY: takes numbers.
    check(unsafe { libc::shmget(key, size, 0) })
}

/// Makes a segment of `size` zeros that `key` stands for. Fails if there is one already.
pub(crate) fn create(key: i32, size: usize, permissions: u32) -> io::Result<i32> {
    let flags = libc::IPC_CREAT | libc::IPC_EXCL | (permissions & 0o777).cast_signed();
    // SAFETY: takes numbers.
    check(unsafe { libc::shmget(key, size, flags) })
}

/// What the kernel knows of segment `id`. Needs permission to read it.
pub(crate) fn facts(id: i32) -> io::Result<Facts> {
    // SAFETY: integers and structures of integers, of which zeros are a value.
    let mut answer: libc::shmid_ds = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes one such structure, which there is room for.
    check(unsafe { libc::shmctl(id, libc::IPC_STAT, &raw mut answer) })?;
    Ok(Facts {
        size: answer.shm_segsz,
        owner: answer.shm_perm.uid,
        permissions: wide(answer.shm_perm.mode) & 0o777,
        attached: answer.shm_nattch as u64,
    })
}

/// A type of C that differs between machines, as 32 bits.
fn wide(value: impl Into<u32>) -> u32 {
    value.into()
}

/// A segment in our memory. Others change it at any time.
#[derive(Debug)]
pub(crate) struct Attached(NonNull<[AtomicU32; WORDS]>);

impl Attached {
    /// Segment `id`, to be read and written.
    pub(crate) fn attach(id: i32) -> io::Result<Self> {
        // SAFETY: the kernel chooses a place where nothing else is.
        let memory = unsafe { libc::shmat(id, null(), 0) };
        if memory.addr() == usize::MAX {
            return Err(io::Error::last_os_error());
        }
        NonNull::new(memory.cast()).map(Self).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
    }

    /// What it holds, word by word from the first; a later word is not older than an earlier one.
    pub(crate) fn copy(&self) -> [u32; WORDS] {
        self.words().each_ref().map(|word| word.load(Ordering::Acquire))
    }

    /// Writes one word; nothing happens beyond the last.
    pub(crate) fn set(&self, index: usize, value: u32) {
        if let Some(word) = self.words().get(index) {
            word.store(value, Ordering::Release);
        }
    }

    const fn words(&self) -> &[AtomicU32; WORDS] {
        // SAFETY: attached until this value is dropped, at the start of a page and a page long at least (see WORDS);
        // atomics may be changed by others meanwhile, and any bits are a value.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // SAFETY: was attached there, and no reference to it is left.
        unsafe { libc::shmdt(self.0.as_ptr().cast::<c_void>()) };
    }
}
