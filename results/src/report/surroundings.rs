//! What lies in a run's folder around its verdict, as far as the report shows it.

use std::fs::File;
use std::io::{BufRead, BufReader};

use serde_json::Value;

use super::anomaly::Anomaly;
use super::logs::{self, Lines, Moment};
use super::losses;
use super::sections::ANOMALIES_MAX;
use crate::store::RunFolder;
use crate::verdict::Verdict;

/// Log lines and what else only the folder knows.
#[derive(Clone, Debug, Default)]
pub(super) struct Surroundings {
    /// Who was master when the run began.
    pub(super) master: Option<String>,
    /// For each violation that is shown, the nodes' logs around it.
    pub(super) anomalies: Vec<Lines>,
    /// For each failover that lost writes and is shown, likewise.
    pub(super) losses: Vec<Lines>,
}

impl Surroundings {
    /// Of a verdict whose run has no folder, or none that can be read.
    pub(super) fn none(verdict: &Verdict) -> Surroundings {
        Surroundings {
            master: None,
            anomalies: vec![Lines::default(); verdict.anomalies.len().min(ANOMALIES_MAX)],
            losses: vec![Lines::default(); verdict.losses.by_failover.len().min(losses::SHOWN_MAX)],
        }
    }

    /// What the folder holds; what it does not is left out of the report.
    pub(super) fn read(folder: &RunFolder, verdict: &Verdict) -> Surroundings {
        let mut surroundings = Surroundings {
            master: first_master(folder),
            ..Surroundings::none(verdict)
        };
        let Some(began_unix_ms) = verdict.began_unix_ms else {
            return surroundings;
        };
        let anomalies = verdict.anomalies.iter().take(ANOMALIES_MAX);
        let anomalies = anomalies.map(|anomaly| Anomaly::of(anomaly).moment());
        let lost = verdict.losses.by_failover.iter().take(losses::SHOWN_MAX);
        let wanted: Vec<Option<Moment>> = anomalies.chain(lost.map(losses::moment)).collect();
        let moments: Vec<Moment> = wanted.iter().copied().flatten().collect();
        let mut found = logs::read(folder, began_unix_ms, &moments).into_iter();
        let places = surroundings
            .anomalies
            .iter_mut()
            .chain(&mut surroundings.losses);
        for (place, wanted) in places.zip(&wanted) {
            if wanted.is_some() {
                *place = found.next().unwrap_or_default();
            }
        }
        surroundings
    }
}

/// The master of the first table that was seen.
fn first_master(folder: &RunFolder) -> Option<String> {
    let mut line = String::new();
    let mut input = BufReader::new(File::open(folder.table()).ok()?);
    input.read_line(&mut line).ok()?;
    let table: Value = serde_json::from_str(&line).ok()?;
    table["table"]["master"].as_str().map(String::from)
}
