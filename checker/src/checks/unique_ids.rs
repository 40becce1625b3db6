//! Unique identifiers: no two operations that succeeded were given the same one.

use super::{Findings, each_key, named_of, succeeded};
use crate::anomaly::AnomalyName;
use crate::hash::FastMap;
use crate::history::{Datum, History};
use crate::judge::{Known, Model, NilAnswer};
use crate::report::Report;

/// The model `unique-ids`.
pub static MODEL: Model = Model {
    name: "unique-ids",
    help: "No identifier is handed out twice: generate",
    operations: &[Known::asks("generate", NilAnswer::Never)],
    settings: &[],
    guess: Some(|evidence| {
        evidence
            .has("generate")
            .then(|| "its operations are generate".to_owned())
    }),
    judge: |history, _| check(history),
};

/// Judges all identifiers that `generate` returned, each key on its own.
pub fn check(history: &History) -> Report {
    each_key(history, |places| check_key(history, places))
}

fn check_key(history: &History, places: &[u32]) -> Report {
    let mut findings = Findings::new(history);
    let mut first: FastMap<Datum, u32> = FastMap::default();
    let mut acknowledged = 0;
    for (place, operation) in named_of(history, places, "generate") {
        if !succeeded(operation) || operation.result == Datum::NIL {
            continue;
        }
        acknowledged += 1;
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
    let missing = (acknowledged == 0)
        .then(|| "no identifier was handed out, so nothing was checked".to_owned());
    findings.report("unique-ids", missing)
}
