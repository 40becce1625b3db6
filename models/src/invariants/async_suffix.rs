//! **async-suffix**: async loses only a suffix above the new owner's log end, and only at a
//! failover. In semi-sync nothing is lost at all (durable-ack).
//!
//! Source: the description of async replication (requirement A9) and rules R4, R6, R10.
//!
//! Looked at when an owner begins to serve: what clients were told of must be a prefix of its log.
//! If it is not, in async, then the log that it was promoted with must be a prefix of what clients
//! were told of.

use kensho_protocol::ids::{Epoch, Lsn, NodeId, PartitionId, Position};
use kensho_protocol::log::Log;

use super::one_value_per_lsn::Settled;
use super::{LossWrong, Violation};

/// Who begins to serve, and after whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Successor {
    /// The partition.
    pub partition: PartitionId,
    /// The new owner.
    pub node: NodeId,
    /// Its epoch.
    pub epoch: Epoch,
    /// Whether another node was owner since the last one that served.
    pub failed_over: bool,
    /// Whether a loss may happen at all.
    pub may_lose: bool,
}

/// The owner `successor` begins to serve with `log`. Returns the last entry that is kept, if what
/// follows is lost.
pub fn check(
    settled: &Settled,
    log: &Log,
    successor: Successor,
    violations: &mut Vec<Violation>,
) -> Option<Lsn> {
    let kept = common_prefix(settled, log);
    if kept == settled.end() {
        return None;
    }
    let Successor {
        partition,
        node,
        epoch,
        failed_over,
        may_lose,
    } = successor;
    if !may_lose {
        violations.push(Violation::AcknowledgedEntryMissing {
            partition,
            acknowledged: settled.last(),
            node,
            instead: log.position(settled.end()),
        });
        return Some(kept);
    }
    // What stands above in the new owner's log was made by itself.
    let next = log.position(kept.next());
    let hole = next.is_some_and(|at| at.epoch != epoch);
    let wrong = match (failed_over, hole) {
        (false, _) => Some(LossWrong::NoFailover),
        (true, true) => Some(LossWrong::Hole),
        (true, false) => None,
    };
    if let Some(wrong) = wrong {
        violations.push(Violation::LostOtherwise {
            partition,
            node,
            acknowledged: settled.last(),
            kept,
            wrong,
        });
    }
    Some(kept)
}

/// How far the two agree. Since logs match, they agree below any place where they do.
fn common_prefix(settled: &Settled, log: &Log) -> Lsn {
    let mut lsn = settled.end().min(log.end());
    // What is below the base was committed, and a committed entry is in every later log.
    while lsn > log.base().lsn && !same(settled.position(lsn), log.position(lsn)) {
        lsn = Lsn(lsn.0 - 1);
    }
    lsn
}

fn same(settled: Option<Position>, log: Option<Position>) -> bool {
    settled.is_some() && settled == log
}

#[cfg(test)]
mod tests {
    use super::super::log_match::{self, EveryEntry, Seen};
    use super::*;
    use bytes::Bytes;
    use kensho_protocol::log::Entry;

    const P: PartitionId = PartitionId(0);

    fn log(positions: &[(u64, u64)]) -> Log {
        let mut log = Log::default();
        for (epoch, lsn) in positions {
            log.push(Entry {
                at: Position {
                    epoch: Epoch(*epoch),
                    lsn: Lsn(*lsn),
                },
                request: None,
                statement: Bytes::new(),
            });
        }
        log
    }

    fn promote(successor: Successor, with: &[(u64, u64)]) -> (Option<Lsn>, Vec<Violation>) {
        let told = log(&[(1, 1), (1, 2), (1, 3)]);
        let mut every = EveryEntry::default();
        let mut violations = Vec::new();
        let whose = (P, NodeId(1));
        log_match::check(
            &mut every,
            &mut Seen::default(),
            &told,
            whose,
            &mut violations,
        );
        let mut settled = Settled::default();
        settled.settle(told.last(), P, &every).expect("it is new");
        let kept = check(&settled, &log(with), successor, &mut violations);
        (kept, violations)
    }

    const FAILOVER: Successor = Successor {
        partition: P,
        node: NodeId(2),
        epoch: Epoch(3),
        failed_over: true,
        may_lose: true,
    };

    #[test]
    fn a_failover_may_lose_a_suffix() {
        let whole = promote(FAILOVER, &[(1, 1), (1, 2), (1, 3), (1, 4)]);
        assert_eq!(whole, (None, Vec::new()));
        let shorter = promote(FAILOVER, &[(1, 1), (3, 2)]);
        assert_eq!(shorter, (Some(Lsn(1)), Vec::new()));
    }

    #[test]
    fn a_hole_is_noticed() {
        let (kept, violations) = promote(FAILOVER, &[(1, 1), (2, 2)]);
        assert_eq!((kept, violations.len()), (Some(Lsn(1)), 1));
    }

    #[test]
    fn nothing_is_lost_without_a_failover_or_in_semi_sync() {
        let same_owner = Successor {
            failed_over: false,
            ..FAILOVER
        };
        assert_eq!(promote(same_owner, &[(1, 1)]).1.len(), 1);
        let semi_sync = Successor {
            may_lose: false,
            ..FAILOVER
        };
        assert_eq!(promote(semi_sync, &[(1, 1)]).1.len(), 1);
    }
}
