//! Reads the batches of a log in order, and works out whose records are whole.
//!
//! A batch holds records of several partitions under one checksum. When one is damaged, the numbers of
//! the next valid one tell how many records are missing, and the [`Links`] of later ones whose they
//! were: who had no record between the last one before the gap and a batch after it is whole. All
//! others, and those of whom nothing is said, are taken out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kensho_protocol::ids::{Incarnation, Lsn, NodeId, PartitionId};
use kensho_protocol::record::{Record, Recovered};

use super::super::batch::{self, Links, Stored};
use super::super::manifest::Manifest;
use super::super::trail::{Step, Trails};
use super::super::{RecordNumber, segment};
use super::rebuilt::Rebuilt;
use super::scan::{Scan, Spot, place};
use super::{Damage, RecoveryReport};
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

/// Records that are missing: from the first to the last of them.
#[derive(Clone, Copy, Debug)]
struct Gap {
    first: RecordNumber,
}

/// One partition on its way back.
struct Partition {
    /// Nothing, if it is taken out.
    rebuilt: Option<Rebuilt>,
    /// Of how many gaps it is known whether they hold records of it.
    decided: usize,
}

pub(super) struct Reader {
    incarnations: Box<dyn Fn(PartitionId) -> Incarnation>,
    partitions: BTreeMap<PartitionId, Partition>,
    gaps: Vec<Gap>,
    /// Of how many gaps it is known that they hold no record of a partition that has none.
    decided_for_others: usize,
    trails: Trails,
    last: RecordNumber,
    damage: Vec<Damage>,
    report: RecoveryReport,
}

/// What was read.
pub(super) struct Read {
    /// The partitions that are whole.
    pub(super) whole: BTreeMap<PartitionId, Recovered>,
    /// Those that are not.
    pub(super) taken_out: BTreeSet<PartitionId>,
    /// A partition that is neither may have had records.
    pub(super) others_unknown: bool,
    pub(super) trails: Trails,
    pub(super) last: RecordNumber,
    pub(super) report: RecoveryReport,
}

impl Reader {
    pub(super) fn new<D: Disk>(
        disk: &mut D,
        manifest: &Manifest,
        node: Incarnation,
    ) -> Result<Self, StorageError> {
        let lives = manifest.lives.clone();
        let mut reader = Reader {
            incarnations: Box::new(move |partition| lives.of(node, partition)),
            partitions: BTreeMap::new(),
            gaps: Vec::new(),
            decided_for_others: 0,
            trails: Trails::default(),
            last: manifest.beginning.1,
            damage: Vec::new(),
            report: RecoveryReport::default(),
        };
        for (partition, reference) in &manifest.checkpoints {
            let incarnation = (reader.incarnations)(*partition);
            let rebuilt = Rebuilt::from_checkpoint(disk, *partition, reference, incarnation);
            let rebuilt = reader.unless_damaged(rebuilt)?;
            let decided = 0;
            reader
                .partitions
                .insert(*partition, Partition { rebuilt, decided });
        }
        Ok(reader)
    }

    /// Nothing, if it is damaged or missing, which is noted.
    fn unless_damaged<T>(
        &mut self,
        result: Result<T, StorageError>,
    ) -> Result<Option<T>, StorageError> {
        match result {
            Ok(whole) => Ok(Some(whole)),
            Err(StorageError::Damaged { path, offset, what }) => {
                self.damage.push(Damage { path, offset, what });
                Ok(None)
            }
            Err(StorageError::Missing { path, what }) => {
                let what = format!("it is missing: {what}");
                self.damage.push(Damage {
                    path,
                    offset: 0,
                    what,
                });
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// Takes in all batches that were found.
    pub(super) fn read<D: Disk>(
        &mut self,
        disk: &mut D,
        node: NodeId,
        scan: &Scan,
    ) -> Result<(), StorageError> {
        self.report.segments = scan.segments.len() as u64;
        for spots in scan.spots.chunk_by(|a, b| a.segment == b.segment) {
            let number = spots[0].segment;
            let name = segment::name(number);
            let path: Arc<str> = disk.path(&name).into();
            let file = disk.open(&name).map_err(StorageError::io("open", &*path))?;
            let bytes = read_whole(disk, &file).map_err(StorageError::io("read", &*path))?;
            for spot in spots {
                let source = Source {
                    path: Arc::clone(&path),
                    offset: spot.offset as u64,
                };
                let found = batch::find(&bytes[spot.offset..], place(node, number, spot.offset));
                let found = found
                    .ok_or_else(|| source.damaged("it was a valid batch just now".to_owned()))?;
                self.batch(disk, &source, spot, &found)?;
            }
        }
        Ok(())
    }

    fn batch<D: Disk>(
        &mut self,
        disk: &mut D,
        source: &Source,
        spot: &Spot,
        found: &batch::Found<'_>,
    ) -> Result<(), StorageError> {
        let expected = RecordNumber(self.last.0 + 1);
        if found.first < expected {
            return Err(source.damaged(format!(
                "record {} stands where record {expected} should",
                found.first
            )));
        }
        if found.first > expected {
            self.damage.push(Damage {
                path: source.path.to_string(),
                offset: source.offset,
                what: format!(
                    "records {expected} to {} are missing before it",
                    found.first.0 - 1
                ),
            });
            self.gaps.push(Gap { first: expected });
            self.last = RecordNumber(found.first.0 - 1);
        }
        let contents = batch::contents(found.body).map_err(|what| source.damaged(what))?;
        if contents.records.len() != found.count as usize {
            return Err(source.damaged(format!(
                "the batch should hold {} records, but holds {}",
                found.count,
                contents.records.len()
            )));
        }
        if let Some(links) = &contents.links {
            self.link(links);
        }
        for (partition, stored) in contents.records {
            self.last.0 += 1;
            self.trails
                .add(spot.extent(), &step(partition, self.last, &stored));
            self.record(disk, source, partition, stored)?;
        }
        self.report.records += u64::from(found.count);
        self.report.bytes += found.length as u64;
        Ok(())
    }

    fn partition(&mut self, partition: PartitionId) -> &mut Partition {
        let decided = self.decided_for_others;
        let incarnations = &self.incarnations;
        self.partitions
            .entry(partition)
            .or_insert_with(|| Partition {
                rebuilt: Some(Rebuilt::empty(incarnations(partition))),
                decided,
            })
    }

    /// Who had no record in a gap is whole.
    fn link(&mut self, links: &Links) {
        if self.gaps.is_empty() {
            return;
        }
        let gaps = self.gaps.clone();
        let decide = |partition: &mut Partition, last: RecordNumber| {
            if gaps[partition.decided..]
                .iter()
                .any(|gap| last >= gap.first)
            {
                partition.rebuilt = None;
            }
            partition.decided = gaps.len();
        };
        for (partition, last) in &links.last {
            decide(self.partition(*partition), *last);
        }
        if links.all {
            let listed: BTreeSet<PartitionId> = links.last.iter().map(|(p, _)| *p).collect();
            let known = self.partitions.iter_mut();
            for (_, partition) in known.filter(|(p, _)| !listed.contains(p)) {
                decide(partition, RecordNumber(0));
            }
            self.decided_for_others = gaps.len();
        }
    }

    fn record<D: Disk>(
        &mut self,
        disk: &mut D,
        source: &Source,
        partition: PartitionId,
        stored: Stored,
    ) -> Result<(), StorageError> {
        let (number, gaps) = (self.last, self.gaps.len());
        let this = self.partition(partition);
        if this.decided < gaps {
            // An earlier version of the program wrote it, and says nothing of the records before.
            *this = Partition {
                rebuilt: None,
                decided: gaps,
            };
        }
        let Some(rebuilt) = &mut this.rebuilt else {
            return Ok(());
        };
        let replayed = rebuilt.replay(disk, source, partition, number, stored);
        if self.unless_damaged(replayed)?.is_none() {
            self.partition(partition).rebuilt = None;
        }
        Ok(())
    }

    /// What was read. `lacks_end`: the last records may be missing, and nobody can tell whose.
    pub(super) fn finish(mut self, lacks_end: bool) -> Result<Read, StorageError> {
        let gaps = self.gaps.len();
        let (mut whole, mut taken_out) = (BTreeMap::new(), BTreeSet::new());
        for (partition, found) in std::mem::take(&mut self.partitions) {
            let certain = found.decided == gaps && !lacks_end;
            let recovered = match found.rebuilt.filter(|_| certain) {
                Some(rebuilt) => self.unless_damaged(rebuilt.finish(partition))?,
                None => None,
            };
            match recovered {
                Some(recovered) => drop(whole.insert(partition, recovered)),
                None => drop(taken_out.insert(partition)),
            }
        }
        self.report.damage.append(&mut self.damage);
        Ok(Read {
            whole,
            taken_out,
            others_unknown: self.decided_for_others < gaps || lacks_end,
            trails: self.trails,
            last: self.last,
            report: self.report,
        })
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
