//! `kensho test`: a workload on a real cluster under faults.

use std::path::Path;

use anyhow::Result;
use clap::Args;
use kensho_nemesis::catalogue::{self, Entry};
use kensho_nemesis::schedule;
use kensho_results::store::RunFolder;
use kensho_workloads::workload::{Settings, clients_for};
use serde_json::{Map, json};

use super::options::{ClusterOptions, LoadOptions, RunOptions};
use super::refusal::Refusal;
use super::session::{self, Subject, Wanted, block_on};
use super::span::Span;
use crate::runner::{Outcome, Play};
use crate::system::program::built_in::{self, BuiltIn};
use crate::system::program::file::{File, WrongFile};
use crate::system::{self, kensho, toy};

/// The faults of a run that nobody has said anything about.
const USUAL: [&str; 4] = ["kill", "pause", "partition", "disk"];

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What clients do: kensho workloads lists what there is
    workload: String,
    /// What it is done on: kensho, toy, a real system such as etcd (kensho systems lists them), or a
    /// file that says how your own one is started and asked, such as kensho init system writes
    #[arg(long, default_value = "kensho", value_name = "NAME")]
    system: String,
    /// Settings of the system, of those that kensho systems NAME lists
    #[arg(long, value_delimiter = ',', value_name = "SETTING=VALUE,...")]
    set: Vec<String>,
    /// How long clients work under faults
    #[arg(long, default_value = "60s", value_name = "TIME")]
    time_limit: Span,
    /// What goes wrong: families (kill, pause, partition, disk, folder, packet), single
    /// faults by name (kensho faults lists them), or none
    /// [default: kill,pause,partition,disk, as far as the system can have them]
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    nemesis: Option<Vec<String>>,
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

/// What a system's name means.
enum Named {
    Kensho,
    Toy,
    File(Box<File>, Option<&'static BuiltIn>),
}

impl Arguments {
    /// # Errors
    /// If there is no such system, its file is wrong, or it has no use for options that were given.
    fn named(&self) -> Result<Named> {
        let name = self.system.as_str();
        let built_in = built_in::find(name);
        let named = if name == kensho::DESCRIBED.name {
            self.no_settings()?;
            return Ok(Named::Kensho);
        } else if name == toy::DESCRIBED.name {
            self.no_settings()?;
            Named::Toy
        } else if let Some(system) = built_in {
            Named::File(self.with_settings(system.file())?, built_in)
        } else if Path::new(name).extension().is_some_and(|end| end == "toml") {
            Named::File(self.with_settings(File::read(Path::new(name)))?, None)
        } else {
            let described = system::ALL.iter().map(|system| system.name);
            let names = described.chain(built_in::ALL.iter().map(|system| system.name));
            let names = names.collect::<Vec<_>>().join(", ");
            let text = format!("there is no system {name:?}; there are: {names}");
            return Err(Refusal(text).into());
        };
        // An option that is silently ignored misleads whoever gave it.
        let ours = ClusterOptions::augment_args(clap::Command::new("cluster"));
        let ours: Vec<String> = ours
            .get_arguments()
            .filter_map(|option| Some(format!("--{}", option.get_long()?)))
            .collect();
        let given = std::env::args().find(|word| {
            let (option, _) = word.split_once('=').unwrap_or((word, ""));
            ours.iter().any(|own| own == option)
        });
        match given {
            Some(given) => {
                let ours = kensho::DESCRIBED.name;
                let text = format!("{given} is for the system {ours}, and this one is {name}");
                Err(Refusal(text).into())
            }
            None => Ok(named),
        }
    }

    fn no_settings(&self) -> Result<()> {
        match self.set.first() {
            Some(set) => {
                let name = &self.system;
                let text =
                    format!("--set {set}: the system {name} has options instead; see --help");
                Err(Refusal(text).into())
            }
            None => Ok(()),
        }
    }

    /// A file that was read, with the settings that are asked for.
    fn with_settings(&self, read: Result<File, WrongFile>) -> Result<Box<File>> {
        let mut file = read.map_err(|wrong| Refusal(wrong.to_string()))?;
        let refused = |why: String| Refusal(format!("{}: {why}", file.path.display()));
        if let Some(known) = &file.workloads
            && !known.contains(&self.workload)
        {
            let (workload, known) = (&self.workload, known.join(", "));
            let why = format!("it has no client for {workload}; it has one for {known}");
            return Err(refused(why).into());
        }
        let path = file.path.display().to_string();
        let chosen = file.choose(&self.set);
        chosen.map_err(|why| Refusal(format!("{path}: {why}")))?;
        Ok(Box::new(file))
    }

    /// The faults that are asked for; if none are, whatever usual ones the system can have.
    fn faults(&self, subject: &Subject<'_>) -> Result<Vec<&'static Entry>> {
        let able = subject.able();
        let selected = match &self.nemesis {
            Some(names) => catalogue::select(names.iter().map(String::as_str), &able),
            None => {
                let usual = USUAL.into_iter();
                let possible = usual.filter(|name| catalogue::select([*name], &able).is_ok());
                catalogue::select(possible, &able)
            }
        };
        Ok(selected.map_err(|refused| Refusal(refused.to_string()))?)
    }
}

/// The names by which faults that nobody has asked for can be asked for.
fn usual_names(entries: &[&'static Entry]) -> String {
    let there = |name: &&str| entries.iter().any(|entry| entry.family.name() == *name);
    let names: Vec<&str> = USUAL.into_iter().filter(there).collect();
    match names.is_empty() {
        true => "none".to_string(),
        false => names.join(","),
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
    let named = arguments.named()?;
    let subject = match &named {
        Named::Kensho => Subject::Kensho {
            cluster: &arguments.cluster,
            proxies: true,
        },
        Named::Toy => Subject::Toy,
        Named::File(file, built_in) => Subject::Program(file, *built_in),
    };
    let no_objects = Settings::for_partitions(1, 0);
    let calls = subject.described().calls;
    clients_for(workload, no_objects, calls).map_err(Refusal)?;
    let entries = arguments.faults(&subject)?;
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
    let names = arguments.nemesis.as_ref();
    let names = names.map_or_else(|| usual_names(&entries), |names| names.join(","));
    own.insert("nemesis".into(), json!(names));
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
