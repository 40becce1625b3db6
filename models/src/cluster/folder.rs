//! The data folder of a node as the real node keeps it: the storage's own files, byte for byte, on its
//! simulated disk, whose power is cut when the node crashes.
//!
//! What is safe, and when, the simple disks of [`world::disk`](crate::world::disk) say, here as in the
//! other worlds. So each crash asks both what is left. The simple disk says what may be: all that was
//! synced, and a beginning of the rest. The storage says what is, from files of which some writes are
//! lost and some are torn; and that is what the node finds when it starts.

use std::collections::VecDeque;

use kensho_protocol::coordinator::Saved;
use kensho_protocol::ids::{Epoch, Incarnation, Life, NodeId, PartitionId};
use kensho_protocol::record::Recovered;
use kensho_protocol::table::Identity;
use kensho_storage::disk::{SimulatedDisk, SimulatedFile};
use kensho_storage::error::StorageError;
use kensho_storage::folder::{self, DataFolder, Drawn};
use kensho_storage::log::{Checkpoint, LogSettings, RecordNumber, Recovery, Store};

use crate::random::Random;
use crate::world::disk::Written;

/// Small segments, so that a run fills many.
const SETTINGS: LogSettings = LogSettings {
    segment_bytes: 64 << 10,
    checkpoint_after_bytes: 256 << 10,
    durability: kensho_storage::log::Durability::Sync,
};

/// So many changes of a file that is replaced as a whole may come before a crash in the middle of it.
const STEPS_OF_REPLACING: u64 = 8;

/// See the [module](self).
#[derive(Debug)]
pub struct Folder {
    disk: SimulatedDisk,
    identity: Identity,
    node: NodeId,
    store: Store<SimulatedFile>,
    /// By partition: what was written and is not safe according to the simple disk, in order.
    pending: Vec<VecDeque<Pending>>,
}

#[derive(Debug)]
enum Pending {
    Record(RecordNumber),
    Checkpoint(RecordNumber, Checkpoint),
}

/// What a node finds after a crash.
#[derive(Debug)]
pub struct Found {
    /// What the coordinator remembers.
    pub saved: Saved,
    /// By partition: what the replica remembers, and how many of its writes that were not synced
    /// that includes.
    pub replicas: Vec<(Recovered, usize)>,
}

impl Folder {
    /// The folder of a node that has never been started.
    ///
    /// # Errors
    /// When the storage does not work.
    pub fn new(identity: Identity, node: NodeId) -> Result<Self, StorageError> {
        let mut disk = SimulatedDisk::new();
        let opened = folder::open_on(&mut disk, &identity, SETTINGS, || Ok(drawn(node)))?;
        let pending = (0..identity.partitions).map(|_| VecDeque::new()).collect();
        Ok(Folder {
            disk,
            identity,
            node,
            store: opened.store,
            pending,
        })
    }

    /// Something is written for a replica that promises `promised` and whose log is of `log_epoch`.
    pub fn write(
        &mut self,
        partition: PartitionId,
        written: &Written,
        (promised, log_epoch): (Epoch, Epoch),
    ) {
        let pending = match written {
            Written::Record(_, record) => Pending::Record(self.store.append(partition, record)),
            Written::Checkpoint(at, image) => {
                let checkpoint = Checkpoint {
                    promised,
                    log_epoch,
                    at: *at,
                    image: image.clone(),
                };
                Pending::Checkpoint(self.store.appended(), checkpoint)
            }
        };
        self.pending[usize::from(partition.0)].push_back(pending);
    }

    /// Of the writes for a partition that were not safe, all but the youngest `left` are to be safe now.
    /// There is one log for all partitions, so others become safe with them. Whether there is room for
    /// more.
    ///
    /// # Errors
    /// When the storage does not work; [`StorageError::Full`] if it has to wait for room.
    pub fn sync(&mut self, partition: PartitionId, left: usize) -> Result<bool, StorageError> {
        let place = usize::from(partition.0);
        while self.pending[place].len() > left {
            let number = match &self.pending[place][0] {
                Pending::Record(number) | Pending::Checkpoint(number, _) => *number,
            };
            while self.store.durable() < number {
                self.store.write(&mut self.disk)?;
                self.store.sync(&mut self.disk)?;
            }
            if let Some(Pending::Checkpoint(as_of, checkpoint)) = self.pending[place].pop_front() {
                let disk = &mut self.disk;
                match self.store.checkpoint(disk, partition, as_of, &checkpoint) {
                    // It changes nothing but how the same is kept, and may be there or not.
                    Err(error) if error.is_full() => {}
                    made => made?,
                }
            }
        }
        self.has_room()
    }

    /// Whether there is room for more.
    fn has_room(&mut self) -> Result<bool, StorageError> {
        match self.store.prepare(&mut self.disk) {
            Ok(()) => Ok(true),
            Err(error) if error.is_full() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// From now on no file can grow.
    pub fn fill(&mut self) {
        self.disk.limit(Some(0));
    }

    /// From now on all files can grow. Whether there is room.
    ///
    /// # Errors
    /// When the storage does not work.
    pub fn make_room(&mut self) -> Result<bool, StorageError> {
        self.disk.limit(None);
        self.has_room()
    }

    /// What the coordinator wrote is to be safe now.
    ///
    /// # Errors
    /// When the storage does not work; [`StorageError::Full`] if it has to wait for room.
    pub fn save(&mut self, saved: &Saved) -> Result<(), StorageError> {
        folder::save(&mut self.disk, saved)
    }

    /// The machine stops, maybe in the middle of a write, or of saving what the coordinator wrote
    /// (`saving`, if it waits for its disk), and the folder is opened again.
    ///
    /// # Errors
    /// When the storage does not find its way.
    pub fn crash(
        &mut self,
        saving: Option<&Saved>,
        random: &mut Random,
    ) -> Result<Found, StorageError> {
        // What fails here is the power; nobody is told of it.
        if random.chance(500_000) {
            let _ = self.store.write(&mut self.disk);
        }
        if let Some(saving) = saving.filter(|_| random.chance(500_000)) {
            self.disk.fail_after(random.below(STEPS_OF_REPLACING));
            let _ = folder::save(&mut self.disk, saving);
        }
        self.disk.cut_power(random.draw());
        let opened = self.open_again()?;
        let (saved, recovery, life) = opened;
        let mut partitions = recovery.partitions.clone();
        let last = self.store.appended();
        let replicas = (0..).map(PartitionId).zip(&mut self.pending);
        let replicas = replicas.map(|(partition, pending)| {
            let recovered = partitions.remove(&partition);
            let is_there = |pending: &Pending| match pending {
                Pending::Record(number) | Pending::Checkpoint(number, _) => *number <= last,
            };
            let kept = pending.iter().take_while(|pending| is_there(pending));
            let kept = kept.count();
            pending.clear();
            let recovered = recovered.unwrap_or_else(|| Recovered {
                life,
                ..recovery.nothing(partition)
            });
            (recovered, kept)
        });
        Ok(Found {
            saved,
            replicas: replicas.collect(),
        })
    }

    /// What somebody finds who copies the folder.
    pub fn copy(&self) -> SimulatedDisk {
        self.disk.clone()
    }

    /// Somebody puts a copy in the place of the folder of a node that does not run.
    ///
    /// # Errors
    /// When the storage does not find its way.
    pub fn put_back(&mut self, copy: SimulatedDisk) -> Result<Found, StorageError> {
        self.disk = copy;
        let (saved, recovery, life) = self.open_again()?;
        let mut partitions = recovery.partitions.clone();
        let replicas = (0..).map(PartitionId).zip(&mut self.pending);
        let replicas = replicas.map(|(partition, pending)| {
            pending.clear();
            let recovered = partitions.remove(&partition);
            let recovered = recovered.unwrap_or_else(|| Recovered {
                life,
                ..recovery.nothing(partition)
            });
            (recovered, 0)
        });
        Ok(Found {
            saved,
            replicas: replicas.collect(),
        })
    }

    /// The node has found out that the disk went back in time.
    ///
    /// # Errors
    /// When the storage does not work.
    pub fn begin_another_life(&mut self, incarnation: Incarnation) -> Result<(), StorageError> {
        folder::begin_another_life(&mut self.disk, incarnation)
    }

    fn open_again(&mut self) -> Result<Opened, StorageError> {
        let draw = || Ok(drawn(self.node));
        let DataFolder {
            saved,
            recovery,
            store,
            life,
            ..
        } = folder::open_on(&mut self.disk, &self.identity, SETTINGS, draw)?;
        self.store = store;
        Ok((saved, recovery, life))
    }
}

/// What is found.
type Opened = (Saved, Recovery, Life);

/// The world counts the starts itself.
fn drawn(node: NodeId) -> Drawn {
    Drawn { node, nonce: 0 }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kensho_protocol::ids::{Incarnation, Lsn, Position, Ticket};
    use kensho_protocol::log::Entry;
    use kensho_protocol::record::Record;

    use super::*;
    use crate::random::Stream;
    use crate::world::disk::ReplicaDisk;

    const P: PartitionId = PartitionId(0);
    const EPOCHS: (Epoch, Epoch) = (Epoch(1), Epoch(1));

    fn folder() -> Folder {
        let identity = Identity {
            cluster: "world".to_owned(),
            partitions: 1,
            replicas: 1,
            outcomes: kensho_protocol::outcomes::OutcomeLimits::default(),
        };
        Folder::new(identity, NodeId(1)).expect("a disk without faults")
    }

    fn record(lsn: u64) -> Written {
        let at = Position {
            epoch: Epoch(1),
            lsn: Lsn(lsn),
        };
        let entry = Entry {
            at,
            request: None,
            statement: Bytes::from(vec![7; 2_000]),
        };
        let record = Record::Log {
            promised: Epoch(1),
            log_epoch: Epoch(1),
            keep: Lsn(lsn - 1),
            entries: vec![entry],
        };
        Written::Record(Ticket(lsn), record)
    }

    /// Three records of which the first was synced: what the storage finds is what may be left.
    #[test]
    fn a_crash_leaves_what_was_synced_and_a_beginning_of_the_rest() {
        let mut random = Random::new(1, Stream::Disks);
        let mut ends = [0; 4];
        for _ in 0..60 {
            let (mut folder, mut disk) = (folder(), ReplicaDisk::empty(Incarnation(0)));
            for lsn in 1..=3 {
                folder.write(P, &record(lsn), EPOCHS);
                disk.write(record(lsn));
                if lsn == 1 {
                    disk.begin_sync();
                    disk.end_sync().expect("records in order");
                    folder.sync(P, 0).expect("a disk without faults");
                }
            }
            let found = folder.crash(None, &mut random).expect("sound files");
            let (recovered, kept) = found.replicas.into_iter().next().expect("one partition");
            ends[recovered.entries.len()] += 1;
            assert!(disk.crash_to(recovered, kept));
        }
        // Both go with one write, so that they are there together or not at all.
        assert!(
            ends[0] == 0 && ends[1] > 0 && ends[2] == 0 && ends[3] > 0,
            "{ends:?}"
        );
    }

    /// What has no room waits for it, and is there after a crash only if it was safe.
    #[test]
    fn a_full_disk_keeps_what_was_safe_and_goes_on_when_there_is_room() {
        let mut random = Random::new(4, Stream::Disks);
        let mut folder = folder();
        assert!(folder.make_room().expect("a disk without faults"));
        folder.fill();
        let mut lsn = 0;
        let full = loop {
            lsn += 1;
            folder.write(P, &record(lsn), EPOCHS);
            if let Err(full) = folder.sync(P, 0) {
                break full;
            }
        };
        assert!(full.is_full() && lsn > 30, "{full} after {lsn}");
        let saved = Saved {
            term: kensho_protocol::ids::Term(7),
            ..Saved::default()
        };
        folder.save(&saved).expect("room was set aside");
        let found = folder.crash(None, &mut random).expect("sound files");
        assert_eq!(found.saved, saved);
        assert_eq!(found.replicas[0].0.entries.len() as u64, lsn - 1);
        folder.write(P, &record(lsn), EPOCHS);
        assert!(folder.sync(P, 0).expect_err("it is full").is_full());
        assert!(folder.make_room().expect("a disk without faults"));
        assert!(folder.sync(P, 0).expect("there is room"));
        let found = folder.crash(None, &mut random).expect("sound files");
        assert_eq!(found.replicas[0].0.entries.len() as u64, lsn);
    }

    #[test]
    fn a_storage_that_forgets_or_invents_is_noticed() {
        let one = |entries: &[u64]| {
            let mut recovered = Recovered::empty(Incarnation(0));
            for lsn in entries {
                let Written::Record(_, record) = record(*lsn) else {
                    panic!("a record");
                };
                recovered.replay(record).expect("records in order");
            }
            recovered
        };
        let disk = || {
            let mut disk = ReplicaDisk::empty(Incarnation(0));
            disk.write(record(1));
            disk.begin_sync();
            disk.end_sync().expect("records in order");
            disk.write(record(2));
            disk
        };
        assert!(disk().crash_to(one(&[1]), 0));
        assert!(disk().crash_to(one(&[1, 2]), 1));
        assert!(!disk().crash_to(one(&[]), 0), "what was synced is gone");
        assert!(!disk().crash_to(one(&[1, 2, 3]), 1), "nobody wrote that");
        assert!(
            !disk().crash_to(one(&[1]), 1),
            "its number says that it is there"
        );
    }

    #[test]
    fn what_a_coordinator_saves_is_there_whole_or_not_at_all() {
        let mut random = Random::new(2, Stream::Disks);
        let saved = |term| Saved {
            term: kensho_protocol::ids::Term(term),
            ..Saved::default()
        };
        let mut terms = [0; 3];
        for _ in 0..60 {
            let mut folder = folder();
            folder.save(&saved(1)).expect("a disk without faults");
            let found = folder.crash(Some(&saved(2)), &mut random);
            let term = found.expect("sound files").saved.term.0;
            terms[usize::try_from(term).expect("small")] += 1;
        }
        assert!(terms[0] == 0 && terms[1] > 0 && terms[2] > 0, "{terms:?}");
    }
}
