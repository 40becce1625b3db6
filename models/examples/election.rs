//! Breaks each rule about master and table, in the smallest model that shows it and in runs of whole
//! clusters, and tells what catches it.
//!
//! `cargo run --release -p kensho-models --features break-rules --example election --
//! [--states COUNT] [--json FILE]`; `--states` bounds the states generated in each model.

use kensho_models::broken::in_cluster;
use kensho_models::election::invariants::Invariant;
use kensho_models::election::{BREAKABLE, Breakable, Counterexample};
use kensho_models::exploration::{Order, explore};
use kensho_protocol::rule::{Rule, Rules};
use serde_json::{Value, json};

/// How many runs of whole clusters a broken rule may survive before it counts as not caught.
const SEEDS_MAX: u64 = 5_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut states = 20_000_000;
    let mut json = None;
    while let Some(name) = arguments.next() {
        let Some(value) = arguments.next() else {
            refuse(&format!("{name} needs a value"));
        };
        match name.as_str() {
            "--states" => {
                states = value
                    .parse()
                    .unwrap_or_else(|wrong| refuse(&format!("--states {value}: {wrong}")));
            }
            "--json" => json = Some(value),
            _ => refuse(&format!(
                "{name}: there are only --states COUNT and --json FILE"
            )),
        }
    }
    let as_expected = broken(states, json.as_deref());
    std::process::exit(i32::from(!as_expected));
}

fn refuse(what: &str) -> ! {
    eprintln!("{what}");
    std::process::exit(254)
}

/// Nobody's disk is full in the models.
const IN_CLUSTERS_ONLY: [Rule; 1] = [Rule::KeepRoomless];

/// Whether each rule is caught in its model by the right invariant, and the sound protocol
/// passes the same.
fn broken(states: usize, path: Option<&str>) -> bool {
    let mut rows = Vec::new();
    let mut as_expected = true;
    println!("rule | world | caught by | steps | after | seconds");
    for breakable in &BREAKABLE {
        as_expected &= in_model(breakable, states, &mut rows);
        in_clusters(breakable.rule, &mut rows);
    }
    for rule in IN_CLUSTERS_ONLY {
        as_expected &= in_clusters(rule, &mut rows);
    }
    if let Some(path) = path {
        let text = serde_json::to_string_pretty(&rows).expect("rows are JSON");
        if let Err(wrong) = std::fs::write(path, text + "\n") {
            refuse(&format!("{path}: {wrong}"));
        }
    }
    as_expected
}

fn in_model(breakable: &Breakable, states: usize, rows: &mut Vec<Value>) -> bool {
    let Breakable { rule, name, .. } = breakable;
    let model = (breakable.model)().with_rules(Rules::sound().without(*rule));
    let found = explore(&model, Order::BreadthFirst, states);
    let caught = found.counterexample.as_ref().map(Counterexample::invariant);
    let steps = found.counterexample.as_ref().map_or(0, |c| c.actions.len());
    let by = caught.map(Invariant::name);
    let seconds = found.seconds;
    println!(
        "{rule} | {name} | {} | {steps} | {} states | {seconds:.2}",
        by.unwrap_or("survived"),
        found.unique_states,
    );
    rows.push(json!({
        "rule": rule.name(),
        "world": "model",
        "configuration": name,
        "caught": by.is_some(),
        "by": by,
        "after": { "states": found.unique_states },
        "seconds": seconds,
    }));
    // The same search with all rules in force finds nothing.
    let states = found.generated_states.max(10_000);
    let sound = explore(&(breakable.model)(), Order::BreadthFirst, states);
    caught == Some(breakable.invariant) && sound.counterexample.is_none()
}

/// Looks for it in whole clusters; whether anything noticed.
fn in_clusters(rule: Rule, rows: &mut Vec<Value>) -> bool {
    // An assertion of the protocol may catch it first; that is counted, not told.
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let found = in_cluster(Some(rule), None, SEEDS_MAX, f64::MAX);
    std::panic::set_hook(told);
    let by = found.by.map(kensho_models::invariants::Invariant::name);
    let seconds = found.seconds;
    println!(
        "{rule} | clusters | {} | | {} seeds | {seconds:.2}",
        by.unwrap_or("survived"),
        found.after,
    );
    rows.push(json!({
        "rule": rule.name(),
        "world": "simulation",
        "configuration": "clusters",
        "caught": by.is_some(),
        "by": by,
        "after": { "seeds": found.after },
        "seconds": seconds,
    }));
    by.is_some()
}
