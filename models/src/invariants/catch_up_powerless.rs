//! **catch-up-powerless**: catch-ups are never counted and never promoted.
//!
//! Source: requirement A11, rules R1, R3 and M4; the "learner" of Raft and ZAB's observer.
//!
//! An owner counts on all of its in-sync set, and besides only on catch-ups whose addition it asked
//! for. (That none is promoted is part of [table-chain](super::table_chain): an owner comes from the
//! last in-sync set.)

use kensho_protocol::ids::{Epoch, NodeId, PartitionId};

use super::Violation;
use super::table_chain::Chain;

/// The owner `node` needs the acknowledgements of `required`, its own included, in `epoch`.
pub fn check(
    chain: &Chain,
    required: &[NodeId],
    (partition, node): (PartitionId, NodeId),
    epoch: Epoch,
    violations: &mut Vec<Violation>,
) {
    let Some(configuration) = chain.configuration(partition, epoch) else {
        // committed-table-only says so.
        return;
    };
    let mut members = configuration.in_sync.keys().copied();
    let left_out = members.find(|member| !required.contains(member));
    let mut counted = required.iter().copied();
    let wrongly_counted = counted.find(|node| {
        !configuration.in_sync.contains_key(node) && !configuration.catch_ups.contains(node)
    });
    if let Some(about) = left_out.or(wrongly_counted) {
        violations.push(Violation::WrongOnesRequired {
            partition,
            node,
            epoch,
            about,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::table_service::{TableService, first_assignment};
    use kensho_protocol::rule::Rules;

    fn violations(required: &[u32]) -> usize {
        let first = first_assignment(&[0, 1]);
        let mut service = TableService::new(4, 3, vec![first], Rules::sound());
        let mut chain = Chain::default();
        let mut violations = Vec::new();
        chain.committed(service.table(), &mut violations);
        service.name_catch_up(PartitionId(0), NodeId(2));
        chain.committed(service.table(), &mut violations);
        let required: Vec<NodeId> = required.iter().map(|node| NodeId(*node)).collect();
        let whose = (PartitionId(0), NodeId(0));
        check(&chain, &required, whose, Epoch(1), &mut violations);
        violations.len()
    }

    #[test]
    fn an_owner_counts_on_all_in_sync_and_on_catch_ups_it_asked_for() {
        assert_eq!(violations(&[0, 1]), 0);
        assert_eq!(violations(&[0, 1, 2]), 0);
        assert_eq!(violations(&[0]), 1);
        assert_eq!(violations(&[0, 1, 3]), 1);
    }
}
