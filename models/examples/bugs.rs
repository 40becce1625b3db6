//! Breaks each rule of replication and of what stands around it in a node, and tells which of the invariants that it is there for notices: a
//! table on the screen, and as JSON.
//!
//! `cargo run --release -p kensho-models --features break-rules --example bugs -- [RULE…]
//! [--states MAX] [--seeds MAX] [--seconds MAX] [--out FILE]`
//!
//! `--states` bounds the states generated in each model, `--seeds` and `--seconds` the runs of the
//! simulated world for each rule. The sound protocol goes through the same first.

use std::path::{Path, PathBuf};

use kensho_models::broken::{Found, RULES, WIRING, in_cluster, in_model, in_simulation};
use kensho_models::invariants::Invariant;
use kensho_models::replication::models::ALL;
use kensho_protocol::rule::Rule;
use kensho_protocol::settings::Mode;
use serde_json::{Value, json};

struct Wish {
    rules: Vec<Option<Rule>>,
    states_max: usize,
    seeds_max: u64,
    seconds_max: f64,
    out: Option<PathBuf>,
}

fn main() {
    let wish = match parse(std::env::args().skip(1)) {
        Ok(wish) => wish,
        Err(wrong) => {
            eprintln!("{wrong}");
            std::process::exit(254);
        }
    };
    // A broken rule may make the protocol's own assertions fail. That is a finding, not a crash.
    std::panic::set_hook(Box::new(|_| {}));
    let mut rows = Vec::new();
    for rule in &wish.rules {
        match WIRING.iter().find(|(wiring, ..)| Some(*wiring) == *rule) {
            Some((_, mode, _)) => rows.push(cluster_row(*rule, *mode, &wish)),
            None => {
                rows.push(model_row(*rule, wish.states_max));
                rows.push(simulation_row(*rule, &wish));
            }
        }
        // After each rule, since all of them take their time.
        if let Some(out) = &wish.out {
            write(out, &rows);
        }
    }
    let unsound = rows
        .iter()
        .any(|row| row["rule"] == NONE && row["caught"] == true);
    std::process::exit(i32::from(unsound));
}

fn write(out: &Path, rows: &[Value]) {
    let mut text = serde_json::to_string_pretty(rows).expect("rows are JSON");
    text.push('\n');
    if let Err(error) = std::fs::write(out, text) {
        eprintln!("{} cannot be written: {error}", out.display());
        std::process::exit(254);
    }
}

/// The name of no rule: the sound protocol.
const NONE: &str = "none";

/// The first model, from the smallest, in which breaking `rule` shows.
fn model_row(rule: Option<Rule>, states_max: usize) -> Value {
    let mut total = Found {
        by: None,
        after: 0,
        seconds: 0.0,
    };
    for named in &ALL {
        let found = in_model(rule, named, states_max);
        total.seconds += found.seconds;
        if found.by.is_some() {
            let after = json!({ "states": found.after });
            return row(rule, "model", named.name, found, &after, total.seconds);
        }
        total.after += found.after;
    }
    let after = json!({ "states": total.after });
    row(rule, "model", "all", total, &after, total.seconds)
}

fn simulation_row(rule: Option<Rule>, wish: &Wish) -> Value {
    let (mode, name) = match rule {
        Some(Rule::AsyncWithoutLease | Rule::LostSeenCompared) => (Some(Mode::Async), "async"),
        Some(_) => (Some(Mode::SemiSync), "semi-sync"),
        None => (None, "async and semi-sync"),
    };
    let found = in_simulation(rule, mode, wish.seeds_max, wish.seconds_max);
    let after = json!({ "seeds": found.after });
    row(rule, "simulation", name, found, &after, found.seconds)
}

fn cluster_row(rule: Option<Rule>, mode: Option<Mode>, wish: &Wish) -> Value {
    let found = in_cluster(rule, mode, wish.seeds_max, wish.seconds_max);
    let name = match mode {
        Some(Mode::Async) => "clusters, async",
        Some(Mode::SemiSync) => "clusters, semi-sync",
        None => "clusters",
    };
    let after = json!({ "seeds": found.after });
    row(rule, "simulation", name, found, &after, found.seconds)
}

fn row(
    rule: Option<Rule>,
    world: &str,
    configuration: &str,
    found: Found,
    after: &Value,
    seconds: f64,
) -> Value {
    let rule = rule.map_or(NONE, Rule::name);
    let by = found.by.map(Invariant::name);
    println!(
        "{rule:<24} {world:<10} {configuration:<20} {:<22} after {:>9} {}, {seconds:>6.1} s",
        by.unwrap_or("-"),
        found.after,
        if world == "model" { "states" } else { "seeds" },
    );
    json!({
        "rule": rule,
        "world": world,
        "configuration": configuration,
        "caught": by.is_some(),
        "by": by,
        "after": after,
        "seconds": (seconds * 100.0).round() / 100.0,
    })
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Wish, String> {
    let mut wish = Wish {
        rules: Vec::new(),
        states_max: 500_000,
        seeds_max: 1_000_000,
        seconds_max: 60.0,
        out: None,
    };
    while let Some(argument) = arguments.next() {
        if !argument.starts_with("--") {
            let rule: Rule = argument.parse().map_err(|unknown| format!("{unknown}"))?;
            wish.rules.push(Some(rule));
            continue;
        }
        let value = arguments
            .next()
            .ok_or(format!("{argument} needs a value"))?;
        let wrong = || format!("{argument} needs a number, not \"{value}\"");
        match argument.as_str() {
            "--states" => wish.states_max = value.parse().map_err(|_| wrong())?,
            "--seeds" => wish.seeds_max = value.parse().map_err(|_| wrong())?,
            "--seconds" => wish.seconds_max = value.parse().map_err(|_| wrong())?,
            "--out" => wish.out = Some(PathBuf::from(value)),
            _ => return Err(format!("there is no option \"{argument}\"")),
        }
    }
    if wish.rules.is_empty() {
        let replicas = RULES.map(|(rule, _)| Some(rule));
        let wiring = WIRING.map(|(rule, ..)| Some(rule));
        wish.rules = std::iter::once(None)
            .chain(replicas)
            .chain(wiring)
            .collect();
    }
    Ok(wish)
}
