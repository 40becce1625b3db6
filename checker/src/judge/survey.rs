//! Looks at every operation of a history before it is judged: how each name fared, what is not
//! known to the model, and whether anything at all was observed.

use super::evidence::named;
use super::{
    Argument, Model, Observation, Settings, asked_for_a_key, event_of, in_words, same_steps,
};
use crate::history::{Datum, History, Operation, Outcome};
use crate::register::NilRead;
use crate::report::{OutcomeCounts, Report, Short, Unknown, Verdict};
use crate::transactions::ConsistencyModel;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// How the operations of a history look to a model. Each is looked at once, when it has ended.
pub(super) struct Survey<'a> {
    model: &'a Model,
    settings: Cow<'a, Settings>,
    names: Vec<Name>,
    /// The place in `names` of each symbol.
    number_of: Vec<Option<u32>>,
    /// How many operations say something that could be wrong.
    observations: usize,
    /// The first operation that cannot be understood, with the reason.
    odd: Option<String>,
    /// Operations whose argument became known only when they completed.
    late_arguments: Vec<u32>,
}

/// Whether what a consistency model of this name asks depends on the order of each session, and is
/// not implied by real time.
fn of_sessions(name: &&str) -> bool {
    let words = [
        "session",
        "sequential",
        "causal",
        "pram",
        "monotonic",
        "your-writes",
        "follow",
    ];
    words.iter().any(|word| name.contains(word))
}

/// One name, and how its operations fared.
struct Name {
    name: String,
    known: Option<&'static super::Known>,
    /// Where the first of them was invoked, and the index of that event.
    first: (u32, u64),
    counts: OutcomeCounts,
}

impl<'a> Survey<'a> {
    /// One that has seen nothing yet.
    pub(super) fn new(model: &'a Model, settings: Cow<'a, Settings>) -> Self {
        Survey {
            model,
            settings,
            names: Vec::new(),
            number_of: Vec::new(),
            observations: 0,
            odd: None,
            late_arguments: Vec::new(),
        }
    }

    pub(super) fn of(history: &History, model: &'a Model, settings: &'a Settings) -> Self {
        let mut survey = Survey::new(model, Cow::Borrowed(settings));
        for place in 0..history.operations.len() as u32 {
            survey.add(history, place);
        }
        survey
    }

    /// Looks at the operation at this place.
    pub(super) fn add(&mut self, history: &History, place: u32) {
        let operation = &history.operations[place as usize];
        let slot = operation.f.slot();
        if slot >= self.number_of.len() {
            self.number_of.resize(slot + 1, None);
        }
        let first = || (operation.invoke, event_of(history, place));
        let number = *self.number_of[slot].get_or_insert_with(|| {
            let name = history.name(operation.f);
            self.names.push(Name {
                name: name.to_owned(),
                known: self.model.known(name),
                first: first(),
                counts: OutcomeCounts::default(),
            });
            self.names.len() as u32 - 1
        });
        let name = &mut self.names[number as usize];
        if operation.invoke < name.first.0 {
            name.first = first();
        }
        match operation.outcome {
            Outcome::Ok => name.counts.ok += 1,
            Outcome::Fail => name.counts.fail += 1,
            Outcome::Unknown => name.counts.unknown += 1,
        }
        if let Some(known) = name.known {
            self.look(history, known, place, operation);
        }
    }

    fn look(&mut self, history: &History, known: &super::Known, place: u32, operation: &Operation) {
        let settings = self.settings.as_ref();
        let seen = Observation {
            history,
            settings,
            operation,
            place,
        };
        let observes = (known.observes)(&seen);
        self.observations += usize::from(observes);
        if observes && known.argument != Argument::Kept && self.says_nothing(known, operation) {
            self.odd.get_or_insert_with(|| {
                format!(
                    "event {}: this {} succeeded, but does not say what it saw: it has no value",
                    history.index(operation.complete),
                    named(history.name(operation.f)),
                )
            });
        }
        let result = match operation.outcome {
            // What an operation was about may be told when it fails or is given up.
            Outcome::Unknown if operation.argument == Datum::NIL => operation.result,
            Outcome::Fail if operation.argument == Datum::NIL && !operation.observed => {
                operation.result
            }
            Outcome::Ok => operation.result,
            _ => Datum::NIL,
        };
        match known.argument {
            Argument::Steps => {
                let (asked, told) = (operation.argument, result);
                if asked != Datum::NIL && told != Datum::NIL && !same_steps(history, asked, told) {
                    self.odd.get_or_insert_with(|| {
                        format!(
                            "event {}: this completes the transaction {}, but the open one of that process is {} (event {}): one of them is missing, or belongs to another process",
                            history.index(operation.complete),
                            Short(&history.value(told)),
                            Short(&history.value(asked)),
                            event_of(history, place),
                        )
                    });
                }
            }
            Argument::Free => {}
            Argument::None | Argument::Asker => {
                let names_a_key = match known.argument {
                    Argument::Asker => (history.pair(operation.argument))
                        .is_some_and(|(_, nothing)| nothing == Datum::NIL),
                    _ => asked_for_a_key(history, operation.argument, operation.result),
                };
                if names_a_key {
                    self.odd.get_or_insert_with(|| {
                        format!(
                            "event {}: a {} is asked with {}, which looks like a [key value] tuple of independent objects; if that is what it is, say --tuples",
                            event_of(history, place),
                            history.name(operation.f),
                            Short(&history.value(operation.argument)),
                        )
                    });
                }
            }
            Argument::Kept if self.never_told(operation, result) => {
                self.odd.get_or_insert_with(|| {
                    format!(
                        "event {}: it is not known what this {} is about: neither the invocation nor the completion has a value",
                        event_of(history, place),
                        history.name(operation.f),
                    )
                });
            }
            Argument::Kept if result == Datum::NIL || result == operation.argument => {}
            Argument::Kept if operation.argument == Datum::NIL => self.late_arguments.push(place),
            Argument::Kept => {
                self.odd.get_or_insert_with(|| {
                    format!(
                        "event {}: this completes a {} of {}, but the open operation of that process is one of {} (event {}): one of them is missing, or belongs to another process",
                        history.index(operation.complete),
                        history.name(operation.f),
                        Short(&history.value(result)),
                        Short(&history.value(operation.argument)),
                        event_of(history, place),
                    )
                });
            }
        }
    }

    /// Whether a change that may have happened never says what it changes to. (In notations where
    /// nothing is a value like any other it can be nothing, if that is said.)
    fn never_told(&self, operation: &Operation, result: Datum) -> bool {
        let nothing = operation.argument == Datum::NIL && result == Datum::NIL;
        let said = match operation.outcome {
            Outcome::Ok => operation.answered,
            Outcome::Unknown => operation.asked && self.settings.nil_read() == NilRead::Value,
            Outcome::Fail => true,
        };
        nothing && !said
    }

    /// Whether an operation that succeeded leaves out what it saw.
    fn says_nothing(&self, known: &super::Known, operation: &Operation) -> bool {
        let left_out = operation.result == Datum::NIL && operation.outcome == Outcome::Ok;
        match known.argument {
            Argument::None => left_out && !operation.answered,
            // Its argument has no places for what was read.
            Argument::Steps => left_out,
            Argument::Free | Argument::Asker | Argument::Kept => false,
        }
    }

    /// Why the history cannot be judged by this model, if it cannot.
    pub(super) fn not_understood(&self, history: &History) -> Option<String> {
        if let Some(doubt) = history.doubt() {
            return Some(doubt);
        }
        if let Some(name) = self.names.iter().find(|name| name.known.is_none()) {
            let others: Vec<&str> = self
                .names
                .iter()
                .filter(|other| other.known.is_none() && other.name != name.name)
                .map(|other| named(&other.name))
                .collect();
            let others = match others.is_empty() {
                true => String::new(),
                false => format!(" (nor {})", in_words(&others)),
            };
            return Some(format!(
                "event {}: {} does not know {:?}{others}, only {}; choose another model, or leave such operations out with --ignore {}",
                name.first.1,
                self.model.name,
                name.name,
                self.model.operations_in_words(),
                match name.name.as_str() {
                    "" => "''",
                    name => name,
                },
            ));
        }
        let promise = self.settings.consistency.map(ConsistencyModel::as_str);
        if let (true, Some(promise)) = (history.nameless, promise.filter(of_sessions)) {
            return Some(format!(
                "no event has a process, so it is not known which transactions are of one session, on which {promise} depends"
            ));
        }
        self.odd.clone()
    }

    /// Whether nothing odd was seen: all operations are known, each was told when it was invoked.
    pub(super) fn is_as_expected(&self, history: &History) -> bool {
        self.not_understood(history).is_none() && self.late_arguments.is_empty()
    }

    /// The history with all arguments that are known.
    pub(super) fn completed<'h>(&self, history: &'h History) -> Cow<'h, History> {
        if self.late_arguments.is_empty() {
            return Cow::Borrowed(history);
        }
        let mut history = history.clone();
        for place in &self.late_arguments {
            let operation = &mut history.operations[*place as usize];
            operation.argument = operation.result;
        }
        Cow::Owned(history)
    }

    /// Takes back a *valid* that rests on nothing, and adds how each name fared.
    pub(super) fn conclude(mut self, mut report: Report) -> Report {
        self.names.sort_by_key(|name| name.first);
        let unknown = |reason: String| {
            Verdict::Unknown(Unknown {
                reason,
                ..Unknown::default()
            })
        };
        let rests_on_nothing = match &report.verdict {
            Verdict::Valid(_) => true,
            Verdict::Invalid(_) => false,
            Verdict::Unknown(unknown) => {
                let reason = &unknown.reason;
                reason.starts_with("nothing was checked")
                    || reason.ends_with("so nothing was checked")
            }
        };
        if rests_on_nothing && self.observations == 0 {
            report.verdict = unknown(self.nothing_checked());
            report.details.remove("strongest_models");
        } else if let (true, Some(reason)) = (report.is_valid(), self.too_few()) {
            report.verdict = unknown(reason);
        }
        for name in self.names.iter().filter(|name| name.counts.ok == 0) {
            let name_told = named(&name.name);
            report
                .warnings
                .push(match name.counts.fail + name.counts.unknown {
                    1 => format!("the one {name_told} operation did not succeed"),
                    all => format!("none of the {all} {name_told} operations succeeded"),
                });
        }
        report.stats = self
            .names
            .into_iter()
            .map(|name| (name.name, name.counts))
            .collect();
        report
    }

    fn nothing_checked(&self) -> String {
        let all = self
            .names
            .iter()
            .fold(OutcomeCounts::default(), |sum, name| sum.plus(&name.counts));
        let why = if all == OutcomeCounts::default() {
            "the history has no operations".to_owned()
        } else if all.ok + all.fail == 0 {
            "no operation completed".to_owned()
        } else if all.ok == 0 {
            "no operation succeeded".to_owned()
        } else {
            let observing: Vec<&str> = self
                .model
                .operations
                .iter()
                .filter(|known| known.argument == Argument::None)
                .map(|known| known.name)
                .collect();
            match observing.is_empty() {
                true => "nothing was read by an operation that succeeded".to_owned(),
                false => format!(
                    "no {} succeeded that tells what it saw",
                    observing.join(" or ")
                ),
            }
        };
        format!("nothing was checked: {why}")
    }

    /// Which name did not succeed as often as is required.
    fn too_few(&self) -> Option<String> {
        let counts: BTreeMap<&str, usize> = self
            .names
            .iter()
            .map(|name| (name.name.as_str(), name.counts.ok))
            .collect();
        self.settings.require.iter().find_map(|(name, least)| {
            let found = counts.get(name.as_str()).copied().unwrap_or(0);
            (found < *least).then(|| {
                format!("only {found} of the {least} required {name} operations succeeded")
            })
        })
    }
}
