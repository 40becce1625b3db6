//! A counting semaphore.
//!
//! Permits have no owner: whoever acquired some, anybody may release them (a client whose operation
//! timed out often goes on under another process number). What must hold is their number: never
//! more are out than there are, and none come back that were not out.

use super::unknown_operation;
use crate::anomaly::AnomalyName;
use crate::history::{Datum, History, Operation, Outcome};
use crate::judge::{Known, Model as Description, Setting};
use crate::linearizable::{self, Object};
use crate::report::Report;
use crate::search::Model;

/// The model `semaphore`.
pub static SEMAPHORE: Description = Description {
    name: "semaphore",
    help: "A linearizable semaphore with --permits N: acquire and release of one permit, or of as many as the value says",
    operations: &[Known::lock("acquire"), Known::lock("release")],
    settings: &[Setting::Init, Setting::Permits],
    guess: None,
    judge: |history, settings| match settings.permits {
        Some(permits) => {
            let out = match &settings.initial {
                None => Some(0),
                Some(initial) => initial.as_int().and_then(|out| u32::try_from(out).ok()),
            };
            match out.filter(|out| *out <= permits) {
                Some(out) => {
                    let semaphore = Semaphore { permits, out };
                    linearizable::check(history, &semaphore, &settings.limits())
                }
                None => Report::unknown(
                    SEMAPHORE.name,
                    history,
                    "--init: expected how many permits are out in the beginning, at most as many as --permits says",
                ),
            }
        }
        None => Report::unknown(
            SEMAPHORE.name,
            history,
            "nothing was checked: a semaphore has a number of permits; say how many with --permits N",
        ),
    },
};

/// A semaphore: `acquire` and `release` of one permit, or of as many as the value says.
#[derive(Clone, Copy, Debug)]
pub struct Semaphore {
    /// How many permits there are.
    pub permits: u32,
    /// How many of them are out in the beginning.
    pub out: u32,
}

/// What an operation on a semaphore does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PermitStep {
    /// Takes so many permits.
    Acquire(u32),
    /// Gives so many back.
    Release(u32),
}

impl Model for Semaphore {
    /// How many permits are out.
    type State = u32;
    type Step = PermitStep;

    fn initial(&self) -> u32 {
        self.out
    }

    fn apply(&self, out: &u32, step: &PermitStep) -> Option<u32> {
        match step {
            PermitStep::Acquire(count) => {
                out.checked_add(*count).filter(|out| *out <= self.permits)
            }
            PermitStep::Release(count) => out.checked_sub(*count),
        }
    }
}

impl Object for Semaphore {
    type Model = Semaphore;

    fn name(&self) -> &'static str {
        "semaphore"
    }

    fn model(&self, _: &History, _: &[u32]) -> Semaphore {
        *self
    }

    fn step(&self, history: &History, operation: &Operation) -> Result<Option<PermitStep>, String> {
        let count = match operation.argument {
            // A number that comes only later may be that of permits, or anything.
            Datum::NIL => match history.value(operation.result).as_int() {
                None | Some(1) => 1,
                Some(number) => {
                    return Err(format!(
                        "event {}: this {} was invoked without a number of permits and then told {number}, so it is not known how many are meant",
                        history.index(operation.invoke),
                        history.name(operation.f),
                    ));
                }
            },
            argument => {
                let value = history.value(argument);
                let count = value.as_int().and_then(|count| u32::try_from(count).ok());
                count.filter(|count| *count > 0).ok_or_else(|| {
                    format!(
                        "event {}: the value {value} is not a number of permits",
                        history.index(operation.invoke),
                    )
                })?
            }
        };
        match history.name(operation.f) {
            "acquire" => Ok(Some(PermitStep::Acquire(count))),
            "release" => Ok(Some(PermitStep::Release(count))),
            _ => Err(unknown_operation(history, operation, "acquire and release")),
        }
    }

    fn anomaly(&self, history: &History, operation: &Operation) -> AnomalyName {
        match history.name(operation.f) {
            "release" => AnomalyName::PermitNotHeld,
            _ => AnomalyName::TooManyPermits,
        }
    }

    fn belong_together(&self, history: &History, first: &Operation, second: &Operation) -> bool {
        history.name(first.f) == "acquire"
            && history.name(second.f) == "release"
            && first.argument == second.argument
            && first.outcome == Outcome::Ok
            && second.outcome == Outcome::Ok
    }
}
