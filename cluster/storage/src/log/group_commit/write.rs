//! The thread that writes and flushes, and the one that makes its segments.

use std::sync::mpsc::{Receiver, Sender, TryRecvError};
use std::time::{Duration, Instant};

use super::shared::Shared;
use crate::disk::Disk;
use crate::error::StorageError;
use crate::log::Durability;
use crate::log::batch::Batch;
use crate::log::segment::Segment;
use crate::log::trail::{Extent, Step};
use crate::log::writer::{Wanted, Writer};

/// How often a full disk is asked whether it has room again.
const ASK_FOR_ROOM: Duration = Duration::from_millis(250);
/// If durability is delayed, a write follows the one before it after this long: a process that is
/// killed loses so much, even if the machine goes on.
const WRITE_INTERVAL: Duration = Duration::from_millis(2);

/// The body of the thread that writes.
pub(super) fn write<D: Disk>(
    disk: D,
    shared: &Shared,
    writer: Writer<D::File>,
    segments: Segments<D::File>,
    durability: Durability,
) {
    let mut thread = WriteThread {
        batch: Batch::after(writer.durable()),
        disk,
        shared,
        writer,
        segments,
        durability,
        unsafe_steps: Vec::new(),
        flush_at: None,
    };
    match thread.run() {
        Ok(()) => {}
        Err(error) => shared.fail(error),
    }
}

/// The thread that writes, with what it works on.
struct WriteThread<'a, D: Disk> {
    disk: D,
    shared: &'a Shared,
    writer: Writer<D::File>,
    segments: Segments<D::File>,
    durability: Durability,
    batch: Batch,
    /// What was written and not flushed, and into which segment: only what is safe counts for the
    /// trails.
    unsafe_steps: Vec<(Extent, Step)>,
    /// When what was written has to be flushed at the latest.
    flush_at: Option<Instant>,
}

/// What is to be done next.
enum Next {
    /// A batch was taken. Its bytes are safe only when it is, `at_once` says whether that is urgent.
    Write { bytes: usize, at_once: bool },
    /// What was written is to be flushed.
    Flush,
    /// There will be nothing more.
    End,
    /// Something failed elsewhere.
    Stop,
}

impl<D: Disk> WriteThread<'_, D> {
    fn run(&mut self) -> Result<(), StorageError> {
        loop {
            self.segments.exchange(&mut self.writer, self.shared);
            match self.next() {
                Next::Write { bytes, at_once } => self.write(bytes, at_once)?,
                Next::Flush => self.flush(0)?,
                Next::End => break,
                Next::Stop => return Ok(()),
            }
        }
        self.flush(0)?;
        self.segments.wait(&mut self.writer, self.shared);
        self.writer.seal(&mut self.disk)
    }

    /// Waits for something to do.
    fn next(&mut self) -> Next {
        let mut state = self.shared.lock();
        loop {
            if state.stopped.is_some() {
                return Next::Stop;
            }
            let overdue = self.flush_at.is_some_and(|at| at <= Instant::now());
            if overdue || state.at_once && state.pending.is_empty() {
                state.at_once = false;
                return Next::Flush;
            }
            if !state.pending.is_empty() {
                state.take_next(&mut self.batch);
                return Next::Write {
                    bytes: state.backlog_bytes,
                    at_once: std::mem::take(&mut state.at_once),
                };
            }
            if state.closing {
                return Next::End;
            }
            state.writer_idle = true;
            if state.full.is_some() {
                // Nobody says when there is room on a disk, so it is asked now and then.
                drop(self.shared.wait_at_most(state, ASK_FOR_ROOM));
                self.segments.exchange(&mut self.writer, self.shared);
                state = self.shared.lock();
            } else if let Some(flush_at) = self.flush_at {
                let time = flush_at.saturating_duration_since(Instant::now());
                state = self.shared.wait_at_most(state, time);
            } else {
                state = self.shared.wait(state);
            }
            state.writer_idle = false;
        }
    }

    fn write(&mut self, bytes: usize, at_once: bool) -> Result<(), StorageError> {
        if !self.writer.fits(&self.batch) {
            // It is flushed before another one begins anyway; here others hear that it is safe, so that
            // it can be forgotten as soon as possible.
            self.flush(0)?;
            self.segments.wait(&mut self.writer, self.shared);
        }
        let segment = loop {
            match self.writer.write(&mut self.disk, &mut self.batch) {
                Ok(segment) => break segment,
                Err(error) if error.is_full() => self.wait_for_room(error)?,
                Err(error) => return Err(error),
            }
        };
        self.shared.trails().writes_to(segment);
        let steps = self.batch.steps.drain(..).map(|step| (segment, step));
        self.unsafe_steps.extend(steps);
        self.batch.clear(self.writer.written());
        match self.durability {
            Durability::Delayed { flush_interval } if !at_once => {
                self.flush_at
                    .get_or_insert_with(|| Instant::now() + flush_interval);
                self.pause(bytes);
                Ok(())
            }
            Durability::Sync | Durability::Delayed { .. } => self.flush(bytes),
        }
    }

    /// Waits a while for room; nothing can be written before there is some.
    fn wait_for_room(&mut self, error: StorageError) -> Result<(), StorageError> {
        // What stands in the last segment is not to wait with the rest.
        self.flush(0)?;
        let state = self.shared.lock();
        if state.closing || state.stopped.is_some() {
            return Err(error);
        }
        drop(state);
        self.shared.set_full(Some(error));
        let until = Instant::now() + ASK_FOR_ROOM;
        let mut state = self.shared.lock();
        while !state.closing && state.stopped.is_none() {
            let time = until.saturating_duration_since(Instant::now());
            if time.is_zero() {
                break;
            }
            state = self.shared.wait_at_most(state, time);
        }
        Ok(())
    }

    /// Lets more gather before the next write: it is not waited for.
    fn pause(&self, written_bytes: usize) {
        let mut state = self.shared.lock();
        state.backlog_bytes -= written_bytes;
        let until = Instant::now() + WRITE_INTERVAL;
        while !state.at_once && !state.closing && state.stopped.is_none() {
            let time = until.saturating_duration_since(Instant::now());
            if time.is_zero() {
                return;
            }
            state = self.shared.wait_at_most(state, time);
        }
    }

    /// Makes safe what was written. `bytes` of it counted as backlog until now: who hears that they
    /// are safe finds them gone from there.
    fn flush(&mut self, bytes: usize) -> Result<(), StorageError> {
        self.flush_at = None;
        let durable = self.writer.sync(&mut self.disk)?;
        let mut trails = self.shared.trails();
        for (segment, step) in self.unsafe_steps.drain(..) {
            trails.add(segment, &step);
        }
        drop(trails);
        self.shared.update(|state| {
            state.durable = durable;
            state.backlog_bytes -= bytes;
        });
        Ok(())
    }
}

/// The thread that writes, as a customer of the one that makes segments.
pub(super) struct Segments<F> {
    want: Sender<Wanted>,
    made: Receiver<Result<Segment<F>, StorageError>>,
    /// A segment is being made. Nobody else may make one then.
    outstanding: bool,
}

impl<F> Segments<F> {
    pub(super) fn new(
        want: Sender<Wanted>,
        made: Receiver<Result<Segment<F>, StorageError>>,
    ) -> Self {
        Segments {
            want,
            made,
            outstanding: false,
        }
    }

    /// Takes a segment that is ready, and asks for the next one.
    fn exchange(&mut self, writer: &mut Writer<F>, shared: &Shared) {
        if self.outstanding {
            match self.made.try_recv() {
                Ok(made) => self.take(made, writer, shared),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => self.outstanding = false,
            }
        }
        match writer.wanted() {
            Some(wanted) => self.outstanding = self.want.send(wanted).is_ok(),
            None => shared.set_full(None),
        }
    }

    /// Waits until the next segment is made, or could not be. The writer may make one itself then; if
    /// there is no room for that either, it has to wait.
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
            Ok(segment) => writer.give(segment),
            Err(full) => shared.set_full(Some(full)),
        }
    }
}

/// The body of the thread that makes segments. Any other failure than that there is no room stops the
/// log here: the thread that writes may not ask for long what became of its segment.
pub(super) fn make_segments<D: Disk>(
    mut disk: D,
    shared: &Shared,
    wanted: &Receiver<Wanted>,
    give: &Sender<Result<Segment<D::File>, StorageError>>,
) {
    let mut full = false;
    while let Ok(wanted) = wanted.recv() {
        let made = match full {
            false => wanted.create(&mut disk),
            true => wanted.create_with_room(&mut disk),
        };
        full = match &made {
            Ok(_) => false,
            Err(error) => error.is_full(),
        };
        match made {
            Err(error) if !full => return shared.fail(error),
            made => {
                if give.send(made).is_err() {
                    return;
                }
            }
        }
    }
}
