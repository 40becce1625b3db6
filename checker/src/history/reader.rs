//! Reading and writing a history as JSON lines, one event at a time.

use super::Event;
use std::io::{self, BufRead, Write};

/// Why a history could not be read: what was wrong, and where.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The bytes could not be read at all.
    #[error("line {line}: cannot be read: {source}")]
    Io {
        /// Line, counted from 1.
        line: usize,
        /// What the operating system said.
        source: io::Error,
    },
    /// The text is not what the format asks for.
    #[error("line {line}, column {column}: {expected}")]
    Malformed {
        /// Line, counted from 1.
        line: usize,
        /// Column in bytes, counted from 1.
        column: usize,
        /// What was expected there, or what is wrong with what is there.
        expected: String,
    },
    /// The bytes are not what the format asks for, in a format that has no lines.
    #[error("offset {offset}: {expected}")]
    Binary {
        /// Offset in bytes from the beginning, after unpacking.
        offset: u64,
        /// What was expected there, or what is wrong with what is there.
        expected: String,
    },
    /// The file could not be opened.
    #[error("cannot be read: {0}")]
    Closed(String),
    /// The file as a whole is no history, or is damaged so that nothing could be read.
    #[error("{0}")]
    Damaged(String),
    /// The run died while it wrote its history; what was written is kept.
    #[error(
        "the run died while it wrote: behind {sealed} event(s) that were sealed, {salvaged} of the chunk that was never closed are whole"
    )]
    Died {
        /// Events before the chunk.
        sealed: u32,
        /// Events in the chunk.
        salvaged: usize,
    },
    /// One of several files could not be read.
    #[error("{file}: {source}")]
    InFile {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: Box<ReadError>,
    },
}

impl ReadError {
    /// The error that something else was expected at a place; what it quotes is cut after a few lines.
    pub(crate) fn malformed(line: usize, column: usize, expected: impl Into<String>) -> ReadError {
        let mut expected: String = expected.into();
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
}

/// Reads the events of a JSON-lines history one by one, holding only the current line.
///
/// Empty lines are skipped. A line that is cut off at the very end of the file (a run that was
/// killed while it wrote) is an error like any other malformed line.
///
/// ```
/// use kensho_checker::history::{Kind, Reader};
/// let text = r#"{"index":0,"time":5,"process":3,"type":"invoke","f":"write","value":4}"#;
/// let events: Result<Vec<_>, _> = Reader::new(text.as_bytes()).collect();
/// assert_eq!(events.unwrap()[0].kind, Kind::Invoke);
/// ```
pub struct Reader<R> {
    input: R,
    line: usize,
    buffer: Vec<u8>,
}

impl<R: BufRead> Reader<R> {
    /// Reads from here on.
    pub fn new(input: R) -> Self {
        Reader {
            input,
            line: 0,
            buffer: Vec::new(),
        }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Event, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.buffer.clear();
            self.line += 1;
            match self.input.read_until(b'\n', &mut self.buffer) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(source) => {
                    return Some(Err(ReadError::Io {
                        line: self.line,
                        source,
                    }));
                }
            }
            if !self.buffer.iter().all(u8::is_ascii_whitespace) {
                break;
            }
        }
        let line = self.line;
        Some(serde_json::from_slice(&self.buffer).map_err(|error| malformed_json(line, &error)))
    }
}

/// The error of one line's JSON, at its place in the whole file.
fn malformed_json(line: usize, error: &serde_json::Error) -> ReadError {
    let text = error.to_string();
    let expected = text.split(" at line ").next().unwrap_or(&text).to_owned();
    ReadError::Malformed {
        line,
        column: error.column().max(1),
        expected,
    }
}

/// Writes events as JSON lines, each line flushed when it is complete, so that a run that is
/// killed leaves every event that it knew of.
///
/// ```
/// use kensho_checker::history::{Event, Kind, Process, Writer};
/// let mut writer = Writer::new(Vec::new());
/// let event = Event::invoke(0, 5, Process::Client(3), "write").with_value(4);
/// writer.write(&event).unwrap();
/// let line = String::from_utf8(writer.into_inner()).unwrap();
/// assert_eq!(line.trim(), r#"{"index":0,"time":5,"process":3,"type":"invoke","f":"write","value":4}"#);
/// ```
pub struct Writer<W> {
    output: W,
    line: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Writes to here; no buffering is needed around it.
    pub fn new(output: W) -> Self {
        Writer {
            output,
            line: Vec::new(),
        }
    }

    /// Writes one event with one call to the output, and flushes it.
    pub fn write(&mut self, event: &Event) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, event)?;
        self.line.push(b'\n');
        self.output.write_all(&self.line)?;
        self.output.flush()
    }

    /// The output, for whatever comes after the history.
    pub fn into_inner(self) -> W {
        self.output
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_line_and_column() {
        let text = "{\"index\":0,\"time\":0,\"process\":0,\"type\":\"invoke\",\"f\":\"read\"}\n\n{\"index\":1,\"time\":0,\"process\":\"somebody\"}\n";
        let mut reader = Reader::new(text.as_bytes());
        assert!(reader.next().unwrap().is_ok());
        let error = reader.next().unwrap().unwrap_err().to_string();
        assert!(error.starts_with("line 3, column 40: "), "{error}");
        assert!(error.contains("process number"), "{error}");
        assert!(reader.next().is_none());
    }
}
