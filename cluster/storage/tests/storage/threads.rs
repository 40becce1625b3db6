//! The log on threads, over a disk that fails.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use kensho_protocol::ids::{Epoch, Incarnation, Lsn, NodeId, PartitionId, Position};
use kensho_protocol::log::Entry;
use kensho_protocol::record::Record;
use kensho_storage::disk::{Disk, SimulatedDisk, SimulatedFile};
use kensho_storage::error::StorageError;
use kensho_storage::log::{
    Checkpoint, Durability, LogAppender, LogProgress, LogSettings, LogStopped, Store, start,
};

const NODE: NodeId = NodeId(7);
const SETTINGS: LogSettings = LogSettings {
    segment_bytes: 8192,
    checkpoint_after_bytes: 4 * 8192,
    durability: Durability::Sync,
};
/// Segments with room for hundreds of batches, so that the thread that makes the next one is heard in
/// time.
const LARGE: LogSettings = LogSettings {
    segment_bytes: 64 << 10,
    checkpoint_after_bytes: 4 * (64 << 10),
    durability: Durability::Sync,
};

/// One simulated disk for several threads.
#[derive(Clone, Debug, Default)]
struct SharedDisk(Arc<Mutex<SimulatedDisk>>);

impl SharedDisk {
    fn get(&self) -> MutexGuard<'_, SimulatedDisk> {
        self.0.lock().unwrap()
    }

    /// The disk as it is now, for itself.
    fn copy(&self) -> Self {
        SharedDisk(Arc::new(Mutex::new(self.get().clone())))
    }
}

impl Disk for SharedDisk {
    type File = SimulatedFile;

    fn path(&self, name: &str) -> String {
        self.get().path(name)
    }
    fn list(&mut self) -> io::Result<Vec<String>> {
        self.get().list()
    }
    fn open(&mut self, name: &str) -> io::Result<SimulatedFile> {
        self.get().open(name)
    }
    fn create(&mut self, name: &str) -> io::Result<SimulatedFile> {
        self.get().create(name)
    }
    fn allocate(&mut self, file: &SimulatedFile, length: u64) -> io::Result<()> {
        self.get().allocate(file, length)
    }
    fn length(&mut self, file: &SimulatedFile) -> io::Result<u64> {
        self.get().length(file)
    }
    fn read_at(&mut self, file: &SimulatedFile, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.get().read_at(file, offset, buffer)
    }
    fn write_at(&mut self, file: &SimulatedFile, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.get().write_at(file, offset, bytes)
    }
    fn sync(&mut self, file: &SimulatedFile) -> io::Result<()> {
        self.get().sync(file)
    }
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.get().rename(from, to)
    }
    fn exchange(&mut self, one: &str, other: &str) -> io::Result<()> {
        self.get().exchange(one, other)
    }
    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.get().remove(name)
    }
    fn sync_folder(&mut self) -> io::Result<()> {
        self.get().sync_folder()
    }
    fn free_bytes(&mut self) -> io::Result<u64> {
        self.get().free_bytes()
    }
}

fn begin(settings: LogSettings) -> (SharedDisk, LogAppender, LogProgress) {
    begin_where(settings, |_| {})
}

/// Something is done to the disk before the log's threads start.
fn begin_where(
    settings: LogSettings,
    act: impl FnOnce(&mut SimulatedDisk),
) -> (SharedDisk, LogAppender, LogProgress) {
    let mut disk = SharedDisk::default();
    Store::create(&mut disk, NODE, settings).unwrap();
    let (store, _) = Store::open(&mut disk, NODE, Incarnation(1), settings).unwrap();
    act(&mut disk.get());
    let (log, progress) = start(store, &disk).unwrap();
    (disk, log, progress)
}

/// Waits until the log has stopped.
fn wait_until_stopped(progress: &mut LogProgress) -> LogStopped {
    loop {
        if let Err(stopped) = progress.wait() {
            return stopped;
        }
    }
}

/// Waits until there is no room for another segment, or again some.
fn wait_until_full(log: &LogAppender, progress: &mut LogProgress, full: bool) {
    while log.full().is_some() != full {
        progress.wait().unwrap();
    }
}

fn entry(lsn: u64) -> Entry {
    Entry {
        at: Position {
            epoch: Epoch(1),
            lsn: Lsn(lsn),
        },
        request: None,
        statement: Bytes::from(format!("statement {lsn} {}", "x".repeat(100))),
    }
}

fn record(lsn: u64) -> Record {
    Record::Log {
        promised: Epoch(1),
        log_epoch: Epoch(1),
        keep: Lsn(lsn - 1),
        entries: vec![entry(lsn)],
    }
}

/// The entries that are on the disk after a power failure.
fn after_power_cut(mut disk: SharedDisk) -> Vec<Entry> {
    disk.get().cut_power(1);
    disk.get().limit(None);
    let (_, mut recovery) = Store::open(&mut disk, NODE, Incarnation(1), SETTINGS).unwrap();
    let recovered = recovery.partitions.remove(&PartitionId(1)).unwrap();
    recovered.entries
}

#[test]
fn a_failed_flush_stops_the_log_for_good() {
    let (disk, mut log, mut progress) = begin(SETTINGS);
    let safe = log.append(PartitionId(1), &record(1));
    log.commit();
    progress.wait_for(safe).unwrap();

    // That of the thread that writes, not that of the one that makes the next segment meanwhile.
    disk.get().fail_sync_of("log-0000000000000001");
    log.append(PartitionId(1), &record(2));
    log.commit();
    let stopped = wait_until_stopped(&mut progress);
    let LogStopped::Failed(cause) = &stopped else {
        panic!("{stopped}");
    };
    assert!(matches!(**cause, StorageError::Io { .. }));
    let text = stopped.to_string();
    assert!(
        text.contains("cannot flush simulated/log-0000000000000001"),
        "{text}"
    );

    // Writes and flushes would succeed again, but none is tried. (The thread that makes segments may
    // still be at the next one.)
    let segment = |disk: &SharedDisk| {
        let bytes = disk.get().bytes("log-0000000000000001").map(<[u8]>::to_vec);
        bytes.expect("there is a first segment")
    };
    let before = segment(&disk);
    log.append(PartitionId(1), &record(3));
    log.commit();
    assert!(progress.wait().is_err());
    assert!(matches!(log.close(), Err(LogStopped::Failed(_))));
    assert!(progress.wait_for(safe).is_ok());
    assert!(segment(&disk) == before);
    assert_eq!(after_power_cut(disk), [entry(1)]);
}

/// Whichever thread meets it, and whether or not anybody writes: a failed flush is never passed over.
#[test]
fn a_failed_flush_of_any_file_stops_the_log() {
    let files = [
        // The thread that makes segments.
        "log-0000000000000002.new",
        // The same, or the one that writes checkpoints: the names of the files.
        "",
        "checkpoint-00001-0000000000000001.new",
        "manifest.new",
    ];
    for file in files {
        let (disk, mut log, mut progress) = begin_where(SETTINGS, |disk| disk.fail_sync_of(file));
        if file.starts_with('c') || file.starts_with('m') {
            log.append(PartitionId(1), &record(1));
            let checkpoint = Checkpoint {
                promised: Epoch(1),
                log_epoch: Epoch(1),
                at: entry(1).at,
                image: Bytes::from_static(b"image"),
            };
            log.checkpoint(PartitionId(1), checkpoint);
        }
        let stopped = wait_until_stopped(&mut progress);
        assert!(disk.get().has_failed(), "{file}");
        let expected = format!("cannot flush simulated/{file}");
        assert!(stopped.to_string().contains(&expected), "{stopped}");
        assert!(matches!(log.close(), Err(LogStopped::Failed(_))), "{file}");
    }
}

/// No room is no failure: what does not fit waits, and the rest is safe.
#[test]
fn a_log_on_a_full_disk_goes_on_as_soon_as_there_is_room() {
    let (disk, mut log, mut progress) = begin(LARGE);
    let lsn = fill(&disk, &mut log, &mut progress);
    let full = log.full().unwrap();
    assert!(full.to_string().contains("the disk is full"), "{full}");
    let last = append_without_room(&mut log, lsn);
    assert!(log.backlog_bytes() > 0, "not all of it has room");
    disk.get().limit(None);
    progress.wait_for(last).unwrap();
    wait_until_full(&log, &mut progress, false);
    assert_eq!(log.close().unwrap(), last);
    assert_eq!(after_power_cut(disk).len() as u64, lsn + 1_000);
}

/// Appends until there is no room for another segment; how many entries, all of which are safe.
fn fill(disk: &SharedDisk, log: &mut LogAppender, progress: &mut LogProgress) -> u64 {
    disk.get().limit(Some(4 * LARGE.segment_bytes));
    let mut lsn = 0;
    while log.full().is_none() {
        lsn += 1;
        let number = log.append(PartitionId(1), &record(lsn));
        log.commit();
        progress.wait_for(number).unwrap();
    }
    lsn
}

/// Appends more than the present segment has room for.
fn append_without_room(log: &mut LogAppender, after: u64) -> kensho_storage::log::RecordNumber {
    let mut last = log.appended();
    for lsn in after + 1..=after + 1_000 {
        last = log.append(PartitionId(1), &record(lsn));
        log.commit();
    }
    last
}

#[test]
fn a_log_that_is_closed_without_room_keeps_what_was_safe() {
    let (disk, mut log, mut progress) = begin(LARGE);
    let lsn = fill(&disk, &mut log, &mut progress);
    let last = append_without_room(&mut log, lsn);
    let ending = log.ending();
    let stopped = log.close().unwrap_err();
    assert!(
        stopped.to_string().contains("the disk is full"),
        "{stopped}"
    );
    assert!(!ending.is_safe());
    assert!(progress.wait_for(last).is_err());
    let kept = after_power_cut(disk);
    let count = kept.len() as u64;
    assert!((lsn..lsn + 1_000).contains(&count), "{lsn} {count}");
    let expected: Vec<Entry> = (1..=count).map(entry).collect();
    assert_eq!(kept, expected);
}

/// A log is opened, and closed, without any room.
#[test]
fn a_full_disk_keeps_nobody_from_starting() {
    let (disk, mut log, mut progress) = begin(SETTINGS);
    let mut last = log.appended();
    for lsn in 1..=300 {
        last = log.append(PartitionId(1), &record(lsn));
        log.commit();
    }
    progress.wait_for(last).unwrap();
    log.close().unwrap();
    disk.get().cut_power(7);
    disk.get().limit(Some(0));
    for _ in 0..2 {
        let mut own = disk.clone();
        let (store, recovery) = Store::open(&mut own, NODE, Incarnation(1), SETTINGS).unwrap();
        assert_eq!(recovery.partitions[&PartitionId(1)].entries.len(), 300);
        let (log, _) = start(store, &own).unwrap();
        log.close().unwrap();
    }
}

#[test]
fn a_checkpoint_without_room_is_refused_and_may_be_tried_again() {
    let (disk, mut log, mut progress) = begin(SETTINGS);
    let checkpoint = || Checkpoint {
        promised: Epoch(1),
        log_epoch: Epoch(1),
        at: entry(1).at,
        image: Bytes::from(vec![1; 1 << 20]),
    };
    log.append(PartitionId(1), &record(1));
    disk.get().limit(Some(1 << 20));
    log.checkpoint(PartitionId(1), checkpoint());
    loop {
        let news = progress.wait().unwrap();
        assert!(news.checkpointed.is_empty());
        if let Some((partition, why)) = news.refused.first() {
            assert_eq!(*partition, PartitionId(1));
            assert!(why.to_string().contains("the disk is full"), "{why}");
            break;
        }
    }
    disk.get().limit(None);
    log.checkpoint(PartitionId(1), checkpoint());
    while progress.wait().unwrap().checkpointed.is_empty() {}
    log.close().unwrap();
}

#[test]
fn room_that_is_made_in_time_keeps_the_log_going() {
    let (disk, mut log, mut progress) = begin(LARGE);
    let mut lsn = fill(&disk, &mut log, &mut progress);
    disk.get().limit(None);
    for _ in 0..100 {
        lsn += 1;
        let number = log.append(PartitionId(1), &record(lsn));
        log.commit();
        progress.wait_for(number).unwrap();
    }
    wait_until_full(&log, &mut progress, false);
    log.close().unwrap();
    assert_eq!(after_power_cut(disk).len() as u64, lsn);
}

/// A node that takes no updates while the disk is full must learn that it has room again.
#[test]
fn room_is_found_while_nothing_is_written() {
    let (disk, mut log, mut progress) = begin(LARGE);
    fill(&disk, &mut log, &mut progress);
    disk.get().limit(None);
    wait_until_full(&log, &mut progress, false);
    log.close().unwrap();
}

#[test]
fn a_checkpoint_waits_for_its_log() {
    let (disk, mut log, mut progress) = begin(SETTINGS);
    for lsn in 1..=300 {
        log.append(PartitionId(1), &record(lsn));
        if lsn % 20 == 0 {
            log.commit();
        }
    }
    log.checkpoint(
        PartitionId(1),
        Checkpoint {
            promised: Epoch(1),
            log_epoch: Epoch(1),
            at: entry(290).at,
            image: Bytes::from_static(b"image"),
        },
    );
    let appended = log.appended();
    let durable = loop {
        let news = progress.wait().unwrap();
        if !news.checkpointed.is_empty() {
            assert_eq!(news.checkpointed, [(PartitionId(1), Lsn(290))]);
            break news.durable;
        }
    };
    assert_eq!(durable, appended);
    drop(log);
    let expected: Vec<Entry> = (291..=300).map(entry).collect();
    assert_eq!(after_power_cut(disk), expected);
}

#[test]
fn a_batch_larger_than_a_segment_gets_its_own() {
    let (disk, mut log, mut progress) = begin(SETTINGS);
    let mut number = log.append(PartitionId(1), &record(1));
    log.commit();
    progress.wait_for(number).unwrap();
    for lsn in 2..=500 {
        number = log.append(PartitionId(1), &record(lsn));
    }
    log.commit();
    progress.wait_for(number).unwrap();
    log.close().unwrap();
    assert_eq!(after_power_cut(disk).len(), 500);
}

/// Flushes come at an interval, at once where somebody asks, and at the end.
#[test]
fn a_delayed_log_is_flushed_when_somebody_asks_or_it_is_closed() {
    let never = Durability::Delayed {
        flush_interval: Duration::from_secs(3600),
    };
    let settings = LogSettings {
        durability: never,
        ..LARGE
    };
    let (disk, mut log, mut progress) = begin(settings);
    for lsn in 1..=10 {
        log.append(PartitionId(1), &record(lsn));
        log.commit();
    }
    let asked = log.append(PartitionId(1), &record(11));
    log.commit_at_once();
    progress.wait_for(asked).unwrap();
    let expected: Vec<Entry> = (1..=11).map(entry).collect();
    assert_eq!(after_power_cut(disk.copy()), expected);

    let last = log.append(PartitionId(1), &record(12));
    log.commit();
    let ending = log.ending();
    assert!(!ending.is_safe(), "it is not closed yet");
    assert_eq!(log.close().unwrap(), last);
    assert!(ending.is_safe());
    assert_eq!(after_power_cut(disk).len(), 12);
}

#[test]
fn a_delayed_log_is_flushed_at_its_interval() {
    let settings = LogSettings {
        durability: Durability::Delayed {
            flush_interval: Duration::from_millis(5),
        },
        ..SETTINGS
    };
    let (disk, mut log, mut progress) = begin(settings);
    let mut last = log.appended();
    for lsn in 1..=300 {
        last = log.append(PartitionId(1), &record(lsn));
        log.commit();
    }
    progress.wait_for(last).unwrap();
    assert_eq!(after_power_cut(disk.copy()).len(), 300);
    disk.get().fail_syncs(1);
    // The thread that makes segments may be the one that hears of it first.
    let mut lsn = 300;
    let failed = loop {
        lsn += 1;
        let number = log.append(PartitionId(1), &record(lsn));
        log.commit();
        if let Err(stopped) = progress.wait_for(number) {
            break stopped;
        }
    };
    assert!(matches!(failed, LogStopped::Failed(_)), "{failed}");
    let ending = log.ending();
    drop(log);
    assert!(!ending.is_safe(), "a flush failed");
}
