//! **durable-ack**: in semi-sync, an acknowledged entry is on the disk of every member of the
//! current committed in-sync set, and in the log of every later owner.
//!
//! Source: rules R1, R3, R5 and M4; PacificA's "commit invariant" (Lin et al., 2008), Kafka's
//! in-sync replicas (KIP-966).
//!
//! What a read was answered from counts like an acknowledgement: it was shown to a client, and must
//! not vanish. The current in-sync set is a conservative place to look: any member of it may become
//! owner at any time.

use kensho_protocol::ids::{NodeId, PartitionId, Position};
use kensho_protocol::record::Recovered;
use kensho_protocol::table::Assignment;

use super::Violation;
use super::log_match::EveryEntry;
use super::one_value_per_lsn::Settled;
use crate::world::disk;

/// The disk of a member of the current in-sync set, after it changed, or after the set did.
pub fn check_member(
    (settled, every): (&Settled, &EveryEntry),
    safe: &Recovered,
    assignment: &Assignment,
    (partition, node): (PartitionId, NodeId),
    violations: &mut Vec<Violation>,
) {
    // Data of another life are known to be worth nothing (rule R5).
    if assignment.in_sync.get(&node) != Some(&safe.incarnation) {
        return;
    }
    let acknowledged = settled.last();
    let instead = held_instead(safe, acknowledged, every);
    if instead != Some(acknowledged) {
        violations.push(Violation::AcknowledgedEntryMissing {
            partition,
            acknowledged,
            node,
            instead,
        });
    }
}

/// What the disk holds in the place of `acknowledged`, if anything. Since logs match, holding that
/// one position means holding all before it.
fn held_instead(safe: &Recovered, acknowledged: Position, every: &EveryEntry) -> Option<Position> {
    if acknowledged.lsn >= safe.base.lsn {
        return disk::position(safe, acknowledged.lsn);
    }
    // Below a checkpoint, the entries themselves are gone.
    let mut at = safe.base;
    while at.lsn > acknowledged.lsn {
        at = every.get(at)?.previous;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::super::log_match::{self, EveryEntry, Seen};
    use super::*;
    use crate::world::table_service::first_assignment;
    use bytes::Bytes;
    use kensho_protocol::ids::{Epoch, Incarnation, Lsn};
    use kensho_protocol::log::{Entry, Log};

    const P: PartitionId = PartitionId(0);
    const BACKUP: NodeId = NodeId(1);

    fn entry(lsn: u64) -> Entry {
        Entry {
            at: Position {
                epoch: Epoch(1),
                lsn: Lsn(lsn),
            },
            request: None,
            statement: Bytes::new(),
        }
    }

    fn violations(safe: &Recovered) -> Vec<Violation> {
        let mut every = EveryEntry::default();
        let mut log = Log::default();
        log.push(entry(1));
        log.push(entry(2));
        let mut violations = Vec::new();
        let whose = (P, BACKUP);
        log_match::check(
            &mut every,
            &mut Seen::default(),
            &log,
            whose,
            &mut violations,
        );
        let mut settled = Settled::default();
        settled.settle(entry(2).at, P, &every).expect("it is new");
        let assignment = first_assignment(&[0, 1]);
        check_member(
            (&settled, &every),
            safe,
            &assignment,
            whose,
            &mut violations,
        );
        violations
    }

    #[test]
    fn a_member_that_lacks_an_acknowledged_entry_is_noticed() {
        let mut safe = Recovered::empty(Incarnation(1));
        safe.entries.push(entry(1));
        assert_eq!(violations(&safe).len(), 1);
        safe.entries.push(entry(2));
        assert_eq!(violations(&safe), []);
    }

    #[test]
    fn data_of_another_life_are_not_looked_at() {
        assert_eq!(violations(&Recovered::empty(Incarnation(2))), []);
    }
}
