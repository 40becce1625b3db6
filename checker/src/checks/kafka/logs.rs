//! What is known of each key's log, and what is wrong with the log itself.

use super::Findings;
use super::steps::{Step, Steps};
use crate::anomaly::AnomalyName;
use crate::hash::FastMap;
use crate::history::{History, Outcome};
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A message that was sent.
#[derive(Clone, Copy)]
pub(super) struct Sent {
    pub(super) place: u32,
    pub(super) outcome: Outcome,
    pub(super) offset: Option<i64>,
}

/// A message, by its key and its value.
type Message = (String, Value);

/// What is known of all keys.
#[derive(Default)]
pub(super) struct Logs {
    pub(super) sends: BTreeMap<Message, Sent>,
    /// Polled messages, with the first poll that ended of those that returned each.
    pub(super) polled: BTreeMap<Message, u32>,
    /// By key, the values at each offset, with an operation that says so.
    logs: BTreeMap<String, BTreeMap<i64, Vec<(Value, u32)>>>,
    /// By key, the offsets of messages that exist, ascending.
    offsets: FastMap<String, Vec<i64>>,
    /// By key, the greatest offset that a poll returned, and that poll.
    furthest: BTreeMap<String, (i64, u32)>,
}

impl Logs {
    /// An error if a message was sent twice: then it does not tell which one was polled.
    pub(super) fn of(history: &History, operations: &[Steps]) -> Result<Logs, String> {
        let mut logs = Logs::default();
        for operation in operations {
            let place = operation.place;
            for step in &operation.steps {
                match step {
                    Step::Send { key, value, offset } => {
                        let sent = Sent {
                            place,
                            outcome: operation.outcome,
                            offset: offset.filter(|_| operation.outcome == Outcome::Ok),
                        };
                        let message = (key.clone(), value.clone());
                        if let Some(before) = logs.sends.insert(message, sent) {
                            return Err(format!(
                                "event {}: {value} is sent to {key} for the second time (first in event {}); this check needs messages that are sent once",
                                history.index(history.operations[place as usize].invoke),
                                history.index(history.operations[before.place as usize].invoke),
                            ));
                        }
                        if let Some(offset) = sent.offset {
                            logs.exists(key, offset, value, place);
                        }
                    }
                    Step::Poll(messages) => {
                        for message in messages {
                            let (key, value) = (&message.key, &message.value);
                            let ended = |place: u32| history.operations[place as usize].complete;
                            let first = logs
                                .polled
                                .entry((key.clone(), value.clone()))
                                .or_insert(place);
                            if ended(place) < ended(*first) {
                                *first = place;
                            }
                            let Some(offset) = message.offset else {
                                continue;
                            };
                            logs.exists(key, offset, value, place);
                            let furthest =
                                logs.furthest.entry(key.clone()).or_insert((offset, place));
                            if furthest.0 < offset {
                                *furthest = (offset, place);
                            }
                        }
                    }
                }
            }
        }
        for (key, log) in &logs.logs {
            logs.offsets
                .insert(key.clone(), log.keys().copied().collect());
        }
        Ok(logs)
    }

    fn exists(&mut self, key: &str, offset: i64, value: &Value, place: u32) {
        let log = match self.logs.get_mut(key) {
            Some(log) => log,
            None => self.logs.entry(key.to_owned()).or_default(),
        };
        let values = log.entry(offset).or_default();
        if values.iter().all(|(known, _)| known != value) {
            values.push((value.clone(), place));
        }
    }

    /// How many known messages lie between two offsets of a key.
    pub(super) fn between(&self, key: &str, first: i64, second: i64) -> usize {
        let Some(offsets) = self.offsets.get(key) else {
            return 0;
        };
        let after = offsets.partition_point(|offset| *offset <= first);
        let before = offsets.partition_point(|offset| *offset < second);
        before.saturating_sub(after)
    }

    /// The first known messages between two offsets of a key, in words.
    pub(super) fn between_in_words(&self, key: &str, first: i64, second: i64) -> String {
        let values: Vec<Value> = self.logs[key]
            .range(first + 1..second)
            .flat_map(|(_, values)| values.iter().map(|(value, _)| value.clone()))
            .collect();
        super::listed(&values)
    }

    /// Acknowledged messages that nobody polled, and beyond which nobody polled.
    pub(super) fn unseen(&self) -> Vec<Value> {
        self.sends
            .iter()
            .filter(|(message, sent)| {
                let behind = self.furthest.get(&message.0);
                sent.outcome == Outcome::Ok
                    && !self.polled.contains_key(*message)
                    && sent
                        .offset
                        .is_none_or(|offset| behind.is_none_or(|(last, _)| offset > *last))
            })
            .map(|((_, value), _)| value.clone())
            .collect()
    }

    /// Finds what is wrong with the logs, whoever polls them.
    pub(super) fn check(&self, findings: &mut Findings<'_>, operations: &[Steps]) {
        self.offsets_agree(findings);
        self.polled_was_sent(findings);
        self.own_were_not_polled(findings, operations);
        self.sent_was_polled(findings);
    }

    fn offsets_agree(&self, findings: &mut Findings<'_>) {
        for (key, log) in &self.logs {
            let mut offsets_of: BTreeMap<&Value, Vec<(i64, u32)>> = BTreeMap::new();
            for (offset, values) in log {
                for (value, place) in values {
                    offsets_of.entry(value).or_default().push((*offset, *place));
                }
                if let [(one, first), (other, second), ..] = &values[..] {
                    let text = format!(
                        "at offset {offset} of {key} there is {one} for {}, but {other} for {}.",
                        findings.operation(*first),
                        findings.operation(*second),
                    );
                    findings.add(AnomalyName::InconsistentOffsets, text, &[*first, *second]);
                }
            }
            for (value, offsets) in offsets_of {
                if let [(one, first), (other, second), ..] = offsets[..] {
                    let text = format!(
                        "{value} is in the log of {key} {} times, among others at the offsets {one} and {other}.",
                        offsets.len(),
                    );
                    findings.add(AnomalyName::DuplicateElement, text, &[first, second]);
                }
            }
        }
    }

    fn polled_was_sent(&self, findings: &mut Findings<'_>) {
        for ((key, value), poll) in &self.polled {
            let sent = self.sends.get(&(key.clone(), value.clone()));
            let poll_in_words = findings.operation(*poll);
            match sent {
                None => {
                    let text =
                        format!("{poll_in_words} saw {value} in {key}, which nobody had sent.");
                    findings.add(AnomalyName::PhantomRead, text, &[*poll]);
                }
                Some(sent) if sent.outcome == Outcome::Fail => {
                    let text = format!(
                        "{poll_in_words} saw {value} in {key}, though its send failed: {}.",
                        findings.operation(sent.place),
                    );
                    findings.add(AnomalyName::G1a, text, &[sent.place, *poll]);
                }
                Some(sent) => {
                    let operations = &findings.history.operations;
                    let (begun, ended) = (
                        operations[sent.place as usize].invoke,
                        operations[*poll as usize].complete,
                    );
                    if begun > ended {
                        let text = format!(
                            "{poll_in_words} saw {value} in {key}, whose send began only later."
                        );
                        findings.add(AnomalyName::ReadFromTheFuture, text, &[*poll, sent.place]);
                    }
                }
            }
        }
    }

    fn own_were_not_polled(&self, findings: &mut Findings<'_>, operations: &[Steps]) {
        for operation in operations {
            let polled = operation.steps.iter().filter_map(|step| match step {
                Step::Poll(messages) => Some(messages),
                Step::Send { .. } => None,
            });
            for message in polled.flatten() {
                let (key, value) = (&message.key, &message.value);
                let sent = self.sends.get(&(key.clone(), value.clone()));
                if sent.is_some_and(|sent| sent.place == operation.place) {
                    let text = format!(
                        "{} saw {value} in {key}, which it sent itself: nobody may see that before the transaction has ended.",
                        findings.operation(operation.place),
                    );
                    let proof = [operation.place];
                    findings.add(AnomalyName::PrecommittedRead, text, &proof);
                }
            }
        }
    }

    fn sent_was_polled(&self, findings: &mut Findings<'_>) {
        let mut told: BTreeSet<&str> = BTreeSet::new();
        let mut lost = 0;
        for (message, sent) in &self.sends {
            let (key, value) = message;
            let (Some(offset), Some((last, poll))) = (sent.offset, self.furthest.get(key)) else {
                continue;
            };
            if offset > *last || self.polled.contains_key(message) {
                continue;
            }
            lost += 1;
            told.insert(key);
            let text = format!(
                "{value} was acknowledged at offset {offset} of {key}, but nobody ever polled it, though {} came as far as offset {last}.",
                findings.operation(*poll),
            );
            findings.add(AnomalyName::LostWrite, text, &[sent.place, *poll]);
        }
        findings.detail("lost", lost);
        findings.detail("keys_with_losses", told.len());
    }
}
