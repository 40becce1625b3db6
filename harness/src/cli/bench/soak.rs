//! `kensho bench soak`: a long time at full load, in which nothing may fail over.

use anyhow::Result;
use clap::Args;
use kensho_results::verdict::Validity;
use serde_json::{Map, json};

use super::super::options::{ClusterOptions, LoadOptions, RunOptions};
use super::super::session::{self, Subject, Wanted, block_on};
use super::super::span::Span;
use crate::identity;
use crate::runner::Play;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How long
    #[arg(long, default_value = "10m", value_name = "TIME")]
    time_limit: Span,
    /// Keep the history of a valid run; it is large
    #[arg(long)]
    keep_history: bool,
    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    load: LoadOptions,
    #[command(flatten)]
    run: RunOptions,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let mut own = Map::new();
    own.insert("time-limit".into(), json!(arguments.time_limit.to_string()));
    let wanted = Wanted {
        words: &["kensho", "bench", "soak"],
        workload: &kensho_workloads::register::Register,
        subject: Subject::Kensho {
            cluster: &arguments.cluster,
            // A proxy would only add to what is measured.
            proxies: false,
        },
        load: &arguments.load,
        run: &arguments.run,
        seed: arguments.run.seed.get(),
        own,
        faults: Vec::new(),
        play: Play::Timed {
            time_limit: arguments.time_limit.duration(),
        },
        settle_limit: session::SETTLE_LIMIT,
    };
    let (outcome, folder) = block_on(session::make(wanted))?;
    let verdict = &outcome.verdict;
    session::tell(verdict, &folder);
    let elections = verdict
        .failovers
        .iter()
        .filter(|f| f.partition.is_none())
        .count();
    let failovers = verdict.failovers.len() - elections;
    println!("\n{elections} elections and {failovers} failovers, where nothing had failed");
    let path = folder.path().join("soak.json");
    let figures = json!({
        "length_ms": verdict.figures.length_ms,
        "elections": elections,
        "failovers": failovers,
        "throughput": verdict.figures.throughput,
        "latency_ms": verdict.figures.latency_ms,
    });
    folder.write_json(&path, &identity::stamped(&figures, None)?)?;
    println!("figures: {}", path.display());
    if elections + failovers > 0 {
        return Ok(Validity::Invalid.exit_code());
    }
    if verdict.valid == Validity::Valid && !arguments.keep_history {
        std::fs::remove_file(folder.history())?;
    }
    Ok(verdict.valid.exit_code())
}
