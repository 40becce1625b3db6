//! Reads a record of inputs, chunk by chunk, as far as it is whole.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::vec;

use kensho_protocol::inputs::{
    CHUNK_HEAD_BYTES, ChunkHead, EXTENSION, Head, Item, MAGIC, VERSION, read_head, read_items,
};

use super::Unreadable;

/// How a record ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// After a whole chunk.
    Whole,
    /// In the middle of a chunk: the process ended while it wrote it, and nothing followed from it.
    Torn {
        /// Where the chunk begins.
        at: u64,
    },
    /// What is read from here on is not what was written.
    Damaged {
        /// Where the damaged chunk begins.
        at: u64,
        /// What is wrong.
        what: String,
    },
}

/// A file of inputs.
#[derive(Debug)]
pub struct RecordFile {
    path: PathBuf,
    head: Head,
    reader: BufReader<File>,
    at: u64,
    items: vec::IntoIter<Item>,
    ending: Option<Ending>,
}

/// What stands before the first chunk.
const PREFACE_BYTES: usize = MAGIC.len() + 4;

impl RecordFile {
    /// Opens a file; `None` if its node was killed before it was begun properly.
    ///
    /// # Errors
    /// When it cannot be read, or is no record of inputs.
    pub fn open(path: &Path) -> Result<Option<Self>, Unreadable> {
        let unreadable = |what: String| Unreadable {
            path: path.to_owned(),
            what,
        };
        let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let mut preface = Vec::with_capacity(PREFACE_BYTES);
        reader
            .by_ref()
            .take(PREFACE_BYTES as u64)
            .read_to_end(&mut preface)
            .map_err(|error| unreadable(error.to_string()))?;
        if !preface.starts_with(&MAGIC[..MAGIC.len().min(preface.len())]) {
            return Err(unreadable("it is no record of inputs".to_owned()));
        }
        if preface.len() < PREFACE_BYTES {
            return Ok(None);
        }
        let version = preface[MAGIC.len()..].try_into().expect("4 bytes");
        let version = u32::from_le_bytes(version);
        if version != VERSION {
            return Err(unreadable(format!(
                "it is of version {version}, and only {VERSION} is understood"
            )));
        }
        let mut at = PREFACE_BYTES as u64;
        let body = match read_chunk(&mut reader, &mut at) {
            Ok(Ok(body)) => body,
            Ok(Err(Ending::Damaged { what, .. })) => return Err(unreadable(what)),
            Ok(Err(_)) => return Ok(None),
            Err(error) => return Err(unreadable(error.to_string())),
        };
        let head = read_head(&body).map_err(|wrong| unreadable(wrong.to_string()))?;
        Ok(Some(RecordFile {
            path: path.to_owned(),
            head,
            reader,
            at,
            items: Vec::new().into_iter(),
            ending: None,
        }))
    }

    /// Whose inputs they are.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Which file it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes of it were read.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.at
    }

    /// How it ends, once it was read.
    #[must_use]
    pub fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    fn fill(&mut self) -> Option<Ending> {
        let at = self.at;
        let damaged = |what: String| Ending::Damaged { at, what };
        match read_chunk(&mut self.reader, &mut self.at) {
            Err(error) => Some(damaged(error.to_string())),
            Ok(Err(ending)) => Some(ending),
            Ok(Ok(body)) => match read_items(&body) {
                Ok(items) => {
                    self.items = items.into_iter();
                    None
                }
                Err(wrong) => Some(damaged(wrong.to_string())),
            },
        }
    }
}

impl Iterator for RecordFile {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.items.next() {
                return Some(item);
            }
            if self.ending.is_some() {
                return None;
            }
            self.ending = self.fill();
        }
    }
}

/// The body of the next chunk, or how the file ends.
fn read_chunk(reader: &mut impl Read, at: &mut u64) -> io::Result<Result<Vec<u8>, Ending>> {
    let begin = *at;
    let mut head = Vec::with_capacity(CHUNK_HEAD_BYTES);
    let mut limited = reader.by_ref().take(CHUNK_HEAD_BYTES as u64);
    limited.read_to_end(&mut head)?;
    let Ok(head) = <[u8; CHUNK_HEAD_BYTES]>::try_from(&head[..]) else {
        let whole = head.is_empty();
        return Ok(Err(if whole {
            Ending::Whole
        } else {
            Ending::Torn { at: begin }
        }));
    };
    let Some(head) = ChunkHead::read(head) else {
        let what = "the checksum of a length is wrong".to_owned();
        return Ok(Err(Ending::Damaged { at: begin, what }));
    };
    let mut body = Vec::new();
    reader.by_ref().take(head.length).read_to_end(&mut body)?;
    if (body.len() as u64) < head.length {
        return Ok(Err(Ending::Torn { at: begin }));
    }
    if !head.fits(&body) {
        let what = format!("the checksum of {} bytes is wrong", head.length);
        return Ok(Err(Ending::Damaged { at: begin, what }));
    }
    *at += (CHUNK_HEAD_BYTES + body.len()) as u64;
    Ok(Ok(body))
}

/// Whether a file begins like a record of inputs.
#[must_use]
pub fn is_record(path: &Path) -> bool {
    let mut begin = [0; MAGIC.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut begin));
    read.is_ok() && begin == MAGIC
}

/// All records at and below `path`, in order.
///
/// # Errors
/// When a folder cannot be read.
pub fn find(path: &Path) -> Result<Vec<PathBuf>, Unreadable> {
    let unreadable = |error: io::Error| Unreadable {
        path: path.to_owned(),
        what: error.to_string(),
    };
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let kind = entry.file_type().map_err(unreadable)?;
        // A link leads to something that is found by itself.
        if kind.is_dir() {
            found.extend(find(&entry.path())?);
        } else if kind.is_file() && entry.path().extension().is_some_and(|e| e == EXTENSION) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}
