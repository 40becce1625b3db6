//! What a model is: its name, what it knows, what it has a use for, and how it judges.

use super::{Evidence, Settings};
use crate::history::{Datum, History, Operation, Outcome};
use crate::register::NilRead;
use crate::report::Report;

/// A model by which histories can be judged. Everything that is said of it (`--help`, the list of
/// models, what it refuses, what it is guessed from) comes from here.
///
/// # To add a model
///
/// Describe it where it is implemented, as a `static`, and name that in the list
/// [`super::models::ALL`]; nothing else has to be changed.
///
/// ```text
/// /// The model `odd-register`.
/// pub static MODEL: Model = Model {
///     name: "odd-register",
///     help: "A register that holds odd numbers: read, write",
///     // Any other operation makes the verdict unknown, and is named.
///     operations: &[Known::read("read"), Known::change("write")],
///     // Any other option of a model is refused.
///     settings: &[Setting::Init],
///     // Why the operations of a history suggest this model; none if it is never guessed.
///     guess: None,
///     judge: |history, settings| linearizable::check(history, &OddRegister, &settings.limits()),
/// };
/// ```
///
/// `judge` sees operations that the model knows, each with its argument (a value that became known
/// only when the operation completed is filled in), and no history whose pairing is in doubt. What
/// it has to say itself: values of a shape that it does not know ([`Report::unknown`], naming the
/// event), and violations. It need not ask whether anything was observed at all: a *valid* that
/// rests on no observation ([`Known::observes`]) becomes *unknown* afterwards, as does one with
/// fewer operations than [`Settings::require`] asks for.
pub struct Model {
    /// The name as the command line has it.
    pub name: &'static str,
    /// In one line: what the object is, and its operations.
    pub help: &'static str,
    /// The operations that it knows.
    pub operations: &'static [Known],
    /// The settings that it has a use for.
    pub settings: &'static [Setting],
    /// Says why a history suggests this model, if it does. Asked only if all names of operations
    /// are known to the model; the first model in the list that has a reason is taken.
    pub guess: Option<fn(&Evidence<'_>) -> Option<String>>,
    /// Judges a history.
    pub judge: fn(&History, &Settings) -> Report,
}

impl Model {
    /// The model of this name, in any case of letters.
    pub fn named(name: &str) -> Option<&'static Model> {
        super::models::ALL
            .iter()
            .find(|model| model.name.eq_ignore_ascii_case(name))
            .copied()
    }

    /// What it knows of operations of this name, if it knows them.
    pub fn known(&self, name: &str) -> Option<&'static Known> {
        self.operations
            .iter()
            .find(|known| known.name == name || known.name == Known::ANY)
    }

    /// The names of its operations as a sentence has them.
    pub(crate) fn operations_in_words(&self) -> String {
        let names: Vec<&str> = self
            .operations
            .iter()
            .map(|known| match known.name {
                Known::ANY => "transactions",
                name => name,
            })
            .collect();
        in_words(&names)
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn in_words<T: AsRef<str>>(names: &[T]) -> String {
    match names {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

/// An operation that a model knows.
#[derive(Clone, Copy)]
pub struct Known {
    /// Its name, or [`Known::ANY`].
    pub name: &'static str,
    /// What its argument is.
    pub argument: Argument,
    /// Whether an operation of this name, as it ended, says something that could be wrong. A write
    /// that succeeded does not; a read that succeeded does.
    pub observes: fn(&Observation<'_>) -> bool,
}

/// What the argument of an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// There is none: the operation is a question. If it is asked with `[key nil]`, then values
    /// are `[key value]` tuples.
    None,
    /// A completion repeats it. If it was not known before, the completion says it; if both say
    /// something else, then they do not belong together.
    Kept,
    /// It is a list of steps, which a completion repeats with what they saw.
    Steps,
    /// Who asks, how much, or nothing; if it is `[key nil]`, then values are `[key value]` tuples.
    Asker,
    /// Anything else: the model looks at it itself.
    Free,
}

/// An operation that is asked whether it says something that could be wrong.
pub struct Observation<'a> {
    /// The history.
    pub history: &'a History,
    /// How it is judged.
    pub settings: &'a Settings,
    /// The operation.
    pub operation: &'a Operation,
    /// Its place in [`History::operations`].
    pub place: u32,
}

/// Whether an operation that succeeded and returned nothing says something by that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NilAnswer {
    /// It does where [`Settings::nil_read`] says so, or else the format.
    ByFormat,
    /// It does if [`Settings::nil_read`] says so.
    IfSet,
    /// It does unless [`Settings::nil_read`] says that it does not.
    UnlessSet,
    /// It never does.
    Never,
}

impl Observation<'_> {
    /// Whether it succeeded, and with something that counts as an answer.
    pub fn answers(&self, nil: NilAnswer) -> bool {
        let nothing = self.operation.result == Datum::NIL;
        let says = match nil {
            NilAnswer::ByFormat => self.settings.nil_read() == NilRead::Value,
            NilAnswer::IfSet => self.settings.nil_read == Some(NilRead::Value),
            NilAnswer::UnlessSet => self.settings.nil_read != Some(NilRead::Unknown),
            NilAnswer::Never => false,
        };
        self.succeeded() && (says || !nothing)
    }

    fn succeeded(&self) -> bool {
        self.operation.outcome == Outcome::Ok
    }
}

impl Known {
    /// The name that stands for every name: transactions are known by the shape of their values.
    pub const ANY: &'static str = "*";

    /// A question: if it succeeds, then what it returned is judged. Whether nothing is an answer is
    /// as the format has it, if it is not set.
    pub const fn read(name: &'static str) -> Known {
        Known::asks(name, NilAnswer::ByFormat)
    }

    /// A question, with what it means if nothing was returned.
    pub const fn asks(name: &'static str, nil: NilAnswer) -> Known {
        Known {
            name,
            argument: Argument::None,
            observes: match nil {
                NilAnswer::ByFormat => |seen| seen.answers(NilAnswer::ByFormat),
                NilAnswer::IfSet => |seen| seen.answers(NilAnswer::IfSet),
                NilAnswer::UnlessSet => |seen| seen.answers(NilAnswer::UnlessSet),
                NilAnswer::Never => |seen| seen.answers(NilAnswer::Never),
            },
        }
    }

    /// A question whose success is judged whatever it returned: nothing is an answer, too.
    pub const fn question(name: &'static str) -> Known {
        Known {
            name,
            argument: Argument::None,
            observes: |seen| seen.succeeded(),
        }
    }

    /// A change that nobody could prove wrong by its success alone.
    pub const fn change(name: &'static str) -> Known {
        Known {
            name,
            argument: Argument::Kept,
            observes: |_| false,
        }
    }

    /// Something that may succeed only in some states, so that its success is judged.
    pub const fn action(name: &'static str) -> Known {
        Known {
            name,
            argument: Argument::Free,
            observes: |seen| seen.succeeded(),
        }
    }

    /// An action on an object that is told nothing but, perhaps, who asks or how much: its argument
    /// is never `[key nil]`, unless values are `[key value]` tuples.
    pub const fn lock(name: &'static str) -> Known {
        Known::action(name).with_argument(Argument::Asker)
    }

    /// A compare-and-set: `[from to]`. Its success is judged; a failure only if it says what was
    /// there instead.
    pub const fn cas(name: &'static str) -> Known {
        Known {
            name,
            argument: Argument::Kept,
            observes: |seen| {
                let failed = seen.operation.outcome == Outcome::Fail;
                seen.succeeded() || (failed && seen.operation.observed)
            },
        }
    }

    /// Transactions, whatever their name: lists of `[f key value]`. One is judged if it succeeded
    /// and has a step that is not one of these writes.
    pub const fn transactions() -> Known {
        Known {
            name: Known::ANY,
            argument: Argument::Steps,
            observes: |seen| {
                let value = match seen.operation.result {
                    Datum::NIL => seen.operation.argument,
                    result => result,
                };
                seen.succeeded()
                    && super::evidence::any_step(seen.history, value, |f| {
                        !matches!(f, "w" | "write" | "append")
                    })
            },
        }
    }

    /// The same, with another idea of its argument.
    pub const fn with_argument(self, argument: Argument) -> Known {
        Known { argument, ..self }
    }

    /// The same, with another idea of what is judged.
    pub const fn with_observes(self, observes: fn(&Observation<'_>) -> bool) -> Known {
        Known { observes, ..self }
    }
}

/// A setting that some models have a use for and others have not. Those that concern reading,
/// limits and reports in general are none of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// [`Settings::initial`].
    Init,
    /// [`Settings::nil_read`].
    NilReads,
    /// [`Settings::consistency`].
    Consistency,
    /// [`Settings::linearizable_keys`].
    LinearizableKeys,
    /// [`Settings::sequential_keys`].
    SequentialKeys,
    /// [`Settings::no_writes_follow_reads`].
    NoWritesFollowReads,
    /// [`Settings::transaction_order`].
    TransactionOrder,
    /// [`Settings::linearizable_set`].
    Linearizable,
    /// [`Settings::bank`]: the total.
    Total,
    /// [`Settings::bank`]: whether balances may be below zero.
    NegativeBalances,
    /// [`Settings::permits`].
    Permits,
    /// [`Settings::table`].
    Table,
}

impl Setting {
    /// The option of the command line.
    pub fn option(self) -> &'static str {
        match self {
            Setting::Init => "--init",
            Setting::NilReads => "--nil-reads",
            Setting::Consistency => "--consistency",
            Setting::LinearizableKeys => "--linearizable-keys",
            Setting::SequentialKeys => "--sequential-keys",
            Setting::NoWritesFollowReads => "--no-writes-follow-reads",
            Setting::TransactionOrder => "--transaction-order",
            Setting::Linearizable => "--linearizable",
            Setting::Total => "--total",
            Setting::NegativeBalances => "--negative-balances",
            Setting::Permits => "--permits",
            Setting::Table => "--model-file",
        }
    }

    /// The names of the models that have a use for it.
    pub fn models(self) -> Vec<&'static str> {
        super::models::ALL
            .iter()
            .filter(|model| model.settings.contains(&self))
            .map(|model| model.name)
            .collect()
    }
}
