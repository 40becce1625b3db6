//! The models of registers by name.

use super::{Explain, FailedCas, NilRead, Options, check};
use crate::history::{Datum, History, Outcome};
use crate::judge::{
    Argument, Evidence, Known, Model, Observation, Setting, Settings, Shape, unexpected,
};
use crate::report::Report;
use crate::value::Value;

const OPERATIONS: &[Known] = &[
    Known::read("read"),
    Known::read("r"),
    Known::read("get"),
    Known::change("write"),
    Known::change("w"),
    Known::change("put"),
    Known::cas("cas"),
];

/// The same, but a failed cas is an observation.
const ETCD_OPERATIONS: &[Known] = &[
    Known::read("read").with_observes(etcd_read),
    Known::read("r").with_observes(etcd_read),
    Known::read("get").with_observes(etcd_read),
    Known::change("write"),
    Known::change("w"),
    Known::change("put"),
    Known::cas("cas").with_observes(|seen| seen.operation.outcome != Outcome::Unknown),
];

/// In its histories a read of nothing saw that there was nothing.
fn etcd_read(seen: &Observation<'_>) -> bool {
    let unknown = seen.settings.nil_read == Some(NilRead::Unknown);
    let nothing = seen.operation.result == Datum::NIL;
    seen.operation.outcome == Outcome::Ok && !(nothing && unknown)
}

const SETTINGS: &[Setting] = &[Setting::Init, Setting::NilReads];

/// The model `register`.
pub static REGISTER: Model = Model {
    name: "register",
    help: "Linearizable registers: read, write, cas [from to], each key on its own",
    operations: OPERATIONS,
    settings: SETTINGS,
    guess: None,
    judge: |history, settings| judge("register", history, settings),
};

/// The model `cas-register`: the same, by the name that Jepsen and Knossos have for it.
pub static CAS_REGISTER: Model = Model {
    name: "cas-register",
    help: "The same as register",
    operations: OPERATIONS,
    settings: SETTINGS,
    guess: Some(guess),
    judge: |history, settings| judge("cas-register", history, settings),
};

/// The model `etcd-register`.
pub static ETCD_REGISTER: Model = Model {
    name: "etcd-register",
    help: "The same, and a failed cas saw another value than the expected one",
    operations: ETCD_OPERATIONS,
    settings: SETTINGS,
    guess: None,
    judge: |history, settings| {
        let report = check(history, &etcd_options(settings));
        unless_no_register("etcd-register", history, report)
    },
};

/// The model `deletable-register`.
pub static DELETABLE_REGISTER: Model = Model {
    name: "deletable-register",
    help: "Linearizable registers whose value can be deleted: read (nil: there is none), write, delete, cas [from to]",
    operations: &[
        Known::read("read").with_observes(etcd_read),
        Known::read("r").with_observes(etcd_read),
        Known::read("get").with_observes(etcd_read),
        Known::change("write"),
        Known::change("w"),
        Known::change("put"),
        Known::change("delete").with_argument(Argument::Free),
        Known::cas("cas"),
    ],
    settings: SETTINGS,
    guess: Some(|evidence| {
        let changes = evidence.has("delete") && evidence.has_any(&["write", "w", "put", "cas"]);
        changes.then(|| format!("its operations are {}", evidence.names_in_words()))
    }),
    judge: |history, settings| {
        let options = Options {
            nil_read: settings.nil_read.unwrap_or(NilRead::Value),
            ..options("deletable-register", settings)
        };
        check(history, &options)
    },
};

fn guess(evidence: &Evidence<'_>) -> Option<String> {
    let writes = evidence.has_any(&["write", "w", "cas"]);
    // What reads several values is no register, unless several are written at once.
    let several = [Shape::List, Shape::Pair, Shape::Set, Shape::Map];
    let more_than_written = ["read", "r", "get"].iter().any(|read| {
        several.iter().any(|shape| {
            evidence.returns(read, &[*shape])
                && !["write", "w", "put"]
                    .iter()
                    .any(|write| evidence.takes(write, &[*shape]))
        })
    });
    (writes && !more_than_written)
        .then(|| format!("its operations are {}", evidence.names_in_words()))
}

fn options(model: &str, settings: &Settings) -> Options {
    Options {
        model: model.to_owned(),
        initial: settings.initial.clone().unwrap_or(Value::Nil),
        nil_read: settings.nil_read(),
        failed_cas: FailedCas::NoEffect,
        budget: settings.budget,
        threads: settings.threads,
        explain: Explain::Fully,
    }
}

/// How this model judges registers, if it does.
pub(crate) fn options_of(model: &Model, settings: &Settings) -> Option<Options> {
    match model.name {
        "register" | "cas-register" => Some(options(model.name, settings)),
        "etcd-register" => Some(etcd_options(settings)),
        _ => None,
    }
}

fn etcd_options(settings: &Settings) -> Options {
    Options {
        nil_read: settings.nil_read.unwrap_or(NilRead::Value),
        failed_cas: FailedCas::Observation,
        ..options("etcd-register", settings)
    }
}

fn judge(model: &str, history: &History, settings: &Settings) -> Report {
    unless_no_register(model, history, check(history, &options(model, settings)))
}

/// A list that was read where only single values were written is no violation of a register: the
/// object is something else, like the lists of all writes that causal-reverse workloads read.
fn unless_no_register(model: &str, history: &History, report: Report) -> Report {
    if !report.is_invalid() {
        return report;
    }
    let several = |datum: Datum| {
        let list = history.list_length(datum).is_some();
        list || matches!(
            history.heap_value(datum),
            Some(Value::Set(_) | Value::Map(_))
        )
    };
    let mut read = None;
    for operation in &history.operations {
        match history.name(operation.f) {
            "write" | "w" | "put" if several(operation.argument) => return report,
            "cas" => {
                let pair = history.pair(operation.argument);
                if pair.is_some_and(|(from, to)| several(from) || several(to)) {
                    return report;
                }
            }
            "read" | "r" | "get"
                if operation.outcome == Outcome::Ok && several(operation.result) =>
            {
                read = read.or(Some(operation));
            }
            _ => {}
        }
    }
    match read {
        None => report,
        Some(read) => {
            let expected = "a single value, as all writes have it: this is no register";
            let odd = unexpected(history, read, read.result, expected);
            Report::unknown(model, history, odd)
        }
    }
}
