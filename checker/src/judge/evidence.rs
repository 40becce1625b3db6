//! What all operations of a history look like: the evidence from which a model is guessed.

use super::model::in_words;
use super::{Known, Model, models};
use crate::history::{Datum, History, NEVER, Operation, Outcome, Symbol};
use crate::report::Short;
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The shape of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// Nothing.
    Nil,
    /// A truth value.
    Truth,
    /// A number.
    Number,
    /// Text or a name.
    Text,
    /// A list of two that is not [`Shape::Steps`].
    Pair,
    /// Any other list that is not [`Shape::Steps`].
    List,
    /// A set.
    Set,
    /// A map.
    Map,
    /// A list of at least one `[f key …]`, as a transaction has it.
    Steps,
}

/// What the operations of one name look like.
#[derive(Clone, Debug, Default)]
pub struct Uses {
    /// How many there are.
    pub count: usize,
    /// The shapes of their arguments.
    pub arguments: BTreeSet<Shape>,
    /// The shapes of what those that succeeded returned.
    pub results: BTreeSet<Shape>,
    /// Whether one was asked with `[key …]` and answered with another `[key …]`, as with
    /// `[key value]` tuples.
    pub asked_for_a_key: bool,
}

impl Uses {
    fn add(&mut self, history: &History, operation: &Operation) {
        self.count += 1;
        self.arguments.insert(shape(history, operation.argument));
        if operation.outcome == Outcome::Ok {
            self.results.insert(shape(history, operation.result));
        }
        self.asked_for_a_key |= asked_for_a_key(history, operation.argument, operation.result);
    }

    fn looks_like_tuples(&self) -> bool {
        self.arguments.iter().all(|shape| *shape == Shape::Pair)
    }

    /// Whether none of them has an argument.
    pub fn only_asked_with_nothing(&self) -> bool {
        self.arguments.iter().all(|shape| *shape == Shape::Nil)
    }
}

/// What all operations of a history look like.
#[derive(Debug, Default)]
pub struct Evidence<'a> {
    /// By the name of the operations.
    pub uses: BTreeMap<&'a str, Uses>,
    /// The names of all steps of transactions.
    pub steps: BTreeSet<&'a str>,
}

impl<'a> Evidence<'a> {
    /// Looks at every operation.
    pub fn of(history: &'a History) -> Evidence<'a> {
        let mut uses: BTreeMap<_, Uses> = BTreeMap::new();
        let mut steps = BTreeSet::new();
        for operation in &history.operations {
            uses.entry(operation.f).or_default().add(history, operation);
            any_step(history, operation.argument, |f| {
                steps.insert(f);
                false
            });
        }
        Evidence {
            uses: uses
                .into_iter()
                .map(|(f, uses)| (history.name(f), uses))
                .collect(),
            steps,
        }
    }

    /// Whether there are operations of this name.
    pub fn has(&self, name: &str) -> bool {
        self.uses.contains_key(name)
    }

    /// Whether there are operations of any of these names.
    pub fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.has(name))
    }

    /// Whether some operation of this name that succeeded returned something of this shape.
    pub fn returns(&self, name: &str, shapes: &[Shape]) -> bool {
        self.uses
            .get(name)
            .is_some_and(|uses| shapes.iter().any(|shape| uses.results.contains(shape)))
    }

    /// Whether some operation of this name was invoked with something of this shape.
    pub fn takes(&self, name: &str, shapes: &[Shape]) -> bool {
        self.uses
            .get(name)
            .is_some_and(|uses| shapes.iter().any(|shape| uses.arguments.contains(shape)))
    }

    /// Whether all operations are transactions with no other steps than these.
    pub fn only_steps(&self, known: &[&str]) -> bool {
        let transactions = |uses: &Uses| uses.arguments.iter().all(|one| *one == Shape::Steps);
        !self.steps.is_empty()
            && self.uses.values().all(transactions)
            && self.steps.iter().all(|step| known.contains(step))
    }

    /// The names of its operations as a sentence has them.
    pub fn names_in_words(&self) -> String {
        let names: Vec<&str> = self.uses.keys().map(|name| named(name)).collect();
        in_words(&names)
    }
}

/// The same of operations that come one by one, and are forgotten again. Steps of transactions are
/// not looked for.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// By the symbol of the operations.
    by_name: Vec<Option<Uses>>,
}

impl Looks {
    /// Looks at the operation at this place.
    pub(super) fn add(&mut self, history: &History, place: u32) {
        let operation = &history.operations[place as usize];
        let slot = operation.f.slot();
        if self.by_name.len() <= slot {
            self.by_name.resize(slot + 1, None);
        }
        self.by_name[slot]
            .get_or_insert_default()
            .add(history, operation);
    }

    /// What was seen.
    pub(super) fn evidence<'a>(&self, history: &'a History) -> Evidence<'a> {
        let names = self.by_name.iter().enumerate();
        let uses = names.filter_map(|(slot, uses)| {
            let name = history.name(Symbol::of_slot(slot));
            Some((name, uses.clone()?))
        });
        Evidence {
            uses: uses.collect(),
            steps: BTreeSet::new(),
        }
    }
}

/// The name of an operation, for a sentence: some have none.
pub(crate) fn named(name: &str) -> &str {
    if name.is_empty() {
        "(operations without a name)"
    } else {
        name
    }
}

/// What a history suggests.
#[derive(Debug)]
pub enum Guess {
    /// This model, and why.
    Model(&'static Model, String),
    /// None: why, and what to do.
    None(String),
}

/// The model that all operations of a history together suggest.
pub fn guess(history: &History) -> Guess {
    guess_by(&Evidence::of(history))
}

/// The model that this evidence suggests.
pub(super) fn guess_by(evidence: &Evidence<'_>) -> Guess {
    if evidence.uses.is_empty() {
        let why = "nothing was checked: the history has no operations".to_owned();
        return Guess::None(why);
    }
    let knows_all = |model: &&&Model| evidence.uses.keys().all(|name| model.known(name).is_some());
    let able: Vec<&'static Model> = models::ALL.iter().filter(knows_all).copied().collect();
    let suggested = able.iter().find_map(|model| {
        let reason = (model.guess?)(evidence)?;
        Some(Guess::Model(model, reason))
    });
    suggested.unwrap_or_else(|| Guess::None(why_none(evidence, &able)))
}

fn why_none(evidence: &Evidence<'_>, able: &[&Model]) -> String {
    let names = evidence.names_in_words();
    let tuples = match evidence.uses.values().all(Uses::looks_like_tuples) {
        true => "; the values look like [key value] tuples of independent objects, so say --tuples",
        false => "",
    };
    let able: Vec<&str> = able
        .iter()
        .filter(|model| model.known(Known::ANY).is_none())
        .map(|model| model.name)
        .collect();
    if !able.is_empty() {
        return format!(
            "nothing was checked: the operations ({names}) do not say which of several models is meant ({}); name one with --model{tuples}",
            in_words(&able)
        );
    }
    let knowing: Vec<String> = evidence
        .uses
        .keys()
        .map(|name| {
            let models: Vec<&str> = models::ALL
                .iter()
                .filter(|model| model.operations.iter().any(|known| known.name == *name))
                .map(|model| model.name)
                .collect();
            let name = named(name);
            match models.is_empty() {
                true => format!("{name} by none"),
                false => format!("{name} by {}", in_words(&models)),
            }
        })
        .collect();
    format!(
        "nothing was checked: no model knows all operations of the history ({}); name one with --model, and leave the others out with --ignore{tuples}",
        knowing.join("; ")
    )
}

/// The shape of a value.
pub fn shape(history: &History, datum: Datum) -> Shape {
    if datum == Datum::NIL {
        return Shape::Nil;
    }
    if datum.as_small().is_some() {
        return Shape::Number;
    }
    if any_step(history, datum, |_| true) {
        return Shape::Steps;
    }
    match history.list_length(datum) {
        Some(2) => return Shape::Pair,
        Some(_) => return Shape::List,
        None => {}
    }
    match history.heap_value(datum) {
        None => Shape::Nil,
        Some(Value::Nil) => Shape::Nil,
        Some(Value::Bool(_)) => Shape::Truth,
        Some(Value::Int(_) | Value::Float(_)) => Shape::Number,
        Some(value @ Value::Name(_)) if value.is_number() => Shape::Number,
        Some(Value::Text(_) | Value::Name(_)) => Shape::Text,
        Some(Value::List(_)) => Shape::List,
        Some(Value::Set(_)) => Shape::Set,
        Some(Value::Map(_)) => Shape::Map,
    }
}

/// Whether an operation was asked as with `[key value]` tuples.
pub(crate) fn asked_for_a_key(history: &History, argument: Datum, result: Datum) -> bool {
    let Some((key, asked)) = history.pair(argument) else {
        return false;
    };
    if any_step(history, argument, |_| true) {
        return false;
    }
    let answered = history.pair(result);
    answered.is_some_and(|(same, answer)| same == key && answer != asked)
}

/// Whether a value is a list of `[f key …]` whose `f` is text, and this holds for one of these.
pub(crate) fn any_step<'a>(
    history: &'a History,
    datum: Datum,
    holds: impl FnMut(&'a str) -> bool,
) -> bool {
    let name_of = |step: Datum| -> Option<&'a str> {
        let begin = match history.list_length(step)? {
            2 => step,
            3 => history.list_before(step)?,
            _ => return None,
        };
        history.heap_value(history.pair(begin)?.0)?.as_text()
    };
    // Long lists of anything else are told by their last element.
    if history.list_last(datum).and_then(name_of).is_none() {
        return false;
    }
    let mut steps = Vec::new();
    history.list_elements(datum, &mut steps);
    let names: Option<Vec<&str>> = steps.into_iter().map(name_of).collect();
    names.is_some_and(|names| names.into_iter().any(holds))
}

/// Whether a transaction completes with the steps that it was invoked with: the same names and keys,
/// in the same order. (Some invoke a read without a place for its value.)
pub(crate) fn same_steps(history: &History, invoked: Datum, completed: Datum) -> bool {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let lists =
        history.list_elements(invoked, &mut before) && history.list_elements(completed, &mut after);
    let begin = |step: Datum| match history.list_length(step) {
        Some(2) => Some(step),
        Some(3) => history.list_before(step),
        _ => None,
    };
    let same = |(one, other): (&Datum, &Datum)| begin(*one) == begin(*other);
    !lists || before.len() == after.len() && before.iter().zip(&after).all(same)
}

/// Whether a transaction has a read whose value is such.
pub(crate) fn any_read(history: &History, datum: Datum, holds: impl Fn(Datum) -> bool) -> bool {
    let mut steps = Vec::new();
    history.list_elements(datum, &mut steps);
    let mut parts = Vec::new();
    steps.into_iter().any(|step| {
        history.list_elements(step, &mut parts);
        let [f, _, value] = parts[..] else {
            return false;
        };
        let name = history.heap_value(f).and_then(Value::as_text);
        matches!(name, Some("r" | "read")) && holds(value)
    })
}

/// That an operation carries something else than was expected, and what to do about it.
pub(crate) fn unexpected(
    history: &History,
    operation: &Operation,
    datum: Datum,
    expected: &str,
) -> String {
    let completed = operation.outcome == Outcome::Ok && operation.complete != NEVER;
    let event = match completed {
        true => operation.complete,
        false => operation.invoke,
    };
    let tuple = match history.pair(datum) {
        Some(_) => "; if values are [key value] tuples of independent objects, say --tuples",
        None => "",
    };
    format!(
        "event {}: the {} has the value {}, not {expected}{tuple}",
        history.index(event),
        named(history.name(operation.f)),
        Short(&history.value(datum)),
    )
}

/// The first event at which an operation began.
pub(crate) fn event_of(history: &History, place: u32) -> u64 {
    match place {
        NEVER => 0,
        place => history.index(history.operations[place as usize].invoke),
    }
}
