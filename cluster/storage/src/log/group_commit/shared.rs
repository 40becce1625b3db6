//! What the threads of the log and its two ends share.

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
    /// What waits to be written.
    pub(super) pending: Batch,
    /// Bytes of that, and of what is being written.
    pub(super) backlog_bytes: usize,
    pub(super) durable: RecordNumber,
    /// Somebody waits for what is pending to be safe, so that its flush must not be delayed.
    pub(super) at_once: bool,
    /// The thread that writes waits for something to write, and has to be told.
    pub(super) writer_idle: bool,
    pub(super) checkpointed: Vec<(PartitionId, Lsn)>,
    pub(super) full: Option<Arc<StorageError>>,
    pub(super) closing: bool,
    pub(super) stopped: Option<LogStopped>,
    pub(super) waker: Option<Waker>,
}

impl State {
    pub(super) fn news(&mut self, seen: &mut RecordNumber) -> Option<Result<Progress, LogStopped>> {
        if self.durable > *seen || !self.checkpointed.is_empty() {
            *seen = self.durable;
            return Some(Ok(Progress {
                durable: self.durable,
                checkpointed: std::mem::take(&mut self.checkpointed),
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
                backlog_bytes: 0,
                durable,
                at_once: false,
                writer_idle: false,
                checkpointed: Vec::new(),
                full: None,
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
