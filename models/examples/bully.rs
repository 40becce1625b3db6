//! Rounds and messages of elections against the number of nodes, as a table and as JSON.
//!
//! `cargo run --release -p kensho-models --example bully -- [--nodes-max N] [--seeds COUNT] [--out FILE]`

use std::ops::ControlFlow;
use std::sync::Mutex;

use kensho_models::bully::{Circumstances, Election, elect};
use kensho_models::sample::for_each_seed;
use serde_json::{Value, json};

/// A series of the chart: its name, and what elections of so many nodes it is about.
type Series = (&'static str, fn(u32) -> Circumstances);

const SERIES: [Series; 3] = [
    ("no loss", Circumstances::calm),
    ("5 % loss", Circumstances::lossy),
    ("half dead", Circumstances::half_dead),
];

struct Wish {
    nodes_max: u32,
    seeds: u64,
    out: Option<String>,
}

fn main() {
    let wish = parse(std::env::args().skip(1)).unwrap_or_else(|wrong| {
        eprintln!("{wrong}");
        std::process::exit(254);
    });
    let mut series = Vec::new();
    for (name, circumstances) in SERIES {
        println!(
            "{name}\nnodes   rounds mean   p99   terms mean   messages per node   ms until won: mean"
        );
        let mut points = Vec::new();
        let mut nodes = 2;
        while nodes <= wish.nodes_max {
            points.push(point(circumstances(nodes), wish.seeds));
            nodes *= 2;
        }
        series.push(json!({ "name": name, "points": points }));
    }
    let Some(out) = &wish.out else { return };
    let figures = json!({
        "command": "make election-figures",
        "seeds": wish.seeds,
        "message_delay_ms": [0.5, 1.5],
        "series": series,
    });
    let written = serde_json::to_string_pretty(&figures).expect("plain data");
    if let Err(error) = std::fs::write(out, written + "\n") {
        eprintln!("cannot write {out}: {error}");
        std::process::exit(255);
    }
}

fn point(circumstances: Circumstances, seeds: u64) -> Value {
    let elections = sample(circumstances, seeds);
    let mean = |figure: fn(&Election) -> f64| {
        elections.iter().map(figure).sum::<f64>() / elections.len() as f64
    };
    let mut rounds: Vec<u32> = elections.iter().map(|election| election.rounds).collect();
    rounds.sort_unstable();
    let p99 = rounds[(rounds.len() * 99 / 100).min(rounds.len() - 1)];
    let (rounds, terms) = (mean(|e| f64::from(e.rounds)), mean(|e| e.terms as f64));
    let (messages, contest) = (
        mean(|e| e.messages as f64),
        mean(|e| e.contest_messages as f64),
    );
    let took = mean(|e| e.took.as_secs_f64() * 1e3);
    let nodes = circumstances.nodes;
    println!(
        "{nodes:5}   {rounds:11.2} {p99:5} {terms:12.2} {:19.2} {took:20.1}",
        messages / f64::from(nodes)
    );
    json!({
        "nodes": nodes,
        "dead": circumstances.dead,
        "rounds": { "mean": rounds, "p99": p99 },
        "terms": { "mean": terms },
        "messages": { "mean": messages },
        "contest_messages": { "mean": contest },
        "took_ms": { "mean": took },
    })
}

/// Elections with many seeds, on all processors.
fn sample(circumstances: Circumstances, seeds: u64) -> Vec<Election> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let elections = Mutex::new(Vec::new());
    for_each_seed(0..seeds, threads, |seed| {
        let election = elect(circumstances, seed)
            .unwrap_or_else(|| panic!("no master: {circumstances:?}, seed {seed}"));
        elections.lock().expect("no thread panics").push(election);
        ControlFlow::Continue(())
    });
    elections.into_inner().expect("no thread panics")
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Wish, String> {
    let mut wish = Wish {
        nodes_max: 1_024,
        seeds: 100,
        out: None,
    };
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or(format!("{name} needs a value"))?;
        let wrong = |_| format!("{name} needs a number, not \"{value}\"");
        match name.as_str() {
            "--nodes-max" => wish.nodes_max = value.parse().map_err(wrong)?,
            "--seeds" => wish.seeds = value.parse().map_err(wrong)?,
            "--out" => wish.out = Some(value),
            _ => return Err(format!("there is no option \"{name}\"")),
        }
    }
    Ok(wish)
}
