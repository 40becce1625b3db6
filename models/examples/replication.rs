//! Explores the models of replication, one line for each: the small ones, or those that are named.
//!
//! `cargo run --release -p kensho-models --example replication -- [NAME…] [--shortest]
//! [--states MAX] [--set BOUND=N] [--sometimes]`, and in a build with the feature `break-rules`
//! `--break RULE`.
//!
//! `--shortest` searches breadth first, which takes more memory and gives the shortest way to a
//! violation; `--set` makes a model larger or smaller.

use kensho_models::replication::exploration::{Exploration, Order, explore};
use kensho_models::replication::models::{ALL, Named};
use kensho_models::replication::{Bounds, Replication};
use kensho_protocol::rule::Rules;

struct Wish {
    names: Vec<String>,
    order: Order,
    states_max: usize,
    bounds: Vec<(String, u8)>,
    sometimes: bool,
    rules: Rules,
}

fn main() {
    let wish = match parse(std::env::args().skip(1)) {
        Ok(wish) => wish,
        Err(wrong) => {
            eprintln!("{wrong}");
            std::process::exit(254);
        }
    };
    let wanted = |named: &&Named| {
        wish.names.is_empty() && named.unique_states.is_some()
            || wish.names.iter().any(|n| n == named.name)
    };
    let mut violated = false;
    for named in ALL.iter().filter(wanted) {
        let mut bounds: Bounds = (named.bounds)(wish.rules);
        for (name, value) in &wish.bounds {
            if let Err(wrong) = bounds.set(name, *value) {
                eprintln!("{wrong}");
                std::process::exit(254);
            }
        }
        let found = explore(&Replication::new(bounds), wish.order, wish.states_max);
        print_line(named, &found);
        if wish.sometimes {
            print!("{}", found.sometimes);
        }
        if let Some(counterexample) = &found.counterexample {
            violated = true;
            for action in &counterexample.actions {
                println!("    {action:?}");
            }
        }
    }
    std::process::exit(i32::from(violated));
}

fn print_line(named: &Named, found: &Exploration) {
    let verdict = match &found.counterexample {
        Some(counterexample) => format!("VIOLATED: {}", counterexample.invariant),
        None if found.finished => "holds".to_owned(),
        None => "holds as far as it was explored".to_owned(),
    };
    let rate = found.generated_states as f64 / found.cpu_seconds.max(0.01) / 1e3;
    println!(
        "{:<14} {:>9} states ({:>9} generated, {rate:>4.0} k per CPU second), depth {:>3}, \
         {:>5.1} CPU seconds: {verdict}",
        named.name, found.unique_states, found.generated_states, found.depth, found.cpu_seconds
    );
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Wish, String> {
    let mut wish = Wish {
        names: Vec::new(),
        order: Order::DepthFirst,
        states_max: 100_000_000,
        bounds: Vec::new(),
        sometimes: false,
        rules: Rules::sound(),
    };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--shortest" => wish.order = Order::BreadthFirst,
            "--sometimes" => wish.sometimes = true,
            "--states" => {
                let value = value()?;
                let wrong = |_| format!("--states needs a number, not \"{value}\"");
                wish.states_max = value.parse().map_err(wrong)?;
            }
            "--set" => {
                let value = value()?;
                let wrong = || format!("--set needs BOUND=N, not \"{value}\"");
                let (name, number) = value.split_once('=').ok_or_else(wrong)?;
                let number = number.parse().map_err(|_| wrong())?;
                wish.bounds.push((name.to_owned(), number));
            }
            #[cfg(feature = "break-rules")]
            "--break" => {
                let rule = value()?.parse();
                let rule = rule
                    .map_err(|unknown: kensho_protocol::rule::UnknownRule| unknown.to_string())?;
                wish.rules = wish.rules.without(rule);
            }
            name if ALL.iter().any(|named| named.name == name) => wish.names.push(argument),
            _ => {
                let names: Vec<&str> = ALL.iter().map(|named| named.name).collect();
                let names = names.join(" ");
                return Err(format!(
                    "there is no option or model \"{argument}\"; the models are {names}"
                ));
            }
        }
    }
    Ok(wish)
}
