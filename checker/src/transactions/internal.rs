//! A transaction must see its own steps.

use super::Findings;
use super::parse::{Step, Tables, Transaction};
use crate::anomaly::AnomalyName;
use crate::hash::FastMap;

/// What a transaction knows of a list: all of it, or only how it must end.
enum Known {
    Whole(Vec<u32>),
    End(Vec<u32>),
}

/// Reads of lists that contradict earlier steps of their own transaction.
pub(super) fn check_lists(findings: &mut Findings<'_>, tables: &Tables) {
    let transactions: &[Transaction] = findings.transactions;
    for (at, transaction) in transactions.iter().enumerate().filter(|(_, t)| t.committed) {
        let mut known: FastMap<u32, Known> = FastMap::default();
        for step in &transaction.steps {
            match step {
                Step::Append { key, element } => {
                    match known.entry(*key).or_insert_with(|| Known::End(Vec::new())) {
                        Known::Whole(list) | Known::End(list) => list.push(*element),
                    }
                }
                Step::ReadList {
                    key,
                    seen: Some(seen),
                } => {
                    let wrong = match known.get(key) {
                        Some(Known::Whole(list)) => list != seen,
                        Some(Known::End(end)) => !seen.ends_with(end),
                        None => false,
                    };
                    if wrong {
                        let text = format!(
                            "{} read {} in a state that contradicts its own earlier steps.",
                            findings.name(at as u32),
                            tables.keys[*key as usize]
                        );
                        findings.add(AnomalyName::Internal, text, &[at as u32]);
                        break;
                    }
                    known.insert(*key, Known::Whole(seen.clone()));
                }
                _ => {}
            }
        }
    }
}

/// Reads of registers that contradict earlier steps of their own transaction.
pub(super) fn check_registers(findings: &mut Findings<'_>, tables: &Tables) {
    let transactions: &[Transaction] = findings.transactions;
    for (at, transaction) in transactions.iter().enumerate().filter(|(_, t)| t.committed) {
        let mut known: FastMap<u32, Option<u32>> = FastMap::default();
        for step in &transaction.steps {
            match step {
                Step::Write { key, element } => {
                    known.insert(*key, Some(*element));
                }
                Step::ReadRegister {
                    key,
                    seen: Some(seen),
                } => {
                    let before = known.insert(*key, *seen);
                    if before.is_some_and(|before| before != *seen) {
                        let text = format!(
                            "{} read {} in a state that contradicts its own earlier steps.",
                            findings.name(at as u32),
                            tables.keys[*key as usize]
                        );
                        findings.add(AnomalyName::Internal, text, &[at as u32]);
                        break;
                    }
                }
                _ => {}
            }
        }
    }
}
