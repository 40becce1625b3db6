//! A whole history in memory: invocations paired with their completions, 64 bytes an operation.
//!
//! Names, keys and values are interned; small numbers are kept in place. A checker works on
//! [`Operation`]s by their position in the list and turns to the tables only to explain itself.

use super::indices::Indices;
use super::values::{Datum, Tables};
use super::{Builder, Event, Kind};
use crate::hash::FastMap;
use crate::value::Value;

/// The position of something that never came: the completion of an operation of unknown outcome.
pub const NEVER: u32 = u32::MAX;

/// Processes from here on are places in the table of names.
const NAMED_PROCESSES: u32 = 1 << 31;
/// Processes from here on have no name: each operation has one of its own.
const NAMELESS_PROCESSES: u32 = 3 << 30;

/// A name of the history (of an operation or a node), interned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol(u16);

impl Symbol {
    /// No name.
    pub const NONE: Symbol = Symbol(u16::MAX);

    /// Its place in a table of all names: zero is for [`Symbol::NONE`].
    pub(crate) fn slot(self) -> usize {
        usize::from(self.0.wrapping_add(1))
    }

    /// The symbol at this place.
    pub(crate) fn of_slot(slot: usize) -> Symbol {
        Symbol((slot as u16).wrapping_sub(1))
    }
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// It happened between its invocation and its completion.
    Ok,
    /// It had no effect.
    Fail,
    /// It may have happened at any time after its invocation, or not at all.
    Unknown,
}

/// An invocation with its completion.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// When it was invoked, in nanoseconds since the run began.
    pub invoke_time: u64,
    /// When it completed, in nanoseconds; of an unknown outcome, when it was given up.
    pub complete_time: u64,
    /// What it was invoked with.
    pub argument: Datum,
    /// What it returned; of a failed operation, what it saw ([`Event::observed`]), or else what it
    /// was about, if only its failure told that.
    pub result: Datum,
    /// Position of the invocation among all events.
    pub invoke: u32,
    /// Position of the completion among all events, or [`NEVER`] if the outcome is unknown.
    pub complete: u32,
    /// The process: its number if that is below 2^31, or else a place in a table
    /// ([`History::process_name`]).
    pub process: u32,
    /// The object, as a place in [`History::key`]'s table, or [`NEVER`] if there is only one.
    pub key: u32,
    /// The operation's name.
    pub f: Symbol,
    /// The node that answered, or that was asked.
    pub node: Symbol,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the completion said what a failed operation saw.
    pub observed: bool,
    /// Whether the invocation had a value at all, be it nothing.
    pub asked: bool,
    /// Whether the completion had a value at all, be it nothing.
    pub answered: bool,
}

impl Operation {
    /// When it began and ended, in positions plus one, so that zero is before everything: an
    /// operation whose invocation is missing began there. The end is [`NEVER`] if it is not known.
    pub(crate) fn span(&self) -> (u32, u32) {
        match self.complete {
            NEVER => (self.invoke + 1, NEVER),
            complete if complete == self.invoke => (0, complete + 1),
            complete => (self.invoke + 1, complete + 1),
        }
    }
}

/// Something that the nemesis did.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Position among all events.
    pub position: u32,
    /// Nanoseconds since the run began.
    pub time: u64,
    /// Whether this line begins the fault's injection.
    pub kind: Kind,
    /// The fault's name.
    pub f: String,
    /// What the line says of it: targets and so on.
    pub value: Value,
}

/// A place where the history breaks the rules of histories.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// Index of the event.
    pub event: u64,
    /// What is wrong.
    pub text: String,
    /// Whether *valid* cannot be said of the history.
    pub grave: bool,
    /// Whether the meaning of the history is in doubt, so that *invalid* cannot be said either.
    #[serde(skip)]
    pub doubt: bool,
}

/// A history of paired operations, in the order of their invocations.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The operations of clients.
    pub operations: Vec<Operation>,
    /// What the nemesis did.
    pub faults: Vec<Fault>,
    /// Where the history breaks the rules; at most [`Builder::PROBLEMS_MAX`] are kept.
    pub problems: Vec<Problem>,
    /// Number of events, the nemesis's included.
    pub events: u32,
    /// The first event before which others are missing, by the events' own indices.
    pub gap: Option<u64>,
    /// Whether no event of a client has a process: operations follow each other one by one, and it
    /// is not known which of them are of the same client.
    pub nameless: bool,
    /// Whether the times of the events go back somewhere, so that they tell nothing of the order.
    pub times_go_back: bool,
    /// Whether only the order within each process is known, and nothing of the order between
    /// processes: positions then tell nothing of real time.
    pub sessions_only: bool,
    names: Vec<String>,
    keys: Vec<Value>,
    pub(super) tables: Tables,
    key_index: FastMap<Value, u32>,
    text_key_index: FastMap<String, u32>,
    name_index: FastMap<String, u16>,
    process_names: Vec<String>,
    process_index: FastMap<String, u32>,
    pub(super) errors: FastMap<u32, String>,
    /// Operations that are marked as final.
    pub(super) finals: FastMap<u32, ()>,
    pub(super) indices: Indices,
}

impl History {
    /// The history of these events, in this order.
    pub fn from_events<'a>(events: impl IntoIterator<Item = &'a Event>) -> History {
        let mut builder = Builder::default();
        for event in events {
            builder.push(event);
        }
        builder.finish()
    }

    /// Why it is in doubt what the history means, if it is: nothing can be said of it then.
    pub fn doubt(&self) -> Option<String> {
        let doubt = self.problems.iter().find(|problem| problem.doubt)?;
        Some(format!(
            "the history breaks the rules of histories, so nothing follows from it (event {}: {})",
            doubt.event, doubt.text
        ))
    }

    /// The index that an event of the file had, by its position.
    pub fn index(&self, position: u32) -> u64 {
        self.indices.of(position)
    }

    /// A name, or the empty text for [`Symbol::NONE`].
    pub fn name(&self, symbol: Symbol) -> &str {
        self.names
            .get(usize::from(symbol.0))
            .map_or("", String::as_str)
    }

    /// The symbol of a name, if any event used it.
    pub fn symbol(&self, name: &str) -> Option<Symbol> {
        self.name_index.get(name).copied().map(Symbol)
    }

    /// The key of an operation's [`Operation::key`].
    pub fn key(&self, key: u32) -> Option<&Value> {
        self.keys.get(key as usize)
    }

    /// How a key reads in a report; what is longer than a line or two is cut.
    pub fn key_text(&self, key: u32) -> Option<String> {
        const LETTERS_MAX: usize = 200;
        let key = self.key(key)?;
        let mut text = key.as_text().map_or_else(|| key.to_string(), str::to_owned);
        if let Some((end, _)) = text.char_indices().nth(LETTERS_MAX) {
            text.truncate(end);
            text.push('…');
        }
        Some(text)
    }

    /// How many different keys there are.
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// Whether the operation at this place is marked as final: asked when nothing was under way any
    /// more.
    pub fn is_final(&self, place: u32) -> bool {
        self.finals.contains_key(&place)
    }

    /// The error that an operation reported, by its place in the list.
    pub fn error(&self, operation: u32) -> Option<&str> {
        self.errors.get(&operation).map(String::as_str)
    }

    /// The place of a key.
    pub fn intern_key(&mut self, key: &Value) -> u32 {
        if let Some(place) = self.key_index.get(key) {
            return *place;
        }
        let place = self.keys.len() as u32;
        self.keys.push(key.clone());
        self.key_index.insert(key.clone(), place);
        place
    }

    /// The place of a key given as text.
    pub fn intern_text_key(&mut self, key: &str) -> u32 {
        if let Some(place) = self.text_key_index.get(key) {
            return *place;
        }
        let place = self.intern_key(&Value::Text(key.to_owned()));
        self.text_key_index.insert(key.to_owned(), place);
        place
    }

    /// The symbol of a name, which becomes part of this history's tables. After 65,535 different
    /// names further ones become [`Symbol::NONE`].
    pub fn intern_name(&mut self, name: &str) -> Symbol {
        if let Some(place) = self.name_index.get(name) {
            return Symbol(*place);
        }
        let place = self.names.len() as u16;
        if place == u16::MAX {
            return Symbol::NONE;
        }
        self.names.push(name.to_owned());
        self.name_index.insert(name.to_owned(), place);
        Symbol(place)
    }

    /// The process of this number, as [`Operation::process`] has it.
    #[inline]
    pub fn intern_process(&mut self, number: u64) -> u32 {
        match u32::try_from(number) {
            Ok(small) if small < NAMED_PROCESSES => small,
            _ => self.intern_named_process(&number.to_string()),
        }
    }

    /// The process of this name, as [`Operation::process`] has it. A number is the same whether it
    /// is written as text or not.
    pub fn intern_process_name(&mut self, name: &str) -> u32 {
        let canonical = name == "0" || !name.starts_with(['0', '+']);
        match name.parse() {
            Ok(number) if canonical => self.intern_process(number),
            _ => self.intern_named_process(name),
        }
    }

    fn intern_named_process(&mut self, name: &str) -> u32 {
        if let Some(process) = self.process_index.get(name) {
            return *process;
        }
        let process = NAMED_PROCESSES + self.process_names.len() as u32;
        self.process_names.push(name.to_owned());
        self.process_index.insert(name.to_owned(), process);
        process
    }

    /// The process of an operation whose events do not have one, by the operation's place.
    pub(super) fn nameless_process(place: u32) -> u32 {
        NAMELESS_PROCESSES | place
    }

    /// The number or name of a process; a question mark if it is not known.
    pub fn process_name(&self, process: u32) -> String {
        if process >= NAMELESS_PROCESSES {
            return "?".to_owned();
        }
        match process.checked_sub(NAMED_PROCESSES) {
            None => process.to_string(),
            Some(place) => self.process_names[place as usize].clone(),
        }
    }

    /// Puts the meaning of the history in doubt, since it is not made of tuples.
    fn doubt_tuple(&mut self, position: u32, what: &str) {
        if self.problems.iter().any(|problem| problem.doubt) {
            return;
        }
        self.problems.push(Problem {
            event: self.index(position),
            text: format!("{what}, but --tuples says that all values are tuples"),
            grave: true,
            doubt: true,
        });
    }

    /// Keeps only the operations that are marked, and returns where each of them is now.
    pub fn keep(&mut self, kept: &[bool]) -> Vec<u32> {
        let mut next = 0;
        let moved: Vec<u32> = (kept.iter())
            .map(|kept| {
                let place = if *kept { next } else { NEVER };
                next += u32::from(*kept);
                place
            })
            .collect();
        let mut all = kept.iter();
        self.operations.retain(|_| all.next() == Some(&true));
        let still = |place: u32| (moved.get(place as usize).copied()).filter(|new| *new != NEVER);
        self.errors = std::mem::take(&mut self.errors)
            .into_iter()
            .filter_map(|(place, error)| Some((still(place)?, error)))
            .collect();
        self.finals = std::mem::take(&mut self.finals)
            .into_iter()
            .filter_map(|(place, mark)| Some((still(place)?, mark)))
            .collect();
        moved
    }

    /// Leaves out the operations of a name, and returns how many there were.
    pub fn leave_out(&mut self, name: &str) -> usize {
        let Some(name) = self.symbol(name) else {
            return 0;
        };
        let before = self.operations.len();
        let kept: Vec<bool> = (self.operations.iter())
            .map(|operation| operation.f != name)
            .collect();
        self.keep(&kept);
        before - self.operations.len()
    }

    /// Splits values that are `[key value]` tuples into a key and a value, as Jepsen's
    /// `independent` workloads write them. Only the declared workload knows that they are.
    pub fn split_tuples(&mut self) {
        for place in 0..self.operations.len() {
            let operation = self.operations[place];
            if operation.key != NEVER {
                continue;
            }
            let Some((key, argument)) = self.pair(operation.argument) else {
                if operation.argument != Datum::NIL {
                    self.doubt_tuple(operation.invoke, "its value is no [key value] tuple");
                }
                continue;
            };
            let result = match self.pair(operation.result) {
                Some((answered, value)) => {
                    if answered != key {
                        self.doubt_tuple(
                            operation.complete,
                            "it completes an operation on another key",
                        );
                    }
                    value
                }
                None => {
                    if operation.outcome == Outcome::Ok && operation.result != Datum::NIL {
                        self.doubt_tuple(operation.complete, "its value is no [key value] tuple");
                    }
                    operation.result
                }
            };
            let key = self.value(key);
            let key = self.intern_key(&key);
            let operation = &mut self.operations[place];
            operation.key = key;
            operation.argument = argument;
            operation.result = result;
        }
    }
}
