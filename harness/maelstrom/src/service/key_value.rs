//! Keys and values: what can be asked, and what becomes of a key.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::body;
use crate::error::ErrorCode;

/// What is asked of a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Command {
    /// The key, as JSON.
    pub(super) key: String,
    pub(super) action: Action,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    Read,
    Write(Value),
    Cas {
        from: Value,
        to: Value,
        create_if_not_exists: bool,
    },
}

impl Command {
    /// Reads a request; none if it asks something else.
    ///
    /// # Errors
    /// Which field is missing.
    pub(super) fn of(request: &Value) -> Result<Option<Command>, String> {
        let field = |name: &str| {
            let value = request.get(name).cloned();
            value.ok_or_else(|| format!("the request has no \"{name}\""))
        };
        let action = match body::kind(request) {
            "read" => Action::Read,
            "write" => Action::Write(field("value")?),
            "cas" => Action::Cas {
                from: field("from")?,
                to: field("to")?,
                create_if_not_exists: request["create_if_not_exists"] == true,
            },
            _ => return Ok(None),
        };
        let key = field("key")?.to_string();
        Ok(Some(Command { key, action }))
    }
}

impl Action {
    /// The answer of a store where the key has this value, and what the key becomes, if anything.
    pub(super) fn on(&self, present: Option<&Value>) -> (Value, Option<Value>) {
        let absent = || ErrorCode::KEY_DOES_NOT_EXIST.body("key does not exist");
        match (self, present) {
            (Action::Read, Some(value)) => (json!({"type": "read_ok", "value": value}), None),
            (Action::Read, None) => (absent(), None),
            (Action::Write(value), _) => (json!({"type": "write_ok"}), Some(value.clone())),
            (Action::Cas { from, to, .. }, Some(value)) if from == value => {
                (json!({"type": "cas_ok"}), Some(to.clone()))
            }
            (Action::Cas { from, .. }, Some(value)) => {
                let text = format!("current value {value} is not {from}");
                (ErrorCode::PRECONDITION_FAILED.body(text), None)
            }
            (
                Action::Cas {
                    to,
                    create_if_not_exists: true,
                    ..
                },
                None,
            ) => (json!({"type": "cas_ok"}), Some(to.clone())),
            (Action::Cas { .. }, None) => (absent(), None),
        }
    }
}

/// One copy, one command after the other.
#[derive(Debug, Default)]
pub(super) struct Linearizable {
    values: HashMap<String, Value>,
}

impl Linearizable {
    pub(super) fn execute(&mut self, command: &Command) -> Value {
        let (answer, becomes) = command.action.on(self.values.get(&command.key));
        if let Some(value) = becomes {
            self.values.insert(command.key.clone(), value);
        }
        answer
    }
}
