//! The whole of storage on the operating system's disk: folder, log on threads, recovery.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use kensho_protocol::coordinator::Saved;
use kensho_protocol::ids::{Epoch, Lsn, PartitionId, Position, Term};
use kensho_protocol::log::Entry;
use kensho_protocol::outcomes::OutcomeLimits;
use kensho_protocol::record::Record;
use kensho_protocol::table::{Identity, Stamp, Table};
use kensho_storage::disk::{FolderLock, RealDisk};
use kensho_storage::error::StorageError;
use kensho_storage::folder::{self, DataFolder};
use kensho_storage::log::{self, Checkpoint, Durability, LogSettings, LogStopped};

const SETTINGS: LogSettings = LogSettings {
    segment_bytes: 64 << 10,
    checkpoint_after_bytes: 256 << 10,
    durability: Durability::Sync,
};

fn identity() -> Identity {
    Identity {
        cluster: "test".to_owned(),
        partitions: 4,
        replicas: 3,
        outcomes: OutcomeLimits::default(),
    }
}

fn open(path: &Path) -> (RealDisk, FolderLock, DataFolder<std::fs::File>) {
    folder::open(path, &identity(), SETTINGS).unwrap()
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

#[test]
fn what_was_reported_safe_is_there_after_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("data");
    let node = {
        let (disk, _lock, folder) = open(&path);
        assert!(folder.recovery.partitions.is_empty());
        let (mut log, mut progress) = log::start(folder.store, &disk).unwrap();
        for lsn in 1..=3000 {
            log.append(PartitionId(1), &record(lsn));
            if lsn % 10 == 0 {
                log.commit();
            }
            if lsn % 200 == 0 {
                // Lets no batch grow larger than a segment.
                progress.wait_for(log.appended()).unwrap();
            }
        }
        progress.wait_for(log.appended()).unwrap();
        assert_eq!(log.backlog_bytes(), 0);
        folder.node
    };
    let (_, _lock, folder) = open(&path);
    assert_eq!(folder.node, node);
    assert_eq!(folder.recovery.report.records, 3000);
    assert!(folder.recovery.report.segments > 3);
    assert_eq!(folder.recovery.report.cut, None);
    let recovered = &folder.recovery.partitions[&PartitionId(1)];
    let expected: Vec<Entry> = (1..=3000).map(entry).collect();
    assert_eq!(recovered.entries, expected);
}

#[test]
fn checkpoints_let_old_segments_go() {
    let home = tempfile::tempdir().unwrap();
    let image = Bytes::from_static(b"everything up to 4000");
    {
        let (disk, _lock, folder) = open(home.path());
        let (mut log, mut progress) = log::start(folder.store, &disk).unwrap();
        for lsn in 1..=4010 {
            log.append(PartitionId(1), &record(lsn));
            if lsn % 100 == 0 {
                log.commit();
                progress.wait_for(log.appended()).unwrap();
            }
        }
        assert_eq!(log.due_checkpoints(), [PartitionId(1)]);
        let checkpoint = Checkpoint {
            promised: Epoch(1),
            log_epoch: Epoch(1),
            at: entry(4000).at,
            image: image.clone(),
        };
        log.checkpoint(PartitionId(1), checkpoint);
        let mut done = Vec::new();
        while done.is_empty() {
            done = progress.wait().unwrap().checkpointed;
        }
        assert_eq!(done, [(PartitionId(1), Lsn(4000))]);
        assert_eq!(log.due_checkpoints(), []);
        assert_eq!(log.close().unwrap().0, 4010);
    }
    let (_, _lock, folder) = open(home.path());
    assert!(folder.recovery.report.segments <= 2);
    let recovered = &folder.recovery.partitions[&PartitionId(1)];
    assert_eq!(recovered.image, Some(image));
    assert_eq!(recovered.base, entry(4000).at);
    let expected: Vec<Entry> = (4001..=4010).map(entry).collect();
    assert_eq!(recovered.entries, expected);
}

#[test]
fn a_folder_is_used_by_one_process_and_for_one_cluster() {
    let home = tempfile::tempdir().unwrap();
    let (disk, lock, _) = open(home.path());
    let refused = folder::open(home.path(), &identity(), SETTINGS).unwrap_err();
    let process = std::process::id().to_string();
    assert!(matches!(&refused, StorageError::InUse { process: holder, .. } if *holder == process));
    assert!(refused.to_string().contains(&process), "{refused}");
    drop((disk, lock));

    let other = Identity {
        cluster: "other".to_owned(),
        partitions: 8,
        ..identity()
    };
    let refused = folder::open(home.path(), &other, SETTINGS).unwrap_err();
    let text = refused.to_string();
    for part in ["\"test\"", "4 partitions", "\"other\"", "8 partitions"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn the_coordinators_state_is_replaced() {
    let home = tempfile::tempdir().unwrap();
    let (mut disk, lock, folder) = open(home.path());
    assert_eq!(folder.saved, Saved::default());
    for term in 1..=3 {
        let saved = Saved {
            term: Term(term),
            accepted: None,
        };
        folder::save(&mut disk, &saved).unwrap();
    }
    drop(lock);
    let (_, lock, folder) = open(home.path());
    assert_eq!(folder.saved.term, Term(3));
    drop(lock);

    std::fs::remove_file(home.path().join("coordinator")).unwrap();
    let refused = folder::open(home.path(), &identity(), SETTINGS).unwrap_err();
    assert!(matches!(refused, StorageError::Missing { .. }), "{refused}");
}

#[test]
fn progress_can_be_polled() {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let home = tempfile::tempdir().unwrap();
    let (disk, _lock, folder) = open(home.path());
    let (mut log, mut progress) = log::start(folder.store, &disk).unwrap();
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    assert!(progress.poll_next(&mut context).is_pending());
    let number = log.append(PartitionId(0), &record(1));
    log.commit();
    loop {
        match progress.poll_next(&mut context) {
            std::task::Poll::Ready(news) => {
                assert_eq!(news.unwrap().durable, number);
                break;
            }
            std::task::Poll::Pending => std::thread::park(),
        }
    }
    log.close().unwrap();
    assert!(matches!(progress.wait(), Err(LogStopped::Closed)));
}

/// Rule R5: after a crash with durability delayed another life of the data begins; an orderly stop
/// says that nothing is missing.
#[test]
fn a_crash_with_delayed_durability_begins_another_life() {
    let home = tempfile::tempdir().unwrap();
    let delayed = LogSettings {
        durability: Durability::Delayed {
            flush_interval: std::time::Duration::from_secs(3600),
        },
        ..SETTINGS
    };
    let open = |settings| folder::open(home.path(), &identity(), settings).unwrap();
    let life = |folder: &DataFolder<std::fs::File>| (folder.incarnation.0, folder.may_lack_updates);

    // A node that never had a table has acknowledged nothing.
    assert_eq!(life(&open(delayed).2), (0, false));
    let (mut disk, lock, folder) = open(delayed);
    assert_eq!(life(&folder), (0, false));
    let table = Table {
        stamp: Stamp::default(),
        born: true,
        identity: identity(),
        members: std::collections::BTreeMap::new(),
        partitions: Vec::new(),
        levelling: kensho_protocol::settings::Levelling::default(),
    };
    let saved = Saved {
        accepted: Some(Arc::new(table)),
        ..Saved::default()
    };
    folder::save(&mut disk, &saved).unwrap();
    folder::mark_synced(&mut disk).unwrap();
    drop((lock, folder));

    let (mut disk, lock, folder) = open(delayed);
    assert_eq!(life(&folder), (0, false), "after an orderly stop");
    folder.store.close(&mut disk).unwrap();
    folder::mark_synced(&mut disk).unwrap();
    drop(lock);
    for sound in [SETTINGS, delayed] {
        assert_eq!(life(&open(sound).2), (0, false), "nothing was lost so far");
    }
    let (first, lost) = life(&open(delayed).2);
    assert!(first != 0 && lost, "after a crash");
    let (second, lost) = life(&open(SETTINGS).2);
    assert!(second != first && lost, "whatever comes next");
    assert_eq!(
        life(&open(SETTINGS).2),
        (second, false),
        "with sync nothing is lost"
    );
}
