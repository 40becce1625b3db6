//! Consistency models: their names, which of them imply which, and which anomalies each forbids.
//!
//! A model is a [`Level`], and an [`Order`] that its transactions must follow besides. Levels are
//! those of A. Adya ("Weak Consistency", 1999), P. Bailis et al. ("Highly Available Transactions",
//! 2013) and A. Cerone et al. ("A Framework for Transactional Consistency Models with Atomic
//! Visibility", 2015), named as Elle names them.

use crate::anomaly::AnomalyName as A;
use clap::builder::PossibleValue;

/// What the transactions of a system may see of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Writes are ordered (Adya's PL-1).
    ReadUncommitted,
    /// Only committed and final values are read, and no information flows in a circle (PL-2).
    ReadCommitted,
    /// Once a transaction saw anything of another one, it does not miss any of its writes later.
    MonotonicAtomicView,
    /// The same of whatever that other one depends on (PL-2L).
    MonotonicView,
    /// The same; without the system's own clock not to be told apart from it (PL-MSR).
    MonotonicSnapshotRead,
    /// What was read and is then written was not written by others between (PL-CS).
    CursorStability,
    /// Of another transaction everything is seen, or nothing.
    ReadAtomic,
    /// The same of whatever led to what was seen.
    Causal,
    /// Everything that a transaction sees is of one time, or newer where it was written over
    /// (PL-2+): no cycle has exactly one anti-dependency.
    ConsistentView,
    /// The same; without the system's own clock not to be told apart from it (PL-FCV).
    ForwardConsistentView,
    /// The same, and a transaction sees its own steps.
    ParallelSnapshotIsolation,
    /// Each transaction reads from a state that is a prefix of all commits.
    Prefix,
    /// Transactions that write are serializable, and so they are with any single one that only
    /// reads (PL-3U).
    UpdateSerializable,
    /// Each transaction reads from a snapshot, and the first committer wins.
    SnapshotIsolation,
    /// Serializable, if a transaction's reads of what it has itself read or written are left out of
    /// account (PL-2.99 where there are no predicates).
    RepeatableRead,
    /// Equal to some serial execution (PL-3).
    Serializable,
}

/// Which transactions surely come one after the other, whatever they see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Order {
    /// None.
    None,
    /// Those of one process.
    Session,
    /// Those of which one ended before the other began.
    RealTime,
}

/// What a system may promise of its transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConsistencyModel {
    /// What transactions may see of each other.
    pub level: Level,
    /// Which order they follow besides.
    pub order: Order,
}

/// A level with its name, other names of it, and the levels next below it.
struct Definition {
    level: Level,
    name: &'static str,
    aliases: &'static [&'static str],
    weaker: &'static [Level],
}

use Level as L;

/// The weakest first.
const LEVELS: [Definition; 16] = [
    Definition {
        level: L::ReadUncommitted,
        name: "read-uncommitted",
        aliases: &["PL-1"],
        weaker: &[],
    },
    Definition {
        level: L::ReadCommitted,
        name: "read-committed",
        aliases: &["PL-2"],
        weaker: &[L::ReadUncommitted],
    },
    Definition {
        level: L::MonotonicAtomicView,
        name: "monotonic-atomic-view",
        aliases: &[],
        weaker: &[L::ReadCommitted],
    },
    Definition {
        level: L::MonotonicView,
        name: "monotonic-view",
        aliases: &["PL-2L"],
        weaker: &[L::MonotonicAtomicView],
    },
    Definition {
        level: L::MonotonicSnapshotRead,
        name: "monotonic-snapshot-read",
        aliases: &["PL-MSR"],
        weaker: &[L::MonotonicView],
    },
    Definition {
        level: L::CursorStability,
        name: "cursor-stability",
        aliases: &["PL-CS"],
        weaker: &[L::ReadCommitted],
    },
    Definition {
        level: L::ReadAtomic,
        name: "read-atomic",
        aliases: &[],
        weaker: &[L::MonotonicAtomicView],
    },
    Definition {
        level: L::Causal,
        name: "causal-cerone",
        aliases: &[],
        weaker: &[L::ReadAtomic],
    },
    Definition {
        level: L::ConsistentView,
        name: "consistent-view",
        aliases: &["PL-2+"],
        weaker: &[L::CursorStability, L::MonotonicSnapshotRead],
    },
    Definition {
        level: L::ForwardConsistentView,
        name: "forward-consistent-view",
        aliases: &["PL-FCV"],
        weaker: &[L::ConsistentView],
    },
    Definition {
        level: L::ParallelSnapshotIsolation,
        name: "parallel-snapshot-isolation",
        aliases: &[],
        weaker: &[L::Causal, L::ForwardConsistentView],
    },
    Definition {
        level: L::Prefix,
        name: "prefix",
        aliases: &["prefix-consistency"],
        weaker: &[L::Causal, L::MonotonicSnapshotRead],
    },
    Definition {
        level: L::UpdateSerializable,
        name: "update-serializable",
        aliases: &["PL-3U"],
        weaker: &[L::ForwardConsistentView],
    },
    Definition {
        level: L::SnapshotIsolation,
        name: "snapshot-isolation",
        aliases: &["PL-SI"],
        weaker: &[L::ParallelSnapshotIsolation, L::Prefix],
    },
    Definition {
        level: L::RepeatableRead,
        name: "repeatable-read",
        aliases: &["PL-2.99"],
        weaker: &[L::UpdateSerializable],
    },
    Definition {
        level: L::Serializable,
        name: "serializable",
        aliases: &["PL-3", "conflict-serializable", "view-serializable", "1SR"],
        weaker: &[L::RepeatableRead, L::SnapshotIsolation],
    },
];

impl Level {
    fn definition(self) -> &'static Definition {
        &LEVELS[self as usize]
    }

    /// Whether what this level allows, the other one allows too.
    pub(super) fn implies(self, other: Level) -> bool {
        self == other
            || self
                .definition()
                .weaker
                .iter()
                .any(|weaker| weaker.implies(other))
    }

    /// Whether a transaction must see its own steps. (Elle's placement: Cerone's models say so,
    /// Adya's take it for granted.)
    fn forbids_internal(self) -> bool {
        matches!(
            self,
            L::ReadAtomic
                | L::Causal
                | L::ParallelSnapshotIsolation
                | L::Prefix
                | L::SnapshotIsolation
                | L::Serializable
        )
    }
}

impl ConsistencyModel {
    /// Serializable in an order that agrees with real time.
    pub const STRICT_SERIALIZABLE: Self = Self::new(L::Serializable, Order::RealTime);
    /// Serializable in an order that agrees with that of each process.
    pub const STRONG_SESSION_SERIALIZABLE: Self = Self::new(L::Serializable, Order::Session);
    /// Equal to some serial execution.
    pub const SERIALIZABLE: Self = Self::new(L::Serializable, Order::None);
    /// Snapshot isolation that agrees with real time.
    pub const STRONG_SNAPSHOT_ISOLATION: Self = Self::new(L::SnapshotIsolation, Order::RealTime);
    /// Each transaction reads from a snapshot, and the first committer wins.
    pub const SNAPSHOT_ISOLATION: Self = Self::new(L::SnapshotIsolation, Order::None);
    /// Only committed and final values are read.
    pub const READ_COMMITTED: Self = Self::new(L::ReadCommitted, Order::None);

    /// The model of this level and order.
    pub const fn new(level: Level, order: Order) -> Self {
        ConsistencyModel { level, order }
    }

    /// All models, the weakest levels first, and of each level the weakest order first.
    pub const ALL: &[ConsistencyModel] = &ALL;

    /// The name as the literature writes it.
    pub fn as_str(self) -> &'static str {
        let place = self.level as usize * 3 + self.order as usize;
        NAMES.get_or_init(names)[place][0]
    }

    /// Whether what this model allows, the other one allows too.
    pub fn implies(self, other: ConsistencyModel) -> bool {
        self.order >= other.order && self.level.implies(other.level)
    }

    /// Whether this anomaly alone shows that the model does not hold. (Other anomalies may do so
    /// together with the rest of the history.)
    pub fn forbids(self, anomaly: A) -> bool {
        let at_least = |level: Level| self.level.implies(level);
        let serializable = at_least(L::RepeatableRead);
        let snapshot = serializable || at_least(L::SnapshotIsolation);
        let (level, order) = match anomaly {
            A::GarbageRead | A::DuplicateElements | A::CyclicVersions => (true, Order::None),
            A::G1a | A::G1b | A::DirtyUpdate | A::FutureRead | A::IncompatibleOrder => {
                (at_least(L::ReadCommitted), Order::None)
            }
            A::Internal => (self.level.forbids_internal(), Order::None),
            A::LostUpdate => (at_least(L::CursorStability), Order::None),
            A::G0 => (true, Order::None),
            A::G0Process => (true, Order::Session),
            A::G0Realtime => (true, Order::RealTime),
            A::G1c => (at_least(L::ReadCommitted), Order::None),
            A::G1cProcess => (at_least(L::ReadCommitted), Order::Session),
            A::G1cRealtime => (at_least(L::ReadCommitted), Order::RealTime),
            A::GSingle => (at_least(L::ConsistentView), Order::None),
            A::GSingleProcess => (at_least(L::ConsistentView), Order::Session),
            A::GSingleRealtime => (at_least(L::ConsistentView), Order::RealTime),
            A::GNonadjacent => (snapshot, Order::None),
            A::GNonadjacentProcess => (snapshot, Order::Session),
            A::GNonadjacentRealtime => (snapshot, Order::RealTime),
            A::G2Item => (serializable, Order::None),
            A::G2ItemProcess => (serializable, Order::Session),
            A::G2ItemRealtime => (serializable, Order::RealTime),
            // Those of other checks, and what only a check of one model finds.
            _ => (false, Order::None),
        };
        level && self.order >= order
    }
}

const ALL: [ConsistencyModel; 48] = {
    let mut all = [ConsistencyModel::new(L::ReadUncommitted, Order::None); 48];
    let mut at = 0;
    while at < 48 {
        let order = match at % 3 {
            0 => Order::None,
            1 => Order::Session,
            _ => Order::RealTime,
        };
        all[at] = ConsistencyModel::new(LEVELS[at / 3].level, order);
        at += 1;
    }
    all
};

static NAMES: std::sync::OnceLock<Vec<Vec<&'static str>>> = std::sync::OnceLock::new();

/// The names of each model of [`ConsistencyModel::ALL`], the one that is shown first.
fn names() -> Vec<Vec<&'static str>> {
    let leak = |name: String| -> &'static str { name.leak() };
    ALL.iter()
        .map(|model| {
            let definition = model.level.definition();
            let base = std::iter::once(&definition.name).chain(definition.aliases);
            let prefix = match model.order {
                Order::None => "",
                Order::Session => "strong-session-",
                Order::RealTime => "strong-",
            };
            let mut names: Vec<&'static str> = Vec::new();
            match (model.level, model.order) {
                (L::Serializable, Order::RealTime) => {
                    names.extend(["strict-serializable", "PL-SS"]);
                }
                (L::Serializable, Order::Session) => {
                    names.extend(["strong-session-serializable", "session-serializable"]);
                }
                // In the literature causal consistency always follows sessions.
                (L::Causal, Order::Session) => names.push("causal"),
                (L::Causal, Order::RealTime) => names.push("strong-causal"),
                _ => {}
            }
            for name in base {
                let name = match model.order {
                    Order::None => name,
                    _ => leak(format!("{prefix}{name}")),
                };
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            for at in 0..names.len() {
                let small = names[at].to_ascii_lowercase();
                if small != names[at] {
                    names.push(leak(small));
                }
            }
            names
        })
        .collect()
}

/// The names that the command line takes.
impl clap::ValueEnum for ConsistencyModel {
    fn value_variants<'a>() -> &'a [Self] {
        Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let place = self.level as usize * 3 + self.order as usize;
        let names = &NAMES.get_or_init(names)[place];
        Some(PossibleValue::new(names[0]).aliases(&names[1..]))
    }
}

/// Those of these models that no other one of them implies, the strongest first.
pub(super) fn strongest(models: &[ConsistencyModel]) -> Vec<ConsistencyModel> {
    let implied = |model: &ConsistencyModel| {
        models
            .iter()
            .any(|other| other != model && other.implies(*model))
    };
    let mut strongest: Vec<ConsistencyModel> = models
        .iter()
        .copied()
        .filter(|model| !implied(model))
        .collect();
    strongest.sort_unstable_by_key(|model| std::cmp::Reverse(*model));
    strongest
}

/// Anomalies in the order in which they are told: those that the weakest models forbid first.
pub(super) fn severity(anomaly: A) -> (usize, A) {
    let tolerant = ALL.iter().filter(|model| !model.forbids(anomaly)).count();
    (tolerant, anomaly)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn a_stronger_model_forbids_all_that_a_weaker_one_does() {
        for strong in ALL {
            for weak in ALL.into_iter().filter(|weak| strong.implies(*weak)) {
                for anomaly in A::ALL {
                    assert!(
                        strong.forbids(*anomaly) || !weak.forbids(*anomaly),
                        "{} allows {anomaly}, {} does not",
                        strong.as_str(),
                        weak.as_str()
                    );
                }
            }
        }
    }

    #[test]
    fn levels_stand_where_they_are_defined() {
        for (place, definition) in LEVELS.iter().enumerate() {
            assert_eq!(definition.level as usize, place);
            for weaker in definition.weaker {
                assert!(*weaker < definition.level);
            }
        }
    }

    /// As elle-cli's documentation lists them, and Elle's source has further ones.
    #[test]
    fn the_names_that_people_know_are_taken() {
        use Order::{None, RealTime, Session};
        for (name, level, order) in [
            ("consistent-view", L::ConsistentView, None),
            ("conflict-serializable", L::Serializable, None),
            ("cursor-stability", L::CursorStability, None),
            ("forward-consistent-view", L::ForwardConsistentView, None),
            ("monotonic-snapshot-read", L::MonotonicSnapshotRead, None),
            ("monotonic-view", L::MonotonicView, None),
            ("read-committed", L::ReadCommitted, None),
            ("read-uncommitted", L::ReadUncommitted, None),
            ("repeatable-read", L::RepeatableRead, None),
            ("serializable", L::Serializable, None),
            ("snapshot-isolation", L::SnapshotIsolation, None),
            ("strict-serializable", L::Serializable, RealTime),
            ("strong-serializable", L::Serializable, RealTime),
            ("update-serializable", L::UpdateSerializable, None),
            ("causal-cerone", L::Causal, None),
            ("causal", L::Causal, Session),
            ("monotonic-atomic-view", L::MonotonicAtomicView, None),
            (
                "parallel-snapshot-isolation",
                L::ParallelSnapshotIsolation,
                None,
            ),
            ("prefix", L::Prefix, None),
            ("read-atomic", L::ReadAtomic, None),
            ("view-serializable", L::Serializable, None),
            ("session-serializable", L::Serializable, Session),
            ("strong-session-serializable", L::Serializable, Session),
            (
                "strong-session-snapshot-isolation",
                L::SnapshotIsolation,
                Session,
            ),
            ("strong-snapshot-isolation", L::SnapshotIsolation, RealTime),
            ("strong-session-read-committed", L::ReadCommitted, Session),
            (
                "strong-session-read-uncommitted",
                L::ReadUncommitted,
                Session,
            ),
            ("strong-read-committed", L::ReadCommitted, RealTime),
            ("strong-read-uncommitted", L::ReadUncommitted, RealTime),
            ("PL-SS", L::Serializable, RealTime),
            ("PL-3", L::Serializable, None),
            ("PL-2.99", L::RepeatableRead, None),
            ("pl-2+", L::ConsistentView, None),
            ("PL-SI", L::SnapshotIsolation, None),
            ("PL-1", L::ReadUncommitted, None),
            ("strong-session-PL-2", L::ReadCommitted, Session),
            ("strong-PL-1", L::ReadUncommitted, RealTime),
        ] {
            let model = ConsistencyModel::from_str(name, false);
            assert_eq!(model, Ok(ConsistencyModel::new(level, order)), "{name}");
        }
        let mut seen = std::collections::HashSet::new();
        assert!(
            NAMES
                .get_or_init(names)
                .iter()
                .flatten()
                .all(|name| seen.insert(name))
        );
    }

    #[test]
    fn only_the_strongest_are_named() {
        let names = |models: &[ConsistencyModel]| -> Vec<&str> {
            strongest(models)
                .iter()
                .map(|model| model.as_str())
                .collect()
        };
        assert_eq!(names(&ALL), ["strict-serializable"]);
        let below: Vec<_> = ALL
            .into_iter()
            .filter(|one| !one.level.implies(L::RepeatableRead))
            .collect();
        assert_eq!(
            names(&below),
            ["strong-snapshot-isolation", "strong-update-serializable"]
        );
    }
}
