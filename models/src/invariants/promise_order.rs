//! **promise-order**: a replica's promise is never below the epoch of its log, and neither goes
//! back, across restarts either.
//!
//! Source: rules R4 and R7; the promise is the ballot of Paxos, the log's epoch the "last normal
//! view" of Viewstamped Replication Revisited (Liskov and Cowling, 2012).

use kensho_protocol::ids::{Epoch, NodeId, PartitionId};

use super::Violation;

/// The two numbers of one replica, as they were seen last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// The lowest epoch that it still listens to.
    pub promised: Epoch,
    /// Whose owner's log it has.
    pub log_epoch: Epoch,
}

impl Numbers {
    /// They are `now`.
    pub fn follow(
        &mut self,
        now: Numbers,
        (partition, node): (PartitionId, NodeId),
        violations: &mut Vec<Violation>,
    ) {
        if now == *self {
            return;
        }
        if now.promised < now.log_epoch {
            violations.push(Violation::PromiseBelowLog {
                partition,
                node,
                promised: now.promised,
                log_epoch: now.log_epoch,
            });
        }
        if now.promised < self.promised || now.log_epoch < self.log_epoch {
            violations.push(Violation::PromiseWentBack {
                partition,
                node,
                before: (self.promised, self.log_epoch),
                after: (now.promised, now.log_epoch),
            });
        }
        *self = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(numbers: &[(u64, u64)]) -> usize {
        let mut seen = Numbers::default();
        let mut violations = Vec::new();
        for (promised, log_epoch) in numbers {
            let now = Numbers {
                promised: Epoch(*promised),
                log_epoch: Epoch(*log_epoch),
            };
            seen.follow(now, (PartitionId(0), NodeId(1)), &mut violations);
        }
        violations.len()
    }

    #[test]
    fn numbers_only_rise_and_the_promise_leads() {
        assert_eq!(violations(&[(1, 1), (3, 1), (3, 3)]), 0);
        assert_eq!(violations(&[(1, 2)]), 1);
        assert_eq!(violations(&[(3, 3), (2, 2)]), 1);
        assert_eq!(violations(&[(3, 3), (3, 2)]), 1);
    }
}
