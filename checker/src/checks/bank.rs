//! A bank: transfers between accounts must never change the sum that a read sees.
//!
//! Operations: `transfer`, and `read` of a map from account to balance. Balances may be decimal.

use super::{Findings, each_key, named_of, succeeded};
use crate::anomaly::AnomalyName;
use crate::history::{Datum, History};
use crate::judge::{Argument, Known, Model, NilAnswer, Setting, Shape, unexpected};
use crate::number::Number;
use crate::report::Report;
use crate::value::Value;

/// The model `bank`.
pub static MODEL: Model = Model {
    name: "bank",
    help: "A bank: transfer, read {account balance}; the sum stays the same",
    operations: &[
        Known::asks("read", NilAnswer::Never),
        Known::change("transfer").with_argument(Argument::Free),
    ],
    settings: &[Setting::Init, Setting::Total, Setting::NegativeBalances],
    guess: Some(|evidence| {
        let transfers = evidence.has("transfer");
        let maps = evidence.returns("read", &[Shape::Map]);
        (transfers || maps && evidence.uses.len() == 1)
            .then(|| format!("its operations are {}", evidence.names_in_words()))
    }),
    judge: |history, settings| {
        let initial = match &settings.initial {
            None => None,
            Some(value) => match balances_of(value) {
                Some(balances) => Some(balances),
                None => {
                    let reason = format!("--init {value}: expected a map from account to balance");
                    return Report::unknown("bank", history, reason);
                }
            },
        };
        check(history, &settings.bank, initial.as_deref())
    },
};

/// What the bank is like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The sum of all balances; if it is not given, the sum that the first read saw.
    pub total: Option<Number>,
    /// Whether a balance may be below zero.
    pub negative_balances: bool,
}

type Balances = Vec<(Value, Number)>;

/// Judges every read, each key on its own, given the balances in the beginning if they are known.
pub fn check(history: &History, options: &Options, initial: Option<&[(Value, Number)]>) -> Report {
    each_key(history, |places| {
        check_key(history, places, options, initial)
    })
}

fn check_key(
    history: &History,
    places: &[u32],
    options: &Options,
    initial: Option<&[(Value, Number)]>,
) -> Report {
    let mut findings = Findings::new(history);
    let mut reads: Vec<(u32, Value)> = named_of(history, places, "read")
        .filter(|(_, read)| succeeded(read) && read.result != Datum::NIL)
        .map(|(place, read)| (place, history.value(read.result)))
        .collect();
    reads.sort_by_key(|(place, _)| history.operations[*place as usize].complete);
    let mut expected: Option<Expected> = initial.map(|balances| Expected {
        accounts: accounts(balances),
        total: options.total.unwrap_or_else(|| sum(balances)),
        guessed_from: None,
    });
    let mut judged = 0;
    for (place, seen) in &reads {
        let Value::Map(entries) = seen else {
            let operation = &history.operations[*place as usize];
            let odd = unexpected(
                history,
                operation,
                operation.result,
                "a map from account to balance",
            );
            findings.not_read(odd);
            continue;
        };
        judged += 1;
        let Some(balances) = balances_of(seen) else {
            findings.add_wrong_accounts(*place, entries);
            continue;
        };
        let expected = expected.get_or_insert_with(|| Expected {
            accounts: accounts(&balances),
            total: options.total.unwrap_or_else(|| sum(&balances)),
            guessed_from: options.total.is_none().then_some(*place),
        });
        findings.compare(*place, &balances, expected, options);
    }
    findings.detail("reads", judged);
    if let Some(expected) = expected {
        findings.detail("total", expected.total.to_json());
        if let Some(place) = expected.guessed_from {
            let event = history.index(history.operations[place as usize].complete);
            let source = format!("guessed from the first read, event {event}; --total sets it");
            findings.detail("total_is", source);
        }
    }
    let missing = (judged == 0).then(|| "no read succeeded, so nothing was checked".to_owned());
    findings.report("bank", missing)
}

/// What every read should see.
struct Expected {
    accounts: Vec<Value>,
    total: Number,
    /// The read that the total was taken from, if nobody told it.
    guessed_from: Option<u32>,
}

impl Findings<'_> {
    fn add_wrong_accounts(&mut self, place: u32, entries: &[(Value, Value)]) {
        let odd = entries
            .iter()
            .find(|(_, balance)| Number::of(balance).is_none());
        let text = match odd {
            Some((account, balance)) => format!(
                "{} saw {balance} in account {account}, which is no balance.",
                self.operation(place)
            ),
            None => format!("{} saw no balances.", self.operation(place)),
        };
        self.add(AnomalyName::WrongAccounts, text, &[place]);
    }

    fn compare(
        &mut self,
        place: u32,
        seen: &[(Value, Number)],
        expected: &Expected,
        options: &Options,
    ) {
        let total = sum(seen);
        if accounts(seen) != expected.accounts {
            let text = format!(
                "{} does not have a balance for each of the {} accounts.",
                self.operation(place),
                expected.accounts.len()
            );
            self.add(AnomalyName::WrongAccounts, text, &[place]);
        } else if !total.equals(expected.total) {
            let what = match total.is_less(expected.total) {
                true => "was lost",
                false => "came from nowhere",
            };
            let mut text = format!(
                "{} sums up to {total}, not to {}: money {what}.",
                self.operation(place),
                expected.total,
            );
            let mut proof = vec![place];
            if let Some(first) = expected.guessed_from {
                text.push_str(&format!(
                    " (The total is guessed: it is what the first read saw, {}.)",
                    self.operation(first)
                ));
                proof.insert(0, first);
            }
            self.add(AnomalyName::WrongTotal, text, &proof);
        }
        let negative: Vec<String> = seen
            .iter()
            .filter(|(_, balance)| balance.is_less(Number::ZERO))
            .map(|(account, balance)| format!("{account} has {balance}"))
            .collect();
        if !negative.is_empty() && !options.negative_balances {
            let text = format!(
                "{} has balances below zero: {}.",
                self.operation(place),
                negative.join(", ")
            );
            self.add(AnomalyName::NegativeBalance, text, &[place]);
        }
    }
}

fn accounts(balances: &[(Value, Number)]) -> Vec<Value> {
    balances
        .iter()
        .map(|(account, _)| account.clone())
        .collect()
}

fn sum(balances: &[(Value, Number)]) -> Number {
    let amounts = balances.iter().map(|(_, balance)| *balance);
    amounts.fold(Number::ZERO, Number::plus)
}

/// The balances that a map holds; none if one of them is no number.
fn balances_of(value: &Value) -> Option<Balances> {
    let Value::Map(entries) = value else {
        return None;
    };
    entries
        .iter()
        .map(|(account, balance)| Some((account.clone(), Number::of(balance)?)))
        .collect()
}
