//! Operations that are given as wholes: with the times of their call and return, or as the
//! transactions of sessions, instead of as a row of events.

use super::compact::{Operation, Outcome, Problem, Symbol};
use super::values::Datum;
use super::{Builder, NEVER};
use crate::hash::FastMap;

/// An operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whole {
    /// The process, as [`super::History::intern_process`] has it.
    pub(crate) process: u32,
    /// Its name.
    pub(crate) f: Symbol,
    /// The key's place, or [`NEVER`].
    pub(crate) key: u32,
    /// What it was called with.
    pub(crate) argument: Datum,
    /// What it returned; of a failed one, what it saw.
    pub(crate) result: Datum,
    /// Whether it failed, and said what it saw.
    pub(crate) observed: bool,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// When it was called.
    pub(crate) call: i64,
    /// When it returned; of an unknown outcome, when it was given up.
    pub(crate) end: i64,
}

/// How the times of operations are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// Nanoseconds since some moment.
    Nanoseconds,
    /// Places in a row of events.
    Places,
    /// Nothing but the order within each process is known.
    Sessions,
}

/// Collects operations until all are known.
#[derive(Debug, Default)]
pub(crate) struct Wholes {
    operations: Vec<(Whole, Option<String>)>,
}

impl Wholes {
    /// Adds an operation, and what it said of its failure.
    pub(crate) fn push(&mut self, operation: Whole, error: Option<String>) {
        self.operations.push((operation, error));
    }

    /// Adds the operations to the history. Intervals are closed: of two at the same moment, calls
    /// come before returns, so that the operations overlap.
    pub(crate) fn finish(mut self, builder: &mut Builder, clock: Clock) {
        self.operations.sort_by_key(|(operation, _)| operation.call);
        let first = self.operations.first().map_or(0, |(first, _)| first.call);
        let time = |moment: i64| match clock {
            Clock::Nanoseconds => moment.abs_diff(first),
            Clock::Places | Clock::Sessions => 0,
        };
        let mut ends: Vec<(i64, bool, u32)> = Vec::with_capacity(2 * self.operations.len());
        for (at, (operation, _)) in self.operations.iter().enumerate() {
            ends.push((operation.call, false, at as u32));
            if operation.outcome != Outcome::Unknown {
                ends.push((operation.end, true, at as u32));
            }
        }
        ends.sort_unstable();
        let start = builder.history.operations.len() as u32;
        let mut open: FastMap<u32, u32> = FastMap::default();
        let mut overlaps: Option<(u32, u32, usize)> = None;
        for (_, ended, at) in ends {
            let position = builder.history.events;
            builder.history.events += 1;
            let (whole, error) = &mut self.operations[at as usize];
            if ended {
                open.remove(&whole.process);
                builder.history.operations[(start + at) as usize].complete = position;
                continue;
            }
            if open.insert(whole.process, at).is_some() {
                overlaps.get_or_insert((position, whole.process, 0)).2 += 1;
            }
            if whole.outcome == Outcome::Unknown {
                // Its process may go on: the operation has no end that anybody would wait for.
                open.remove(&whole.process);
            }
            // Calls come in the order of the list, which is sorted by them.
            builder.history.operations.push(Operation {
                invoke_time: time(whole.call),
                complete_time: time(whole.end),
                argument: whole.argument,
                result: whole.result,
                invoke: position,
                complete: NEVER,
                process: whole.process,
                key: whole.key,
                f: whole.f,
                node: Symbol::NONE,
                outcome: whole.outcome,
                observed: whole.observed,
                asked: true,
                answered: whole.outcome == Outcome::Ok,
            });
            if let Some(error) = error.take() {
                builder.set_error(start + at, error);
            }
        }
        builder.history.sessions_only |= clock == Clock::Sessions;
        if let Some((event, process, count)) = overlaps {
            let process = builder.history.process_name(process);
            builder.history.problems.push(Problem {
                event: u64::from(event),
                text: format!(
                    "{count} operation(s) begin while another one of the same client is open, the first is of client {process}; only times count, not the order of a client"
                ),
                grave: false,
                doubt: false,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_closed_and_open_ones_never_end() {
        let mut builder = Builder::default();
        let f = builder.history.intern_name("write");
        let mut wholes = Wholes::default();
        for (process, call, end, outcome) in [
            (0, 5, 9, Outcome::Ok),
            (1, 1, 5, Outcome::Ok),
            (2, 2, i64::MAX, Outcome::Unknown),
            (1, 9, 9, Outcome::Ok),
        ] {
            let whole = Whole {
                process,
                f,
                key: NEVER,
                argument: Datum::NIL,
                result: Datum::NIL,
                observed: false,
                outcome,
                call,
                end,
            };
            wholes.push(whole, None);
        }
        wholes.finish(&mut builder, Clock::Nanoseconds);
        let history = builder.finish();
        let shown: Vec<_> = history
            .operations
            .iter()
            .map(|o| (o.process, o.invoke, o.complete, o.invoke_time))
            .collect();
        // The one that ends at 5 overlaps the one that begins at 5; so at 9.
        assert_eq!(
            shown,
            [(1, 0, 3, 0), (2, 1, NEVER, 1), (0, 2, 5, 4), (1, 4, 6, 8)]
        );
        assert_eq!(history.events, 7);
        assert!(history.problems.is_empty());
    }
}
