//! Locks that know who holds them: plain, reentrant, and with fencing tokens.
//!
//! A lock is held by the one who acquired it: the client that the operation names (its value, or
//! the `:client` of its value), or else its process. Only he can release it. A fenced lock hands
//! out a token with each acquisition (the result of `acquire`, or its `:fence`), and tokens rise,
//! so that a storage can refuse whoever held the lock before.

use super::unknown_operation;
use crate::anomaly::AnomalyName;
use crate::hash::FastMap;
use crate::history::{History, NEVER, Operation, Outcome};
use crate::judge::{Known, Model as Description, Setting, Settings};
use crate::linearizable::{self, Limits, Object};
use crate::report::{Anomaly, Report, Role, Verdict};
use crate::search::Model;
use crate::value::Value;

const OPERATIONS: &[Known] = &[Known::lock("acquire"), Known::lock("release")];

/// The model `owned-mutex`.
pub static OWNED_MUTEX: Description = Description {
    name: "owned-mutex",
    help: "A linearizable lock that only its holder can release: acquire, release",
    operations: OPERATIONS,
    settings: &[Setting::Init],
    guess: None,
    judge: |history, settings| judge(history, LockKind::Owned, settings),
};

/// The model `reentrant-mutex`.
pub static REENTRANT_MUTEX: Description = Description {
    name: "reentrant-mutex",
    help: "The same, and its holder may acquire it again, and releases it as often",
    operations: OPERATIONS,
    settings: &[Setting::Init],
    guess: None,
    judge: |history, settings| judge(history, LockKind::Reentrant, settings),
};

/// The model `fenced-mutex`.
pub static FENCED_MUTEX: Description = Description {
    name: "fenced-mutex",
    help: "A lock with a holder whose acquire returns a fencing token; tokens rise",
    operations: OPERATIONS,
    settings: &[Setting::Init],
    guess: None,
    judge: |history, settings| judge(history, LockKind::Fenced, settings),
};

/// The model `reentrant-fenced-mutex`.
pub static REENTRANT_FENCED_MUTEX: Description = Description {
    name: "reentrant-fenced-mutex",
    help: "A reentrant lock with fencing tokens; who acquires it again gets the same one",
    operations: OPERATIONS,
    settings: &[Setting::Init],
    guess: None,
    judge: |history, settings| judge(history, LockKind::ReentrantFenced, settings),
};

/// How a lock behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// Who holds it cannot acquire it again.
    Owned,
    /// Who holds it may acquire it again, and releases it as often.
    Reentrant,
    /// An owned lock with tokens: each acquisition's is greater than those before.
    Fenced,
    /// A reentrant lock with tokens: who acquires it again gets the same one.
    ReentrantFenced,
}

impl LockKind {
    /// The name of the model.
    pub fn name(self) -> &'static str {
        match self {
            LockKind::Owned => "owned-mutex",
            LockKind::Reentrant => "reentrant-mutex",
            LockKind::Fenced => "fenced-mutex",
            LockKind::ReentrantFenced => "reentrant-fenced-mutex",
        }
    }

    fn is_reentrant(self) -> bool {
        matches!(self, LockKind::Reentrant | LockKind::ReentrantFenced)
    }

    fn without_tokens(self) -> LockKind {
        match self {
            LockKind::Owned | LockKind::Fenced => LockKind::Owned,
            LockKind::Reentrant | LockKind::ReentrantFenced => LockKind::Reentrant,
        }
    }
}

/// A lock with an owner.
#[derive(Clone, Debug)]
pub struct Lock {
    /// How it behaves.
    pub kind: LockKind,
    /// Who holds it in the beginning.
    pub holder: Option<Value>,
}

/// Who holds a lock, and its tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Held {
    owner: Option<Value>,
    /// How often the owner holds it.
    times: u32,
    /// The owner's token, if it is known.
    token: Option<i64>,
    /// The least that the newest token can be.
    newest: Option<i64>,
}

/// What an operation on a lock does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OwnedStep {
    /// This client takes it, and gets this token, if it is known.
    Acquire(Value, Option<i64>),
    /// This client gives it back, once.
    Release(Value),
}

impl Model for Lock {
    type State = Held;
    type Step = OwnedStep;

    fn initial(&self) -> Held {
        Held {
            owner: self.holder.clone(),
            times: u32::from(self.holder.is_some()),
            ..Held::default()
        }
    }

    fn apply(&self, state: &Held, step: &OwnedStep) -> Option<Held> {
        match (step, &state.owner) {
            (OwnedStep::Acquire(client, token), None) => {
                let newest = match (*token, state.newest) {
                    (Some(token), newest) if newest.is_some_and(|newest| newest >= token) => {
                        return None;
                    }
                    (Some(token), _) => Some(token),
                    // Tokens are whole numbers: one that nobody saw is greater by one at least.
                    (None, newest) => newest.map(|newest| newest.saturating_add(1)),
                };
                Some(Held {
                    owner: Some(client.clone()),
                    times: 1,
                    token: *token,
                    newest,
                })
            }
            (OwnedStep::Acquire(client, token), Some(owner)) => {
                if owner != client || !self.kind.is_reentrant() {
                    return None;
                }
                let mut next = Held {
                    times: state.times + 1,
                    ..state.clone()
                };
                if let Some(token) = token {
                    // The token that the owner has: if nobody saw it before, it is seen now.
                    let fits = match state.token {
                        Some(known) => known == *token,
                        None => state.newest.is_none_or(|newest| newest <= *token),
                    };
                    if !fits {
                        return None;
                    }
                    next.token = Some(*token);
                    next.newest = Some(*token);
                }
                Some(next)
            }
            (OwnedStep::Release(client), Some(owner)) if owner == client => Some(Held {
                owner: (state.times > 1).then(|| owner.clone()),
                times: state.times - 1,
                token: state.token.filter(|_| state.times > 1),
                newest: state.newest,
            }),
            (OwnedStep::Release(_), _) => None,
        }
    }
}

/// Judges each key's lock, which may be held by a client in the beginning.
fn judge(history: &History, kind: LockKind, settings: &Settings) -> Report {
    check(history, kind, settings.initial.as_ref(), &settings.limits())
}

/// Judges each key's lock, which is held by this client in the beginning, if by any.
pub fn check(history: &History, kind: LockKind, holder: Option<&Value>, limits: &Limits) -> Report {
    let clients = match clients(history) {
        Ok(clients) => clients,
        Err(reason) => return Report::unknown(kind.name(), history, reason),
    };
    let object = |kind| LockObject {
        lock: Lock {
            kind,
            holder: holder.filter(|holder| **holder != Value::Nil).cloned(),
        },
        clients: &clients,
    };
    let mut report = linearizable::check(history, &object(kind), limits);
    if let Verdict::Invalid(anomalies) = &mut report.verdict {
        let plain = object(kind.without_tokens());
        let about_tokens = |one: &&mut Anomaly| one.name == AnomalyName::TokenDoesNotRise;
        for anomaly in anomalies.iter_mut().filter(about_tokens) {
            if linearizable::check(&part(history, anomaly), &plain, limits).is_invalid() {
                anomaly.name = AnomalyName::LockHeldTwice;
            }
        }
    }
    report
}

/// The operations of an anomaly alone.
fn part(history: &History, anomaly: &Anomaly) -> History {
    let mut part = history.clone();
    part.operations = anomaly
        .operations
        .iter()
        .map(|view| {
            let mut operation = history.operations[view.place as usize];
            if view.role == Role::Source {
                operation.complete = NEVER;
                operation.outcome = Outcome::Unknown;
            }
            operation
        })
        .collect();
    part
}

/// The client of each process, where operations name clients.
type Clients = FastMap<u32, Value>;

/// The name of the client in a value.
fn named(value: Value) -> Option<Value> {
    match value {
        Value::Map(_) => value.get("client").cloned(),
        Value::Text(_) | Value::Name(_) => Some(value),
        _ => None,
    }
}

/// Who is behind each process, where a client is named (in a map) only when an operation completes:
/// so whose an operation of unknown outcome was is known from others of the process.
fn clients(history: &History) -> Result<Clients, String> {
    let mut clients = Clients::default();
    let mut named_at_all = false;
    let nameless = |operation: &&Operation| {
        operation.outcome != Outcome::Fail && named(history.value(operation.argument)).is_none()
    };
    for operation in &history.operations {
        named_at_all |= named(history.value(operation.argument)).is_some();
        if !nameless(&operation) {
            continue;
        }
        let result = history.value(operation.result);
        let Some(client) = result.get("client").cloned() else {
            continue;
        };
        let before = clients.insert(operation.process, client.clone());
        if let Some(before) = before.filter(|before| *before != client) {
            return Err(format!(
                "event {}: process {} acts for {client}, and before for {before}; name the client when an operation is invoked, too",
                history.index(operation.invoke),
                operation.process,
            ));
        }
    }
    named_at_all |= !clients.is_empty();
    let mut lost = history.operations.iter().filter(nameless);
    match lost.find(|operation| !clients.contains_key(&operation.process)) {
        Some(operation) if named_at_all => Err(format!(
            "event {}: process {} does not say for which client it acts, as others do",
            history.index(operation.invoke),
            operation.process,
        )),
        _ => Ok(clients),
    }
}

/// A lock, and who is behind each process.
struct LockObject<'a> {
    lock: Lock,
    clients: &'a Clients,
}

impl LockObject<'_> {
    fn client(&self, history: &History, operation: &Operation) -> Value {
        named(history.value(operation.argument))
            .or_else(|| self.clients.get(&operation.process).cloned())
            .unwrap_or(Value::Int(i64::from(operation.process)))
    }

    fn token(&self, history: &History, operation: &Operation) -> Result<Option<i64>, String> {
        let kind = self.lock.kind;
        if operation.outcome != Outcome::Ok || kind == kind.without_tokens() {
            return Ok(None);
        }
        let result = history.value(operation.result);
        let token = result.get("fence").unwrap_or(&result);
        token.as_int().map(Some).ok_or_else(|| {
            format!(
                "event {}: an acquire returned {result}; of a fenced lock a token is expected, which is a whole number",
                history.index(operation.complete),
            )
        })
    }
}

impl Object for LockObject<'_> {
    type Model = Lock;

    fn name(&self) -> &'static str {
        self.lock.kind.name()
    }

    fn model(&self, _: &History, _: &[u32]) -> Lock {
        self.lock.clone()
    }

    fn step(&self, history: &History, operation: &Operation) -> Result<Option<OwnedStep>, String> {
        match history.name(operation.f) {
            "acquire" => Ok(Some(OwnedStep::Acquire(
                self.client(history, operation),
                self.token(history, operation)?,
            ))),
            "release" => Ok(Some(OwnedStep::Release(self.client(history, operation)))),
            _ => Err(unknown_operation(history, operation, "acquire and release")),
        }
    }

    fn anomaly(&self, history: &History, operation: &Operation) -> AnomalyName {
        let kind = self.lock.kind;
        match history.name(operation.f) {
            "release" => AnomalyName::ReleasedByAnother,
            _ if kind == kind.without_tokens() => AnomalyName::LockHeldTwice,
            _ => AnomalyName::TokenDoesNotRise,
        }
    }

    fn belong_together(&self, history: &History, first: &Operation, second: &Operation) -> bool {
        history.name(first.f) == "acquire"
            && history.name(second.f) == "release"
            && first.outcome == Outcome::Ok
            && second.outcome == Outcome::Ok
    }
}
