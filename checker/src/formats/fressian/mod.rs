//! Jepsen's `test.fressian` (up to 0.2.7): the map of the whole test as one Fressian object, with
//! the list of all operations in its `:history`.

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

fn recognise(beginning: &Beginning<'_>) -> bool {
    matches!(beginning.bytes, [0xc0, 0xe4..=0xee, ..])
}

fn read(input: &mut Input<'_>, builder: &mut Builder) -> Result<(), ReadError> {
    let bytes = input.whole();
    walk(&mut Reader::new(&bytes), bytes.len(), builder).map_err(|wrong| ReadError::Binary {
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

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) mod writer;
