//! The model of election and table register.
//!
//! `cargo run --release -p kensho-models --example election -- small` explores the small models to
//! their end; `large` does the same with bigger budgets, up to `--states COUNT` states each; with
//! `--features break-rules`, `broken` shows for each rule what catches it when it is broken.

use kensho_models::election::{Counterexample, Election, Exploration, SMALL, explore};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let states = match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => 20_000_000,
        (Some("--states"), Some(count)) => count
            .parse()
            .unwrap_or_else(|wrong| refuse(&format!("--states {count}: {wrong}"))),
        (Some(other), _) => refuse(&format!("{other}: there is only --states COUNT")),
    };
    let sound = match what.as_str() {
        "small" => explore_all(states, |model| model),
        "large" => explore_all(states, Election::enlarged),
        #[cfg(feature = "break-rules")]
        "broken" => broken(states),
        other => refuse(&format!(
            "\"{other}\": say small, large, or (with the feature break-rules) broken"
        )),
    };
    std::process::exit(i32::from(!sound));
}

fn refuse(what: &str) -> ! {
    eprintln!("{what}");
    std::process::exit(254)
}

fn explore_all(states: usize, change: fn(Election) -> Election) -> bool {
    SMALL.iter().fold(true, |sound, small| {
        let model = change((small.model)());
        print(small.name, &explore(&model, states)) && sound
    })
}

#[cfg(feature = "break-rules")]
fn broken(states: usize) -> bool {
    use kensho_models::election::{BREAKABLE, find_violation};
    use kensho_protocol::rule::Rules;
    println!("rule | caught by | steps | unique states | seconds");
    BREAKABLE.iter().fold(true, |all, (rule, model, expected)| {
        let model = model().with_rules(Rules::sound().without(*rule));
        let found = find_violation(&model, states);
        let caught = found.counterexample.as_ref().map(Counterexample::invariant);
        let steps = found.counterexample.as_ref().map_or(0, |c| c.actions.len());
        println!(
            "{rule} | {} | {steps} | {} | {:.2}",
            caught.map_or("survived", |invariant| invariant.name()),
            found.unique_states,
            found.took.as_secs_f64(),
        );
        all && caught == Some(*expected)
    })
}

/// One line about an exploration, and the counterexample if there is one.
fn print(name: &str, found: &Exploration) -> bool {
    println!(
        "{name}: {} unique of {} states, depth {}, {:.1} s; seen: {:?}",
        found.unique_states,
        found.generated_states,
        found.depth,
        found.took.as_secs_f64(),
        found.seen
    );
    if let Some(Counterexample { violation, actions }) = &found.counterexample {
        println!("{violation:#?}");
        for action in actions {
            println!("  {action:?}");
        }
    }
    found.counterexample.is_none()
}
