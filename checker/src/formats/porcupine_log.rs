//! Lines of `history.txt` behind a logger's words, as Porcupine's tests have them.

use super::beginning::Beginning;
use super::input::Input;
use super::jepsen_txt::{EVENT, event, text_of};
use super::{Definition, ReadError};
use crate::history::{Builder, Problem};

pub(super) const FORMAT: Definition = Definition {
    name: "porcupine-log",
    what: "lines of history.txt behind a logger's words; lines that hold no event are counted",
    recognise,
    read,
    folder: None,
};

fn recognise(beginning: &Beginning<'_>) -> bool {
    beginning.contains(b":invoke") || beginning.contains(b":INVOKE")
}

/// Lines that hold no event are passed over, and their number is told; a log without any event is
/// an error.
fn read(input: &mut Input<'_>, builder: &mut Builder) -> Result<(), ReadError> {
    input.skip_mark()?;
    let mut passed_over: Option<(usize, u64)> = None;
    let mut count = 0;
    while let Some((length, consumed)) = input.line()? {
        let line = text_of(input, length)?;
        let is_event =
            event(builder, line).map_err(|(at, expected)| input.malformed(at, expected))?;
        if !is_event && !line.is_empty() {
            count += 1;
            let number = input.place(0).0;
            passed_over.get_or_insert((number, u64::from(builder.history.events)));
        }
        input.consume(consumed);
    }
    if let Some((line, event)) = passed_over {
        if builder.history.events == 0 {
            return Err(ReadError::malformed(line, 1, EVENT));
        }
        builder.history.problems.push(Problem {
            event,
            text: format!("{count} line(s) of the log hold no event, the first is line {line}"),
            grave: false,
            doubt: false,
        });
    }
    Ok(())
}
