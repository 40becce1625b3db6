//! What an asynchronous cluster is allowed to lose: acknowledged updates at the end of what an owner had
//! confirmed, at a failover of their partition, and nothing else.
//!
//! Where the order of updates is not known, that is: an update may vanish only at a failover of its
//! partition that came after its acknowledgement; whatever vanished does not come back; one that
//! began after a lost one of the same partition was acknowledged by the same owner is lost as well.

use kensho_checker::history::History;
use kensho_checker::report::{Report, Verdict};
use kensho_results::verdict::Failover;
use kensho_workloads::Workload;
use kensho_workloads::workload::{self, LostWrite};

/// A change of a partition's table may be seen so much later than it took effect, milliseconds.
const SEEN_LATE_MS: u64 = 1_000;
/// The time of a node's record may differ so much from that of the run's clock, milliseconds.
const CLOCKS_DIFFER_MS: u64 = 10;

/// What was lost, and what remains to be said without it.
pub struct Lossy {
    /// The updates that failovers explain.
    pub lost: Vec<LostWrite>,
    /// What is to be said of the history where nothing more is promised.
    pub report: Report,
    /// What was lost although what came after it is still there, in words.
    pub holes: Vec<String>,
}

impl Lossy {
    /// Judges a history in which failovers may lose something; none if the workload cannot.
    pub fn of(
        workload: &dyn Workload,
        history: &History,
        failovers: &[Failover],
        partition_of_key: &dyn Fn(&str) -> u32,
    ) -> Option<Lossy> {
        let windows = |key: &str| {
            let partition = Some(partition_of_key(key));
            let of_partition = failovers
                .iter()
                .filter(|failover| failover.partition == partition);
            of_partition.map(window).collect()
        };
        let report = workload.check_lossy(history, &windows)?;
        let mut by_failover: Vec<(&Failover, Vec<LostWrite>)> = Vec::new();
        for write in workload.losses(history) {
            let Some(failover) = failover_of(failovers, &write, partition_of_key(&write.key))
            else {
                continue;
            };
            match by_failover.iter_mut().find(|(other, _)| *other == failover) {
                Some((_, lost)) => lost.push(write),
                None => by_failover.push((failover, vec![write])),
            }
        }
        // Which failover it was that took something is known only where nodes tell when they were.
        let recorded = by_failover.iter().filter(|(failover, _)| failover.recorded);
        let holes = recorded.filter_map(|(failover, lost)| {
            let in_partition = |key: &str| Some(partition_of_key(key)) == failover.partition;
            let owner = failover.from.as_deref()?;
            let owner_until = (owner, failover.at_ms * 1_000_000);
            workload.kept_beyond(history, lost, owner_until, &in_partition)
        });
        Some(Lossy {
            report,
            holes: holes.collect(),
            lost: by_failover
                .iter()
                .flat_map(|(_, lost)| lost.clone())
                .collect(),
        })
    }

    /// Whether nothing but what is allowed was lost.
    pub fn is_allowed(&self) -> bool {
        self.holes.is_empty() && !matches!(self.report.verdict, Verdict::Invalid(_))
    }
}

/// When a failover may have taken effect: somewhere between the old owner's last answer and the new
/// one's first.
fn window(failover: &Failover) -> workload::Failover {
    let ns = |ms: u64| ms * 1_000_000;
    let (after_ms, until_ms) = match (failover.recorded, failover.after_ms) {
        (true, _) => (
            failover.at_ms.saturating_sub(CLOCKS_DIFFER_MS),
            failover.at_ms + CLOCKS_DIFFER_MS,
        ),
        (false, after_ms) => (after_ms.unwrap_or(0), failover.at_ms + SEEN_LATE_MS),
    };
    workload::Failover {
        after_ns: ns(after_ms),
        until_ns: ns(until_ms),
    }
}

/// The failover that lost an update of a partition, if one did. What an old owner still tells after
/// its failover is a stale read, not a loss.
pub fn failover_of<'a>(
    failovers: &'a [Failover],
    write: &LostWrite,
    partition: u32,
) -> Option<&'a Failover> {
    let acknowledged_ms = write.acknowledged_ns / 1_000_000;
    let missed_ms = write.missed_ns / 1_000_000;
    let in_time = |failover: &&Failover| {
        let late_ms = if failover.recorded { 0 } else { SEEN_LATE_MS };
        failover.partition == Some(partition)
            && failover.at_ms >= acknowledged_ms
            && failover.at_ms <= missed_ms + late_ms
    };
    let known = |node: &Option<String>, other: &Option<String>| other.is_none() || node == other;
    failovers.iter().filter(in_time).find(|failover| {
        let is_owner_again = || {
            let mut later = failovers.iter().filter(in_time);
            later.any(|later| later.at_ms > failover.at_ms && later.to == write.seen_at)
        };
        known(&failover.from, &write.node)
            && (write.seen_at.is_none() || failover.from != write.seen_at || is_owner_again())
    })
}

#[cfg(test)]
mod tests {
    use kensho_checker::history::{Event, Kind, Process};
    use serde_json::{Value, json};

    use super::*;

    /// One operation after another, each a millisecond long: name, register, value, node.
    fn history(operations: &[(&str, &str, Value, &str)]) -> History {
        let mut events = Vec::new();
        for (number, (f, key, value, node)) in (0_u64..).zip(operations) {
            let asked = if *f == "read" {
                Value::Null
            } else {
                value.clone()
            };
            let at = number * 2_000_000;
            let invoke = Event::invoke(2 * number, at, Process::Client(number), f)
                .with_key(key)
                .with_value(asked);
            let complete = invoke.complete(2 * number + 1, at + 1_000_000, Kind::Ok);
            events.extend([invoke, complete.with_value(value.clone()).with_node(node)]);
        }
        History::from_events(&events)
    }

    fn failover(at_ms: u64) -> Failover {
        Failover {
            at_ms,
            after_ms: None,
            recorded: true,
            partition: Some(0),
            from: Some("n1".to_string()),
            to: Some("n2".to_string()),
            number: 2,
            fault: None,
        }
    }

    fn judged(operations: &[(&str, &str, Value, &str)], at_ms: u64) -> Option<Lossy> {
        let register = kensho_workloads::find("register").unwrap();
        Lossy::of(register, &history(operations), &[failover(at_ms)], &|_| 0)
    }

    #[test]
    fn the_end_of_what_an_owner_confirmed_may_be_lost_at_its_failover() {
        let run = [
            ("write", "r1", json!(1), "n1"),
            ("write", "r1", json!(2), "n1"),
            ("write", "r2", json!(3), "n1"),
            ("read", "r1", json!(1), "n2"),
            ("read", "r2", Value::Null, "n2"),
        ];
        let lossy = judged(&run, 6).expect("two are lost");
        assert_eq!(lossy.lost.len(), 2);
        assert!(lossy.is_allowed(), "{:?} {:?}", lossy.report, lossy.holes);
        // Nobody else became owner at that time.
        assert!(!judged(&run, 60).expect("it is judged").is_allowed());
    }

    #[test]
    fn nothing_before_what_is_kept_may_be_lost() {
        let run = [
            ("write", "r1", json!(1), "n1"),
            ("write", "r1", json!(2), "n1"),
            ("write", "r2", json!(3), "n1"),
            ("read", "r1", json!(1), "n2"),
            ("read", "r2", json!(3), "n2"),
        ];
        let lossy = judged(&run, 6).expect("one is lost");
        assert_eq!((lossy.lost.len(), lossy.holes.len()), (1, 1));
        assert!(lossy.holes[0].contains("write of 3"), "{:?}", lossy.holes);
        assert!(!lossy.is_allowed());
    }

    #[test]
    fn what_vanished_does_not_come_back() {
        let run = [
            ("write", "r1", json!(1), "n1"),
            ("write", "r1", json!(2), "n1"),
            ("write", "r2", json!(3), "n1"),
            ("read", "r1", json!(1), "n2"),
            ("read", "r2", Value::Null, "n2"),
            ("read", "r1", json!(2), "n2"),
        ];
        let lossy = judged(&run, 6).expect("it is judged");
        assert!(!lossy.is_allowed());
    }
}
