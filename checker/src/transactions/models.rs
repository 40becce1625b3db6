//! Consistency models, and which anomalies each of them forbids.
//!
//! From A. Adya's thesis (1999) and P. Bailis et al., "Highly Available Transactions" (2013), as
//! Elle arranges them.

use crate::anomaly::AnomalyName as A;

/// What a system may promise of its transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum ConsistencyModel {
    /// Serializable in an order that agrees with real time.
    StrictSerializable,
    /// Serializable in an order that agrees with that of each process.
    StrongSessionSerializable,
    /// Equal to some serial execution.
    Serializable,
    /// Snapshot isolation that agrees with real time.
    StrongSnapshotIsolation,
    /// Snapshot isolation that agrees with the order of each process.
    StrongSessionSnapshotIsolation,
    /// Reads from a snapshot, and the first committer wins.
    SnapshotIsolation,
    /// What was read stays as it is until the end.
    RepeatableRead,
    /// Only committed and final values are read.
    ReadCommitted,
    /// Writes are ordered.
    ReadUncommitted,
}

use ConsistencyModel as M;

impl ConsistencyModel {
    /// All models, the strongest first.
    pub const ALL: &[ConsistencyModel] = &[
        M::StrictSerializable,
        M::StrongSessionSerializable,
        M::Serializable,
        M::StrongSnapshotIsolation,
        M::StrongSessionSnapshotIsolation,
        M::SnapshotIsolation,
        M::RepeatableRead,
        M::ReadCommitted,
        M::ReadUncommitted,
    ];

    /// The name as the literature writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            M::StrictSerializable => "strict-serializable",
            M::StrongSessionSerializable => "strong-session-serializable",
            M::Serializable => "serializable",
            M::StrongSnapshotIsolation => "strong-snapshot-isolation",
            M::StrongSessionSnapshotIsolation => "strong-session-snapshot-isolation",
            M::SnapshotIsolation => "snapshot-isolation",
            M::RepeatableRead => "repeatable-read",
            M::ReadCommitted => "read-committed",
            M::ReadUncommitted => "read-uncommitted",
        }
    }

    /// Whether it orders transactions that follow each other in real time.
    pub fn follows_real_time(self) -> bool {
        matches!(self, M::StrictSerializable | M::StrongSnapshotIsolation)
    }

    /// The strongest models that do not imply this one.
    pub(super) fn strongest_below(self) -> Vec<ConsistencyModel> {
        let rest = Self::ALL.iter().copied();
        strongest_of(
            &rest
                .filter(|model| !model.implies(self))
                .collect::<Vec<_>>(),
        )
    }

    /// Whether a system that promises this model may never show the anomaly.
    pub fn forbids(self, anomaly: A) -> bool {
        let serializable = matches!(
            self,
            M::StrictSerializable | M::StrongSessionSerializable | M::Serializable
        );
        let snapshot = matches!(
            self,
            M::StrongSnapshotIsolation | M::StrongSessionSnapshotIsolation | M::SnapshotIsolation
        );
        let realtime = self.follows_real_time();
        let sessions = realtime
            || matches!(
                self,
                M::StrongSessionSerializable | M::StrongSessionSnapshotIsolation
            );
        match anomaly {
            A::G0
            | A::CyclicVersions
            | A::IncompatibleOrder
            | A::DuplicateElements
            | A::GarbageRead => true,
            A::G1a | A::G1b | A::G1c | A::DirtyUpdate | A::FutureRead => self != M::ReadUncommitted,
            A::GSingle | A::GNonadjacent | A::LostUpdate | A::Internal => {
                !matches!(self, M::ReadCommitted | M::ReadUncommitted)
            }
            A::G2Item => serializable || self == M::RepeatableRead,
            A::G0Process | A::G1cProcess | A::GSingleProcess | A::GNonadjacentProcess => {
                sessions && (serializable || snapshot)
            }
            A::G2ItemProcess => sessions && serializable,
            A::G0Realtime | A::G1cRealtime | A::GSingleRealtime | A::GNonadjacentRealtime => {
                realtime
            }
            A::G2ItemRealtime => self == M::StrictSerializable,
            _ => true,
        }
    }

    /// Whether whatever this model allows, the other one allows too.
    fn implies(self, other: ConsistencyModel) -> bool {
        let rank = |model: ConsistencyModel| match model {
            M::StrictSerializable => (3, 3),
            M::StrongSessionSerializable => (3, 2),
            M::Serializable => (3, 1),
            M::StrongSnapshotIsolation => (2, 3),
            M::StrongSessionSnapshotIsolation => (2, 2),
            M::SnapshotIsolation => (2, 1),
            // Below serializable only: it forbids what snapshot isolation allows, and conversely.
            M::RepeatableRead => (2, 0),
            M::ReadCommitted => (1, 0),
            M::ReadUncommitted => (0, 0),
        };
        let (mine, theirs) = (rank(self), rank(other));
        let apart = other == M::RepeatableRead && mine.0 == 2 && self != M::RepeatableRead;
        !apart && mine.0 >= theirs.0 && mine.1 >= theirs.1
    }
}

/// The strongest models that none of these anomalies contradicts, in the order of their strength.
pub(super) fn strongest(anomalies: &[A]) -> Vec<ConsistencyModel> {
    let holding: Vec<ConsistencyModel> = ConsistencyModel::ALL
        .iter()
        .copied()
        .filter(|model| !anomalies.iter().any(|anomaly| model.forbids(*anomaly)))
        .collect();
    strongest_of(&holding)
}

/// Those of these models that no other one implies.
fn strongest_of(models: &[ConsistencyModel]) -> Vec<ConsistencyModel> {
    let implied = |model: &ConsistencyModel| {
        models
            .iter()
            .any(|other| other != model && other.implies(*model))
    };
    models
        .iter()
        .copied()
        .filter(|model| !implied(model))
        .collect()
}

/// Anomalies in the order in which they are told: those that the weakest models forbid first.
pub(super) fn severity(anomaly: A) -> (usize, A) {
    let tolerant = ConsistencyModel::ALL
        .iter()
        .filter(|model| !model.forbids(anomaly))
        .count();
    (tolerant, anomaly)
}
