//! How much memory the logs of all of a node's replicas take together.
//!
//! A replica keeps of its log what others may lack, and does not know of the other replicas. The driver
//! notes here what each one's log takes, and tells the one that [`LogMemory::over`] names to forget.

use super::Replica;
use crate::apply::Apply;
use crate::ids::PartitionId;
use crate::log::Log;

/// The logs of a node's replicas, and what they may take.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LogMemory {
    limit_bytes: u64,
    /// By partition.
    sizes: Vec<Size>,
    total: Size,
    /// What all took when somebody was last named as the one to forget.
    named_at: Size,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Size {
    bytes: u64,
    uncommitted_bytes: u64,
}

impl Size {
    fn committed_bytes(self) -> u64 {
        self.bytes - self.uncommitted_bytes
    }
}

impl LogMemory {
    /// Logs of `partitions` partitions that may take `limit_bytes` in all.
    #[must_use]
    pub fn new(limit_bytes: u64, partitions: usize) -> Self {
        LogMemory {
            limit_bytes,
            sizes: vec![Size::default(); partitions],
            total: Size::default(),
            named_at: Size::default(),
        }
    }

    /// A partition's log is this one now: to be called after each flush of its replica, and after it
    /// was told to forget.
    #[inline]
    pub fn note(&mut self, partition: PartitionId, log: &Log) {
        let size = Size {
            bytes: log.bytes(),
            uncommitted_bytes: log.uncommitted_bytes(),
        };
        let before = std::mem::replace(&mut self.sizes[usize::from(partition.0)], size);
        let total = &mut self.total;
        total.bytes = total.bytes - before.bytes + size.bytes;
        total.uncommitted_bytes =
            total.uncommitted_bytes - before.uncommitted_bytes + size.uncommitted_bytes;
    }

    /// The logs of these replicas are as they are now.
    pub fn note_all<'a, A: Apply + 'a>(&mut self, replicas: impl Iterator<Item = &'a Replica<A>>) {
        for replica in replicas {
            self.note(replica.partition(), replica.log());
        }
    }

    /// What all logs take, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.total.bytes
    }

    /// What of all logs is not committed takes so many bytes. Nothing of that can be forgotten, so that
    /// no more updates should be taken when it is too much.
    #[must_use]
    #[inline]
    pub fn uncommitted_bytes(&self) -> u64 {
        self.total.uncommitted_bytes
    }

    /// If the logs take too much: whose log is to be shortened, and the bytes that it may keep
    /// ([`Event::Forget`](super::Event::Forget)). That is the one with most that is committed, and it
    /// gives up some more than it has to, so that the question does not come up with each entry. To be
    /// asked again until there is none: when the one that was named last has given up nothing, for one.
    #[inline]
    pub fn over(&mut self) -> Option<(PartitionId, u64)> {
        let excess = self.total.bytes.checked_sub(self.limit_bytes + 1)? + 1;
        let before = std::mem::replace(&mut self.named_at, self.total);
        if before == self.total {
            return None;
        }
        self.largest(excess + self.limit_bytes / 16)
    }

    fn largest(&self, excess: u64) -> Option<(PartitionId, u64)> {
        let sizes = (0..).map(PartitionId).zip(&self.sizes);
        let (partition, size) = sizes.max_by_key(|(_, size)| size.committed_bytes())?;
        let keep = size.bytes.saturating_sub(excess);
        (size.committed_bytes() > 0).then_some((partition, keep))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::ids::{Epoch, Lsn, Position};
    use crate::log::Entry;

    fn log(entries: u64, committed: u64) -> Log {
        let mut log = Log::default();
        for lsn in 1..=entries {
            let at = Position {
                epoch: Epoch(1),
                lsn: Lsn(lsn),
            };
            let statement = Bytes::from(vec![7; 872]);
            log.push(Entry {
                at,
                request: None,
                statement,
            });
        }
        log.committed(Lsn(committed));
        log
    }

    #[test]
    fn the_largest_log_is_shortened_until_all_are_within_the_limit() {
        let mut logs = [log(2, 2), log(9, 8), log(6, 6), log(9, 0)];
        let mut memory = LogMemory::new(16_000, 4);
        let note = |memory: &mut LogMemory, logs: &[Log]| {
            for (partition, log) in (0..).map(PartitionId).zip(logs) {
                memory.note(partition, log);
            }
        };
        note(&mut memory, &logs);
        assert_eq!(memory.bytes(), 26_000);
        let mut shortened = Vec::new();
        while let Some((partition, keep)) = memory.over() {
            shortened.push(partition.0);
            let log = &mut logs[usize::from(partition.0)];
            log.trim(keep, log.end());
            note(&mut memory, &logs);
        }
        assert!(memory.bytes() <= 16_000);
        assert_eq!(shortened, [1, 2]);
        assert_eq!(logs[3].bytes(), 9_000, "nothing of it is committed");
    }

    #[test]
    fn what_is_not_committed_is_not_given_up() {
        let mut memory = LogMemory::new(8_000, 2);
        memory.note(PartitionId(0), &log(5, 0));
        memory.note(PartitionId(1), &log(2, 0));
        memory.note(PartitionId(1), &log(4, 0));
        assert_eq!((memory.uncommitted_bytes(), memory.over()), (9_000, None));
        memory.note(PartitionId(1), &log(4, 1));
        assert_eq!(memory.over(), Some((PartitionId(1), 2_500)));
        assert_eq!(memory.over(), None, "it has given up nothing");
    }
}
