//! The conversations of the control socket: so many at once, and whoever is silent for the longest makes room.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::task::AbortHandle;
use tokio::time::Instant;

/// So many conversations are held at once.
pub(super) const MOST: usize = 32;

/// All conversations.
#[derive(Clone, Debug, Default)]
pub(super) struct Connections(Rc<RefCell<Vec<Connection>>>);

#[derive(Debug)]
struct Connection {
    id: u64,
    /// When it last said or heard something.
    active: Instant,
    task: Option<AbortHandle>,
}

/// One of them, gone when dropped.
#[derive(Debug)]
pub(super) struct Place {
    id: u64,
    all: Connections,
}

impl Connections {
    /// A place for one more; if there is none, the conversation that has been silent for the longest is ended.
    pub(super) fn open(&self) -> Place {
        let mut all = self.0.borrow_mut();
        let idlest = (0..all.len()).min_by_key(|i| all[*i].active);
        if let Some(idlest) = idlest.filter(|_| all.len() >= MOST) {
            let Connection { task, .. } = all.swap_remove(idlest);
            if let Some(task) = task {
                task.abort();
            }
        }
        let id = all.iter().map(|c| c.id + 1).max().unwrap_or(0);
        all.push(Connection { id, active: Instant::now(), task: None });
        Place { id, all: self.clone() }
    }

    /// The task of a conversation, to end it by.
    pub(super) fn is_held_by(&self, id: u64, task: AbortHandle) {
        if let Some(connection) = self.0.borrow_mut().iter_mut().find(|c| c.id == id) {
            connection.task = Some(task);
        }
    }
}

impl Place {
    /// Which one it is.
    pub(super) const fn id(&self) -> u64 {
        self.id
    }

    /// Something was said or heard.
    pub(super) fn is_active(&self) {
        if let Some(connection) = self.all.0.borrow_mut().iter_mut().find(|c| c.id == self.id) {
            connection.active = Instant::now();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.0.borrow_mut().retain(|c| c.id != self.id);
    }
}
