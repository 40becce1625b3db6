//! Reads a table, and says what is wrong with it, and where.

use super::pattern::Pattern;
use super::{Table, Transition};
use crate::value::Value;
use serde::Deserialize;
use std::path::Path;

/// A table that cannot be used: the file, the place in it, what is wrong, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{place}: {problem}")]
pub struct TableError {
    /// The file.
    pub file: String,
    /// `:line`, `:line:column`, or `, transition n`; may be empty.
    pub place: String,
    /// What is wrong, and what was expected.
    pub problem: String,
}

/// The file: `T` is a row, with its place where the notation tells it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<T> {
    name: Option<String>,
    states: Vec<String>,
    initial: Option<String>,
    operations: Option<Vec<String>>,
    #[serde(default = "Vec::new", rename = "transition", alias = "transitions")]
    transitions: Vec<T>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    from: String,
    operation: String,
    argument: Option<serde_json::Value>,
    result: Option<serde_json::Value>,
    to: Option<String>,
}

/// Stands for anything.
const ANY: &str = "*";

/// States and transitions up to so many keep every check of the table quick.
const STATES_MAX: usize = 10_000;
const TRANSITIONS_MAX: usize = 10_000;

pub(super) fn read_file(path: &Path) -> Result<Table, TableError> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|problem| TableError {
        file: file.clone(),
        place: String::new(),
        problem: format!("cannot be read: {problem}"),
    })?;
    let is_json = path
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    if is_json {
        from_json(&text, &file, &stem)
    } else {
        from_toml(&text, &file, &stem)
    }
}

pub(super) fn from_toml(text: &str, file: &str, stem: &str) -> Result<Table, TableError> {
    let read: File<toml::Spanned<Row>> = toml::from_str(text).map_err(|problem| TableError {
        file: file.to_owned(),
        place: problem
            .span()
            .map(|span| line_and_column(text, span.start))
            .unwrap_or_default(),
        problem: problem.message().to_owned(),
    })?;
    let place = |row: &toml::Spanned<Row>, _| {
        let (line, _) = position(text, row.span().start);
        format!(":{line}")
    };
    Reading { file, stem }.table(read, place, toml::Spanned::get_ref)
}

pub(super) fn from_json(text: &str, file: &str, stem: &str) -> Result<Table, TableError> {
    let read: File<Row> = serde_json::from_str(text).map_err(|problem| {
        let whole = problem.to_string();
        let at = format!(" at line {} column {}", problem.line(), problem.column());
        TableError {
            file: file.to_owned(),
            place: format!(":{}:{}", problem.line(), problem.column()),
            problem: whole.strip_suffix(&at).unwrap_or(&whole).to_owned(),
        }
    })?;
    let place = |_: &Row, nth| format!(", transition {}", nth + 1);
    Reading { file, stem }.table(read, place, |row| row)
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before
        .iter()
        .rev()
        .take_while(|byte| **byte != b'\n')
        .count()
        + 1;
    (line, column)
}

fn line_and_column(text: &str, offset: usize) -> String {
    let (line, column) = position(text, offset);
    format!(":{line}:{column}")
}

struct Reading<'a> {
    file: &'a str,
    stem: &'a str,
}

impl Reading<'_> {
    fn error(&self, place: &str, problem: String) -> TableError {
        TableError {
            file: self.file.to_owned(),
            place: place.to_owned(),
            problem,
        }
    }

    fn table<T>(
        &self,
        read: File<T>,
        place: impl Fn(&T, usize) -> String,
        row: impl Fn(&T) -> &Row,
    ) -> Result<Table, TableError> {
        let states = &read.states;
        self.look_at_states(states)?;
        let initial = match &read.initial {
            None => 0,
            Some(name) => number(states, name).ok_or_else(|| {
                let problem = format!("initial = {name:?} is none of the states {}", list(states));
                self.error("", problem)
            })?,
        };
        if read.transitions.is_empty() || read.transitions.len() > TRANSITIONS_MAX {
            let problem = format!(
                "there are {} transitions; between 1 and {TRANSITIONS_MAX} [[transition]] were expected",
                read.transitions.len()
            );
            return Err(self.error("", problem));
        }
        let mut transitions: Vec<Transition> = Vec::new();
        for (nth, one) in read.transitions.iter().enumerate() {
            let transition = transition(row(one), states, read.operations.as_deref())
                .map_err(|problem| self.error(&place(one, nth), problem))?;
            let other = transitions
                .iter()
                .position(|other| both_fit(other, &transition));
            if let Some(other) = other {
                let problem = format!(
                    "in the same state, this transition and that of {}{} fit the same operation and argument; at most one may",
                    self.file,
                    place(&read.transitions[other], other),
                );
                return Err(self.error(&place(one, nth), problem));
            }
            transitions.push(transition);
        }
        let known = |name: &&String| transitions.iter().all(|one| one.operation != **name);
        if let Some(name) = read.operations.iter().flatten().find(known) {
            let problem = format!("no transition has the operation {name:?}");
            return Err(self.error("", problem));
        }
        Ok(Table {
            name: read.name.unwrap_or_else(|| self.stem.to_owned()),
            states: read.states,
            initial,
            transitions,
        })
    }

    fn look_at_states(&self, states: &[String]) -> Result<(), TableError> {
        if states.is_empty() || states.len() > STATES_MAX {
            let problem = format!(
                "there are {} states; between 1 and {STATES_MAX} were expected",
                states.len()
            );
            return Err(self.error("", problem));
        }
        let mut sorted: Vec<&String> = states.iter().collect();
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(self.error("", format!("the state {:?} is named twice", pair[0])));
        }
        match states.iter().any(|state| state == ANY) {
            true => Err(self.error(
                "",
                format!("{ANY:?} stands for any state, and cannot be one"),
            )),
            false => Ok(()),
        }
    }
}

fn number(states: &[String], name: &str) -> Option<u32> {
    states
        .iter()
        .position(|state| state == name)
        .map(|number| number as u32)
}

fn list(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut text = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("{name:?}"))
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > SHOWN {
        text.push_str(", …");
    }
    text
}

fn transition(
    row: &Row,
    states: &[String],
    operations: Option<&[String]>,
) -> Result<Transition, String> {
    let state = |field: &str, name: &str| {
        number(states, name)
            .ok_or_else(|| format!("{field} = {name:?} is none of the states {}", list(states)))
    };
    if let Some(operations) = operations
        && !operations.contains(&row.operation)
    {
        return Err(format!(
            "operation = {:?} is none of the operations {}",
            row.operation,
            list(operations)
        ));
    }
    let pattern = |value: &Option<serde_json::Value>| match value {
        None => Pattern::Any,
        Some(value) => Pattern::of(&Value::from(value)),
    };
    Ok(Transition {
        from: match row.from.as_str() {
            ANY => None,
            name => Some(state("from", name)?),
        },
        operation: row.operation.clone(),
        argument: pattern(&row.argument),
        result: pattern(&row.result),
        to: row
            .to
            .as_deref()
            .map(|name| state("to", name))
            .transpose()?,
    })
}

/// Whether both can happen in one state, with the same operation and argument.
fn both_fit(one: &Transition, other: &Transition) -> bool {
    one.operation == other.operation
        && (one.from.is_none() || other.from.is_none() || one.from == other.from)
        && one.argument.overlaps(&other.argument)
}
