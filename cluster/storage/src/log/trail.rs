//! Which part of the log is still needed.
//!
//! Take a partition whose checkpoint knows everything up to lsn P. A record of that partition that
//! keeps at most P (`keep <= P`) is a *restart*: whatever stood above P before it is replaced by what
//! it appends, so checkpoint, that record and the ones after it give the same as the whole log.
//! The newest restart is all that recovery needs to begin with, and older segments may go. If nothing
//! stands above P, and the checkpoint was made after the last record, no record is needed at all.
//! (What a record says of promise and log epoch is superseded by the next record, and, for those
//! before the checkpoint was made, by the checkpoint.)
//!
//! A record that replaces all data is a restart whatever P is.

use kensho_protocol::ids::{Lsn, PartitionId};

use super::RecordNumber;

/// What one record means for the log's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Step {
    /// Whose record it is.
    pub(crate) partition: PartitionId,
    /// Which record.
    pub(crate) number: RecordNumber,
    /// The last entry that it keeps; 0 if it replaces all data.
    pub(crate) keep: Lsn,
    /// The last entry after it.
    pub(crate) end: Lsn,
}

/// One partition's records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Trail {
    /// Possible restarts: segments in order, each with the lowest `keep` of its records from which on
    /// no lower one follows; so `keep` rises from one to the next.
    restarts: Vec<(Lsn, u64)>,
    /// The last record.
    last: RecordNumber,
    /// The last entry.
    end: Lsn,
    /// What the last checkpoint knows.
    checkpoint: Option<(RecordNumber, Lsn)>,
}

impl Trail {
    /// The first segment that recovery needs for this partition.
    fn needed_from(&self) -> Option<u64> {
        let base = self.checkpoint.map_or(Lsn(0), |(_, base)| base);
        if let Some((as_of, base)) = self.checkpoint
            && self.last <= as_of
            && self.end <= base
        {
            return None;
        }
        let restart = self.restarts.iter().rev().find(|(keep, _)| *keep <= base);
        restart
            .or(self.restarts.first())
            .map(|(_, segment)| *segment)
    }
}

/// A segment, and how long its file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Extent {
    /// Its number.
    pub(crate) segment: u64,
    /// The file's length.
    pub(crate) bytes: u64,
}

/// The records of all partitions, as far as they say what is still needed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Trails {
    /// Indexed by partition.
    trails: Vec<Trail>,
    /// The segments that hold records, each with the number of the last record before it.
    segments: Vec<(Extent, RecordNumber)>,
    /// The segment that is written to. Maybe none of its records is safe yet.
    current: Option<Extent>,
}

impl Trails {
    fn trail(&mut self, partition: PartitionId) -> &mut Trail {
        let index = usize::from(partition.0);
        if self.trails.len() <= index {
            self.trails.resize(index + 1, Trail::default());
        }
        &mut self.trails[index]
    }

    /// A record of `segment` is safe. (One that may still be lost lets nothing be forgotten.)
    pub(crate) fn add(&mut self, extent: Extent, step: &Step) {
        let segment = extent.segment;
        let last = self.segments.last();
        if last.is_none_or(|(last, _)| last.segment < segment) {
            let before = RecordNumber(step.number.0.saturating_sub(1));
            self.segments.push((extent, before));
        }
        let trail = self.trail(step.partition);
        while trail
            .restarts
            .last()
            .is_some_and(|(keep, _)| *keep >= step.keep)
        {
            trail.restarts.pop();
        }
        if trail
            .restarts
            .last()
            .is_none_or(|(_, last)| *last != segment)
        {
            trail.restarts.push((step.keep, segment));
        }
        trail.last = step.number;
        trail.end = step.end;
    }

    /// This is the segment that is written to from now on.
    pub(crate) fn writes_to(&mut self, current: Extent) {
        self.current = Some(current);
    }

    /// What the segments that are kept take, with the one that is written to, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        let known = self.segments.iter().map(|(extent, _)| extent.bytes);
        known.sum::<u64>() + self.begun_bytes()
    }

    /// What the segment that is written to takes, unless it is known by its records.
    fn begun_bytes(&self) -> u64 {
        let last = self.segments.last().map(|(extent, _)| extent.segment);
        let begun = self.current.filter(|current| last < Some(current.segment));
        begun.map_or(0, |current| current.bytes)
    }

    /// A checkpoint that was made after the record `as_of`, and knows everything up to `base`, took
    /// effect.
    pub(crate) fn checkpointed(&mut self, partition: PartitionId, as_of: RecordNumber, base: Lsn) {
        let trail = self.trail(partition);
        trail.checkpoint = Some((as_of, base));
        let needed = trail.needed_from();
        trail
            .restarts
            .retain(|(_, segment)| needed.is_some_and(|needed| *segment >= needed));
    }

    /// The last record of a partition, as far as there is one in the segments that are kept.
    pub(crate) fn last(&self, partition: PartitionId) -> Option<RecordNumber> {
        let trail = self.trails.get(usize::from(partition.0))?;
        (trail.last > RecordNumber(0)).then_some(trail.last)
    }

    /// Where the part of the log begins that is still needed: a segment, and the last record before
    /// it. `None`: no record was ever written.
    #[must_use]
    pub(crate) fn beginning(&self) -> Option<(u64, RecordNumber)> {
        let (newest, _) = self.segments.last()?;
        let needed = self.trails.iter().filter_map(Trail::needed_from).min();
        let needed = needed.unwrap_or(newest.segment);
        let mut segments = self.segments.iter();
        let (first, before) = segments.find(|(extent, _)| extent.segment >= needed)?;
        Some((first.segment, *before))
    }

    /// The segments below `segment` are gone.
    pub(crate) fn forget_below(&mut self, segment: u64) {
        self.segments.retain(|(kept, _)| kept.segment >= segment);
    }

    /// The partitions for which more is kept than the newest segments that take `bytes` together, whoever
    /// keeps the oldest one first: once they have been checkpointed, the others can go.
    #[must_use]
    pub(crate) fn holding_back(&self, bytes: u64) -> Vec<PartitionId> {
        let mut taken = self.begun_bytes();
        let mut newest_first = self.segments.iter().rev().map(|(extent, _)| extent);
        let too_much = newest_first.find(|extent| {
            taken += extent.bytes;
            taken > bytes
        });
        let Some(newest_to_go) = too_much else {
            return Vec::new();
        };
        // The newest one is being written to, however long it is.
        let newest = self.segments.last().map_or(0, |(extent, _)| extent.segment);
        let newest_to_go = newest_to_go.segment.min(newest.saturating_sub(1));
        let mut holding: Vec<(u64, PartitionId)> = (0..)
            .map(PartitionId)
            .zip(&self.trails)
            .filter_map(|(partition, trail)| Some((trail.needed_from()?, partition)))
            .collect();
        holding.sort_unstable();
        let due = holding.partition_point(|(needed, _)| *needed <= newest_to_go);
        // What nobody needs any more goes with the next checkpoint, whosesoever.
        let left = self.segments.first().map(|(extent, _)| extent.segment);
        let superfluous = due == 0 && left.is_some_and(|left| left <= newest_to_go);
        holding.truncate(due.max(usize::from(superfluous)));
        holding
            .into_iter()
            .map(|(_, partition)| partition)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Segments of one byte, so that so many bytes are so many segments.
    fn extent(segment: u64) -> Extent {
        Extent { segment, bytes: 1 }
    }

    /// Records of partition 0, one a segment, as (keep, end).
    fn trails(records: &[(u64, u64)]) -> Trails {
        let mut trails = Trails::default();
        for (number, (keep, end)) in (1..).zip(records) {
            let step = Step {
                partition: PartitionId(0),
                number: RecordNumber(number),
                keep: Lsn(*keep),
                end: Lsn(*end),
            };
            trails.add(extent(number), &step);
        }
        trails
    }

    #[track_caller]
    fn assert_needed(records: &[(u64, u64)], as_of: u64, base: u64, segment: u64) {
        let mut trails = trails(records);
        trails.checkpointed(PartitionId(0), RecordNumber(as_of), Lsn(base));
        let before = RecordNumber(segment - 1);
        assert_eq!(trails.beginning(), Some((segment, before)));
    }

    #[test]
    fn without_a_checkpoint_the_log_is_needed_from_where_it_last_began() {
        assert_eq!(trails(&[]).beginning(), None);
        let appended = trails(&[(0, 2), (2, 4), (4, 5)]);
        assert_eq!(appended.beginning(), Some((1, RecordNumber(0))));
        let replaced = trails(&[(0, 2), (2, 4), (0, 9), (9, 10)]);
        assert_eq!(replaced.beginning(), Some((3, RecordNumber(2))));
    }

    #[test]
    fn a_checkpoint_needs_the_newest_record_that_continues_what_it_knows() {
        let records = [(0, 2), (2, 4), (4, 6), (6, 8)];
        assert_needed(&records, 4, 3, 2);
        assert_needed(&records, 4, 4, 3);
        assert_needed(&records, 4, 5, 3);
        assert_needed(&records, 4, 6, 4);
    }

    #[test]
    fn a_cut_makes_what_it_cuts_superfluous() {
        // 3..=6 are cut by the fourth record, which goes on after 2.
        let records = [(0, 2), (2, 4), (4, 6), (2, 3), (3, 4)];
        assert_needed(&records, 5, 1, 1);
        assert_needed(&records, 5, 2, 4);
        assert_needed(&records, 5, 3, 5);
    }

    #[test]
    fn a_checkpoint_that_knows_everything_needs_nothing_but_the_newest_segment() {
        assert_needed(&[(0, 2), (2, 4)], 2, 4, 2);
        // A promise, with no entry, that the checkpoint does not know.
        assert_needed(&[(0, 4), (4, 4), (4, 4)], 1, 4, 3);
    }

    #[test]
    fn the_partition_that_keeps_the_oldest_segment_is_named() {
        let mut trails = trails(&[(0, 2), (2, 4), (4, 6), (6, 8)]);
        for (number, segment) in [(5, 4), (6, 5), (7, 6)] {
            let step = Step {
                partition: PartitionId(3),
                number: RecordNumber(number),
                keep: Lsn(number - 5),
                end: Lsn(number - 4),
            };
            trails.add(extent(segment), &step);
        }
        assert_eq!(trails.holding_back(2), [PartitionId(0), PartitionId(3)]);
        assert_eq!(trails.holding_back(5), [PartitionId(0)]);
        assert_eq!(trails.holding_back(6), []);
        trails.checkpointed(PartitionId(0), RecordNumber(4), Lsn(8));
        assert_eq!(trails.holding_back(2), [PartitionId(3)]);
        assert_eq!(trails.beginning(), Some((4, RecordNumber(3))));
    }

    #[test]
    fn who_was_checkpointed_last_is_named_last() {
        let mut trails = Trails::default();
        let step = |partition, number| Step {
            partition: PartitionId(partition),
            number: RecordNumber(number),
            keep: Lsn(number),
            end: Lsn(number + 1),
        };
        // Both write to every segment, and only the first was ever checkpointed.
        for segment in 1..9 {
            trails.add(extent(segment), &step(0, 2 * segment));
            trails.add(extent(segment), &step(1, 2 * segment + 1));
        }
        trails.checkpointed(PartitionId(0), RecordNumber(9), Lsn(8));
        assert_eq!(
            trails.holding_back(2),
            [PartitionId(1), PartitionId(0)],
            "or its log would never become shorter while the other one is due again in time"
        );
    }

    #[test]
    fn the_segment_that_is_written_to_counts_before_its_records_are_safe() {
        let mut trails = trails(&[(0, 2), (2, 4), (4, 6)]);
        trails.writes_to(extent(3));
        assert_eq!((trails.bytes(), trails.holding_back(3)), (3, vec![]));
        trails.writes_to(Extent {
            segment: 4,
            bytes: 7,
        });
        assert_eq!(trails.bytes(), 10);
        assert_eq!(trails.holding_back(9), [PartitionId(0)]);
        trails.checkpointed(PartitionId(0), RecordNumber(3), Lsn(6));
        trails.forget_below(3);
        assert_eq!((trails.bytes(), trails.holding_back(8)), (8, vec![]));
    }

    #[test]
    fn segments_count_by_their_length() {
        let mut trails = Trails::default();
        // Large batches get segments of their own.
        for (segment, bytes) in [(1, 10), (2, 10), (3, 1_000), (4, 10)] {
            let step = Step {
                partition: PartitionId(0),
                number: RecordNumber(segment),
                keep: Lsn(segment - 1),
                end: Lsn(segment),
            };
            trails.add(Extent { segment, bytes }, &step);
        }
        assert_eq!(trails.holding_back(1_030), []);
        assert_eq!(trails.holding_back(1_029), [PartitionId(0)]);
        trails.checkpointed(PartitionId(0), RecordNumber(3), Lsn(2));
        assert_eq!(
            trails.holding_back(1_010),
            [PartitionId(0)],
            "nobody needs the first two, but they are still there"
        );
        trails.forget_below(3);
        assert_eq!(trails.holding_back(1_010), []);
        assert_eq!(trails.holding_back(1_009), [PartitionId(0)]);
        trails.checkpointed(PartitionId(0), RecordNumber(4), Lsn(4));
        trails.forget_below(4);
        assert_eq!(trails.holding_back(0), [], "nothing but the newest is kept");
    }
}
