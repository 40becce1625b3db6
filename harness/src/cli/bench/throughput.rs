//! `kensho bench` alone: clusters under load, side by side.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use kensho_results::bench::compare::{Change, START_NOISE, compare};
use kensho_results::bench::statistics::Spread;
use kensho_results::bench::{BenchSet, Experiment as Measured, Round};
use kensho_results::run::Host;
use kensho_results::text::thousands;

use super::super::figures::{FiguresOptions, command_line, on_one_thread};
use super::super::options::{SeedOption, count};
use super::super::refusal::Refusal;
use super::super::span::Span;
use crate::bench::{
    Distribution, Entry, Experiment, Fleet, Load, Mix, Replication, Subject, Suite, measure,
    write_latency_log,
};
use crate::runner::interrupt::Interrupt;
use crate::system::kensho::{CLUSTER, Durability};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Clusters to start, by how they replicate; the first is what the others are compared with
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "NAME,...",
        default_value = "none,async,semi-sync"
    )]
    modes: Vec<Replication>,
    /// When a node counts an update as held
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "NAME,...",
        default_value = "sync"
    )]
    durability: Vec<Durability>,
    /// How many nodes a cluster has, if its replicas need no more
    #[arg(long, default_value_t = 2, value_name = "COUNT", value_parser = count(1, 50))]
    nodes: usize,
    /// Instead of starting clusters, put one under load that runs already
    #[arg(long, value_delimiter = ',', value_name = "HOST:PORT,...")]
    address: Vec<String>,
    /// The name of that cluster
    #[arg(long, default_value = CLUSTER, value_name = "NAME")]
    cluster: String,
    /// Measure the experiments of a suite instead of a single one; then only --node-binary, --seed,
    /// --out, --save and --compare matter
    #[arg(long, value_enum)]
    suite: Option<Suite>,
    /// Compare with the figures in this file
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// Measure nothing: compare the figures in this file
    #[arg(long, value_name = "FILE", requires = "compare")]
    measured: Option<PathBuf>,
    /// What else is measured beside the clusters, taking turns with them
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAME,...")]
    against: Vec<Other>,
    #[command(flatten)]
    load: LoadArguments,
    /// How many windows each gets
    #[arg(long, default_value_t = 10, value_name = "COUNT", value_parser = count(1, 10_000))]
    rounds: usize,
    /// The length of a window
    #[arg(long, default_value = "1s", value_name = "TIME")]
    window: Span,
    /// Load before each window that is not counted
    #[arg(long, default_value = "200ms", value_name = "TIME")]
    warm_up: Span,
    #[command(flatten)]
    seed: SeedOption,
    #[command(flatten)]
    figures: FiguresOptions,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
struct LoadArguments {
    /// How many operations are under way at most
    #[arg(long, default_value_t = 64, value_name = "COUNT", value_parser = count(1, 10_000))]
    connections: usize,
    /// Operations begun per second, whatever their latency [default: as many as the connections do]
    #[arg(long, value_name = "NUMBER", value_parser = rate)]
    rate: Option<f64>,
    /// What operations; the letters are workloads of YCSB
    #[arg(long, value_enum, default_value = "put")]
    mix: Mix,
    /// On which records [default: as YCSB has it for the mix; uniform for puts]
    #[arg(long, value_enum)]
    keys: Option<Distribution>,
    /// Bytes of a row's value
    #[arg(long, default_value_t = 100, value_name = "BYTES", value_parser = count(1, 1 << 20))]
    value_bytes: usize,
    /// Rows that each request puts
    #[arg(long, default_value_t = 1, value_name = "COUNT", value_parser = count(1, 100_000))]
    batch_rows: usize,
    /// Rows that exist from the beginning
    #[arg(long, default_value_t = 10_000, value_name = "COUNT", value_parser = count(1, 10_000_000))]
    records: usize,
}

/// What can stand beside our clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Other {
    /// A bare TCP echo with messages as long
    Echo,
    /// Three nodes of etcd, which must be installed
    Etcd,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text
        .parse()
        .ok()
        .filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
    rate.ok_or_else(|| "write operations per second, more than 0".to_string())
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    on_one_thread(bench(arguments))
}

pub(in crate::cli) fn serve_echo() -> Result<u8> {
    on_one_thread(async {
        crate::bench::serve_echo().await?;
        Ok(0)
    })
}

async fn bench(arguments: &Arguments) -> Result<u8> {
    let before = arguments.compare.as_deref().map(read).transpose()?;
    let now = match &arguments.measured {
        Some(path) => read(path)?,
        None => measured(arguments).await?,
    };
    if let Some(before) = &before {
        print!("{}", comparison(before, &now));
    }
    Ok(0)
}

fn read(path: &Path) -> Result<BenchSet> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} is not what kensho bench writes", path.display()))
}

async fn measured(arguments: &Arguments) -> Result<BenchSet> {
    let began_at = SystemTime::now();
    let experiments = match arguments.suite {
        Some(suite) => suite.experiments(arguments.seed.get()),
        None => vec![arguments.experiment()?],
    };
    let measurement = arguments.figures.begin("bench")?;
    let folder = &measurement.folder;
    let mut interrupt = Interrupt::on_signals()?;
    let mut fleet = Fleet::new(measurement.program.clone(), folder.path().join("nodes"));
    let mut set = BenchSet {
        command: command_line(),
        began: measurement.began.text(),
        host: Host::this(),
        experiments: Vec::new(),
    };
    for (number, experiment) in experiments.iter().enumerate() {
        eprintln!(
            "{} ({} of {})",
            experiment.name,
            number + 1,
            experiments.len()
        );
        let tell = |_| {};
        let measured = interrupt.or(measure(experiment, &mut fleet, tell)).await?;
        println!("{}", table(&measured.figures));
        let path = folder
            .path()
            .join(format!("{}.hlog", experiment.name.replace(' ', "-")));
        let mut log = Vec::new();
        write_latency_log(&mut log, &measured.windows, began_at)?;
        folder.write(&path, &log)?;
        set.experiments.push(measured.figures);
    }
    fleet.stop().await;
    measurement.keep(&set)?;
    Ok(set)
}

impl Arguments {
    fn experiment(&self) -> Result<Experiment> {
        let load = &self.load;
        let mut entries: Vec<Entry> = Vec::new();
        let mut entry = |name: String, subject: Subject, batch_rows: usize| {
            entries.push(Entry {
                name,
                subject,
                batch_rows: batch_rows as u64,
            });
        };
        if self.address.is_empty() {
            for &durability in &self.durability {
                for &replication in &self.modes {
                    let name = match &self.durability[..] {
                        [_] => replication.name().to_string(),
                        _ => format!("{}, {}", replication.name(), durability.name()),
                    };
                    let subject = Subject::Cluster {
                        replication,
                        durability,
                        nodes: self.nodes,
                    };
                    entry(name, subject, load.batch_rows);
                }
            }
        } else {
            let (cluster, members) = (self.cluster.clone(), self.address.clone());
            entry(
                cluster.clone(),
                Subject::Address { cluster, members },
                load.batch_rows,
            );
        }
        for other in &self.against {
            match other {
                Other::Echo => entry("echo".to_string(), Subject::Echo, 1),
                Other::Etcd => entry("etcd".to_string(), Subject::Etcd, 1),
            }
        }
        let mut names: Vec<&String> = entries.iter().map(|entry| &entry.name).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Refusal(format!("{} is named twice", twice[0])).into());
        }
        if load.batch_rows > 1 && load.mix != Mix::Put {
            return Err(Refusal("--batch-rows is for --mix put only".to_string()).into());
        }
        Ok(Experiment {
            name: "command line".to_string(),
            load: Load {
                connections: load.connections,
                rate: load.rate,
                mix: load.mix,
                keys: load.keys.unwrap_or(load.mix.keys()),
                value_bytes: load.value_bytes,
                records: load.records as u64,
                seed: self.seed.get(),
            },
            warm_up: self.warm_up.duration(),
            window: self.window.duration(),
            rounds: self.rounds,
            entries,
        })
    }
}

/// What has changed, for a person.
fn comparison(before: &BenchSet, now: &BenchSet) -> String {
    use std::fmt::Write;
    let all = compare(before, now);
    let mut text = format!(
        "compared with {}: {} figures; one has changed if the 95 % intervals of its medians are apart and\n\
         the medians differ by more than {:.0} %\n",
        before.began,
        all.len(),
        START_NOISE * 100.0
    );
    for one in &all {
        let word = match one.change {
            Change::Better => "better",
            Change::Worse => "WORSE",
            Change::Noise => continue,
        };
        let (experiment, figure) = (&one.experiment, &one.figure);
        let _ = writeln!(
            text,
            "  {word:<7} {experiment}: {figure}: {:.2}, was {:.2}",
            one.now, one.before
        );
    }
    let same = all.iter().filter(|one| one.change == Change::Noise).count();
    let _ = writeln!(text, "  {same} are the same within the noise");
    text
}

/// The figures of an experiment for a person.
fn table(experiment: &Measured) -> String {
    use std::fmt::Write;
    let load = &experiment.load;
    let pace = load.rate.map_or("closed loop".to_string(), |rate| {
        format!("{rate} begun per second")
    });
    let mut text = format!(
        "{}: {}, {} connections, {pace}, keys {}, values of {} bytes\n\
         medians (quartiles) of rounds of {} ms, taking turns\n\n\
         {:<22} {:>9} {:>17} {:>7} {:>15} {:>9} {:>8} {:>8} {:>8} {:>8}\n",
        experiment.name,
        load.mix,
        load.connections,
        load.keys,
        load.value_bytes,
        experiment.window_ms,
        "",
        "per s",
        "",
        "ratio",
        "",
        "cpu us/op",
        "client",
        "servers",
        "p50 ms",
        "p99 ms",
    );
    let Some(baseline) = experiment.contestants.first() else {
        return text;
    };
    for contestant in &experiment.contestants {
        let rate = contestant.rate();
        let ratio = Spread::of(&contestant.ratios(baseline, Round::rate));
        let whole = |number: f64| thousands(number.round() as u64);
        let latency = |share| contestant.latency_at(share).unwrap_or(0.0) / 1e3;
        let _ = writeln!(
            text,
            "{:<22} {:>9} {:>17} {:>7.1} {:>15} {:>9.1} {:>8.1} {:>8.1} {:>8.2} {:>8.2}",
            contestant.name,
            whole(rate.median),
            format!(
                "({}-{})",
                whole(rate.lower_quartile),
                whole(rate.upper_quartile)
            ),
            ratio.median * 100.0,
            format!(
                "({:.1}-{:.1})",
                ratio.lower_quartile * 100.0,
                ratio.upper_quartile * 100.0
            ),
            contestant.cpu_us().median,
            contestant.client_cpu_us().median,
            contestant.server_cpu_us().median,
            latency(0.5),
            latency(0.99),
        );
    }
    text
}
