//! Processes stop where they stand, and go on when the fault ends.

use fastrand::Rng;

use super::{later, now};
use crate::catalogue::{Does, Entry, Family};
use crate::fault::{Action, Injection, Target};

const fn pause(
    name: &'static str,
    weight: usize,
    targets: &'static [Target],
    text: &'static str,
) -> Entry {
    Entry {
        name,
        family: Family::Pause,
        with: None,
        weight,
        text,
        does: Does::AtOnce(Action::Pause, targets),
    }
}

pub(crate) static FAULTS: &[Entry] = &[
    pause("pause-one", 0, &[Target::One], "one node is paused"),
    pause(
        "pause-owner",
        4,
        &[Target::Owner],
        "an owner is paused for longer than its lease, then continued, while clients keep their connections to it",
    ),
    pause("pause-master", 1, &[Target::Master], "the master is paused"),
    pause(
        "pause-minority",
        1,
        &[Target::Minority],
        "a minority is paused",
    ),
    pause(
        "pause-majority",
        1,
        &[Target::Majority],
        "a majority is paused",
    ),
    Entry {
        name: "pause-backup-kill-owner",
        family: Family::Pause,
        with: Some(Family::Kill),
        weight: 2,
        text: "an in-sync backup is paused, then the owner is killed",
        does: Does::Drawn(pause_backup_kill_owner),
    },
];

fn pause_backup_kill_owner(heartbeat_ms: u64, draw: &mut Rng) -> Vec<Injection> {
    // Within the time in which the backup still counts as in sync, or a little after.
    let after_ms = draw.u64(0..=5 * heartbeat_ms);
    vec![
        now(Action::Pause, Target::Backup),
        later(after_ms, Action::Kill, Target::Owner),
    ]
}
