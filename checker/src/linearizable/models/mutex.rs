//! A lock.

use super::unknown_operation;
use crate::anomaly::AnomalyName;
use crate::history::{History, Operation, Outcome};
use crate::judge::{Known, Model as Description, Setting, Uses};
use crate::linearizable;
use crate::linearizable::Object;
use crate::report::Report;
use crate::search::Model;
use crate::value::Value;

/// The model `mutex`.
pub static MUTEX: Description = Description {
    name: "mutex",
    help: "A linearizable lock: acquire, release",
    operations: &[Known::lock("acquire"), Known::lock("release")],
    settings: &[Setting::Init],
    guess: Some(|evidence| {
        // With arguments it is some other lock: of an owner, with permits, with fences.
        let plain = |name| {
            evidence
                .uses
                .get(name)
                .is_none_or(Uses::only_asked_with_nothing)
        };
        (plain("acquire") && plain("release")).then(|| {
            let names = evidence.names_in_words();
            format!("its operations are {names}, without arguments; a lock that two may hold at once is another model")
        })
    }),
    judge: |history, settings| {
        let locked = match &settings.initial {
            None => false,
            Some(Value::Bool(locked)) => *locked,
            Some(initial) if initial.as_text() == Some("locked") => true,
            Some(initial) if matches!(initial.as_text(), Some("free" | "unlocked")) => false,
            Some(other) => {
                let reason = format!("--init {other}: expected locked or unlocked");
                return Report::unknown("mutex", history, reason);
            }
        };
        linearizable::check(history, &Mutex { locked }, &settings.limits())
    },
};

/// A lock: `acquire` and `release`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mutex {
    /// Whether it is held in the beginning.
    pub locked: bool,
}

/// What an operation on a lock does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockStep {
    /// Takes it; it must be free.
    Acquire,
    /// Frees it; it must be held.
    Release,
}

impl Model for Mutex {
    type State = bool;
    type Step = LockStep;

    fn initial(&self) -> bool {
        self.locked
    }

    fn apply(&self, locked: &bool, step: &LockStep) -> Option<bool> {
        match (locked, step) {
            (false, LockStep::Acquire) => Some(true),
            (true, LockStep::Release) => Some(false),
            _ => None,
        }
    }
}

impl Object for Mutex {
    type Model = Mutex;

    fn name(&self) -> &'static str {
        "mutex"
    }

    fn model(&self, _: &History, _: &[u32]) -> Mutex {
        *self
    }

    fn step(&self, history: &History, operation: &Operation) -> Result<Option<LockStep>, String> {
        match history.name(operation.f) {
            "acquire" => Ok(Some(LockStep::Acquire)),
            "release" => Ok(Some(LockStep::Release)),
            _ => Err(unknown_operation(history, operation, "acquire and release")),
        }
    }

    fn anomaly(&self, _: &History, _: &Operation) -> AnomalyName {
        AnomalyName::LockHeldTwice
    }

    fn belong_together(&self, history: &History, first: &Operation, second: &Operation) -> bool {
        history.name(first.f) == "acquire"
            && history.name(second.f) == "release"
            && first.outcome == Outcome::Ok
            && second.outcome == Outcome::Ok
    }
}
