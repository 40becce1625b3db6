//! The order in which each consumer got messages.

use super::Findings;
use super::logs::Logs;
use super::steps::{Doing, Step, Steps};
use crate::anomaly::AnomalyName;
use crate::hash::FastMap;
use crate::history::Outcome;

/// Where a consumer is in one key.
#[derive(Clone, Copy)]
struct Position {
    offset: i64,
    /// The operation that came so far.
    place: u32,
    /// It has been assigned again since, and may go back.
    may_go_back: bool,
}

#[derive(Default)]
struct Consumer {
    /// Whether the system may give it other keys at any time.
    subscribed: bool,
    positions: FastMap<String, Position>,
}

/// Finds messages that a consumer skipped, or got again.
pub(super) fn check(findings: &mut Findings<'_>, operations: &[Steps], logs: &Logs) {
    let mut consumers: FastMap<u32, Consumer> = FastMap::default();
    let mut tolerated = 0;
    for operation in operations {
        let consumer = consumers.entry(operation.process).or_default();
        match (operation.doing, operation.outcome) {
            (Doing::Nothing, _) | (_, Outcome::Fail) => {}
            // Whoever goes on after this may be anywhere.
            (Doing::Steps, Outcome::Unknown) => {
                let polls = |step: &Step| matches!(step, Step::Poll(_));
                if operation.steps.iter().any(polls) {
                    consumer.positions.clear();
                }
            }
            (Doing::Assign, _) => {
                consumer.subscribed = false;
                consumer.positions.retain(|key, position| {
                    position.may_go_back = true;
                    operation.keys.contains(key)
                });
            }
            (Doing::Subscribe, _) => {
                consumer.subscribed = true;
                consumer.positions.clear();
            }
            (Doing::Steps, Outcome::Ok) => {
                tolerated += consumer.poll(findings, operation, logs);
            }
        }
    }
    findings.detail("tolerated_while_subscribed", tolerated);
}

impl Consumer {
    /// Follows the messages of an operation; returns how many jumps were tolerated.
    fn poll(&mut self, findings: &mut Findings<'_>, operation: &Steps, logs: &Logs) -> usize {
        let mut tolerated = 0;
        for step in &operation.steps {
            let Step::Poll(messages) = step else { continue };
            // Keys that this step has returned a message of.
            let mut in_step: FastMap<&str, ()> = FastMap::default();
            for message in messages {
                let key = message.key.as_str();
                let Some(offset) = message.offset else {
                    self.positions.remove(key);
                    continue;
                };
                let now = Position {
                    offset,
                    place: operation.place,
                    may_go_back: false,
                };
                let same_step = in_step.insert(key, ()).is_some();
                let Some(before) = self.positions.insert(message.key.clone(), now) else {
                    continue;
                };
                let goes_back = offset <= before.offset;
                let skipped = logs.between(key, before.offset, offset);
                if !goes_back && skipped == 0 || goes_back && before.may_go_back {
                    continue;
                }
                // Within one poll, the messages of a key follow each other whatever is assigned.
                if self.subscribed && !same_step {
                    tolerated += 1;
                    continue;
                }
                let internal = before.place == operation.place;
                let poll = findings.operation(operation.place);
                let (name, text) = match (goes_back, internal) {
                    (true, internal) => (
                        match internal {
                            true => AnomalyName::InternalNonmonotonicPoll,
                            false => AnomalyName::NonmonotonicPoll,
                        },
                        format!(
                            "{poll} got offset {offset} of {key} after offset {}.",
                            before.offset,
                        ),
                    ),
                    (false, internal) => (
                        match internal {
                            true => AnomalyName::InternalPollSkip,
                            false => AnomalyName::PollSkip,
                        },
                        format!(
                            "{poll} got offset {offset} of {key} just after offset {}, without {skipped} message(s) between them: {}.",
                            before.offset,
                            logs.between_in_words(key, before.offset, offset),
                        ),
                    ),
                };
                findings.add(name, text, &[before.place, operation.place]);
            }
        }
        tolerated
    }
}
