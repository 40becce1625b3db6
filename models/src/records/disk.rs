//! What must be on the disks of recorded nodes, by what their machines were told.

use std::collections::VecDeque;

use kensho_protocol::coordinator::Saved;
use kensho_protocol::ids::{Epoch, Incarnation, Lsn, Position, Ticket};
use kensho_protocol::record::{OutOfOrder, Record, Recovered};
use kensho_protocol::settings::Durability;

use crate::world::disk::end;

/// One replica's part of a disk.
#[derive(Clone, Debug)]
pub(super) struct ReplicaDisk {
    safe: Recovered,
    written: VecDeque<(Ticket, Record)>,
    /// Where durability is delayed: the entries as they were written, the promise as it is safe.
    held: Option<Recovered>,
}

impl ReplicaDisk {
    pub(super) fn new(recovered: Recovered, durability: Durability) -> Self {
        let held = match durability {
            Durability::Sync => None,
            Durability::Delayed => Some(recovered.clone()),
        };
        ReplicaDisk {
            safe: recovered,
            written: VecDeque::new(),
            held,
        }
    }

    /// One that nothing is known of: it is of no life of any data.
    pub(super) fn unknown() -> Self {
        ReplicaDisk::new(Recovered::empty(Incarnation(u32::MAX)), Durability::Sync)
    }

    /// What counts as held.
    pub(super) fn safe(&self) -> &Recovered {
        self.held.as_ref().unwrap_or(&self.safe)
    }

    /// The node has found out that its disk went back in time (rule R14).
    pub(super) fn begin_another_life(&mut self, incarnation: Incarnation) {
        self.safe.incarnation = incarnation;
        if let Some(held) = &mut self.held {
            held.incarnation = incarnation;
        }
    }

    /// The replica writes; true if that counts at once.
    pub(super) fn write(&mut self, ticket: Ticket, record: &Record) -> Result<bool, OutOfOrder> {
        self.written.push_back((ticket, record.clone()));
        let Some(held) = &mut self.held else {
            return Ok(false);
        };
        let (promised, log_epoch) = (held.promised, held.log_epoch);
        held.replay(record.clone())?;
        (held.promised, held.log_epoch) = (promised, log_epoch);
        Ok(true)
    }

    /// The replica is told that everything up to `ticket` is safe.
    pub(super) fn durable(&mut self, ticket: Ticket) -> Result<(), OutOfOrder> {
        while let Some((_, record)) = self.written.pop_front_if(|(t, _)| *t <= ticket) {
            self.safe.replay(record)?;
        }
        if let Some(held) = &mut self.held {
            (held.promised, held.log_epoch) = (self.safe.promised, self.safe.log_epoch);
        }
        Ok(())
    }

    /// What is at or below `lsn` is looked at no more, so that a long record can be judged.
    pub(super) fn forget_up_to(&mut self, lsn: Lsn) {
        for recovered in [Some(&mut self.safe), self.held.as_mut()]
            .into_iter()
            .flatten()
        {
            let below = recovered.entries.partition_point(|e| e.at.lsn <= lsn);
            if let Some(last) = recovered.entries.drain(..below).next_back() {
                recovered.base = last.at;
            }
        }
    }

    /// Whether a node that stopped may find this: what is safe, and any beginning of what else was
    /// written. Where durability is delayed, only the promise is safe.
    pub(super) fn may_become(&self, found: &Recovered) -> bool {
        if self.held.is_some() {
            return found.promised >= self.safe.promised;
        }
        let mut state = self.safe.clone();
        if mark(&state) == mark(found) {
            return true;
        }
        self.written
            .iter()
            .any(|(_, record)| state.replay(record.clone()).is_ok() && mark(&state) == mark(found))
    }
}

/// What tells states of one log apart. (The entries below are a matter of log-match.)
fn mark(recovered: &Recovered) -> (Epoch, Epoch, Position) {
    (recovered.promised, recovered.log_epoch, end(recovered))
}

/// The coordinator's part of a disk.
#[derive(Clone, Debug)]
pub(super) struct CoordinatorDisk {
    safe: Saved,
    written: VecDeque<(Ticket, Saved)>,
}

impl CoordinatorDisk {
    pub(super) fn new(saved: Saved) -> Self {
        CoordinatorDisk {
            safe: saved,
            written: VecDeque::new(),
        }
    }

    pub(super) fn safe(&self) -> &Saved {
        &self.safe
    }

    pub(super) fn write(&mut self, ticket: Ticket, saved: &Saved) {
        self.written.push_back((ticket, saved.clone()));
    }

    pub(super) fn saved(&mut self, ticket: Ticket) {
        while let Some((_, saved)) = self.written.pop_front_if(|(t, _)| *t <= ticket) {
            self.safe = saved;
        }
    }

    /// Whether a node that stopped may find this.
    pub(super) fn may_become(&self, found: &Saved) -> bool {
        let mut written = self.written.iter().map(|(_, saved)| saved);
        self.safe == *found || written.any(|saved| saved == found)
    }
}
