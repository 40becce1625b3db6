//! The list-append workload: transactions that append to lists and read them.
//!
//! A read of a list names all that was ever appended to it, in order: so the order of all versions is
//! known, and a history is judged exactly, whatever goes wrong (Kingsbury and Alvaro, "Elle", 2020).

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

/// Many independent groups of lists.
#[derive(Debug)]
pub struct ListAppend;

const NAMES: Names = Names {
    letter: 'l',
    container: "list-append",
};

impl Workload for ListAppend {
    fn name(&self) -> &'static str {
        "list-append"
    }

    fn text(&self) -> &'static str {
        "transactions append to lists and read them; they must be strictly serializable"
    }

    fn operations(&self) -> &'static [&'static str] {
        &["txn"]
    }

    fn calls(&self) -> &'static [CallKind] {
        &[CallKind::Transact]
    }

    fn words(&self) -> Words {
        Words {
            object: "list group",
            valid: "all transactions could have happened one after another, each between its request and its \
                    answer. Nothing that was appended was lost.",
            invalid: "no order of these transactions, one after another, agrees with what they saw",
        }
    }

    fn clients(&self, settings: Settings) -> Box<dyn Clients> {
        Box::new(Transactions::<Lists>::new(settings))
    }

    fn container(&self, settings: &Settings, key: &str) -> Option<String> {
        NAMES.container_of(key, settings.containers)
    }

    fn check(&self, history: &History) -> Report {
        judge(history, &models::LIST_APPEND, &judge::Settings::default())
    }
}

#[derive(Debug)]
struct Lists;

impl Spoken for Lists {
    const NAMES: Names = NAMES;
    const VALUES: Values = Values::Lists;
    const READ: &'static str = "txn";
    const DRAW: Draw = |draw, count| {
        draw_steps(draw, count, |steps, row, element| {
            steps.push(json!(["append", row, element]));
        })
    };

    fn transaction(object: &str, operation: &Operation) -> Option<(Value, Transaction)> {
        of_steps(object, operation, |name, row, value| match name {
            "append" => Some(Act::Append(row, value.as_i64()?)),
            _ => None,
        })
    }

    fn told(operation: &Operation, seen: Vec<Value>) -> (Value, bool) {
        told_of_steps(operation, seen, &json!([]))
    }
}
