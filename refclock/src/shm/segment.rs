//! A segment of shared memory with a well-known key, whoever made it.

use std::io;

use super::sample::{LONGEST, Layout};
use crate::context::explained;
use crate::sys::shm::{Attached, Facts, WORDS, create, facts, find};

/// "NTP0": the key of unit 0, by ntpd's driver 28.
const UNIT_0: i32 = 0x4e54_5030;
/// How often a sample is read anew that was changed meanwhile. Writing one takes less than a microsecond.
const ATTEMPTS: usize = 3;

/// One that is attached.
#[derive(Debug)]
pub(super) struct Segment {
    id: i32,
    pub(super) layout: Layout,
    /// Not known where a library stands between us and libc that has memory but knows nothing of it.
    pub(super) facts: Option<Facts>,
    memory: Attached,
}

impl Segment {
    /// That of `unit`. Made with `permissions` if there is none, so that either side may start first.
    pub(super) fn open(unit: u8, permissions: u32) -> io::Result<Self> {
        let name = format!("shared memory of unit {unit} (key {:#x})", key(unit));
        let id = find_or_create(key(unit), permissions)
            .map_err(|error| explained(&error, &name, "see `ipcs -m` for who has it"))?;
        let facts = facts(id).ok();
        let size = facts.map_or_else(|| probe(key(unit)), |facts| facts.size);
        let layout = Layout::of(size).ok_or_else(|| wrong_size(&name, unit, size))?;
        let memory = Attached::attach(id).map_err(|error| explained(&error, &name, &advice(facts)))?;
        Ok(Self { id, layout, facts, memory })
    }

    /// Whether the key of `unit` still stands for this segment. One that was removed lives on unseen as long as
    /// somebody has it attached.
    pub(super) fn is_current(&self, unit: u8) -> bool {
        find(key(unit), 0).is_ok_and(|id| id == self.id)
    }

    /// What it holds, none of it changed while it was read; `None` if somebody writes all the time.
    ///
    /// A writer of mode 1 changes the count before and after. The count is read before everything else here and again
    /// after it, and so is everything else, because writers of mode 0 have no count. Whoever sleeps in the middle of
    /// writing has said before that the sample is not valid.
    pub(super) fn read(&self) -> Option<[u8; WORDS * 4]> {
        (0..ATTEMPTS).find_map(|_| {
            let (first, second) = (self.memory.copy(), self.memory.copy());
            (first == second).then(|| bytes(&first))
        })
    }

    /// Tells the writer and other readers that the sample was read.
    pub(super) fn mark_read(&self) {
        self.memory.set(self.layout.valid() / 4, 0);
    }

    /// How many have it attached, we included.
    pub(super) fn attached(&self) -> Option<u64> {
        facts(self.id).ok().map(|facts| facts.attached)
    }
}

fn key(unit: u8) -> i32 {
    UNIT_0 + i32::from(unit)
}

fn find_or_create(key: i32, permissions: u32) -> io::Result<i32> {
    match find(key, 0) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    match create(key, LONGEST, permissions) {
        // Somebody else was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => find(key, 0),
        other => other,
    }
}

/// The size of a segment that nothing else is known of.
fn probe(key: i32) -> usize {
    [LONGEST, 88, 80].into_iter().find(|size| find(key, *size).is_ok()).unwrap_or(0)
}

fn bytes(words: &[u32; WORDS]) -> [u8; WORDS * 4] {
    let mut bytes = [0; WORDS * 4];
    for (room, word) in bytes.chunks_exact_mut(4).zip(words) {
        room.copy_from_slice(&word.to_ne_bytes());
    }
    bytes
}

fn wrong_size(name: &str, unit: u8, size: usize) -> io::Error {
    let text = format!(
        "{name}: has {size} bytes, but samples of time take 80, 88 or 96; remove it with `ipcrm -M {:#x}` when \
         whoever made it is gone, or use another unit",
        key(unit)
    );
    io::Error::new(io::ErrorKind::InvalidData, text)
}

fn advice(facts: Option<Facts>) -> String {
    let whose = facts.map_or_else(
        || "it belongs to another user".to_owned(),
        |facts| format!("it belongs to user {} with permissions {:04o}", facts.owner, facts.permissions),
    );
    format!("{whose}; gpsd lets everybody read and write units from 2 on, and only root units 0 and 1")
}
