//! **recovers**: some time after faults stop, every partition is served, with a full in-sync set,
//! equal logs, and new writes acknowledged.
//!
//! Source: requirements A10 and A11. Checked by simulation only: a bounded search says little about
//! what happens in the end.

use kensho_protocol::ids::PartitionId;

/// What keeps a partition from having recovered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// No node serves it.
    NoOwner(PartitionId),
    /// Fewer nodes are in sync than there should be.
    NotFull {
        /// Which partition.
        partition: PartitionId,
        /// How many nodes are in sync.
        in_sync: usize,
        /// How many should be.
        wanted: usize,
    },
    /// Two in-sync replicas hold different logs, or have not committed all of it.
    LogsDiffer(PartitionId),
    /// A write was not acknowledged.
    NoWrite(PartitionId),
    /// Not exactly one node is master, or the others don't follow it.
    NoMaster,
}

/// What one replica of a partition looks like in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Final {
    /// Whether the committed table names it as owner or backup.
    pub in_sync: bool,
    /// Whether it serves, in the epoch of the committed table.
    pub serves: bool,
    /// Where its log ends, on disk, and how much of it is committed: owner and backups must agree.
    pub end: (kensho_protocol::ids::Position, kensho_protocol::ids::Lsn),
}

/// What keeps `partition` from having recovered, if anything: `replicas` are all of it, `wanted` how
/// many should be in sync, `written` whether a write was acknowledged since faults stopped.
#[must_use]
pub fn missing(
    partition: PartitionId,
    replicas: &[Final],
    wanted: usize,
    written: bool,
) -> Option<Missing> {
    let mut in_sync = replicas.iter().filter(|replica| replica.in_sync);
    let count = in_sync.clone().count();
    if replicas.iter().filter(|replica| replica.serves).count() != 1 {
        return Some(Missing::NoOwner(partition));
    }
    if count < wanted {
        return Some(Missing::NotFull {
            partition,
            in_sync: count,
            wanted,
        });
    }
    if !written {
        return Some(Missing::NoWrite(partition));
    }
    let first = in_sync.next()?.end;
    (!in_sync.all(|replica| replica.end == first)).then_some(Missing::LogsDiffer(partition))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kensho_protocol::ids::{Epoch, Lsn, Position};

    const P: PartitionId = PartitionId(0);

    fn replica(serves: bool, lsn: u64) -> Final {
        let at = Position {
            epoch: Epoch(2),
            lsn: Lsn(lsn),
        };
        Final {
            in_sync: true,
            serves,
            end: (at, Lsn(lsn)),
        }
    }

    #[test]
    fn all_of_it_is_needed() {
        let good = [replica(true, 5), replica(false, 5)];
        assert_eq!(missing(P, &good, 2, true), None);
        assert_eq!(missing(P, &good, 2, false), Some(Missing::NoWrite(P)));
        let alone = missing(P, &good[..1], 2, true);
        assert!(matches!(alone, Some(Missing::NotFull { in_sync: 1, .. })));
        let unserved = missing(P, &good[1..], 1, true);
        assert_eq!(unserved, Some(Missing::NoOwner(P)));
        let behind = [replica(true, 5), replica(false, 4)];
        assert_eq!(missing(P, &behind, 2, true), Some(Missing::LogsDiffer(P)));
    }
}
