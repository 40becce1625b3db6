//! Judges a history by a model that is chosen by its name.
//!
//! A verdict is about what was read: whatever the model, *valid* is only said of a history in which
//! something was observed, all operations were understood, and invocations and completions belong
//! together without doubt.

mod beginning;
mod evidence;
mod kinds;
mod model;
pub mod models;
mod survey;
pub(crate) mod while_read;

pub use evidence::{Evidence, Guess, Shape, Uses, guess, shape};
pub(crate) use evidence::{any_read, asked_for_a_key, event_of, same_steps, unexpected};
pub(crate) use model::in_words;
pub use model::{Argument, Known, Model, NilAnswer, Observation, Setting};

use crate::budget::Budget;
use crate::checks::bank;
use crate::formats::Format;
use crate::history::History;
use crate::linearizable::Limits;
use crate::linearizable::table::Table;
use crate::register::NilRead;
use crate::report::Report;
use crate::transactions::{self, ConsistencyModel};
use crate::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use survey::Survey;

/// Everything that a model may want to know beyond the history.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The value in the beginning; the model's own if it is not given.
    pub initial: Option<Value>,
    /// What a read of nothing means; if it is not given, what the history's format suggests.
    pub nil_read: Option<NilRead>,
    /// The format that the history was read from; none if it was made in memory.
    pub format: Option<Format>,
    /// Limits of time and memory.
    pub budget: Budget,
    /// How many threads work on different keys; zero means one for each processor.
    pub threads: usize,
    /// How many operations of a name must have succeeded for *valid* to be said.
    pub require: BTreeMap<String, usize>,
    /// For transactions: what the system promises.
    pub consistency: Option<ConsistencyModel>,
    /// For transactions on registers: whether each register is linearizable on its own.
    pub linearizable_keys: bool,
    /// For transactions on registers: whether each register follows the order of each process.
    pub sequential_keys: bool,
    /// For transactions on registers: whether what a transaction writes need not come after what it
    /// had read there.
    pub no_writes_follow_reads: bool,
    /// For transactions on registers: their order as the system has it, by the index of the event
    /// that completed each.
    pub transaction_order: BTreeMap<u64, i64>,
    /// For set-full: whether an element must be seen at once.
    pub linearizable_set: bool,
    /// For bank.
    pub bank: bank::Options,
    /// For semaphore: how many permits there are.
    pub permits: Option<u32>,
    /// For [`models::MODEL_FILE`]: the model.
    pub table: Option<Arc<Table>>,
}

impl Settings {
    /// Limits of time, memory and threads.
    pub fn limits(&self) -> Limits {
        Limits {
            budget: self.budget,
            threads: self.threads,
        }
    }

    /// What a read of nothing means: as it was set, or else as the format has it. In our own
    /// histories nothing is a value like any other; in Jepsen's it means that the result is not
    /// known.
    pub fn nil_read(&self) -> NilRead {
        let is_value = self.format.is_none_or(Format::nil_is_a_value);
        self.nil_read.unwrap_or(if is_value {
            NilRead::Value
        } else {
            NilRead::Unknown
        })
    }

    /// How transactions are judged.
    pub(crate) fn transactions(&self) -> transactions::Options {
        transactions::Options {
            model: self
                .consistency
                .unwrap_or(ConsistencyModel::STRICT_SERIALIZABLE),
            initial: self.initial.clone().unwrap_or(Value::Nil),
            nil_is_unknown: self.nil_read == Some(NilRead::Unknown),
            linearizable_keys: self.linearizable_keys,
            sequential_keys: self.sequential_keys,
            writes_follow_reads: !self.no_writes_follow_reads,
            transaction_order: self.transaction_order.clone(),
            budget: self.budget,
        }
    }

    /// The settings that were made and that only some models have a use for.
    fn made(&self) -> impl Iterator<Item = Setting> {
        [
            (Setting::Init, self.initial.is_some()),
            (Setting::NilReads, self.nil_read.is_some()),
            (Setting::Consistency, self.consistency.is_some()),
            (Setting::LinearizableKeys, self.linearizable_keys),
            (Setting::SequentialKeys, self.sequential_keys),
            (Setting::NoWritesFollowReads, self.no_writes_follow_reads),
            (
                Setting::TransactionOrder,
                !self.transaction_order.is_empty(),
            ),
            (Setting::Linearizable, self.linearizable_set),
            (Setting::Total, self.bank.total.is_some()),
            (Setting::NegativeBalances, self.bank.negative_balances),
            (Setting::Permits, self.permits.is_some()),
            (Setting::Table, self.table.is_some()),
        ]
        .into_iter()
        .filter_map(|(setting, made)| made.then_some(setting))
    }

    /// Whether this model has a use for every setting that was made; if not, the error names those
    /// models that have.
    pub fn check(&self, model: &Model) -> Result<(), String> {
        match self.made().find(|made| !model.settings.contains(made)) {
            None => Ok(()),
            Some(useless) => Err(format!(
                "{} is of no use to {}; it is for {}",
                useless.option(),
                model.name,
                in_words(&useless.models())
            )),
        }
    }
}

/// Judges a history. Settings that the model has no use for are ignored; [`Settings::check`] finds
/// them.
pub fn judge(history: &History, model: &Model, settings: &Settings) -> Report {
    let within_sessions;
    let settings = if history.sessions_only {
        if let Some(reason) = needs_real_time(model, settings) {
            return Report::unknown(model.name, history, reason);
        }
        within_sessions = Settings {
            consistency: settings
                .consistency
                .or(Some(ConsistencyModel::SERIALIZABLE)),
            ..settings.clone()
        };
        &within_sessions
    } else {
        settings
    };
    let survey = Survey::of(history, model, settings);
    let report = match survey.not_understood(history) {
        Some(reason) => Report::unknown(model.name, history, reason),
        None => (model.judge)(&survey.completed(history), settings),
    };
    let report = survey.conclude(report);
    let mut report = beginning::only_proven(history, model, settings, report);
    report.warnings.extend(kinds::mixed_up(history, &report));
    report
        .warnings
        .extend(kinds::maybe_missing(history, &report));
    report
}

/// Why a history that tells only the order within each session cannot be judged like this, if it
/// cannot.
fn needs_real_time(model: &Model, settings: &Settings) -> Option<String> {
    let consistency = settings.consistency;
    if !model.settings.contains(&Setting::Consistency) {
        return Some(format!(
            "the file tells only the order within each session, and {} needs that between them",
            model.name
        ));
    }
    let name = match consistency {
        _ if settings.linearizable_keys => Setting::LinearizableKeys.option(),
        Some(model) if model.order == transactions::Order::RealTime => model.as_str(),
        _ => return None,
    };
    Some(format!(
        "the file tells only the order within each session, and {name} is about real time"
    ))
}

#[cfg(test)]
mod tests;
