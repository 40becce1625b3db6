//! The faults there are, by name, and the families they belong to.

use std::collections::BTreeSet;

use fastrand::Rng;
use serde::Serialize;

use crate::capability::{Able, Capability};
use crate::fault::{Action, ClientAccess, Fault, Heal, Injection, Shape, Target};
use crate::faults;

/// What a person asks for: a family is all of its faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
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
    /// Data folders are put back from copies, or lost.
    Folder,
    /// What is sent takes longer.
    Packet,
}

impl Family {
    /// All of them.
    pub const ALL: [Family; 6] = [
        Family::Kill,
        Family::Pause,
        Family::Partition,
        Family::Disk,
        Family::Folder,
        Family::Packet,
    ];

    /// The name by which a person asks for it.
    pub fn name(self) -> &'static str {
        match self {
            Family::Kill => "kill",
            Family::Pause => "pause",
            Family::Partition => "partition",
            Family::Disk => "disk",
            Family::Folder => "folder",
            Family::Packet => "packet",
        }
    }
}

/// An entry of the catalogue.
#[derive(Debug)]
pub struct Entry {
    /// Its name, by which it can be asked for alone.
    pub name: &'static str,
    /// The family in whose turn it comes.
    pub family: Family,
    /// Another family that must be asked for as well, since it does both.
    pub with: Option<Family>,
    /// How often it comes, compared with the others of its family; 0: only when it is asked for by its
    /// own name.
    pub weight: usize,
    /// What it is, for a reader.
    pub text: &'static str,
    /// What it does.
    pub does: Does,
}

/// There is one entry of a name.
impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.name == other.name
    }
}

impl Eq for Entry {}

/// What a fault does.
#[derive(Debug)]
pub enum Does {
    /// The same to each of these, at once.
    AtOnce(Action, &'static [Target]),
    /// Cuts links; whether clients reach the target, and what becomes of what was held, is drawn.
    Partition(Shape, Target),
    /// What is drawn, given the heartbeat in milliseconds.
    Drawn(fn(u64, &mut Rng) -> Vec<Injection>),
}

/// Every fault there is: one line for each file of them.
pub static CATALOGUE: &[&[Entry]] = &[
    faults::kill::FAULTS,
    faults::pause::FAULTS,
    faults::partition::FAULTS,
    faults::disk::FAULTS,
    faults::folder::FAULTS,
    faults::slow_link::FAULTS,
];

/// Every fault there is.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    CATALOGUE.iter().copied().flatten()
}

/// Why faults cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no family and no fault of this name.
    #[error(
        "there is no fault {asked:?}; there are the families {} (or none) and the faults {}",
        Family::ALL.map(Family::name).join(", "),
        all().map(|entry| entry.name).collect::<Vec<_>>().join(", ")
    )]
    Unknown {
        /// What was asked for.
        asked: String,
    },
    /// It needs what the system is not able to.
    #[error("the fault {asked:?} is not available: {}", lack.lack())]
    Unavailable {
        /// What was asked for.
        asked: String,
        /// What the system is not able to.
        lack: Capability,
    },
    /// It needs more nodes than the system has.
    #[error(
        "the fault {asked:?} is not available: it needs {nodes_min} nodes, and there are {nodes}"
    )]
    TooFewNodes {
        /// What was asked for.
        asked: String,
        /// How many it needs.
        nodes_min: usize,
        /// How many there are.
        nodes: usize,
    },
}

/// The faults that `names` ask for, on a system that is so `able`: families, of which those are left out
/// that are not available, or single faults; `none` for nothing.
///
/// # Errors
/// A name that is neither, a single fault that is not available, and a family of which none is.
pub fn select<'a>(
    names: impl IntoIterator<Item = &'a str>,
    able: &Able,
) -> Result<Vec<&'static Entry>, Refused> {
    let mut families = Vec::new();
    let mut single = Vec::new();
    for name in names {
        let family = Family::ALL.into_iter().find(|family| family.name() == name);
        let entry = all().find(|entry| entry.name == name);
        match (family, entry, name) {
            (Some(family), _, _) => families.push(family),
            (_, Some(entry), _) => single.push(entry),
            (_, _, "none") => {}
            _ => {
                let asked = name.to_string();
                return Err(Refused::Unknown { asked });
            }
        }
    }
    let of_families: Vec<&Entry> = all()
        .filter(|entry| entry.weight > 0 && families.contains(&entry.family))
        .filter(|entry| entry.with.is_none_or(|with| families.contains(&with)))
        .collect();
    let available = |entry: &&Entry| entry.available(entry.name, able).is_ok();
    let mut selected: Vec<&Entry> = of_families.iter().copied().filter(available).collect();
    for family in families {
        if !selected.iter().any(|entry| entry.family == family) {
            for entry in of_families.iter().filter(|entry| entry.family == family) {
                entry.available(family.name(), able)?;
            }
        }
    }
    for entry in single {
        entry.available(entry.name, able)?;
        if !selected.contains(&entry) {
            selected.push(entry);
        }
    }
    Ok(selected)
}

impl Entry {
    /// What a system must be able to.
    pub fn needs(&self) -> BTreeSet<Capability> {
        // The details that are drawn make no difference to that.
        needs(&self.draw(1, &mut Rng::with_seed(0)))
    }

    /// Whether it takes data that were confirmed.
    pub fn takes_data(&self) -> bool {
        // As above.
        self.draw(1, &mut Rng::with_seed(0)).takes_data()
    }

    /// Whether a system can have it, which was asked for as `asked`.
    ///
    /// # Errors
    /// What the system lacks.
    pub fn available(&self, asked: &str, able: &Able) -> Result<(), Refused> {
        let asked = asked.to_string();
        if let Some(lack) = self.needs().difference(&able.can).next().copied() {
            return Err(Refused::Unavailable { asked, lack });
        }
        let fault = self.draw(1, &mut Rng::with_seed(0));
        let each = fault.injections.iter();
        let each = each.map(|one| one.action.nodes_min().max(one.target.nodes_min()));
        let (nodes_min, nodes) = (each.max().unwrap_or(0), able.nodes);
        if nodes < nodes_min {
            return Err(Refused::TooFewNodes {
                asked,
                nodes_min,
                nodes,
            });
        }
        Ok(())
    }

    /// The fault itself, its details drawn.
    pub fn draw(&self, heartbeat_ms: u64, draw: &mut Rng) -> Fault {
        let now = |action, target| Injection {
            after_ms: 0,
            action,
            target,
        };
        let injections = match &self.does {
            Does::AtOnce(action, targets) => {
                targets.iter().map(|target| now(*action, *target)).collect()
            }
            Does::Drawn(drawn) => drawn(heartbeat_ms, draw),
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
                let cut = Action::Partition {
                    shape: *shape,
                    clients,
                    heal,
                };
                vec![now(cut, *target)]
            }
        };
        Fault {
            name: self.name,
            text: self.text,
            injections,
        }
    }
}

fn needs(fault: &Fault) -> BTreeSet<Capability> {
    let each = fault.injections.iter();
    each.flat_map(|injection| [Some(injection.action.needs()), injection.target.needs()])
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything() -> Able {
        Able::to_everything()
    }

    #[test]
    fn names_are_unique_and_none_is_a_family() {
        let mut names = BTreeSet::new();
        for entry in all() {
            assert!(names.insert(entry.name), "{} is there twice", entry.name);
            assert!(Family::ALL.iter().all(|family| family.name() != entry.name));
            assert!(!entry.text.is_empty() && !entry.text.ends_with('.'));
        }
    }

    #[test]
    fn a_family_brings_its_faults_and_compounds_need_both_families() {
        let names = |asked: &[&str]| -> Vec<&str> {
            select(asked.iter().copied(), &everything())
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
        let text = select(["kill", "flood"], &everything())
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("\"flood\"") && text.contains("pause-owner"),
            "{text}"
        );
        assert!(!text.contains('\n'));
    }

    #[test]
    fn what_a_system_cannot_is_left_out_of_families_and_refused_alone() {
        let poor = Able {
            can: BTreeSet::from([Capability::Processes]),
            nodes: 3,
        };
        let kills = select(["kill"], &poor).unwrap();
        let names: Vec<&str> = kills.iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["kill-minority", "kill-majority", "kill-all"]);
        let refused = |name| select([name], &poor).unwrap_err().to_string();
        assert!(refused("kill-owner").contains("primary"));
        assert!(refused("partition").contains("links"));
        let halves = refused("partition-halves");
        assert!(halves.contains("\"partition-halves\"") && halves.contains("links"));
        assert!(select(["none"], &poor).unwrap().is_empty());
    }

    #[test]
    fn a_ring_of_majorities_needs_four_nodes() {
        let small = |nodes| Able {
            nodes,
            ..everything()
        };
        let ring = |nodes| select(["majority-ring"], &small(nodes));
        let refused = ring(3).unwrap_err().to_string();
        assert!(
            refused.contains("4 nodes") && refused.contains("3"),
            "{refused}"
        );
        assert_eq!(ring(4).unwrap().len(), 1);
        let names = |nodes| {
            let cuts = select(["partition"], &small(nodes)).unwrap();
            cuts.iter().map(|entry| entry.name).collect::<Vec<_>>()
        };
        assert!(!names(3).contains(&"majority-ring") && names(3).contains(&"bridge"));
        assert!(names(4).contains(&"majority-ring"));
    }

    #[test]
    fn what_a_fault_needs_does_not_depend_on_what_is_drawn() {
        for entry in all() {
            for seed in 0..20 {
                let drawn = entry.draw(100, &mut Rng::with_seed(seed));
                assert_eq!(needs(&drawn), entry.needs(), "{}", entry.name);
            }
        }
    }
}
