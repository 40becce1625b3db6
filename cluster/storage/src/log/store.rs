//! The log step by step, without threads.

use kensho_protocol::ids::{Incarnation, NodeId, PartitionId};
use kensho_protocol::record::Record;

use super::batch::Batch;
use super::manifest::Manifest;
use super::recovery::{self, Opened, Recovery};
use super::trail::{Extent, Step, Trails};
use super::writer::Writer;
use super::{Checkpoint, LogSettings, RecordNumber};
use crate::disk::Disk;
use crate::error::StorageError;

/// A node's update log with its checkpoints.
///
/// [`Store::append`] only encodes. [`Store::write`] hands everything that was appended to the disk,
/// and [`Store::sync`] makes it safe; what is appended in between goes with the next write.
/// After an error of a method that takes the disk, the store must not be used any more: drop it, and
/// open it again to see what is really on the disk. Only [`StorageError::Full`] changes nothing: what
/// found no room can be tried again.
#[derive(Clone, Debug)]
pub struct Store<F> {
    pub(super) settings: LogSettings,
    pub(super) batch: Batch,
    pub(super) writer: Writer<F>,
    pub(super) manifest: Manifest,
    pub(super) trails: Trails,
    /// What was written and not flushed, and into which segment. Only what is safe counts for the
    /// trails: a record that may still be lost lets nothing be forgotten.
    unsafe_steps: Vec<(Extent, Step)>,
}

impl<F> Store<F> {
    /// Begins the log of `node` in a new folder.
    ///
    /// # Errors
    /// When the disk fails or is full.
    pub fn create<D: Disk<File = F>>(
        disk: &mut D,
        node: NodeId,
        settings: LogSettings,
    ) -> Result<(), StorageError> {
        recovery::create(disk, node, settings)
    }

    /// Reads the log of `node`. `incarnation` is that of the node's data.
    ///
    /// # Errors
    /// When something is damaged or missing, or the disk fails.
    pub fn open<D: Disk<File = F>>(
        disk: &mut D,
        node: NodeId,
        incarnation: Incarnation,
        settings: LogSettings,
    ) -> Result<(Self, Recovery), StorageError> {
        let Opened {
            writer,
            manifest,
            trails,
            recovery,
        } = recovery::open(disk, node, incarnation, settings)?;
        let store = Store {
            settings,
            batch: Batch::after(writer.durable()),
            writer,
            manifest,
            trails,
            unsafe_steps: Vec::new(),
        };
        Ok((store, recovery))
    }

    /// Appends a record; it is not safe yet.
    pub fn append(&mut self, partition: PartitionId, record: &Record) -> RecordNumber {
        self.batch.append(partition, record)
    }

    /// The last record that was appended.
    #[must_use]
    pub fn appended(&self) -> RecordNumber {
        self.batch.last()
    }

    /// The last record that is safe.
    #[must_use]
    pub fn durable(&self) -> RecordNumber {
        self.writer.durable()
    }

    /// Writes what was appended; unless durability is delayed, only if nothing that was written waits
    /// for [`Store::sync`] still.
    ///
    /// # Errors
    /// When the disk fails or is full.
    pub fn write<D: Disk<File = F>>(&mut self, disk: &mut D) -> Result<(), StorageError> {
        if self.batch.is_empty() || !self.writer.may_write() {
            return Ok(());
        }
        let segment = self.writer.write(disk, &mut self.batch)?;
        let steps = self.batch.steps.drain(..).map(|step| (segment, step));
        self.unsafe_steps.extend(steps);
        self.batch.clear(self.writer.written());
        Ok(())
    }

    /// Makes what was written safe, and says up to which record everything is.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn sync<D: Disk<File = F>>(&mut self, disk: &mut D) -> Result<RecordNumber, StorageError> {
        let durable = self.writer.sync(disk)?;
        for (segment, step) in self.unsafe_steps.drain(..) {
            self.trails.add(segment, &step);
        }
        Ok(durable)
    }

    /// Ends the log for now: writes and flushes everything, and says on the disk that it did, so that
    /// the next start can tell damage to the last write from a crash in the middle of it.
    ///
    /// # Errors
    /// When the disk fails or is full.
    pub fn close<D: Disk<File = F>>(mut self, disk: &mut D) -> Result<(), StorageError> {
        self.sync(disk)?;
        self.write(disk)?;
        self.sync(disk)?;
        self.writer.seal(disk)
    }

    /// Makes the next segment ahead of time, so that [`Store::write`] need not wait for it.
    ///
    /// # Errors
    /// When there is no room. The log goes on as long as it has some.
    pub fn prepare<D: Disk<File = F>>(&mut self, disk: &mut D) -> Result<(), StorageError> {
        if let Some(wanted) = self.writer.wanted() {
            self.writer.give(wanted.create(disk)?);
        }
        Ok(())
    }

    /// Replaces the beginning of a partition's log. `as_of` is the last record that was appended when
    /// the checkpoint was taken, at a moment when everything that the replica held was appended (after
    /// its `flush`); it must be safe by now.
    ///
    /// # Errors
    /// When the disk fails or is full.
    ///
    /// # Panics
    /// When `as_of` is not safe yet: a checkpoint must not know more than the log.
    pub fn checkpoint<D: Disk<File = F>>(
        &mut self,
        disk: &mut D,
        partition: PartitionId,
        as_of: RecordNumber,
        checkpoint: &Checkpoint,
    ) -> Result<(), StorageError> {
        assert!(as_of <= self.durable(), "a checkpoint follows its log");
        self.manifest.add(disk, partition, as_of, checkpoint)?;
        self.trails
            .checkpointed(partition, as_of, checkpoint.at.lsn);
        self.manifest.commit(disk, self.trails.beginning())?;
        self.trails.forget_below(self.manifest.beginning.0);
        Ok(())
    }

    /// The partitions that should be checkpointed, since they keep the log longer than
    /// [`LogSettings::checkpoint_after_bytes`].
    #[must_use]
    pub fn due_checkpoints(&self) -> Vec<PartitionId> {
        self.trails.holding_back(self.settings.kept_bytes())
    }
}
