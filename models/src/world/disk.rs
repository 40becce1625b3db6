//! A node's disk: what was written is safe only after a sync, which takes its time. One sync takes
//! everything written before it began; what is written meanwhile waits for the next.
//!
//! Where durability is delayed, what was written counts as held already, but for what it promises.
//!
//! A crash keeps some beginning of what was not synced, record by record. (A record that is half on
//! disk is the storage crate's concern: it cuts it off.)

use std::collections::VecDeque;

use bytes::Bytes;
use kensho_protocol::coordinator::Saved;
use kensho_protocol::ids::{Incarnation, Life, Lsn, Position, Ticket};
use kensho_protocol::record::{OutOfOrder, Record, Recovered};

use crate::random::Random;

/// Something written for a replica.
#[derive(Clone, Debug)]
pub enum Written {
    /// A record, which its replica waits for.
    Record(Ticket, Record),
    /// An image of the data: what it knows of may be dropped from the log.
    Checkpoint(Position, Bytes),
}

/// What a sync made safe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Synced {
    /// Every record up to this one.
    pub ticket: Option<Ticket>,
    /// A checkpoint.
    pub checkpoint: Option<Lsn>,
}

/// One replica's part of the disk.
#[derive(Clone, Debug)]
pub struct ReplicaDisk {
    safe: Recovered,
    written: VecDeque<Written>,
    /// How many of those the running sync takes; 0 if none runs.
    syncing: usize,
    /// Where durability is delayed: the promise and the log's epoch as they were synced, with the
    /// entries as they were written.
    held: Option<Recovered>,
}

impl ReplicaDisk {
    /// A disk with nothing on it.
    #[must_use]
    pub fn empty(incarnation: Incarnation) -> Self {
        ReplicaDisk {
            safe: Recovered::empty(incarnation),
            written: VecDeque::new(),
            syncing: 0,
            held: None,
        }
    }

    /// The same, of a node whose durability is delayed.
    #[must_use]
    pub fn delayed(self) -> Self {
        ReplicaDisk {
            held: Some(self.safe.clone()),
            ..self
        }
    }

    /// What a crash now would leave at least; where durability is delayed, what counts as held while
    /// there is no crash.
    #[must_use]
    pub fn safe(&self) -> &Recovered {
        self.held.as_ref().unwrap_or(&self.safe)
    }

    /// How many records and checkpoints are not safe yet.
    #[must_use]
    pub fn unsafe_writes(&self) -> usize {
        self.written.len()
    }

    /// How many of those the running sync takes.
    #[must_use]
    pub fn syncing(&self) -> usize {
        self.syncing
    }

    /// Writes something; true if a sync must be begun for it.
    pub fn write(&mut self, written: Written) -> bool {
        if let (Some(held), Written::Record(_, record)) = (&mut self.held, &written) {
            // One that cannot follow is noticed when it is synced.
            let _ = held.replay(record.clone());
            held.promised = self.safe.promised;
            held.log_epoch = self.safe.log_epoch;
        }
        self.written.push_back(written);
        self.syncing == 0
    }

    /// A sync begins, of all that was written so far.
    pub fn begin_sync(&mut self) {
        self.syncing = self.written.len();
    }

    /// The sync is done. A further one must be begun if more [was written](Self::unsafe_writes).
    ///
    /// # Errors
    /// When a record cannot follow what is on disk.
    pub fn end_sync(&mut self) -> Result<Synced, OutOfOrder> {
        let mut synced = Synced::default();
        for _ in 0..std::mem::take(&mut self.syncing) {
            let written = self.written.pop_front().expect("it was counted");
            match &written {
                Written::Record(ticket, _) => synced.ticket = Some(*ticket),
                Written::Checkpoint(at, _) => synced.checkpoint = Some(at.lsn),
            }
            if let (Some(held), Written::Checkpoint(at, image)) = (&mut self.held, &written) {
                checkpoint(held, *at, image.clone());
            }
            self.make_safe(written)?;
        }
        if let Some(held) = &mut self.held {
            held.promised = self.safe.promised;
            held.log_epoch = self.safe.log_epoch;
        }
        Ok(synced)
    }

    /// The machine stops: of what was not synced, any beginning may be on the disk. Returns how much
    /// of it is.
    ///
    /// # Errors
    /// When a record cannot follow what is on disk.
    pub fn crash(&mut self, random: &mut Random) -> Result<usize, OutOfOrder> {
        let survive = random.index(self.written.len() + 1);
        let lost = self.written.split_off(survive);
        drop(lost);
        self.syncing = 0;
        while let Some(written) = self.written.pop_front() {
            self.make_safe(written)?;
        }
        if let Some(held) = &mut self.held {
            // Nobody knows whether something that was acknowledged is missing (rule R5).
            // It is of this start, so that no copy of the disk comes to the same.
            let life = self.safe.life;
            self.safe.incarnation = life.incarnation_after(self.safe.incarnation);
            held.clone_from(&self.safe);
        }
        Ok(survive)
    }

    /// The machine stops, and somebody who has seen the bytes says what is left: `found`, with the first
    /// `kept` of what was not synced. False if that cannot be.
    pub fn crash_to(&mut self, found: Recovered, kept: usize) -> bool {
        let mut expected = self.safe.clone();
        let mut possible = true;
        for written in std::mem::take(&mut self.written).into_iter().take(kept) {
            // A checkpoint changes nothing but how the same is kept, and may be there or not.
            if let Written::Record(_, record) = written {
                possible &= expected.replay(record).is_ok();
            }
        }
        self.syncing = 0;
        self.safe = found;
        possible && hold_the_same(&expected, &self.safe)
    }

    /// The node starts, for the `counter`th time from this folder (rule R14); `nonce` is drawn.
    pub fn start(&mut self, nonce: u128) {
        let life = Life {
            counter: self.safe.life.counter + 1,
            nonce,
        };
        self.safe.life = life;
        if let Some(held) = &mut self.held {
            held.life = life;
        }
    }

    /// The node has found out that the disk went back in time (rule R14).
    pub fn begin_another_life(&mut self, incarnation: Incarnation) {
        self.safe.incarnation = incarnation;
        if let Some(held) = &mut self.held {
            held.incarnation = incarnation;
        }
    }

    /// What somebody finds who copies the folder.
    #[must_use]
    pub fn copy(&self) -> Recovered {
        self.safe.clone()
    }

    /// Somebody puts a copy in the place of the folder of a node that does not run.
    pub fn put_back(&mut self, copy: Recovered) {
        self.written.clear();
        self.syncing = 0;
        self.safe = copy;
        if let Some(held) = &mut self.held {
            held.clone_from(&self.safe);
        }
    }

    /// The data are gone, and a new life of them begins (rule R5).
    pub fn wipe(&mut self) {
        let another = self.safe.life.incarnation_after(self.safe.incarnation);
        let empty = ReplicaDisk::empty(another);
        *self = match self.held {
            Some(_) => empty.delayed(),
            None => empty,
        };
    }

    fn make_safe(&mut self, written: Written) -> Result<(), OutOfOrder> {
        match written {
            Written::Record(_, record) => self.safe.replay(record),
            Written::Checkpoint(at, image) => {
                checkpoint(&mut self.safe, at, image);
                Ok(())
            }
        }
    }
}

/// Puts an image where the entries up to `at` were. An older one than what is there is of no use.
fn checkpoint(safe: &mut Recovered, at: Position, image: Bytes) {
    if at.lsn <= safe.base.lsn {
        return;
    }
    safe.entries.retain(|entry| entry.at.lsn > at.lsn);
    safe.base = at;
    safe.image = Some(image);
}

/// Whether two disks hold the same, be it in entries or in an image of them.
fn hold_the_same(one: &Recovered, other: &Recovered) -> bool {
    let above = one.base.lsn.max(other.base.lsn);
    let entries = |safe: &Recovered| {
        let entries = safe.entries.iter().filter(|entry| entry.at.lsn > above);
        entries.cloned().collect::<Vec<_>>()
    };
    let numbers = |safe: &Recovered| (safe.incarnation, safe.promised, safe.log_epoch);
    numbers(one) == numbers(other)
        && entries(one) == entries(other)
        && position(one, above) == position(other, above)
        && (one.base != other.base || one.image == other.image)
}

/// Where the log on a disk ends.
#[must_use]
pub fn end(safe: &Recovered) -> Position {
    safe.entries.last().map_or(safe.base, |entry| entry.at)
}

/// The position of `lsn` in the log on a disk; `None` if it is below the checkpoint or missing.
#[must_use]
pub fn position(safe: &Recovered, lsn: Lsn) -> Option<Position> {
    let above = lsn.0.checked_sub(safe.base.lsn.0)?;
    if above == 0 {
        return Some(safe.base);
    }
    let index = usize::try_from(above - 1).ok()?;
    safe.entries.get(index).map(|entry| entry.at)
}

/// The coordinator's part of the disk: one file, replaced as a whole.
#[derive(Clone, Debug, Default)]
pub struct CoordinatorDisk {
    safe: Saved,
    written: VecDeque<(Ticket, Saved)>,
}

impl CoordinatorDisk {
    /// What a crash now would leave, or something younger.
    #[must_use]
    pub fn safe(&self) -> &Saved {
        &self.safe
    }

    /// Writes; each write is synced by itself, in order.
    pub fn write(&mut self, ticket: Ticket, saved: Saved) {
        self.written.push_back((ticket, saved));
    }

    /// The sync of the oldest write is done.
    pub fn end_sync(&mut self) -> Option<Ticket> {
        let (ticket, saved) = self.written.pop_front()?;
        self.safe = saved;
        Some(ticket)
    }

    /// The write that the disk is about to make safe.
    #[must_use]
    pub fn next(&self) -> Option<&Saved> {
        self.written.front().map(|(_, saved)| saved)
    }

    /// The machine stops, and somebody who has seen the bytes says what is left. False if that cannot be.
    pub fn crash_to(&mut self, found: Saved) -> bool {
        let possible = found == self.safe || self.next() == Some(&found);
        self.safe = found;
        self.written.clear();
        possible
    }

    /// Somebody puts a copy in the place of the folder of a node that does not run.
    pub fn put_back(&mut self, copy: Saved) {
        self.written.clear();
        self.safe = copy;
    }

    /// The machine stops: the file is some version from the safe one to the one written last.
    pub fn crash(&mut self, random: &mut Random) {
        let survive = random.index(self.written.len() + 1);
        if let Some(last) = survive.checked_sub(1) {
            self.safe = self.written[last].1.clone();
        }
        self.written.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;
    use kensho_protocol::ids::Epoch;
    use kensho_protocol::log::Entry;

    fn record(ticket: u64, keep: u64) -> Written {
        let at = Position {
            epoch: Epoch(1),
            lsn: Lsn(keep + 1),
        };
        let entry = Entry {
            at,
            request: None,
            statement: Bytes::new(),
        };
        let record = Record::Log {
            promised: Epoch(1),
            log_epoch: Epoch(1),
            keep: Lsn(keep),
            entries: vec![entry],
        };
        Written::Record(Ticket(ticket), record)
    }

    #[test]
    fn a_sync_takes_what_was_written_before_it_began() {
        let mut disk = ReplicaDisk::empty(Incarnation(1));
        assert!(disk.write(record(1, 0)), "a sync must be begun");
        disk.begin_sync();
        assert!(!disk.write(record(2, 1)), "one is running");
        assert_eq!(disk.end_sync().map(|s| s.ticket), Ok(Some(Ticket(1))));
        assert_eq!(end(disk.safe()).lsn, Lsn(1));
        assert_eq!(disk.unsafe_writes(), 1);
    }

    #[test]
    fn a_crash_keeps_any_beginning_of_what_was_not_synced() {
        let mut random = Random::new(1, Stream::Disks);
        let mut kept = [false; 4];
        for _ in 0..100 {
            let mut disk = ReplicaDisk::empty(Incarnation(1));
            for number in 0..3 {
                disk.write(record(number, number));
            }
            disk.crash(&mut random).expect("records in order");
            assert_eq!(disk.unsafe_writes(), 0);
            kept[usize::try_from(end(disk.safe()).lsn.0).expect("small")] = true;
        }
        assert_eq!(kept, [true; 4]);
    }

    #[test]
    fn what_is_delayed_is_held_until_a_crash_and_promised_only_when_synced() {
        let mut random = Random::new(1, Stream::Disks);
        let mut disk = ReplicaDisk::empty(Incarnation(1)).delayed();
        disk.write(record(1, 0));
        assert_eq!(end(disk.safe()).lsn, Lsn(1));
        assert_eq!(disk.safe().promised, Epoch(0));
        disk.begin_sync();
        disk.end_sync().expect("records in order");
        assert_eq!(disk.safe().promised, Epoch(1));
        disk.write(record(2, 1));
        let kept = disk.crash(&mut random).expect("records in order");
        assert_eq!(end(disk.safe()).lsn.0, 1 + kept as u64);
        assert_ne!(disk.safe().incarnation, Incarnation(1));
    }

    #[test]
    fn a_checkpoint_takes_the_place_of_the_entries_it_knows_of() {
        let mut disk = ReplicaDisk::empty(Incarnation(1));
        for number in 0..3 {
            disk.write(record(number, number));
        }
        let at = Position {
            epoch: Epoch(1),
            lsn: Lsn(2),
        };
        disk.write(Written::Checkpoint(at, Bytes::from_static(b"image")));
        disk.begin_sync();
        let synced = disk.end_sync().expect("records in order");
        assert_eq!(synced.checkpoint, Some(Lsn(2)));
        assert_eq!(disk.safe().base, at);
        assert_eq!(position(disk.safe(), Lsn(1)), None);
        assert_eq!(position(disk.safe(), Lsn(2)), Some(at));
        assert_eq!(position(disk.safe(), Lsn(3)).map(|at| at.lsn), Some(Lsn(3)));
        assert_eq!(position(disk.safe(), Lsn(4)), None);
    }
}
