//! The nemesis at work: injects planned faults, undoes them, and puts down what it did.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use kensho_nemesis::catalogue::{CATALOGUE, Entry};
use kensho_nemesis::fault::{Action, ClientAccess, Heal, Injection, Shape, Target};
use kensho_nemesis::proxy::Conduct;
use kensho_nemesis::schedule::Planned;
use kensho_nemesis::target::Chooser;
use kensho_nemesis::topology::cuts;
use kensho_results::verdict::{FaultOutcome, FaultRecord, InjectionRecord};
use kensho_workloads::generator::{Generator, phases, sequence};
use kensho_workloads::operation::Operation;
use serde_json::{Value, json};

use super::clock::Clock;
use super::interpreter::Nemesis;
use super::progress::Tally;
use crate::system::table::Table;
use crate::system::{Status, System};

/// A fault waits so long for somebody to tell who is master and owner.
const TABLE_LIMIT: Duration = Duration::from_secs(3);
/// The cluster has so long to become whole where a schedule asks for it.
const SETTLE_LIMIT: Duration = Duration::from_secs(60);
/// The name of the operation that waits for it.
const SETTLE: &str = "settle";

/// The faults at their planned times.
pub fn at_planned_times(plan: &[Planned]) -> Generator {
    let steps = plan.iter().enumerate().flat_map(|(fault, planned)| {
        [
            step(planned, fault, "inject").not_before(planned.start_ms * 1_000_000),
            step(planned, fault, "heal").not_before(planned.end_ms * 1_000_000),
        ]
    });
    sequence(steps).on_nemesis()
}

/// The faults one after another, each for `hold`, each beginning in a whole cluster.
pub fn one_by_one(plan: &[Planned], hold: Duration, quiet: Duration) -> Generator {
    let ns = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let steps = plan.iter().enumerate().flat_map(|(fault, planned)| {
        [
            step(planned, fault, "inject").after(ns(quiet)),
            step(planned, fault, "heal").after(ns(hold)),
            Generator::once(Operation::new(SETTLE)),
        ]
    });
    phases(steps).on_nemesis()
}

fn step(planned: &Planned, fault: usize, what: &str) -> Generator {
    let name = entry(&planned.fault.name).map_or("fault", |entry| entry.name);
    Generator::once(Operation::new(name).with(json!({"do": what, "fault": fault})))
}

fn entry(name: &str) -> Option<&'static Entry> {
    CATALOGUE.iter().find(|entry| entry.name == name)
}

/// What the nemesis did, shared with whoever writes the verdict.
#[derive(Clone, Debug, Default)]
pub struct Records(Arc<Mutex<BTreeMap<usize, FaultRecord>>>);

impl Records {
    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<usize, FaultRecord>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts down that everything was undone at a time, for faults whose own end never came.
    pub fn close(&self, at_ms: u64) {
        self.with(|records| {
            for record in records
                .values_mut()
                .filter(|record| record.health_after.is_empty())
            {
                record.end_ms = at_ms;
            }
        });
    }

    /// All faults that were begun, in order.
    pub fn all(&self) -> Vec<FaultRecord> {
        self.with(|records| records.values().cloned().collect())
    }
}

/// The means: a system that can be hurt.
pub struct Means<S: System> {
    system: Arc<S>,
    clock: Clock,
    plan: Arc<Vec<Planned>>,
    records: Records,
    tally: Arc<Tally>,
}

impl<S: System> Means<S> {
    /// Works on `system` along `plan`.
    pub fn new(
        system: Arc<S>,
        clock: Clock,
        plan: Arc<Vec<Planned>>,
        records: Records,
        tally: Arc<Tally>,
    ) -> Means<S> {
        Means {
            system,
            clock,
            plan,
            records,
            tally,
        }
    }

    async fn inject(&mut self, number: usize, planned: &Planned) -> Value {
        let health_before = health(&*self.system).await;
        let targets: Vec<Target> = planned.fault.injections.iter().map(|i| i.target).collect();
        let table = self.known_table(&targets).await;
        let view = table.view(self.system.nodes());
        let mut chooser = Chooser::new(&view, &targets, planned.seed);
        let partition = targets.iter().any(|target| of_partition(*target));
        let mut record = FaultRecord {
            name: planned.fault.name.clone(),
            text: entry(&planned.fault.name)
                .map_or("", |entry| entry.text)
                .to_string(),
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
        let begin = Instant::now();
        for injection in &planned.fault.injections {
            let due = begin + Duration::from_millis(injection.after_ms);
            tokio::time::sleep_until(due.into()).await;
            let chosen = chooser.choose(injection.target);
            let mut done = self.apply(injection, chosen, &table, planned.seed);
            if injection.action == Action::Restart {
                self.start_again(&mut done).await;
            }
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
        self.records.with(|records| records.insert(number, record));
        told
    }

    /// The table, with what the targets need known in it if that comes within reasonable time.
    async fn known_table(&self, targets: &[Target]) -> Table {
        let begin = Instant::now();
        loop {
            let table = self.system.table().await.unwrap_or_default();
            let known = table.master.is_some() && !table.partitions.is_empty();
            if known || targets.is_empty() || begin.elapsed() > TABLE_LIMIT {
                return table;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn apply(
        &self,
        injection: &Injection,
        chosen: Result<BTreeSet<String>, String>,
        table: &Table,
        seed: u64,
    ) -> InjectionRecord {
        let mut record = InjectionRecord {
            action: action_text(injection.action),
            targets: Vec::new(),
            outcome: FaultOutcome::Applied,
            why: None,
            at_ms: self.clock.now_ms(),
            owners: Vec::new(),
            master: false,
        };
        let targets = match chosen {
            Ok(targets) => targets,
            Err(why) => {
                return InjectionRecord {
                    outcome: FaultOutcome::Skipped,
                    why: Some(why),
                    ..record
                };
            }
        };
        let mut troubles = Vec::new();
        let mut skipped = Vec::new();
        if let Action::Partition { shape, clients, .. } = injection.action {
            let pairs = cuts(shape, clients, self.system.nodes(), &targets, seed);
            let conduct = match shape {
                Shape::Unanswered => Conduct::UNANSWERED,
                _ => Conduct::CUT,
            };
            match self.system.disturb(&pairs, conduct) {
                Ok(count) if count == pairs.len() && count > 0 => {}
                Ok(count) => {
                    troubles.push(format!("{count} of {} links are disturbed", pairs.len()));
                }
                Err(error) => troubles.push(format!("{error:#}")),
            }
        } else {
            for node in &targets {
                let act = match injection.action {
                    Action::Pause => S::pause,
                    Action::FillDisk => S::fill_disk,
                    _ => S::kill,
                };
                match self.system.status(node) {
                    Status::Running => {
                        if let Err(error) = act(&self.system, node) {
                            troubles.push(format!("{error:#}"));
                        }
                    }
                    // Already hit by this very fault, as when an owner is the master as well.
                    Status::Paused | Status::Stopped => skipped.push(node.clone()),
                    Status::Exited(status) => {
                        troubles.push(format!("{node} had ended by itself: {status}"));
                    }
                }
            }
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
            record.why = Some(format!("{} was not running", skipped.join(", ")));
        }
        record
    }

    /// Starts the nodes that a restart has killed.
    async fn start_again(&self, record: &mut InjectionRecord) {
        let started = join_all(record.targets.iter().map(|node| self.system.start(node))).await;
        let troubles: Vec<String> = started
            .into_iter()
            .filter_map(Result::err)
            .map(|error| format!("{error:#}"))
            .collect();
        if !troubles.is_empty() {
            record.outcome = FaultOutcome::Failed;
            record.why = Some(troubles.join("; "));
        }
    }

    async fn heal(&mut self, number: usize, planned: &Planned) -> Value {
        let health_during = health(&*self.system).await;
        let heal = planned
            .fault
            .injections
            .iter()
            .find_map(|injection| match injection.action {
                Action::Partition { heal, .. } => Some(heal),
                Action::Kill | Action::Restart | Action::Pause | Action::FillDisk => None,
            });
        let undone = undo(&*self.system, heal.unwrap_or(Heal::Close), self.clock).await;
        let health_after = health(&*self.system).await;
        self.tally.set_fault(None);
        let told = json!({
            "do": "heal",
            "fault": number,
            "troubles": undone.troubles,
            "health_during": health_during,
            "health_after": health_after,
        });
        self.records.with(|records| {
            if let Some(record) = records.get_mut(&number) {
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
        let plan = Arc::clone(&self.plan);
        let fault = operation.value["fault"]
            .as_u64()
            .and_then(|n| usize::try_from(n).ok());
        let planned = fault.and_then(|number| Some((number, plan.get(number)?)));
        match (operation.f, operation.value["do"].as_str(), planned) {
            (SETTLE, ..) => self.settle().await,
            (_, Some("inject"), Some((number, planned))) => self.inject(number, planned).await,
            (_, Some("heal"), Some((number, planned))) => self.heal(number, planned).await,
            _ => json!({"error": format!("the nemesis does not know {operation:?}")}),
        }
    }
}

/// What came of undoing everything.
pub struct Undone {
    /// When links were open, paused nodes continued and killed ones told to start.
    pub at_ms: u64,
    /// What did not work.
    pub troubles: Vec<String>,
}

/// Opens every link, makes room on every disk, continues every paused node, starts every node that
/// does not run.
pub async fn undo<S: System>(system: &S, heal: Heal, clock: Clock) -> Undone {
    system.heal(heal);
    let mut troubles = Vec::new();
    if let Err(error) = system.make_room() {
        troubles.push(format!("{error:#}"));
    }
    let mut down = Vec::new();
    for node in system.nodes() {
        match system.status(node) {
            Status::Running => {}
            Status::Paused => {
                if let Err(error) = system.resume(node) {
                    troubles.push(format!("{error:#}"));
                }
            }
            Status::Stopped | Status::Exited(_) => down.push(node),
        }
    }
    let at_ms = clock.now_ms();
    let started = join_all(down.into_iter().map(|node| system.start(node))).await;
    troubles.extend(
        started
            .into_iter()
            .filter_map(Result::err)
            .map(|error| format!("{error:#}")),
    );
    Undone { at_ms, troubles }
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

/// Whether a target is meant by its role for the drawn partition.
fn of_partition(target: Target) -> bool {
    matches!(
        target,
        Target::Owner | Target::OwnerNotMaster | Target::Backup | Target::OwnerAndBackup
    )
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

fn action_text(action: Action) -> String {
    match action {
        Action::Kill => "kill".to_string(),
        Action::Restart => "restart".to_string(),
        Action::Pause => "pause".to_string(),
        Action::FillDisk => "fill the disk".to_string(),
        Action::Partition {
            shape,
            clients,
            heal,
        } => {
            let (shape, around) = match shape {
                Shape::Split => ("cut off", true),
                Shape::Deaf => ("make deaf", true),
                Shape::Mute => ("make mute", true),
                Shape::MajorityRing => ("arrange in a ring of majorities", false),
                Shape::Bridge => ("make a bridge", false),
                Shape::Apart => ("cut off from each other", false),
                Shape::Unanswered => ("hold answers to clients", false),
            };
            let clients = match clients {
                ClientAccess::Cut if around => "clients do not reach it",
                ClientAccess::Cut | ClientAccess::Kept => "clients still reach it",
            };
            let heal = match heal {
                Heal::Close => "held connections are closed at the end",
                Heal::Release => "held bytes flow at the end",
            };
            format!("{shape}; {clients}; {heal}")
        }
    }
}
