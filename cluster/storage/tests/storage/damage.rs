//! Damaged, missing and foreign files: the node says which file and where, or loses nothing by it.

use crate::model::{Act, DELAYED, Model, NODE, SETTINGS};
use kensho_protocol::ids::{Incarnation, NodeId};
use kensho_protocol::outcomes::OutcomeLimits;
use kensho_protocol::table::Identity;
use kensho_storage::disk::{Disk, SimulatedDisk};
use kensho_storage::error::StorageError;
use kensho_storage::folder;
use kensho_storage::log::{Recovery, Store};

/// A log of several segments with a checkpoint, closed in good order.
fn closed() -> SimulatedDisk {
    let mut model = Model::new();
    let mut acts = Vec::new();
    for round in 0..8 {
        acts.extend([Act::Append(round % 3, 2, 40), Act::Append(2, 1, 20)]);
        acts.extend([Act::Write, Act::Sync, Act::Commit(round % 3, 10)]);
    }
    acts.extend([Act::Replace(1, 2), Act::Append(1, 1, 9), Act::Write]);
    acts.extend([Act::Sync, Act::Take(0), Act::WriteCheckpoints]);
    acts.extend([Act::Append(0, 1, 9), Act::Restart]);
    for act in &acts {
        model.act(act).unwrap();
    }
    assert_eq!(model.checkpoints, 1);
    model.disk
}

fn open(disk: &mut SimulatedDisk) -> Result<Recovery, StorageError> {
    Store::open(disk, NODE, Incarnation(3), SETTINGS).map(|(_, recovery)| recovery)
}

fn segments(disk: &mut SimulatedDisk) -> Vec<String> {
    let names = disk.list().unwrap();
    let segments = names.into_iter().filter(|name| name.starts_with("log-"));
    segments.collect()
}

/// Where the last batch of the log ends.
fn end_of(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1
}

#[test]
fn a_flipped_bit_is_refused_or_does_no_harm() {
    let intact = closed();
    let expected = open(&mut intact.clone()).unwrap().partitions;
    assert_eq!(expected.len(), 3);
    let names = intact.clone().list().unwrap();
    assert!(names.len() >= 5, "{names:?}");
    let mut refused = 0;
    for name in &names {
        let length = intact.bytes(name).unwrap().len();
        for at in 0..length {
            let mut disk = intact.clone();
            disk.damage(name, |bytes| bytes[at] ^= 1 << (at % 8));
            match open(&mut disk) {
                Ok(recovery) => assert_eq!(recovery.partitions, expected, "{name} {at}"),
                Err(error) => {
                    refused += 1;
                    let text = error.to_string();
                    assert!(text.contains(name.as_str()), "{name} {at}: {text}");
                }
            }
        }
    }
    assert!(refused > 2000, "{refused}");
}

/// Where the bad batch begins is said, and which file it is in, whatever comes later.
#[test]
fn the_message_names_file_and_offset() {
    let mut disk = closed();
    for name in segments(&mut disk) {
        let mut damaged = disk.clone();
        damaged.damage(&name, |bytes| bytes[4096 + 30] ^= 1);
        let error = open(&mut damaged).unwrap_err();
        let StorageError::Damaged { path, offset, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(*path, format!("simulated/{name}"));
        assert_eq!(*offset, 4096);
        assert!(error.to_string().contains("byte 4096"), "{error}");
    }
}

/// The disk gives zeros in the middle of the log, which is what the end of the log looks like.
#[test]
fn zeros_in_the_middle_are_damage() {
    const SEAL: usize = 24;
    let mut disk = closed();
    let expected = open(&mut disk.clone()).unwrap().partitions;
    let names = segments(&mut disk);
    for name in &names {
        let end = end_of(disk.bytes(name).unwrap()).next_multiple_of(8);
        for from in (4096..end).step_by(8) {
            let mut damaged = disk.clone();
            damaged.damage(name, |bytes| bytes[from..from + 8].fill(0));
            let is_seal = Some(name) == names.last() && from + SEAL >= end;
            match open(&mut damaged) {
                Ok(recovery) => {
                    // Those eight bytes were zeros, or belong to the mark at the end.
                    assert!(damaged == disk || is_seal, "{name} {from}");
                    assert_eq!(recovery.partitions, expected);
                }
                Err(error) => assert!(matches!(error, StorageError::Damaged { .. }), "{error}"),
            }
        }
    }
}

#[test]
fn a_missing_file_is_named() {
    let intact = closed();
    let mut disk = intact.clone();
    let names = disk.list().unwrap();
    let last = segments(&mut disk).pop().unwrap();
    for name in names.iter().filter(|name| **name != last) {
        let mut disk = intact.clone();
        disk.remove(name).unwrap();
        let error = open(&mut disk).unwrap_err();
        assert!(matches!(error, StorageError::Missing { .. }), "{error}");
        assert!(error.to_string().contains(name.as_str()), "{error}");
    }
}

#[test]
fn a_batch_counts_only_where_it_was_written() {
    let mut disk = closed();
    let names = segments(&mut disk);
    let first = disk.bytes(&names[0]).unwrap().to_vec();
    // The first batch of the first segment, copied behind the end of the last one.
    let length = 24 + u32::from_le_bytes(first[4100..4104].try_into().unwrap()) as usize;
    let batch = first[4096..4096 + length].to_vec();
    let last = names.last().unwrap();
    let expected = open(&mut disk.clone()).unwrap().partitions;
    disk.damage(last, |bytes| {
        let end = end_of(bytes).next_multiple_of(8);
        bytes[end..end + batch.len()].copy_from_slice(&batch);
    });
    let recovery = open(&mut disk).unwrap();
    assert_eq!(recovery.partitions, expected);
    let cut = recovery.report.cut.unwrap();
    assert_eq!(cut.bytes as usize, end_of(&batch));
    assert!(cut.to_string().contains(last.as_str()), "{cut}");

    // A segment in another's place, and another node's.
    let mut disk = closed();
    disk.damage(&names[1], |bytes| bytes.copy_from_slice(&first));
    let error = open(&mut disk).unwrap_err();
    assert!(error.to_string().contains(names[1].as_str()), "{error}");
    let mut disk = closed();
    let error = Store::open(&mut disk, NodeId(8), Incarnation(3), SETTINGS).unwrap_err();
    assert!(error.to_string().contains("node 7, not of 8"), "{error}");
}

fn identity() -> Identity {
    Identity {
        cluster: "test".to_owned(),
        partitions: 4,
        replicas: 3,
        outcomes: OutcomeLimits::default(),
    }
}

fn open_folder(disk: &mut SimulatedDisk) -> Result<NodeId, StorageError> {
    let operations = disk.operations();
    folder::open_on(disk, &identity(), SETTINGS, || {
        Ok(NodeId(u32::try_from(operations).unwrap() + 1))
    })
    .map(|folder| folder.node)
}

#[test]
fn a_folder_is_made_whole_or_made_again() {
    let mut disk = SimulatedDisk::new();
    open_folder(&mut disk).unwrap();
    let operations = disk.operations();
    for allowed in 0..operations {
        for seed in 0..10 {
            let mut disk = SimulatedDisk::new();
            disk.fail_after(allowed);
            assert!(open_folder(&mut disk).is_err(), "{allowed}");
            disk.cut_power(seed);
            let node = open_folder(&mut disk).unwrap();
            disk.cut_power(seed);
            assert_eq!(open_folder(&mut disk).unwrap(), node);
        }
    }
}

#[test]
fn a_folder_without_one_of_its_files_is_refused() {
    let mut whole = SimulatedDisk::new();
    open_folder(&mut whole).unwrap();
    for name in ["node", "coordinator", "manifest", "log-0000000000000001"] {
        let mut disk = whole.clone();
        disk.remove(name).unwrap();
        let error = open_folder(&mut disk).unwrap_err();
        assert!(matches!(error, StorageError::Missing { .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");

        let mut disk = whole.clone();
        disk.damage(name, |bytes| bytes[20] ^= 1);
        let error = open_folder(&mut disk).unwrap_err();
        assert!(matches!(error, StorageError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn a_full_disk_is_said_before_anything_is_lost() {
    let mut disk = SimulatedDisk::new();
    Store::create(&mut disk, NODE, SETTINGS).unwrap();
    let (mut store, _) = Store::open(&mut disk, NODE, Incarnation(3), SETTINGS).unwrap();
    disk.limit(Some(3 * SETTINGS.segment_bytes));
    let mut model_record = 0;
    let error = loop {
        model_record += 1;
        store.append(
            kensho_protocol::ids::PartitionId(0),
            &kensho_protocol::record::Record::Log {
                promised: kensho_protocol::ids::Epoch(model_record),
                log_epoch: kensho_protocol::ids::Epoch(1),
                keep: kensho_protocol::ids::Lsn(0),
                entries: Vec::new(),
            },
        );
        let written = store
            .write(&mut disk)
            .and_then(|()| store.sync(&mut disk).map(drop));
        if let Err(error) = written {
            break error;
        }
    };
    assert!(error.is_full(), "{error}");
    assert!(error.to_string().contains("the disk is full"), "{error}");
    let durable = store.durable();
    assert!(durable.0 > 30, "{durable}");
    disk.cut_power(1);
    disk.limit(None);
    let recovery = open(&mut disk).unwrap();
    let recovered = &recovery.partitions[&kensho_protocol::ids::PartitionId(0)];
    assert_eq!(recovered.promised.0, durable.0);
}

/// Where durability is delayed, damage is told from what a power failure took by the flush that
/// followed.
#[test]
fn damage_before_a_flush_is_told_from_a_torn_end() {
    let mut model = Model::with(DELAYED);
    let name = "log-0000000000000001";
    let mut ends = Vec::new();
    for act in [
        Act::Append(0, 1, 30),
        Act::Write,
        Act::Append(0, 1, 31),
        Act::Write,
        Act::Sync,
        Act::Append(0, 1, 32),
        Act::Write,
        Act::Append(0, 1, 33),
        Act::Write,
        Act::Append(0, 1, 34),
        Act::Write,
    ] {
        model.act(&act).unwrap();
        ends.push(end_of(model.disk.bytes(name).unwrap()));
    }
    let opened = |at: usize| {
        let mut disk = model.disk.clone();
        disk.damage(name, |bytes| bytes[at - 1] ^= 1);
        Store::open(&mut disk, NODE, Incarnation(3), DELAYED)
    };
    for flushed in [ends[1], ends[3]] {
        let error = opened(flushed).unwrap_err();
        assert!(matches!(error, StorageError::Damaged { .. }), "{error}");
    }
    // Two batches after the flush: the first of them says that what stood before it was flushed, and
    // the others prove nothing.
    let (_, recovery) = opened(ends[8]).unwrap();
    assert_eq!(recovery.report.records, 3);
    assert!(recovery.report.cut.is_some());
    let (_, recovery) = opened(ends[10]).unwrap();
    assert_eq!(recovery.report.records, 4);
}
