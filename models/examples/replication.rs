//! Explores the models of replication, one line for each.
//!
//! `cargo run --release -p kensho-models --example replication -- [NAME] [--shortest]`; `--shortest`
//! searches breadth first, which takes more memory and gives the shortest way to a violation.

use std::time::Instant;

use kensho_models::replication::{Replication, models};
use kensho_protocol::rule::Rules;
use stateright::{Checker, Model};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let shortest = arguments.iter().any(|argument| argument == "--shortest");
    let name = arguments.iter().find(|argument| !argument.starts_with("--"));
    for (model, bounds) in models::ALL {
        if name.is_some_and(|name| name != model) {
            continue;
        }
        let began = Instant::now();
        let replication = Replication::new(bounds(Rules::sound()));
        let checker = replication.clone().checker().threads(1);
        let (states, unique, depth, found) = if shortest {
            told(&checker.spawn_bfs().join())
        } else {
            told(&checker.spawn_dfs().join())
        };
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "{model:<12} {unique:>9} states ({states} generated), depth {depth}, {seconds:.1} s: {}",
            if found.is_empty() { "sound" } else { "VIOLATED" }
        );
        print!("{found}{}", replication.sometimes());
    }
}

/// Generated and unique states, depth, and the ways to violations.
fn told<C: Checker<Replication>>(checker: &C) -> (usize, usize, usize, String) {
    let discoveries = checker.discoveries();
    let mut found = String::new();
    for (invariant, path) in discoveries {
        found.push_str(&format!("{invariant}:\n"));
        for action in path.into_actions() {
            found.push_str(&format!("  {action:?}\n"));
        }
    }
    let (generated, unique) = (checker.state_count(), checker.unique_state_count());
    (generated, unique, checker.max_depth(), found)
}
