//! Links are cut, in one or both directions, and mended when the fault ends.

use fastrand::Rng;

use super::{later, now};
use crate::catalogue::{Does, Entry, Family};
use crate::fault::{Action, ClientAccess, Heal, Injection, Shape, Target};

const fn partition(
    name: &'static str,
    weight: usize,
    shape: Shape,
    target: Target,
    text: &'static str,
) -> Entry {
    Entry {
        name,
        family: Family::Partition,
        with: None,
        weight,
        text,
        does: Does::Partition(shape, target),
    }
}

pub(crate) static FAULTS: &[Entry] = &[
    partition(
        "partition-halves",
        2,
        Shape::Split,
        Target::Minority,
        "a minority is cut off from the others",
    ),
    partition(
        "partition-one",
        0,
        Shape::Split,
        Target::One,
        "one node is cut off from the others",
    ),
    partition(
        "partition-owner",
        2,
        Shape::Split,
        Target::Owner,
        "the owner of a partition is cut off from the others",
    ),
    partition(
        "partition-master",
        1,
        Shape::Split,
        Target::Master,
        "the master is cut off from the others",
    ),
    partition(
        "one-way-deaf",
        1,
        Shape::Deaf,
        Target::Owner,
        "the owner of a partition no longer hears the others",
    ),
    partition(
        "one-way-mute",
        1,
        Shape::Mute,
        Target::Owner,
        "the owner of a partition is no longer heard by the others",
    ),
    partition(
        "one-way-mute-master",
        1,
        Shape::Mute,
        Target::Master,
        "the master is no longer heard by the others",
    ),
    partition(
        "unanswered-owner",
        2,
        Shape::Unanswered,
        Target::Owner,
        "the owner of a partition hears clients, and its answers do not arrive",
    ),
    Entry {
        name: "detach-backup-kill-owner",
        family: Family::Partition,
        with: Some(Family::Kill),
        weight: 0,
        text: "an owner and a backup no longer see each other, so that the backup has to leave and cannot come back; then the owner is killed",
        does: Does::Drawn(detach_backup_kill_owner),
    },
    partition(
        "majority-ring",
        1,
        Shape::MajorityRing,
        Target::All,
        "every node sees a majority, and no two the same",
    ),
    partition(
        "bridge",
        1,
        Shape::Bridge,
        Target::One,
        "two halves, and one node that sees both",
    ),
];

fn detach_backup_kill_owner(heartbeat_ms: u64, draw: &mut Rng) -> Vec<Injection> {
    let cut = Action::Partition {
        shape: Shape::Apart,
        clients: ClientAccess::Kept,
        heal: Heal::Close,
    };
    // It is detached after 3 heartbeats, and named as a catch-up soon after.
    let after_ms = draw.u64(6 * heartbeat_ms..=9 * heartbeat_ms);
    vec![
        now(cut, Target::OwnerAndBackup),
        later(after_ms, Action::Kill, Target::OwnerNotMaster),
    ]
}
