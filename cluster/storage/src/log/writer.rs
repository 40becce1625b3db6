//! Writes batches into segments, one after the other.

use kensho_protocol::ids::NodeId;

use super::batch::{Batch, Before, Place};
use super::segment::{self, Segment};
use super::trail::Extent;
use super::{LogSettings, RecordNumber, checkpoint};
use crate::disk::Disk;
use crate::error::StorageError;

/// The end of the log.
#[derive(Clone, Debug)]
pub(crate) struct Writer<F> {
    node: NodeId,
    settings: LogSettings,
    current: Segment<F>,
    /// Where the next batch goes.
    offset: u64,
    /// The next segment, made ahead of time.
    spare: Option<Segment<F>>,
    written: RecordNumber,
    durable: RecordNumber,
    /// The last batch is one of [`Writer::seal`].
    sealed: bool,
    /// Something failed: what is on the disk is not known any more.
    stopped: bool,
}

impl<F> Writer<F> {
    /// Continues a log after the record `last`, at the end of `current`.
    pub(crate) fn new(
        node: NodeId,
        settings: LogSettings,
        current: Segment<F>,
        end: End,
        spare: Option<Segment<F>>,
        last: RecordNumber,
    ) -> Self {
        Writer {
            node,
            settings,
            current,
            offset: end.offset,
            spare,
            written: last,
            durable: last,
            sealed: end.sealed,
            stopped: false,
        }
    }

    /// The last record that is certainly on the disk.
    pub(crate) fn durable(&self) -> RecordNumber {
        self.durable
    }

    /// The last record that was written.
    pub(crate) fn written(&self) -> RecordNumber {
        self.written
    }

    /// The segment that should be made ahead of time, if there is none.
    pub(crate) fn wanted(&self) -> Option<Wanted> {
        self.spare.is_none().then_some(Wanted {
            node: self.node,
            number: self.current.number + 1,
            length: self.settings.segment_bytes,
        })
    }

    /// Takes a segment that was made ahead of time.
    pub(crate) fn give(&mut self, spare: Segment<F>) {
        if spare.number == self.current.number + 1 {
            self.spare = Some(spare);
        }
    }

    /// Whether another batch may be written before [`Writer::sync`].
    pub(crate) fn may_write(&self) -> bool {
        self.written == self.durable || self.settings.durability.is_delayed()
    }

    /// Whether the present segment has room for it.
    pub(crate) fn fits(&self, batch: &Batch) -> bool {
        self.offset + batch.length_in_segment() <= self.current.length
    }

    /// Writes a batch, the images that it names first, and says into which segment. Unless
    /// durability is delayed batches are flushed one by one: [`Writer::sync`] has to be called before
    /// the next one is written.
    pub(crate) fn write<D: Disk<File = F>>(
        &mut self,
        disk: &mut D,
        batch: &mut Batch,
    ) -> Result<Extent, StorageError> {
        assert!(!self.stopped, "a log that failed is not written to again");
        assert!(
            self.may_write(),
            "one batch is flushed at a time, unless durability is delayed"
        );
        let written = self.try_write(disk, batch);
        self.stopped = written.is_err();
        written
    }

    fn try_write<D: Disk<File = F>>(
        &mut self,
        disk: &mut D,
        batch: &mut Batch,
    ) -> Result<Extent, StorageError> {
        for image in &batch.images {
            checkpoint::write_image(disk, image)?;
        }
        let length = batch.length_in_segment();
        if !self.fits(batch) {
            self.roll(disk, length)?;
        }
        let place = Place {
            node: self.node,
            segment: self.current.number,
            offset: self.offset,
        };
        let before = match self.written == self.durable {
            true => Before::Flushed,
            false => Before::Unflushed,
        };
        let bytes = batch.seal(place, before);
        disk.write_at(&self.current.file, self.offset, bytes)
            .map_err(StorageError::io(
                "write",
                disk.path(&segment::name(self.current.number)),
            ))?;
        self.offset += length;
        self.sealed = false;
        self.written = batch.last();
        Ok(Extent {
            segment: self.current.number,
            bytes: self.current.length,
        })
    }

    /// Writes a batch without records: it says that the one before is safe, so that damage to that one
    /// cannot be taken for a torn write. [`Writer::sync`] must have been called; this flushes by itself.
    pub(crate) fn seal<D: Disk<File = F>>(&mut self, disk: &mut D) -> Result<(), StorageError> {
        if self.sealed {
            return Ok(());
        }
        self.write(disk, &mut Batch::after(self.written))?;
        self.flush(disk)?;
        self.sealed = true;
        Ok(())
    }

    /// Goes on in the next segment, which has room for `length` bytes. What was not flushed stands in
    /// one segment only.
    fn roll<D: Disk<File = F>>(&mut self, disk: &mut D, length: u64) -> Result<(), StorageError> {
        self.sync(disk)?;
        let needed = segment::BATCHES + length;
        let spare = self.spare.take().filter(|spare| spare.length >= needed);
        self.current = match spare {
            Some(spare) => spare,
            None => Segment::create(
                disk,
                self.node,
                self.current.number + 1,
                needed.max(self.settings.segment_bytes),
            )?,
        };
        self.offset = segment::BATCHES;
        Ok(())
    }

    /// Flushes what was written.
    pub(crate) fn sync<D: Disk<File = F>>(
        &mut self,
        disk: &mut D,
    ) -> Result<RecordNumber, StorageError> {
        assert!(!self.stopped, "a failed flush is never tried again");
        if self.durable < self.written {
            self.flush(disk)?;
            self.durable = self.written;
        }
        Ok(self.durable)
    }

    fn flush<D: Disk<File = F>>(&mut self, disk: &mut D) -> Result<(), StorageError> {
        let flushed = disk.sync(&self.current.file);
        self.stopped = flushed.is_err();
        flushed.map_err(StorageError::io(
            "flush",
            disk.path(&segment::name(self.current.number)),
        ))
    }
}

/// Where the last batch ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    /// In the segment, in bytes.
    pub(crate) offset: u64,
    /// Whether there is no batch, or it is one of [`Writer::seal`].
    pub(crate) sealed: bool,
}

/// A segment that should be made ahead of time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    node: NodeId,
    number: u64,
    length: u64,
}

impl Wanted {
    /// Makes it.
    pub(crate) fn create<D: Disk>(self, disk: &mut D) -> Result<Segment<D::File>, StorageError> {
        Segment::create(disk, self.node, self.number, self.length)
    }
}
