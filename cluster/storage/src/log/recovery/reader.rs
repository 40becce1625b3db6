//! Reads segments in order, and knows what may follow what.

use std::collections::BTreeMap;
use std::sync::Arc;

use kensho_protocol::ids::{Incarnation, Lsn, NodeId, PartitionId};
use kensho_protocol::record::{Record, Recovered};

use super::super::batch::{self, ALIGNMENT, Before, Place, Stored};
use super::super::manifest::Manifest;
use super::super::segment::{self, Segment};
use super::super::trail::{Extent, Step, Trails};
use super::super::writer::{End, Writer};
use super::super::{LogSettings, RecordNumber, checkpoint};
use super::rebuilt::Rebuilt;
use super::{Cut, Recovery, RecoveryReport};
use crate::disk::{Disk, read_whole};
use crate::error::StorageError;

/// Where a batch stands, for messages.
#[derive(Clone, Debug)]
pub(super) struct Source {
    path: Arc<str>,
    offset: u64,
}

impl Source {
    pub(super) fn damaged(&self, what: String) -> StorageError {
        StorageError::Damaged {
            path: self.path.to_string(),
            offset: self.offset,
            what,
        }
    }
}

pub(super) struct Reader<'a> {
    manifest: &'a Manifest,
    incarnation: Incarnation,
    partitions: BTreeMap<PartitionId, Rebuilt>,
    trails: Trails,
    last: RecordNumber,
    /// The segment with the last valid batch.
    end_segment: u64,
    end: End,
    /// That batch, and where it begins; with those before it that it does not prove flushed.
    last_batches: Option<(u64, Vec<u8>)>,
    /// What is to be cut, and the segment.
    cut: Option<(u64, Cut)>,
    lengths: BTreeMap<u64, u64>,
    report: RecoveryReport,
}

impl<'a> Reader<'a> {
    pub(super) fn new<D: Disk>(
        disk: &mut D,
        manifest: &'a Manifest,
        incarnation: Incarnation,
    ) -> Result<Self, StorageError> {
        let mut partitions = BTreeMap::new();
        for (partition, reference) in &manifest.checkpoints {
            let rebuilt = Rebuilt::from_checkpoint(disk, *partition, reference, incarnation)?;
            partitions.insert(*partition, rebuilt);
        }
        Ok(Reader {
            manifest,
            incarnation,
            partitions,
            trails: Trails::default(),
            last: manifest.beginning.1,
            end_segment: manifest.beginning.0,
            end: End {
                offset: segment::BATCHES,
                sealed: true,
            },
            last_batches: None,
            cut: None,
            lengths: BTreeMap::new(),
            report: RecoveryReport::default(),
        })
    }

    /// Takes in all batches of a segment.
    pub(super) fn segment<D: Disk>(
        &mut self,
        disk: &mut D,
        node: NodeId,
        number: u64,
    ) -> Result<(), StorageError> {
        let name = segment::name(number);
        let path: Arc<str> = disk.path(&name).into();
        let file = disk.open(&name).map_err(StorageError::io("open", &*path))?;
        let bytes = read_whole(disk, &file).map_err(StorageError::io("read", &*path))?;
        segment::check_header(&bytes, &path, node, number)?;
        let extent = Extent {
            segment: number,
            bytes: bytes.len() as u64,
        };
        self.lengths.insert(number, extent.bytes);
        self.report.segments += 1;

        let mut offset = segment::BATCHES as usize;
        let mut last_flush = None;
        while let Some(found) = batch::find(&bytes[offset..], place(node, number, offset)) {
            if let Some((_, cut)) = &self.cut {
                return Err(bad_before_good(cut, &path, offset));
            }
            let source = Source {
                path: Arc::clone(&path),
                offset: offset as u64,
            };
            self.batch(disk, extent, &source, &found)?;
            let end = (offset + found.length).min(bytes.len());
            self.end_segment = number;
            self.end = End {
                offset: end as u64,
                sealed: found.count == 0,
            };
            if found.before == Before::Flushed {
                last_flush = Some(offset);
            }
            offset = end;
        }
        if let Some(begins) = last_flush {
            self.last_batches = Some((begins as u64, bytes[begins..offset].to_vec()));
        }
        let Some(last) = bytes[offset..].iter().rposition(|byte| *byte != 0) else {
            return Ok(());
        };
        let cut = Cut {
            path: path.to_string(),
            offset: offset as u64,
            bytes: last as u64 + 1,
        };
        if let Some((_, earlier)) = &self.cut {
            return Err(bad_before_good(earlier, &path, offset));
        }
        let later = (offset..bytes.len()).step_by(ALIGNMENT).find(|at| {
            let found = batch::find(&bytes[*at..], place(node, number, *at));
            found.is_some_and(|found| found.before == Before::Flushed)
        });
        if let Some(later) = later {
            return Err(bad_before_good(&cut, &path, later));
        }
        self.cut = Some((number, cut));
        Ok(())
    }

    fn batch<D: Disk>(
        &mut self,
        disk: &mut D,
        extent: Extent,
        source: &Source,
        found: &batch::Found<'_>,
    ) -> Result<(), StorageError> {
        let expected = RecordNumber(self.last.0 + 1);
        if found.first != expected {
            return Err(source.damaged(format!(
                "record {} stands where record {expected} should",
                found.first
            )));
        }
        let mut number = self.last;
        for record in batch::records(found.body) {
            let (partition, stored) = record.map_err(|what| source.damaged(what))?;
            number.0 += 1;
            self.trails.add(extent, &step(partition, number, &stored));
            let incarnation = self.incarnation;
            self.partitions
                .entry(partition)
                .or_insert_with(|| Rebuilt::empty(incarnation))
                .replay(disk, source, partition, number, stored)?;
        }
        if number.0 != self.last.0 + u64::from(found.count) {
            return Err(source.damaged(format!(
                "the batch should hold {} records, but holds {}",
                found.count,
                number.0 - self.last.0
            )));
        }
        self.last = number;
        self.report.records += u64::from(found.count);
        self.report.bytes += found.length as u64;
        Ok(())
    }

    /// Makes the disk agree with what was read.
    fn settle<D: Disk>(&mut self, disk: &mut D) -> Result<(), StorageError> {
        if let Some((number, cut)) = self.cut.take() {
            let file = open_segment(disk, number)?;
            let zeros = vec![0; usize::try_from(cut.bytes).expect("it was read into memory")];
            disk.write_at(&file, cut.offset, &zeros)
                .and_then(|()| disk.sync(&file))
                .map_err(StorageError::io("cut the end off", &cut.path))?;
            self.report.cut = Some(cut);
        }
        // The last batches were read, but may never have been flushed; and if a flush of them failed,
        // the operating system takes them for flushed. So they are written anew before anybody relies
        // on them.
        if let Some((offset, bytes)) = self.last_batches.take() {
            let file = open_segment(disk, self.end_segment)?;
            disk.write_at(&file, offset, &bytes)
                .and_then(|()| disk.sync(&file))
                .map_err(StorageError::io(
                    "flush",
                    disk.path(&segment::name(self.end_segment)),
                ))?;
        }
        Ok(())
    }

    /// Images that no record names: the crash came before their record was safe.
    fn remove_unnamed_images<D: Disk>(&self, disk: &mut D) -> Result<(), StorageError> {
        let names = disk
            .list()
            .map_err(StorageError::io("list the folder of", Manifest::path(disk)))?;
        for name in names {
            if checkpoint::image_number(&name).is_some_and(|(_, number)| number > self.last) {
                let path = disk.path(&name);
                disk.remove(&name)
                    .map_err(StorageError::io("remove", path))?;
            }
        }
        Ok(())
    }

    pub(super) fn finish<D: Disk>(
        mut self,
        disk: &mut D,
        node: NodeId,
        settings: LogSettings,
    ) -> Result<(Writer<D::File>, Trails, Recovery), StorageError> {
        let partitions = std::mem::take(&mut self.partitions)
            .into_iter()
            .map(|(partition, rebuilt)| Ok((partition, rebuilt.finish(partition)?)))
            .collect::<Result<BTreeMap<PartitionId, Recovered>, StorageError>>()?;
        self.settle(disk)?;
        self.remove_unnamed_images(disk)?;
        self.manifest.remove_superfluous(disk)?;
        self.manifest.inform(&mut self.trails);

        let open = |disk: &mut D, number: u64| -> Result<Segment<D::File>, StorageError> {
            Ok(Segment {
                number,
                length: self.lengths[&number],
                file: open_segment(disk, number)?,
            })
        };
        let current = open(disk, self.end_segment)?;
        let next = self.end_segment + 1;
        let spare = match self.lengths.contains_key(&next) {
            true => Some(open(disk, next)?),
            false => None,
        };
        let mut writer = Writer::new(node, settings, current, self.end, spare, self.last);
        writer.seal(disk)?;
        let recovery = Recovery {
            partitions,
            report: self.report,
        };
        Ok((writer, self.trails, recovery))
    }
}

fn step(partition: PartitionId, number: RecordNumber, stored: &Stored) -> Step {
    let (keep, end) = match stored {
        Stored::Record(Record::Log { keep, entries, .. }) => {
            (*keep, entries.last().map_or(*keep, |entry| entry.at.lsn))
        }
        Stored::Record(Record::Image { at, .. }) => (Lsn(0), at.lsn),
        Stored::Image(reference) => (Lsn(0), reference.at.lsn),
    };
    Step {
        partition,
        number,
        keep,
        end,
    }
}

fn place(node: NodeId, segment: u64, offset: usize) -> Place {
    Place {
        node,
        segment,
        offset: offset as u64,
    }
}

fn open_segment<D: Disk>(disk: &mut D, number: u64) -> Result<D::File, StorageError> {
    let name = segment::name(number);
    let path = disk.path(&name);
    disk.open(&name).map_err(StorageError::io("open", path))
}

fn bad_before_good(bad: &Cut, path: &str, offset: usize) -> StorageError {
    StorageError::Damaged {
        path: bad.path.clone(),
        offset: bad.offset,
        what: format!(
            "no valid batch of records begins there, though later ones were written ({path}, byte {offset})"
        ),
    }
}
