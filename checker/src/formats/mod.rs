//! Histories in the notations of others: what is read, and how it is recognised.
//!
//! | format | what it is |
//! | --- | --- |
//! | `jsonl` | our own: one event a line, see [`crate::history`] |
//! | `edn` | Jepsen: maps, one after the other or in one vector or list |
//! | `jepsen-txt` | Jepsen's `history.txt`: process, type, f, value and error, separated by tabs |
//! | `porcupine-log` | the same lines with a logger's words before them, as Porcupine's tests have |
//! | `elle-json` | elle-cli: a JSON array of event objects |
//!
//! In a `porcupine-log`, lines that hold no event are passed over, with a warning.
//!
//! File order is history order. `:index` and `:time` may be missing. A process with a name is the
//! nemesis; a missing one is process 0.
//!
//! ```
//! use kensho_checker::formats::{self, Format};
//! let text = b"{:process 0, :type :invoke, :f :read}\n{:process 0, :type :ok, :f :read, :value 3}";
//! let history = formats::read(text, Format::detect(text)).unwrap();
//! assert_eq!(history.operations.len(), 1);
//! let error = formats::read(b"{:process 0,\n :type :maybe}", Format::Edn).unwrap_err();
//! assert_eq!(error.to_string(), "line 1, column 1: :type must be :invoke, :ok, :fail or :info, not :maybe");
//! ```

pub mod edn;
mod json;
mod jsonl;
mod lines;
mod loose;

use crate::history::History;
pub use crate::history::ReadError;

/// A notation of histories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Our JSON lines.
    Jsonl,
    /// Jepsen's EDN.
    Edn,
    /// Jepsen's `history.txt`.
    JepsenTxt,
    /// `history.txt` lines as a logger printed them.
    PorcupineLog,
    /// A JSON array of events.
    ElleJson,
}

impl Format {
    /// Recognises a history's notation by how it begins.
    pub fn detect(text: &[u8]) -> Format {
        let mut rest = text;
        loop {
            rest = rest.trim_ascii_start();
            rest = rest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(rest);
            match rest.first() {
                Some(b';') => {
                    let end = rest
                        .iter()
                        .position(|byte| *byte == b'\n')
                        .unwrap_or(rest.len());
                    rest = &rest[end..];
                }
                Some(b',') => rest = &rest[1..],
                _ => break,
            }
        }
        let second = rest.get(1..).unwrap_or_default().trim_ascii_start();
        match rest.first() {
            Some(b'{') if matches!(second.first(), Some(b'"')) && !edn_strings(second) => {
                Format::Jsonl
            }
            Some(b'[') if json_object(second) => Format::ElleJson,
            Some(b'{' | b'[' | b'(' | b'#') | None => Format::Edn,
            Some(b'0'..=b'9' | b':') => Format::JepsenTxt,
            Some(_) => Format::PorcupineLog,
        }
    }
}

/// Whether `{` and a text begin a JSON object: a colon follows the text.
fn json_object(text: &[u8]) -> bool {
    match text.strip_prefix(b"{") {
        Some(inner) => {
            let inner = inner.trim_ascii_start();
            inner.first() == Some(&b'"') && !edn_strings(inner)
        }
        None => text.first() == Some(&b']') && text.len() == 1,
    }
}

/// Whether a map that begins with this text is EDN's: no colon follows its first key.
fn edn_strings(text: &[u8]) -> bool {
    let end = text
        .iter()
        .skip(1)
        .position(|byte| *byte == b'"')
        .map(|end| end + 2);
    let after = end
        .and_then(|end| text.get(end..))
        .unwrap_or_default()
        .trim_ascii_start();
    after.first() != Some(&b':')
}

/// Reads a history.
pub fn read(text: &[u8], format: Format) -> Result<History, ReadError> {
    if let Some((_, what)) = NOT_TEXT.iter().find(|(begin, _)| text.starts_with(begin)) {
        return Err(malformed(text, 0, *what));
    }
    match format {
        Format::Jsonl => jsonl::read(text),
        Format::Edn => edn::read(text),
        Format::JepsenTxt => lines::read_events(text),
        Format::PorcupineLog => lines::read_log(text),
        Format::ElleJson => json::read(text),
    }
}

/// How files begin that hold a history in a wrapping, and what to do with them.
const NOT_TEXT: [(&[u8], &str); 5] = [
    (
        b"\x1f\x8b",
        "this is compressed; unpack it with gunzip first",
    ),
    (
        b"\x28\xb5\x2f\xfd",
        "this is compressed; unpack it with unzstd first",
    ),
    (
        b"PK\x03\x04",
        "this is an archive; unpack it with unzip first",
    ),
    (
        b"\xff\xfe",
        "this is UTF-16; convert it with iconv -f UTF-16 -t UTF-8 first",
    ),
    (
        b"\xfe\xff",
        "this is UTF-16; convert it with iconv -f UTF-16 -t UTF-8 first",
    ),
];

/// The line and column, counted from 1, of an offset.
fn place(text: &[u8], offset: usize) -> (usize, usize) {
    let before = &text[..offset.min(text.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = before
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    (line, before.len() - start + 1)
}

fn malformed(text: &[u8], offset: usize, expected: impl Into<String>) -> ReadError {
    let (line, column) = place(text, offset);
    let mut expected: String = expected.into();
    // It may quote what is there.
    if let Some((end, _)) = expected.char_indices().nth(400) {
        expected.truncate(end);
        expected.push('…');
    }
    ReadError::Malformed {
        line,
        column,
        expected,
    }
}

#[cfg(test)]
mod tests;
