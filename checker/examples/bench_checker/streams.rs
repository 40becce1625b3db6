//! Rows of histories that are far larger than the memory they may take: written to a file, and
//! judged by the command while they are read.

use crate::files::HistoryFile;
use crate::measure;
use clap::Parser;
use kensho_checker::command::{CheckArguments, run};
use kensho_checker::generate::{self, Recipe};
use serde_json::{Value, json};
use std::io::Write;
use std::time::Instant;

/// A history in a file.
pub(crate) struct Work {
    pub(crate) name: &'static str,
    what: &'static str,
    recipe: Recipe,
    target_seconds: f64,
    target_mib: f64,
}

const TEN_MILLION: Recipe = Recipe {
    operations: 10_000_000,
    clients: 100,
    keys: 100,
    unknown_per_mille: 1,
    ..Recipe::SMALL
};

/// Every row of this kind.
pub(crate) fn all() -> Vec<Work> {
    vec![
        Work {
            name: "ten-million",
            what: "1e7 operations as JSON lines, 100 keys, 100 clients, 0.1 % unknown: reading included",
            recipe: TEN_MILLION,
            target_seconds: 10.0,
            target_mib: 200.0,
        },
        Work {
            name: "ten-million-stale",
            what: "the same with one stale read: found and explained",
            recipe: Recipe {
                stale_reads: 1,
                ..TEN_MILLION
            },
            target_seconds: 10.0,
            target_mib: 200.0,
        },
    ]
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    check: CheckArguments,
}

impl Work {
    /// Writes the history as JSON lines.
    pub(crate) fn write(&self, file: &mut impl Write) -> std::io::Result<()> {
        generate::write(&self.recipe, file)
    }

    /// Measures the row.
    pub(crate) fn run(&self) -> Value {
        let history = HistoryFile::of(self.name);
        let bytes = history.bytes();
        let line = Line::parse_from(["check", "--json", history.path()]);
        let (mut output, start) = (Vec::new(), Instant::now());
        let seconds = measure::once(|| {
            run(&line.check, &mut output).expect("to write to memory");
        });
        let wall = start.elapsed().as_secs_f64();
        let report: Value = serde_json::from_slice(&output).expect("a report");
        json!({
            "name": self.name,
            "what": self.what,
            "histories": 1,
            "operations": report["operations"],
            "bytes": bytes,
            "verdict": match &report["valid"] {
                Value::Bool(true) => "valid",
                Value::Bool(false) => "invalid",
                _ => "unknown",
            },
            "cpu_s": seconds,
            "wall_s": wall,
            "peak_mib": measure::peak_mib(),
            "target_cpu_s": self.target_seconds,
            "target_mib": self.target_mib,
        })
    }
}
