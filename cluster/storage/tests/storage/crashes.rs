//! Crashes at every moment: what was reported safe is there, and there is never a hole.

use crate::model::{Act, DELAYED, Model, SETTINGS, act};
use kensho_storage::log::LogSettings;
use proptest::prelude::*;

/// A history in which everything happens that can happen to a log.
fn history() -> Vec<Act> {
    let mut acts = Vec::new();
    for round in 0..5_u8 {
        for partition in 0..3 {
            acts.push(Act::Append(partition, 2, 60));
        }
        acts.extend([Act::Write, Act::Append(round % 3, 1, 120), Act::Sync]);
        acts.extend([Act::Write, Act::Cut(round % 3, 5, 1), Act::Sync]);
        if round == 2 {
            acts.extend([Act::Prepare, Act::Replace(1, 2), Act::Append(1, 1, 30)]);
        }
        acts.extend([Act::Write, Act::Sync]);
        if round > 0 {
            for partition in 0..3 {
                acts.extend([Act::Commit(partition, 8), Act::Take(partition)]);
            }
            acts.push(Act::WriteCheckpoints);
        }
        acts.push(Act::Promise(round % 2));
        if round == 3 {
            acts.push(Act::Restart);
        }
    }
    acts
}

/// Repeats `history` with the power cut after each of its `operations` on the disk, as many times
/// as there are seeds: each loses what was not flushed in another way. What was found is safe, and
/// the log goes on. Gives how many torn tails were cut off.
fn cut_power_everywhere(
    settings: LogSettings,
    history: &[Act],
    operations: u64,
    seeds: u64,
) -> u32 {
    let mut cuts = 0;
    for allowed in 0..operations {
        for seed in 0..seeds {
            let mut model = Model::with(settings);
            model.disk.fail_after(allowed);
            let failed = history.iter().find_map(|act| model.act(act).err());
            assert!(failed.is_some(), "the power went off at {allowed}");
            model.disk.cut_power(allowed * 1000 + seed);
            model.recover().unwrap();
            // What was found is safe now, whatever happens next.
            model.disk.cut_power(seed);
            model.recover().unwrap();
            // And the log goes on.
            for act in [Act::Append(0, 3, 50), Act::Write, Act::Sync] {
                model.act(&act).unwrap();
            }
            model.disk.cut_power(seed);
            model.recover().unwrap();
            cuts += model.cuts;
        }
    }
    cuts
}

/// Whoever lists the disk's operations in order and cuts the power after each of them, with what was
/// not flushed lost in several ways, always finds what was reported safe.
#[test]
fn power_may_be_cut_after_every_operation_of_the_disk() {
    let mut whole = Model::new();
    let before = whole.disk.operations();
    for act in history() {
        whole.act(&act).unwrap();
    }
    let operations = whole.disk.operations() - before;
    assert!(operations > 150, "{operations}");
    assert!(whole.checkpoints > 10, "{}", whole.checkpoints);
    let names = kensho_storage::disk::Disk::list(&mut whole.disk).unwrap();
    assert!(
        !names.contains(&"log-0000000000000001".to_owned()),
        "old segments go: {names:?}"
    );

    let cuts = cut_power_everywhere(SETTINGS, &history(), operations, 6);
    assert!(cuts > 20, "torn tails are part of this: {cuts}");
}

/// The same where many batches are written between two flushes. A power failure takes any of them,
/// and what follows the first one that is missing is cut off.
#[test]
fn power_may_be_cut_while_many_batches_are_not_flushed() {
    let mut history = Vec::new();
    for round in 0..12_u8 {
        for partition in 0..3 {
            history.extend([Act::Append(partition, 1, 40), Act::Write]);
        }
        if round % 4 == 3 {
            history.extend([Act::Sync, Act::Commit(0, 8), Act::Take(0)]);
            history.push(Act::WriteCheckpoints);
        }
    }
    let mut whole = Model::with(DELAYED);
    let before = whole.disk.operations();
    for act in &history {
        whole.act(act).unwrap();
    }
    let operations = whole.disk.operations() - before;
    let cuts = cut_power_everywhere(DELAYED, &history, operations, 20);
    assert!(cuts > 200, "torn tails are part of this: {cuts}");
}

/// The same while the log is being opened after a crash.
#[test]
fn power_may_be_cut_during_recovery() {
    let mut model = Model::new();
    for act in history() {
        model.act(&act).unwrap();
    }
    for act in [Act::Append(2, 4, 100), Act::Write] {
        model.act(&act).unwrap();
    }
    for seed in 0..200 {
        let mut disk = model.disk.clone();
        disk.cut_power(seed);
        for allowed in 0..20 {
            let mut model = Model::new();
            for act in history() {
                model.act(&act).unwrap();
            }
            for act in [Act::Append(2, 4, 100), Act::Write] {
                model.act(&act).unwrap();
            }
            model.disk = disk.clone();
            model.disk.fail_after(allowed);
            let opened = model.recover().is_ok();
            model.disk.cut_power(seed + 1);
            model.recover().unwrap();
            if opened {
                break;
            }
        }
    }
}

/// A record that replaces a partition's data makes the older ones superfluous, but only when it is
/// safe itself.
#[test]
fn an_image_that_is_not_flushed_yet_lets_nothing_be_forgotten() {
    for seed in 0..20 {
        let mut model = Model::new();
        for act in [
            Act::Append(1, 4, 97),
            Act::Write,
            Act::Sync,
            Act::Append(0, 6, 70),
            Act::Take(0),
            Act::Write,
            Act::Sync,
            Act::Replace(1, 0),
            Act::Write,
            Act::WriteCheckpoints,
            Act::CutPower(seed),
        ] {
            model.act(&act).unwrap();
        }
        assert_eq!(model.checkpoints, 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Any history, with crashes, kills and failing flushes in between, cut off by a power failure
    /// after any operation of the disk.
    #[test]
    fn recovery_gives_what_was_safe(
        settings in prop_oneof![Just(SETTINGS), Just(DELAYED)],
        acts in prop::collection::vec(act(), 1..120),
        allowed in 0..400_u64,
        seed: u64,
    ) {
        let mut model = Model::with(settings);
        model.disk.fail_after(allowed);
        for act in &acts {
            if model.act(act).is_err() {
                model.disk.cut_power(seed);
                model.recover().unwrap();
            }
        }
        model.disk.cut_power(seed);
        model.recover().unwrap();
    }
}
