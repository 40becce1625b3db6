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
pub struct Step {
    /// Whose record it is.
    pub partition: PartitionId,
    /// Which record.
    pub number: RecordNumber,
    /// The last entry that it keeps; 0 if it replaces all data.
    pub keep: Lsn,
    /// The last entry after it.
    pub end: Lsn,
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

/// The records of all partitions, as far as they say what is still needed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Trails {
    /// Indexed by partition.
    trails: Vec<Trail>,
    /// The segments that hold records, each with the number of the last record before it.
    segments: Vec<(u64, RecordNumber)>,
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
    pub fn add(&mut self, segment: u64, step: &Step) {
        if self.segments.last().is_none_or(|(last, _)| *last < segment) {
            self.segments
                .push((segment, RecordNumber(step.number.0.saturating_sub(1))));
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

    /// A checkpoint that was made after the record `as_of`, and knows everything up to `base`, took
    /// effect.
    pub fn checkpointed(&mut self, partition: PartitionId, as_of: RecordNumber, base: Lsn) {
        let trail = self.trail(partition);
        trail.checkpoint = Some((as_of, base));
        let needed = trail.needed_from();
        trail
            .restarts
            .retain(|(_, segment)| needed.is_some_and(|needed| *segment >= needed));
    }

    /// Where the part of the log begins that is still needed: a segment, and the last record before
    /// it. `None`: no record was ever written.
    #[must_use]
    pub fn beginning(&self) -> Option<(u64, RecordNumber)> {
        let newest = self.segments.last()?;
        let needed = self.trails.iter().filter_map(Trail::needed_from).min();
        let needed = needed.unwrap_or(newest.0);
        self.segments
            .iter()
            .find(|(segment, _)| *segment >= needed)
            .copied()
    }

    /// The segments below `segment` are gone.
    pub fn forget_below(&mut self, segment: u64) {
        self.segments.retain(|(kept, _)| *kept >= segment);
    }

    /// The partitions for which one of the segments before the newest `segments` ones is kept: once
    /// they have been checkpointed, those can go.
    #[must_use]
    pub fn holding_back(&self, segments: u64) -> Vec<PartitionId> {
        let newest = self.segments.last().map_or(0, |(segment, _)| *segment);
        let holds = |trail: &Trail| {
            trail
                .needed_from()
                .is_some_and(|needed| needed + segments <= newest)
        };
        self.trails
            .iter()
            .enumerate()
            .filter(|(_, trail)| holds(trail))
            .map(|(index, _)| PartitionId(u16::try_from(index).expect("indexed by partition")))
            .collect()
    }
}
