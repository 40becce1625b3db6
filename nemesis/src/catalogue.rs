//! The faults there are, by name, and the families they belong to.

use fastrand::Rng;
use serde::{Deserialize, Serialize};

use crate::fault::{Action, ClientAccess, Fault, Heal, Injection, Shape, Target};

/// What a person asks for: a family is all of its faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Processes die at once.
    Kill,
    /// Processes stop, and continue.
    Pause,
    /// Links are cut.
    Partition,
    /// Disks do what disks do.
    Disk,
}

impl Family {
    /// All of them.
    pub const ALL: [Family; 4] = [Family::Kill, Family::Pause, Family::Partition, Family::Disk];

    /// The name by which a person asks for it.
    pub fn name(self) -> &'static str {
        match self {
            Family::Kill => "kill",
            Family::Pause => "pause",
            Family::Partition => "partition",
            Family::Disk => "disk",
        }
    }
}

/// An entry of the catalogue.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, by which it can be asked for alone.
    pub name: &'static str,
    /// The family in whose turn it comes.
    pub family: Family,
    /// Another family that must be asked for as well, since it does both.
    pub needs: Option<Family>,
    /// How often it comes, compared with the others of its family.
    pub weight: usize,
    /// What it is, for a reader.
    pub text: &'static str,
    does: Does,
}

#[derive(Debug, PartialEq, Eq)]
enum Does {
    Kill(&'static [Target]),
    Pause(Target),
    CrashOwner,
    PauseBackupKillOwner,
    Restart(Target),
    RestartKillOwner,
    DetachBackupKillOwner,
    Partition(Shape, Target),
    FillDisk(Target),
}

const fn kill(
    name: &'static str,
    weight: usize,
    targets: &'static [Target],
    text: &'static str,
) -> Entry {
    Entry {
        name,
        family: Family::Kill,
        needs: None,
        weight,
        text,
        does: Does::Kill(targets),
    }
}

const fn pause(name: &'static str, weight: usize, target: Target, text: &'static str) -> Entry {
    Entry {
        name,
        family: Family::Pause,
        needs: None,
        weight,
        text,
        does: Does::Pause(target),
    }
}

const fn partition(
    name: &'static str,
    weight: usize,
    shape: Shape,
    target: Target,
    text: &'static str,
) -> Entry {
    let does = Does::Partition(shape, target);
    Entry {
        name,
        family: Family::Partition,
        needs: None,
        weight,
        text,
        does,
    }
}

const fn full_disk(name: &'static str, weight: usize, target: Target, text: &'static str) -> Entry {
    Entry {
        name,
        family: Family::Disk,
        needs: None,
        weight,
        text,
        does: Does::FillDisk(target),
    }
}

/// Every fault there is.
pub const CATALOGUE: &[Entry] = &[
    kill("kill-one", 0, &[Target::One], "one node is killed"),
    kill(
        "kill-owner",
        3,
        &[Target::Owner],
        "the owner of a partition is killed",
    ),
    Entry {
        name: "crash-owner",
        family: Family::Kill,
        needs: None,
        weight: 2,
        text: "the machine of an owner dies: what it sends to other nodes no longer arrives, though clients still hear it, and then it is dead",
        does: Does::CrashOwner,
    },
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
    Entry {
        name: "restart-owner",
        family: Family::Kill,
        needs: None,
        weight: 0,
        text: "the owner of a partition is killed and started again at once",
        does: Does::Restart(Target::Owner),
    },
    Entry {
        name: "restart-and-kill-owner",
        family: Family::Kill,
        needs: None,
        weight: 0,
        text: "the owner of a partition is killed and started again at once, and killed for good when it has served for a while",
        does: Does::RestartKillOwner,
    },
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
    pause("pause-one", 0, Target::One, "one node is paused"),
    pause(
        "pause-owner",
        4,
        Target::Owner,
        "an owner is paused for longer than its lease, then continued, while clients keep their connections to it",
    ),
    pause("pause-master", 1, Target::Master, "the master is paused"),
    pause(
        "pause-minority",
        1,
        Target::Minority,
        "a minority is paused",
    ),
    pause(
        "pause-majority",
        1,
        Target::Majority,
        "a majority is paused",
    ),
    Entry {
        name: "pause-backup-kill-owner",
        family: Family::Pause,
        needs: Some(Family::Kill),
        weight: 2,
        text: "an in-sync backup is paused, then the owner is killed",
        does: Does::PauseBackupKillOwner,
    },
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
        needs: Some(Family::Kill),
        weight: 0,
        text: "an owner and a backup no longer see each other, so that the backup has to leave and cannot come back; then the owner is killed",
        does: Does::DetachBackupKillOwner,
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
    full_disk(
        "full-disk",
        2,
        Target::Owner,
        "the disk of a partition's owner has no more room",
    ),
    full_disk(
        "full-disk-backup",
        1,
        Target::Backup,
        "the disk of an in-sync backup has no more room",
    ),
    full_disk("full-disk-all", 1, Target::All, "no disk has any more room"),
];

/// A family or fault that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no fault {asked:?}; there are the families kill, pause, partition, disk (or none) and the faults {}",
    CATALOGUE.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", ")
)]
pub struct UnknownFault {
    /// What was asked for.
    pub asked: String,
}

/// The faults that `names` ask for: families, or single faults; `none` for nothing.
///
/// # Errors
/// A name that is neither.
pub fn select<'a>(
    names: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<&'static Entry>, UnknownFault> {
    let mut families = Vec::new();
    let mut single = Vec::new();
    for name in names {
        let family = Family::ALL.into_iter().find(|family| family.name() == name);
        let entry = CATALOGUE.iter().find(|entry| entry.name == name);
        match (family, entry, name) {
            (Some(family), _, _) => families.push(family),
            (_, Some(entry), _) => single.push(entry),
            (_, _, "none") => {}
            _ => {
                return Err(UnknownFault {
                    asked: name.to_string(),
                });
            }
        }
    }
    let of_families = CATALOGUE.iter().filter(|entry| {
        entry.weight > 0
            && families.contains(&entry.family)
            && entry.needs.is_none_or(|needs| families.contains(&needs))
    });
    let mut selected: Vec<&Entry> = of_families.collect();
    for entry in single {
        if !selected.contains(&entry) {
            selected.push(entry);
        }
    }
    Ok(selected)
}

impl Entry {
    /// The fault itself, its details drawn.
    pub fn draw(&self, heartbeat_ms: u64, draw: &mut Rng) -> Fault {
        let now = |action, target| Injection {
            after_ms: 0,
            action,
            target,
        };
        let injections = match &self.does {
            Does::Kill(targets) => targets
                .iter()
                .map(|&target| now(Action::Kill, target))
                .collect(),
            Does::Pause(target) => vec![now(Action::Pause, *target)],
            Does::CrashOwner => {
                // A process that is killed leaves its system behind, which still delivers what was
                // sent; a machine does not. So long the owner does not miss the others yet.
                let kill = Injection {
                    after_ms: draw.u64(0..=3 * heartbeat_ms),
                    action: Action::Kill,
                    target: Target::Owner,
                };
                let cut = Action::Partition {
                    shape: Shape::Split,
                    clients: ClientAccess::Kept,
                    heal: Heal::Close,
                };
                vec![now(cut, Target::Owner), kill]
            }
            Does::PauseBackupKillOwner => {
                // Within the time in which the backup still counts as in sync, or a little after.
                let after_ms = draw.u64(0..=5 * heartbeat_ms);
                let kill = Injection {
                    after_ms,
                    action: Action::Kill,
                    target: Target::Owner,
                };
                vec![now(Action::Pause, Target::Backup), kill]
            }
            Does::Restart(target) => vec![now(Action::Restart, *target)],
            Does::RestartKillOwner => {
                // After a restart it waits for 2 heartbeats, and asks for another epoch.
                let kill = Injection {
                    after_ms: draw.u64(6 * heartbeat_ms..=9 * heartbeat_ms),
                    action: Action::Kill,
                    target: Target::Owner,
                };
                vec![now(Action::Restart, Target::Owner), kill]
            }
            Does::DetachBackupKillOwner => {
                let cut = Action::Partition {
                    shape: Shape::Apart,
                    clients: ClientAccess::Kept,
                    heal: Heal::Close,
                };
                // It is detached after 3 heartbeats, and named as a catch-up soon after.
                let kill = Injection {
                    after_ms: draw.u64(6 * heartbeat_ms..=9 * heartbeat_ms),
                    action: Action::Kill,
                    target: Target::OwnerNotMaster,
                };
                vec![now(cut, Target::OwnerAndBackup), kill]
            }
            Does::FillDisk(target) => vec![now(Action::FillDisk, *target)],
            Does::Partition(shape, target) => {
                let clients = if draw.bool() {
                    ClientAccess::Kept
                } else {
                    ClientAccess::Cut
                };
                let heal = if draw.u8(..3) == 0 {
                    Heal::Release
                } else {
                    Heal::Close
                };
                vec![now(
                    Action::Partition {
                        shape: *shape,
                        clients,
                        heal,
                    },
                    *target,
                )]
            }
        };
        Fault {
            name: self.name.to_string(),
            injections,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_none_is_a_family() {
        for (position, entry) in CATALOGUE.iter().enumerate() {
            assert!(
                CATALOGUE[..position]
                    .iter()
                    .all(|other| other.name != entry.name)
            );
            assert!(Family::ALL.iter().all(|family| family.name() != entry.name));
        }
    }

    #[test]
    fn a_family_brings_its_faults_and_compounds_need_both_families() {
        let names = |asked: &[&str]| -> Vec<&str> {
            select(asked.iter().copied())
                .unwrap()
                .iter()
                .map(|entry| entry.name)
                .collect()
        };
        assert!(
            names(&["pause"])
                .iter()
                .all(|name| name.starts_with("pause-"))
        );
        assert!(!names(&["pause"]).contains(&"pause-backup-kill-owner"));
        assert!(names(&["kill", "pause"]).contains(&"pause-backup-kill-owner"));
        assert_eq!(names(&["kill-one"]), ["kill-one"]);
        assert!(names(&["none"]).is_empty());
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_names_there_are() {
        let text = select(["kill", "flood"]).unwrap_err().to_string();
        assert!(
            text.contains("\"flood\"") && text.contains("pause-owner"),
            "{text}"
        );
        assert!(!text.contains('\n'));
    }
}
