//! The bank workload: transfers between the accounts of many banks, and reads of all accounts of one.
//!
//! Accounts begin with nothing and may be overdrawn up to a limit: the sum of all balances of a bank is
//! zero at every moment.

use fastrand::Rng;
use kensho_checker::history::History;
use kensho_checker::judge::{self, judge, models};
use kensho_checker::report::Report;
use serde_json::{Map, Value, json};

use super::{ROWS, Spoken, Transactions, row};
use crate::call::CallKind;
use crate::objects::{Draw, Names};
use crate::operation::Operation;
use crate::transaction::{Act, Below, Transaction};
use crate::workload::{Clients, Settings, Values, Words, Workload};

/// Many independent banks.
#[derive(Debug)]
pub struct Bank;

const NAMES: Names = Names {
    letter: 'b',
    container: "bank",
};
/// Nothing is taken from an account with less than this.
const OVERDRAWN: i64 = -5;

impl Workload for Bank {
    fn name(&self) -> &'static str {
        "bank"
    }

    fn text(&self) -> &'static str {
        "clients transfer money between accounts and read all of them; the total never changes"
    }

    fn operations(&self) -> &'static [&'static str] {
        &["transfer", "read"]
    }

    fn calls(&self) -> &'static [CallKind] {
        &[CallKind::Transact]
    }

    fn words(&self) -> Words {
        Words {
            object: "bank",
            valid: "every read of all accounts added up to the same total: no money was lost, and none came \
                    from nowhere.",
            invalid: "these balances do not add up",
        }
    }

    fn clients(&self, settings: Settings) -> Box<dyn Clients> {
        Box::new(Transactions::<Banks>::new(settings))
    }

    fn container(&self, settings: &Settings, key: &str) -> Option<String> {
        NAMES.container_of(key, settings.containers)
    }

    fn check(&self, history: &History) -> Report {
        let empty = balances((0..ROWS).map(|_| Value::from(0)).collect());
        let mut settings = judge::Settings {
            initial: Some((&empty).into()),
            ..judge::Settings::default()
        };
        settings.bank.negative_balances = true;
        judge(history, &models::BANK, &settings)
    }
}

fn balances(seen: Vec<Value>) -> Value {
    let number = |seen: Value| if seen.is_null() { json!(0) } else { seen };
    let accounts = (0..).zip(seen);
    let accounts =
        accounts.map(|(account, seen): (u64, Value)| (account.to_string(), number(seen)));
    Value::Object(accounts.collect::<Map<_, _>>())
}

#[derive(Debug)]
struct Banks;

impl Spoken for Banks {
    const NAMES: Names = NAMES;
    const VALUES: Values = Values::Numbers;
    const READ: &'static str = "read";
    const DRAW: Draw = draw;

    fn transaction(object: &str, operation: &Operation) -> Option<(Value, Transaction)> {
        let asked = &operation.value;
        if operation.f == "read" {
            let transaction = Transaction {
                unless: None,
                acts: (0..ROWS)
                    .map(|account| Act::Get(row(object, account)))
                    .collect(),
            };
            return Some((Value::Null, transaction));
        }
        let [from, to] = ["from", "to"].map(|name| asked[name].as_u64());
        let [from, to] = [row(object, from?), row(object, to?)];
        let amount = asked["amount"].as_i64()?;
        let transaction = Transaction {
            unless: Some(Below {
                key: from.clone(),
                value: OVERDRAWN,
            }),
            acts: vec![Act::Add(from, -amount), Act::Add(to, amount)],
        };
        Some((asked.clone(), transaction))
    }

    fn told(operation: &Operation, seen: Vec<Value>) -> (Value, bool) {
        match operation.f {
            "read" => (balances(seen), true),
            _ => (operation.value.clone(), false),
        }
    }
}

fn draw(draw: &mut Rng, _count: u64) -> Operation {
    if draw.bool() {
        return Operation::new("read");
    }
    let from = draw.u64(..ROWS);
    let to = (from + draw.u64(1..ROWS)) % ROWS;
    let amount = draw.u64(1..=5);
    Operation::new("transfer").with(json!({"from": from, "to": to, "amount": amount}))
}
