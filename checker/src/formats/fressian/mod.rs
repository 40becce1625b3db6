//! Jepsen's `test.fressian` (up to 0.2.7): the map of the whole test as one Fressian object, with
//! the list of all operations in its `:history`; and operations that stand one after the other, as in
//! a block of `test.jepsen`.

mod node;
mod op;
mod reader;

use super::beginning::Beginning;
use super::input::Input;
use super::{Definition, ReadError};
use crate::history::Builder;

pub(super) use node::Node;
pub(super) use op::Events;
pub(super) use reader::{Reader, Wrong};

pub(super) const FORMAT: Definition = Definition {
    name: "fressian",
    what: "Jepsen's test.fressian (up to 0.2.7)",
    recognise,
    read,
    folder: None,
};

/// A record's class, before it has a number: of an operation.
const FIRST_OPERATION: &[u8] = b"\xef\xe3\x11jepsen.history.Op";

fn recognise(beginning: &Beginning<'_>) -> bool {
    matches!(beginning.bytes, [0xc0, 0xe4..=0xee, ..]) || beginning.bytes.starts_with(FIRST_OPERATION)
}

fn read(input: &mut Input<'_>, builder: &mut Builder) -> Result<(), ReadError> {
    let bytes = input.whole();
    let read = if bytes.starts_with(FIRST_OPERATION) {
        push_stream(&bytes, builder).1.map_or(Ok(()), Err)
    } else {
        walk(&mut Reader::new(&bytes), bytes.len(), builder)
    };
    read.map_err(|wrong| ReadError::Binary {
        offset: wrong.at as u64,
        expected: wrong.what,
    })
}

/// Walks over the test's map, and adds the operations of its history.
fn walk(reader: &mut Reader<'_>, length: usize, builder: &mut Builder) -> Result<(), Wrong> {
    let start = reader.at();
    let wrong = |at: usize, what: &str| Wrong {
        at,
        what: what.to_owned(),
    };
    let Some(mut entries) = reader.open_map()? else {
        return Err(wrong(start, "expected the map of a test"));
    };
    let mut events = Events::new(length);
    let mut found = false;
    while reader.goes_on(&mut entries)? {
        let key = reader.object()?;
        if !reader.goes_on(&mut entries)? {
            return Err(wrong(reader.at(), "this map has a key without a value"));
        }
        if key.text() != Some("history") {
            reader.object()?;
            continue;
        }
        found = true;
        let at = reader.at();
        match reader.open_list()? {
            Some(mut list) => {
                while reader.goes_on(&mut list)? {
                    let at = reader.at();
                    let event = reader.object()?;
                    events.push(builder, &event).map_err(|what| Wrong { at, what })?;
                }
            }
            None => match reader.object()? {
                Node::List(list) => {
                    for event in &*list {
                        events.push(builder, event).map_err(|what| Wrong { at, what })?;
                    }
                }
                Node::Nil => {}
                _ => return Err(wrong(at, "expected the list of operations of :history")),
            },
        }
    }
    if !found {
        return Err(wrong(start, "this test has no :history: the run ended before it was written"));
    }
    Ok(())
}

/// Adds operations that stand one after the other, and returns how many, and where and why they
/// end before the data does.
pub(super) fn push_stream(data: &[u8], builder: &mut Builder) -> (usize, Option<Wrong>) {
    let mut reader = Reader::new(data);
    let mut events = Events::new(data.len());
    let mut count = 0;
    loop {
        let at = reader.at();
        match reader.next() {
            Ok(None) => return (count, None),
            Ok(Some(event)) => {
                if let Err(what) = events.push(builder, &event) {
                    return (count, Some(Wrong { at, what }));
                }
            }
            Err(wrong) => return (count, Some(wrong)),
        }
        count += 1;
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) mod writer;
