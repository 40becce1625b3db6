//! Lines of words: process, type, f, value, error, as Jepsen's `history.txt` and logs have them.

use super::beginning::Beginning;
use super::input::Input;
use super::{Definition, ReadError, edn, loose};
use crate::history::{Builder, Kind, NEVER, RawEvent, Symbol};
use crate::report::Short;
use crate::value::Value;

pub(super) const FORMAT: Definition = Definition {
    name: "jepsen-txt",
    what: "Jepsen's history.txt: process, type, f, value and error, separated by tabs",
    recognise,
    read,
    folder: None,
};

pub(super) const EVENT: &str =
    "expected a process, :invoke, :ok, :fail or :info, a name and a value";

fn recognise(beginning: &Beginning<'_>) -> bool {
    matches!(beginning.text.first(), Some(b'0'..=b'9' | b':')) && {
        let mut words = beginning.line().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        words.nth(1).is_some_and(|word| kind(&String::from_utf8_lossy(word)).is_some())
    }
}

/// Reads `history.txt`, in which each line is an event.
fn read(input: &mut Input<'_>, builder: &mut Builder) -> Result<(), ReadError> {
    input.skip_mark()?;
    while let Some((length, consumed)) = input.line()? {
        let line = text_of(input, length)?;
        let is_event =
            event(builder, line).map_err(|(at, expected)| input.malformed(at, expected))?;
        if !is_event && !line.is_empty() {
            return Err(input.malformed(0, EVENT));
        }
        input.consume(consumed);
    }
    Ok(())
}

/// The line at the beginning of the input, without the space at its end.
pub(super) fn text_of<'a>(input: &'a Input<'_>, length: usize) -> Result<&'a str, ReadError> {
    match std::str::from_utf8(&input.bytes()[..length]) {
        Ok(line) => Ok(line.trim_end()),
        Err(problem) => Err(input.malformed(problem.valid_up_to(), "expected UTF-8 text")),
    }
}

fn kind(word: &str) -> Option<Kind> {
    let name = word.strip_prefix(':')?;
    [
        ("invoke", Kind::Invoke),
        ("ok", Kind::Ok),
        ("fail", Kind::Fail),
        ("info", Kind::Info),
    ]
    .into_iter()
    .find(|(known, _)| known.eq_ignore_ascii_case(name))
    .map(|(_, kind)| kind)
}

/// Adds the event of a line, if it has one; an error names the byte of the line that is wrong.
pub(super) fn event(builder: &mut Builder, line: &str) -> Result<bool, (usize, String)> {
    // The type is the first word that can only be one; the process is the word before it.
    let mut words = Words { line, at: 0 };
    let mut before: Option<&str> = None;
    let kind = loop {
        let Some(word) = words.next() else {
            return Ok(false);
        };
        match (kind(word), before) {
            (Some(kind), Some(_)) => break kind,
            _ => before = Some(word),
        }
    };
    let process = before.unwrap_or_default();
    let f = loose::operation_name(words.next().unwrap_or_default().trim_start_matches(':'));
    let rest = words.line[words.at..].trim();
    let process_name = process.trim_start_matches(':').trim_matches('"');
    if process_name.eq_ignore_ascii_case("nemesis") {
        let value = Value::Text(rest.to_owned());
        builder.push_fault(None, 0, kind, &f, value);
        return Ok(true);
    }
    if !process_name.starts_with(|first: char| first.is_alphanumeric() || first == '-')
        || process_name == "-"
    {
        return Ok(false);
    }
    let process = match process_name {
        "nil" => None,
        name => Some(builder.history.intern_process_name(name)),
    };
    let mut columns = rest.splitn(2, '\t');
    let value_text = columns.next().unwrap_or_default().trim();
    let error = columns
        .next()
        .map(str::trim)
        .filter(|error| !error.is_empty());
    let value = if value_text.is_empty() {
        Value::Nil
    } else {
        match edn::parse(value_text.as_bytes()) {
            Ok(value) => value,
            // What a failed or unknown operation says is often a sentence.
            Err(_) if matches!(kind, Kind::Fail | Kind::Info) => Value::Text(value_text.to_owned()),
            Err(_) => {
                let shown = Value::Text(value_text.to_owned());
                let expected = format!("expected a value in EDN, not {}", Short(&shown));
                return Err((value_text.as_ptr() as usize - line.as_ptr() as usize, expected));
            }
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
        answered: !value_text.is_empty(),
        observed: None,
        node: Symbol::NONE,
    };
    if let (Some(operation), Some(error)) = (builder.push_raw(&raw), error) {
        builder.set_error(operation, error.to_owned());
    }
    Ok(true)
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
