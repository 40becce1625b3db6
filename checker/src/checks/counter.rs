//! A counter: each read must lie between what surely was and what may have been added.
//!
//! Operations: `add` or `increment` an amount (also a negative one), `decrement` one, `read` the
//! sum. Changes that completed before the read began must count; those that began before it ended
//! may.

use super::{Findings, each_key, named_of, succeeded};
use crate::anomaly::AnomalyName;
use crate::history::{Datum, History, NEVER, Operation, Outcome};
use crate::judge::{Argument, Known, Model, NilAnswer, Setting, Shape, unexpected};
use crate::number::Number;
use crate::register::NilRead;
use crate::report::Report;

/// The model `counter`.
pub static MODEL: Model = Model {
    name: "counter",
    help: "A counter: add, increment, decrement, read; each read within its bounds",
    operations: &[
        Known::asks("read", NilAnswer::IfSet),
        Known::change("add"),
        Known::change("increment").with_argument(Argument::Free),
        Known::change("inc").with_argument(Argument::Free),
        Known::change("decrement").with_argument(Argument::Free),
        Known::change("dec").with_argument(Argument::Free),
    ],
    settings: &[Setting::Init, Setting::NilReads],
    guess: Some(|evidence| {
        let changes = evidence.has_any(&["add", "increment", "inc", "decrement", "dec"]);
        let lists = [Shape::List, Shape::Pair, Shape::Set, Shape::Map];
        (changes && !evidence.returns("read", &lists))
            .then(|| format!("its operations are {}", evidence.names_in_words()))
    }),
    judge: |history, settings| {
        let initial = match &settings.initial {
            None => Some(Number::ZERO),
            Some(value) => Number::of(value),
        };
        let Some(initial) = initial else {
            return Report::unknown("counter", history, "--init: expected a number");
        };
        let nil_is_initial = settings.nil_read == Some(NilRead::Value);
        let options = Options {
            initial,
            nil_is_initial,
        };
        check(history, &options)
    },
};

/// What the counter is like.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Its value in the beginning.
    pub initial: Number,
    /// Whether a read of nothing saw that value; otherwise its result is not known.
    pub nil_is_initial: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            initial: Number::ZERO,
            nil_is_initial: false,
        }
    }
}

/// Judges every read, each key on its own.
pub fn check(history: &History, options: &Options) -> Report {
    each_key(history, |places| check_key(history, places, options))
}

/// What changes the bounds, at a position among all events: the lower one, and the upper one.
type Change = (u32, Number, Number);

fn check_key(history: &History, places: &[u32], options: &Options) -> Report {
    let mut findings = Findings::new(history);
    let changes = match changes(history, places) {
        Ok(changes) => changes,
        Err(odd) => return Report::unknown("counter", history, odd),
    };
    let mut bounds = Vec::with_capacity(changes.len() + 1);
    let (mut lower, mut upper) = (options.initial, options.initial);
    bounds.push((lower, upper));
    for (_, low, high) in &changes {
        lower = lower.plus(*low);
        upper = upper.plus(*high);
        bounds.push((lower, upper));
    }
    let mut reads = 0;
    for (place, read) in named_of(history, places, "read").filter(|(_, read)| succeeded(read)) {
        if read.result == Datum::NIL && !options.nil_is_initial {
            continue;
        }
        let value = match read.result {
            Datum::NIL => Some(options.initial),
            result => Number::of(&history.value(result)),
        };
        let Some(value) = value else {
            findings.not_read(unexpected(history, read, read.result, "a number"));
            continue;
        };
        reads += 1;
        // The bounds may widen while the read is open: with negative amounts, on both sides.
        let first = changes.partition_point(|change| change.0 < read.invoke);
        let last = changes.partition_point(|change| change.0 < read.complete);
        let within = &bounds[first..=last];
        let lower = within
            .iter()
            .fold(within[0].0, |least, bound| least.least(bound.0));
        let upper = within
            .iter()
            .fold(within[0].1, |most, bound| most.most(bound.1));
        if value.is_less(lower) || upper.is_less(value) {
            let text = format!(
                "{} is outside of {lower} to {upper}: what completed before it began makes at least {lower}, and all that began before it ended makes at most {upper}.",
                findings.operation(place)
            );
            findings.add(AnomalyName::CounterOutOfBounds, text, &[place]);
        }
    }
    findings.detail("reads", reads);
    findings.detail("lower", lower.to_json());
    findings.detail("upper", upper.to_json());
    findings.report("counter", None)
}

/// What changes the bounds, in order; an error names a change that cannot be understood.
fn changes(history: &History, places: &[u32]) -> Result<Vec<Change>, String> {
    let mut changes: Vec<Change> = Vec::new();
    for (name, sign) in [
        ("add", 1),
        ("increment", 1),
        ("inc", 1),
        ("decrement", -1),
        ("dec", -1),
    ] {
        let happened = |(_, change): &(u32, &Operation)| change.outcome != Outcome::Fail;
        for (_, change) in named_of(history, places, name).filter(happened) {
            let amount = match change.argument {
                // To increment means by one, if nothing else is said.
                Datum::NIL if name != "add" => Number::from(1),
                argument => Number::of(&history.value(argument))
                    .ok_or_else(|| unexpected(history, change, argument, "a number"))?,
            };
            let amount = if sign < 0 { amount.negated() } else { amount };
            let (below, above) = (amount.least(Number::ZERO), amount.most(Number::ZERO));
            changes.push((change.invoke, below, above));
            if change.complete != NEVER {
                changes.push((change.complete, above, below));
            }
        }
    }
    changes.sort_by_key(|change| change.0);
    Ok(changes)
}
