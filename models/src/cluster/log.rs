//! How long the log of a node is, as the storage would say it: one sequence for all partitions, which can
//! be cut only at its beginning.
//!
//! What is on the disk, the [disks](crate::world::disk) say, each for one partition. They sync in any
//! order; as safe counts what is safe with all that stands before it in the log.

use std::collections::VecDeque;

use kensho_kernel::data::LogState;
use kensho_protocol::ids::{Lsn, PartitionId, Ticket};
use kensho_protocol::log::Entry;
use kensho_protocol::record::Record;

use crate::world::disk::{ReplicaDisk, Synced};
use crate::world::table_service::partition_id;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Log {
    /// How many records were written since the process started.
    written: u64,
    /// Those that are not safe yet, and their bytes.
    unsynced: VecDeque<(u64, PartitionId, usize)>,
    /// The records that the log holds, as far as they hold data.
    held: VecDeque<Held>,
    held_bytes: u64,
    /// By partition: the last entry that its last checkpoint knows.
    checkpointed: Vec<Lsn>,
}

#[derive(Debug)]
struct Held {
    partition: PartitionId,
    end: Lsn,
    bytes: usize,
}

impl Held {
    /// Whether no checkpoint has taken its place.
    fn is_needed(&self, checkpointed: &[Lsn]) -> bool {
        checkpointed[usize::from(self.partition.0)] < self.end
    }
}

/// What of the log a record takes; a promise takes next to nothing.
fn held(partition: PartitionId, entries: &[Entry]) -> Option<Held> {
    let last = entries.last()?;
    Some(Held {
        partition,
        end: last.at.lsn,
        bytes: entries.iter().map(|entry| entry.statement.len()).sum(),
    })
}

impl Log {
    /// A process finds what is on its disks, one for each partition.
    pub fn start(&mut self, disks: &[ReplicaDisk]) {
        let found = disks.iter().map(ReplicaDisk::safe);
        let each = found.clone().enumerate();
        let records = each.filter_map(|(p, safe)| held(partition_id(p), &safe.entries));
        let held: VecDeque<Held> = records.collect();
        *self = Log {
            held_bytes: held.iter().map(|held| held.bytes as u64).sum(),
            held,
            checkpointed: found.map(|safe| safe.base.lsn).collect(),
            ..Log::default()
        };
    }

    /// A record is written; its number.
    pub fn append(&mut self, partition: PartitionId, record: &Record) -> u64 {
        self.written += 1;
        let held = match record {
            Record::Log { keep, entries, .. } => {
                // What was cut off is not needed any more.
                let cut = |held: &&mut Held| held.partition == partition && held.end > *keep;
                self.held.iter_mut().filter(cut).for_each(|h| h.end = *keep);
                held(partition, entries)
            }
            Record::Image { at, image, .. } => Some(Held {
                partition,
                end: at.lsn,
                bytes: image.len(),
            }),
        };
        let bytes = held.as_ref().map_or(0, |held| held.bytes);
        self.unsynced.push_back((self.written, partition, bytes));
        self.held_bytes += bytes as u64;
        self.held.extend(held);
        self.written
    }

    /// A disk has synced something for a partition: up to which record all are safe.
    pub fn synced(&mut self, partition: PartitionId, synced: Synced) -> u64 {
        if let Some(lsn) = synced.checkpoint {
            let checkpointed = &mut self.checkpointed[usize::from(partition.0)];
            *checkpointed = lsn.max(*checkpointed);
        }
        if let Some(Ticket(last)) = synced.ticket {
            self.unsynced
                .retain(|(number, of, _)| *of != partition || *number > last);
        }
        let known = &self.checkpointed;
        while let Some(held) = self.held.pop_front_if(|held| !held.is_needed(known)) {
            self.held_bytes -= held.bytes as u64;
        }
        let first = self.unsynced.front();
        first.map_or(self.written, |(number, ..)| number - 1)
    }

    /// Whether it is longer than this.
    #[must_use]
    pub fn is_longer_than(&self, limit_bytes: u64) -> bool {
        self.held_bytes > limit_bytes
    }

    /// The partitions that hold something of the log, those first that hold its oldest part.
    #[must_use]
    pub fn oldest_first(&self) -> Vec<PartitionId> {
        let mut partitions = Vec::new();
        let needed = |held: &&Held| held.is_needed(&self.checkpointed);
        for held in self.held.iter().filter(needed) {
            if !partitions.contains(&held.partition) {
                partitions.push(held.partition);
            }
        }
        partitions
    }

    /// How it is, if it is to be cut when it is longer than `limit_bytes`.
    #[must_use]
    pub fn state(&self, limit_bytes: u64) -> LogState {
        let longest = limit_bytes.saturating_add(limit_bytes / 2);
        LogState {
            backlog_bytes: self.unsynced.iter().map(|(.., bytes)| bytes).sum(),
            room_bytes: match limit_bytes {
                u64::MAX => u64::MAX,
                _ => longest.saturating_sub(self.held_bytes),
            },
        }
    }
}
