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
use crate::history::{Builder, Outcome};
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
    std::str::from_utf8(beginning.line()).is_ok_and(|line| event(line).is_ok())
}

struct Event<'a> {
    write: bool,
    key: &'a str,
    value: &'a str,
    session: &'a str,
    transaction: &'a str,
}

const EXPECTED: &str = "expected r(key,value,session,transaction) or w(…) with whole numbers";

fn event(line: &str) -> Result<Event<'_>, &'static str> {
    let (kind, rest) = line.split_once('(').ok_or(EXPECTED)?;
    let inner = rest.strip_suffix(')').ok_or(EXPECTED)?;
    let mut numbers = inner.split(',').map(str::trim);
    let mut next = || {
        let number = numbers.next().ok_or(EXPECTED)?;
        let digits = number.strip_prefix('-').unwrap_or(number);
        let whole = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        if whole { Ok(number) } else { Err(EXPECTED) }
    };
    let event = Event {
        write: match kind.trim() {
            "w" => true,
            "r" => false,
            _ => return Err(EXPECTED),
        },
        key: next()?,
        value: next()?,
        session: next()?,
        transaction: next()?,
    };
    if numbers.next().is_some() {
        return Err(EXPECTED);
    }
    Ok(event)
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
    let mut places: FastMap<(String, String), usize> = FastMap::default();
    let result = lines(input, builder, &mut sessions, &mut places);
    sessions.finish(builder);
    result
}

fn lines(
    input: &mut Input<'_>,
    builder: &mut Builder,
    sessions: &mut Sessions,
    places: &mut FastMap<(String, String), usize>,
) -> Result<(), ReadError> {
    while let Some((length, consumed)) = input.line()? {
        let line = std::str::from_utf8(&input.bytes()[..length])
            .map_err(|wrong| input.malformed(wrong.valid_up_to(), "expected UTF-8 text"))?
            .trim();
        if !line.is_empty() {
            let event = event(line).map_err(|what| input.malformed(0, what))?;
            let aborted = event.transaction == "-1";
            if aborted && event.write {
                let place = sessions.begin(builder, event.session, Outcome::Fail);
                sessions.write(place, number(event.key), number(event.value));
            } else if !aborted {
                let name = (event.session.to_owned(), event.transaction.to_owned());
                let place = *places
                    .entry(name)
                    .or_insert_with(|| sessions.begin(builder, event.session, Outcome::Ok));
                let (key, value) = (number(event.key), number(event.value));
                match event.write {
                    true => sessions.write(place, key, value),
                    false => sessions.read(place, key, Some(value)),
                }
            }
        }
        input.consume(consumed);
    }
    Ok(())
}
