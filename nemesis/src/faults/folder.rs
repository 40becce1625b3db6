//! Data folders that are put back from older copies, cloned or lost (rule R14): what people do with backups of
//! disks, and what happens to disks. One at a time, in a cluster that is whole: then nothing may be lost.

use fastrand::Rng;

use super::{later, now};
use crate::catalogue::{Does, Entry, Family};
use crate::fault::{Action, Injection, Target};

const fn folder(name: &'static str, weight: usize, does: Does, text: &'static str) -> Entry {
    Entry {
        name,
        family: Family::Folder,
        with: None,
        weight,
        text,
        does,
    }
}

pub(crate) static FAULTS: &[Entry] = &[
    folder(
        "restore-older-folder",
        2,
        Does::Drawn(restore_owner),
        "the data folder of a partition's owner is copied; later it is killed, and started again at once from that copy",
    ),
    folder(
        "restore-older-folder-backup",
        2,
        Does::Drawn(restore_backup),
        "the data folder of an in-sync backup is copied; later it is killed, and started again at once from that copy",
    ),
    folder(
        "clone-folder",
        1,
        Does::AtOnce(Action::CloneFolder, &[Target::One]),
        "a node goes on from a copy of its data folder for a while, and then from its own, which is older",
    ),
    folder(
        "lose-folder",
        1,
        Does::AtOnce(Action::LoseFolder, &[Target::One]),
        "the data folder of a node is gone; its name is taken out of the cluster, and it joins anew",
    ),
];

fn restore_owner(heartbeat_ms: u64, draw: &mut Rng) -> Vec<Injection> {
    restore(Target::Owner, heartbeat_ms, draw)
}

fn restore_backup(heartbeat_ms: u64, draw: &mut Rng) -> Vec<Injection> {
    restore(Target::Backup, heartbeat_ms, draw)
}

/// Long enough after the copy that something was written meanwhile.
fn restore(target: Target, heartbeat_ms: u64, draw: &mut Rng) -> Vec<Injection> {
    let after_ms = draw.u64(2 * heartbeat_ms..=8 * heartbeat_ms);
    vec![
        now(Action::CopyFolder, target),
        later(after_ms, Action::RestoreFolder, target),
    ]
}
