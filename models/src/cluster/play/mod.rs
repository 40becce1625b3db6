//! A workload of the harness in virtual time: its generator says what clients do, the real tables
//! hold the rows, and its own check judges the history.
//!
//! A run goes as the harness's runner makes it of a real cluster. The cluster is born and gets its
//! containers; then clients work while faults strike; faults end, and clients work until every
//! partition has acknowledged an update; when the cluster is whole again, every key is read. Whatever
//! of that does not come about in time is a violation of *recovers*.
//!
//! The invariants watch all the while. What they find does not end the run, so that the history shows
//! whether clients could see it.

mod history;
mod indexes;
mod losses;
mod rows;

use kensho_checker::history::{Event, History, Kind};
use kensho_checker::report::{Report, Verdict};
use kensho_protocol::ids::{Epoch, Lsn, PartitionId};
use kensho_protocol::request::{Reply, RequestId};
use kensho_protocol::session;
use kensho_protocol::settings::Mode;
use kensho_storage::tables::Tables;
use kensho_workloads::call::{Answer, Call};
use kensho_workloads::generator::{Completion, Context, Generator, Next, Scheduled, Thread};
use kensho_workloads::operation::Operation;
use kensho_workloads::workload::{Clients, Settings, Step, Workload};
use serde_json::Value;

use super::clients::{Attempt, Request};
use super::load::{Ended, Load};
use super::plan::Plan;
use super::sights::Sight;
use super::{Cluster, Happening};
use crate::invariants::Violation;
use crate::invariants::linearizable::Asked;
use crate::random::{Random, Stream};
use crate::run::Given;
use history::Journal;
use rows::Containers;

/// So many violations of invariants are enough to end a run after all.
const VIOLATIONS_MAX: usize = 100;
/// What a usual statement takes, as rows of the harness's workloads have it.
const STATEMENT_BYTES: usize = 100;

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The cluster is born.
    Birth,
    /// Containers are made; so many are there.
    Setup(usize),
    /// Clients work while faults strike.
    Main,
    /// Faults have ended, and clients work on.
    Recovering,
    /// Clients have stopped; the cluster becomes whole.
    Settling,
    /// Every key is read.
    Final,
}

/// See the [module](self).
#[derive(Debug)]
pub struct Play {
    phase: Phase,
    workload: &'static dyn Workload,
    clients: Box<dyn Clients>,
    /// The containers' names.
    names: Vec<String>,
    generator: Generator,
    context: Context,
    /// By client: the operation that it performs, and the call that it waits for.
    open: Vec<Option<(Operation, Call)>>,
    containers: Containers,
    journal: Journal,
    /// When the generator is asked next; `u64::MAX`: when an operation ends.
    ask_ns: u64,
}

impl Load for Play {
    type Data = Tables;

    const FILES: bool = true;

    fn plan(given: &Given, seed: u64) -> Plan {
        let plan = Plan::draw_for_workload(given, seed);
        plan.with_busy_nodes(STATEMENT_BYTES, &mut Random::new(seed, Stream::Busy))
    }

    fn new(plan: &Plan) -> Self {
        let clients = plan.clients.count;
        let partitions = plan.partitions as u64;
        let settings = Settings::for_partitions(partitions, plan.load.seed);
        let workload = plan.load.workload.expect("a workload to play");
        let acting = workload.clients(settings);
        Play {
            phase: Phase::Birth,
            workload,
            names: acting.containers(),
            generator: acting
                .generator()
                .stagger(plan.load.interval_ns, plan.load.seed)
                .on_clients(),
            clients: acting,
            context: Context::new(clients),
            open: vec![None; clients],
            containers: Containers::default(),
            journal: Journal::new(clients),
            ask_ns: u64::MAX,
        }
    }

    /// Every third client keeps to its cached table until a node refuses a statement, as the
    /// harness's do: only such a client meets an owner that was replaced while it was paused.
    fn session(plan: &Plan, client: usize) -> session::Settings {
        let usual = plan.clients.session.clone();
        if client % 3 != 2 {
            return usual;
        }
        session::Settings {
            attempt_timeout: usual.failover_timeout,
            probe_interval: usual.failover_timeout,
            ..usual
        }
    }

    fn begin(cluster: &mut Cluster<Self>) {
        // Nothing strikes before the containers are there.
        cluster.turbulent = false;
        cluster.network.calm();
        cluster.written = vec![true; cluster.plan.partitions];
        cluster.end_ns = cluster.plan.recovery_ns;
        cluster.schedule.put(0, Happening::Look);
    }

    fn think(cluster: &mut Cluster<Self>, _: usize) {
        if cluster.load.ask_ns <= cluster.now_ns {
            cluster.load.ask_ns = u64::MAX;
            ask_generator(cluster);
        }
    }

    fn ended(cluster: &mut Cluster<Self>, client: usize, ended: Ended) {
        if let Phase::Setup(made) = cluster.load.phase {
            return setup_goes_on(cluster, made, &ended);
        }
        let Some((operation, call)) = cluster.load.open[client].take() else {
            return;
        };
        let Some(kind) = go_on(cluster, client, &operation, &call, &ended) else {
            return;
        };
        match (kind, call.is_update()) {
            (Kind::Ok, false) => cluster.figures.reads += 1,
            (Kind::Ok, true) => {
                cluster.figures.updates += 1;
                if ended.attempts > 1 {
                    cluster.sometimes.saw(Sight::RetryAcknowledged);
                }
                if cluster.load.phase == Phase::Recovering {
                    cluster.written[usize::from(ended.partition.0)] = true;
                }
            }
            (Kind::Info, _) => cluster.figures.unknown += 1,
            _ => cluster.figures.failed += 1,
        }
        complete(cluster, client, kind);
        ask_at(cluster, cluster.now_ns);
    }

    fn look(cluster: &mut Cluster<Self>) {
        let whole = cluster.first_missing().is_none();
        indexes::look(cluster);
        match cluster.load.phase {
            Phase::Birth if whole => {
                cluster.load.phase = Phase::Setup(0);
                make_container(cluster, 0);
            }
            Phase::Setup(made) if whole && made == cluster.load.names.len() => {
                begin_main(cluster);
            }
            Phase::Birth | Phase::Setup(_) | Phase::Main => {}
            Phase::Recovering if cluster.written.iter().all(|written| *written) => {
                enter(cluster, Phase::Settling, Generator::done());
            }
            Phase::Recovering => {}
            Phase::Settling if whole && cluster.load.context.all_free() => {
                let reads = cluster.load.clients.final_phase();
                // Far longer than a read takes in a quiet cluster, for each.
                let keys = cluster.load.clients.unread().len() as u64;
                cluster.end_ns =
                    cluster.now_ns + cluster.plan.recovery_ns + keys * cluster.plan.heartbeat_ns();
                enter(cluster, Phase::Final, reads);
            }
            Phase::Settling | Phase::Final => {}
        }
    }

    fn calm(cluster: &mut Cluster<Self>) {
        let partitions = cluster.plan.partitions;
        cluster.written = vec![true; partitions];
        for name in &cluster.load.names {
            let partition = rows::partition(name, partitions);
            cluster.written[usize::from(partition.0)] = false;
        }
        cluster.load.phase = Phase::Recovering;
    }

    fn missing(cluster: &Cluster<Self>) -> Option<String> {
        let phase = cluster.load.phase;
        Some(match cluster.first_missing() {
            Some(missing) => format!("{missing:?}"),
            None => format!("an end of the phase {phase:?}"),
        })
    }

    fn judge(cluster: &mut Cluster<Self>) {
        let load = &cluster.load;
        let found = if cluster.figures.lost > 0 && cluster.plan.settings.mode == Mode::Async {
            let lossy = load.journal.lossy();
            cluster.figures.lost = lossy.count();
            let wrong = lossy.judge(load.workload);
            wrong.and_then(|(what, report)| violation(&report, &what))
        } else {
            let history = History::from_events(load.journal.events());
            violation(&load.workload.check(&history), "")
        };
        if let Some(violation) = found {
            // What clients could see comes before what only the invariants saw.
            cluster.violations.insert(0, violation);
        }
    }

    fn goes_on(cluster: &Cluster<Self>) -> bool {
        cluster.violations.len() + cluster.watch.violations().len() < VIOLATIONS_MAX
    }

    fn asked(&self, _: Attempt, _: Option<RequestId>) -> Option<(Asked, Lsn)> {
        None
    }

    fn lose_above(&mut self, partition: PartitionId, keep: Lsn, epoch: Epoch) {
        self.journal.lose_above(partition, keep, epoch);
    }

    fn history(&self) -> &[Event] {
        self.journal.events()
    }

    fn note_fault(&mut self, now_ns: u64, name: &'static str, what: Value) {
        self.journal.fault(now_ns, name, what);
    }
}

/// What a report says against a history, or against a part of it, which is told.
fn violation(report: &Report, part: &str) -> Option<Violation> {
    let of_part = match part {
        "" => String::new(),
        part => format!(" (of {part})"),
    };
    match &report.verdict {
        Verdict::Valid(_) => None,
        Verdict::Invalid(_) => {
            let anomaly = report.anomalies().first()?;
            let verdict = format!("{:?}: {}{of_part}", anomaly.name, anomaly.text);
            Some(Violation::HistoryNotLinearizable { verdict })
        }
        Verdict::Unknown(unknown) => {
            let reason = format!("{}{of_part}", unknown.reason);
            Some(Violation::HistoryNotJudged { reason })
        }
    }
}

/// Asks for a container; the first client makes them all, one after another.
fn make_container(cluster: &mut Cluster<Play>, number: usize) {
    let name = cluster.load.names[number].clone();
    let partition = rows::partition(&name, cluster.plan.partitions);
    let values = cluster.load.clients.values();
    cluster.ask(0, partition, Containers::create(&name, values));
}

/// A statement about a container ended: it was made, or looked up. What failed is tried again.
fn setup_goes_on(cluster: &mut Cluster<Play>, number: usize, ended: &Ended) {
    let name = cluster.load.names[number].clone();
    match &ended.result {
        Ok(reply) if cluster.load.containers.learn(&name, reply) => {
            cluster.load.phase = Phase::Setup(number + 1);
            if number + 1 < cluster.load.names.len() {
                make_container(cluster, number + 1);
            }
        }
        Ok(_) => cluster.ask(0, ended.partition, Containers::look_up(&name)),
        Err(_) => make_container(cluster, number),
    }
}

/// From now on clients work, and faults strike.
fn begin_main(cluster: &mut Cluster<Play>) {
    cluster.say(format_args!("the workload begins"));
    cluster.turbulent = true;
    let weather = cluster.plan.network;
    cluster.network.behave(weather);
    let (now_ns, turbulent_ns) = (cluster.now_ns, cluster.plan.turbulent_ns);
    cluster.fault_origin_ns = now_ns;
    cluster.load.journal.begin_at(now_ns);
    cluster.plan_faults();
    cluster.schedule.put(now_ns + turbulent_ns, Happening::Calm);
    cluster.end_ns = now_ns + turbulent_ns + cluster.plan.recovery_ns;
    cluster.load.phase = Phase::Main;
    ask_at(cluster, now_ns);
}

/// Another phase begins, in which clients follow `generator`.
fn enter(cluster: &mut Cluster<Play>, phase: Phase, generator: Generator) {
    cluster.say(format_args!("{phase:?}"));
    cluster.load.phase = phase;
    cluster.load.generator = generator;
    ask_at(cluster, cluster.now_ns);
}

/// The generator is asked at `at_ns`, or before.
fn ask_at(cluster: &mut Cluster<Play>, at_ns: u64) {
    if at_ns < cluster.load.ask_ns {
        cluster.load.ask_ns = at_ns;
        let think = Happening::Think { client: 0 };
        cluster.schedule.put(at_ns, think);
    }
}

/// Begins all operations that are for now.
fn ask_generator(cluster: &mut Cluster<Play>) {
    loop {
        let load = &mut cluster.load;
        let origin_ns = load.journal.origin_ns();
        load.context.time = cluster.now_ns - origin_ns;
        let (next, after) = load.generator.next(&load.context);
        load.generator = after;
        match next {
            Next::Run(scheduled) => begin_operation(cluster, scheduled),
            Next::Done => {
                let over = load.phase == Phase::Final && load.context.all_free();
                cluster.recovered |= over;
                return;
            }
            Next::Pending { until } => {
                if let Some(until) = until {
                    ask_at(cluster, origin_ns + until);
                }
                return;
            }
        }
    }
}

fn begin_operation(cluster: &mut Cluster<Play>, scheduled: Scheduled) {
    let Thread::Client(client) = scheduled.thread else {
        unreachable!("faults are planned, not generated");
    };
    let load = &mut cluster.load;
    load.context.occupy(scheduled.thread);
    // The generator is one source of operations, whoever performs them.
    let main = load.phase == Phase::Main;
    if cluster.chooser.begins(0, main).is_none() {
        return complete(cluster, client, Kind::Fail);
    }
    let called = load.clients.begin(client, scheduled.operation);
    let (operation, call) = called.expect("the workload's own operation");
    let partition = rows::partition(call.container(), cluster.plan.partitions);
    load.journal
        .begin(client, cluster.now_ns, partition, &operation);
    if cluster.trace.is_kept() {
        let told = (operation.f, &operation.key, operation.value.to_string());
        cluster.say(format_args!("client {client} begins {told:?}"));
    }
    ask_for(cluster, client, operation, call);
}

/// A client makes the next call of its operation.
fn ask_for(cluster: &mut Cluster<Play>, client: usize, operation: Operation, call: Call) {
    let request: Request = cluster.load.containers.request(&call);
    let partition = rows::partition(call.container(), cluster.plan.partitions);
    cluster.load.open[client] = Some((operation, call));
    cluster.ask(client, partition, request);
}

/// A call has ended: the operation goes on by the next one, or how it ended is put down and told.
fn go_on(
    cluster: &mut Cluster<Play>,
    client: usize,
    operation: &Operation,
    call: &Call,
    ended: &Ended,
) -> Option<Kind> {
    let answer = match &ended.result {
        Ok(reply) => rows::answer(call, reply),
        Err(failure) => Answer::Error {
            definite: failure.definite,
            text: failure.to_string(),
        },
    };
    let at = match &ended.result {
        Ok(Reply::Done { at, .. } | Reply::Answer { at, .. }) => Some(*at),
        _ => None,
    };
    let load = &mut cluster.load;
    load.journal.told(client, at, call.is_update());
    let outcome = match load.clients.answered(client, operation, call, answer) {
        Step::End(outcome) => outcome,
        Step::Call(next) => {
            ask_for(cluster, client, operation.clone(), next);
            return None;
        }
    };
    let node = ended
        .node
        .map(|node| crate::world::table_service::member(node).name);
    let kind = load
        .journal
        .end(client, cluster.now_ns, operation, |event| {
            event.kind = outcome.kind;
            event.value = outcome.value;
            event.observed = outcome.observed;
            event.error = outcome.error;
            event.node = node;
        });
    Some(kind)
}

/// A client is free again, and the generator hears of it.
fn complete(cluster: &mut Cluster<Play>, client: usize, kind: Kind) {
    let load = &mut cluster.load;
    let thread = Thread::Client(client);
    load.context.release(thread);
    load.context.time = cluster.now_ns - load.journal.origin_ns();
    let completion = Completion { thread, kind };
    load.generator = load.generator.update(&load.context, &completion);
}

#[cfg(test)]
mod tests;
