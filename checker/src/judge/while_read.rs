//! Histories of registers are judged while they are read, however long they are, and what is
//! settled is forgotten.
//!
//! That is tried on every history that may be one. What cannot be judged like that (values that
//! repeat, violations, other models) is judged as a whole: the keys that it concerns, or the whole
//! history, are read once more. So the verdict is the same, in the same words.

use super::evidence::{Looks, guess_by};
use super::kinds::maybe_missing;
use super::survey::Survey;
use super::{Guess, Model, Settings, models};
use crate::formats::Format;
use crate::history::windows::{Next, Windows};
use crate::history::{Builder, Datum, History, Operation, ReadError};
use crate::register::models::options_of;
use crate::register::settling::Settling;
use crate::report::Report;
use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

/// A history that is judged while it is read.
pub(crate) struct WhileRead {
    /// None if it is to be guessed.
    named: Option<&'static Model>,
    model: &'static Model,
    survey: Survey<'static>,
    looks: Looks,
    settling: Settling,
    /// Of the operations that were kept: the key of each that was open.
    open_before: Vec<Option<u32>>,
    operations: usize,
    /// Whether all values are small numbers, so that none can be taken for another kind of value.
    only_numbers: bool,
    progress: Progress,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Nothing was forgotten yet.
    Whole,
    /// What was settled was forgotten.
    Forgetful,
    /// It has to be judged as a whole, but something was forgotten.
    GivenUp,
}

/// What is known when the history has been read to its end.
pub(crate) enum Outcome {
    /// Nothing was forgotten: the history is there to be judged.
    Whole,
    /// The history has to be read again, and judged as a whole.
    ReadAgain,
    /// These keys have to be read again.
    Left(Box<Rest>),
    /// A verdict.
    Judged(Box<Report>),
}

/// What is known of all keys but those that are left.
pub(crate) struct Rest {
    model: &'static Model,
    guessed: Option<String>,
    survey: Survey<'static>,
    settling: Settling,
    operations: usize,
    events: u32,
}

impl WhileRead {
    /// One that judges by this model, or by the one that is guessed in the end. None if the model
    /// does not allow it.
    pub(crate) fn new(
        named: Option<&'static Model>,
        settings: &Settings,
        history: &mut History,
    ) -> Option<WhileRead> {
        let model = named.unwrap_or(&models::CAS_REGISTER);
        let options = options_of(model, settings)?;
        Some(WhileRead {
            named,
            model,
            survey: Survey::new(model, Cow::Owned(settings.clone())),
            looks: Looks::default(),
            settling: Settling::new(options, history),
            open_before: Vec::new(),
            operations: 0,
            only_numbers: true,
            progress: Progress::Whole,
        })
    }

    /// Looks at the operations that have ended since the last time; false if the history cannot be
    /// judged while it is read.
    fn understand(&mut self, history: &History, open: Option<&[bool]>) -> bool {
        for (place, operation) in history.operations.iter().enumerate() {
            let before = self.open_before.get(place);
            if open.is_some_and(|open| open[place]) || before == Some(&None) {
                continue;
            }
            // It was looked at among those of another key.
            if before.is_some_and(|key| *key != Some(operation.key)) {
                return false;
            }
            self.operations += 1;
            self.survey.add(history, place as u32);
            self.looks.add(history, place as u32);
            self.only_numbers &= has_numbers(history, operation);
        }
        !history.nameless && self.survey.is_as_expected(history)
    }

    /// The verdict, or what is missing for it, when the history has been read to its end.
    pub(crate) fn finish(mut self, history: &mut History) -> Outcome {
        match self.progress {
            Progress::Whole => return Outcome::Whole,
            Progress::GivenUp => return Outcome::ReadAgain,
            Progress::Forgetful => {}
        }
        if !self.understand(history, None) {
            return Outcome::ReadAgain;
        }
        self.settling.look(history, None);
        let guessed = match self.named {
            Some(_) => None,
            None => match guess_by(&self.looks.evidence(history)) {
                Guess::Model(model, reason) if model.name == self.model.name => Some(reason),
                _ => return Outcome::ReadAgain,
            },
        };
        let rest = Rest {
            model: self.model,
            guessed,
            survey: self.survey,
            settling: self.settling,
            operations: self.operations,
            events: history.events,
        };
        match (rest.settling.left_any(), self.only_numbers) {
            (false, _) => {
                rest.keep_left(history);
                let report = rest.settling.report(history);
                Outcome::Judged(Box::new(rest.conclude(history, report)))
            }
            (true, true) => Outcome::Left(Box::new(rest)),
            // Whoever explains them has to know what was written on other keys.
            (true, false) => Outcome::ReadAgain,
        }
    }
}

impl std::fmt::Debug for WhileRead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WhileRead({:?})", self.progress)
    }
}

impl Windows for WhileRead {
    fn look(&mut self, history: &mut History, open: &[bool]) -> Next {
        let understood = self.understand(history, Some(open));
        let kept = understood.then(|| self.settling.look(history, Some(open)));
        match (kept, self.progress) {
            (Some(kept), _) if !self.settling.left_most(history) => {
                self.progress = Progress::Forgetful;
                self.open_before = (kept.iter().zip(open).zip(&history.operations))
                    .filter(|((kept, _), _)| **kept)
                    .map(|((_, open), operation)| open.then_some(operation.key))
                    .collect();
                Next::Keep(kept)
            }
            (_, Progress::Whole) => Next::KeepAll,
            _ => {
                self.progress = Progress::GivenUp;
                Next::Stop
            }
        }
    }

    fn each_datum(&mut self, call_anew: &mut dyn FnMut(&mut Datum)) {
        self.settling.each_datum(call_anew);
    }
}

impl Rest {
    /// The report of the whole history, of which `history` has at least those operations that are
    /// on keys that were left. None if it is not what was read the first time.
    pub(crate) fn judge(self, history: &mut History) -> Option<Report> {
        if history.events != self.events {
            return None;
        }
        self.keep_left(history);
        let report = self.settling.report(history);
        Some(self.conclude(history, report))
    }

    /// Whether the operations of a key are needed.
    pub(crate) fn is_left(&self, key: u32) -> bool {
        self.settling.is_left(key)
    }

    fn keep_left(&self, history: &mut History) {
        let operations = history.operations.iter();
        let left: Vec<bool> = operations
            .map(|operation| self.is_left(operation.key))
            .collect();
        history.keep(&left);
    }

    fn conclude(self, history: &History, mut report: Report) -> Report {
        report.model = self.model.name.to_owned();
        report.guessed = self.guessed;
        report.operations = self.operations;
        let mut report = self.survey.conclude(report);
        report.warnings.extend(maybe_missing(history, &report));
        report
    }
}

/// Keeps the operations of those keys that are left.
pub(crate) struct OnlyLeft(pub(crate) Box<Rest>);

impl std::fmt::Debug for OnlyLeft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnlyLeft")
    }
}

impl Windows for OnlyLeft {
    fn look(&mut self, history: &mut History, open: &[bool]) -> Next {
        let operations = history.operations.iter().zip(open);
        Next::Keep(
            operations
                .map(|(operation, open)| *open || self.0.is_left(operation.key))
                .collect(),
        )
    }

    fn each_datum(&mut self, _: &mut dyn FnMut(&mut Datum)) {}
}

/// Whether an operation has no other values than small numbers.
fn has_numbers(history: &History, operation: &Operation) -> bool {
    let number = |datum: Datum| datum == Datum::NIL || datum.as_small().is_some();
    [operation.argument, operation.result]
        .into_iter()
        .all(|datum| match history.pair(datum) {
            Some((from, to)) => number(from) && number(to) && history.name(operation.f) == "cas",
            None => number(datum),
        })
}

/// Whether a history that is to be judged by this model, or by one that is guessed, may be judged
/// while it is read.
pub(crate) fn may_be_judged_while_read(named: Option<&'static Model>, settings: &Settings) -> bool {
    let model = named.unwrap_or(&models::CAS_REGISTER);
    options_of(model, settings).is_some() && settings.check(model).is_ok()
}

/// What became of a history that was read.
pub(crate) enum Read {
    /// It was judged meanwhile. Of its operations only those are left that prove something.
    Judged(History, Box<Report>),
    /// It is there as a whole, and has to be judged.
    Whole(History, Format),
}

/// Prepares a builder, once the format of what it will read is known.
pub(crate) type Prepare<'a> = dyn FnMut(Format, &mut Builder) + 'a;

/// Reads a history from its beginning.
type ReadWhole<'a> = dyn FnMut(&mut Prepare<'_>) -> Result<(History, Format), ReadError> + 'a;

/// Reads a history, and judges it meanwhile if that can be done; `read` reads it from its beginning
/// each time it is called, in windows of so many operations.
pub(crate) fn judge_while_read(
    named: Option<&'static Model>,
    settings: &Settings,
    window: usize,
    read: &mut ReadWhole<'_>,
) -> Result<Read, ReadError> {
    let mut judging = None;
    let (mut history, format) = read(&mut |format, builder| {
        let settings = Settings {
            format: Some(format),
            ..settings.clone()
        };
        judging = WhileRead::new(named, &settings, &mut builder.history)
            .map(|judging| Rc::new(RefCell::new(judging)));
        if let Some(judging) = &judging {
            builder.look_at_windows(window, judging.clone());
        }
    })?;
    let outcome = match judging.and_then(Rc::into_inner) {
        Some(judging) => judging.into_inner().finish(&mut history),
        None => Outcome::Whole,
    };
    let left = match outcome {
        Outcome::Whole => return Ok(Read::Whole(history, format)),
        Outcome::Judged(report) => return Ok(Read::Judged(history, report)),
        Outcome::ReadAgain => None,
        Outcome::Left(rest) => Some(Rc::new(RefCell::new(OnlyLeft(rest)))),
    };
    drop(history);
    if let Some(left) = left {
        let (mut history, _) = read(&mut |_, builder| {
            builder.look_at_windows(window, left.clone());
        })?;
        let rest = Rc::into_inner(left).map(|left| left.into_inner().0);
        if let Some(report) = rest.and_then(|rest| rest.judge(&mut history)) {
            return Ok(Read::Judged(history, Box::new(report)));
        }
    }
    let (history, format) = read(&mut |_, _| {})?;
    Ok(Read::Whole(history, format))
}

#[cfg(test)]
mod tests;
