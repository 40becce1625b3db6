//! What a workload is, to whoever runs one.
//!
//! A [`Workload`] says what there is to know before a run; [`Workload::clients`] gives what all
//! clients of one run know together, which turns operations into calls and answers into outcomes.
//! Both are pure: the runner of real clusters and the simulated one drive the same code.

use std::fmt::Debug;

use kensho_checker::history::{History, Kind};
use kensho_checker::report::Report;
use serde_json::Value;

use crate::call::{Answer, Call, CallKind};
use crate::generator::Generator;
use crate::messages::{Messages, Spoken};
use crate::operation::Operation;

/// What clients do in a test, and what must hold of what they see.
pub trait Workload: Debug + Sync {
    /// The name by which a person asks for it.
    fn name(&self) -> &'static str;

    /// What clients do and what must hold, in a sentence.
    fn text(&self) -> &'static str;

    /// The names of its operations. Of each some must succeed before a run shows anything.
    fn operations(&self) -> &'static [&'static str];

    /// The calls that its operations make.
    fn calls(&self) -> &'static [CallKind];

    /// What its verdicts are called.
    fn words(&self) -> Words;

    /// How its operations are spoken to a system that serves messages; none if they are not.
    fn spoken(&self) -> Option<Spoken> {
        None
    }

    /// The clients of a run on a system that serves [`Workload::calls`].
    fn clients(&self, settings: Settings) -> Box<dyn Clients>;

    /// The container that holds the object `key`; `None` if that is no object of this workload.
    fn container(&self, settings: &Settings, key: &str) -> Option<String>;

    /// Judges a history.
    fn check(&self, history: &History) -> Report;

    /// What an operation leaves behind by which it can be known, where each leaves something else: its
    /// name, and its argument.
    fn mark(&self, _f: &str, _argument: &Value) -> Option<Value> {
        None
    }

    /// The marks that an operation which succeeded has seen: its name, and its argument or result.
    fn seen(&self, _f: &str, _value: &Value) -> Vec<Value> {
        Vec::new()
    }

    /// Which acknowledged updates are gone, in the order of their acknowledgement, as far as this
    /// workload can tell; nothing if it cannot.
    fn losses(&self, _history: &History) -> Vec<LostWrite> {
        Vec::new()
    }

    /// Judges a history of an asynchronous system, in which updates may be lost at a failover of their
    /// object's partition, and nowhere else; given the failovers that may have touched an object. None if
    /// this workload cannot.
    fn check_lossy(
        &self,
        _history: &History,
        _failovers: &dyn Fn(&str) -> Vec<Failover>,
    ) -> Option<Report> {
        None
    }

    /// An update that an owner acknowledged until a time (nanoseconds since the run began), that began
    /// after one of these lost ones was acknowledged, and that others still showed, in words: then more was
    /// lost than the end of a log. The lost ones were lost by the failover of this owner at that time, on
    /// objects of one partition. None if there is no such update, or this workload cannot tell.
    fn kept_beyond(
        &self,
        _history: &History,
        _lost: &[LostWrite],
        _owner_until: (&str, u64),
        _in_partition: &dyn Fn(&str) -> bool,
    ) -> Option<String> {
        None
    }
}

/// The clients of a run on a system that serves these calls: by rows, if it serves what the workload
/// needs of them, or else by messages.
///
/// # Errors
/// A text that names what the system does not serve.
pub fn clients_for(
    workload: &dyn Workload,
    settings: Settings,
    served: &[CallKind],
) -> Result<Box<dyn Clients>, String> {
    let lacking: Vec<&str> = workload
        .calls()
        .iter()
        .filter(|call| !served.contains(call))
        .map(|call| call.name())
        .collect();
    if lacking.is_empty() {
        return Ok(workload.clients(settings));
    }
    if let (true, Some(spoken)) = (served.contains(&CallKind::Message), workload.spoken()) {
        return Ok(Box::new(Messages::new(spoken, settings)));
    }
    let (name, lacking) = (workload.name(), lacking.join(", "));
    Err(format!(
        "the workload {name} needs calls that this system does not serve: {lacking}"
    ))
}

/// Two workloads are the same if they have the same name.
impl PartialEq for dyn Workload {
    fn eq(&self, other: &dyn Workload) -> bool {
        self.name() == other.name()
    }
}

impl Eq for dyn Workload {}

/// What all clients of a run know together.
pub trait Clients: Debug + Send {
    /// The containers that must be there before the first operation. Their rows have a text as key
    /// and one value.
    fn containers(&self) -> Vec<String>;

    /// What that value is.
    fn values(&self) -> Values {
        Values::Numbers
    }

    /// What clients do in the main phase, without end.
    fn generator(&self) -> Generator;

    /// What clients do at the end, in a quiet cluster, so that nothing remains unseen. Nothing, where
    /// all that matters is what clients were told.
    fn final_phase(&mut self) -> Generator {
        Generator::done()
    }

    /// What the final phase should have seen and has not, by name.
    fn unread(&self) -> Vec<String> {
        Vec::new()
    }

    /// `client` begins `operation`: the operation as it enters the history (a compare-and-set gets
    /// the value that it expects), and the first call that it makes.
    ///
    /// # Errors
    /// An operation that is none of this workload's.
    fn begin(&mut self, client: usize, operation: Operation) -> Result<(Operation, Call), String>;

    /// What the answer to `call` says of `operation`, which [`Clients::begin`] gave.
    fn answered(
        &mut self,
        client: usize,
        operation: &Operation,
        call: &Call,
        answer: Answer,
    ) -> Step;
}

/// How an operation goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// By another call.
    Call(Call),
    /// It has ended.
    End(Outcome),
}

/// How an operation ended, in the words of a history.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Ok, fail or info.
    pub kind: Kind,
    /// Argument or result.
    pub value: Value,
    /// What a failed compare-and-set saw.
    pub observed: Option<Value>,
    /// Why it did not succeed.
    pub error: Option<String>,
}

impl Outcome {
    /// It happened, with this argument or result.
    pub fn ok(value: impl Into<Value>) -> Outcome {
        Outcome {
            kind: Kind::Ok,
            value: value.into(),
            observed: None,
            error: None,
        }
    }

    /// It had no effect and never will.
    pub fn fail(asked: &Value, why: impl Into<String>) -> Outcome {
        Outcome {
            kind: Kind::Fail,
            value: asked.clone(),
            observed: None,
            error: Some(why.into()),
        }
    }

    /// `call` ended by an error. What only asks has no effect, so that it is over in any case.
    pub fn error(asked: &Value, call: &Call, definite: bool, why: String) -> Outcome {
        let over = definite || !call.is_update();
        let kind = if over { Kind::Fail } else { Kind::Info };
        Outcome {
            kind,
            ..Outcome::fail(asked, why)
        }
    }

    /// `call` has no answer that it asks for: an error, or else one that it cannot have, after which nobody
    /// knows whether an update took effect.
    pub fn without_answer(asked: &Value, call: &Call, instead: Answer) -> Outcome {
        match instead {
            Answer::Error { definite, text } => Outcome::error(asked, call, definite, text),
            other => {
                let why = format!("{other:?} is no answer to {call:?}");
                Outcome::error(asked, call, false, why)
            }
        }
    }
}

/// What the rows of a workload's containers hold, besides their key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// A whole number.
    Numbers,
    /// A list of whole numbers.
    Lists,
}

impl Values {
    /// The type of the column, as our database calls it.
    pub fn column_type(self) -> &'static str {
        match self {
            Values::Numbers => "LONG",
            Values::Lists => "LONG_ARRAY",
        }
    }

    /// The indexes that such a column has in GridDB's words, so that they are verified along with the rows.
    pub fn indexes(self) -> &'static [&'static str] {
        match self {
            Values::Numbers => &["TREE"],
            Values::Lists => &[],
        }
    }
}

/// What verdicts of a workload speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// One of the objects that operations are on.
    pub object: &'static str,
    /// What holds if nothing was found.
    pub valid: &'static str,
    /// What does not hold if something was.
    pub invalid: &'static str,
}

/// How the objects of a workload are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Containers that the objects are spread over; as many objects are live at a time.
    pub containers: u64,
    /// Operations on one object before a fresh one takes its place.
    pub operations_per_key: u64,
    /// Seed of every choice.
    pub seed: u64,
}

impl Settings {
    /// Settings that exercise `partitions` partitions: two containers for each, and objects that
    /// live for 150 operations.
    pub fn for_partitions(partitions: u64, seed: u64) -> Settings {
        Settings {
            containers: 2 * partitions,
            operations_per_key: 150,
            seed,
        }
    }
}

/// When a partition went to another owner: at one moment between these, nanoseconds since the run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failover {
    /// Not before.
    pub after_ns: u64,
    /// Not later.
    pub until_ns: u64,
}

/// An acknowledged update that is gone.
#[derive(Clone, Debug, PartialEq)]
pub struct LostWrite {
    /// The object.
    pub key: String,
    /// What was written.
    pub value: Value,
    /// When the update was acknowledged, nanoseconds since the run began.
    pub acknowledged_ns: u64,
    /// The node that acknowledged it, if known.
    pub node: Option<String>,
    /// When the first operation ended that saw it gone, nanoseconds since the run began.
    pub missed_ns: u64,
    /// The older value that it saw.
    pub seen: Value,
    /// The node that showed it, if known.
    pub seen_at: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_is_refused_where_nothing_it_can_ask_for_is_served() {
        let settings = Settings::for_partitions(1, 0);
        let served = |name: &str, calls: &[CallKind]| {
            let workload = crate::find(name).expect("it is listed");
            clients_for(workload, settings, calls).map(drop)
        };
        assert_eq!(served("set", CallKind::OF_ROWS), Ok(()));
        assert_eq!(served("set", &[CallKind::Message]), Ok(()));
        let refused = served("set", &[CallKind::Get, CallKind::Put]).unwrap_err();
        assert!(
            refused.contains("set") && refused.ends_with("scan"),
            "{refused}"
        );
        let lock = served("lock", &[CallKind::Message]).unwrap_err();
        assert!(lock.contains("get, put"), "{lock}");
    }
}
