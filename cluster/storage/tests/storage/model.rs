//! A node's log next to what it should hold: random replicas append, cut, replace their data, take
//! checkpoints; the disk fails; and after every recovery the log must hold exactly a state that the
//! replicas were in, not older than what was reported safe.

use std::collections::BTreeMap;

use bytes::Bytes;
use kensho_protocol::ids::{Epoch, Incarnation, Lsn, NodeId, PartitionId, Position};
use kensho_protocol::log::Entry;
use kensho_protocol::record::{Record, Recovered};
use kensho_storage::disk::{SimulatedDisk, SimulatedFile};
use kensho_storage::error::StorageError;
use kensho_storage::log::{Checkpoint, Durability, LogSettings, RecordNumber, Recovery, Store};
use proptest::prelude::*;

pub(crate) const NODE: NodeId = NodeId(7);
pub(crate) const SETTINGS: LogSettings = LogSettings {
    segment_bytes: 4096 + 1024,
    checkpoint_after_bytes: 3 * (4096 + 1024),
    durability: Durability::Sync,
};

/// The same, with flushes that come later.
pub(crate) const DELAYED: LogSettings = LogSettings {
    durability: Durability::Delayed {
        flush_interval: std::time::Duration::ZERO,
    },
    ..SETTINGS
};

/// What a replica holds, in memory or according to its disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) promised: u64,
    pub(crate) log_epoch: u64,
    /// All entries from the first one on, those that only an image represents included.
    pub(crate) entries: Vec<Entry>,
}

impl Held {
    fn end(&self) -> Lsn {
        Lsn(self.entries.len() as u64)
    }

    /// An image of the first `count` entries.
    fn image(&self, count: usize) -> Bytes {
        postcard::to_stdvec(&self.entries[..count]).unwrap().into()
    }

    fn of(recovered: &Recovered) -> Self {
        let mut entries: Vec<Entry> = match &recovered.image {
            Some(image) => postcard::from_bytes(image).unwrap(),
            None => Vec::new(),
        };
        assert_eq!(entries.len() as u64, recovered.base.lsn.0);
        assert_eq!(position(&entries, entries.len()), recovered.base);
        entries.extend(recovered.entries.iter().cloned());
        for (index, entry) in entries.iter().enumerate() {
            assert_eq!(entry.at.lsn.0, index as u64 + 1, "a hole: {recovered:?}");
        }
        Held {
            promised: recovered.promised.0,
            log_epoch: recovered.log_epoch.0,
            entries,
        }
    }
}

fn position(entries: &[Entry], count: usize) -> Position {
    match count.checked_sub(1) {
        Some(last) => entries[last].at,
        None => Position::default(),
    }
}

pub(crate) type States = BTreeMap<PartitionId, Held>;

/// Something that happens to the node.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// A replica of this number appends so many entries of about so many bytes.
    Append(u8, u8, u16),
    /// Its log is cut, by so many tenths of what is not committed, and goes on in a new epoch.
    Cut(u8, u8, u8),
    /// It promises a higher epoch.
    Promise(u8),
    /// So many tenths of what is safe and not committed are.
    Commit(u8, u8),
    /// An image replaces its data: what is committed, so many entries more, in a new epoch.
    Replace(u8, u8),
    /// It takes a checkpoint.
    Take(u8),
    /// What was appended is written.
    Write,
    /// What was written is flushed.
    Sync,
    /// The next segment is made.
    Prepare,
    /// The checkpoints that can be written are.
    WriteCheckpoints,
    /// The process is killed; the disk goes on.
    Kill,
    /// The power fails.
    CutPower(u64),
    /// A flush fails, and the process with it.
    FailSync,
    /// The log is closed and opened again.
    Restart,
}

pub(crate) fn act() -> impl Strategy<Value = Act> {
    let partition = 0..3_u8;
    prop_oneof![
        12 => (partition.clone(), 1..5_u8, 1..150_u16)
            .prop_map(|(partition, count, bytes)| Act::Append(partition, count, bytes)),
        4 => (partition.clone(), 0..11_u8, 0..3_u8)
            .prop_map(|(partition, tenths, count)| Act::Cut(partition, tenths, count)),
        1 => partition.clone().prop_map(Act::Promise),
        6 => (partition.clone(), 0..11_u8)
            .prop_map(|(partition, tenths)| Act::Commit(partition, tenths)),
        1 => (partition.clone(), 0..4_u8)
            .prop_map(|(partition, more)| Act::Replace(partition, more)),
        3 => partition.prop_map(Act::Take),
        8 => Just(Act::Write),
        8 => Just(Act::Sync),
        1 => Just(Act::Prepare),
        3 => Just(Act::WriteCheckpoints),
        1 => Just(Act::Kill),
        1 => any::<u64>().prop_map(Act::CutPower),
        1 => Just(Act::FailSync),
        1 => Just(Act::Restart),
    ]
}

/// The node and what is known of it.
pub(crate) struct Model {
    pub(crate) disk: SimulatedDisk,
    settings: LogSettings,
    store: Option<Store<SimulatedFile>>,
    /// What the replicas hold after each record.
    states: Vec<States>,
    /// What each knows to be committed; never cut.
    commits: BTreeMap<PartitionId, Lsn>,
    taken: Vec<(PartitionId, RecordNumber, Checkpoint)>,
    /// The last record that was reported safe.
    durable: RecordNumber,
    /// Tells every entry from every other.
    next_value: u64,
    pub(crate) recoveries: u32,
    pub(crate) checkpoints: u32,
    pub(crate) cuts: u32,
}

impl Model {
    pub(crate) fn new() -> Self {
        Model::with(SETTINGS)
    }

    pub(crate) fn with(settings: LogSettings) -> Self {
        let mut disk = SimulatedDisk::new();
        Store::create(&mut disk, NODE, settings).unwrap();
        let mut model = Model {
            disk,
            settings,
            store: None,
            states: vec![States::new()],
            commits: BTreeMap::new(),
            taken: Vec::new(),
            durable: RecordNumber(0),
            next_value: 0,
            recoveries: 0,
            checkpoints: 0,
            cuts: 0,
        };
        model.recover().unwrap();
        model
    }

    fn state(&self) -> &States {
        self.states.last().unwrap()
    }

    fn held(&self, partition: u8) -> Held {
        let held = self.state().get(&PartitionId(partition.into()));
        held.cloned().unwrap_or_default()
    }

    fn commit(&self, partition: u8) -> Lsn {
        let commit = self.commits.get(&PartitionId(partition.into()));
        commit.copied().unwrap_or_default()
    }

    /// Does it. An error is one of the disk; the store is gone then.
    pub(crate) fn act(&mut self, act: &Act) -> Result<(), StorageError> {
        match act {
            Act::Append(partition, count, bytes) => {
                let end = self.held(*partition).end();
                self.append(*partition, end, *count, *bytes, 0);
            }
            Act::Cut(partition, tenths, count) => {
                let (end, commit) = (self.held(*partition).end(), self.commit(*partition));
                let keep = Lsn(end.0 - (end.0 - commit.0) * u64::from(*tenths) / 10);
                self.append(*partition, keep, *count, 10, 1);
            }
            Act::Promise(partition) => {
                let mut held = self.held(*partition);
                held.promised += 1;
                let end = held.end();
                self.record(*partition, &held, end, Vec::new());
            }
            Act::Commit(partition, tenths) => {
                let safe = &self.states[self.durable.0 as usize];
                let safe = safe.get(&PartitionId((*partition).into()));
                // What is safe and still stands.
                let held = self.held(*partition);
                let common = safe.map_or(0, |safe| {
                    let pairs = safe.entries.iter().zip(&held.entries);
                    pairs.take_while(|(safe, held)| safe == held).count() as u64
                });
                let commit = self.commit(*partition).0;
                let commit = commit + common.saturating_sub(commit) * u64::from(*tenths) / 10;
                self.commits
                    .insert(PartitionId((*partition).into()), Lsn(commit));
            }
            Act::Replace(partition, more) => self.replace(*partition, *more),
            Act::Take(partition) => {
                let (held, commit) = (self.held(*partition), self.commit(*partition));
                let count = commit.0 as usize;
                let checkpoint = Checkpoint {
                    promised: Epoch(held.promised),
                    log_epoch: Epoch(held.log_epoch),
                    at: position(&held.entries, count),
                    image: held.image(count),
                };
                let as_of = self.store().appended();
                self.taken
                    .push((PartitionId((*partition).into()), as_of, checkpoint));
            }
            Act::Write => self.on_disk(Store::write)?,
            Act::Sync => {
                self.durable = self.on_disk(Store::sync)?;
            }
            Act::Prepare => self.on_disk(Store::prepare)?,
            Act::WriteCheckpoints => {
                while let Some((partition, as_of, checkpoint)) = self.taken.first().cloned() {
                    if as_of > self.durable {
                        break;
                    }
                    self.taken.remove(0);
                    self.on_disk(|store, disk| {
                        store.checkpoint(disk, partition, as_of, &checkpoint)
                    })?;
                    self.checkpoints += 1;
                }
            }
            Act::Kill => self.recover()?,
            Act::CutPower(seed) => {
                self.disk.cut_power(*seed);
                self.recover()?;
            }
            Act::FailSync => {
                let unsafe_before = self.store().appended() > self.durable;
                self.disk.fail_syncs(1);
                let failed = self
                    .on_disk(Store::sync)
                    .and_then(|_| self.on_disk(Store::write))
                    .and_then(|()| self.on_disk(Store::sync));
                assert_eq!(failed.is_err(), unsafe_before, "{failed:?}");
                self.disk.fail_syncs(0);
                self.recover()?;
            }
            Act::Restart => {
                let store = self.store.take().expect("there is one after a recovery");
                let appended = store.appended();
                store.close(&mut self.disk)?;
                self.durable = appended;
                self.recover()?;
                assert_eq!(self.store().appended(), appended);
            }
        }
        Ok(())
    }

    pub(crate) fn store(&self) -> &Store<SimulatedFile> {
        self.store.as_ref().expect("there is one after a recovery")
    }

    fn on_disk<T>(
        &mut self,
        step: impl FnOnce(&mut Store<SimulatedFile>, &mut SimulatedDisk) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let store = self.store.as_mut().expect("there is one after a recovery");
        step(store, &mut self.disk)
    }

    fn append(&mut self, partition: u8, keep: Lsn, count: u8, bytes: u16, epochs: u64) {
        let mut held = self.held(partition);
        held.log_epoch = held.log_epoch.max(1) + epochs;
        held.promised = held.promised.max(held.log_epoch);
        held.entries.truncate(keep.0 as usize);
        let mut entries = Vec::new();
        for index in 1..=u64::from(count) {
            self.next_value += 1;
            let text = format!("{}{}", self.next_value, ".".repeat(bytes.into()));
            entries.push(Entry {
                at: Position {
                    epoch: Epoch(held.log_epoch),
                    lsn: Lsn(keep.0 + index),
                },
                request: None,
                statement: Bytes::from(text),
            });
        }
        held.entries.extend(entries.iter().cloned());
        self.record(partition, &held, keep, entries);
    }

    fn record(&mut self, partition: u8, held: &Held, keep: Lsn, entries: Vec<Entry>) {
        let record = Record::Log {
            promised: Epoch(held.promised),
            log_epoch: Epoch(held.log_epoch),
            keep,
            entries,
        };
        self.remember(partition, held, &record);
    }

    fn replace(&mut self, partition: u8, more: u8) {
        let commit = self.commit(partition);
        let mut held = self.held(partition);
        held.log_epoch = held.log_epoch.max(1) + 1;
        held.promised = held.promised.max(held.log_epoch);
        held.entries.truncate(commit.0 as usize);
        for index in 1..=u64::from(more) {
            self.next_value += 1;
            held.entries.push(Entry {
                at: Position {
                    epoch: Epoch(held.log_epoch),
                    lsn: Lsn(commit.0 + index),
                },
                request: None,
                statement: Bytes::from(format!("{} of an image", self.next_value)),
            });
        }
        let count = held.entries.len();
        let record = Record::Image {
            promised: Epoch(held.promised),
            log_epoch: Epoch(held.log_epoch),
            at: position(&held.entries, count),
            image: held.image(count),
        };
        self.remember(partition, &held, &record);
        // Rows hold committed entries only, and so does an image.
        self.commits
            .insert(PartitionId(partition.into()), held.end());
    }

    fn remember(&mut self, partition: u8, held: &Held, record: &Record) {
        let partition = PartitionId(partition.into());
        let store = self.store.as_mut().expect("there is one after a recovery");
        let number = store.append(partition, record);
        let mut state = self.state().clone();
        state.insert(partition, held.clone());
        self.states.push(state);
        assert_eq!(number.0 + 1, self.states.len() as u64);
    }

    /// Opens the log again, and compares it with what is known.
    pub(crate) fn recover(&mut self) -> Result<(), StorageError> {
        self.store = None;
        let incarnation = Incarnation(3);
        let (store, recovery) = Store::open(&mut self.disk, NODE, incarnation, self.settings)?;
        self.recoveries += 1;
        self.cuts += u32::from(recovery.report.cut.is_some());
        self.check(&store, &recovery);
        let last = store.appended();
        self.store = Some(store);
        self.durable = last;
        self.states.truncate(last.0 as usize + 1);
        self.taken.clear();
        // What an image said to be committed may be lost with it.
        let state = self.states.last().unwrap();
        for (partition, commit) in &mut self.commits {
            let end = state.get(partition).map_or(Lsn(0), Held::end);
            *commit = (*commit).min(end);
        }
        Ok(())
    }

    fn check(&self, store: &Store<SimulatedFile>, recovery: &Recovery) {
        let last = store.appended();
        assert_eq!(last, store.durable());
        assert!(
            self.durable <= last,
            "record {} was reported safe, but the log ends at {last}",
            self.durable
        );
        assert!(
            (last.0 as usize) < self.states.len(),
            "a record from nowhere"
        );
        let found: States = recovery
            .partitions
            .iter()
            .map(|(partition, recovered)| (*partition, Held::of(recovered)))
            .collect();
        let expected: States = self.states[last.0 as usize]
            .iter()
            .filter(|(partition, held)| **held != Held::default() || found.contains_key(partition))
            .map(|(partition, held)| (*partition, held.clone()))
            .collect();
        let found: States = found
            .into_iter()
            .filter(|(partition, held)| {
                *held != Held::default() || expected.contains_key(partition)
            })
            .collect();
        assert_eq!(found, expected, "after record {last}");
        for recovered in recovery.partitions.values() {
            assert_eq!(recovered.incarnation, Incarnation(3));
        }
    }
}
