//! EDN, as Jepsen writes it.
//!
//! Commas are space; `;` begins a comment and `#_` discards the next form; tags and metadata are
//! read over; symbols and keywords become names; ratios and numbers beyond 64 bits become doubles.

mod events;
mod forms;

use super::beginning::Beginning;
use super::input::Input;
use super::{Definition, ReadError, loose};
use crate::history::{Builder, Event, Kind, Process};
use crate::value::Value;
use forms::{DEPTH_MAX, Reader, TOO_DEEP, Wrong};
use std::fmt::Write as _;

pub(super) const FORMAT: Definition = Definition {
    name: "edn",
    what: "Jepsen's history.edn: a map a line, or a vector or list of maps",
    recognise,
    read,
    folder: None,
};

fn recognise(beginning: &Beginning<'_>) -> bool {
    match beginning.text {
        [] | [b'{' | b'[' | b'(', ..] => true,
        // A tag or a discarded form, but not the heading of a page.
        [b'#', next, ..] => !next.is_ascii_whitespace() && *next != b'#',
        _ => false,
    }
}

/// A vector or list that is open, and where it was opened.
struct Container {
    close: u8,
    line: usize,
    column: usize,
}

/// Reads a history: maps one after the other, or in vectors or lists.
fn read(input: &mut Input<'_>, builder: &mut Builder) -> Result<(), ReadError> {
    input.skip_mark()?;
    let mut containers = Vec::new();
    loop {
        let (consumed, result) = window(input, builder, &mut containers);
        input.consume(consumed);
        if builder.stopped() {
            return Ok(());
        }
        match result {
            Ok(()) if input.more()? => {}
            Ok(()) => break,
            Err(problem) => return Err(problem),
        }
    }
    match containers.last() {
        None => Ok(()),
        Some(Container {
            close,
            line,
            column,
        }) => Err(ReadError::malformed(*line, *column, never_closed(*close))),
    }
}

fn never_closed(close: u8) -> String {
    format!("what opens here is never closed: expected {:?}", close as char)
}

/// Reads the events of the input's window that are whole, and returns how many bytes they are.
fn window(
    input: &Input<'_>,
    builder: &mut Builder,
    containers: &mut Vec<Container>,
) -> (usize, Result<(), ReadError>) {
    let text = input.bytes();
    let mut at = 0;
    loop {
        if let Some(end) = events::push(text, at, builder) {
            at = end;
            continue;
        }
        let mut reader = Reader::new(text, at);
        let result = item(&mut reader, input, builder, containers);
        // What touches the end may go on behind it.
        match result {
            _ if reader.saw_end && !input.ended() => return (at, Ok(())),
            Ok(true) => at = reader.at,
            Ok(false) => return (reader.at, Ok(())),
            Err(Wrong { at: wrong, what }) => return (at, Err(input.malformed(wrong, what))),
        }
    }
}

/// Reads an event, or a bracket around events; false if there is none, or none that is whole.
fn item(
    reader: &mut Reader<'_>,
    input: &Input<'_>,
    builder: &mut Builder,
    containers: &mut Vec<Container>,
) -> Result<bool, Wrong> {
    reader.skip_space(0)?;
    let start = reader.at;
    let wrong = |what: String| Wrong { at: start, what };
    match reader.peek() {
        None => return Ok(false),
        Some(open @ (b'[' | b'(')) => {
            if containers.len() == DEPTH_MAX {
                return Err(wrong(TOO_DEEP.to_owned()));
            }
            let close = if open == b'[' { b']' } else { b')' };
            let (line, column) = input.place(start);
            containers.push(Container {
                close,
                line,
                column,
            });
            reader.at += 1;
        }
        Some(byte @ (b']' | b')' | b'}')) => match containers.last() {
            Some(open) if open.close == byte => {
                containers.pop();
                reader.at += 1;
            }
            Some(open) => {
                return Err(wrong(format!("expected {:?} or an event", open.close as char)));
            }
            None => return Err(wrong(format!("{:?} closes nothing", byte as char))),
        },
        Some(_) => {
            let event = reader.form(0)?;
            if reader.saw_end && !input.ended() {
                return Ok(false);
            }
            loose::push(builder, event).map_err(wrong)?;
        }
    }
    Ok(true)
}

/// Reads one value, and nothing after it.
pub fn parse(text: &[u8]) -> Result<Value, ReadError> {
    let mut reader = Reader::new(text, 0);
    let result = reader.form(0).and_then(|value| {
        reader.skip_space(0)?;
        if reader.at < text.len() {
            return Err(Wrong {
                at: reader.at,
                what: "expected nothing more".to_owned(),
            });
        }
        Ok(value)
    });
    result.map_err(|Wrong { at, what }| {
        let before = &text[..at];
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        let column = at - memchr::memrchr(b'\n', before).map_or(0, |last| last + 1) + 1;
        ReadError::malformed(line, column, what)
    })
}

/// Writes an event as a line of EDN, as Jepsen would.
pub fn write(event: &Event) -> String {
    let mut line = String::new();
    let kind = match event.kind {
        Kind::Invoke => "invoke",
        Kind::Ok => "ok",
        Kind::Fail => "fail",
        Kind::Info => "info",
    };
    let process = match event.process {
        Process::Client(number) => number.to_string(),
        Process::Nemesis => ":nemesis".to_owned(),
    };
    let value = Value::from(&event.value);
    let _ = write!(
        line,
        "{{:index {}, :time {}, :process {process}, :type :{kind}, :f :{}, ",
        event.index,
        event.time,
        if event.f.is_empty() { "nil" } else { &event.f }
    );
    if let Some(key) = &event.key {
        let _ = write!(line, ":key {}, ", Value::Text(key.clone()));
    }
    let _ = write!(line, ":value {value}");
    if let Some(observed) = &event.observed {
        let _ = write!(line, ", :observed {}", Value::from(observed));
    }
    if let Some(error) = &event.error {
        let _ = write!(line, ", :error {}", Value::Text(error.clone()));
    }
    if let Some(node) = &event.node {
        let _ = write!(line, ", :node {}", Value::Text(node.clone()));
    }
    line.push('}');
    line
}

