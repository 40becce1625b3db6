//! What the beginning of a history proves, where the rest could not be read.
//!
//! A violation is one whatever comes after it, for most models. Some only say what a history came
//! to in the end, or that nobody did something: what was not read may be the answer.

use super::{Model, Settings};
use crate::anomaly::AnomalyName;
use crate::history::History;
use crate::judge::in_words;
use crate::report::{Report, Unknown, Verdict};
use crate::transactions::Order;
use std::collections::BTreeSet;

/// Takes back what may have its explanation in what was not read.
pub(super) fn only_proven(
    history: &History,
    model: &Model,
    settings: &Settings,
    mut report: Report,
) -> Report {
    let grave = history.problems.iter().find(|problem| problem.grave);
    let (Some(grave), Verdict::Invalid(anomalies)) = (grave, &mut report.verdict) else {
        return report;
    };
    let found: BTreeSet<&str> = anomalies.iter().map(|one| one.name.as_str()).collect();
    anomalies.retain(|anomaly| is_proven(model, settings, anomaly.name));
    if anomalies.is_empty() {
        let found: Vec<&str> = found.into_iter().collect();
        report.verdict = Verdict::Unknown(Unknown {
            reason: format!(
                "what was found ({}) may have its explanation in what was not read (event {}: {})",
                in_words(&found),
                grave.event,
                grave.text
            ),
            ..Unknown::default()
        });
    }
    report
}

/// Whether a violation of this name stays one whatever comes later.
fn is_proven(model: &Model, settings: &Settings, name: AnomalyName) -> bool {
    use AnomalyName::{GarbageRead, LostElement, LostWrite, PhantomElement};
    match (model.name, name) {
        // Its last read counts, whichever that is.
        ("set", _) => false,
        // It may come out, be seen or be added later.
        ("queue", LostElement) | ("kafka", LostWrite) => false,
        ("set-full", LostWrite | PhantomElement) => false,
        // In real time nobody reads what is written later.
        (_, GarbageRead) => settings.transactions().model.order == Order::RealTime,
        _ => true,
    }
}
