//! What the threads of the log and its two ends share.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use kensho_protocol::ids::{Lsn, PartitionId};

use super::progress::{LogStopped, Progress};
use crate::error::StorageError;
use crate::log::RecordNumber;
use crate::log::batch::Batch;
use crate::log::trail::Trails;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    /// Something in the state changed.
    pub(super) changed: Condvar,
    /// Never locked together with the state.
    pub(super) trails: Mutex<Trails>,
}

#[derive(Debug)]
pub(super) struct State {
    /// What waits to be written next.
    pub(super) pending: Batch,
    /// What waits after that. Nothing, unless the disk is slow or full: a batch has its limit.
    pub(super) later: VecDeque<Batch>,
    /// Bytes of that, and of what is being written.
    pub(super) backlog_bytes: usize,
    pub(super) durable: RecordNumber,
    /// Somebody waits for what is pending to be safe, so that its flush must not be delayed.
    pub(super) at_once: bool,
    /// The thread that writes waits for something to write, and has to be told.
    pub(super) writer_idle: bool,
    pub(super) checkpointed: Vec<(PartitionId, Lsn)>,
    /// Checkpoints for which there was no room.
    pub(super) refused: Vec<(PartitionId, Arc<StorageError>)>,
    /// Why there is no segment to spare.
    pub(super) full: Option<Arc<StorageError>>,
    /// That has changed since it was last told.
    pub(super) room_changed: bool,
    pub(super) closing: bool,
    pub(super) stopped: Option<LogStopped>,
    pub(super) waker: Option<Waker>,
}

/// Batches are not joined to longer ones than this, in bytes.
const JOINED_MAX: usize = 64 << 20;

impl State {
    /// Takes over all records of `batch`, and leaves it empty.
    pub(super) fn hand_over(&mut self, batch: &mut Batch) {
        self.backlog_bytes += batch.size_bytes();
        let joined = self.pending.size_bytes() + batch.size_bytes();
        // When the disk is full, what is short may have room that something longer has not.
        let join = self.later.is_empty() && self.full.is_none() && joined <= JOINED_MAX;
        if self.pending.is_empty() || join {
            self.pending.take(batch);
        } else {
            let next = Batch::after(batch.last());
            self.later.push_back(std::mem::replace(batch, next));
        }
    }

    /// Moves what is to be written next to `batch`, which is empty.
    pub(super) fn take_next(&mut self, batch: &mut Batch) {
        batch.take(&mut self.pending);
        if let Some(next) = self.later.pop_front() {
            self.pending = next;
        }
    }

    pub(super) fn news(&mut self, seen: &mut RecordNumber) -> Option<Result<Progress, LogStopped>> {
        let more = self.durable > *seen || std::mem::take(&mut self.room_changed);
        if more || !self.checkpointed.is_empty() || !self.refused.is_empty() {
            *seen = self.durable;
            return Some(Ok(Progress {
                durable: self.durable,
                checkpointed: std::mem::take(&mut self.checkpointed),
                refused: std::mem::take(&mut self.refused),
            }));
        }
        self.stopped.clone().map(Err)
    }
}

impl Shared {
    /// Of a log in which everything up to `durable` is safe.
    pub(super) fn new(durable: RecordNumber, trails: Trails) -> Self {
        Shared {
            state: Mutex::new(State {
                pending: Batch::after(durable),
                later: VecDeque::new(),
                backlog_bytes: 0,
                durable,
                at_once: false,
                writer_idle: false,
                checkpointed: Vec::new(),
                refused: Vec::new(),
                full: None,
                room_changed: false,
                closing: false,
                stopped: None,
                waker: None,
            }),
            changed: Condvar::new(),
            trails: Mutex::new(trails),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn trails(&self) -> MutexGuard<'_, Trails> {
        self.trails.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait_at_most<'a>(
        &self,
        state: MutexGuard<'a, State>,
        time: Duration,
    ) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout(state, time);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Notes whether there is room for another segment.
    pub(super) fn set_full(&self, full: Option<StorageError>) {
        if self.lock().full.is_some() == full.is_some() {
            return;
        }
        self.update(|state| {
            state.full = full.map(Arc::new);
            state.room_changed = true;
        });
    }

    /// Changes the state, and tells everybody who waits.
    pub(super) fn update(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let waker = state.waker.take();
        drop(state);
        self.changed.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The first reason counts.
    pub(super) fn stop(&self, why: LogStopped) {
        self.update(|state| {
            state.stopped.get_or_insert(why);
        });
    }

    pub(super) fn fail(&self, error: StorageError) {
        self.stop(LogStopped::Failed(Arc::new(error)));
    }
}

/// Notes that a thread panicked.
pub(super) struct Guard(pub(super) Arc<Shared>);

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop(LogStopped::Panicked);
        }
    }
}
