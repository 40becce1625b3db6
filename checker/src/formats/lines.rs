//! Lines of words: process, type, f, value, error, as Jepsen's `history.txt` and logs have them.

use super::{ReadError, edn, loose};
use crate::history::{Builder, History, Kind, NEVER, Problem, RawEvent, Symbol};
use crate::report::Short;
use crate::value::Value;

const EVENT: &str = "expected a process, :invoke, :ok, :fail or :info, a name and a value";

/// Reads `history.txt`, in which each line is an event.
pub(super) fn read_events(text: &[u8]) -> Result<History, ReadError> {
    let mut builder = Builder::default();
    for line in lines(text) {
        let (number, line) = line?;
        match event(&mut builder, line) {
            Ok(true) => {}
            Ok(false) => return Err(malformed(number, line, line, EVENT)),
            Err((part, expected)) => return Err(malformed(number, line, part, expected)),
        }
    }
    Ok(builder.finish())
}

/// Reads a log. Lines that hold no event are passed over, and their number is told; a log without
/// any event is an error.
pub(super) fn read_log(text: &[u8]) -> Result<History, ReadError> {
    let mut builder = Builder::default();
    let mut passed_over: Option<(usize, u64)> = None;
    let mut count = 0;
    for line in lines(text) {
        let (number, line) = line?;
        match event(&mut builder, line) {
            Ok(true) => {}
            Ok(false) => {
                count += 1;
                passed_over.get_or_insert((number, u64::from(builder.history.events)));
            }
            Err((part, expected)) => return Err(malformed(number, line, part, expected)),
        }
    }
    let mut history = builder.finish();
    if let Some((line, event)) = passed_over {
        if history.events == 0 {
            return Err(ReadError::Malformed {
                line,
                column: 1,
                expected: EVENT.to_owned(),
            });
        }
        history.problems.push(Problem {
            event,
            text: format!("{count} line(s) of the log hold no event, the first is line {line}"),
            grave: false,
        });
    }
    Ok(history)
}

/// The lines that are not empty, with their numbers.
fn lines(text: &[u8]) -> impl Iterator<Item = Result<(usize, &str), ReadError>> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    text.split(|byte| *byte == b'\n')
        .enumerate()
        .map(|(at, line)| match std::str::from_utf8(line) {
            Ok(line) => Ok((at + 1, line.trim_end())),
            Err(problem) => Err(ReadError::Malformed {
                line: at + 1,
                column: problem.valid_up_to() + 1,
                expected: "expected UTF-8 text".to_owned(),
            }),
        })
        .filter(|line| !matches!(line, Ok((_, ""))))
}

/// The error that something else was expected in place of a part of the line.
fn malformed(number: usize, line: &str, part: &str, expected: impl Into<String>) -> ReadError {
    let column = part.as_ptr() as usize - line.as_ptr() as usize + 1;
    ReadError::Malformed {
        line: number,
        column,
        expected: expected.into(),
    }
}

/// Adds the event of a line, if it has one; an error names the part of the line that is wrong.
fn event<'a>(builder: &mut Builder, line: &'a str) -> Result<bool, (&'a str, String)> {
    // The type is the first word that can only be one; the process is the word before it.
    let mut words = Words { line, at: 0 };
    let mut before: Option<&str> = None;
    let kind = loop {
        let Some(word) = words.next() else {
            return Ok(false);
        };
        match (word, before) {
            (":invoke", Some(_)) => break Kind::Invoke,
            (":ok", Some(_)) => break Kind::Ok,
            (":fail", Some(_)) => break Kind::Fail,
            (":info", Some(_)) => break Kind::Info,
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
                return Err((value_text, expected));
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
