//! Says how far the log is.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use kensho_protocol::ids::{Lsn, PartitionId};

use super::shared::Shared;
use crate::error::StorageError;
use crate::log::RecordNumber;

/// The log takes nothing any more.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LogStopped {
    /// A write or a flush failed; it is not tried again.
    #[error("{0}")]
    Failed(Arc<StorageError>),
    /// It was closed; everything that was committed before is safe.
    #[error("the log is closed")]
    Closed,
    /// One of its threads ended in a panic, which is a bug.
    #[error(
        "a thread of the log panicked; the node stops, since it cannot know what reached the disk"
    )]
    Panicked,
}

/// How far the log is.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Everything up to this record is safe.
    pub durable: RecordNumber,
    /// The checkpoints that took effect since the last time, with the last entry that each knows.
    pub checkpointed: Vec<(PartitionId, Lsn)>,
    /// The checkpoints for which there was no room since the last time, and why.
    pub refused: Vec<(PartitionId, Arc<StorageError>)>,
}

/// What became of a log whose [`LogAppender`](super::LogAppender) is gone.
#[derive(Debug)]
pub struct LogEnding(pub(super) Arc<Shared>);

impl LogEnding {
    /// Whether the log was closed, and everything that was handed over before is safe.
    #[must_use]
    pub fn is_safe(&self) -> bool {
        let state = self.0.lock();
        matches!(state.stopped, Some(LogStopped::Closed)) && state.pending.is_empty()
    }
}

/// The end of the log that says how far it is.
#[derive(Debug)]
pub struct LogProgress {
    shared: Arc<Shared>,
    seen: RecordNumber,
}

impl LogProgress {
    pub(super) fn new(shared: Arc<Shared>, seen: RecordNumber) -> Self {
        LogProgress { shared, seen }
    }

    /// Waits for news: more is safe, a checkpoint took effect or found no room, there is room for
    /// another segment or none any more ([`LogAppender::full`](super::LogAppender::full)), or the log
    /// stopped. Nothing is lost
    /// when this is dropped before it is done.
    ///
    /// # Errors
    /// When the log has stopped, and everything before was said.
    pub async fn next(&mut self) -> Result<Progress, LogStopped> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// As [`LogProgress::next`].
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Progress, LogStopped>> {
        let mut state = self.shared.lock();
        if let Some(news) = state.news(&mut self.seen) {
            return Poll::Ready(news);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// As [`LogProgress::next`], for a thread that has nothing else to do.
    ///
    /// # Errors
    /// As [`LogProgress::next`].
    pub fn wait(&mut self) -> Result<Progress, LogStopped> {
        let mut state = self.shared.lock();
        loop {
            if let Some(news) = state.news(&mut self.seen) {
                return news;
            }
            state = self.shared.wait(state);
        }
    }

    /// Waits until everything up to `number` is safe.
    ///
    /// # Errors
    /// When the log has stopped before.
    pub fn wait_for(&mut self, number: RecordNumber) -> Result<(), LogStopped> {
        while self.seen < number {
            self.wait()?;
        }
        Ok(())
    }
}
