//! Rows of histories that are far larger than the memory they may take: written to a file, and
//! judged by the command while they are read.

use crate::measure;
use clap::Parser;
use kensho_checker::command::{CheckArguments, run};
use kensho_checker::generate::{self, Recipe};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
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
    pub(crate) fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        generate::write(&self.recipe, &mut file)?;
        file.flush()
    }

    /// Measures the row. The file stands in the folder for temporary files meanwhile.
    pub(crate) fn run(&self) -> Value {
        let name = format!("kensho-bench-{}-{}.jsonl", self.name, std::process::id());
        let path = std::env::temp_dir().join(name);
        self.write(&path).expect("to write the history");
        let bytes = path.metadata().expect("the file").len();
        let file = path.to_str().expect("a path that is text");
        let line = Line::parse_from(["check", "--json", file]);
        let (mut output, start) = (Vec::new(), Instant::now());
        let seconds = measure::once(|| {
            run(&line.check, &mut output).expect("to write to memory");
        });
        let wall = start.elapsed().as_secs_f64();
        std::fs::remove_file(&path).expect("to remove the file");
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
