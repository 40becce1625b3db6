//! **once**: no statement takes effect twice.
//!
//! Source: rule R11; Lee, Park, Kejriwal, Matsushita, Ousterhout: "Implementing linearizability at
//! large scale and low latency" (SOSP 2015).
//!
//! Of all that is settled, each numbered statement stands in one place only. (Two diverging tails
//! may both hold it: one of them will be cut.)

use std::collections::BTreeMap;

use kensho_protocol::ids::{Lsn, PartitionId};
use kensho_protocol::request::RequestId;

use super::Violation;
use super::one_value_per_lsn::SettledEntry;

/// Where each statement of a partition stands.
#[derive(Clone, Debug, Default)]
pub struct Places {
    places: BTreeMap<RequestId, Lsn>,
}

impl Places {
    /// These entries are settled now.
    pub fn settled(
        &mut self,
        partition: PartitionId,
        entries: &[SettledEntry],
        violations: &mut Vec<Violation>,
    ) {
        for entry in entries {
            let Some(request) = entry.request else {
                continue;
            };
            if let Some(first) = self.places.insert(request, entry.at.lsn) {
                violations.push(Violation::ExecutedTwice {
                    partition,
                    request,
                    places: [first, entry.at.lsn],
                });
            }
        }
    }

    /// Async only: everything above `keep` is lost.
    pub fn lose_above(&mut self, keep: Lsn) {
        self.places.retain(|_, lsn| *lsn <= keep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::Outcome;
    use kensho_protocol::ids::{ClientId, Position, Sequence};

    fn entry(lsn: u64, sequence: u64) -> SettledEntry {
        SettledEntry {
            at: Position {
                lsn: Lsn(lsn),
                ..Position::default()
            },
            request: Some(RequestId {
                client: ClientId(1),
                sequence: Sequence(sequence),
            }),
            statement: None,
            outcome: Outcome::Nonsense,
        }
    }

    #[test]
    fn a_second_place_is_noticed_unless_the_first_was_lost() {
        let mut places = Places::default();
        let mut violations = Vec::new();
        places.settled(PartitionId(0), &[entry(1, 1), entry(2, 2)], &mut violations);
        places.lose_above(Lsn(1));
        places.settled(PartitionId(0), &[entry(2, 2)], &mut violations);
        assert_eq!(violations, []);
        places.settled(PartitionId(0), &[entry(3, 1)], &mut violations);
        assert_eq!(violations.len(), 1);
    }
}
