//! Damaged, missing and foreign files: the node says which file and where, or loses nothing by it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Act, DELAYED, Model, NODE, SETTINGS};
use kensho_protocol::coordinator::Saved;
use kensho_protocol::ids::{Incarnation, NodeId, PartitionId, Term};
use kensho_protocol::outcomes::OutcomeLimits;
use kensho_protocol::record::Recovered;
use kensho_protocol::table::Identity;
use kensho_storage::disk::{Disk, SimulatedDisk};
use kensho_storage::error::StorageError;
use kensho_storage::folder;
use kensho_storage::log::{Damage, Recovery, Store};

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

/// Every partition is as it was, or was taken out and begins another life with nothing; and so it stays.
#[track_caller]
fn assert_told(disk: &mut SimulatedDisk, recovery: &Recovery, expected: &Partitions) {
    for (partition, recovered) in &recovery.partitions {
        assert_eq!(Some(recovered), expected.get(partition), "{partition:?}");
    }
    for partition in expected.keys() {
        let whole = recovery.partitions.contains_key(partition);
        assert_ne!(
            whole,
            recovery.taken_out.contains(partition),
            "{partition:?}"
        );
        let life = recovery.nothing(*partition).incarnation;
        assert_eq!(whole, life == Incarnation(3), "{partition:?}");
    }
    let again = open(disk).unwrap();
    assert_eq!(again.partitions, recovery.partitions);
    assert!(again.taken_out.is_empty(), "{:?}", again.taken_out);
    for partition in expected.keys() {
        assert_eq!(again.nothing(*partition), recovery.nothing(*partition));
    }
    if !recovery.taken_out.is_empty() {
        assert!(!recovery.report.damage.is_empty());
        assert_eq!(again.report.damage, [], "it was written anew");
    }
}

type Partitions = BTreeMap<PartitionId, Recovered>;

#[test]
fn a_flipped_bit_takes_out_partitions_or_does_no_harm() {
    let intact = closed();
    let expected = open(&mut intact.clone()).unwrap().partitions;
    assert_eq!(expected.len(), 3);
    let names = intact.clone().list().unwrap();
    assert!(names.len() >= 5, "{names:?}");
    // By how many partitions were.
    let mut taken_out = [0; 4];
    for name in &names {
        let length = intact.bytes(name).unwrap().len();
        for at in 0..length {
            let mut disk = intact.clone();
            disk.damage(name, |bytes| bytes[at] ^= 1 << (at % 8));
            match open(&mut disk) {
                Ok(recovery) => {
                    taken_out[recovery.taken_out.len()] += 1;
                    assert_told(&mut disk, &recovery, &expected);
                }
                // Nobody knows what counts.
                Err(error) => {
                    assert_eq!(name, "manifest", "{error}");
                    let named = match &error {
                        StorageError::Damaged { path, .. } => path,
                        StorageError::OtherVersion { path, .. } => path,
                        other => panic!("{other}"),
                    };
                    assert!(named.contains(name.as_str()), "{error}");
                }
            }
        }
    }
    assert!(
        taken_out[..3].iter().all(|count| *count > 100),
        "{taken_out:?}"
    );
}

/// Where the bad batch begins is said, and which file it is in, whatever comes later.
#[test]
fn the_message_names_file_and_offset() {
    let mut disk = closed();
    for name in segments(&mut disk) {
        let mut damaged = disk.clone();
        damaged.damage(&name, |bytes| bytes[4096 + 30] ^= 1);
        let recovery = open(&mut damaged).unwrap();
        let damage = &recovery.report.damage[0];
        let path = format!("simulated/{name}");
        let found = recovery
            .report
            .damage
            .iter()
            .any(|d| d.path == path && d.offset == 4096);
        assert!(found, "{:?}", recovery.report.damage);
        assert!(
            damage.to_string().contains("is damaged at byte"),
            "{damage}"
        );
    }
}

/// The disk gives zeros in the middle of the log, which is what the end of the log looks like.
#[test]
fn zeros_in_the_middle_are_damage() {
    let mut disk = closed();
    let expected = open(&mut disk.clone()).unwrap().partitions;
    let names = segments(&mut disk);
    for name in &names {
        let end = end_of(disk.bytes(name).unwrap()).next_multiple_of(8);
        for from in (4096..end).step_by(8) {
            let mut damaged = disk.clone();
            damaged.damage(name, |bytes| bytes[from..from + 8].fill(0));
            let recovery = open(&mut damaged).unwrap();
            assert_told(&mut damaged, &recovery, &expected);
        }
    }
}

/// Only those are taken out of whom a damaged batch may hold records.
#[test]
fn who_has_nothing_in_a_damaged_batch_stays() {
    let mut model = Model::new();
    let name = "log-0000000000000001";
    let groups: [&[u8]; 6] = [&[0, 1, 2], &[1], &[0, 2], &[2], &[0], &[1, 2]];
    let mut begins = Vec::new();
    for group in groups {
        begins.push(
            end_of(model.disk.bytes(name).unwrap())
                .next_multiple_of(8)
                .max(4096),
        );
        for partition in group {
            model.act(&Act::Append(*partition, 1, 10)).unwrap();
        }
        model.act(&Act::Write).unwrap();
        model.act(&Act::Sync).unwrap();
    }
    // After a crash, nothing proves the last batch.
    let crashed = model.disk.clone();
    model.act(&Act::Restart).unwrap();
    for (place, group) in groups.iter().enumerate() {
        let mut disk = model.disk.clone();
        let expected = open(&mut disk.clone()).unwrap().partitions;
        disk.damage(name, |bytes| bytes[begins[place] + 24] ^= 1);
        let recovery = open(&mut disk).unwrap();
        let group: BTreeSet<PartitionId> = group.iter().map(|p| PartitionId((*p).into())).collect();
        assert_eq!(recovery.taken_out, group, "batch {place}");
        assert_told(&mut disk, &recovery, &expected);
        // What was damaged again is taken out again.
        for name in segments(&mut disk) {
            disk.damage(&name, |bytes| bytes[4096 + 24] ^= 1);
        }
        let again = open(&mut disk).unwrap();
        for partition in &group {
            let lives = [&recovery, &again].map(|r| r.nothing(*partition).incarnation);
            assert!(
                lives[0] <= lives[1] && lives[0] > Incarnation(3),
                "{lives:?}"
            );
        }
    }
    // Partition 0 has nothing in the last batch, and nothing says so of its last one before.
    let mut disk = crashed;
    disk.damage(name, |bytes| bytes[begins[4] + 24] ^= 1);
    let taken_out = open(&mut disk).unwrap().taken_out;
    assert_eq!(taken_out, BTreeSet::from([PartitionId(0)]));
}

/// A crash while a log is written anew: the next start finds the damage again, or what came of it.
#[test]
fn what_was_taken_out_never_comes_back() {
    let intact = closed();
    let expected = open(&mut intact.clone()).unwrap().partitions;
    let mut damaged = intact.clone();
    let first = segments(&mut damaged).remove(0);
    damaged.damage(&first, |bytes| bytes[4096 + 30] ^= 1);
    let taken_out = open(&mut damaged.clone()).unwrap().taken_out;
    assert!(
        !taken_out.is_empty() && taken_out.len() < 3,
        "{taken_out:?}"
    );
    let operations = {
        let mut disk = damaged.clone();
        let before = disk.operations();
        open(&mut disk).unwrap();
        disk.operations() - before
    };
    let mut later = 0;
    for allowed in 0..operations {
        for seed in 0..8 {
            let mut disk = damaged.clone();
            disk.fail_after(allowed);
            assert!(open(&mut disk).is_err(), "{allowed}");
            disk.cut_power(seed);
            let recovery = open(&mut disk).unwrap();
            for partition in &taken_out {
                assert!(
                    !recovery.partitions.contains_key(partition),
                    "{allowed} {seed}"
                );
                assert!(recovery.nothing(*partition).incarnation > Incarnation(3));
            }
            let whole = expected.iter().filter(|(p, _)| !taken_out.contains(p));
            let whole: Partitions = whole.map(|(p, r)| (*p, r.clone())).collect();
            assert_eq!(recovery.partitions, whole, "{allowed} {seed}");
            later += u32::from(recovery.taken_out.is_empty());
        }
    }
    assert!(later > 0, "some crashes came after the new log counted");
}

#[test]
fn a_missing_file_is_named() {
    let intact = closed();
    let expected = open(&mut intact.clone()).unwrap().partitions;
    let mut disk = intact.clone();
    let names = disk.list().unwrap();
    let last = segments(&mut disk).pop().unwrap();
    for name in names.iter().filter(|name| **name != last) {
        let mut disk = intact.clone();
        disk.remove(name).unwrap();
        match open(&mut disk) {
            Ok(recovery) => {
                let named = |damage: &Damage| damage.path.contains(name.as_str());
                assert!(recovery.report.damage.iter().any(named), "{name}");
                assert!(!recovery.taken_out.is_empty(), "{name}");
                assert_told(&mut disk, &recovery, &expected);
            }
            Err(error) => {
                assert_eq!(name, "manifest", "{error}");
                assert!(matches!(error, StorageError::Missing { .. }), "{error}");
                assert!(
                    error.to_string().contains("mv simulated simulated.damaged"),
                    "{error}"
                );
            }
        }
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
    let recovery = open(&mut disk).unwrap();
    let named = |damage: &Damage| damage.path.contains(names[1].as_str());
    assert!(recovery.report.damage.iter().any(named));
    assert_told(&mut disk, &recovery, &expected);
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
        Ok(folder::Drawn {
            node: NodeId(u32::try_from(operations).unwrap() + 1),
            nonce: u128::from(operations),
        })
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

/// What a coordinator saves is there whole or not at all, wherever the power fails.
#[test]
fn votes_are_replaced_whole_or_not_at_all() {
    let saved = |term| Saved {
        term: Term(term),
        accepted: None,
    };
    let mut before = SimulatedDisk::new();
    open_folder(&mut before).unwrap();
    folder::save(&mut before, &saved(1)).unwrap();
    let operations = {
        let mut disk = before.clone();
        let start = disk.operations();
        folder::save(&mut disk, &saved(2)).unwrap();
        disk.operations() - start
    };
    let mut found = [0; 3];
    for allowed in 0..=operations {
        for seed in 0..10 {
            let mut disk = before.clone();
            disk.fail_after(allowed);
            let done = folder::save(&mut disk, &saved(2)).is_ok();
            disk.cut_power(seed);
            let term = open_saved(&mut disk).term.0;
            assert!(term == 2 || term == 1 && !done, "{term} after {allowed}");
            found[usize::try_from(term).unwrap()] += 1;
            folder::save(&mut disk, &saved(3)).unwrap();
            disk.cut_power(seed);
            assert_eq!(open_saved(&mut disk).term.0, 3);
        }
    }
    assert!(found[1] > 0 && found[2] > 0, "{found:?}");
}

fn open_saved(disk: &mut SimulatedDisk) -> Saved {
    let opened = folder::open_on(disk, &identity(), SETTINGS, || {
        Ok(folder::Drawn {
            node: NodeId(1),
            nonce: 1,
        })
    });
    opened.unwrap().saved
}

/// A voter votes on when its disk is full.
#[test]
fn votes_have_room_set_aside() {
    let mut disk = SimulatedDisk::new();
    open_folder(&mut disk).unwrap();
    disk.limit(Some(0));
    for term in 1..20 {
        let saved = Saved {
            term: Term(term),
            accepted: None,
        };
        folder::save(&mut disk, &saved).unwrap();
        disk.cut_power(term);
        assert_eq!(open_saved(&mut disk), saved);
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

        if name.starts_with("log") {
            continue;
        }
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
        let (_, recovery) = opened(flushed).unwrap();
        assert_eq!(recovery.taken_out, BTreeSet::from([PartitionId(0)]));
        assert_eq!(recovery.report.cut, None);
    }
    // Two batches after the flush: the first of them says that what stood before it was flushed, and
    // the others prove nothing.
    let (_, recovery) = opened(ends[8]).unwrap();
    assert_eq!(recovery.report.records, 3);
    assert!(recovery.report.cut.is_some());
    let (_, recovery) = opened(ends[10]).unwrap();
    assert_eq!(recovery.report.records, 4);
}
