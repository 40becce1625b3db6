//! Reads a log back.

mod anew;
mod reader;
mod rebuilt;
mod scan;

use std::collections::{BTreeMap, BTreeSet};

use kensho_protocol::ids::{Incarnation, NodeId, PartitionId};
use kensho_protocol::record::Recovered;

use super::lives::Lives;
use super::manifest::Manifest;
use super::segment::{self, Segment};
use super::trail::Trails;
use super::writer::{End, Writer};
use super::{LogSettings, RecordNumber, checkpoint};
use crate::disk::Disk;
use crate::error::StorageError;
use crate::sealed::TEMPORARY;
use reader::{Read, Reader};
use scan::Scan;

/// What was found on the disk.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// The replicas that have something on the disk.
    pub partitions: BTreeMap<PartitionId, Recovered>,
    /// Those of which something was damaged: they begin another life of their data with nothing, and
    /// are to be brought in sync by others (rule R5).
    pub taken_out: BTreeSet<PartitionId>,
    /// Figures for the node's log.
    pub report: RecoveryReport,
    node: Incarnation,
    lives: Lives,
}

impl Recovery {
    /// What a replica finds that has nothing on the disk.
    #[must_use]
    pub fn nothing(&self, partition: PartitionId) -> Recovered {
        Recovered::empty(self.lives.of(self.node, partition))
    }
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
    /// What is wrong with files that were once safe.
    pub damage: Vec<Damage>,
}

/// A file does not hold what was once safely written to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub path: String,
    /// Where in it, in bytes from its beginning.
    pub offset: u64,
    /// What is wrong there.
    pub what: String,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} is damaged at byte {}: {}",
            self.path, self.offset, self.what
        )
    }
}

/// The last writes before a crash, which did not reach the disk as a whole. Nobody was told that they
/// were safe.
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
            "cut {} bytes off {} from byte {} on: what was written last before the crash, and never confirmed as safe",
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
    let mut manifest = Manifest::read(disk)?.ok_or_else(|| StorageError::Missing {
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
    let needed: Vec<u64> = {
        let first = manifest.beginning.0;
        found
            .iter()
            .copied()
            .filter(|number| *number >= first)
            .collect()
    };
    let Some(&newest) = needed.last() else {
        return Err(StorageError::Missing {
            path: disk.path(&segment::name(manifest.beginning.0)),
            what: "a log has one segment at least".to_owned(),
        });
    };
    let mut scan = Scan::default();
    for number in manifest.beginning.0..=newest {
        if needed.contains(&number) {
            scan.segment(disk, node, number, settings.segment_bytes)?;
        } else {
            scan.missing(disk, number);
        }
    }
    let lacks_end = scan.settle();
    let mut reader = Reader::new(disk, &manifest, incarnation)?;
    reader.read(disk, node, &scan)?;
    let mut read = reader.finish(lacks_end)?;
    read.report.damage.append(&mut scan.damage);
    let (writer, trails) = if read.taken_out.is_empty() && !read.others_unknown {
        settle(disk, node, &scan, &mut read)?;
        remove_images(disk, |number| number > read.last)?;
        manifest.remove_superfluous(disk)?;
        let mut trails = std::mem::take(&mut read.trails);
        manifest.inform(&mut trails);
        let writer = resume(disk, (node, settings), &manifest, &scan, &read, &trails)?;
        (writer, trails)
    } else {
        anew::write(disk, (node, settings), &mut manifest, newest, &read)?
    };
    let recovery = Recovery {
        partitions: read.whole,
        taken_out: read.taken_out,
        report: read.report,
        node: incarnation,
        lives: manifest.lives.clone(),
    };
    let mut writer = writer;
    writer.seal(disk)?;
    Ok(Opened {
        writer,
        manifest,
        trails,
        recovery,
    })
}

/// Makes the disk agree with what was read.
fn settle<D: Disk>(
    disk: &mut D,
    node: NodeId,
    scan: &Scan,
    read: &mut Read,
) -> Result<(), StorageError> {
    if let Some((number, cut)) = &scan.cut {
        let file = open_segment(disk, *number)?;
        let zeros = vec![0; usize::try_from(cut.bytes).expect("it was read into memory")];
        disk.write_at(&file, cut.offset, &zeros)
            .map_err(StorageError::io("cut the end off", &cut.path))?;
        disk.sync(&file).map_err(StorageError::flush(&cut.path))?;
        read.report.cut = Some(cut.clone());
    }
    // The last batches were read, but may never have been flushed; and if a flush of them failed,
    // the operating system takes them for flushed. So they are written anew before anybody relies
    // on them.
    if let (Some(first), Some(last)) = (scan.unproven(), scan.spots.last())
        && first.segment == last.segment
    {
        let path = disk.path(&segment::name(last.segment));
        let file = open_segment(disk, last.segment)?;
        let mut bytes = vec![0; last.end - first.offset];
        disk.read_at(&file, first.offset as u64, &mut bytes)
            .map_err(StorageError::io("read", &path))?;
        // They are the ones that were found valid.
        let whole = super::batch::find(&bytes, scan::place(node, first.segment, first.offset));
        if whole.is_none() {
            return Err(StorageError::Damaged {
                path,
                offset: first.offset as u64,
                what: "it was a valid batch just now".to_owned(),
            });
        }
        disk.write_at(&file, first.offset as u64, &bytes)
            .map_err(StorageError::io("write", &path))?;
        disk.sync(&file).map_err(StorageError::flush(path))?;
    }
    Ok(())
}

/// Continues the log where it ends.
fn resume<D: Disk>(
    disk: &mut D,
    (node, settings): (NodeId, LogSettings),
    manifest: &Manifest,
    scan: &Scan,
    read: &Read,
    trails: &Trails,
) -> Result<Writer<D::File>, StorageError> {
    let (number, end) = match scan.spots.last() {
        Some(spot) => (
            spot.segment,
            End {
                offset: spot.end as u64,
                sealed: spot.empty,
            },
        ),
        None => (
            scan.segments[0].0,
            End {
                offset: segment::BATCHES,
                sealed: true,
            },
        ),
    };
    let open = |disk: &mut D, number: u64| -> Result<Option<Segment<D::File>>, StorageError> {
        let found = scan.segments.iter().find(|(found, _)| *found == number);
        let Some((number, length)) = found.copied() else {
            return Ok(None);
        };
        let file = open_segment(disk, number)?;
        Ok(Some(Segment {
            number,
            length,
            file,
        }))
    };
    let current = open(disk, number)?.expect("it was read");
    let spare = open(disk, number + 1)?;
    // Who has nothing in the segments that are kept may have had records before.
    let last_of = |partition: PartitionId| {
        let bound = trails.last(partition).unwrap_or(manifest.beginning.1);
        read.whole.contains_key(&partition).then_some(bound)
    };
    let partitions = read
        .whole
        .last_key_value()
        .map_or(0, |(last, _)| last.0 + 1);
    let last_of = (0..partitions).map(PartitionId).map(last_of).collect();
    Ok(Writer::new(
        node, settings, current, end, spare, read.last, last_of,
    ))
}

fn open_segment<D: Disk>(disk: &mut D, number: u64) -> Result<D::File, StorageError> {
    let name = segment::name(number);
    let path = disk.path(&name);
    disk.open(&name).map_err(StorageError::io("open", path))
}

/// Removes the images of these records. The crash came before some records were safe, which nobody
/// names then.
fn remove_images<D: Disk>(
    disk: &mut D,
    of: impl Fn(RecordNumber) -> bool,
) -> Result<(), StorageError> {
    let names = disk
        .list()
        .map_err(StorageError::io("list the folder of", Manifest::path(disk)))?;
    for name in names {
        if checkpoint::image_number(&name).is_some_and(|(_, number)| of(number)) {
            let path = disk.path(&name);
            disk.remove(&name)
                .map_err(StorageError::io("remove", path))?;
        }
    }
    Ok(())
}
