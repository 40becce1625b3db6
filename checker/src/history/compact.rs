//! A whole history in memory: invocations paired with their completions, 64 bytes an operation.
//!
//! Names, keys and values are interned; small numbers are kept in place. A checker works on
//! [`Operation`]s by their position in the list and turns to the tables only to explain itself.

use super::interner::Interner;
use super::{Builder, Event, Kind};
use crate::hash::FastMap;
use crate::value::Value;

/// The position of something that never came: the completion of an operation of unknown outcome.
pub const NEVER: u32 = u32::MAX;

/// A value, interned: equal values have equal data within one history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Datum(u64);

/// Processes from here on are places in the table of names.
const NAMED_PROCESSES: u32 = 1 << 31;
/// Processes from here on have no name: each operation has one of its own.
const NAMELESS_PROCESSES: u32 = 3 << 30;

const TAG_INT: u64 = 1;
const TAG_HEAP: u64 = 2;
/// A list of two elements.
const TAG_PAIR: u64 = 3;
/// A list of one element, or of more than two; the three lowest bits.
const TAG_LIST: u64 = 4;

impl Datum {
    /// The absent value.
    pub const NIL: Datum = Datum(0);
    /// A value that no operation of the history has.
    pub const UNUSED: Datum = Datum(8);
    /// The list without elements.
    pub const EMPTY_LIST: Datum = Datum(16);

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

    /// Its place in a table of all names: zero is for [`Symbol::NONE`].
    pub(crate) fn slot(self) -> usize {
        usize::from(self.0.wrapping_add(1))
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
    /// What it returned; of a failed operation, what it saw ([`Event::observed`]).
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
    heap: Interner<Value>,
    pairs: Interner<(Datum, Datum)>,
    /// Lists that are not pairs: all but the last element, and the last one. So lists that grow by
    /// one element at a time, as they are read again and again, take little more than the longest.
    lists: Interner<(Datum, Datum)>,
    lengths: Vec<u32>,
    key_index: FastMap<Value, u32>,
    text_key_index: FastMap<String, u32>,
    name_index: FastMap<String, u16>,
    keyword_index: FastMap<String, Datum>,
    process_names: Vec<String>,
    process_index: FastMap<String, u32>,
    pub(super) errors: FastMap<u32, String>,
    /// Operations that are marked as final.
    pub(super) finals: FastMap<u32, ()>,
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
        match datum.0 & 3 {
            TAG_INT => Value::Int((datum.0 as i64) >> 2),
            TAG_HEAP => self.heap.get((datum.0 >> 2) as u32).clone(),
            _ => {
                let mut elements = Vec::new();
                if !self.list_elements(datum, &mut elements) {
                    return Value::Nil;
                }
                let values = elements.into_iter().map(|element| self.value(element));
                Value::List(values.collect())
            }
        }
    }

    /// The value of a datum that is neither absent, nor a small number, nor a list.
    pub fn heap_value(&self, datum: Datum) -> Option<&Value> {
        (datum.0 & 3 == TAG_HEAP).then(|| self.heap.get((datum.0 >> 2) as u32))
    }

    /// The two elements of a datum that is a list of two.
    pub fn pair(&self, datum: Datum) -> Option<(Datum, Datum)> {
        (datum.0 & 3 == TAG_PAIR).then(|| *self.pairs.get((datum.0 >> 2) as u32))
    }

    /// How many elements a list has; none if the datum is no list.
    pub fn list_length(&self, datum: Datum) -> Option<usize> {
        match datum {
            Datum::EMPTY_LIST => Some(0),
            _ if datum.0 & 3 == TAG_PAIR => Some(2),
            _ if datum.0 & 7 == TAG_LIST => Some(self.lengths[(datum.0 >> 3) as usize] as usize),
            _ => None,
        }
    }

    /// The last element of a list that has any.
    pub fn list_last(&self, datum: Datum) -> Option<Datum> {
        match self.pair(datum) {
            Some((_, last)) => Some(last),
            None => self.cell(datum).map(|(_, last)| last),
        }
    }

    /// The list without its last element. (Of a pair the history may not have it, which is none.)
    pub fn list_before(&self, datum: Datum) -> Option<Datum> {
        match self.pair(datum) {
            Some((first, _)) => list(self.lists.find(&(Datum::EMPTY_LIST, first))?).into(),
            None => self.cell(datum).map(|(before, _)| before),
        }
    }

    /// Puts the elements of a list into `elements`, in place of what is there; false if the datum
    /// is no list.
    pub fn list_elements(&self, datum: Datum, elements: &mut Vec<Datum>) -> bool {
        elements.clear();
        let mut rest = datum;
        while let Some((before, last)) = self.cell(rest) {
            elements.push(last);
            rest = before;
        }
        if let Some((first, second)) = self.pair(rest) {
            elements.extend([second, first]);
        } else if rest != Datum::EMPTY_LIST {
            return false;
        }
        elements.reverse();
        true
    }

    /// A list that is no pair and not empty: all but its last element, and that one.
    fn cell(&self, datum: Datum) -> Option<(Datum, Datum)> {
        (datum.0 & 7 == TAG_LIST).then(|| *self.lists.get((datum.0 >> 3) as u32))
    }

    /// The datum of a value, which becomes part of this history's tables.
    pub fn intern(&mut self, value: &Value) -> Datum {
        match value {
            Value::Nil => Datum::NIL,
            Value::Int(number) if Datum::small(*number).is_some() => {
                Datum((*number as u64) << 2 | TAG_INT)
            }
            Value::List(elements) => {
                let elements: Vec<Datum> = elements.iter().map(|one| self.intern(one)).collect();
                self.intern_list(&elements)
            }
            _ => match self.heap.find(value) {
                Some(place) => heap(place),
                None => heap(self.heap.intern(value.clone())),
            },
        }
    }

    /// Whether the operation at this place is marked as final: asked when nothing was under way any
    /// more.
    pub fn is_final(&self, place: u32) -> bool {
        self.finals.contains_key(&place)
    }

    /// The datum of a value, if the history has it.
    pub fn find(&self, value: &Value) -> Option<Datum> {
        match value {
            Value::Nil => Some(Datum::NIL),
            Value::Int(number) if Datum::small(*number).is_some() => Datum::small(*number),
            Value::List(elements) => {
                let mut rest = elements.iter();
                let mut list = match &elements[..] {
                    [] => return Some(Datum::EMPTY_LIST),
                    [only] => {
                        let cell = (Datum::EMPTY_LIST, self.find(only)?);
                        return self.lists.find(&cell).map(self::list);
                    }
                    _ => {
                        let pair = (self.find(rest.next()?)?, self.find(rest.next()?)?);
                        self.pairs.find(&pair).map(self::pair)?
                    }
                };
                for element in rest {
                    let cell = (list, self.find(element)?);
                    list = self.lists.find(&cell).map(self::list)?;
                }
                Some(list)
            }
            _ => self.heap.find(value).map(heap),
        }
    }

    /// The datum of a list of two values.
    pub fn intern_pair(&mut self, first: Datum, second: Datum) -> Datum {
        pair(self.pairs.intern((first, second)))
    }

    /// The datum of a [`Value::Name`].
    pub fn intern_keyword(&mut self, name: &str) -> Datum {
        if let Some(datum) = self.keyword_index.get(name) {
            return *datum;
        }
        let datum = self.intern(&Value::Name(name.to_owned()));
        self.keyword_index.insert(name.to_owned(), datum);
        datum
    }

    /// The datum of a list of values.
    pub fn intern_list(&mut self, elements: &[Datum]) -> Datum {
        match elements {
            [] => Datum::EMPTY_LIST,
            [only] => self.intern_longer(Datum::EMPTY_LIST, *only),
            [first, second, rest @ ..] => {
                let mut list = self.intern_pair(*first, *second);
                for element in rest {
                    list = self.intern_longer(list, *element);
                }
                list
            }
        }
    }

    /// A list with one element more than `before`, where that does not make it a pair.
    fn intern_longer(&mut self, before: Datum, last: Datum) -> Datum {
        let place = self.lists.intern((before, last));
        if place as usize == self.lengths.len() {
            let length = self.list_length(before).unwrap_or(0) as u32 + 1;
            self.lengths.push(length);
        }
        list(place)
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

    /// Leaves out the operations of a name, and returns how many there were.
    pub fn leave_out(&mut self, name: &str) -> usize {
        let Some(name) = self.symbol(name) else {
            return 0;
        };
        let before = self.operations.len();
        let errors = std::mem::take(&mut self.errors);
        let mut kept = Vec::with_capacity(before);
        for (place, operation) in self.operations.iter().enumerate() {
            if operation.f != name {
                if let Some(error) = errors.get(&(place as u32)) {
                    self.errors.insert(kept.len() as u32, error.clone());
                }
                kept.push(*operation);
            }
        }
        self.operations = kept;
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

fn heap(place: u32) -> Datum {
    Datum(u64::from(place) << 2 | TAG_HEAP)
}

fn pair(place: u32) -> Datum {
    Datum(u64::from(place) << 2 | TAG_PAIR)
}

fn list(place: u32) -> Datum {
    Datum(u64::from(place) << 3 | TAG_LIST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_from_their_data() {
        let mut history = History::default();
        let numbers = |end| Value::List((0..end).map(Value::Int).collect());
        for value in [
            numbers(0),
            numbers(1),
            numbers(2),
            numbers(9),
            numbers(8),
            Value::List(vec![numbers(1), Value::Nil, numbers(0)]),
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
            assert_eq!(history.find(&value), Some(datum));
        }
    }

    #[test]
    fn lists_share_their_beginnings() {
        let mut history = History::default();
        let numbers: Vec<Datum> = (0..9).filter_map(Datum::small).collect();
        let lists: Vec<Datum> = (0..=9)
            .map(|end| history.intern_list(&numbers[..end]))
            .collect();
        for end in 0..=9 {
            let mut elements = vec![Datum::NIL];
            assert!(history.list_elements(lists[end], &mut elements));
            assert_eq!(elements, numbers[..end]);
            assert_eq!(history.list_length(lists[end]), Some(end));
            let before = end.checked_sub(1);
            assert_eq!(history.list_before(lists[end]), before.map(|at| lists[at]));
            assert_eq!(history.list_last(lists[end]), before.map(|at| numbers[at]));
        }
        assert_eq!(history.list_length(numbers[0]), None);
        assert!(!history.list_elements(Datum::NIL, &mut Vec::new()));
    }
}
