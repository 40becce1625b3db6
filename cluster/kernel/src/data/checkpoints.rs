//! When checkpoints are made, so that the log on disk stays short.

use kensho_protocol::apply::Apply;
use kensho_protocol::ids::PartitionId;
use kensho_protocol::time::Time;

use super::{DataPlane, Limits, Output};

/// When the next checkpoints are due.
#[derive(Debug)]
pub(super) struct Checkpoints {
    next: Time,
    /// After the last ones were begun, no others are before this.
    rest: Time,
    /// When images were begun whose time is not known yet, and whether more of them are due.
    began: Option<(Time, bool)>,
    /// The partitions that are due, those first that hold the oldest part of the log.
    due: Option<Vec<PartitionId>>,
    /// The log cannot be cut before other nodes hold what stands at its beginning.
    pub(super) pinned: bool,
    /// There was no room on the disk for the last one.
    refused: bool,
}

impl Checkpoints {
    pub(super) fn from(now: Time, limits: &Limits) -> Self {
        Checkpoints {
            next: now + limits.checkpoint_interval,
            rest: Time(0),
            began: None,
            due: None,
            pinned: false,
            refused: false,
        }
    }

    pub(super) fn next(&self) -> Time {
        self.next
    }

    pub(super) fn refused(&self) -> bool {
        self.refused
    }

    pub(super) fn took_effect(&mut self) {
        self.refused = false;
        // There may be more of them.
        self.next = self.next.min(self.rest);
    }

    pub(super) fn refuse(&mut self, now: Time, limits: &Limits) {
        self.refused = true;
        self.next = now + limits.checkpoint_retry;
    }

    pub(super) fn are_due(&mut self, now: Time, due: Vec<PartitionId>, limits: &Limits) {
        self.next = now + limits.checkpoint_interval;
        self.due = Some(due);
    }

    /// It is known by now how long the last images took: as much time is left for everything else.
    pub(super) fn images_are_made(&mut self, now: Time) {
        if let Some((began, more)) = self.began.take() {
            self.rest = now + now.since(began);
            if more {
                self.next = self.rest;
            }
        }
    }
}

impl<A: Apply, C> DataPlane<A, C> {
    /// Whether [`Input::DueCheckpoints`](super::Input::DueCheckpoints) is to be said before the next flush.
    #[must_use]
    pub fn looks_for_checkpoints(&self, now: Time) -> bool {
        let long = self.log.bytes < self.settings.checkpoint_after_bytes / 2;
        self.checkpoints.next <= now || long && self.checkpoints.rest <= now
    }

    /// Begins checkpoints if some are due, those that keep the oldest part of the log first. One group
    /// after the other, so that the log is shortened as fast as the disk allows; but images take this
    /// thread's time, so that a group is small, and as much time is left for everything else. If the log
    /// is still much longer than it should be, the next ones are made while others are written: what waits
    /// for the disk then takes effect together.
    pub(super) fn begin_checkpoints(&mut self, now: Time, out: &mut Vec<Output>) {
        let Some(due) = self.checkpoints.due.take() else {
            return;
        };
        let limits = self.settings.limits;
        let under_way = self.slots.iter().filter_map(|slot| slot.checkpointing);
        let waiting: usize = under_way.clone().sum();
        let far_too_long = self.log.bytes < self.settings.checkpoint_after_bytes / 4;
        if under_way.count() > 0 && !(far_too_long && waiting < limits.waiting_images_bytes) {
            return;
        }
        let mut bytes = 0;
        let mut more = false;
        self.checkpoints.pinned = due.first().is_some_and(|first| self.is_pinned(*first));
        for partition in due {
            let under_way = self.slots[usize::from(partition.0)].checkpointing.is_some();
            if under_way || self.is_pinned(partition) {
                continue;
            }
            more = bytes >= limits.images_bytes;
            if more {
                break;
            }
            bytes += self.checkpoint(partition, out);
        }
        self.checkpoints.began = Some((now, more));
    }

    /// Whether a checkpoint of this partition would say no more than the last one, and the log is needed for
    /// what is not committed.
    fn is_pinned(&self, partition: PartitionId) -> bool {
        let slot = &self.slots[usize::from(partition.0)];
        let commit = slot.replica.commit();
        slot.checkpointed == Some(commit) && slot.replica.log().end() > commit
    }

    /// Begins a checkpoint; how large it is, in bytes.
    fn checkpoint(&mut self, partition: PartitionId, out: &mut Vec<Output>) -> usize {
        let slot = &mut self.slots[usize::from(partition.0)];
        let image = slot.replica.image();
        if let Some(transcript) = &mut self.transcript {
            transcript.image(partition, &image);
        }
        let (at, image) = image;
        let bytes = image.len();
        slot.checkpointing = Some(bytes);
        out.push(Output::Checkpoint {
            partition,
            promised: slot.replica.promised(),
            log_epoch: slot.replica.log_epoch(),
            at,
            image,
        });
        bytes
    }
}
