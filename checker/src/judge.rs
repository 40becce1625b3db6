//! Judges a history by a model that is chosen by its name.

use crate::budget::Budget;
use crate::checks::{
    bank, counter, long_fork, monotonic, queue, session, set, set_full, unique_ids,
};
use crate::formats::Format;
use crate::history::History;
use crate::linearizable::models::{FifoQueue, KeyValue, MultiRegister, Mutex, SetObject};
use crate::linearizable::{self, Limits};
use crate::register::{self, Explain, FailedCas, NilRead};
use crate::report::Report;
use crate::transactions::{self, ConsistencyModel, list_append, rw_register};
use crate::value::Value;

/// The models by which a history can be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ModelName {
    /// Linearizable registers: read, write, cas, per key.
    Register,
    /// The same; a read of nothing is one whose result is not known, if the history is not ours.
    CasRegister,
    /// Linearizable registers where a failed cas saw another value than the expected one.
    EtcdRegister,
    /// Linearizable text per key: get, put, append.
    Kv,
    /// Linearizable transactions on registers: [:r name value], [:w name value].
    MultiRegister,
    /// A linearizable lock: acquire, release.
    Mutex,
    /// A set that is read at the end: add, read.
    Set,
    /// A set that is read all the time: add, read.
    SetFull,
    /// A linearizable set: add, remove, read.
    LinearizableSet,
    /// A counter: add, read; each read within its bounds.
    Counter,
    /// A bank: transfer, read; the sum stays the same.
    Bank,
    /// Transactions on lists: [:append key element], [:r key list].
    ListAppend,
    /// Transactions on registers with unique values: [:w key value], [:r key value].
    RwRegister,
    /// Reads of objects that are written once: no two see two writes in opposite orders.
    LongFork,
    /// A queue in any order: enqueue, dequeue, drain.
    Queue,
    /// A linearizable first-in-first-out queue: enqueue, dequeue.
    FifoQueue,
    /// No identifier is handed out twice: generate.
    UniqueIds,
    /// A number that never becomes smaller, for anybody: read.
    Monotonic,
    /// Numbers that never become smaller for one process: read, write.
    Session,
}

impl ModelName {
    /// The name as the command line has it.
    pub fn as_str(self) -> &'static str {
        match self {
            ModelName::Register => "register",
            ModelName::CasRegister => "cas-register",
            ModelName::EtcdRegister => "etcd-register",
            ModelName::Kv => "kv",
            ModelName::MultiRegister => "multi-register",
            ModelName::Mutex => "mutex",
            ModelName::Set => "set",
            ModelName::SetFull => "set-full",
            ModelName::LinearizableSet => "linearizable-set",
            ModelName::Counter => "counter",
            ModelName::Bank => "bank",
            ModelName::ListAppend => "list-append",
            ModelName::RwRegister => "rw-register",
            ModelName::LongFork => "long-fork",
            ModelName::Queue => "queue",
            ModelName::FifoQueue => "fifo-queue",
            ModelName::UniqueIds => "unique-ids",
            ModelName::Monotonic => "monotonic",
            ModelName::Session => "session",
        }
    }

    /// Whether it judges registers: `read`, `write`, `cas`.
    pub fn is_register(self) -> bool {
        matches!(
            self,
            ModelName::Register | ModelName::CasRegister | ModelName::EtcdRegister
        )
    }

    /// The model that the names of a history's operations suggest, if they suggest one.
    pub fn guess(history: &History) -> Option<ModelName> {
        let has = |name: &str| history.symbol(name).is_some();
        let step = history.operations.iter().find_map(|operation| {
            let value = history.value(operation.argument);
            let steps = value.elements()?;
            steps.iter().find_map(|step| {
                let f = step.elements()?.first()?.as_text()?;
                matches!(f, "append" | "w" | "r").then(|| f.to_owned())
            })
        });
        let appends = || {
            history.operations.iter().any(|operation| {
                history
                    .value(operation.argument)
                    .elements()
                    .is_some_and(|steps| {
                        steps.iter().any(|step| {
                            step.elements()
                                .and_then(|step| step.first())
                                .and_then(Value::as_text)
                                == Some("append")
                        })
                    })
            })
        };
        let reads_lists = || {
            history.operations.iter().any(|operation| {
                Some(operation.f) == history.symbol("read")
                    && history.value(operation.result).elements().is_some()
            })
        };
        if step.is_some() {
            return Some(if appends() {
                ModelName::ListAppend
            } else {
                ModelName::RwRegister
            });
        }
        Some(match () {
            () if has("acquire") || has("release") => ModelName::Mutex,
            () if has("enqueue") || has("dequeue") => ModelName::Queue,
            () if has("transfer") => ModelName::Bank,
            () if has("generate") => ModelName::UniqueIds,
            () if has("add") && reads_lists() => ModelName::SetFull,
            () if has("add") => ModelName::Counter,
            () if has("append") || has("put") || has("get") => ModelName::Kv,
            () if has("write") || has("cas") => ModelName::CasRegister,
            () => return None,
        })
    }
}

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
    /// For transactions: what the system promises.
    pub consistency: Option<ConsistencyModel>,
    /// For transactions on registers: whether each register is linearizable on its own.
    pub linearizable_keys: bool,
    /// For set-full: whether an element must be seen at once.
    pub linearizable_set: bool,
    /// For bank.
    pub bank: bank::Options,
}

/// Judges a history.
pub fn judge(history: &History, model: ModelName, settings: &Settings) -> Report {
    let limits = Limits {
        budget: settings.budget,
        threads: settings.threads,
    };
    let ours = matches!(settings.format, None | Some(Format::Jsonl));
    let initial = || settings.initial.clone();
    let nil_unknown = settings
        .nil_read
        .map_or(!ours, |nil| nil == NilRead::Unknown);
    let nil_read = if nil_unknown {
        NilRead::Unknown
    } else {
        NilRead::Value
    };
    let transaction_options = transactions::Options {
        model: settings
            .consistency
            .unwrap_or(ConsistencyModel::StrictSerializable),
        linearizable_keys: settings.linearizable_keys,
        budget: settings.budget,
    };
    match model {
        ModelName::Register | ModelName::CasRegister | ModelName::EtcdRegister => {
            let etcd = model == ModelName::EtcdRegister;
            let options = register::Options {
                model: model.as_str().to_owned(),
                initial: initial().unwrap_or(Value::Nil),
                nil_read: match settings.nil_read {
                    None if etcd => NilRead::Value,
                    _ => nil_read,
                },
                failed_cas: if etcd {
                    FailedCas::Observation
                } else {
                    FailedCas::NoEffect
                },
                budget: settings.budget,
                threads: settings.threads,
                explain: Explain::Fully,
            };
            register::check(history, &options)
        }
        ModelName::Kv => {
            let object = KeyValue {
                initial: initial().unwrap_or_else(|| Value::from("")),
                nil_is_unknown: nil_unknown,
            };
            linearizable::check(history, &object, &limits)
        }
        ModelName::MultiRegister => {
            let entries = match initial() {
                Some(Value::Map(entries)) => entries,
                _ => Vec::new(),
            };
            let object = MultiRegister {
                initial: entries.into_iter().collect(),
            };
            linearizable::check(history, &object, &limits)
        }
        ModelName::Mutex => {
            let locked = initial().is_some_and(|initial| {
                initial == Value::Bool(true) || initial.as_text() == Some("locked")
            });
            linearizable::check(history, &Mutex { locked }, &limits)
        }
        ModelName::Set => set::check(history),
        ModelName::SetFull => set_full::check(
            history,
            set_full::Options {
                linearizable: settings.linearizable_set,
            },
        ),
        ModelName::LinearizableSet => linearizable::check(history, &SetObject, &limits),
        ModelName::Counter => counter::check(history),
        ModelName::Bank => bank::check(history, settings.bank),
        ModelName::ListAppend => list_append::check(history, &transaction_options),
        ModelName::RwRegister => rw_register::check(history, &transaction_options),
        ModelName::LongFork => long_fork::check(history),
        ModelName::Queue => queue::check(history),
        ModelName::FifoQueue => linearizable::check(history, &FifoQueue, &limits),
        ModelName::UniqueIds => unique_ids::check(history),
        ModelName::Monotonic => monotonic::check(history),
        ModelName::Session => session::check(history),
    }
}
