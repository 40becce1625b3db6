//! One whole run of a test, from the first node's start to the verdict on disk.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Error, Result, anyhow, bail};
use futures_util::future::join_all;
use kensho_checker::history::{Builder, History, Reader};
use kensho_nemesis::schedule::Planned;
use kensho_results::figures::write_latency_log;
use kensho_results::progress::Stage;
use kensho_results::report;
use kensho_results::run::RunRecord;
use kensho_results::sample::Sample;
use kensho_results::store::RunFolder;
use kensho_results::verdict::{FaultRecord, Verdict};
use kensho_workloads::Workload;
use kensho_workloads::call::CallKind;
use kensho_workloads::generator::{Generator, any};
use kensho_workloads::workload::{Clients, Settings, clients_for};

use super::clock::Clock;
use super::interpreter::{Cast, Interpreter, PhaseEnd};
use super::interrupt::Interrupt;
use super::journal::Journal;
use super::judge::{Evidence, judge};
use super::live::{Live, Scope};
use super::nemesis::{Faults, Means, at_planned_times, one_by_one, wait_until_settled};
use super::placed;
use super::progress::{Progress, Tally};
use super::told::Told;
use super::watch::{Sightings, Watch};
use crate::system::{Client, Roles, System, partition_of, partitions_of};

/// How the main phase goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Play {
    /// Faults at their planned times, until the time is up.
    Timed {
        /// How long the main phase lasts.
        time_limit: Duration,
    },
    /// Faults one after another, each beginning in a whole cluster.
    Rounds {
        /// How long each fault lasts.
        hold: Duration,
        /// Quiet time before each fault.
        quiet: Duration,
    },
}

impl Play {
    /// How long the main phase lasts, if that is known before.
    pub fn length(&self) -> Option<Duration> {
        match self {
            Play::Timed { time_limit } => Some(*time_limit),
            Play::Rounds { .. } => None,
        }
    }
}

/// What a run is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What clients do.
    pub workload: &'static dyn Workload,
    /// How its objects are used.
    pub objects: Settings,
    /// The calls that the system serves.
    pub calls: &'static [CallKind],
    /// Whether the system promises no more than asynchronous replication can.
    pub may_lose: bool,
    /// How many clients.
    pub clients: usize,
    /// Operations per second that are begun on average; as many as clients can do if there is none.
    pub rate: Option<f64>,
    /// The faults.
    pub faults: Vec<Planned>,
    /// How the main phase goes.
    pub play: Play,
    /// How long the cluster may take to become whole, at the start and at the end.
    pub settle_limit: Duration,
    /// How long the final phase may take.
    pub final_limit: Duration,
}

/// What a run gave.
pub struct Outcome {
    /// The verdict; it is on disk as well.
    pub verdict: Verdict,
    /// Every client operation of the main phase.
    pub samples: Vec<Sample>,
    /// What did not go well without touching the verdict.
    pub warnings: Vec<String>,
}

/// What happened, before anybody has judged it.
struct Played {
    began: SystemTime,
    samples: Vec<Sample>,
    length_ns: u64,
    faults: Vec<FaultRecord>,
    sightings: Sightings,
    unread: Vec<String>,
    troubles: Vec<String>,
}

/// Makes a run on `system` and leaves everything in `folder`.
///
/// # Errors
/// If the system does not serve the workload, nodes cannot be started, or the history cannot be written or read; the nodes are stopped
/// then too.
pub async fn run<S: System>(
    system: Arc<S>,
    plan: &Plan,
    record: &RunRecord,
    folder: &RunFolder,
    interrupt: Interrupt,
) -> Result<Outcome> {
    folder.write_json(&folder.run(), record)?;
    let tally = Arc::new(Tally::default());
    let scope = Scope {
        length: plan.play.length(),
        faults: plan.faults.len(),
    };
    let live = Live::start(folder, Arc::clone(&tally), scope);
    let outcome = run_watched(system, plan, record, folder, interrupt, tally, &live).await;
    match &outcome {
        Ok(_) => live.enter(Stage::Ended),
        Err(error) => live.fail(format!("{error:#}")),
    }
    outcome
}

async fn run_watched<S: System>(
    system: Arc<S>,
    plan: &Plan,
    record: &RunRecord,
    folder: &RunFolder,
    interrupt: Interrupt,
    tally: Arc<Tally>,
    live: &Live,
) -> Result<Outcome> {
    let acting = clients_for(plan.workload, plan.objects, plan.calls).map_err(Error::msg)?;
    let played = match start(&*system, plan, &*acting, interrupt.clone()).await {
        Ok(()) => {
            let system = Arc::clone(&system);
            play(system, plan, acting, folder, interrupt, tally, live).await
        }
        Err(error) => Err(error),
    };
    let mut warnings = stop(&*system).await;
    let played = played?;
    live.enter(Stage::Judging);
    let verdict = judge_played(&*system, plan, &played, folder)?;
    // The verdict stands whether or not it can be drawn.
    if let Err(error) = report::write(folder, record, &verdict) {
        warnings.push(format!("{error:#}"));
    }
    Ok(Outcome {
        verdict,
        samples: played.samples,
        warnings,
    })
}

/// Starts all nodes and waits until they are a whole cluster with containers.
async fn start<S: System>(
    system: &S,
    plan: &Plan,
    acting: &dyn Clients,
    mut interrupt: Interrupt,
) -> Result<()> {
    let starting = async {
        system.install().await?;
        for started in join_all(system.nodes().iter().map(|node| system.start(node))).await {
            started?;
        }
        let limit = plan.settle_limit;
        wait_until_settled(system, limit).await.map_err(|missing| {
            anyhow!(
                "the cluster is not whole after {} s: {missing}",
                limit.as_secs()
            )
        })?;
        system
            .create_containers(&acting.containers(), acting.values())
            .await
    };
    tokio::select! {
        started = starting => started,
        () = interrupt.wait() => bail!("interrupted while the nodes started"),
    }
}

/// Plays main and final phase.
async fn play<S: System>(
    system: Arc<S>,
    plan: &Plan,
    acting: Box<dyn Clients>,
    folder: &RunFolder,
    interrupt: Interrupt,
    tally: Arc<Tally>,
    live: &Live,
) -> Result<Played> {
    let clients: Vec<S::Client> = (0..plan.clients).map(|n| system.client(n)).collect();
    join_all(clients.iter().map(Client::ready)).await;
    live.enter(Stage::Main);
    let clock = Clock::start();
    let journal = Journal::create(&folder.history())?;
    let watch = Watch::start(Arc::clone(&system), clock, &folder.table())?;
    let faults = Faults::default();
    let means = Means::new(
        Arc::clone(&system),
        clock,
        Arc::new(plan.faults.clone()),
        faults.clone(),
        Arc::clone(&tally),
    );
    let main = main_phase(plan, acting.generator());
    let cast = Cast {
        clients,
        acting,
        nemesis: means,
    };
    let mut interpreter = Interpreter::new(
        Arc::clone(&system),
        clock,
        journal,
        cast,
        Arc::clone(&tally),
        interrupt,
    );
    let progress = Progress::start(tally, plan.play.length());
    let main_end = interpreter.play(main, Duration::MAX).await?;
    let length_ns = clock.now_ns();
    drop(progress);
    live.enter(Stage::Final);

    let undone = faults.end_all(&*system, clock).await;
    let mut troubles = undone.troubles;
    if main_end == PhaseEnd::Interrupted {
        troubles.push("the run was interrupted".to_string());
    }
    let samples = interpreter.take_samples();
    let mut unread = Vec::new();
    if main_end == PhaseEnd::Done {
        if let Err(missing) = wait_until_settled(&*system, plan.settle_limit).await {
            let seconds = plan.settle_limit.as_secs();
            let text =
                format!("{seconds} s after the last fault the cluster is not whole: {missing}");
            troubles.push(text);
        }
        let reads = interpreter.final_phase();
        interpreter.play(reads, plan.final_limit).await?;
        unread = interpreter.unread();
    }
    Ok(Played {
        began: clock.began(),
        samples,
        length_ns,
        faults: faults.all(),
        sightings: watch.sightings(),
        unread,
        troubles,
    })
}

/// The generator of the main phase.
fn main_phase(plan: &Plan, operations: Generator) -> Generator {
    let clients = match plan.rate {
        Some(rate) => operations.stagger((1e9 / rate) as u64, plan.objects.seed),
        None => operations,
    };
    let clients = clients.on_clients();
    match plan.play {
        Play::Timed { time_limit } => {
            let limit = u64::try_from(time_limit.as_nanos()).unwrap_or(u64::MAX);
            any([at_planned_times(&plan.faults), clients]).time_limit(limit)
        }
        Play::Rounds { hold, quiet } => one_by_one(&plan.faults, hold, quiet).alongside(clients),
    }
}

/// Stops all nodes; gives what did not go well.
async fn stop<S: System>(system: &S) -> Vec<String> {
    let stopped = join_all(system.nodes().iter().map(|node| system.stop(node))).await;
    stopped
        .into_iter()
        .filter_map(Result::err)
        .map(|error| format!("{error:#}"))
        .collect()
}

/// Judges what lies on disk, and writes verdict and figures beside it.
fn judge_played<S: System>(
    system: &S,
    plan: &Plan,
    played: &Played,
    folder: &RunFolder,
) -> Result<Verdict> {
    let mut told = Told::new(plan.workload);
    let history = read_history(folder, &mut told)?;
    let report = plan.workload.check(&history);
    let partition_of_key = |key: &str| {
        let container = plan.workload.container(&plan.objects, key);
        container.map_or(0, |container| partition_of(system, &container))
    };
    let began_unix_ms = played
        .began
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .and_then(|since| u64::try_from(since.as_millis()).ok());
    let mut failovers = played.sightings.failovers.clone();
    if let Some(began_unix_ms) = began_unix_ms {
        placed::by_records(folder, system.nodes(), began_unix_ms, &mut failovers);
    }
    let verdict = judge(Evidence {
        workload: plan.workload,
        history: &history,
        answers: told.finish(),
        report: &report,
        may_lose: plan.may_lose,
        rate: plan.rate,
        began_unix_ms,
        samples: &played.samples,
        length_ns: played.length_ns,
        faults: played.faults.clone(),
        faults_planned: plan.faults.len(),
        failovers,
        exits: played.sightings.exits.clone(),
        unread: played.unread.clone(),
        troubles: played.troubles.clone(),
        lease_ms: system.roles().map_or(0, Roles::lease_ms),
        partitions: partitions_of(system),
        partition_of_key: &partition_of_key,
    });
    folder.write_json(&folder.verdict(), &verdict)?;
    let mut log = BufWriter::new(File::create(folder.latency())?);
    write_latency_log(&mut log, &played.samples, played.began)?;
    Ok(verdict)
}

/// The history as it lies on disk; also what clients were told in it.
fn read_history(folder: &RunFolder, told: &mut Told) -> Result<History> {
    let path = folder.history();
    let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut builder = Builder::default();
    for event in Reader::new(BufReader::new(file)) {
        let event = event.with_context(|| format!("in {}", path.display()))?;
        told.push(&event);
        builder.push(&event);
    }
    Ok(builder.finish())
}
