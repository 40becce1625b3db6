//! DBCop's text (`.hist`): transactions in brackets, `[x:=1 y==2 z==?]`, sessions between lines of
//! dashes, comments after `//`.
//!
//! `:=` writes, `==` reads; `?` is a register as it was in the beginning, and so is 0 where nobody
//! wrote 0. A `!` behind a transaction says that it was not committed: it was aborted.

use super::beginning::Beginning;
use super::input::Input;
use super::sessions::{Initial, Sessions};
use super::{Definition, ReadError, plume};
use crate::history::{Builder, Outcome};
use crate::value::Value;

pub(super) const FORMAT: Definition = Definition {
    name: "dbcop-text",
    what: "DBCop's text (.hist): [x:=1 y==2]! in sessions between lines of dashes",
    recognise,
    read,
    folder: None,
};

/// The first event of the first line that has any.
fn recognise(beginning: &Beginning<'_>) -> bool {
    let text = String::from_utf8_lossy(beginning.bytes);
    let mut lines = text.lines().map(|line| without_comment(line).trim());
    let first = lines.find(|line| !line.is_empty() && !is_separator(line));
    let inner = first.and_then(|line| line.strip_prefix('['));
    let word = inner.and_then(|inner| inner.split([' ', '\t', ']']).find(|word| !word.is_empty()));
    word.is_some_and(|word| event(word).is_ok())
}

fn without_comment(line: &str) -> &str {
    line.split_once("//").map_or(line, |(before, _)| before)
}

fn is_separator(line: &str) -> bool {
    !line.is_empty() && line.bytes().all(|byte| byte == b'-')
}

enum Event {
    Write(Value, Value),
    Read(Value, Option<Value>),
}

const EVENT: &str = "expected an event: variable:=version, variable==version or variable==?";

fn event(word: &str) -> Result<Event, &'static str> {
    let is_name = |name: &str| {
        let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
        let mut bytes = name.bytes();
        bytes.next().is_some_and(letter) && bytes.all(|byte| letter(byte) || byte.is_ascii_digit())
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let split = |mark| word.split_once(mark).filter(|(name, _)| is_name(name));
    let name = |name: &str| Value::Text(name.to_owned());
    match (split(":="), split("==")) {
        (Some((variable, version)), _) if is_number(version) => {
            Ok(Event::Write(name(variable), plume::number(version)))
        }
        (_, Some((variable, "?"))) => Ok(Event::Read(name(variable), None)),
        (_, Some((variable, version))) if is_number(version) => {
            Ok(Event::Read(name(variable), Some(plume::number(version))))
        }
        _ => Err(EVENT),
    }
}

fn read(input: &mut Input<'_>, builder: &mut Builder) -> Result<(), ReadError> {
    input.skip_mark()?;
    let mut sessions = Sessions::new(Initial::ZeroUnlessWritten);
    let result = lines(input, builder, &mut sessions);
    sessions.finish(builder);
    result
}

fn lines(input: &mut Input<'_>, builder: &mut Builder, sessions: &mut Sessions) -> Result<(), ReadError> {
    let mut session = 0_u64;
    while let Some((length, consumed)) = input.line()? {
        let text = std::str::from_utf8(&input.bytes()[..length])
            .map_err(|wrong| input.malformed(wrong.valid_up_to(), "expected UTF-8 text"))?;
        let line = without_comment(text);
        if is_separator(line.trim()) {
            session += 1;
        } else {
            transactions(line, builder, sessions, session)
                .map_err(|(at, what)| input.malformed(at, what))?;
        }
        input.consume(consumed);
    }
    Ok(())
}

/// Adds the transactions of a line. An error has its place in the line.
fn transactions(
    line: &str,
    builder: &mut Builder,
    sessions: &mut Sessions,
    session: u64,
) -> Result<(), (usize, &'static str)> {
    let process = builder.history.intern_process(session);
    let place_of = |part: &str| part.as_ptr() as usize - line.as_ptr() as usize;
    let mut rest = line.trim();
    while !rest.is_empty() {
        let Some(inner) = rest.strip_prefix('[') else {
            return Err((place_of(rest), "expected a transaction in brackets, or a line of dashes"));
        };
        let Some((inner, after)) = inner.split_once(']') else {
            return Err((line.trim_end().len(), "expected ']' at the end of the transaction"));
        };
        let (outcome, after) = match after.strip_prefix('!') {
            Some(after) => (Outcome::Fail, after),
            None => (Outcome::Ok, after),
        };
        let words = inner.split_ascii_whitespace();
        let events: Result<Vec<Event>, _> = words
            .map(|word| event(word).map_err(|what| (place_of(word), what)))
            .collect();
        let events = events?;
        let place = sessions.begin(process, outcome);
        for event in events {
            match event {
                Event::Write(variable, version) => sessions.write(builder, place, &variable, &version),
                Event::Read(variable, version) => sessions.read(builder, place, &variable, version.as_ref()),
            }
        }
        rest = after.trim_start();
    }
    Ok(())
}
