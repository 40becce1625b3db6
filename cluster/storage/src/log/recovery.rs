//! Reads a log back.

use std::collections::BTreeMap;

use kensho_protocol::ids::{Epoch, Incarnation, Lsn, NodeId, PartitionId};
use kensho_protocol::record::{Record, Recovered};

use super::batch::{self, ALIGNMENT, Place, Stored};
use super::manifest::{Manifest, Reference};
use super::segment::{self, Segment};
use super::trail::{Step, Trails};
use super::writer::Writer;
use super::{LogSettings, RecordNumber, checkpoint};
use crate::disk::{Disk, read_whole};
use crate::error::StorageError;
use crate::sealed::TEMPORARY;

/// What was found on the disk.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// The replicas that have something on the disk.
    pub partitions: BTreeMap<PartitionId, Recovered>,
    /// Figures for the node's log.
    pub report: RecoveryReport,
}

/// Figures of a recovery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// How many segments were read.
    pub segments: u64,
    /// How many records they held.
    pub records: u64,
    /// How many bytes those took.
    pub bytes: u64,
    /// What was cut off.
    pub cut: Option<Cut>,
}

/// The last write before a crash, which did not reach the disk as a whole. Nobody was told that it
/// was safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The file.
    pub path: String,
    /// From where on it was cut, in bytes.
    pub offset: u64,
    /// How far what was cut reached, in bytes.
    pub bytes: u64,
}

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "cut {} bytes off {} from byte {} on: the last write before the crash, which was never confirmed",
            self.bytes, self.path, self.offset
        )
    }
}

/// What is left of the log, ready to be continued.
pub(crate) struct Opened<F> {
    pub(crate) writer: Writer<F>,
    pub(crate) manifest: Manifest,
    pub(crate) trails: Trails,
    pub(crate) recovery: Recovery,
}

/// Begins a log. What stood there of an earlier attempt counts for nothing.
pub(crate) fn create<D: Disk>(
    disk: &mut D,
    node: NodeId,
    settings: LogSettings,
) -> Result<(), StorageError> {
    Segment::create(disk, node, 1, settings.segment_bytes)?;
    Manifest::new(node).write(disk)
}

/// Reads the log of `node`.
pub(crate) fn open<D: Disk>(
    disk: &mut D,
    node: NodeId,
    incarnation: Incarnation,
    settings: LogSettings,
) -> Result<Opened<D::File>, StorageError> {
    let names = disk
        .list()
        .map_err(StorageError::io("list the folder of", disk.path("")))?;
    for name in names.iter().filter(|name| name.ends_with(TEMPORARY)) {
        let path = disk.path(name);
        disk.remove(name)
            .map_err(StorageError::io("remove", path))?;
    }
    let found: Vec<u64> = {
        let mut found: Vec<u64> = names
            .iter()
            .filter_map(|name| segment::number(name))
            .collect();
        found.sort_unstable();
        found
    };
    let manifest = Manifest::read(disk)?.ok_or_else(|| StorageError::Missing {
        path: Manifest::path(disk),
        what: "a data folder has one from the beginning".to_owned(),
    })?;
    if manifest.node != node {
        return Err(StorageError::Damaged {
            path: Manifest::path(disk),
            offset: 0,
            what: format!("it is that of node {}, not of {node}", manifest.node),
        });
    }
    let segments = needed_segments(disk, &manifest, &found)?;

    let mut reader = Reader::new(disk, &manifest, incarnation)?;
    for number in segments {
        reader.segment(disk, node, number)?;
    }
    let (writer, trails, recovery) = reader.finish(disk, node, settings)?;
    Ok(Opened {
        writer,
        manifest,
        trails,
        recovery,
    })
}

/// The segments that must be there, after it was checked that they are.
fn needed_segments<D: Disk>(
    disk: &D,
    manifest: &Manifest,
    found: &[u64],
) -> Result<Vec<u64>, StorageError> {
    let (first, _) = manifest.beginning;
    let needed: Vec<u64> = found.iter().copied().filter(|n| *n >= first).collect();
    let mut expected = first;
    for number in &needed {
        if *number != expected {
            break;
        }
        expected += 1;
    }
    if needed.is_empty() || needed.last() >= Some(&expected) {
        return Err(StorageError::Missing {
            path: disk.path(&segment::name(expected)),
            what: "it is in the middle of the log".to_owned(),
        });
    }
    Ok(needed)
}

/// One partition on its way back.
struct Rebuilt {
    recovered: Recovered,
    /// The checkpoint that it began with was made after this record.
    as_of: RecordNumber,
    /// What the checkpoint said.
    promised: Epoch,
    log_epoch: Epoch,
    /// Whether a restart was found (see [`trail`](super::trail)).
    restarted: bool,
}

/// The place behind the last valid batch.
struct End {
    segment: u64,
    offset: u64,
    /// The last valid batch, in bytes from the beginning of the segment.
    last_batch: Option<(u64, Vec<u8>)>,
}

struct Reader<'a> {
    manifest: &'a Manifest,
    incarnation: Incarnation,
    partitions: BTreeMap<PartitionId, Rebuilt>,
    trails: Trails,
    last: RecordNumber,
    end: End,
    /// What is to be cut, and the segment.
    cut: Option<(u64, Cut)>,
    lengths: BTreeMap<u64, u64>,
    report: RecoveryReport,
}

impl<'a> Reader<'a> {
    fn new<D: Disk>(
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
            end: End {
                segment: manifest.beginning.0,
                offset: segment::BATCHES,
                last_batch: None,
            },
            cut: None,
            lengths: BTreeMap::new(),
            report: RecoveryReport::default(),
        })
    }

    /// Takes in all batches of a segment.
    fn segment<D: Disk>(
        &mut self,
        disk: &mut D,
        node: NodeId,
        number: u64,
    ) -> Result<(), StorageError> {
        let name = segment::name(number);
        let path = disk.path(&name);
        let file = disk.open(&name).map_err(StorageError::io("open", &path))?;
        let bytes = read_whole(disk, &file).map_err(StorageError::io("read", &path))?;
        segment::check_header(&bytes, &path, node, number)?;
        self.lengths.insert(number, bytes.len() as u64);
        self.report.segments += 1;

        let mut offset = segment::BATCHES as usize;
        while let Some(found) = batch::find(&bytes[offset..], place(node, number, offset)) {
            if let Some((_, cut)) = &self.cut {
                return Err(bad_before_good(cut, &path, offset));
            }
            self.batch(disk, number, &path, offset as u64, &found)?;
            let end = (offset + found.length).min(bytes.len());
            self.end = End {
                segment: number,
                offset: end as u64,
                last_batch: Some((offset as u64, bytes[offset..end].to_vec())),
            };
            offset = end;
        }
        let Some(last) = bytes[offset..].iter().rposition(|byte| *byte != 0) else {
            return Ok(());
        };
        let cut = Cut {
            path: path.clone(),
            offset: offset as u64,
            bytes: last as u64 + 1,
        };
        if let Some((_, earlier)) = &self.cut {
            return Err(bad_before_good(earlier, &path, offset));
        }
        let later = (offset..bytes.len())
            .step_by(ALIGNMENT)
            .find(|at| batch::find(&bytes[*at..], place(node, number, *at)).is_some());
        if let Some(later) = later {
            return Err(bad_before_good(&cut, &path, later));
        }
        self.cut = Some((number, cut));
        Ok(())
    }

    fn batch<D: Disk>(
        &mut self,
        disk: &mut D,
        segment: u64,
        path: &str,
        offset: u64,
        found: &batch::Found<'_>,
    ) -> Result<(), StorageError> {
        let damaged = |what: String| StorageError::Damaged {
            path: path.to_owned(),
            offset,
            what,
        };
        let expected = RecordNumber(self.last.0 + 1);
        if found.first != expected {
            return Err(damaged(format!(
                "record {} stands where record {expected} should",
                found.first
            )));
        }
        let mut number = self.last;
        for record in batch::records(found.body) {
            let (partition, stored) = record.map_err(damaged)?;
            number.0 += 1;
            self.record(disk, segment, partition, number, stored)
                .map_err(|error| match error {
                    Wrong::Here(what) => {
                        damaged(format!("record {number}, of partition {partition}: {what}"))
                    }
                    Wrong::Elsewhere(error) => error,
                })?;
        }
        if number.0 != self.last.0 + u64::from(found.count) {
            return Err(damaged(format!(
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

    fn record<D: Disk>(
        &mut self,
        disk: &mut D,
        segment: u64,
        partition: PartitionId,
        number: RecordNumber,
        stored: Stored,
    ) -> Result<(), Wrong> {
        let incarnation = self.incarnation;
        let rebuilt = self
            .partitions
            .entry(partition)
            .or_insert_with(|| Rebuilt::empty(incarnation));
        let (keep, end) = match &stored {
            Stored::Record(Record::Log { keep, entries, .. }) => {
                (*keep, entries.last().map_or(*keep, |entry| entry.at.lsn))
            }
            Stored::Record(Record::Image { at, .. }) => (Lsn(0), at.lsn),
            Stored::Image(reference) => (Lsn(0), reference.at.lsn),
        };
        self.trails.written(
            segment,
            &Step {
                partition,
                number,
                keep,
                end,
            },
        );
        let record = match stored {
            Stored::Record(record) => record,
            // The checkpoint knows more than this image, whose file may be gone.
            Stored::Image(image) if number <= rebuilt.as_of => Record::Log {
                promised: image.promised,
                log_epoch: image.log_epoch,
                keep: image.at.lsn,
                entries: Vec::new(),
            },
            Stored::Image(image) => Record::Image {
                promised: image.promised,
                log_epoch: image.log_epoch,
                at: image.at,
                image: checkpoint::read_image(disk, partition, number, &image)
                    .map_err(Wrong::Elsewhere)?,
            },
        };
        rebuilt.replay(number, record).map_err(Wrong::Here)
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
        // The last batch was read, but may never have been flushed; and if a flush of it failed, the
        // operating system takes it for flushed. So it is written anew before anybody relies on it.
        if let Some((offset, bytes)) = self.end.last_batch.take() {
            let file = open_segment(disk, self.end.segment)?;
            disk.write_at(&file, offset, &bytes)
                .and_then(|()| disk.sync(&file))
                .map_err(StorageError::io(
                    "flush",
                    disk.path(&segment::name(self.end.segment)),
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

    fn finish<D: Disk>(
        mut self,
        disk: &mut D,
        node: NodeId,
        settings: LogSettings,
    ) -> Result<(Writer<D::File>, Trails, Recovery), StorageError> {
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
        let current = open(disk, self.end.segment)?;
        let next = self.end.segment + 1;
        let spare = match self.lengths.contains_key(&next) {
            true => Some(open(disk, next)?),
            false => None,
        };
        let writer = Writer::new(node, settings, current, self.end.offset, spare, self.last);
        let partitions = self
            .partitions
            .into_iter()
            .map(|(partition, rebuilt)| (partition, rebuilt.finish()))
            .collect();
        let recovery = Recovery {
            partitions,
            report: self.report,
        };
        Ok((writer, self.trails, recovery))
    }
}

impl Rebuilt {
    fn empty(incarnation: Incarnation) -> Self {
        Rebuilt {
            recovered: Recovered::empty(incarnation),
            as_of: RecordNumber(0),
            promised: Epoch(0),
            log_epoch: Epoch(0),
            restarted: false,
        }
    }

    fn from_checkpoint<D: Disk>(
        disk: &mut D,
        partition: PartitionId,
        reference: &Reference,
        incarnation: Incarnation,
    ) -> Result<Self, StorageError> {
        let checkpoint = checkpoint::read(disk, partition, reference)?;
        Ok(Rebuilt {
            recovered: Recovered {
                promised: checkpoint.promised,
                log_epoch: checkpoint.log_epoch,
                base: checkpoint.at,
                image: Some(checkpoint.image),
                ..Recovered::empty(incarnation)
            },
            as_of: reference.as_of,
            promised: checkpoint.promised,
            log_epoch: checkpoint.log_epoch,
            restarted: false,
        })
    }

    fn replay(&mut self, number: RecordNumber, record: Record) -> Result<(), String> {
        if !self.restarted {
            self.restarted = match &record {
                Record::Image { .. } => true,
                Record::Log { keep, .. } => *keep <= self.recovered.base.lsn,
            };
            if !self.restarted && number <= self.as_of {
                return Ok(());
            }
        }
        self.recovered
            .replay(record)
            .map_err(|error| error.to_string())
    }

    fn finish(self) -> Recovered {
        // If the last record is older than the checkpoint, the checkpoint knows better.
        Recovered {
            promised: self.recovered.promised.max(self.promised),
            log_epoch: self.recovered.log_epoch.max(self.log_epoch),
            ..self.recovered
        }
    }
}

/// What is wrong with a record.
enum Wrong {
    /// The record itself.
    Here(String),
    /// A file that it names.
    Elsewhere(StorageError),
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
