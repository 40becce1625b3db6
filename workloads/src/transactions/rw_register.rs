//! The rw-register workload: transactions that read and write registers, each value once.
//!
//! Whoever writes a register reads it first, in the same transaction: so each version names the one
//! before, and a history is judged without search.

use kensho_checker::history::History;
use kensho_checker::judge::{self, judge, models};
use kensho_checker::report::Report;
use serde_json::{Value, json};

use super::{Spoken, Transactions, draw_steps, reads_all, row, steps, with_seen};
use crate::call::CallKind;
use crate::objects::{Draw, Names};
use crate::operation::Operation;
use crate::transaction::{Act, Transaction};
use crate::workload::{Clients, Settings, Values, Words, Workload};

/// Many independent groups of registers.
#[derive(Debug)]
pub struct RwRegister;

const NAMES: Names = Names {
    letter: 'g',
    container: "rw-register",
};

impl Workload for RwRegister {
    fn name(&self) -> &'static str {
        "rw-register"
    }

    fn text(&self) -> &'static str {
        "transactions read and write registers; they must be strictly serializable"
    }

    fn operations(&self) -> &'static [&'static str] {
        &["txn"]
    }

    fn calls(&self) -> &'static [CallKind] {
        &[CallKind::Transact]
    }

    fn words(&self) -> Words {
        Words {
            object: "register group",
            valid: "all transactions could have happened one after another, each between its request and its \
                    answer.",
            invalid: "no order of these transactions, one after another, agrees with what they saw",
        }
    }

    fn clients(&self, settings: Settings) -> Box<dyn Clients> {
        Box::new(Transactions::<Registers>::new(settings))
    }

    fn container(&self, settings: &Settings, key: &str) -> Option<String> {
        NAMES.container_of(key, settings.containers)
    }

    fn check(&self, history: &History) -> Report {
        judge(history, &models::RW_REGISTER, &judge::Settings::default())
    }
}

#[derive(Debug)]
struct Registers;

impl Spoken for Registers {
    const NAMES: Names = NAMES;
    const VALUES: Values = Values::Numbers;
    const READ: &'static str = "txn";
    const DRAW: Draw = |draw, count| {
        draw_steps(draw, count, |steps, row, value| {
            steps.extend([json!(["r", row, null]), json!(["w", row, value])]);
        })
    };

    fn transaction(object: &str, operation: &Operation) -> Option<(Value, Transaction)> {
        let steps = steps(operation)?;
        let act = |step: &Value| {
            let key = row(object, step[1].as_u64()?);
            match step[0].as_str()? {
                "r" => Some(Act::Get(key)),
                "w" => Some(Act::Put(key, step[2].as_i64()?)),
                _ => None,
            }
        };
        let acts: Option<Vec<Act>> = steps.iter().map(act).collect();
        let transaction = Transaction {
            unless: None,
            acts: acts?,
        };
        Some((Value::from(steps), transaction))
    }

    fn told(operation: &Operation, seen: Vec<Value>) -> (Value, bool) {
        let told = with_seen(&operation.value, seen, &Value::Null);
        let whole = told.as_array().is_some_and(|steps| reads_all(steps));
        (told, whole)
    }
}
