//! DBCop's histories as JSON: sessions of transactions of events, alone or as `data` of a map with
//! what the generator was asked for.
//!
//! An event is `{"Write":{"variable":0,"version":1}}`, or in short `["w",0,1]`; a read of `null`
//! found the register as it was in the beginning, and so does a read of 0 where nobody wrote 0. What
//! is not committed was aborted.

use super::beginning::Beginning;
use super::input::Input;
use super::sessions::{Initial, Sessions};
use super::{Definition, ReadError};
use crate::history::{Builder, Outcome};
use crate::value::Value;
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

pub(super) const FORMAT: Definition = Definition {
    name: "dbcop-json",
    what: "DBCop's transactions as JSON: {\"events\":[…],\"committed\":…} in sessions",
    recognise,
    read,
    folder: None,
};

fn recognise(beginning: &Beginning<'_>) -> bool {
    let in_lists = beginning.text.starts_with(b"[")
        && (beginning.has_key("events") && beginning.contains(b"\"committed\""));
    let told = beginning.text.starts_with(b"{") && beginning.has_key("data");
    in_lists || (told && (beginning.has_key("params") || beginning.contains(b"\"committed\"")))
}

fn read(input: &mut Input<'_>, builder: &mut Builder) -> Result<(), ReadError> {
    input.skip_mark()?;
    let bytes = input.whole();
    let mut sessions = Sessions::new(Initial::ZeroUnlessWritten);
    let mut json = serde_json::Deserializer::from_slice(&bytes);
    let told = History {
        builder,
        sessions: &mut sessions,
    }
    .deserialize(&mut json)
    .and_then(|()| json.end());
    sessions.finish(builder);
    told.map_err(|error| {
        let text = error.to_string();
        let expected = text.split(" at line ").next().unwrap_or(&text).to_owned();
        ReadError::malformed(error.line().max(1), error.column().max(1), expected)
    })
}

/// A whole file: a list of sessions, or a map with one.
struct History<'a> {
    builder: &'a mut Builder,
    sessions: &'a mut Sessions,
}

impl<'de> DeserializeSeed<'de> for History<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for History<'_> {
    type Value = ();

    fn expecting(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str("a list of sessions, or a map with such a list as data")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        for number in 0_u64.. {
            let session = Session {
                process: self.builder.history.intern_process(number),
                builder: &mut *self.builder,
                sessions: &mut *self.sessions,
            };
            if list.next_element_seed(session)?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(name) = map.next_key::<String>()? {
            if name == "data" && !found {
                found = true;
                map.next_value_seed(History {
                    builder: &mut *self.builder,
                    sessions: &mut *self.sessions,
                })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if found {
            Ok(())
        } else {
            Err(de::Error::missing_field("data"))
        }
    }
}

/// A list of transactions.
struct Session<'a> {
    process: u32,
    builder: &'a mut Builder,
    sessions: &'a mut Sessions,
}

impl<'de> DeserializeSeed<'de> for Session<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Session<'_> {
    type Value = ();

    fn expecting(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str("a session, which is a list of transactions")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(Transaction { events, committed }) = list.next_element()? {
            let outcome = match committed {
                true => Outcome::Ok,
                false => Outcome::Fail,
            };
            let events: Vec<_> = events.into_iter().map(Event::parts).collect();
            if events.iter().any(|(write, _, version)| *write && version.is_none()) {
                return Err(de::Error::custom("a write needs a version, not null"));
            }
            let place = self.sessions.begin(self.process, outcome);
            for (write, variable, version) in events {
                match version {
                    Some(version) if write => self.sessions.write(self.builder, place, &variable, &version),
                    version => self.sessions.read(self.builder, place, &variable, version.as_ref()),
                }
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Transaction {
    events: Vec<Event>,
    committed: bool,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "an event: {\"Write\":{\"variable\":…,\"version\":…}} or [\"w\",variable,version], or Read or r likewise")]
enum Event {
    Long(Long),
    Short(Short, Name, Option<u64>),
}

#[derive(Deserialize)]
enum Long {
    Read { variable: Name, version: Option<u64> },
    Write { variable: Name, version: u64 },
}

#[derive(Deserialize)]
enum Short {
    #[serde(rename = "r")]
    Read,
    #[serde(rename = "w")]
    Write,
}

/// A register: a number, or a name.
#[derive(Deserialize)]
#[serde(untagged)]
enum Name {
    Number(u64),
    Text(String),
}

impl Event {
    /// Whether it writes, the register, and the version.
    fn parts(self) -> (bool, Value, Option<Value>) {
        let (write, variable, version) = match self {
            Event::Long(Long::Write { variable, version }) => (true, variable, Some(version)),
            Event::Short(Short::Write, variable, version) => (true, variable, version),
            Event::Long(Long::Read { variable, version })
            | Event::Short(Short::Read, variable, version) => (false, variable, version),
        };
        (write, variable.into(), version.map(number))
    }
}

impl From<Name> for Value {
    fn from(name: Name) -> Value {
        match name {
            Name::Number(variable) => number(variable),
            Name::Text(variable) => Value::Text(variable),
        }
    }
}

fn number(number: u64) -> Value {
    super::plume::number(&number.to_string())
}
