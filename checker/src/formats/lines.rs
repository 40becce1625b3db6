//! Lines of words: process, type, f, value, error, as Jepsen's `history.txt` and logs have them.

use super::{ReadError, edn, loose};
use crate::history::{Builder, History, Kind, NEVER, RawEvent, Symbol};
use crate::value::Value;

/// Reads a history; lines that hold no event (a log holds others too) are passed over, but a file
/// without any event is an error.
pub(super) fn read(text: &[u8]) -> Result<History, ReadError> {
    let mut builder = Builder::default();
    let mut first_skipped = None;
    for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line_number = number + 1;
        let malformed = |expected: String| ReadError::Malformed {
            line: line_number,
            column: 1,
            expected,
        };
        let Ok(line) = std::str::from_utf8(line) else {
            return Err(malformed("expected UTF-8 text".to_owned()));
        };
        if line.trim().is_empty() {
            continue;
        }
        match event(&mut builder, line.trim_end()) {
            Some(Ok(())) => {}
            Some(Err(what)) => return Err(malformed(what)),
            None => {
                first_skipped.get_or_insert(line_number);
            }
        }
    }
    if let (0, Some(line)) = (builder.history.events, first_skipped) {
        let expected =
            "expected a process, :invoke, :ok, :fail or :info, a name and a value".to_owned();
        return Err(ReadError::Malformed {
            line,
            column: 1,
            expected,
        });
    }
    Ok(builder.finish())
}

/// Adds the event of a line; none if the line has no event.
fn event(builder: &mut Builder, line: &str) -> Option<Result<(), String>> {
    // The type is the first word that can only be one; the process is the word before it.
    let mut words = Words { line, at: 0 };
    let mut before: Option<&str> = None;
    let kind = loop {
        let word = words.next()?;
        match word {
            ":invoke" | ":ok" | ":fail" | ":info" if before.is_some() => {
                break loose::kind_named(&Value::Name(word[1..].to_owned())).ok()?;
            }
            _ => before = Some(word),
        }
    };
    let process = before?;
    let f = words
        .next()
        .unwrap_or_default()
        .trim_start_matches(':')
        .to_owned();
    let rest = words.line[words.at..].trim();
    let mut columns = rest.splitn(2, '\t');
    let value_text = columns.next().unwrap_or_default().trim();
    let error = columns
        .next()
        .map(str::trim)
        .filter(|error| !error.is_empty());
    if process.starts_with(':') {
        let value = Value::Text(rest.to_owned());
        builder.push_fault(None, 0, kind, &f, value);
        return Some(Ok(()));
    }
    let process = process.parse().ok()?;
    let value = if value_text.is_empty() {
        Value::Nil
    } else {
        match edn::parse(value_text.as_bytes()) {
            Ok(value) => value,
            // What a failed or unknown operation says is often a sentence.
            Err(_) if matches!(kind, Kind::Fail | Kind::Info) => Value::Text(value_text.to_owned()),
            Err(_) => return Some(Err(format!("expected a value in EDN, not {value_text:?}"))),
        }
    };
    let history = &mut builder.history;
    let raw = RawEvent {
        index: None,
        time: 0,
        process,
        kind,
        f: if f.is_empty() {
            Symbol::NONE
        } else {
            history.intern_name(&f)
        },
        key: NEVER,
        value: history.intern(&value),
        observed: None,
        node: Symbol::NONE,
    };
    if let (Some(operation), Some(error)) = (builder.push_raw(&raw), error) {
        builder.set_error(operation, error.to_owned());
    }
    Some(Ok(()))
}

struct Words<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let rest = &self.line[self.at..];
        let start = rest.len() - rest.trim_start().len();
        let word = rest[start..].split_whitespace().next()?;
        self.at += start + word.len();
        Some(word)
    }
}
