//! `kensho rules-table`: which broken rule was caught in which world, from published figures.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use kensho_protocol::rule::Rule;
use kensho_results::text::thousands;
use serde_json::Value;

/// The worlds, in the order of the columns.
const WORLDS: [&str; 3] = ["model", "simulation", "real processes"];

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Files of figures: rows with rule, world, configuration, by, after and seconds
    #[arg(required = true, value_name = "FILE")]
    figures: Vec<PathBuf>,
    /// Write the table to this file [default: to the screen]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let mut rows = Vec::new();
    for path in &arguments.figures {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let read: Vec<Value> = serde_json::from_str(&text)
            .with_context(|| format!("{} is no list of rows", path.display()))?;
        rows.extend(read);
    }
    let table = table(&rows);
    match &arguments.out {
        Some(path) => std::fs::write(path, table)
            .with_context(|| format!("cannot write {}", path.display()))?,
        None => print!("{table}"),
    }
    Ok(0)
}

/// All rules with what caught them, as Markdown.
fn table(rows: &[Value]) -> String {
    let mut caught = WORLDS.map(|_| 0);
    let mut lines = String::new();
    for rule in Rule::ALL {
        let cells = WORLDS.map(|world| cell(rows, rule.name(), world));
        for (count, cell) in caught.iter_mut().zip(&cells) {
            *count += usize::from(cell.starts_with("**"));
        }
        let _ = writeln!(lines, "| {rule} | {} |", cells.join(" | "));
    }
    let counts: Vec<String> = WORLDS
        .iter()
        .zip(caught)
        .map(|(world, count)| format!("{count} by {world}"))
        .collect();
    format!(
        "# Broken rules, and what caught them\n\n\
         Each rule was broken alone; in bold is what noticed: an invariant of the artificial worlds, or what \
         the checker says of what clients of real nodes saw. Of {} rules were caught: {}. A dash: not caught; \
         empty: not tried in this world.\n\n\
         Made by `kensho rules-table` from the figures beside it, which `make bugs` and \
         `make test-broken-rules` write.\n\n\
         | rule | {} |\n| --- | --- | --- | --- |\n{lines}",
        Rule::ALL.len(),
        counts.join(", "),
        WORLDS.join(" | "),
    )
}

/// What one world says of one rule.
fn cell(rows: &[Value], rule: &str, world: &str) -> String {
    let of_both: Vec<&Value> = rows
        .iter()
        .filter(|row| row["rule"] == rule && row["world"] == world)
        .collect();
    let caught: Vec<String> = of_both
        .iter()
        .filter(|row| row["caught"] == true)
        .map(|row| format!("**{}** {}", row["by"].as_str().unwrap_or("?"), effort(row)))
        .collect();
    if !caught.is_empty() {
        return caught.join("; ");
    }
    match of_both.first() {
        Some(row) => format!("— {}", effort(row)),
        None => String::new(),
    }
}

/// After how much of what, and in which configuration.
fn effort(row: &Value) -> String {
    let after = row["after"].as_object().into_iter().flatten().next();
    let after = after.map_or_else(String::new, |(what, number)| {
        let number = number.as_u64().unwrap_or_default();
        let what = if number == 1 {
            what.trim_end_matches('s')
        } else {
            what
        };
        format!("{} {what}, ", thousands(number))
    });
    let seconds = row["seconds"].as_f64().unwrap_or_default();
    let configuration = row["configuration"].as_str().unwrap_or_default();
    format!("({after}{seconds:.1} s; {configuration})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_rule_has_a_line_with_what_caught_it_in_each_world() {
        let row = |rule: &str, world: &str, by: Option<&str>, after: Value| {
            json!({"rule": rule, "world": world, "configuration": "three", "caught": by.is_some(),
                "by": by, "after": after, "seconds": 14.81})
        };
        let rows = [
            row("no-cas", "model", None, json!({"states": 1_500})),
            row(
                "no-cas",
                "model",
                Some("compare-and-set"),
                json!({"states": 83_058}),
            ),
            row(
                "no-cas",
                "real processes",
                Some("lost update"),
                json!({"runs": 1}),
            ),
            row("local-read", "simulation", None, json!({"seeds": 20})),
        ];
        let table = table(&rows);
        let line = |rule: &str| {
            let start = format!("| {rule} |");
            table.lines().find(|line| line.starts_with(&start)).unwrap()
        };
        assert_eq!(
            line("no-cas"),
            "| no-cas | **compare-and-set** (83,058 states, 14.8 s; three) |  | \
             **lost update** (1 run, 14.8 s; three) |"
        );
        assert_eq!(
            line("local-read"),
            "| local-read |  | — (20 seeds, 14.8 s; three) |  |"
        );
        assert!(table.contains("1 by model, 0 by simulation, 1 by real processes"));
        assert_eq!(
            table.lines().filter(|line| line.starts_with("| ")).count(),
            Rule::ALL.len() + 2
        );
    }
}
