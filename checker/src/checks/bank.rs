//! A bank: transfers between accounts must never change the sum that a read sees.
//!
//! Operations: `transfer`, and `read` of a map from account to balance.

use super::{Findings, named, succeeded};
use crate::anomaly::AnomalyName;
use crate::history::History;
use crate::judge::{Argument, Known, Model, Setting, Shape};
use crate::report::Report;
use crate::value::Value;
use std::collections::BTreeMap;

/// The model `bank`.
pub static MODEL: Model = Model {
    name: "bank",
    help: "A bank: transfer, read {account balance}; the sum stays the same",
    operations: &[
        Known::read("read"),
        Known::change("transfer").with_argument(Argument::Free),
    ],
    settings: &[Setting::Total, Setting::NegativeBalances],
    guess: Some(|evidence| {
        let transfers = evidence.has("transfer");
        let maps = evidence.returns("read", &[Shape::Map]);
        (transfers || maps && evidence.uses.len() == 1)
            .then(|| format!("its operations are {}", evidence.names_in_words()))
    }),
    judge: |history, settings| check(history, settings.bank),
};

/// What the bank is like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The sum of all balances; if it is not given, the sum that most reads saw.
    pub total: Option<i64>,
    /// Whether a balance may be below zero.
    pub negative_balances: bool,
}

/// Judges every read.
pub fn check(history: &History, options: Options) -> Report {
    let mut findings = Findings::new(history);
    let mut sums: BTreeMap<i64, usize> = BTreeMap::new();
    let mut accounts: BTreeMap<Vec<Value>, usize> = BTreeMap::new();
    let mut reads = Vec::new();
    for (place, read) in named(history, "read").filter(|(_, read)| succeeded(read)) {
        let Value::Map(balances) = history.value(read.result) else {
            continue;
        };
        let sum = balances
            .iter()
            .filter_map(|(_, balance)| balance.as_int())
            .fold(0_i64, i64::saturating_add);
        *sums.entry(sum).or_default() += 1;
        let names = balances
            .iter()
            .map(|(account, _)| account.clone())
            .collect();
        *accounts.entry(names).or_default() += 1;
        reads.push((place, balances, sum));
    }
    let most =
        |counts: &BTreeMap<i64, usize>| counts.iter().max_by_key(|(_, n)| **n).map(|(s, _)| *s);
    let total = options.total.or_else(|| most(&sums)).unwrap_or(0);
    let expected = accounts
        .iter()
        .max_by_key(|(_, count)| **count)
        .map(|(names, _)| names.clone());
    for (place, balances, sum) in &reads {
        let names: Vec<Value> = balances
            .iter()
            .map(|(account, _)| account.clone())
            .collect();
        if expected.as_ref() != Some(&names)
            || balances
                .iter()
                .any(|(_, balance)| balance.as_int().is_none())
        {
            let text = format!(
                "{} does not have a balance for each of the {} accounts.",
                findings.operation(*place),
                expected.as_ref().map_or(0, Vec::len)
            );
            findings.add(AnomalyName::WrongAccounts, text, &[*place]);
        } else if *sum != total {
            let text = format!(
                "{} sums up to {sum}, not to {total}: money {}.",
                findings.operation(*place),
                if *sum < total {
                    "was lost"
                } else {
                    "came from nowhere"
                }
            );
            findings.add(AnomalyName::WrongTotal, text, &[*place]);
        }
        let negative: Vec<String> = balances
            .iter()
            .filter(|(_, balance)| balance.as_int().is_some_and(|balance| balance < 0))
            .map(|(account, balance)| format!("{account} has {balance}"))
            .collect();
        if !negative.is_empty() && !options.negative_balances {
            let text = format!(
                "{} has balances below zero: {}.",
                findings.operation(*place),
                negative.join(", ")
            );
            findings.add(AnomalyName::NegativeBalance, text, &[*place]);
        }
    }
    findings.detail("reads", reads.len());
    findings.detail("total", total);
    let missing = reads
        .is_empty()
        .then(|| "no read succeeded, so nothing was checked".to_owned());
    findings.report("bank", missing)
}
