//! Compare and set (rule M3): what an owner asks for applies only to the configuration that it knows
//! and owns. An owner's shrink and the master's failover race; exactly one wins.

use crate::ids::NodeId;
use crate::rule::{Rule, Rules};
use crate::table::{Assignment, Change, What};

/// Changes `assignment` as `from` asks, or says `false`.
///
/// # Panics
/// When a catch-up is in sync.
pub fn apply_change(
    assignment: &mut Assignment,
    from: NodeId,
    change: &Change,
    rules: Rules,
) -> bool {
    if !is_entitled(assignment, from, change, rules) {
        return false;
    }
    match &change.what {
        What::Shrink(silent) => {
            let owner = assignment.owner;
            let before = assignment.in_sync.len();
            let stays = |node: &NodeId| *node == owner || !silent.contains(node);
            // R14: who asks has entered this epoch, so that nobody else is needed as a witness.
            assignment.witnesses.clear();
            assignment.keep_in_sync(stays);
            if assignment.in_sync.len() == before {
                return false;
            }
        }
        // The master names catch-ups; an owner cannot make up a member of its own (rule M4).
        What::Grow(node, incarnation) => {
            if !assignment.catch_ups.remove(node) {
                return false;
            }
            assert!(
                !assignment.in_sync.contains_key(node),
                "{node:?} is in sync"
            );
            assignment.in_sync.insert(*node, *incarnation);
            assignment.witnesses.clear();
        }
        What::Renew => {}
        // R15: all in sync have what is committed, and that is all that the owner has.
        What::HandOver(to) => {
            if *to == assignment.owner || !assignment.in_sync.contains_key(to) {
                return false;
            }
            assignment.owner = *to;
            assignment.witnesses.clear();
        }
    }
    assignment.epoch = assignment.epoch.next();
    true
}

/// Whether `from` may ask for `change`, as far as its epoch and its right go.
pub(super) fn is_entitled(
    assignment: &Assignment,
    from: NodeId,
    change: &Change,
    rules: Rules,
) -> bool {
    let current = change.base == assignment.epoch || rules.broken(Rule::NoCas);
    let owner = from == assignment.owner || rules.broken(Rule::NoCasOwner);
    current && owner
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::ids::{Epoch, Incarnation, PartitionId};
    use crate::table::Witness;

    const OWNER: NodeId = NodeId(1);
    const BACKUP: NodeId = NodeId(2);
    const CATCH_UP: NodeId = NodeId(3);

    fn witness(life: u32, until: u64) -> Witness {
        Witness {
            life: Incarnation(life),
            until: Epoch(until),
        }
    }

    fn assignment() -> Assignment {
        Assignment {
            epoch: Epoch(4),
            owner: OWNER,
            in_sync: [(OWNER, Incarnation(0)), (BACKUP, Incarnation(1))].into(),
            catch_ups: BTreeSet::from([CATCH_UP]),
            witnesses: BTreeMap::from([(NodeId(4), witness(0, 3))]),
        }
    }

    fn changed(from: NodeId, base: u64, what: What) -> Option<Assignment> {
        let mut assignment = assignment();
        let change = Change {
            partition: PartitionId(0),
            base: Epoch(base),
            what,
        };
        apply_change(&mut assignment, from, &change, Rules::sound()).then_some(assignment)
    }

    #[test]
    fn the_owner_changes_the_present_configuration() {
        let shrunk = changed(OWNER, 4, What::Shrink(BTreeSet::from([BACKUP]))).expect("applies");
        assert_eq!(shrunk.epoch, Epoch(5));
        assert_eq!(shrunk.in_sync, [(OWNER, Incarnation(0))].into());
        assert_eq!(shrunk.witnesses, [(BACKUP, witness(1, 4))].into());

        let grown = changed(OWNER, 4, What::Grow(CATCH_UP, Incarnation(7))).expect("applies");
        assert_eq!(grown.in_sync[&CATCH_UP], Incarnation(7));
        assert!(grown.catch_ups.is_empty());
        assert!(grown.witnesses.is_empty());

        let renewed = changed(OWNER, 4, What::Renew).expect("applies");
        assert_eq!(renewed.epoch, Epoch(5));
        assert_eq!(renewed.in_sync, assignment().in_sync);
        assert_eq!(
            renewed.witnesses,
            assignment().witnesses,
            "it may not have entered"
        );
    }

    #[test]
    fn an_owner_hands_over_to_one_that_is_in_sync() {
        let handed = changed(OWNER, 4, What::HandOver(BACKUP)).expect("applies");
        assert_eq!((handed.owner, handed.epoch), (BACKUP, Epoch(5)));
        assert_eq!(handed.in_sync, assignment().in_sync, "it stays a backup");
        assert!(handed.witnesses.is_empty());
        assert_eq!(changed(OWNER, 4, What::HandOver(OWNER)), None);
        assert_eq!(changed(OWNER, 4, What::HandOver(CATCH_UP)), None);
        assert_eq!(changed(BACKUP, 4, What::HandOver(BACKUP)), None);
    }

    #[test]
    fn a_change_of_another_epoch_does_not_apply() {
        assert_eq!(changed(OWNER, 3, What::Renew), None);
        assert_eq!(changed(OWNER, 5, What::Renew), None);
    }

    #[test]
    fn only_the_owner_may_ask() {
        assert_eq!(changed(BACKUP, 4, What::Renew), None);
        assert_eq!(
            changed(CATCH_UP, 4, What::Grow(CATCH_UP, Incarnation(0))),
            None
        );
    }

    #[test]
    fn an_owner_cannot_remove_itself_nor_add_whom_the_master_did_not_name() {
        assert_eq!(
            changed(OWNER, 4, What::Shrink(BTreeSet::from([OWNER]))),
            None
        );
        assert_eq!(
            changed(OWNER, 4, What::Shrink(BTreeSet::from([CATCH_UP]))),
            None
        );
        assert_eq!(
            changed(OWNER, 4, What::Grow(NodeId(9), Incarnation(0))),
            None
        );
        assert_eq!(changed(OWNER, 4, What::Grow(BACKUP, Incarnation(2))), None);
    }
}
