//! What clients of an asynchronous cluster may see: a failover loses the end of a partition's log, and
//! nothing else.
//!
//! Replies name their place in the log, so it is known which operations are lost: those of the old
//! epochs above what the new owner kept. The check is exact, and asks twice:
//!
//! * What is left when all lost operations are taken out must be right, as if they had never been.
//! * For each loss, what clients of its partition were told by the owners before it must be right,
//!   with what was lost.

use kensho_checker::history::{Event, History, Kind};
use kensho_checker::report::{Report, Verdict};
use kensho_protocol::ids::{Epoch, Lsn, PartitionId, Position};
use kensho_workloads::Workload;

/// The end of a partition's log is lost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loss {
    pub(super) partition: PartitionId,
    /// The epoch of the owner that goes on without it.
    pub(super) epoch: Epoch,
    /// The last entry that is kept.
    pub(super) keep: Lsn,
    /// How many events the history had.
    pub(super) events: usize,
}

impl Loss {
    fn takes(&self, partition: PartitionId, at: Position) -> bool {
        partition == self.partition && at.epoch < self.epoch && at.lsn > self.keep
    }
}

/// An operation of the history: where its events are, and what is known of its place in the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) invoke: usize,
    pub(super) complete: Option<usize>,
    pub(super) partition: PartitionId,
    /// What the last reply to it told of.
    pub(super) at: Option<Position>,
    /// Whether the last call changed something.
    pub(super) changes: bool,
}

impl Told {
    /// Whether what it read may be what the owner knows that goes on without what was lost: that one answers with
    /// the last place of its log, which is of an epoch before its own until something is written.
    fn may_be_of_the_next_owner(&self, loss: &Loss) -> bool {
        let late = self.complete.is_some_and(|at| at >= loss.events);
        let kept = self.at.is_some_and(|at| at.lsn <= loss.keep);
        late && kept && !self.changes
    }
}

/// A history, with what was lost of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lossy<'a> {
    pub(super) events: &'a [Event],
    pub(super) told: &'a [Told],
    pub(super) losses: &'a [Loss],
}

impl Lossy<'_> {
    fn is_lost(&self, told: &Told, losses: &[Loss]) -> bool {
        let takes = |at| losses.iter().any(|loss| loss.takes(told.partition, at));
        told.at.is_some_and(takes)
    }

    /// How many acknowledged updates were lost.
    pub(super) fn count(&self) -> u64 {
        let lost = self.told.iter().filter(|told| {
            let complete = told.complete.map(|at| self.events[at].kind);
            told.changes && complete == Some(Kind::Ok) && self.is_lost(told, self.losses)
        });
        lost.count() as u64
    }

    /// What the workload's own check has against it, if anything: in words, what was looked at, and
    /// the report.
    pub(super) fn judge(&self, workload: &dyn Workload) -> Option<(String, Report)> {
        for (number, loss) in self.losses.iter().enumerate() {
            let report = workload.check(&self.before(number));
            // So little may be left that nothing can be said of it.
            if matches!(report.verdict, Verdict::Invalid(_)) {
                let Loss {
                    partition, epoch, ..
                } = loss;
                let what = format!(
                    "what {partition:?} told before the failover to {epoch:?} that lost its end"
                );
                return Some((what, report));
            }
        }
        let report = workload.check(&self.kept());
        let what = "what is left without what failovers lost".to_owned();
        (!matches!(report.verdict, Verdict::Valid(_))).then_some((what, report))
    }

    /// The history without all that was lost.
    fn kept(&self) -> History {
        let mut keeps = vec![true; self.events.len()];
        for told in self
            .told
            .iter()
            .filter(|told| self.is_lost(told, self.losses))
        {
            keeps[told.invoke] = false;
            told.complete.iter().for_each(|at| keeps[*at] = false);
        }
        self.only(&keeps)
    }

    /// What clients of a partition were told before a loss. What was under way, nobody knows.
    fn before(&self, number: usize) -> History {
        let loss = &self.losses[number];
        let earlier = &self.losses[..number];
        let mut keeps = vec![false; self.events.len()];
        for told in self
            .told
            .iter()
            .filter(|told| told.partition == loss.partition)
        {
            let of_old = told.at.is_none_or(|at| at.epoch < loss.epoch);
            if told.invoke >= loss.events || !of_old || self.is_lost(told, earlier) {
                continue;
            }
            if told.may_be_of_the_next_owner(loss) {
                continue;
            }
            keeps[told.invoke] = true;
            let complete = told
                .complete
                .filter(|at| told.at.is_some() || *at < loss.events);
            complete.into_iter().for_each(|at| keeps[at] = true);
        }
        self.only(&keeps)
    }

    fn only(&self, keeps: &[bool]) -> History {
        let events = self.events.iter().zip(keeps);
        let kept: Vec<&Event> = events
            .filter(|(_, keep)| **keep)
            .map(|(event, _)| event)
            .collect();
        History::from_events(kept)
    }
}

#[cfg(test)]
mod tests {
    use kensho_checker::history::Process;
    use kensho_workloads::register::Register;
    use serde_json::{Value, json};

    use super::*;

    /// A run of one client after another: name, value, and the place in the log that it was told of.
    /// A loss stands between: the epoch, and what is kept.
    #[derive(Clone, Copy)]
    enum Happened {
        Op(&'static str, i64, u64, u64),
        /// A read that is under way when everything else has happened.
        Read(i64, u64, u64),
        Loss(u64, u64),
    }
    use Happened::{Loss as Lost, Op, Read as Under};

    fn judged(run: &[Happened]) -> (u64, Option<String>) {
        let (mut events, mut told, mut losses) = (Vec::new(), Vec::new(), Vec::new());
        let mut answers: Vec<(usize, Event)> = Vec::new();
        let shown = |value: i64| match value {
            0 => Value::Null,
            value => json!(value),
        };
        for (process, happened) in (0..).zip(run) {
            let time = events.len() as u64;
            match *happened {
                Lost(epoch, keep) => losses.push(Loss {
                    partition: PartitionId(0),
                    epoch: Epoch(epoch),
                    keep: Lsn(keep),
                    events: events.len(),
                }),
                Under(value, epoch, lsn) => {
                    let invoke = Event::invoke(time, time, Process::Client(process), "read")
                        .with_key("r1")
                        .with_value(Value::Null);
                    let answer = invoke.complete(100, 100, Kind::Ok).with_value(shown(value));
                    answers.push((told.len(), answer));
                    told.push(Told {
                        invoke: events.len(),
                        complete: None,
                        partition: PartitionId(0),
                        at: Some(Position {
                            epoch: Epoch(epoch),
                            lsn: Lsn(lsn),
                        }),
                        changes: false,
                    });
                    events.push(invoke);
                }
                Op(f, value, epoch, lsn) => {
                    let asked = if f == "read" {
                        Value::Null
                    } else {
                        json!(value)
                    };
                    let invoke = Event::invoke(time, time, Process::Client(process), f)
                        .with_key("r1")
                        .with_value(asked);
                    let answer = invoke.complete(time + 1, time + 1, Kind::Ok);
                    let answer = answer.with_value(shown(value));
                    told.push(Told {
                        invoke: events.len(),
                        complete: Some(events.len() + 1),
                        partition: PartitionId(0),
                        at: Some(Position {
                            epoch: Epoch(epoch),
                            lsn: Lsn(lsn),
                        }),
                        changes: f == "write",
                    });
                    events.extend([invoke, answer]);
                }
            }
        }
        for (place, answer) in answers {
            told[place].complete = Some(events.len());
            events.push(answer);
        }
        let lossy = Lossy {
            events: &events,
            told: &told,
            losses: &losses,
        };
        (lossy.count(), lossy.judge(&Register).map(|(what, _)| what))
    }

    #[test]
    fn a_lost_end_is_allowed_and_counted() {
        let run = [
            Op("write", 1, 1, 1),
            Op("write", 2, 1, 2),
            Op("read", 2, 1, 2),
            Lost(2, 1),
            Op("read", 1, 1, 1),
            Op("write", 3, 2, 2),
            Op("read", 3, 2, 2),
        ];
        assert_eq!(judged(&run), (1, None));
        // Without a loss nothing of it is allowed.
        let without: Vec<Happened> = run
            .iter()
            .filter(|one| !matches!(one, Lost(..)))
            .copied()
            .collect();
        assert!(judged(&without).1.is_some());
    }

    /// A read that was under way at the loss is answered by the next owner, by the last place of its log.
    #[test]
    fn who_goes_on_answers_what_the_one_before_was_asked() {
        let write = |value, lsn| Op("write", value, 1, lsn);
        let run = [write(1, 1), write(2, 2), Under(1, 1, 1), Lost(2, 1)];
        assert_eq!(judged(&run), (1, None));
        // What it answers must be right all the same.
        let stale = [write(1, 1), write(2, 2), Under(0, 1, 1), Lost(2, 1)];
        assert!(judged(&stale).1.is_some());
    }

    #[test]
    fn what_is_kept_must_still_be_seen() {
        let run = [
            Op("write", 1, 1, 1),
            Op("write", 2, 1, 2),
            Lost(2, 1),
            Op("read", 0, 2, 1),
        ];
        let wrong = judged(&run).1.expect("the first write is kept");
        assert!(wrong.contains("what is left"), "{wrong}");
    }

    #[test]
    fn what_was_lost_must_have_been_right_and_does_not_come_back() {
        let stale_before = [
            Op("write", 1, 1, 1),
            Op("write", 2, 1, 2),
            Op("read", 1, 1, 2),
            Lost(2, 1),
            Op("read", 1, 1, 1),
        ];
        let wrong = judged(&stale_before).1.expect("a stale read");
        assert!(wrong.contains("before the failover"), "{wrong}");
        let back = [
            Op("write", 1, 1, 1),
            Op("write", 2, 1, 2),
            Lost(2, 1),
            Op("read", 1, 1, 1),
            Op("read", 2, 2, 3),
        ];
        assert!(judged(&back).1.is_some());
    }
}
