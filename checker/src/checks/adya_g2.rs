//! Anti-dependency cycles with predicates: Adya's G2.
//!
//! Operation: `insert` with the value `[key [a b]]`, one of *a* and *b* an identifier, the other nil.
//! Each is a transaction that looks for rows of the key in two tables by a predicate, and inserts
//! its own (into the one or the other table) only if there is none. So of all inserts of a key at
//! most one may succeed. Where values are tuples of independent objects, each object has keys of its
//! own. This is `g2` of Jepsen's `jepsen.tests.adya`.

use super::Findings;
use super::{listed, named_of, succeeded};
use crate::anomaly::AnomalyName;
use crate::history::History;
use crate::judge::{Known, Model, Shape};
use crate::report::Report;
use crate::value::Value;
use std::collections::BTreeMap;

/// The model `g2`.
pub static MODEL: Model = Model {
    name: "g2",
    help: "Inserts of [key [a b]], each if there is none of the key yet: at most one succeeds",
    operations: &[Known::action("insert")],
    settings: &[],
    guess: Some(|evidence| {
        let is = evidence.has("insert") && evidence.takes("insert", &[Shape::Pair]);
        is.then(|| format!("its operations are {}", evidence.names_in_words()))
    }),
    judge: |history, _| check(history),
};

/// Judges the inserts of every key.
pub fn check(history: &History) -> Report {
    let mut findings = Findings::new(history);
    let mut missing = None;
    let mut keys: BTreeMap<Value, Vec<u32>> = BTreeMap::new();
    let places: Vec<u32> = (0..history.operations.len() as u32).collect();
    for (place, insert) in named_of(history, &places, "insert") {
        let value = history.value(insert.argument);
        let inner = match value.elements() {
            Some([key, Value::List(_)]) => Some(key.clone()),
            _ => None,
        };
        let key = match (history.key(insert.key), inner) {
            (Some(group), Some(key)) => Some(Value::List(vec![group.clone(), key])),
            (Some(key), None) => Some(key.clone()),
            (None, key) => key,
        };
        let Some(key) = key else {
            missing.get_or_insert_with(|| {
                format!(
                    "event {}: an insert has the value {value}; [key [a b]] was expected",
                    history.index(insert.invoke),
                )
            });
            continue;
        };
        let places = keys.entry(key).or_default();
        if succeeded(insert) {
            places.push(place);
        }
    }
    let inserted = keys.values().filter(|places| !places.is_empty()).count();
    for (key, places) in keys.iter().filter(|(_, places)| places.len() > 1) {
        let rows: Vec<Value> = places
            .iter()
            .map(|place| history.value(history.operations[*place as usize].argument))
            .collect();
        let text = format!(
            "{} inserts for {key} succeeded, though each saw that there was none: {}.",
            places.len(),
            listed(&rows),
        );
        findings.add(AnomalyName::G2, text, places);
    }
    findings.detail("keys", keys.len());
    findings.detail("keys_inserted", inserted);
    if inserted == 0 {
        missing.get_or_insert_with(|| "no insert succeeded, so nothing was checked".to_owned());
    }
    findings.report("g2", missing)
}
