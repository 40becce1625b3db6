//! The rows of the table: which histories, judged how, and what is to be reached.

use crate::{measure, object_rows};
use kensho_checker::formats::{self, Format};
use kensho_checker::generate::{FailedCasTells, Recipe, Values, history};
use kensho_checker::history::History;
use kensho_checker::judge::{Model, Settings, judge, models};
use kensho_checker::register::{Explain, FailedCas, Options, check};
use kensho_checker::report::Report;
use serde_json::{Value, json};
use std::path::PathBuf;

/// One row.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) what: &'static str,
    pub(crate) source: Source,
    pub(crate) explain: Explain,
    pub(crate) target_seconds: Option<f64>,
    pub(crate) target_mib: Option<f64>,
    /// What another checker took for the same kind of history, in seconds.
    pub(crate) peer: Option<(&'static str, f64)>,
}

impl Default for Row {
    fn default() -> Self {
        Row {
            name: String::new(),
            what: "",
            source: Source::Recipes(Vec::new()),
            explain: Explain::Fully,
            target_seconds: None,
            target_mib: None,
            peer: None,
        }
    }
}

pub(crate) enum Source {
    /// Generated histories.
    Recipes(Vec<Recipe>),
    /// All logs of a folder.
    Folder(String),
    /// One history of an object, and how it is judged.
    Object(&'static Model, Settings, fn() -> History),
    /// Recorded histories of text under keys.
    Texts(Vec<PathBuf>),
}

const MILLION: Recipe = Recipe {
    operations: 1_000_000,
    clients: 100,
    keys: 1,
    operations_per_key: 0,
    unknown_per_mille: 0,
    values: Values::Unique,
    failed_cas: FailedCasTells::WhatItSaw,
    stale_reads: 0,
    seed: 1,
};

/// Every row, in the order of the table.
pub(crate) fn all() -> Vec<Row> {
    let row = |name: &str, what, target_seconds, recipe| Row {
        name: name.to_owned(),
        what,
        source: Source::Recipes(vec![recipe]),
        target_seconds,
        ..Row::default()
    };
    let verdict_only = |name: &str, what, source| Row {
        name: name.to_owned(),
        what,
        source,
        explain: Explain::VerdictOnly,
        target_seconds: Some(0.005),
        ..Row::default()
    };
    let etcd_kind = || Source::Recipes((0..102).map(etcd).collect());
    let mut rows = vec![
        verdict_only(
            "etcd-kind",
            "102 small histories of the kind of etcd's: 85 operations, 5 clients, 5 values, 12 % unknown, a failed cas does not say what it saw, every second one with a planted stale read; verdicts only",
            etcd_kind(),
        ),
        Row {
            explain: Explain::Fully,
            target_seconds: None,
            ..verdict_only(
                "etcd-kind-explained",
                "the same, with each violation made minimal and explained",
                etcd_kind(),
            )
        },
    ];
    if let Ok(folder) = std::env::var("KENSHO_ETCD_LOGS") {
        rows.push(verdict_only(
            "etcd-logs",
            "recorded etcd register histories of a folder; verdicts only",
            Source::Folder(folder),
        ));
    }
    rows.push(Row {
        target_mib: Some(100.0),
        ..row(
            "100-keys",
            "1e6 operations, 100 keys, 100 clients, unique values",
            Some(0.25),
            Recipe {
                keys: 100,
                ..MILLION
            },
        )
    });
    rows.push(row(
        "one-key",
        "1e6 operations, one key, 100 clients, 5 % unknown",
        Some(1.0),
        Recipe {
            unknown_per_mille: 50,
            ..MILLION
        },
    ));
    rows.push(row(
        "live-keys",
        "1e6 operations, 10 live keys x 500 operations, 100 clients",
        Some(0.25),
        Recipe {
            keys: 10,
            operations_per_key: 500,
            ..MILLION
        },
    ));
    rows.push(row(
        "one-key-stale",
        "1e6 operations, one key, 100 clients, 5 % unknown, one stale read: found and explained",
        Some(1.0),
        Recipe {
            unknown_per_mille: 50,
            stale_reads: 1,
            ..MILLION
        },
    ));
    rows.push(row(
        "repeated",
        "1e5 operations, 10 live keys x 500 operations, 10 clients, 5 values, 1 % unknown: searched",
        None,
        Recipe {
            operations: 100_000,
            clients: 10,
            keys: 10,
            operations_per_key: 500,
            unknown_per_mille: 10,
            values: Values::Repeated(5),
            ..MILLION
        },
    ));
    for clients in [1, 10, 100] {
        for operations in [1_000, 10_000, 100_000, 1_000_000] {
            rows.push(row(
                &format!("curve-{clients}-{operations}"),
                "one key, unique values, 5 % unknown: time against size",
                None,
                Recipe {
                    operations,
                    clients,
                    unknown_per_mille: 50,
                    ..MILLION
                },
            ));
        }
    }
    rows.extend(object_rows::all());
    rows.extend(object_rows::recorded_texts());
    rows
}

/// One thread, and no limit that matters.
pub(crate) fn plain() -> Settings {
    Settings {
        threads: 1,
        ..Settings::default()
    }
}

fn etcd(seed: u64) -> Recipe {
    Recipe {
        operations: 85,
        clients: 5,
        unknown_per_mille: 120,
        values: Values::Repeated(5),
        failed_cas: FailedCasTells::Nothing,
        stale_reads: (seed % 2) as usize,
        seed,
        ..MILLION
    }
}

impl Row {
    /// Measures the row.
    pub(crate) fn run(&self) -> Value {
        let histories = self.histories();
        let judge_one = self.judge();
        let start = measure::cpu_seconds();
        let reports: Vec<Report> = histories.iter().map(&judge_one).collect();
        let first = measure::cpu_seconds() - start;
        let count = |wanted: fn(&Report) -> bool| reports.iter().filter(|r| wanted(r)).count();
        let (valid, invalid) = (count(Report::is_valid), count(Report::is_invalid));
        let verdict = match (valid == reports.len(), invalid == reports.len()) {
            (true, _) => "valid",
            (_, true) => "invalid",
            _ if valid + invalid == reports.len() => "both",
            _ => "unknown",
        };
        drop(reports);
        // A search that gives up takes long, and as long each time.
        let seconds = if verdict == "unknown" {
            first
        } else {
            measure::seconds(|| {
                for history in &histories {
                    std::hint::black_box(judge_one(history));
                }
            })
        };
        let mut result = json!({
            "name": self.name,
            "what": self.what,
            "histories": histories.len(),
            "operations": histories.iter().map(|h| h.operations.len()).sum::<usize>(),
            "verdict": verdict,
            "valid": valid,
            "invalid": invalid,
            "cpu_s": seconds,
            "peak_mib": measure::peak_mib(),
        });
        if let Source::Recipes(recipes) = &self.source {
            result["clients"] = recipes[0].clients.into();
        }
        if let Some(target) = self.target_seconds {
            result["target_cpu_s"] = target.into();
        }
        if let Some(target) = self.target_mib {
            result["target_mib"] = target.into();
        }
        if let Some((name, peer_seconds)) = self.peer {
            let ratio = measure::beside(seconds, peer_seconds);
            result["peer"] = json!({ "name": name, "cpu_s": peer_seconds, "we_take": ratio });
        }
        result
    }

    fn judge(&self) -> Box<dyn Fn(&History) -> Report> {
        let observation = match &self.source {
            Source::Object(model, settings, _) => {
                let (model, settings) = (*model, settings.clone());
                return Box::new(move |history| judge(history, model, &settings));
            }
            Source::Texts(_) => return Box::new(|history| judge(history, &models::KV, &plain())),
            Source::Folder(_) => true,
            Source::Recipes(recipes) => recipes[0].failed_cas == FailedCasTells::Nothing,
        };
        let options = Options {
            threads: 1,
            failed_cas: if observation {
                FailedCas::Observation
            } else {
                FailedCas::NoEffect
            },
            explain: self.explain,
            ..Options::default()
        };
        Box::new(move |history| check(history, &options))
    }

    /// The history, or the first of many.
    pub(crate) fn first_history(&self) -> History {
        match &self.source {
            Source::Recipes(recipes) => history(&recipes[0]),
            _ => self.histories().swap_remove(0),
        }
    }

    /// How the command is told to judge it.
    pub(crate) fn options(&self) -> Vec<String> {
        let model = match &self.source {
            Source::Object(model, ..) => model.name,
            Source::Texts(_) => models::KV.name,
            Source::Folder(_) => models::ETCD_REGISTER.name,
            Source::Recipes(recipes) => match recipes[0].failed_cas {
                FailedCasTells::Nothing => models::ETCD_REGISTER.name,
                FailedCasTells::WhatItSaw => models::CAS_REGISTER.name,
            },
        };
        let mut options = vec!["--model".to_owned(), model.to_owned()];
        if let Source::Object(_, settings, _) = &self.source
            && let Some(permits) = settings.permits
        {
            options.extend(["--permits".to_owned(), permits.to_string()]);
        }
        options
    }

    fn histories(&self) -> Vec<History> {
        match &self.source {
            Source::Object(_, _, make) => vec![make()],
            Source::Texts(paths) => (paths.iter())
                .map(|path| {
                    let text = std::fs::read(path).expect("a recorded history");
                    formats::read(&text, Format::detect(&text)).expect("a history")
                })
                .collect(),
            Source::Recipes(recipes) => recipes.iter().map(history).collect(),
            Source::Folder(folder) => {
                let files = std::fs::read_dir(folder).expect("the folder of KENSHO_ETCD_LOGS");
                let logs = files
                    .flatten()
                    .map(|file| file.path())
                    .filter(|path| path.extension().is_some_and(|extension| extension == "log"));
                logs.map(|path| {
                    let text = std::fs::read(path).expect("a log");
                    formats::read(&text, Format::detect(&text)).expect("a history")
                })
                .collect()
            }
        }
    }
}
