//! The nemesis at work: injects planned faults, undoes them, and puts down what it did.

mod effect;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use kensho_nemesis::fault::{Injection, Target};
use kensho_nemesis::schedule::Planned;
use kensho_nemesis::target::Chooser;
use kensho_results::verdict::{FaultOutcome, FaultRecord, InjectionRecord};
use kensho_workloads::generator::{Generator, phases, sequence};
use kensho_workloads::operation::Operation;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::clock::Clock;
use super::interpreter::Nemesis;
use super::progress::Tally;
use crate::system::System;
use crate::system::table::Table;
use effect::{Effect, Injected};

pub use effect::Undone;

/// A fault waits so long for somebody to tell who is master and owner.
const TABLE_LIMIT: Duration = Duration::from_secs(3);
/// What takes data away waits so long for the cluster to be whole, and is not done otherwise. The schedule leaves
/// time for that; this is for busy machines.
const WHOLE_LIMIT: Duration = Duration::from_secs(20);
/// The cluster has so long to become whole where a schedule asks for it.
const SETTLE_LIMIT: Duration = Duration::from_secs(60);

/// What the nemesis is asked to do, as it stands in the history. `fault` is the place in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
enum Step {
    /// A fault begins.
    Inject { fault: usize },
    /// A fault ends.
    Heal { fault: usize },
    /// Nothing is done until the cluster is whole.
    Settle,
}

impl Step {
    fn once(self, name: &'static str) -> Generator {
        Generator::once(Operation::new(name).with(json!(self)))
    }
}

/// The faults at their planned times, which may overlap.
pub fn at_planned_times(plan: &[Planned]) -> Generator {
    let mut steps: Vec<(u64, &'static str, Step)> = Vec::new();
    for (fault, planned) in plan.iter().enumerate() {
        let name = planned.fault.name;
        steps.push((planned.start_ms, name, Step::Inject { fault }));
        steps.push((planned.end_ms, name, Step::Heal { fault }));
    }
    steps.sort_by_key(|(at_ms, ..)| *at_ms);
    let steps = steps.into_iter().map(|(at_ms, name, step)| {
        let at_ns = at_ms * 1_000_000;
        step.once(name).not_before(at_ns)
    });
    sequence(steps).on_nemesis()
}

/// The faults one after another, each for `hold`, each beginning in a whole cluster.
pub fn one_by_one(plan: &[Planned], hold: Duration, quiet: Duration) -> Generator {
    let ns = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let steps = plan.iter().enumerate().flat_map(|(fault, planned)| {
        let name = planned.fault.name;
        [
            Step::Inject { fault }.once(name).after(ns(quiet)),
            Step::Heal { fault }.once(name).after(ns(hold)),
            Step::Settle.once("settle"),
        ]
    });
    phases(steps).on_nemesis()
}

/// What the nemesis did and does, shared with whoever ends what goes on and writes the verdict.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    /// By the fault's place in the plan.
    records: BTreeMap<usize, FaultRecord>,
    /// What faults that go on have done.
    ongoing: BTreeMap<usize, Vec<Effect>>,
}

impl Faults {
    fn with<T>(&self, act: impl FnOnce(&mut Kept) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// All faults that were begun, in order.
    pub fn all(&self) -> Vec<FaultRecord> {
        self.with(|kept| kept.records.values().cloned().collect())
    }

    /// Ends whatever goes on, and starts nodes that have ended by themselves.
    pub async fn end_all<S: System>(&self, system: &S, clock: Clock) -> Undone {
        let ongoing = self.with(|kept| std::mem::take(&mut kept.ongoing));
        let mut effects = Vec::new();
        for fault in ongoing.values() {
            effects.extend(fault.iter().cloned());
        }
        let undone = effect::undo(system, &effects, &[], clock).await;
        self.with(|kept| {
            for fault in ongoing.keys() {
                if let Some(record) = kept.records.get_mut(fault) {
                    record.end_ms = undone.at_ms;
                }
            }
        });
        undone
    }
}

/// The means: a system that can be hurt.
pub struct Means<S: System> {
    system: Arc<S>,
    clock: Clock,
    plan: Arc<Vec<Planned>>,
    faults: Faults,
    tally: Arc<Tally>,
}

impl<S: System> Means<S> {
    /// Works on `system` along `plan`.
    pub fn new(
        system: Arc<S>,
        clock: Clock,
        plan: Arc<Vec<Planned>>,
        faults: Faults,
        tally: Arc<Tally>,
    ) -> Means<S> {
        Means {
            system,
            clock,
            plan,
            faults,
            tally,
        }
    }

    async fn inject(&mut self, number: usize, planned: &Planned) -> Value {
        let health_before = health(&*self.system).await;
        let targets: Vec<Target> = planned.fault.injections.iter().map(|i| i.target).collect();
        let table = self.known_table(&targets).await;
        let view = table.view(self.system.nodes());
        let mut chooser = Chooser::new(&view, &targets, planned.seed);
        let partition = targets.iter().any(|target| target.of_partition());
        let mut record = FaultRecord {
            name: planned.fault.name.to_string(),
            text: planned.fault.text.to_string(),
            targets: Vec::new(),
            start_ms: self.clock.now_ms(),
            end_ms: self.clock.now_ms(),
            outcome: FaultOutcome::Applied,
            injections: Vec::new(),
            partition: if partition { chooser.partition() } else { None },
            owned: Vec::new(),
            health_before,
            health_during: BTreeMap::new(),
            health_after: BTreeMap::new(),
        };
        // What was begun must be undone even if this is given up in the middle.
        self.faults
            .with(|kept| kept.ongoing.insert(number, Vec::new()));
        let begin = Instant::now();
        for injection in &planned.fault.injections {
            let due = begin + Duration::from_millis(injection.after_ms);
            tokio::time::sleep_until(due.into()).await;
            let chosen = chooser.choose(injection.target);
            let done = self
                .injection(number, injection, chosen, &table, planned.seed)
                .await;
            record
                .owned
                .extend(done.targets.iter().flat_map(|node| table.owned_by(node)));
            record.targets.extend(done.targets.iter().cloned());
            record.injections.push(done);
        }
        // What a reader looks for are sets.
        record.owned = record
            .owned
            .into_iter()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        record.targets = record
            .targets
            .into_iter()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        record.outcome = overall(&record.injections);
        self.tally.set_fault(Some(format!(
            "{} {}",
            record.name,
            record.targets.join(" ")
        )));
        let told = json!({
            "do": "inject",
            "fault": number,
            "outcome": record.outcome,
            "injections": record.injections,
            "partition": record.partition,
            "health_before": record.health_before,
        });
        self.faults.with(|kept| kept.records.insert(number, record));
        told
    }

    /// The table, with what the targets need known in it if that comes within reasonable time.
    async fn known_table(&self, targets: &[Target]) -> Table {
        let begin = Instant::now();
        let by_role = targets.iter().any(|target| target.needs().is_some());
        loop {
            let Some(roles) = self.system.roles() else {
                return Table::default();
            };
            let table = roles.table().await.unwrap_or_default();
            let known = table.master.is_some() && !table.partitions.is_empty();
            if known || !by_role || begin.elapsed() > TABLE_LIMIT {
                return table;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Does one thing to the nodes that were chosen, and keeps what undoes it.
    async fn injection(
        &self,
        fault: usize,
        injection: &Injection,
        chosen: Result<BTreeSet<String>, String>,
        table: &Table,
        seed: u64,
    ) -> InjectionRecord {
        let mut record = InjectionRecord {
            kind: Some(words::kind(injection.action)),
            action: words::text(injection.action),
            targets: Vec::new(),
            outcome: FaultOutcome::Applied,
            why: None,
            at_ms: self.clock.now_ms(),
            owners: Vec::new(),
            master: false,
        };
        let whole = match injection.action.takes_data() {
            true => wait_until_settled(&*self.system, WHOLE_LIMIT).await,
            false => Ok(()),
        };
        let whole = whole.map_err(|missing| format!("the cluster was not whole: {missing}"));
        let targets = match whole.and(chosen) {
            Ok(targets) => targets,
            Err(why) => {
                return InjectionRecord {
                    outcome: FaultOutcome::Skipped,
                    why: Some(why),
                    ..record
                };
            }
        };
        let Injected {
            effect,
            skipped,
            mut troubles,
        } = effect::inject(&*self.system, fault, injection.action, &targets, seed);
        self.faults.with(|kept| {
            let effects = kept.ongoing.entry(fault).or_default();
            effects.push(effect.clone());
        });
        if let Effect::Restarted(nodes) | Effect::Cloned(nodes) = &effect {
            troubles.extend(effect::start_all(&*self.system, nodes).await);
        }
        if troubles.is_empty() {
            troubles.extend(effect::unseen(&*self.system, &effect).await);
        }
        record.owners = targets
            .iter()
            .filter(|node| !table.owned_by(node).is_empty())
            .cloned()
            .collect();
        record.master = table
            .master
            .as_ref()
            .is_some_and(|master| targets.contains(master));
        record.targets = targets
            .into_iter()
            .filter(|node| !skipped.contains(node))
            .collect();
        if !troubles.is_empty() {
            record.outcome = FaultOutcome::Failed;
            record.why = Some(troubles.join("; "));
        } else if record.targets.is_empty() {
            record.outcome = FaultOutcome::Skipped;
            record.why = Some(format!("there was nothing to do to {}", skipped.join(", ")));
        }
        record
    }

    async fn heal(&mut self, number: usize) -> Value {
        let health_during = health(&*self.system).await;
        let (effects, others) = self.faults.with(|kept| {
            let own = kept.ongoing.remove(&number).unwrap_or_default();
            let others: Vec<Effect> = kept.ongoing.values().flatten().cloned().collect();
            (own, others)
        });
        let undone = effect::undo(&*self.system, &effects, &others, self.clock).await;
        let health_after = health(&*self.system).await;
        self.tally.set_fault(None);
        let told = json!({
            "do": "heal",
            "fault": number,
            "troubles": undone.troubles,
            "health_during": health_during,
            "health_after": health_after,
        });
        self.faults.with(|kept| {
            if let Some(record) = kept.records.get_mut(&number) {
                record.end_ms = undone.at_ms;
                record.health_during = health_during;
                record.health_after = health_after;
                if !undone.troubles.is_empty() {
                    record.outcome = FaultOutcome::Failed;
                    if let Some(last) = record.injections.last_mut() {
                        last.why = Some(undone.troubles.join("; "));
                    }
                }
            }
        });
        told
    }

    async fn settle(&mut self) -> Value {
        match wait_until_settled(&*self.system, SETTLE_LIMIT).await {
            Ok(()) => json!({"settled": true}),
            Err(missing) => json!({"settled": false, "missing": missing}),
        }
    }
}

impl<S: System> Nemesis for Means<S> {
    async fn perform(&mut self, operation: Operation) -> Value {
        let step = match serde_json::from_value(operation.value) {
            Ok(step) => step,
            Err(error) => return json!({"error": format!("no step of a nemesis: {error}")}),
        };
        match step {
            Step::Inject { fault } => {
                let plan = Arc::clone(&self.plan);
                self.inject(fault, &plan[fault]).await
            }
            Step::Heal { fault } => self.heal(fault).await,
            Step::Settle => self.settle().await,
        }
    }
}

/// Waits until the cluster is whole, for at most `limit`.
///
/// # Errors
/// What is missing after that time.
pub async fn wait_until_settled<S: System>(system: &S, limit: Duration) -> Result<(), String> {
    let begin = Instant::now();
    loop {
        match system.settled().await {
            Ok(()) => return Ok(()),
            Err(missing) if begin.elapsed() > limit => return Err(missing),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn health<S: System>(system: &S) -> BTreeMap<String, String> {
    let nodes = system.nodes();
    let health = join_all(nodes.iter().map(|node| system.health(node))).await;
    nodes
        .iter()
        .cloned()
        .zip(health.into_iter().map(|health| health.word().to_string()))
        .collect()
}

fn overall(injections: &[InjectionRecord]) -> FaultOutcome {
    let any = |outcome| {
        injections
            .iter()
            .any(|injection| injection.outcome == outcome)
    };
    if any(FaultOutcome::Failed) {
        FaultOutcome::Failed
    } else if any(FaultOutcome::Skipped) || injections.is_empty() {
        FaultOutcome::Skipped
    } else {
        FaultOutcome::Applied
    }
}
