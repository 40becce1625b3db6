//! Writes batches into segments, one after the other.

use kensho_protocol::ids::{NodeId, PartitionId};

use super::batch::{self, ALIGNMENT, Batch, Before, Links, Place};
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
    /// By partition: its last record, or a later one; `None` if it has none.
    last: Vec<Option<RecordNumber>>,
    /// Batches have no links.
    unlinked: bool,
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
        last_of: Vec<Option<RecordNumber>>,
    ) -> Self {
        Writer {
            node,
            settings,
            current,
            offset: end.offset,
            spare,
            written: last,
            durable: last,
            last: last_of,
            unlinked: false,
            sealed: end.sealed,
            stopped: false,
        }
    }

    /// Whether batches say nothing of the records before them from now on.
    pub(crate) fn say_nothing_of_earlier_records(&mut self, nothing: bool) {
        self.unlinked = nothing;
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

    /// Whether the present segment has room for it. Room is left for the batch of [`Writer::seal`],
    /// so that a log can be closed, and opened, when the disk is full.
    pub(crate) fn fits(&self, batch: &Batch) -> bool {
        let left = match batch.is_empty() {
            true => 0,
            false => self.seal_length(batch),
        };
        self.offset + self.length_with_links(batch) + left <= self.current.length
    }

    /// What a batch takes in a segment at most.
    fn length_with_links(&self, batch: &Batch) -> u64 {
        let listed = match self.offset == segment::BATCHES || batch.is_empty() {
            true => self.last.len() + batch.steps.len(),
            false => batch.steps.len(),
        };
        let partitions = usize::from(u16::MAX).min(listed);
        (batch.length_in_segment() + Links::longest(partitions)).next_multiple_of(ALIGNMENT as u64)
    }

    /// What the batch of [`Writer::seal`] takes at most, if it follows `batch`.
    fn seal_length(&self, batch: &Batch) -> u64 {
        let partitions = usize::from(u16::MAX).min(self.last.len() + batch.steps.len());
        (batch::HEADER as u64 + Links::longest(partitions)).next_multiple_of(ALIGNMENT as u64)
    }

    /// What is said with `batch` of the records before it: of its own partitions, or of all at the
    /// beginning of a segment and at the end of a log.
    fn links(&self, batch: &Batch) -> Links {
        let all = self.offset == segment::BATCHES || batch.is_empty();
        let last_of = |partition: PartitionId| {
            let last = self.last.get(usize::from(partition.0)).copied().flatten();
            last.unwrap_or_default()
        };
        let mut partitions: Vec<PartitionId> = match all {
            true => {
                let known = (0..).map(PartitionId).zip(&self.last);
                let known = known.filter(|(_, last)| last.is_some());
                known.map(|(partition, _)| partition).collect()
            }
            false => Vec::new(),
        };
        partitions.extend(batch.steps.iter().map(|step| step.partition));
        partitions.sort_unstable();
        partitions.dedup();
        let last = partitions.into_iter().map(|p| (p, last_of(p))).collect();
        Links { all, last }
    }

    /// Writes a batch, the images that it names first, and says into which segment. Unless
    /// durability is delayed batches are flushed one by one: [`Writer::sync`] has to be called before
    /// the next one is written.
    ///
    /// If the disk is full the batch is as it was, and may be written again later.
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
        self.stopped = written.as_ref().is_err_and(|error| !error.is_full());
        written
    }

    fn try_write<D: Disk<File = F>>(
        &mut self,
        disk: &mut D,
        batch: &mut Batch,
    ) -> Result<Extent, StorageError> {
        if !self.fits(batch) {
            self.roll(disk, batch)?;
        }
        for image in &batch.images {
            checkpoint::write_image(disk, image)?;
        }
        if !self.unlinked {
            batch.attach(&self.links(batch));
        }
        let length = batch.length_in_segment();
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
        if let Err(error) = disk.write_at(&self.current.file, self.offset, bytes) {
            batch.detach();
            let path = disk.path(&segment::name(self.current.number));
            return Err(StorageError::io("write", path)(error));
        }
        self.offset += length;
        self.sealed = false;
        self.written = batch.last();
        for step in &batch.steps {
            let place = usize::from(step.partition.0);
            if self.last.len() <= place {
                self.last.resize(place + 1, None);
            }
            self.last[place] = Some(step.number);
        }
        Ok(self.extent())
    }

    /// The segment that is written to.
    pub(crate) fn extent(&self) -> Extent {
        Extent {
            segment: self.current.number,
            bytes: self.current.length,
        }
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

    /// Goes on in the next segment, which has room for `batch`. What was not flushed stands in one
    /// segment only.
    fn roll<D: Disk<File = F>>(&mut self, disk: &mut D, batch: &Batch) -> Result<(), StorageError> {
        self.sync(disk)?;
        let partitions = usize::from(u16::MAX).min(self.last.len() + batch.steps.len());
        let length = batch.length_in_segment() + Links::longest(partitions);
        let length = length.next_multiple_of(ALIGNMENT as u64);
        let needed = segment::BATCHES + length + self.seal_length(batch);
        let suits = |spare: &mut Segment<F>| spare.length >= needed;
        self.current = match self.spare.take_if(suits) {
            Some(spare) => spare,
            None => Segment::create(
                disk,
                self.node,
                self.current.number + 1,
                needed.max(self.settings.segment_bytes),
            )?,
        };
        self.offset = segment::BATCHES;
        // One that did not suit has the number of the one that was made.
        self.spare = None;
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
        flushed.map_err(StorageError::flush(
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

    /// Makes it after there was no room for it, if there is enough now for this segment and another
    /// one: whoever has no room for more gives up all that it owns, and should not have to do so again
    /// at once.
    pub(crate) fn create_with_room<D: Disk>(
        self,
        disk: &mut D,
    ) -> Result<Segment<D::File>, StorageError> {
        let path = disk.path(&segment::name(self.number));
        let free = disk
            .free_bytes()
            .map_err(StorageError::io("look for room for", &path))?;
        if free < 2 * self.length {
            let text = format!("{free} bytes are free, and {} are needed", 2 * self.length);
            let full = std::io::Error::new(std::io::ErrorKind::StorageFull, text);
            return Err(StorageError::io("take room for", path)(full));
        }
        self.create(disk)
    }
}
