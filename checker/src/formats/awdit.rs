//! Transactions as AWDIT's tests have them: `r key value` and `w key value` a line, a line of `-`
//! between transactions, a line of `=` between sessions.

use super::beginning::Beginning;
use super::input::Input;
use super::plume::number;
use super::sessions::{Initial, Sessions};
use super::{Definition, ReadError};
use crate::history::{Builder, Outcome};

pub(super) const FORMAT: Definition = Definition {
    name: "awdit",
    what: "transactions of AWDIT's tests: r key value, w key value, lines of - and =",
    recognise,
    read,
    folder: None,
};

enum Line<'a> {
    Nothing,
    NextTransaction,
    NextSession,
    Event { write: bool, key: &'a str, value: &'a str },
}

const EXPECTED: &str = "expected r key value, w key value, or a line of - or =";

fn parse(line: &str) -> Result<Line<'_>, &'static str> {
    let of = |mark: char| !line.is_empty() && line.chars().all(|letter| letter == mark);
    if line.is_empty() {
        return Ok(Line::Nothing);
    }
    if of('-') {
        return Ok(Line::NextTransaction);
    }
    if of('=') {
        return Ok(Line::NextSession);
    }
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|digit| digit.is_ascii_digit());
    match words[..] {
        [kind @ ("r" | "w"), key, value] if is_number(key) && is_number(value) => Ok(Line::Event {
            write: kind == "w",
            key,
            value,
        }),
        _ => Err(EXPECTED),
    }
}

fn recognise(beginning: &Beginning<'_>) -> bool {
    std::str::from_utf8(beginning.line()).is_ok_and(|line| matches!(parse(line), Ok(Line::Event { .. })))
}

fn read(input: &mut Input<'_>, builder: &mut Builder) -> Result<(), ReadError> {
    input.skip_mark()?;
    let mut sessions = Sessions::new(Initial::Zero);
    let result = lines(input, builder, &mut sessions);
    sessions.finish(builder);
    result
}

fn lines(input: &mut Input<'_>, builder: &mut Builder, sessions: &mut Sessions) -> Result<(), ReadError> {
    let (mut session, mut place) = (0_u64, None);
    while let Some((length, consumed)) = input.line()? {
        let line = std::str::from_utf8(&input.bytes()[..length])
            .map_err(|wrong| input.malformed(wrong.valid_up_to(), "expected UTF-8 text"))?;
        match parse(line.trim()).map_err(|what| input.malformed(0, what))? {
            Line::Nothing => {}
            Line::NextTransaction => place = None,
            Line::NextSession => {
                place = None;
                session += 1;
            }
            Line::Event { write, key, value } => {
                let place = *place.get_or_insert_with(|| {
                    sessions.begin(builder.history.intern_process(session), Outcome::Ok)
                });
                match write {
                    true => sessions.write(builder, place, &number(key), &number(value)),
                    false => sessions.read(builder, place, &number(key), Some(&number(value))),
                }
            }
        }
        input.consume(consumed);
    }
    Ok(())
}
