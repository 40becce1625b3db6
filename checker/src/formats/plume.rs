//! Transactions as Plume, PolySI and AWDIT write them: a line an event, `r(key,value,session,txn)`
//! or `w(…)`.
//!
//! The order of lines is the order within a transaction, and of the transactions of a session.
//! Every key is 0 in the beginning. Transaction -1 is no transaction: each of its lines is a write
//! of one that was aborted. Nothing is known of the order between sessions.

use super::beginning::Beginning;
use super::input::Input;
use super::sessions::{Initial, Sessions};
use super::{Definition, ReadError};
use crate::history::{Builder, Datum, History, Outcome};
use crate::hash::FastMap;
use crate::value::Value;

pub(super) const FORMAT: Definition = Definition {
    name: "plume",
    what: "transactions of Plume, PolySI and AWDIT: r(key,value,session,txn), w(…)",
    recognise,
    read,
    folder: None,
};

fn recognise(beginning: &Beginning<'_>) -> bool {
    event(beginning.line().trim_ascii()).is_some()
}

struct Event<'a> {
    write: bool,
    key: &'a [u8],
    value: &'a [u8],
    session: &'a [u8],
    transaction: &'a [u8],
}

const EXPECTED: &str = "expected r(key,value,session,transaction) or w(…) with whole numbers";

fn event(line: &[u8]) -> Option<Event<'_>> {
    let (kind, mut rest) = line.split_at(memchr::memchr(b'(', line)?);
    let write = match kind.trim_ascii() {
        b"w" => true,
        b"r" => false,
        _ => return None,
    };
    let mut next = |end: u8| {
        let (text, behind) = rest[1..].split_at(rest[1..].iter().position(|byte| *byte == end)?);
        rest = behind;
        let number = text.trim_ascii();
        let digits = number.strip_prefix(b"-").unwrap_or(number);
        let whole = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        whole.then_some(number)
    };
    let event = Event {
        write,
        key: next(b',')?,
        value: next(b',')?,
        session: next(b',')?,
        transaction: next(b')')?,
    };
    (rest.len() == 1).then_some(event)
}

/// A whole number of any size.
pub(super) fn number(digits: &str) -> Value {
    match digits.parse() {
        Ok(number) => Value::Int(number),
        Err(_) => Value::great_number(digits).unwrap_or_else(|| Value::from(digits)),
    }
}

fn read(input: &mut Input<'_>, builder: &mut Builder) -> Result<(), ReadError> {
    input.skip_mark()?;
    let mut sessions = Sessions::new(Initial::Zero);
    let result = lines(input, builder, &mut sessions);
    sessions.finish(builder);
    result
}

fn lines(
    input: &mut Input<'_>,
    builder: &mut Builder,
    sessions: &mut Sessions,
) -> Result<(), ReadError> {
    // Transactions by the session and their number.
    let mut places: FastMap<(u32, Datum), usize> = FastMap::default();
    // Mostly a line belongs to the same one as the line before.
    let mut last: Option<((u32, Datum), usize)> = None;
    while let Some((length, consumed)) = input.line()? {
        let line = input.bytes()[..length].trim_ascii();
        if !line.is_empty() {
            let event = event(line).ok_or_else(|| input.malformed(0, EXPECTED))?;
            let (key, value) = (digits(event.key), digits(event.value));
            let session = session(&mut builder.history, event.session);
            if event.transaction != b"-1" {
                let number = builder.history.intern(&digits(event.transaction));
                let transaction = (session, number);
                let place = match last {
                    Some((before, place)) if before == transaction => place,
                    _ => *places
                        .entry(transaction)
                        .or_insert_with(|| sessions.begin(session, Outcome::Ok)),
                };
                last = Some((transaction, place));
                match event.write {
                    true => sessions.write(builder, place, &key, &value),
                    false => sessions.read(builder, place, &key, Some(&value)),
                }
            } else if event.write {
                let place = sessions.begin(session, Outcome::Fail);
                sessions.write(builder, place, &key, &value);
            }
        }
        input.consume(consumed);
    }
    Ok(())
}

/// The process of a session.
fn session(history: &mut History, name: &[u8]) -> u32 {
    match digits(name) {
        Value::Int(number) if number >= 0 => history.intern_process(number as u64),
        _ => history.intern_process_name(&String::from_utf8_lossy(name)),
    }
}

/// The whole number that these bytes are.
fn digits(text: &[u8]) -> Value {
    /// So many digits fit for sure.
    const SMALL: usize = 18;
    if text.len() > SMALL || text.starts_with(b"-") {
        return number(&String::from_utf8_lossy(text));
    }
    let number = text.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
    Value::Int(number)
}
