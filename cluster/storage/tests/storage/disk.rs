//! The simulated disk does what the real one does while the power is on, and what it says when the
//! power is cut.

use std::io;

use kensho_storage::disk::{Disk, RealDisk, SimulatedDisk};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Operation {
    Create(u8),
    Allocate(u8, u16),
    Write(u8, u16, Vec<u8>),
    Rename(u8, u8),
    Exchange(u8, u8),
    Remove(u8),
    Sync(u8),
    SyncFolder,
}

fn operation() -> impl Strategy<Value = Operation> {
    let name = 0..4_u8;
    let bytes = prop::collection::vec(any::<u8>(), 1..40);
    prop_oneof![
        3 => name.clone().prop_map(Operation::Create),
        1 => (name.clone(), 1..3000_u16).prop_map(|(name, length)| Operation::Allocate(name, length)),
        6 => (name.clone(), 0..3000_u16, bytes)
            .prop_map(|(name, offset, bytes)| Operation::Write(name, offset, bytes)),
        2 => (name.clone(), name.clone()).prop_map(|(from, to)| Operation::Rename(from, to)),
        1 => (name.clone(), name.clone()).prop_map(|(one, other)| Operation::Exchange(one, other)),
        1 => name.clone().prop_map(Operation::Remove),
        1 => name.prop_map(Operation::Sync),
        1 => Just(Operation::SyncFolder),
    ]
}

fn perform<D: Disk>(disk: &mut D, operation: &Operation) -> Result<(), io::ErrorKind> {
    let name = |number: &u8| format!("file{number}");
    let done = match operation {
        Operation::Create(file) => disk.create(&name(file)).map(drop),
        Operation::Allocate(file, length) => disk
            .create(&name(file))
            .and_then(|file| disk.allocate(&file, u64::from(*length))),
        Operation::Write(file, offset, bytes) => disk
            .open(&name(file))
            .and_then(|file| disk.write_at(&file, u64::from(*offset), bytes)),
        Operation::Rename(from, to) => disk.rename(&name(from), &name(to)),
        Operation::Exchange(one, other) => disk.exchange(&name(one), &name(other)),
        Operation::Remove(file) => disk.remove(&name(file)),
        Operation::Sync(file) => disk.open(&name(file)).and_then(|file| disk.sync(&file)),
        Operation::SyncFolder => disk.sync_folder(),
    };
    done.map_err(|error| error.kind())
}

/// All files with their bytes, in order.
fn contents<D: Disk>(disk: &mut D) -> Vec<(String, Vec<u8>)> {
    let mut names = disk.list().unwrap();
    names.sort();
    let mut contents = Vec::new();
    for name in names {
        let file = disk.open(&name).unwrap();
        let length = disk.length(&file).unwrap();
        let mut bytes = vec![0; usize::try_from(length).unwrap()];
        disk.read_at(&file, 0, &mut bytes).unwrap();
        let beyond = disk.read_at(&file, length, &mut [0]).unwrap_err();
        assert_eq!(beyond.kind(), io::ErrorKind::UnexpectedEof);
        contents.push((name, bytes));
    }
    contents
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn both_disks_do_the_same(operations in prop::collection::vec(operation(), 1..40)) {
        let home = tempfile::tempdir().unwrap();
        let mut real = RealDisk::open(home.path()).unwrap();
        let mut simulated = SimulatedDisk::new();
        for operation in &operations {
            let results = (perform(&mut real, operation), perform(&mut simulated, operation));
            prop_assert_eq!(&results.0, &results.1, "{:?}", operation);
        }
        prop_assert_eq!(contents(&mut real), contents(&mut simulated));
    }

    /// What was flushed survives, and the same seed gives the same disk.
    #[test]
    fn a_power_cut_keeps_what_was_flushed(
        operations in prop::collection::vec(operation(), 1..40),
        later in prop::collection::vec(operation(), 0..10),
        seed: u64,
    ) {
        let mut disk = SimulatedDisk::new();
        for operation in &operations {
            let _ = perform(&mut disk, operation);
        }
        for (name, _) in contents(&mut disk) {
            let file = disk.open(&name).unwrap();
            disk.sync(&file).unwrap();
        }
        disk.sync_folder().unwrap();
        let flushed = contents(&mut disk);
        disk.cut_power(seed);
        prop_assert_eq!(contents(&mut disk), flushed);
        let mut twin = disk.clone();
        for operation in &later {
            prop_assert_eq!(perform(&mut disk, operation), perform(&mut twin, operation));
        }
        disk.cut_power(seed);
        twin.cut_power(seed);
        prop_assert_eq!(disk, twin);
    }
}

#[test]
fn what_was_not_flushed_may_be_lost_kept_or_torn() {
    let mut disk = SimulatedDisk::new();
    let file = disk.create("file").unwrap();
    disk.write_at(&file, 0, &[1; 2000]).unwrap();
    disk.sync(&file).unwrap();
    disk.sync_folder().unwrap();
    disk.write_at(&file, 100, &[2; 1500]).unwrap();
    let (mut lost, mut kept, mut torn) = (0, 0, 0);
    for seed in 0..100 {
        let mut disk = disk.clone();
        disk.cut_power(seed);
        let twos = disk.bytes("file").unwrap();
        match twos.iter().filter(|byte| **byte == 2).count() {
            0 => lost += 1,
            1500 => kept += 1,
            _ => torn += 1,
        }
    }
    assert!(lost > 10 && kept > 10 && torn > 10, "{lost} {kept} {torn}");
}

#[test]
fn what_a_failed_flush_left_is_never_safe_by_itself() {
    let mut disk = SimulatedDisk::new();
    let file = disk.create("file").unwrap();
    disk.sync_folder().unwrap();
    disk.write_at(&file, 0, b"lost").unwrap();
    disk.fail_syncs(1);
    assert!(disk.sync(&file).is_err());
    disk.sync(&file).unwrap();
    assert_eq!(disk.bytes("file").unwrap(), b"lost");
    disk.cut_power(3);
    assert_eq!(disk.bytes("file").unwrap(), b"");
}

#[test]
fn a_full_disk_takes_nothing_more() {
    let mut disk = SimulatedDisk::new();
    disk.limit(Some(10));
    let file = disk.create("file").unwrap();
    disk.allocate(&file, 8).unwrap();
    assert_eq!(disk.free_bytes().unwrap(), 2);
    disk.write_at(&file, 0, b"12345678").unwrap();
    let full = disk.write_at(&file, 8, b"901").unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    assert_eq!(disk.bytes("file").unwrap(), b"12345678");

    let home = tempfile::tempdir().unwrap();
    let mut real = RealDisk::open(home.path()).unwrap();
    assert!(real.free_bytes().unwrap() > 0);
}

/// A data folder has its limit; what stands in a file already can be written again.
#[test]
fn a_folder_takes_no_more_than_it_may() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("of somebody else"), [0; 1_000]).unwrap();
    let disk = RealDisk::open(home.path()).unwrap();
    let mut disk = disk.with_limit(Some(10_000));
    assert_eq!(disk.free_bytes().unwrap(), 9_000);
    let file = disk.create("file").unwrap();
    disk.allocate(&file, 8_000).unwrap();
    disk.write_at(&file, 8_000, &[1; 1_000]).unwrap();
    assert_eq!(disk.used_bytes().unwrap(), 10_000);
    for refused in [
        disk.write_at(&file, 9_000, &[1]).unwrap_err(),
        disk.create("another")
            .and_then(|another| disk.allocate(&another, 1))
            .unwrap_err(),
    ] {
        assert_eq!(refused.kind(), io::ErrorKind::QuotaExceeded);
    }
    disk.write_at(&file, 0, &[2; 9_000]).unwrap();
    disk.remove("file").unwrap();
    assert_eq!(disk.free_bytes().unwrap(), 9_000);
}
