//! A sequential model of one's own, as a small table in TOML or JSON: no Rust needed.
//!
//! ```toml
//! # A traffic light. `states` begins with the first one, unless `initial` names another.
//! states = ["red", "green", "yellow"]
//!
//! [[transition]]
//! from = "red"
//! operation = "next"
//! to = "green"
//!
//! [[transition]]
//! from = "green"
//! operation = "next"
//! to = "yellow"
//!
//! [[transition]]
//! from = "yellow"
//! operation = "next"
//! to = "red"
//!
//! [[transition]]        # no `to`: the state stays as it is
//! from = "red"
//! operation = "look"
//! result = "stop"
//!
//! [[transition]]        # "*" stands for anything
//! from = "*"
//! operation = "break"
//! to = "red"
//! ```
//!
//! A transition says: in the state `from`, `operation` with `argument` returns `result` and leads to
//! `to`. What is left out of `argument` and `result` may be anything. `"nil"` is nothing, and a text
//! is the same as a keyword. In each state at most one transition fits an operation and its argument:
//! so an operation whose outcome is unknown has one meaning. An operation that succeeded must fit, at
//! one instant between its invocation and its completion; one that failed had no effect.

mod pattern;
mod read;
mod tests;

pub use read::TableError;

use crate::history::{History, Operation, Outcome};
use crate::judge::{Known, Model as Description, Setting};
use crate::linearizable::{self, Limits, Object};
use crate::report::Report;
use crate::search::{Model, Nature};
use crate::value::Value;
use pattern::Pattern;
use std::path::Path;

/// The model that a file describes. It has no name in the list of models: it is chosen by naming the
/// file.
pub static MODEL: Description = Description {
    name: "model-file",
    help: "A sequential model of your own: --model-file FILE",
    operations: &[Known::action(Known::ANY).with_observes(|seen| {
        let table = seen.settings.table.as_deref();
        table.is_some_and(|table| table.is_judged(seen.history, seen.operation))
    })],
    settings: &[Setting::Table],
    guess: None,
    judge: |history, settings| match &settings.table {
        Some(table) => check(history, table, &settings.limits()),
        None => Report::unknown(
            MODEL.name,
            history,
            "name the model's file: --model-file FILE",
        ),
    },
};

/// A sequential model as a table of transitions.
#[derive(Clone, Debug)]
pub struct Table {
    name: String,
    states: Vec<String>,
    initial: u32,
    transitions: Vec<Transition>,
}

#[derive(Clone, Debug)]
struct Transition {
    /// None: any state.
    from: Option<u32>,
    operation: String,
    argument: Pattern,
    result: Pattern,
    /// None: the state stays as it is.
    to: Option<u32>,
}

/// An operation of a table: the state after it, for each state in which it can happen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableStep {
    next: Vec<Option<u32>>,
}

impl Table {
    /// Reads a table from a file: JSON if its name ends so, else TOML.
    pub fn read_file(path: &Path) -> Result<Table, TableError> {
        read::read_file(path)
    }

    /// The name: that in the file, or the file's own.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of its operations.
    pub fn operations(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .transitions
            .iter()
            .map(|transition| transition.operation.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether an operation that ended so could be wrong: it succeeded, and does not fit every state.
    fn is_judged(&self, history: &History, operation: &Operation) -> bool {
        let result = history.value(operation.result);
        let argument = history.value(operation.argument);
        let step = self.step_of(history.name(operation.f), &argument, Some(&result));
        operation.outcome == Outcome::Ok && step.next.iter().any(Option::is_none)
    }

    /// The transitions of an operation with this argument.
    fn fitting<'a>(
        &'a self,
        name: &'a str,
        argument: &'a Value,
    ) -> impl Iterator<Item = &'a Transition> {
        self.transitions.iter().filter(move |transition| {
            transition.operation == name && transition.argument.matches(argument)
        })
    }

    fn step_of(&self, name: &str, argument: &Value, result: Option<&Value>) -> TableStep {
        let mut next = vec![None; self.states.len()];
        for transition in self.fitting(name, argument) {
            if result.is_some_and(|result| !transition.result.matches(result)) {
                continue;
            }
            let from = match transition.from {
                Some(state) => state as usize..state as usize + 1,
                None => 0..self.states.len(),
            };
            for state in from {
                next[state] = Some(transition.to.unwrap_or(state as u32));
            }
        }
        TableStep { next }
    }
}

/// Judges each key's object.
pub fn check(history: &History, table: &Table, limits: &Limits) -> Report {
    Report {
        model: table.name.clone(),
        ..linearizable::check(history, table, limits)
    }
}

/// The model of a table: its states are numbers.
#[derive(Clone, Copy, Debug)]
pub struct TableModel {
    initial: u32,
}

impl Model for TableModel {
    type State = u32;
    type Step = TableStep;

    fn initial(&self) -> u32 {
        self.initial
    }

    fn apply(&self, state: &u32, step: &TableStep) -> Option<u32> {
        step.next[*state as usize]
    }

    fn nature(&self, step: &TableStep) -> Nature {
        let stays =
            |(state, next): (usize, &Option<u32>)| next.is_none_or(|next| next as usize == state);
        let first = step.next.first().copied().flatten();
        if step.next.iter().enumerate().all(stays) {
            Nature::Look
        } else if first.is_some() && step.next.iter().all(|next| *next == first) {
            Nature::Blind
        } else {
            Nature::Change
        }
    }
}

impl Object for Table {
    type Model = TableModel;

    fn name(&self) -> &'static str {
        "model-file"
    }

    fn model(&self, _: &History, _: &[u32]) -> TableModel {
        TableModel {
            initial: self.initial,
        }
    }

    fn step(&self, history: &History, operation: &Operation) -> Result<Option<TableStep>, String> {
        let name = history.name(operation.f);
        let argument = history.value(operation.argument);
        if self.fitting(name, &argument).next().is_none() {
            return Err(format!(
                "event {}: the table has no transition for {name} of {argument}; it knows {}",
                history.index(operation.invoke),
                self.operations().join(", "),
            ));
        }
        let result = (operation.outcome == Outcome::Ok).then(|| history.value(operation.result));
        Ok(Some(self.step_of(name, &argument, result.as_ref())))
    }
}
