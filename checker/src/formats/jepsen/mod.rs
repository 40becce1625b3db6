//! Jepsen's `test.jepsen`: blocks with checksums, found through an index.
//!
//! Version 1 (Jepsen 0.3) keeps the history in chunks of 16,384 operations, version 0 (0.2.6 and
//! 0.2.7) in one list. Only what the index names counts: the file is written by appending, and
//! full of blocks that others have replaced. Of a run that died, the chunk that was being written
//! stands behind everything else, without a head; what is whole of it is read as well.

mod blocks;

use super::beginning::Beginning;
use super::fressian::{Events, Node, Reader, push_stream};
use super::input::Input;
use super::{Definition, ReadError};
use crate::history::Builder;
use blocks::{Block, Blocks, Kind};

pub(super) const FORMAT: Definition = Definition {
    name: "jepsen",
    what: "Jepsen's test.jepsen (0.2.6 and later)",
    recognise,
    read,
    folder: None,
};

/// How deep vectors of blocks may be nested.
const DEPTH_MAX: usize = 8;

fn recognise(beginning: &Beginning<'_>) -> bool {
    beginning.bytes.starts_with(blocks::MAGIC)
}

fn read(input: &mut Input<'_>, builder: &mut Builder) -> Result<(), ReadError> {
    let mut file = Blocks::open(input.seekable())?;
    let root = file.root()?;
    let test = object(&root)?;
    match test.get("history") {
        None | Some(Node::Nil) => {}
        Some(Node::Block(id)) => {
            let history = file.chunk(i32::try_from(*id).unwrap_or(0))?;
            push_block(&mut file, &history, builder, 0)?;
        }
        Some(Node::List(list)) => push_list(&root, list, builder)?,
        Some(_) => return Err(root.wrong(0, "expected a list or a block as the test's :history")),
    }
    if file.version == 1 {
        salvage(&mut file, builder)?;
    }
    if builder.history.events == 0 {
        let what = "this test has no history: the run ended before its first operations were written";
        return Err(ReadError::Damaged(what.to_owned()));
    }
    Ok(())
}

/// The one object of a block.
fn object(block: &Block) -> Result<Node, ReadError> {
    let start = match block.kind {
        Kind::Fressian | Kind::Stream => 0,
        // The number of the block with the other entries comes first.
        Kind::PartialMap => 4,
        Kind::Index | Kind::BigVector => {
            return Err(block.wrong(0, "expected a block that holds an object"));
        }
    };
    let bytes = block.data.get(start..).unwrap_or_default();
    let mut reader = Reader::new(bytes);
    match reader.next() {
        Ok(Some(node)) => Ok(node),
        Ok(None) => Err(block.wrong(start, "expected an object, but the block ends")),
        Err(wrong) => Err(block.wrong(start + wrong.at, wrong.what)),
    }
}

/// Adds the operations of a block.
fn push_block(
    file: &mut Blocks,
    block: &Block,
    builder: &mut Builder,
    depth: usize,
) -> Result<(), ReadError> {
    match block.kind {
        Kind::Fressian => match object(block)? {
            Node::List(list) => push_list(block, &list, builder)?,
            Node::Nil => {}
            _ => return Err(block.wrong(0, "expected a list of operations")),
        },
        Kind::Stream => {
            let (_, wrong) = push_stream(&block.data, builder);
            if let Some(wrong) = wrong {
                return Err(block.wrong(wrong.at, wrong.what));
            }
        }
        Kind::BigVector => {
            let (count, chunks) = block.chunks()?;
            if depth == DEPTH_MAX {
                return Err(block.wrong(0, "vectors of blocks are nested too deeply"));
            }
            let first = u64::from(builder.history.events);
            for (index, id) in chunks {
                let read = u64::from(builder.history.events) - first;
                if index != read {
                    return Err(block.wrong(0, format!(
                        "block {id} begins with operation {index}, but {read} operation event(s) stand before it"
                    )));
                }
                let chunk = file.chunk(id)?;
                push_block(file, &chunk, builder, depth + 1)?;
            }
            let read = u64::from(builder.history.events) - first;
            if read != count {
                return Err(block.wrong(
                    0,
                    format!("expected {count} operation event(s), but the chunks hold {read}"),
                ));
            }
        }
        Kind::Index | Kind::PartialMap => {
            return Err(block.wrong(0, "expected a block that holds operations"));
        }
    }
    Ok(())
}

fn push_list(block: &Block, list: &[Node], builder: &mut Builder) -> Result<(), ReadError> {
    let mut events = Events::new(block.data.len());
    for (at, event) in list.iter().enumerate() {
        events
            .push(builder, event)
            .map_err(|what| block.wrong(0, format!("operation {at}: {what}")))?;
    }
    Ok(())
}

/// Adds the operations of a chunk that was never closed, if there is one; that the run died is an
/// error, behind which nothing can be read.
fn salvage(file: &mut Blocks, builder: &mut Builder) -> Result<(), ReadError> {
    let Some(data) = file.open_chunk()? else {
        return Ok(());
    };
    let sealed = builder.history.events;
    let (salvaged, _) = push_stream(&data, builder);
    Err(ReadError::Died { sealed, salvaged })
}

#[cfg(test)]
mod tests;
