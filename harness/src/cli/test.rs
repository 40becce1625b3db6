//! `kensho test`: a workload on a real cluster under faults.

use anyhow::Result;
use clap::Args;
use kensho_nemesis::{catalogue, schedule};
use kensho_results::store::RunFolder;
use kensho_workloads::workload::{Settings, clients_for};
use serde_json::{Map, json};

use super::options::{ClusterOptions, LoadOptions, RunOptions};
use super::refusal::Refusal;
use super::session::{self, Subject, Wanted, block_on};
use super::span::Span;
use crate::runner::{Outcome, Play};
use crate::system::{self, kensho, toy};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What clients do: kensho workloads lists what there is
    workload: String,
    /// What it is done on: kensho systems lists what there is
    #[arg(long, default_value = "kensho", value_name = "NAME")]
    system: String,
    /// How long clients work under faults
    #[arg(long, default_value = "60s", value_name = "TIME")]
    time_limit: Span,
    /// What goes wrong: families (kill, pause, partition, disk, packet), single
    /// faults by name (kensho faults lists them), or none
    #[arg(
        long,
        default_value = "kill,pause,partition,disk",
        value_delimiter = ',',
        value_name = "NAME,..."
    )]
    nemesis: Vec<String>,
    /// How long the cluster may take to become whole, at the start and after the last fault, and its
    /// objects to be read at the end [default: 60s]
    #[arg(long, value_name = "TIME")]
    settle_limit: Option<Span>,
    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    load: LoadOptions,
    #[command(flatten)]
    run: RunOptions,
}

impl Arguments {
    fn subject(&self) -> Result<Subject<'_>> {
        match self.system.as_str() {
            name if name == kensho::DESCRIBED.name => Ok(Subject::Kensho {
                cluster: &self.cluster,
                proxies: true,
            }),
            name if name == toy::DESCRIBED.name => Ok(Subject::Toy),
            name => {
                let names: Vec<&str> = system::ALL.iter().map(|system| system.name).collect();
                let names = names.join(", ");
                let text = format!("there is no system {name:?}; there are: {names}");
                Err(Refusal(text).into())
            }
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let (outcome, folder) = block_on(play(arguments))?;
    session::tell(&outcome.verdict, &folder);
    if arguments.cluster.record {
        println!("recorded: kensho replay {}", folder.path().display());
    }
    Ok(outcome.verdict.valid.exit_code())
}

/// Makes the run that `arguments` ask for.
///
/// # Errors
/// If they do not fit, the cluster cannot be started, or the history cannot be written.
pub(super) async fn play(arguments: &Arguments) -> Result<(Outcome, RunFolder)> {
    let workload = kensho_workloads::find(&arguments.workload).map_err(Refusal)?;
    let names = arguments.nemesis.iter().map(String::as_str);
    let subject = arguments.subject()?;
    let system = subject.described();
    let no_objects = Settings::for_partitions(1, 0);
    clients_for(workload, no_objects, system.calls).map_err(Refusal)?;
    let able = system.able.iter().copied().collect();
    let entries = catalogue::select(names, &able);
    let entries = entries.map_err(|error| Refusal(error.to_string()))?;
    let seed = arguments.run.seed.get();
    let heartbeat_ms = subject.heartbeat_ms();
    let time_limit = arguments.time_limit;
    let usual = schedule::Settings::usual(seed, heartbeat_ms, time_limit.milliseconds());
    let faults = schedule::plan(&usual, &entries);
    if faults.is_empty() && !entries.is_empty() {
        let text = format!(
            "--time-limit {time_limit} is too short for a fault; give more, or --nemesis none"
        );
        return Err(Refusal(text).into());
    }
    let mut own = Map::new();
    own.insert("time-limit".into(), json!(time_limit.to_string()));
    own.insert("nemesis".into(), json!(arguments.nemesis.join(",")));
    if let Some(limit) = arguments.settle_limit {
        own.insert("settle-limit".into(), json!(limit.to_string()));
    }
    let wanted = Wanted {
        words: &["kensho", "test", workload.name()],
        workload,
        subject,
        load: &arguments.load,
        run: &arguments.run,
        seed,
        own,
        faults,
        play: Play::Timed {
            time_limit: time_limit.duration(),
        },
        settle_limit: arguments
            .settle_limit
            .map_or(session::SETTLE_LIMIT, Span::duration),
    };
    session::make(wanted).await
}
