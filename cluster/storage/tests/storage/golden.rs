//! A data folder as this version of the format writes it. Later versions must read it.
//!
//! If the format is changed on purpose, its version number changes, and the files are written anew:
//! `KENSHO_WRITE_GOLDEN=1 cargo test --release -p kensho-storage golden`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use kensho_protocol::coordinator::Saved;
use kensho_protocol::ids::{
    ClientId, Epoch, Incarnation, Life, Lsn, NodeId, PartitionId, Position, Sequence, Term,
};
use kensho_protocol::log::Entry;
use kensho_protocol::outcomes::OutcomeLimits;
use kensho_protocol::record::{Record, Recovered};
use kensho_protocol::request::{Digest, Numbered, RequestId};
use kensho_protocol::settings::Levelling;
use kensho_protocol::table::{Assignment, Identity, Member, Stamp, Table, Witness};
use kensho_storage::disk::{Disk, SimulatedDisk, SimulatedFile};
use kensho_storage::folder::{self, DataFolder};
use kensho_storage::log::{Checkpoint, Durability, LogSettings};

const SETTINGS: LogSettings = LogSettings {
    segment_bytes: 4096 + 256,
    checkpoint_after_bytes: 4 * (4096 + 256),
    durability: Durability::Sync,
};

fn identity() -> Identity {
    Identity {
        cluster: "golden".to_owned(),
        partitions: 3,
        replicas: 2,
        outcomes: OutcomeLimits::default(),
    }
}

fn saved() -> Saved {
    Saved {
        term: Term(4),
        accepted: Some(Arc::new(Table {
            stamp: Stamp {
                term: Term(4),
                ..Stamp::default()
            },
            born: true,
            identity: identity(),
            members: BTreeMap::from([(
                NodeId(70_000),
                Member {
                    id: NodeId(70_000),
                    name: "n1".to_owned(),
                    client_address: "host:1".to_owned(),
                    peer_address: "host:2".to_owned(),
                },
            )]),
            partitions: vec![Assignment {
                epoch: Epoch(4),
                owner: NodeId(70_000),
                in_sync: BTreeMap::from([(NodeId(70_000), Incarnation(5))]),
                catch_ups: BTreeSet::from([NodeId(3)]),
                witnesses: BTreeMap::from([(
                    NodeId(4),
                    Witness {
                        life: Incarnation(6),
                        until: Epoch(3),
                    },
                )]),
            }],
            levelling: Levelling {
                on: false,
                copies_at_once: 7,
                hand_overs_at_once: 300,
            },
        })),
    }
}

fn entry(epoch: u64, lsn: u64) -> Entry {
    Entry {
        at: Position {
            epoch: Epoch(epoch),
            lsn: Lsn(lsn),
        },
        request: Some(Numbered {
            id: RequestId {
                client: ClientId(300),
                sequence: Sequence(lsn),
            },
            digest: Digest::of(&[b"statement", &lsn.to_le_bytes()]),
        }),
        statement: Bytes::from(format!("statement {lsn} of epoch {epoch}")),
    }
}

fn log(epoch: u64, keep: u64, entries: &[u64]) -> Record {
    Record::Log {
        promised: Epoch(epoch + 1),
        log_epoch: Epoch(epoch),
        keep: Lsn(keep),
        entries: entries.iter().map(|lsn| entry(epoch, *lsn)).collect(),
    }
}

fn open(disk: &mut SimulatedDisk) -> DataFolder<SimulatedFile> {
    folder::open_on(disk, &identity(), SETTINGS, || {
        Ok(folder::Drawn {
            node: NodeId(70_000),
            nonce: 9,
        })
    })
    .unwrap()
}

/// One of everything: records that append and cut, a checkpoint, an image, several segments.
fn written() -> SimulatedDisk {
    let mut disk = SimulatedDisk::new();
    let mut store = open(&mut disk).store;
    folder::save(&mut disk, &saved()).unwrap();
    let image = Record::Image {
        promised: Epoch(6),
        log_epoch: Epoch(5),
        at: entry(5, 40).at,
        image: Bytes::from_static(b"an image that replaced everything"),
    };
    for records in [
        vec![(0, log(1, 0, &[1, 2, 3])), (1, log(1, 0, &[1]))],
        vec![(0, log(2, 2, &[3, 4]))],
        vec![(2, log(3, 0, &[1, 2])), (1, image), (1, log(5, 40, &[41]))],
        vec![(0, log(2, 4, &[5, 6]))],
    ] {
        for (partition, record) in records {
            store.append(PartitionId(partition), &record);
        }
        store.write(&mut disk).unwrap();
        store.sync(&mut disk).unwrap();
    }
    let checkpoint = Checkpoint {
        promised: Epoch(3),
        log_epoch: Epoch(2),
        at: entry(2, 4).at,
        image: Bytes::from_static(b"an image for a checkpoint"),
    };
    let as_of = store.durable();
    store
        .checkpoint(&mut disk, PartitionId(0), as_of, &checkpoint)
        .unwrap();
    store.close(&mut disk).unwrap();
    disk
}

fn expected() -> BTreeMap<PartitionId, Recovered> {
    let recovered = |promised, log_epoch, base, image: Option<&'static str>, entries| Recovered {
        // The folder is opened for the second time.
        life: Life {
            counter: 2,
            nonce: 9,
        },
        incarnation: Incarnation(0),
        promised: Epoch(promised),
        log_epoch: Epoch(log_epoch),
        base,
        image: image.map(Bytes::from),
        entries,
    };
    let none = Position::default();
    BTreeMap::from([
        (
            PartitionId(0),
            recovered(
                3,
                2,
                entry(2, 4).at,
                Some("an image for a checkpoint"),
                vec![entry(2, 5), entry(2, 6)],
            ),
        ),
        (
            PartitionId(1),
            recovered(
                6,
                5,
                entry(5, 40).at,
                Some("an image that replaced everything"),
                vec![entry(5, 41)],
            ),
        ),
        (
            PartitionId(2),
            recovered(4, 3, none, None, vec![entry(3, 1), entry(3, 2)]),
        ),
    ])
}

fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Files as a version before wrote them.
fn golden_before() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden-before")
}

fn disk_with(folders: &[PathBuf]) -> SimulatedDisk {
    let mut disk = SimulatedDisk::new();
    let files = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap());
    for file in files {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        let bytes = std::fs::read(file.path()).unwrap();
        let copy = disk.create(&name).unwrap();
        disk.write_at(&copy, 0, &bytes).unwrap();
    }
    disk
}

/// A table that does not say how roles are levelled means the default.
#[test]
fn a_folder_of_the_version_before_is_read() {
    let mut disk = disk_with(&[golden(), golden_before()]);
    let mut expected = saved();
    let table = expected.accepted.as_mut().unwrap();
    Arc::make_mut(table).levelling = Levelling::default();
    assert_eq!(open(&mut disk).saved, expected);
}

#[test]
fn the_golden_folder_is_read() {
    let mut disk = disk_with(&[golden()]);
    let folder = open(&mut disk);
    assert_eq!(folder.node, NodeId(70_000));
    assert_eq!(folder.saved, saved());
    assert_eq!(folder.recovery.partitions, expected());
    assert_eq!(folder.recovery.report.cut, None);
    assert!(folder.recovery.report.segments > 1);
}

#[test]
fn the_golden_folder_is_what_is_written() {
    let mut disk = written();
    let names = disk.list().unwrap();
    if std::env::var_os("KENSHO_WRITE_GOLDEN").is_some() {
        std::fs::create_dir_all(golden()).unwrap();
        for file in std::fs::read_dir(golden()).unwrap() {
            std::fs::remove_file(file.unwrap().path()).unwrap();
        }
        for name in &names {
            std::fs::write(golden().join(name), disk.bytes(name).unwrap()).unwrap();
        }
    }
    let mut expected: Vec<String> = std::fs::read_dir(golden())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    expected.sort();
    assert_eq!(names, expected);
    for name in &names {
        let golden = std::fs::read(golden().join(name)).unwrap();
        assert_eq!(disk.bytes(name).unwrap(), golden, "{name}");
    }
}
