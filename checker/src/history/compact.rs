//! A whole history in memory: invocations paired with their completions, 64 bytes an operation.
//!
//! Names, keys and values are interned; small numbers are kept in place. A checker works on
//! [`Operation`]s by their position in the list and turns to the tables only to explain itself.

use super::{Builder, Event, Kind};
use crate::hash::FastMap;
use crate::value::Value;

/// The position of something that never came: the completion of an operation of unknown outcome.
pub const NEVER: u32 = u32::MAX;

/// A value, interned: equal values have equal data within one history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Datum(u64);

const TAG_INT: u64 = 1;
const TAG_HEAP: u64 = 2;
const TAG_PAIR: u64 = 3;

impl Datum {
    /// The absent value.
    pub const NIL: Datum = Datum(0);
    /// A value that no operation of the history has.
    pub const UNUSED: Datum = Datum(4);

    /// A whole number, if it is small enough to be kept in place.
    pub fn small(number: i64) -> Option<Datum> {
        ((number << 2) >> 2 == number).then_some(Datum((number as u64) << 2 | TAG_INT))
    }

    /// The number kept in place.
    pub fn as_small(self) -> Option<i64> {
        (self.0 & 3 == TAG_INT).then_some((self.0 as i64) >> 2)
    }

    /// The bits, as a key for tables.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }
}

/// A name of the history (of an operation or a node), interned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol(u16);

impl Symbol {
    /// No name.
    pub const NONE: Symbol = Symbol(u16::MAX);
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
    /// What it returned; of a failed operation, what it saw ([`Event::observed`]).
    pub result: Datum,
    /// Position of the invocation among all events.
    pub invoke: u32,
    /// Position of the completion among all events, or [`NEVER`] if the outcome is unknown.
    pub complete: u32,
    /// The process.
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
    /// Whether the meaning of the history is in doubt, so that *valid* cannot be said of it.
    pub grave: bool,
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
    names: Vec<String>,
    keys: Vec<Value>,
    heap: Vec<Value>,
    pairs: Vec<(Datum, Datum)>,
    heap_index: FastMap<Value, u32>,
    pair_index: FastMap<(u64, u64), u32>,
    key_index: FastMap<Value, u32>,
    text_key_index: FastMap<String, u32>,
    name_index: FastMap<String, u16>,
    pub(super) errors: FastMap<u32, String>,
    /// The events' own indices; empty while they are equal to the positions.
    pub(super) indices: Vec<u64>,
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

    /// The index that an event of the file had, by its position.
    pub fn index(&self, position: u32) -> u64 {
        self.indices
            .get(position as usize)
            .copied()
            .unwrap_or(u64::from(position))
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

    /// The value of a datum.
    pub fn value(&self, datum: Datum) -> Value {
        let place = (datum.0 >> 2) as usize;
        match datum.0 & 3 {
            TAG_INT => Value::Int((datum.0 as i64) >> 2),
            TAG_HEAP => self.heap[place].clone(),
            TAG_PAIR => {
                let (first, second) = self.pairs[place];
                Value::List(vec![self.value(first), self.value(second)])
            }
            _ => Value::Nil,
        }
    }

    /// The value of a datum that is neither absent, nor a small number, nor a pair.
    pub fn heap_value(&self, datum: Datum) -> Option<&Value> {
        (datum.0 & 3 == TAG_HEAP).then(|| &self.heap[(datum.0 >> 2) as usize])
    }

    /// The two elements of a datum that is a list of two.
    pub fn pair(&self, datum: Datum) -> Option<(Datum, Datum)> {
        (datum.0 & 3 == TAG_PAIR).then(|| self.pairs[(datum.0 >> 2) as usize])
    }

    /// The error that an operation reported, by its place in the list.
    pub fn error(&self, operation: u32) -> Option<&str> {
        self.errors.get(&operation).map(String::as_str)
    }

    /// The datum of a value, which becomes part of this history's tables.
    pub fn intern(&mut self, value: &Value) -> Datum {
        match value {
            Value::Nil => Datum::NIL,
            Value::Int(number) if Datum::small(*number).is_some() => {
                Datum((*number as u64) << 2 | TAG_INT)
            }
            Value::List(elements) if elements.len() == 2 => {
                let pair = (self.intern(&elements[0]), self.intern(&elements[1]));
                self.intern_pair(pair.0, pair.1)
            }
            _ => {
                if let Some(place) = self.heap_index.get(value) {
                    return Datum(u64::from(*place) << 2 | TAG_HEAP);
                }
                let place = self.heap.len() as u32;
                self.heap.push(value.clone());
                self.heap_index.insert(value.clone(), place);
                Datum(u64::from(place) << 2 | TAG_HEAP)
            }
        }
    }

    /// The datum of a value, if the history has it.
    pub fn find(&self, value: &Value) -> Option<Datum> {
        match value {
            Value::Nil => Some(Datum::NIL),
            Value::Int(number) if Datum::small(*number).is_some() => Datum::small(*number),
            Value::List(elements) if elements.len() == 2 => {
                let pair = (self.find(&elements[0])?.0, self.find(&elements[1])?.0);
                self.pair_index
                    .get(&pair)
                    .map(|place| Datum(u64::from(*place) << 2 | TAG_PAIR))
            }
            _ => self
                .heap_index
                .get(value)
                .map(|place| Datum(u64::from(*place) << 2 | TAG_HEAP)),
        }
    }

    /// The datum of a list of two values.
    pub fn intern_pair(&mut self, first: Datum, second: Datum) -> Datum {
        let next = self.pairs.len() as u32;
        let place = *self.pair_index.entry((first.0, second.0)).or_insert(next);
        if place == next {
            self.pairs.push((first, second));
        }
        Datum(u64::from(place) << 2 | TAG_PAIR)
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

    /// Splits values that are `[key value]` tuples into a key and a value, as Jepsen's
    /// `independent` workloads write them. Only the declared workload knows that they are.
    pub fn split_tuples(&mut self) {
        for place in 0..self.operations.len() {
            let operation = self.operations[place];
            if operation.key != NEVER {
                continue;
            }
            let Some((key, argument)) = self.pair(operation.argument) else {
                continue;
            };
            let key = self.value(key);
            let key = self.intern_key(&key);
            let result = self
                .pair(operation.result)
                .map_or(operation.result, |(_, value)| value);
            let operation = &mut self.operations[place];
            operation.key = key;
            operation.argument = argument;
            operation.result = result;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_from_their_data() {
        let mut history = History::default();
        for value in [
            Value::Nil,
            Value::Int(-3),
            Value::Int(i64::MAX),
            Value::from("x"),
            Value::List(vec![
                Value::Int(1),
                Value::List(vec![Value::Nil, Value::from("y")]),
            ]),
        ] {
            let datum = history.intern(&value);
            assert_eq!(history.value(datum), value);
            assert_eq!(history.intern(&value), datum);
        }
    }
}
