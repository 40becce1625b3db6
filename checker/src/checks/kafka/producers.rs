//! The order in which each producer's messages are in the log.

use super::Findings;
use super::logs::Logs;
use super::steps::{Step, Steps};
use crate::anomaly::AnomalyName;
use crate::hash::FastMap;
use crate::history::Outcome;

/// Finds messages whose offsets contradict the order in which one process sent them.
pub(super) fn check(findings: &mut Findings<'_>, operations: &[Steps], logs: &Logs) {
    // By process and key, the offset that was acknowledged last, and the operation.
    let mut last: FastMap<(u32, &str), (i64, u32)> = FastMap::default();
    let mut gaps = 0;
    for operation in operations.iter().filter(|one| one.outcome == Outcome::Ok) {
        for step in &operation.steps {
            let Step::Send {
                key,
                value,
                offset: Some(offset),
            } = step
            else {
                continue;
            };
            let before = last.insert((operation.process, key), (*offset, operation.place));
            let Some((before, place)) = before else {
                continue;
            };
            let internal = place == operation.place;
            if before < *offset {
                let skips = internal && logs.between(key, before, *offset) > 0;
                gaps += usize::from(skips);
                continue;
            }
            let text = format!(
                "{value} was sent to {key} after the message at offset {before}, but is at offset {offset}: {}.",
                findings.operation(operation.place),
            );
            let name = match internal {
                true => AnomalyName::InternalNonmonotonicSend,
                false => AnomalyName::NonmonotonicSend,
            };
            findings.add(name, text, &[place, operation.place]);
        }
    }
    findings.detail("internal_send_skips", gaps);
}
