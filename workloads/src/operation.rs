//! An operation that a client, or the nemesis, is asked to perform.

use serde_json::Value;

/// What to do, before anybody has tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// The operation's name: `read`, `write`, `cas`, …; for the nemesis what it does.
    pub f: &'static str,
    /// The object operated on, where a workload has many independent ones.
    pub key: Option<String>,
    /// The argument; null for none.
    pub value: Value,
}

impl Operation {
    /// An operation without key and argument.
    pub fn new(f: &'static str) -> Operation {
        Operation {
            f,
            key: None,
            value: Value::Null,
        }
    }

    /// The same operation on `key`.
    #[must_use]
    pub fn on(self, key: impl Into<String>) -> Operation {
        Operation {
            key: Some(key.into()),
            ..self
        }
    }

    /// The same operation with the argument `value`.
    #[must_use]
    pub fn with(self, value: impl Into<Value>) -> Operation {
        Operation {
            value: value.into(),
            ..self
        }
    }
}
