//! A JSON array of event objects, as elle-cli reads it.

use super::{ReadError, loose};
use crate::history::{Builder, History};
use crate::value::Value;
use serde::Deserializer;
use serde::de::{DeserializeSeed, SeqAccess, Visitor};

/// Reads a history.
pub(super) fn read(text: &[u8]) -> Result<History, ReadError> {
    let mut builder = Builder::default();
    let mut json = serde_json::Deserializer::from_slice(text);
    let result = json
        .deserialize_seq(Events {
            builder: &mut builder,
        })
        .and_then(|()| json.end());
    match result {
        Ok(()) => Ok(builder.finish()),
        Err(error) => {
            let whole = error.to_string();
            let expected = whole.split(" at line ").next().unwrap_or(&whole).to_owned();
            Err(ReadError::Malformed {
                line: error.line().max(1),
                column: error.column().max(1),
                expected,
            })
        }
    }
}

struct Events<'a> {
    builder: &'a mut Builder,
}

impl<'de> Visitor<'de> for Events<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut events: A) -> Result<(), A::Error> {
        while events
            .next_element_seed(One {
                builder: &mut *self.builder,
            })?
            .is_some()
        {}
        Ok(())
    }
}

struct One<'a> {
    builder: &'a mut Builder,
}

impl<'de> DeserializeSeed<'de> for One<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        let event: serde_json::Value = serde::Deserialize::deserialize(json)?;
        loose::push(self.builder, Value::from(&event)).map_err(serde::de::Error::custom)
    }
}
