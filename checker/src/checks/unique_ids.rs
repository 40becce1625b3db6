//! Unique identifiers: no two operations that succeeded were given the same one.

use super::{Findings, succeeded};
use crate::anomaly::AnomalyName;
use crate::hash::FastMap;
use crate::history::{Datum, History};
use crate::judge::{Known, Model};
use crate::report::Report;

/// The model `unique-ids`.
pub static MODEL: Model = Model {
    name: "unique-ids",
    help: "No identifier is handed out twice: generate",
    operations: &[Known::read("generate")],
    settings: &[],
    guess: Some(|evidence| {
        evidence
            .has("generate")
            .then(|| "its operations are generate".to_owned())
    }),
    judge: |history, _| check(history),
};

/// Judges all identifiers that `generate` (or any other operation) returned.
pub fn check(history: &History) -> Report {
    let mut findings = Findings::new(history);
    let mut first: FastMap<Datum, u32> = FastMap::default();
    let mut acknowledged = 0;
    for (place, operation) in history.operations.iter().enumerate() {
        if !succeeded(operation) || operation.result == Datum::NIL {
            continue;
        }
        acknowledged += 1;
        let place = place as u32;
        let earlier = *first.entry(operation.result).or_insert(place);
        if earlier != place {
            let text = format!(
                "{} and {} were given the same identifier.",
                findings.operation(earlier),
                findings.operation(place)
            );
            findings.add(AnomalyName::DuplicateId, text, &[earlier, place]);
        }
    }
    findings.detail("acknowledged", acknowledged);
    findings.detail("distinct", first.len());
    let missing = (acknowledged == 0).then(|| "no identifier was handed out".to_owned());
    findings.report("unique-ids", missing)
}
