//! `kensho model`: explores the protocol exhaustively in small configurations.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use kensho_models::catalogue::{self, Entry, Explored, Violated};
use kensho_models::exploration::{Exploration, Order};
use kensho_models::replay::{VERSION, Way, broken_rules};
use kensho_protocol::rule::Rules;
use serde_json::{Value, json};

use super::refusal::Refusal;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The models, by name [default: all that are small enough for every day]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// List all models with their bounds
    #[arg(long)]
    list: bool,
    /// Let a browser on this machine step through the named model, at this port [default: 3000]
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "3000")]
    explore: Option<u16>,
    /// Explore all large ones, too, as far as --states allows
    #[arg(long)]
    large: bool,
    /// Stop a model after about this many states were generated
    #[arg(long, default_value_t = 100_000_000, value_name = "COUNT")]
    states: usize,
    /// Breadth first: takes more memory, and finds the shortest way to a violation
    #[arg(long)]
    shortest: bool,
    /// Safety rules to break on purpose; needs a program built with the feature break-rules
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    break_rules: Vec<String>,
    /// Write the way to the first violation to this file, for `kensho replay`
    #[arg(long, value_name = "FILE")]
    schedule: Option<PathBuf>,
    /// Draw the first counterexample as a sequence diagram
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write figures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let all = catalogue::all();
    if arguments.list {
        for entry in &all {
            println!("{:<40} {}", entry.name, entry.bounds());
        }
        return Ok(0);
    }
    let rules = broken_rules(&arguments.break_rules).map_err(Refusal)?;
    let chosen = choose(&all, arguments)?;
    if let Some(port) = arguments.explore {
        return open(&chosen, rules, port);
    }
    let order = if arguments.shortest {
        Order::BreadthFirst
    } else {
        Order::DepthFirst
    };
    let mut rows = Vec::new();
    let mut worst = 0;
    for entry in chosen {
        let explored = entry.explore(rules, order, arguments.states);
        let verdict = judge(entry, &explored, arguments.break_rules.is_empty());
        println!("{}", line(entry, &explored.found, &verdict));
        if let Some(violated) = &explored.found.counterexample {
            print!("{}", violated.story);
            if worst == 0 {
                keep(entry, violated, arguments)?;
            }
        }
        worst = worst.max(u8::from(verdict.wrong));
        rows.push(row(entry, &explored, &verdict));
    }
    if let Some(path) = &arguments.out {
        let text = serde_json::to_string_pretty(&rows)? + "\n";
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(worst)
}

/// Draws a counterexample and writes it down, where that was asked for.
fn keep(entry: &Entry, violated: &Violated, arguments: &Arguments) -> Result<()> {
    if let Some(path) = &arguments.svg {
        std::fs::write(path, violated.story.svg())
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(path) = &arguments.schedule {
        let way = Way {
            version: VERSION,
            model: entry.name.clone(),
            broken_rules: arguments.break_rules.clone(),
            path: violated.path.clone(),
            violates: violated.invariant.to_owned(),
        };
        let text = serde_json::to_string_pretty(&way)? + "\n";
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("      kensho replay {}", path.display());
    }
    Ok(())
}

fn choose<'a>(all: &'a [Entry], arguments: &Arguments) -> Result<Vec<&'a Entry>> {
    for name in &arguments.names {
        if !all.iter().any(|entry| entry.name == *name) {
            let text = format!("there is no model {name:?}; kensho model --list shows all of them");
            return Err(Refusal(text).into());
        }
    }
    let chosen = all.iter().filter(|entry| {
        arguments.names.contains(&entry.name)
            || arguments.names.is_empty() && (entry.unique_states.is_some() || arguments.large)
    });
    Ok(chosen.collect())
}

fn open(chosen: &[&Entry], rules: Rules, port: u16) -> Result<u8> {
    let [entry] = chosen else {
        return Err(
            Refusal("name the one model to explore; kensho model --list shows all".into()).into(),
        );
    };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    println!(
        "{} is open at http://{address}/ until you press Ctrl-C",
        entry.name
    );
    entry.serve(rules, address);
    Ok(0)
}

/// What is to be said of a model.
struct Verdict {
    wrong: bool,
    text: String,
}

fn judge(entry: &Entry, explored: &Explored, sound: bool) -> Verdict {
    let wrong = |text: String| Verdict { wrong: true, text };
    let found = &explored.found;
    if let Some(violated) = &found.counterexample {
        return wrong(format!("VIOLATED: {}", violated.invariant));
    }
    if !found.finished {
        let text = "holds as far as it was explored".to_owned();
        return Verdict { wrong: false, text };
    }
    if !explored.never.is_empty() {
        return wrong(format!(
            "NOTHING SHOWN: never {}",
            explored.never.join(", never ")
        ));
    }
    let expected = entry.unique_states.filter(|_| sound);
    if let Some(expected) = expected.filter(|expected| *expected != found.unique_states) {
        return wrong(format!("ANOTHER MODEL: it had {expected} states"));
    }
    Verdict {
        wrong: false,
        text: "holds".to_owned(),
    }
}

/// Generated states per second of processor time.
fn rate(found: &Exploration<Violated>) -> f64 {
    found.generated_states as f64 / found.cpu_seconds.max(0.01)
}

fn line(entry: &Entry, found: &Exploration<Violated>, verdict: &Verdict) -> String {
    let memory = found
        .bytes_per_state()
        .map(|bytes| format!(", {bytes:.1} bytes per state"));
    format!(
        "{:<34} {:>9} states ({:>9} generated, {:>4.0} k per CPU second), depth {:>3}, {:>6.1} s{}: {}",
        entry.name,
        found.unique_states,
        found.generated_states,
        rate(found) / 1e3,
        found.depth,
        found.seconds,
        memory.unwrap_or_default(),
        verdict.text,
    )
}

fn row(entry: &Entry, explored: &Explored, verdict: &Verdict) -> Value {
    let found = &explored.found;
    let violated = found.counterexample.as_ref();
    json!({
        "model": entry.name,
        "bounds": entry.bounds(),
        "unique_states": found.unique_states,
        "generated_states": found.generated_states,
        "generated_states_per_cpu_second": rate(found),
        "depth": found.depth,
        "finished": found.finished,
        "seconds": found.seconds,
        "cpu_seconds": found.cpu_seconds,
        "peak_bytes": found.peak_bytes,
        "bytes_per_state": found.bytes_per_state(),
        "violated": violated.map(|violated| violated.invariant),
        "never_seen": explored.never,
        "verdict": verdict.text,
    })
}
