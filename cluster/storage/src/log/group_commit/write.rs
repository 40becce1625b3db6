//! The thread that writes and flushes, and the one that makes its segments.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError};
use std::time::Duration;

use super::shared::Shared;
use crate::disk::Disk;
use crate::error::StorageError;
use crate::log::batch::Batch;
use crate::log::segment::Segment;
use crate::log::writer::{Wanted, Writer};

/// How often a full disk is asked whether it has room again.
const ASK_FOR_ROOM: Duration = Duration::from_millis(250);

/// The body of the thread that writes.
pub(super) fn write<D: Disk>(
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
                if state.full.is_none() {
                    state = shared.wait(state);
                } else {
                    // Nobody says when there is room on a disk, so it is asked now and then.
                    drop(shared.wait_at_most(state, ASK_FOR_ROOM));
                    segments.exchange(&mut writer, shared);
                    state = shared.lock();
                }
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
    segments.wait(&mut writer, shared);
    if let Err(error) = writer.seal(&mut disk) {
        shared.fail(error);
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
            None => shared.lock().full = None,
        }
    }

    /// Waits until the next segment is made, or could not be. The writer may make one itself then; if
    /// that fails too, the log stops.
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
            Err(error) if error.is_full() => shared.update(|state| {
                state.full = Some(Arc::new(error));
            }),
            Err(error) => shared.fail(error),
        }
    }
}

/// The body of the thread that makes segments.
pub(super) fn make_segments<D: Disk>(
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
