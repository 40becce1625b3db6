//! Operations as messages in the manner of Maelstrom: what a system's own client program is asked for,
//! where it knows nothing of rows.
//!
//! An operation becomes one message, `{"type": "cas", "key": "r7", "from": 1, "to": 2}`, whose answer is
//! of the type `cas_ok`, or an error with a code: see [`definite`]. Objects are named by a `key`, since a
//! workload has many small ones.

use std::collections::HashMap;

use kensho_checker::history::Kind;
use serde_json::{Map, Value, json};

use crate::call::{Answer, Call};
use crate::generator::Generator;
use crate::objects::{Draw, Names, Operations, Usage};
use crate::operation::Operation;
use crate::workload::{Clients, Outcome, Settings, Step};

/// Nobody knows what became of it.
pub const TIMEOUT: u64 = 0;
/// It certainly did not happen, and may work later.
pub const TEMPORARILY_UNAVAILABLE: u64 = 11;
/// There is no such object.
pub const KEY_DOES_NOT_EXIST: u64 = 20;

/// How the operations of a workload are spoken.
#[derive(Clone, Copy, Debug)]
pub struct Spoken {
    /// How its objects are called.
    pub names: Names,
    /// What is done to them.
    pub draw: Draw,
    /// The operation of the final phase, if there is one.
    pub last: Option<&'static str>,
    /// Every operation.
    pub operations: &'static [Message],
}

/// How one operation is spoken.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    /// Its name, which is the type of the message.
    pub f: &'static str,
    /// Where its argument goes.
    pub argument: Argument,
    /// Where its result stands in the answer; none if the argument says it all.
    pub result: Option<&'static str>,
    /// Whether it may change something.
    pub changes: bool,
}

/// Where an argument goes.
#[derive(Clone, Copy, Debug)]
pub enum Argument {
    /// There is none.
    None,
    /// Into this field.
    Field(&'static str),
    /// The value last seen of the object into `from`, the argument into `to`.
    FromTo,
}

/// Whether an error of this code had no effect, ever, as Maelstrom has it.
pub fn definite(code: u64) -> bool {
    matches!(code, 1 | 10 | 11 | 12 | 14 | 20 | 21 | 22 | 30)
}

/// Clients that ask by messages.
#[derive(Debug)]
pub struct Messages {
    spoken: Spoken,
    settings: Settings,
    /// What was last seen of each object, where an operation needs that.
    seen: HashMap<String, Value>,
    usage: Usage,
}

/// Objects remembered before the memory starts anew; far more than are live.
const SEEN_MAX: usize = 10_000;

impl Messages {
    /// The clients of a run.
    pub fn new(spoken: Spoken, settings: Settings) -> Messages {
        Messages {
            spoken,
            settings,
            seen: HashMap::new(),
            usage: Usage::default(),
        }
    }

    fn message(&self, f: &str) -> Option<&'static Message> {
        self.spoken.operations.iter().find(|message| message.f == f)
    }

    fn learn(&mut self, key: &str, value: &Value) {
        if self.seen.len() > SEEN_MAX {
            self.seen.clear();
        }
        self.seen.insert(key.to_owned(), value.clone());
    }
}

impl Clients for Messages {
    fn containers(&self) -> Vec<String> {
        Vec::new()
    }

    fn generator(&self) -> Generator {
        Operations::without_end(self.spoken.names, self.settings, self.spoken.draw)
    }

    fn final_phase(&mut self) -> Generator {
        match self.spoken.last {
            Some(name) => self.usage.final_phase(name),
            None => Generator::done(),
        }
    }

    fn unread(&self) -> Vec<String> {
        match self.spoken.last {
            Some(_) => self.usage.unread(),
            None => Vec::new(),
        }
    }

    fn begin(&mut self, _client: usize, operation: Operation) -> Result<(Operation, Call), String> {
        let unknown = format!("not an operation of this workload: {operation:?}");
        let key = operation.key.clone().ok_or_else(|| unknown.clone())?;
        let mut operation = operation;
        let mut message = self.message(operation.f).ok_or_else(|| unknown.clone())?;
        if let Argument::FromTo = message.argument {
            match self.seen.get(&key) {
                Some(from) => operation = operation.clone().with(json!([from, operation.value])),
                // There is nothing to expect of an object that nobody has seen: it is read instead.
                None => {
                    message = self.message("read").ok_or(unknown)?;
                    operation = Operation::new("read").on(key.as_str());
                }
            }
        }
        let mut body = Map::new();
        body.insert("type".into(), json!(message.f));
        body.insert("key".into(), json!(key));
        match message.argument {
            Argument::None => {}
            Argument::Field(name) => {
                body.insert(name.into(), operation.value.clone());
            }
            Argument::FromTo => {
                body.insert("from".into(), operation.value[0].clone());
                body.insert("to".into(), operation.value[1].clone());
            }
        }
        self.usage.touch(&key);
        let call = Call::Message {
            body: Value::Object(body),
            changes: message.changes,
        };
        Ok((operation, call))
    }

    fn answered(
        &mut self,
        _client: usize,
        operation: &Operation,
        call: &Call,
        answer: Answer,
    ) -> Step {
        let asked = &operation.value;
        let key = operation.key.as_deref().unwrap_or_default();
        let Some(message) = self.message(operation.f) else {
            let why = format!("{answer:?} is no answer to {call:?}");
            return Step::End(Outcome::error(asked, call, false, why));
        };
        Step::End(match answer {
            Answer::Message(body) => answer_of(operation, call, message, &body),
            other => Outcome::without_answer(asked, call, other),
        })
        .learned_by(self, key, message)
    }
}

impl Step {
    /// What an operation that succeeded says of its object.
    fn learned_by(self, clients: &mut Messages, key: &str, message: &Message) -> Step {
        if let Step::End(outcome) = &self
            && outcome.kind == Kind::Ok
        {
            match message.argument {
                _ if clients.spoken.last == Some(message.f) => {
                    clients.usage.read(key);
                    if !outcome.value.is_null() {
                        clients.learn(key, &outcome.value);
                    }
                }
                Argument::FromTo => clients.learn(key, &outcome.value[1]),
                Argument::Field(_) => clients.learn(key, &outcome.value),
                Argument::None => {}
            }
        }
        self
    }
}

/// What an answer says of its operation.
fn answer_of(operation: &Operation, call: &Call, message: &Message, body: &Value) -> Outcome {
    let asked = &operation.value;
    let wrong = |why: String| Outcome::error(asked, call, false, why);
    let Some(kind) = body["type"].as_str() else {
        return wrong(format!("the answer {body:.200} has no type"));
    };
    if kind == "error" {
        let Some(code) = body["code"].as_u64() else {
            return wrong(format!("the error {body:.200} has no code"));
        };
        if code == KEY_DOES_NOT_EXIST && !message.changes && message.result.is_some() {
            return Outcome::ok(Value::Null);
        }
        let text = body["text"].as_str().unwrap_or("without a text");
        let text = format!("error {code}: {text}");
        return Outcome::error(asked, call, definite(code), text);
    }
    if kind.strip_suffix("_ok") != Some(message.f) {
        let f = message.f;
        return wrong(format!("the answer to {f} is of the type {kind:?}"));
    }
    match message.result {
        None => Outcome::ok(asked.clone()),
        Some(name) => match body.get(name) {
            Some(result) => Outcome::ok(result.clone()),
            None => wrong(format!("the answer {body:.200} has no {name:?}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn register() -> Messages {
        let spoken = crate::find("register").unwrap().spoken().unwrap();
        Messages::new(spoken, Settings::for_partitions(1, 1))
    }

    fn ask(clients: &mut Messages, operation: Operation) -> (Operation, Call, Value) {
        let (operation, call) = clients.begin(0, operation).unwrap();
        let Call::Message { body, .. } = &call else {
            panic!("it asks by messages: {call:?}")
        };
        let body = body.clone();
        (operation, call, body)
    }

    fn tell(
        clients: &mut Messages,
        (operation, call, _): &(Operation, Call, Value),
        body: Value,
    ) -> Outcome {
        match clients.answered(0, operation, call, Answer::Message(body)) {
            Step::End(outcome) => outcome,
            Step::Call(call) => panic!("an operation is one message, without {call:?}"),
        }
    }

    #[test]
    fn a_register_is_spoken_as_maelstrom_does() {
        let mut clients = register();
        let cas = || Operation::new("cas").on("r1").with(9_u64);
        let asked = ask(&mut clients, cas());
        assert_eq!(asked.2, json!({"type": "read", "key": "r1"}));
        let absent = json!({"type": "error", "code": 20, "text": "no such key"});
        let read = tell(&mut clients, &asked, absent);
        assert_eq!((read.kind, read.value), (Kind::Ok, Value::Null));

        let write = Operation::new("write").on("r1").with(3_u64);
        let asked = ask(&mut clients, write);
        let body = json!({"type": "write", "key": "r1", "value": 3});
        assert_eq!(asked.2, body);
        let wrote = tell(&mut clients, &asked, json!({"type": "write_ok"}));
        assert_eq!((wrote.kind, wrote.value), (Kind::Ok, json!(3)));

        let asked = ask(&mut clients, cas());
        assert_eq!(
            asked.2,
            json!({"type": "cas", "key": "r1", "from": 3, "to": 9})
        );
        let refused = json!({"type": "error", "code": 22, "text": "it is 4"});
        let failed = tell(&mut clients, &asked, refused);
        assert_eq!((failed.kind, failed.value), (Kind::Fail, json!([3, 9])));
    }

    #[test]
    fn what_is_no_answer_leaves_the_outcome_of_an_update_open() {
        for body in [
            json!({"type": "write_ok!"}),
            json!({"code": 22}),
            json!({"type": "error"}),
            json!({"type": "error", "code": 0, "text": "timeout"}),
            json!({"type": "error", "code": 13, "text": "crash"}),
            json!({"type": "error", "code": 1000, "text": "own"}),
            json!(7),
        ] {
            let mut clients = register();
            let write = Operation::new("write").on("r1").with(3_u64);
            let asked = ask(&mut clients, write);
            let ended = tell(&mut clients, &asked, body.clone());
            assert_eq!(ended.kind, Kind::Info, "{body}");
        }
    }

    #[test]
    fn every_spoken_workload_has_words_for_what_it_does() {
        for workload in crate::ALL {
            let Some(spoken) = workload.spoken() else {
                continue;
            };
            for f in workload.operations() {
                let message = spoken.operations.iter().find(|message| message.f == *f);
                assert!(message.is_some(), "{}: {f}", workload.name());
            }
        }
    }
}
