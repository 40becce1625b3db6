//! The blocks of a `test.jepsen`.
//!
//! All numbers are big-endian and signed. The file begins with `JEPSEN`, a version (4 bytes) and
//! the offset of the index (8 bytes). A block begins with its length (8 bytes, this head
//! included), a checksum (4), its type (2) and 14 bytes of zeros.

use crate::formats::ReadError;
use crate::formats::input::ReadSeek;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, SeekFrom};

pub(super) const MAGIC: &[u8] = b"JEPSEN";
const FILE_HEAD: u64 = 18;
const BLOCK_HEAD: usize = 28;

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Where the blocks are.
    Index,
    /// One object.
    Fressian,
    /// A map, the rest of which is in another block.
    PartialMap,
    /// Objects one after the other.
    Stream,
    /// A vector in chunks.
    BigVector,
}

/// A block whose checksum is right.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) id: i32,
    pub(super) kind: Kind,
    pub(super) data: Vec<u8>,
    /// Where the data begins in the file.
    offset: u64,
}

/// The blocks of a file.
pub(super) struct Blocks {
    source: Box<dyn ReadSeek>,
    length: u64,
    pub(super) version: i32,
    /// The number of the block with the test's map, zero if there is none.
    root: i32,
    offsets: BTreeMap<i32, u64>,
    /// The blocks of the history that were read.
    used: BTreeSet<i32>,
}

fn binary(offset: u64, expected: impl Into<String>) -> ReadError {
    ReadError::Binary {
        offset,
        expected: expected.into(),
    }
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut number = [0; N];
    number.copy_from_slice(&bytes[at..at + N]);
    number
}

impl Blocks {
    /// Reads the file's head and its index.
    pub(super) fn open(mut source: Box<dyn ReadSeek>) -> Result<Blocks, ReadError> {
        let length = source
            .seek(SeekFrom::End(0))
            .map_err(|problem| ReadError::Damaged(problem.to_string()))?;
        let mut blocks = Blocks {
            source,
            length,
            version: 0,
            root: 0,
            offsets: BTreeMap::new(),
            used: BTreeSet::new(),
        };
        let head = blocks.bytes(0, FILE_HEAD)?;
        if !head.starts_with(MAGIC) {
            return Err(binary(0, "expected JEPSEN, with which a test.jepsen begins"));
        }
        blocks.version = i32::from_be_bytes(number(&head, 6));
        if !matches!(blocks.version, 0 | 1) {
            return Err(binary(6, format!(
                "expected version 0 or 1 of test.jepsen (Jepsen 0.2.6 to 0.3), not {}; give the run's history.edn instead",
                blocks.version
            )));
        }
        let index = i64::from_be_bytes(number(&head, 10));
        if index == 0 {
            return Err(binary(10, "expected the offset of the index, but nothing was written yet"));
        }
        let at = u64::try_from(index).unwrap_or(u64::MAX);
        let index = blocks.block_at(0, at)?;
        if index.kind != Kind::Index || index.data.len() < 4 || index.data.len() % 12 != 4 {
            return Err(index.wrong(0, "expected an index of blocks"));
        }
        blocks.root = i32::from_be_bytes(number(&index.data, 0));
        for entry in (4..index.data.len()).step_by(12) {
            let id = i32::from_be_bytes(number(&index.data, entry));
            let offset = i64::from_be_bytes(number(&index.data, entry + 4));
            let offset = u64::try_from(offset).unwrap_or(u64::MAX);
            blocks.offsets.insert(id, offset);
        }
        // The index may not list itself in a file that is damaged.
        blocks.offsets.entry(0).or_insert(at);
        Ok(blocks)
    }

    /// The block with the test's map.
    pub(super) fn root(&mut self) -> Result<Block, ReadError> {
        if self.root == 0 {
            return Err(binary(FILE_HEAD, "expected a test, but the index names none"));
        }
        self.block(self.root)
    }

    /// A block of the history, each of which may be named once: a small file could otherwise make
    /// an endless history.
    pub(super) fn chunk(&mut self, id: i32) -> Result<Block, ReadError> {
        if !self.used.insert(id) {
            return Err(binary(FILE_HEAD, format!("block {id} stands twice in the history")));
        }
        self.block(id)
    }

    /// A block by its number.
    fn block(&mut self, id: i32) -> Result<Block, ReadError> {
        match self.offsets.get(&id).copied() {
            Some(offset) if id != 0 => self.block_at(id, offset),
            _ => Err(binary(FILE_HEAD, format!("the index has no block {id}"))),
        }
    }

    /// The data of the chunk that was being written when the run died: behind all blocks, with a
    /// head of zeros.
    pub(super) fn open_chunk(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        let offsets: Vec<u64> = self.offsets.values().copied().collect();
        let mut end = FILE_HEAD;
        for offset in offsets {
            let head = self.bytes(offset, BLOCK_HEAD as u64)?;
            let length = u64::from_be_bytes(number(&head, 0));
            end = end.max(offset.saturating_add(length));
        }
        let start = end.saturating_add(BLOCK_HEAD as u64);
        if start >= self.length || self.bytes(end, BLOCK_HEAD as u64)? != [0; BLOCK_HEAD] {
            return Ok(None);
        }
        self.bytes(start, self.length - start).map(Some)
    }

    fn bytes(&mut self, offset: u64, count: u64) -> Result<Vec<u8>, ReadError> {
        if offset.checked_add(count).is_none_or(|end| end > self.length) {
            let left = self.length.saturating_sub(offset);
            return Err(binary(
                offset.min(self.length),
                format!("expected {count} bytes, but the file has only {left} from there on"),
            ));
        }
        let mut bytes = Vec::new();
        let read = self
            .source
            .seek(SeekFrom::Start(offset))
            .and_then(|_| (&mut self.source).take(count).read_to_end(&mut bytes));
        match read {
            Ok(read) if read as u64 == count => Ok(bytes),
            Ok(_) => Err(binary(offset, "the file became shorter while it was read")),
            Err(problem) => Err(binary(offset, problem.to_string())),
        }
    }

    fn block_at(&mut self, id: i32, offset: u64) -> Result<Block, ReadError> {
        let name = match id {
            0 => "the index".to_owned(),
            id => format!("block {id}"),
        };
        let told = |what: String| binary(offset, format!("{name}: {what}"));
        let head = self
            .bytes(offset, BLOCK_HEAD as u64)
            .map_err(|_| told("expected its head, but the file ends".to_owned()))?;
        let length = i64::from_be_bytes(number(&head, 0));
        let rest = self.length - offset;
        let data = match u64::try_from(length) {
            Ok(length) if (BLOCK_HEAD as u64..=rest).contains(&length) => {
                self.bytes(offset + BLOCK_HEAD as u64, length - BLOCK_HEAD as u64)?
            }
            _ => {
                return Err(told(format!(
                    "expected a length between {BLOCK_HEAD} and the {rest} bytes that are left, not {length}"
                )));
            }
        };
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(&data);
        let mut plain = head.clone();
        plain[8..12].fill(0);
        checksum.update(&plain);
        let (found, wanted) = (checksum.finalize(), u32::from_be_bytes(number(&head, 8)));
        if found != wanted {
            return Err(told(format!(
                "its checksum is {found:#010x}, not {wanted:#010x}: the file is damaged"
            )));
        }
        let kind = match i16::from_be_bytes(number(&head, 12)) {
            1 => Kind::Index,
            2 => Kind::Fressian,
            3 => Kind::PartialMap,
            4 => Kind::Stream,
            5 => Kind::BigVector,
            other => return Err(told(format!("expected a type from 1 to 5, not {other}"))),
        };
        Ok(Block {
            id,
            kind,
            data,
            offset: offset + BLOCK_HEAD as u64,
        })
    }
}

impl Block {
    /// The error that something is wrong at a byte of the block's data.
    pub(super) fn wrong(&self, at: usize, what: impl Into<String>) -> ReadError {
        let what: String = what.into();
        binary(self.offset + at as u64, format!("block {}: {what}", self.id))
    }

    /// Of a vector: how many elements it has, and its chunks, each with the place of its first
    /// element.
    pub(super) fn chunks(&self) -> Result<(u64, Vec<(u64, i32)>), ReadError> {
        if self.data.len() < 8 || self.data.len() % 12 != 8 {
            return Err(self.wrong(0, "expected the count and the chunks of a vector"));
        }
        let count = u64::from_be_bytes(number(&self.data, 0));
        let chunks = (8..self.data.len())
            .step_by(12)
            .map(|at| {
                let first = u64::from_be_bytes(number(&self.data, at));
                (first, i32::from_be_bytes(number(&self.data, at + 8)))
            })
            .collect();
        Ok((count, chunks))
    }
}
