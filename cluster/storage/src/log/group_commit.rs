//! The log on threads of its own, so that the node's data thread never waits for the disk.
//!
//! - One thread writes and flushes. While a flush runs, whatever is appended gathers in the next batch
//!   (group commit).
//! - One makes the next segment ahead of time.
//! - One writes checkpoints and removes what they make superfluous.

use std::future::poll_fn;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;

use kensho_protocol::ids::{Lsn, PartitionId};
use kensho_protocol::record::Record;

use super::batch::Batch;
use super::manifest::Manifest;
use super::segment::Segment;
use super::store::Store;
use super::trail::Trails;
use super::writer::{Wanted, Writer};
use super::{Checkpoint, LogSettings, RecordNumber};
use crate::disk::Disk;
use crate::error::StorageError;

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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Everything up to this record is safe.
    pub durable: RecordNumber,
    /// The checkpoints that took effect since the last time, with the last entry that each knows.
    pub checkpointed: Vec<(PartitionId, Lsn)>,
}

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

/// The end of the log that says how far it is.
#[derive(Debug)]
pub struct LogProgress {
    shared: Arc<Shared>,
    seen: RecordNumber,
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
        trails,
        ..
    } = store;
    let durable = writer.durable();
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            pending: Batch::after(durable),
            backlog_bytes: 0,
            durable,
            checkpointed: Vec::new(),
            full: None,
            closing: false,
            stopped: None,
            waker: None,
        }),
        changed: Condvar::new(),
        trails: Mutex::new(trails),
    });
    let (want, wanted) = channel();
    let (give, made) = channel();
    let (checkpoints, requests) = channel();
    let segments = Segments {
        want: Some(want),
        made,
        outstanding: false,
    };

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
        Box::new(move || write(own, &state, writer, segments)),
    )?;
    let own = disk.clone();
    spawn(
        "log-segments",
        Box::new(move || make_segments(own, &wanted, &give)),
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
    let progress = LogProgress {
        shared,
        seen: durable,
    };
    Ok((appender, progress))
}

impl LogAppender {
    /// Encodes a record, and says which number it has. It goes to the disk with the next
    /// [`LogAppender::commit`].
    pub fn append(&mut self, partition: PartitionId, record: &Record) -> RecordNumber {
        self.batch.append(partition, record)
    }

    /// Hands everything that was appended to the thread that writes.
    pub fn commit(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let mut state = self.shared.lock();
        state.backlog_bytes += self.batch.size_bytes();
        state.pending.take(&mut self.batch);
        drop(state);
        self.shared.changed.notify_all();
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
    /// one has room; if room has not been made by then, it stops.
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
            .holding_back(self.settings.segments_kept())
    }

    /// Replaces the beginning of a partition's log by a checkpoint that was taken just now: after the
    /// replica's `flush`, and with everything that it asked to be kept appended, so that the checkpoint
    /// knows no more than the log. It takes effect some time after everything that was
    /// appended so far is safe; [`Progress::checkpointed`] says when. If the disk is full it never
    /// does, and the partition stays due.
    pub fn checkpoint(&mut self, partition: PartitionId, checkpoint: Checkpoint) {
        let request = CheckpointRequest {
            partition,
            as_of: self.appended(),
            checkpoint,
        };
        self.commit();
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

impl LogProgress {
    /// Waits for news: more is safe, a checkpoint took effect, or the log stopped. Nothing is lost
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

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Something in the state changed.
    changed: Condvar,
    /// Never locked together with the state.
    trails: Mutex<Trails>,
}

#[derive(Debug)]
struct State {
    /// What waits to be written.
    pending: Batch,
    /// Bytes of that, and of what is being written.
    backlog_bytes: usize,
    durable: RecordNumber,
    checkpointed: Vec<(PartitionId, Lsn)>,
    full: Option<Arc<StorageError>>,
    closing: bool,
    stopped: Option<LogStopped>,
    waker: Option<Waker>,
}

impl State {
    fn news(&mut self, seen: &mut RecordNumber) -> Option<Result<Progress, LogStopped>> {
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
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trails(&self) -> MutexGuard<'_, Trails> {
        self.trails.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and tells everybody who waits.
    fn update(&self, change: impl FnOnce(&mut State)) {
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
    fn stop(&self, why: LogStopped) {
        self.update(|state| {
            state.stopped.get_or_insert(why);
        });
    }

    fn fail(&self, error: StorageError) {
        self.stop(LogStopped::Failed(Arc::new(error)));
    }
}

/// Notes that a thread panicked.
struct Guard(Arc<Shared>);

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop(LogStopped::Panicked);
        }
    }
}

/// The body of the thread that writes.
fn write<D: Disk>(
    mut disk: D,
    shared: &Shared,
    mut writer: Writer<D::File>,
    mut segments: Segments<D::File>,
) {
    let mut batch = Batch::after(writer.durable());
    loop {
        segments.exchange(&mut writer, shared);
        let bytes = {
            let mut state = shared.lock();
            while state.pending.is_empty() && !state.closing && state.stopped.is_none() {
                state = shared.wait(state);
            }
            if state.stopped.is_some() {
                return;
            }
            if state.pending.is_empty() {
                break;
            }
            batch.take(&mut state.pending);
            state.backlog_bytes
        };
        if !writer.fits(&batch) {
            segments.wait(&mut writer, shared);
        }
        let written = writer.write(&mut disk, &mut batch).and_then(|segment| {
            let durable = writer.sync(&mut disk)?;
            let mut trails = shared.trails();
            for step in &batch.steps {
                trails.add(segment, step);
            }
            Ok(durable)
        });
        match written {
            Ok(durable) => shared.update(|state| {
                state.durable = durable;
                state.backlog_bytes -= bytes;
            }),
            Err(error) => return shared.fail(error),
        }
        batch.clear(writer.written());
    }
    if let Err(error) = writer.seal(&mut disk) {
        shared.fail(error);
    }
}

/// The thread that writes, as a customer of the one that makes segments.
struct Segments<F> {
    want: Option<Sender<Wanted>>,
    made: Receiver<Result<Segment<F>, StorageError>>,
    /// A segment is being made. Nobody else may make one then.
    outstanding: bool,
}

impl<F> Segments<F> {
    /// Takes a segment that is ready, and asks for the next one.
    fn exchange(&mut self, writer: &mut Writer<F>, shared: &Shared) {
        if self.outstanding {
            match self.made.try_recv() {
                Ok(made) => self.take(made, writer, shared),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => self.outstanding = false,
            }
        }
        if let Some(wanted) = writer.wanted() {
            self.outstanding = self
                .want
                .as_ref()
                .is_some_and(|want| want.send(wanted).is_ok());
        }
    }

    /// The present segment has no room: waits until the next one is made, or could not be. If it could
    /// not, the writer tries again itself, and stops the log if that fails too.
    fn wait(&mut self, writer: &mut Writer<F>, shared: &Shared) {
        if self.outstanding
            && let Ok(made) = self.made.recv()
        {
            self.take(made, writer, shared);
        }
        self.outstanding = false;
    }

    fn take(
        &mut self,
        made: Result<Segment<F>, StorageError>,
        writer: &mut Writer<F>,
        shared: &Shared,
    ) {
        self.outstanding = false;
        match made {
            Ok(segment) => {
                writer.give(segment);
                shared.lock().full = None;
            }
            Err(error) if error.is_full() => shared.update(|state| {
                state.full = Some(Arc::new(error));
            }),
            Err(error) => shared.fail(error),
        }
    }
}

/// The body of the thread that makes segments.
fn make_segments<D: Disk>(
    mut disk: D,
    wanted: &Receiver<Wanted>,
    give: &Sender<Result<Segment<D::File>, StorageError>>,
) {
    while let Ok(wanted) = wanted.recv() {
        if give.send(wanted.create(&mut disk)).is_err() {
            return;
        }
    }
}

#[derive(Debug)]
struct CheckpointRequest {
    partition: PartitionId,
    as_of: RecordNumber,
    checkpoint: Checkpoint,
}

/// The body of the thread that writes checkpoints.
fn write_checkpoints<D: Disk>(
    mut disk: D,
    shared: &Shared,
    mut manifest: Manifest,
    requests: &Receiver<CheckpointRequest>,
) {
    while let Ok(request) = requests.recv() {
        {
            let mut state = shared.lock();
            while state.durable < request.as_of && state.stopped.is_none() {
                state = shared.wait(state);
            }
            if state.stopped.is_some() {
                return;
            }
        }
        match write_checkpoint(&mut disk, shared, &mut manifest, &request) {
            Ok(()) => shared.update(|state| {
                let base = request.checkpoint.at.lsn;
                state.checkpointed.push((request.partition, base));
            }),
            Err(error) if error.is_full() => shared.update(|state| {
                state.full = Some(Arc::new(error));
            }),
            Err(error) => return shared.fail(error),
        }
    }
}

fn write_checkpoint<D: Disk>(
    disk: &mut D,
    shared: &Shared,
    manifest: &mut Manifest,
    request: &CheckpointRequest,
) -> Result<(), StorageError> {
    let (partition, as_of) = (request.partition, request.as_of);
    manifest.add(disk, partition, as_of, &request.checkpoint)?;
    let beginning = {
        let mut trails = shared.trails();
        trails.checkpointed(partition, as_of, request.checkpoint.at.lsn);
        trails.beginning()
    };
    manifest.commit(disk, beginning)?;
    shared.trails().forget_below(manifest.beginning.0);
    Ok(())
}
