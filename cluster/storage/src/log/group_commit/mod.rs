//! The log on threads of its own, so that the node's data thread never waits for the disk.
//!
//! - One thread writes and flushes. While a flush runs, whatever is appended gathers in the next batch
//!   (group commit). If durability is delayed it writes every few milliseconds, and flushes at an
//!   interval.
//! - One makes the next segment ahead of time.
//! - One writes checkpoints and removes what they make superfluous.

mod checkpoints;
mod progress;
mod shared;
mod write;

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use kensho_protocol::ids::PartitionId;
use kensho_protocol::record::Record;

use super::batch::Batch;
use super::store::Store;
use super::{Checkpoint, LogSettings, RecordNumber};
use crate::disk::Disk;
use crate::error::StorageError;
use checkpoints::{CheckpointRequest, write_checkpoints};
pub use progress::{LogEnding, LogProgress, LogStopped, Progress};
use shared::{Guard, Shared};
use write::{Segments, make_segments, write};

/// What is longer than this is handed over without being asked, in bytes: a batch has its limit.
const COMMITTED_AT: usize = 64 << 20;

/// The end of the log that takes records: held by the node's data thread.
///
/// [`LogAppender::append`] encodes, [`LogAppender::commit`] hands over what was appended. That it is
/// safe is said by [`LogProgress`].
/// When this is dropped, what was handed over is written still, and the threads end.
#[derive(Debug)]
pub struct LogAppender {
    batch: Batch,
    settings: LogSettings,
    shared: Arc<Shared>,
    checkpoints: Option<Sender<CheckpointRequest>>,
    threads: Vec<JoinHandle<()>>,
}

/// Puts a log on threads.
///
/// # Errors
/// When no thread can be started.
pub fn start<D>(store: Store<D::File>, disk: &D) -> Result<(LogAppender, LogProgress), StorageError>
where
    D: Disk + Clone + Send + 'static,
    D::File: Send + 'static,
{
    let Store {
        settings,
        batch,
        writer,
        manifest,
        mut trails,
        ..
    } = store;
    trails.writes_to(writer.extent());
    let durable = writer.durable();
    let shared = Arc::new(Shared::new(durable, trails));
    let (want, wanted) = channel();
    let (give, made) = channel();
    let (checkpoints, requests) = channel();
    let segments = Segments::new(want, made);

    let mut threads = Vec::new();
    let mut spawn = |name: &str, body: Box<dyn FnOnce() + Send>| {
        let guard = Guard(Arc::clone(&shared));
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                body();
                drop(guard);
            })
            .map(|thread| threads.push(thread))
            .map_err(StorageError::io("start the thread", name))
    };
    let (own, state) = (disk.clone(), Arc::clone(&shared));
    spawn(
        "log-write",
        Box::new(move || write(own, &state, writer, segments, settings.durability)),
    )?;
    let (own, state) = (disk.clone(), Arc::clone(&shared));
    spawn(
        "log-segments",
        Box::new(move || make_segments(own, &state, &wanted, &give)),
    )?;
    let (own, state) = (disk.clone(), Arc::clone(&shared));
    spawn(
        "log-checkpoints",
        Box::new(move || write_checkpoints(own, &state, manifest, &requests)),
    )?;

    let appender = LogAppender {
        batch,
        settings,
        shared: Arc::clone(&shared),
        checkpoints: Some(checkpoints),
        threads,
    };
    let progress = LogProgress::new(shared, durable);
    Ok((appender, progress))
}

impl LogAppender {
    /// Encodes a record, and says which number it has. It goes to the disk with the next
    /// [`LogAppender::commit`] at the latest.
    pub fn append(&mut self, partition: PartitionId, record: &Record) -> RecordNumber {
        let number = self.batch.append(partition, record);
        if self.batch.size_bytes() > COMMITTED_AT {
            self.commit();
        }
        number
    }

    /// Hands everything that was appended to the thread that writes.
    pub fn commit(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let mut state = self.shared.lock();
        state.hand_over(&mut self.batch);
        let idle = std::mem::take(&mut state.writer_idle);
        drop(state);
        // A busy one looks by itself before it waits.
        if idle {
            self.shared.changed.notify_all();
        }
    }

    /// As [`LogAppender::commit`], and makes all of it safe soon, even if durability is delayed.
    pub fn commit_at_once(&mut self) {
        self.commit();
        self.shared.lock().at_once = true;
        self.shared.changed.notify_all();
    }

    /// Tells later, when this is gone, whether everything is safe.
    #[must_use]
    pub fn ending(&self) -> LogEnding {
        LogEnding(Arc::clone(&self.shared))
    }

    /// The last record that was appended.
    #[must_use]
    pub fn appended(&self) -> RecordNumber {
        self.batch.last()
    }

    /// Bytes that were handed over and are not safe yet. Nothing here limits them: the node takes no
    /// more statements when they are too many.
    #[must_use]
    pub fn backlog_bytes(&self) -> usize {
        self.shared.lock().backlog_bytes
    }

    /// Why there is no room for another segment, if there is none. The log goes on while the present
    /// one has room. Then it waits: nothing more is safe until there is room.
    #[must_use]
    pub fn full(&self) -> Option<Arc<StorageError>> {
        self.shared.lock().full.clone()
    }

    /// The partitions that should be checkpointed, since they keep the log longer than
    /// [`LogSettings::checkpoint_after_bytes`].
    #[must_use]
    pub fn due_checkpoints(&self) -> Vec<PartitionId> {
        self.shared
            .trails()
            .holding_back(self.settings.kept_bytes())
    }

    /// How much may be appended at present, in bytes: less than half of
    /// [`LogSettings::checkpoint_after_bytes`] if the log is longer than that, and nothing if it is half
    /// as long again. Whoever appends no more than this, or a single record if there is any room, keeps
    /// the log on disk within twice its setting. There is always room again when the checkpoints that are
    /// due have taken effect.
    #[must_use]
    pub fn room_bytes(&self) -> u64 {
        let backlog = self.backlog_bytes() as u64;
        let waiting = backlog + self.batch.size_bytes() as u64;
        let trails = self.shared.trails();
        let length = trails.bytes() + self.settings.segment_bytes + waiting;
        let room = self.settings.longest_bytes().saturating_sub(length);
        let shortest = || trails.holding_back(self.settings.kept_bytes()).is_empty();
        if room == 0 && backlog == 0 && self.batch.is_empty() && shortest() {
            // Nothing but the segment that is written to is long.
            return (self.settings.checkpoint_after_bytes / 2).max(1);
        }
        room
    }

    /// Replaces the beginning of a partition's log by a checkpoint that was taken just now: after the
    /// replica's `flush`, and with everything that it asked to be kept appended, so that the checkpoint
    /// knows no more than the log. It takes effect some time after everything that was
    /// appended so far is safe; [`Progress::checkpointed`] says when. If the disk is full it never
    /// does, as [`Progress::refused`] says.
    pub fn checkpoint(&mut self, partition: PartitionId, checkpoint: Checkpoint) {
        let request = CheckpointRequest {
            partition,
            as_of: self.appended(),
            checkpoint,
        };
        // It waits for what was appended, and the log on disk grows as long as it does.
        self.commit_at_once();
        if let Some(checkpoints) = &self.checkpoints {
            // If the thread is gone the log has stopped, which is said elsewhere.
            let _ = checkpoints.send(request);
        }
    }

    /// Writes what was appended, and waits until it is safe.
    ///
    /// # Errors
    /// When the log has failed.
    pub fn close(mut self) -> Result<RecordNumber, LogStopped> {
        self.commit();
        self.end();
        let state = self.shared.lock();
        match &state.stopped {
            None | Some(LogStopped::Closed) => Ok(state.durable),
            Some(stopped) => Err(stopped.clone()),
        }
    }

    fn end(&mut self) {
        self.checkpoints = None;
        self.shared.lock().closing = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            // A panic has been noted by the thread's guard.
            let _ = thread.join();
        }
        self.shared.stop(LogStopped::Closed);
    }
}

impl Drop for LogAppender {
    fn drop(&mut self) {
        self.end();
    }
}
