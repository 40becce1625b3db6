//! A whole run of a workload in virtual time, with clients that exist only as delays: how workloads are
//! tested, against a store that is right, and against one with a planted bug.

use fastrand::Rng;
use kensho_checker::history::{Event, History, Kind, Process};

use crate::call::{Answer, Call};
use crate::generator::{Completion, Context, Generator, Next, Thread};
use crate::operation::Operation;
use crate::store::Store;
use crate::workload::{Clients, Outcome, Settings, Step, Workload};

/// The longest time that a call takes to its store, and its answer back.
const WAY_MAX_NS: u64 = 2_000_000;

/// Plays so many operations of a workload, and its final phase, on a store that `answer`s at once
/// what reaches it. Gives the history.
///
/// # Panics
/// If the workload does not know its own operations.
pub fn rehearse(
    workload: &dyn Workload,
    settings: Settings,
    operations: u64,
    answer: impl FnMut(&Call) -> Answer,
) -> History {
    const CLIENTS: usize = 10;
    let clients = workload.clients(settings);
    let main = clients.generator().limit(operations).on_clients();
    let mut stage = Stage {
        clients,
        answer,
        context: Context::new(CLIENTS),
        processes: (0..CLIENTS as u64).collect(),
        next_process: CLIENTS as u64,
        open: Vec::new(),
        events: Vec::new(),
        draw: Rng::with_seed(settings.seed),
    };
    stage.play(main);
    let last = stage.clients.final_phase();
    stage.play(last);
    History::from_events(&stage.events)
}

/// The same on a store that is right but for what `bug` answers instead, for each update by its number.
///
/// # Panics
/// If the workload does not know its own operations.
pub fn rehearse_with_bug(
    workload: &dyn Workload,
    settings: Settings,
    operations: u64,
    bug: impl Fn(&mut Store, u64, &Call) -> Option<Answer>,
) -> History {
    let (mut store, mut updates) = (Store::default(), 0);
    rehearse(workload, settings, operations, |call| {
        updates += u64::from(call.is_update());
        let wrong = call.is_update().then(|| bug(&mut store, updates, call));
        wrong.flatten().unwrap_or_else(|| store.answer(call))
    })
}

/// What an open operation waits for.
enum Way {
    There(Call),
    Back(Call, Answer),
}

struct Open {
    client: usize,
    operation: Operation,
    way: Way,
    due_ns: u64,
}

struct Stage<A> {
    clients: Box<dyn Clients>,
    answer: A,
    context: Context,
    processes: Vec<u64>,
    next_process: u64,
    open: Vec<Open>,
    events: Vec<Event>,
    draw: Rng,
}

impl<A: FnMut(&Call) -> Answer> Stage<A> {
    fn play(&mut self, mut generator: Generator) {
        loop {
            let (next, after) = generator.next(&self.context);
            generator = after;
            let wake = match next {
                Next::Run(scheduled) => {
                    self.context.occupy(scheduled.thread);
                    let Thread::Client(client) = scheduled.thread else {
                        unreachable!("workloads are for clients");
                    };
                    let begun = self.clients.begin(client, scheduled.operation);
                    let (operation, call) = begun.expect("the workload's own operation");
                    self.event(client, &operation, Kind::Invoke);
                    self.on_its_way(client, operation, Way::There(call));
                    continue;
                }
                Next::Done if self.open.is_empty() => return,
                Next::Done => None,
                Next::Pending { until } => until,
            };
            let first = (0..self.open.len()).min_by_key(|at| self.open[*at].due_ns);
            match (first, wake) {
                (Some(first), wake) if wake.is_none_or(|at| self.open[first].due_ns <= at) => {
                    let open = self.open.swap_remove(first);
                    self.context.time = open.due_ns;
                    if let Some(completion) = self.arrive(open) {
                        generator = generator.update(&self.context, &completion);
                    }
                }
                (_, Some(wake)) => self.context.time = wake,
                (_, None) => panic!("pending for ever: {generator:?}"),
            }
        }
    }

    fn on_its_way(&mut self, client: usize, operation: Operation, way: Way) {
        let due_ns = self.context.time + self.draw.u64(1..WAY_MAX_NS);
        self.open.push(Open {
            client,
            operation,
            way,
            due_ns,
        });
    }

    fn arrive(&mut self, open: Open) -> Option<Completion> {
        let Open {
            client, operation, ..
        } = open;
        match open.way {
            Way::There(call) => {
                let answer = (self.answer)(&call);
                self.on_its_way(client, operation, Way::Back(call, answer));
                None
            }
            Way::Back(call, answer) => {
                match self.clients.answered(client, &operation, &call, answer) {
                    Step::Call(call) => {
                        self.on_its_way(client, operation, Way::There(call));
                        None
                    }
                    Step::End(outcome) => Some(self.end(client, &operation, outcome)),
                }
            }
        }
    }

    fn end(&mut self, client: usize, operation: &Operation, outcome: Outcome) -> Completion {
        let kind = outcome.kind;
        let event = self.event(client, operation, kind);
        event.value = outcome.value;
        event.observed = outcome.observed;
        event.error = outcome.error;
        if kind == Kind::Info {
            self.processes[client] = self.next_process;
            self.next_process += 1;
        }
        let thread = Thread::Client(client);
        self.context.release(thread);
        Completion { thread, kind }
    }

    fn event(&mut self, client: usize, operation: &Operation, kind: Kind) -> &mut Event {
        self.events.push(Event {
            index: self.events.len() as u64,
            time: self.context.time,
            process: Process::Client(self.processes[client]),
            kind,
            f: operation.f.to_owned(),
            key: operation.key.clone(),
            value: operation.value.clone(),
            observed: None,
            error: None,
            node: None,
        });
        self.events.last_mut().expect("it was pushed")
    }
}

#[cfg(test)]
mod tests {
    use kensho_checker::history::Outcome as Ended;
    use kensho_checker::report::Verdict;

    use super::*;

    /// Every workload there is finds nothing wrong with one copy of everything.
    #[test]
    fn one_copy_of_everything_is_valid_for_every_workload() {
        for workload in crate::ALL {
            let mut store = Store::default();
            let settings = Settings {
                containers: 8,
                operations_per_key: 60,
                seed: 3,
            };
            let history = rehearse(*workload, settings, 5_000, |call| store.answer(call));
            let report = workload.check(&history);
            let verdict = &report.verdict;
            let name = workload.name();
            assert!(matches!(verdict, Verdict::Valid(_)), "{name}: {verdict:?}");
            for f in workload.operations() {
                let of_name = history.operations.iter().filter(|operation| {
                    operation.outcome == Ended::Ok && history.name(operation.f) == *f
                });
                let succeeded = of_name.count();
                assert!(succeeded > 50, "{name}: {succeeded} times {f}");
            }
        }
    }

    /// Names of containers lead back to what is in them.
    #[test]
    fn every_object_is_in_a_container_that_was_asked_for() {
        for workload in crate::ALL {
            let settings = Settings::for_partitions(4, 9);
            let containers = workload.clients(settings).containers();
            let mut used = Vec::new();
            let mut store = Store::default();
            rehearse(*workload, settings, 500, |call| {
                used.push(call.container().to_owned());
                store.answer(call)
            });
            assert!(used.iter().all(|name| containers.contains(name)));
            assert_eq!(workload.container(&settings, "nonsense"), None);
        }
    }
}
