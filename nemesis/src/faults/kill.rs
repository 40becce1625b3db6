//! Processes die at once; they are started again when the fault ends.

use fastrand::Rng;

use super::{later, now};
use crate::catalogue::{Does, Entry, Family};
use crate::fault::{Action, ClientAccess, Heal, Injection, Shape, Target};

const fn kill(
    name: &'static str,
    weight: usize,
    targets: &'static [Target],
    text: &'static str,
) -> Entry {
    entry(name, weight, Does::AtOnce(Action::Kill, targets), text)
}

const fn entry(name: &'static str, weight: usize, does: Does, text: &'static str) -> Entry {
    Entry {
        name,
        family: Family::Kill,
        with: None,
        weight,
        text,
        does,
    }
}

pub(crate) static FAULTS: &[Entry] = &[
    kill("kill-one", 0, &[Target::One], "one node is killed"),
    kill(
        "kill-owner",
        3,
        &[Target::Owner],
        "the owner of a partition is killed",
    ),
    entry(
        "crash-owner",
        2,
        Does::Drawn(crash_owner),
        "the machine of an owner dies: what it sends to other nodes no longer arrives, though clients still hear it, and then it is dead",
    ),
    kill(
        "kill-owner-not-master",
        0,
        &[Target::OwnerNotMaster],
        "the owner of a partition, not the master, is killed",
    ),
    kill("kill-master", 2, &[Target::Master], "the master is killed"),
    kill(
        "kill-owner-and-master",
        2,
        &[Target::OwnerNotMaster, Target::Master],
        "the owner of a partition and the master are killed together",
    ),
    entry(
        "restart-owner",
        0,
        Does::AtOnce(Action::Restart, &[Target::Owner]),
        "the owner of a partition is killed and started again at once",
    ),
    entry(
        "restart-and-kill-owner",
        0,
        Does::Drawn(restart_and_kill_owner),
        "the owner of a partition is killed and started again at once, and killed for good when it has served for a while",
    ),
    kill(
        "kill-minority",
        1,
        &[Target::Minority],
        "a minority is killed",
    ),
    kill(
        "kill-majority",
        1,
        &[Target::Majority],
        "a majority is killed",
    ),
    kill("kill-all", 1, &[Target::All], "every node is killed"),
];

fn crash_owner(heartbeat_ms: u64, draw: &mut Rng) -> Vec<Injection> {
    // A process that is killed leaves its system behind, which still delivers what was sent; a
    // machine does not. So long the owner does not miss the others yet.
    let after_ms = draw.u64(0..=3 * heartbeat_ms);
    let cut = Action::Partition {
        shape: Shape::Split,
        clients: ClientAccess::Kept,
        heal: Heal::Close,
    };
    vec![
        now(cut, Target::Owner),
        later(after_ms, Action::Kill, Target::Owner),
    ]
}

fn restart_and_kill_owner(heartbeat_ms: u64, draw: &mut Rng) -> Vec<Injection> {
    // After a restart it compares with others, and asks for another epoch.
    let after_ms = draw.u64(6 * heartbeat_ms..=9 * heartbeat_ms);
    vec![
        now(Action::Restart, Target::Owner),
        later(after_ms, Action::Kill, Target::Owner),
    ]
}
