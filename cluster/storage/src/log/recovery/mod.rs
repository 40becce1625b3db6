//! Reads a log back.

mod reader;
mod rebuilt;

use std::collections::BTreeMap;

use kensho_protocol::ids::{Incarnation, NodeId, PartitionId};
use kensho_protocol::record::Recovered;

use super::LogSettings;
use super::manifest::Manifest;
use super::segment::{self, Segment};
use super::trail::Trails;
use super::writer::Writer;
use crate::disk::Disk;
use crate::error::StorageError;
use crate::sealed::TEMPORARY;
use reader::Reader;

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
