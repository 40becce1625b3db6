//! The rw-register workload: transactions that read and write registers, each value once.
//!
//! Whoever writes a register reads it first, in the same transaction: so each version names the one
//! before, and a history is judged without search.

use kensho_checker::history::History;
use kensho_checker::judge::{self, judge, models};
use kensho_checker::report::Report;
use serde_json::{Value, json};

use super::{Spoken, Transactions, draw_steps, of_steps, told_of_steps};
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
        of_steps(object, operation, |name, row, value| match name {
            "w" => Some(Act::Put(row, value.as_i64()?)),
            _ => None,
        })
    }

    fn told(operation: &Operation, seen: Vec<Value>) -> (Value, bool) {
        told_of_steps(operation, seen, &Value::Null)
    }
}
