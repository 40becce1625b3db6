//! Runs a generator in virtual time, with clients that exist only as a latency and an outcome.
//!
//! This is how generators are tested, and it shows what an interpreter has to do: ask, run what is
//! for now, otherwise let time pass until the next completion or the time to ask again.

use kensho_checker::history::Kind;

use crate::generator::{Completion, Context, Generator, Next, Scheduled, Thread};
use crate::operation::Operation;

/// One operation of a simulated run.
#[derive(Clone, Debug, PartialEq)]
pub struct Performed {
    /// The operation, its thread and its intended time.
    pub scheduled: Scheduled,
    /// When it really began, nanoseconds since the start.
    pub begin: u64,
    /// When it ended, nanoseconds since the start.
    pub end: u64,
    /// How it ended.
    pub kind: Kind,
}

impl Performed {
    /// The operation's name.
    pub fn f(&self) -> &'static str {
        self.scheduled.operation.f
    }

    /// Who performed it.
    pub fn thread(&self) -> Thread {
        self.scheduled.thread
    }
}

/// Runs `generator` with `clients` clients and a nemesis; `perform` says how long an operation
/// takes (nanoseconds, more than 0) and how it ends. Gives what was performed, by time of beginning.
/// Stops after `operations_max` operations, so that an endless generator can be looked at.
///
/// # Panics
/// If the generator waits for something that cannot come.
pub fn simulate(
    mut generator: Generator,
    clients: usize,
    operations_max: usize,
    mut perform: impl FnMut(&Operation) -> (u64, Kind),
) -> Vec<Performed> {
    let mut context = Context::new(clients);
    let mut performed: Vec<Performed> = Vec::new();
    let mut open: Vec<Performed> = Vec::new();
    while performed.len() < operations_max {
        let (next, after) = generator.next(&context);
        generator = after;
        let wake = match next {
            Next::Done => break,
            Next::Run(scheduled) => {
                assert!(
                    scheduled.time <= context.time,
                    "an operation is for now: {scheduled:?}"
                );
                context.occupy(scheduled.thread);
                let (latency, kind) = perform(&scheduled.operation);
                let (begin, end) = (context.time, context.time + latency);
                let operation = Performed {
                    scheduled,
                    begin,
                    end,
                    kind,
                };
                performed.push(operation.clone());
                open.push(operation);
                continue;
            }
            Next::Pending { until } => until,
        };
        let first = (0..open.len()).min_by_key(|&at| open[at].end);
        match (first, wake) {
            (Some(first), wake) if wake.is_none_or(|wake| open[first].end <= wake) => {
                let operation = open.remove(first);
                context.time = operation.end;
                context.release(operation.thread());
                let completion = Completion {
                    thread: operation.thread(),
                    kind: operation.kind,
                };
                generator = generator.update(&context, &completion);
            }
            (_, Some(wake)) => {
                assert!(
                    wake > context.time,
                    "asked to wait until now: {generator:?}"
                );
                context.time = wake;
            }
            (_, None) => panic!("pending for ever: {generator:?}"),
        }
    }
    performed
}
