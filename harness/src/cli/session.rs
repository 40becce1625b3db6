//! One run from the command line: its folder, its record, its cluster, its report.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use kensho_nemesis::capability::{Able, Capability};
use kensho_nemesis::schedule::Planned;
use kensho_results::figures::Phase;
use kensho_results::run::{Host, RunRecord};
use kensho_results::store::RunFolder;
use kensho_results::text::{counted, thousands};
use kensho_results::utc::Utc;
use kensho_results::verdict::{Validity, Verdict};
use kensho_workloads::Workload;
use kensho_workloads::workload::Settings;
use serde_json::{Map, Value, json};

use super::broken_rules;
use super::options::{ClusterOptions, LoadOptions, RunOptions, command, guard};
use crate::identity;
use crate::runner::interrupt::Interrupt;
use crate::runner::{self, Outcome, Plan, Play};
use crate::system::kensho::{self, KenshoSystem, Mode};
use crate::system::program::built_in::BuiltIn;
use crate::system::program::file::File;
use crate::system::program::{self, ProgramSystem};
use crate::system::toy::{self, Flaw, ToySystem};
use crate::system::{Described, System, partitions_of};

/// A cluster has so long to become whole, where nothing else is asked for.
pub(super) const SETTLE_LIMIT: Duration = Duration::from_secs(60);

/// So many kinds of errors are told.
const ERRORS_TOLD_MAX: usize = 6;

/// A system that is to be made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Subject<'a> {
    /// Our cluster.
    Kensho {
        /// What cluster.
        cluster: &'a ClusterOptions,
        /// Whether a proxy stands on each link.
        proxies: bool,
    },
    /// The toy within this program.
    Toy,
    /// A system of the user's, or one whose files lie ready.
    Program(&'a File, Option<&'static BuiltIn>),
}

impl Subject<'_> {
    /// What it is.
    pub(super) fn described(&self) -> &'static Described {
        match self {
            Subject::Kensho { .. } => &kensho::DESCRIBED,
            Subject::Toy => &toy::DESCRIBED,
            Subject::Program(..) => &program::DESCRIBED,
        }
    }

    /// What faults may rely on.
    pub(super) fn able(&self) -> Able {
        let mut can: BTreeSet<Capability> = self.described().able.iter().copied().collect();
        let nodes = match self {
            Subject::Kensho { cluster, .. } => cluster.nodes,
            Subject::Toy => toy::NODES,
            Subject::Program(file, _) => {
                can.extend(file.primary.as_ref().map(|_| Capability::Roles));
                if !file.links {
                    can.remove(&Capability::Links);
                }
                file.nodes
            }
        };
        Able { can, nodes }
    }

    /// Whether it promises no more than asynchronous replication can.
    fn may_lose(&self) -> bool {
        match self {
            Subject::Kensho { cluster, .. } => cluster.mode == Mode::Async,
            Subject::Toy | Subject::Program(..) => false,
        }
    }

    /// The time between heartbeats, from which the length of faults follows, milliseconds.
    pub(super) fn heartbeat_ms(&self) -> u64 {
        match self {
            Subject::Kensho { cluster, .. } => cluster.heartbeat.milliseconds(),
            Subject::Toy => 100,
            // A member is missed after three heartbeats.
            Subject::Program(file, _) => (file.notices_after_ms / 3).max(1),
        }
    }

    /// Its options with their values.
    fn record(&self) -> Map<String, Value> {
        match self {
            Subject::Kensho { cluster, .. } => cluster.record(),
            Subject::Toy => Map::from_iter([("system".to_string(), json!(toy::DESCRIBED.name))]),
            Subject::Program(file, _) => {
                let path = file.path.display().to_string();
                let mut record = Map::from_iter([("system".to_string(), json!(path))]);
                let settings = file.chosen.iter();
                let settings = settings.map(|(name, value)| format!("{name}={value}"));
                let settings: Vec<String> = settings.collect();
                if !settings.is_empty() {
                    record.insert("set".to_string(), json!(settings.join(",")));
                }
                record
            }
        }
    }
}

/// What a subcommand wants to be run.
pub(super) struct Wanted<'a> {
    /// The words of the subcommand.
    pub(super) words: &'a [&'a str],
    /// What clients do.
    pub(super) workload: &'static dyn Workload,
    /// What it is done on.
    pub(super) subject: Subject<'a>,
    /// What load.
    pub(super) load: &'a LoadOptions,
    /// Folder and seed.
    pub(super) run: &'a RunOptions,
    /// The seed that was settled.
    pub(super) seed: u64,
    /// Options of the subcommand itself, for the record.
    pub(super) own: Map<String, Value>,
    /// The faults.
    pub(super) faults: Vec<Planned>,
    /// How the main phase goes.
    pub(super) play: Play,
    /// How long the cluster may take to become whole, and its objects to be read at the end.
    pub(super) settle_limit: Duration,
}

/// Runs `task` with all that it needs around it.
///
/// # Errors
/// Those of the task.
pub(super) fn block_on<T>(task: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(task)
}

/// Makes the run, and leaves everything in its folder.
///
/// # Errors
/// If the cluster cannot be started, or the history cannot be written.
pub(super) async fn make(wanted: Wanted<'_>) -> Result<(Outcome, RunFolder)> {
    let workload = wanted.words.last().copied().unwrap_or("run");
    match wanted.subject {
        Subject::Kensho { cluster, proxies } => {
            cluster.check()?;
            let folder = RunFolder::create(&wanted.run.out, workload, Utc::now())?;
            let nodes = folder.path().join("nodes");
            let mut settings = cluster.settings(nodes, proxies, wanted.load.client_timeout)?;
            let injections = || wanted.faults.iter().flat_map(|f| &f.fault.injections);
            if injections().any(|injection| injection.action.needs() == Capability::Disks) {
                settings.let_disks_be_filled();
            }
            settings.distrust_disks |= injections().any(|one| one.action.takes_data());
            let system = Arc::new(KenshoSystem::new(settings).await?);
            let broken = broken_rules::texts(&cluster.break_rules);
            let outcome = play(Arc::clone(&system), wanted, broken, &folder).await?;
            if outcome.verdict.valid == Validity::Valid {
                system.remove_data();
            }
            Ok((outcome, folder))
        }
        Subject::Toy => {
            let folder = RunFolder::create(&wanted.run.out, workload, Utc::now())?;
            let system = Arc::new(ToySystem::new(Flaw::ForgetsAtFailover));
            let outcome = play(system, wanted, BTreeMap::new(), &folder).await?;
            Ok((outcome, folder))
        }
        Subject::Program(file, built_in) => {
            let folder = RunFolder::create(&wanted.run.out, workload, Utc::now())?;
            let mut file = file.clone();
            if let Some(system) = built_in {
                // Beside what came of it lies what was run.
                let systems = std::path::absolute(folder.path().join("system"))?;
                system.write(&systems)?;
                file.folder = systems.join(system.name);
            }
            let settings = program::Settings {
                file,
                folder: folder.path().join("nodes"),
                guard: guard()?,
                client_timeout: wanted.load.client_timeout.duration(),
            };
            let system = Arc::new(ProgramSystem::new(settings).await?);
            let outcome = play(Arc::clone(&system), wanted, BTreeMap::new(), &folder).await?;
            if outcome.verdict.valid == Validity::Valid {
                system.remove_data();
            }
            Ok((outcome, folder))
        }
    }
}

/// Makes the run on a system that nobody has started yet.
async fn play<S: System>(
    system: Arc<S>,
    wanted: Wanted<'_>,
    broken_rules: BTreeMap<String, String>,
    folder: &RunFolder,
) -> Result<Outcome> {
    let workload = wanted.words.last().copied().unwrap_or("run");
    let mut options = wanted.own;
    options.extend(wanted.subject.record());
    options.extend(wanted.load.record());
    options.insert("seed".into(), json!(wanted.seed));
    options.insert("out".into(), json!(wanted.run.out.display().to_string()));
    let mut versions = system.versions();
    let node = versions
        .get("node program")
        .and_then(Value::as_str)
        .map(PathBuf::from);
    versions.extend(identity::of_programs(node.as_deref()));
    let record = RunRecord {
        workload: workload.to_string(),
        system: system.name().to_string(),
        began: Utc::now().text(),
        seed: wanted.seed,
        command: command(wanted.words, &options),
        options,
        broken_rules,
        planned_faults: serde_json::to_value(&wanted.faults)?,
        versions,
        host: Host::this(),
    };
    let partitions = match wanted.subject {
        Subject::Kensho { .. } | Subject::Toy => u64::from(partitions_of(&*system)),
        // Nobody knows what its data are divided into: enough objects for clients to meet at some and not
        // at others.
        Subject::Program(..) => 4,
    };
    let plan = Plan {
        workload: wanted.workload,
        objects: Settings::for_partitions(partitions, wanted.seed),
        calls: wanted.subject.described().calls,
        may_lose: wanted.subject.may_lose(),
        clients: wanted.load.clients,
        rate: wanted.load.rate.0,
        faults: wanted.faults,
        play: wanted.play,
        settle_limit: wanted.settle_limit,
        final_limit: wanted.settle_limit,
    };
    eprintln!("run {} (seed {})", folder.path().display(), wanted.seed);
    let interrupt = Interrupt::on_signals()?;
    let outcome = runner::run(system, &plan, &record, folder, interrupt).await?;
    for warning in &outcome.warnings {
        eprintln!("warning: {warning}");
    }
    Ok(outcome)
}

/// Tells what clients were told instead of success, most frequent first.
fn tell_errors(verdict: &Verdict) {
    let errors = &verdict.answers.errors;
    if errors.is_empty() {
        return;
    }
    println!();
    println!("{:>10} {:>10}  told instead of success", "fail", "unknown");
    for kind in errors.iter().take(ERRORS_TOLD_MAX) {
        let counts = [kind.failed, kind.unknown].map(thousands);
        println!("{:>10} {:>10}  {:.100}", counts[0], counts[1], kind.text);
    }
    let more = errors.len().saturating_sub(ERRORS_TOLD_MAX);
    if more > 0 {
        println!("{:>23} {more} more kinds are in the report", "");
    }
}

/// Tells the verdict, with the figures that make it believable.
pub(super) fn tell(verdict: &Verdict, folder: &RunFolder) {
    let figures = &verdict.figures;
    println!("{}", verdict.valid.word().to_uppercase());
    println!("{}", verdict.summary);
    for missing in &verdict.missing {
        println!("  missing: {missing}");
    }
    for anomaly in verdict.anomalies.iter().take(3) {
        let text = |name: &str| anomaly[name].as_str().unwrap_or_default().to_string();
        println!("  {}: {}", text("name"), text("text"));
    }
    if let Some(wrong) = verdict.answers.contradiction() {
        println!("  {wrong}");
    }
    for loss in verdict.losses.by_failover.iter().take(10) {
        let writes = match loss.count {
            1 => "1 acknowledged write".to_string(),
            count => format!("{} acknowledged writes", thousands(count as u64)),
        };
        println!("  {writes} lost by {}", loss.failover);
    }
    println!();
    println!(
        "{:<12} {:>10} {:>10} {:>10}",
        "operation", "ok", "fail", "unknown"
    );
    for (name, counts) in &figures.operations {
        let counts = [counts.ok, counts.fail, counts.info].map(thousands);
        println!(
            "{name:<12} {:>10} {:>10} {:>10}",
            counts[0], counts[1], counts[2]
        );
    }
    tell_errors(verdict);
    println!();
    println!(
        "{:<12} {:>10} {:>10} {:>10} {:>10}",
        "faults", "answers/s", "p50 ms", "p99 ms", "max ms"
    );
    for phase in Phase::ALL {
        let Some(rate) = figures.throughput.get(&phase) else {
            continue;
        };
        let latency = figures
            .latency_ms
            .phases
            .get(&phase)
            .copied()
            .unwrap_or_default();
        let name = phase.name();
        let (p50, p99, max) = (latency.p50, latency.p99, latency.max);
        println!("{name:<12} {rate:>10.0} {p50:>10.1} {p99:>10.1} {max:>10.1}");
    }
    if let Some(pace) = figures.pace.filter(|pace| pace.falls_short()) {
        let service = figures.latency_ms.service;
        println!(
            "clients did not keep up: {:.0} of the {:.0} wanted operations/s, so these times are also those of waiting for a client; \
             from when one began: p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
            pace.reached, pace.wanted, service.p50, service.p99, service.max
        );
    }
    println!();
    let counts = &verdict.counts;
    let applied = counted(counts.faults_applied as u64, "fault");
    let kinds = match counts.text() {
        kinds if kinds.is_empty() => kinds,
        kinds => format!(": {kinds}"),
    };
    println!("{applied} applied{kinds}");
    let recovery = figures.availability.recovery_ms_max;
    let recovery = recovery.map_or("never".to_string(), |ms| format!("{:.2} s", ms / 1e3));
    let partition = figures
        .availability
        .partitions
        .iter()
        .map(|outage| outage.ms);
    println!(
        "slowest recovery, from a fault's beginning until every partition answered again: {}",
        if figures.availability.recoveries.is_empty() {
            "-".to_string()
        } else {
            recovery
        },
    );
    println!(
        "longest silence {:.2} s of one partition, {:.2} s overall",
        partition.fold(0.0, f64::max) / 1e3,
        figures.unavailable_ms_max / 1e3,
    );
    println!("report: {}", folder.report().display());
}
