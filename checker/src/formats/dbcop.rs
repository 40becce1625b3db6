//! DBCop's `history.bincode` (bincode 1, little-endian).
//!
//! An event counts only if it and its transaction succeeded. Of a transaction without success it is
//! not known whether it was committed. Registers are 0 in the beginning.

use super::beginning::Beginning;
use super::input::Input;
use super::sessions::{Initial, Sessions};
use super::{Definition, ReadError};
use crate::history::{Builder, Outcome};
use crate::value::Value;

pub(super) const FORMAT: Definition = Definition {
    name: "dbcop",
    what: "DBCop's history.bincode",
    recognise,
    read,
    folder: None,
};

/// Five numbers, then a text's length and the text: no magic, but nothing else looks like it.
fn recognise(beginning: &Beginning<'_>) -> bool {
    let mut reader = Reader {
        bytes: beginning.bytes,
        at: 0,
    };
    let mut head = || -> Result<bool, ReadError> {
        let mut numbers = [0; 5];
        for number in &mut numbers {
            *number = reader.number("a number")?;
        }
        let small = numbers[1..].iter().all(|number| *number < 1 << 40);
        reader.text("a text")?;
        let start = reader.text("a time")?;
        Ok(small && (start.is_empty() || start.as_bytes().get(10) == Some(&b'T')))
    };
    head().unwrap_or(false)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn wrong(&self, expected: impl Into<String>) -> ReadError {
        ReadError::Binary {
            offset: self.at as u64,
            expected: expected.into(),
        }
    }

    fn take(&mut self, count: usize, what: &str) -> Result<&'a [u8], ReadError> {
        match self.at.checked_add(count).and_then(|end| self.bytes.get(self.at..end)) {
            Some(bytes) => {
                self.at += count;
                Ok(bytes)
            }
            None => Err(self.wrong(format!("expected {what}, but the bytes end"))),
        }
    }

    fn number(&mut self, what: &str) -> Result<u64, ReadError> {
        let mut number = [0; 8];
        number.copy_from_slice(self.take(8, what)?);
        Ok(u64::from_le_bytes(number))
    }

    fn truth(&mut self, what: &str) -> Result<bool, ReadError> {
        match self.take(1, what)? {
            [0] => Ok(false),
            [1] => Ok(true),
            other => {
                let other = other[0];
                self.at -= 1;
                Err(self.wrong(format!("expected {what} (0 or 1), not {other}")))
            }
        }
    }

    fn text(&mut self, what: &str) -> Result<&'a str, ReadError> {
        let length = self.number(what)?;
        let bytes = self.take(usize::try_from(length).unwrap_or(usize::MAX), what)?;
        std::str::from_utf8(bytes).map_err(|_| self.wrong(format!("expected {what} in UTF-8")))
    }
}

/// The value of a number.
fn value(number: u64) -> Value {
    match i64::try_from(number) {
        Ok(number) => Value::Int(number),
        Err(_) => super::plume::number(&number.to_string()),
    }
}

fn read(input: &mut Input<'_>, builder: &mut Builder) -> Result<(), ReadError> {
    let bytes = input.whole();
    let mut reader = Reader {
        bytes: &bytes,
        at: 0,
    };
    let mut sessions = Sessions::new(Initial::Zero);
    let result = walk(&mut reader, builder, &mut sessions);
    sessions.finish(builder);
    result
}

fn walk(reader: &mut Reader<'_>, builder: &mut Builder, sessions: &mut Sessions) -> Result<(), ReadError> {
    for what in ["the id", "the number of nodes", "the number of variables", "the number of transactions", "the number of events"] {
        reader.number(what)?;
    }
    for what in ["the description", "the start", "the end"] {
        reader.text(what)?;
    }
    for session in 0..reader.number("the number of sessions")? {
        let process = builder.history.intern_process(session);
        for _ in 0..reader.number("the number of transactions of a session")? {
            let place = sessions.begin(process, Outcome::Unknown);
            for _ in 0..reader.number("the number of events of a transaction")? {
                let write = reader.truth("whether an event writes")?;
                let key = value(reader.number("a variable")?);
                let told = value(reader.number("a value")?);
                if reader.truth("whether an event succeeded")? {
                    match write {
                        true => sessions.write(builder, place, &key, &told),
                        false => sessions.read(builder, place, &key, Some(&told)),
                    }
                }
            }
            if reader.truth("whether a transaction succeeded")? {
                sessions.end(place, Outcome::Ok);
            }
        }
    }
    if reader.at < reader.bytes.len() {
        return Err(reader.wrong("expected the end of the file"));
    }
    Ok(())
}
