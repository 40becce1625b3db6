//! The bytes of a history as a window that moves over a file, a pipe or memory, so that a reader
//! holds no more than the event that it is at.

use super::ReadError;
use std::cell::Cell;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek};

/// How much is read at once.
const CHUNK: usize = 1 << 18;

/// The longest event, in bytes.
const EVENT_MAX: usize = 1 << 28;

/// A source that can be read at any place.
pub(crate) trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

/// A window that moves over bytes.
pub(crate) struct Input<'a> {
    source: Box<dyn Read + 'a>,
    /// The same source, if it is a file that can be read at any place.
    file: Option<File>,
    window: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
    damage: Option<String>,
    /// Line and column of the window's first byte.
    base: Mark,
    /// A byte whose place was asked for: counting goes on from here.
    mark: Cell<Mark>,
}

#[derive(Clone, Copy)]
struct Mark {
    at: usize,
    line: usize,
    column: usize,
}

impl<'a> Input<'a> {
    /// A window over whatever this reads.
    pub(crate) fn new(source: impl Read + 'a) -> Input<'a> {
        let base = Mark {
            at: 0,
            line: 1,
            column: 1,
        };
        Input {
            source: Box::new(source),
            file: None,
            window: Vec::new(),
            start: 0,
            end: 0,
            ended: false,
            damage: None,
            base,
            mark: Cell::new(base),
        }
    }

    /// A window over a file.
    pub(crate) fn of_file(file: File) -> io::Result<Input<'static>> {
        let regular = file.metadata()?.is_file();
        let same = if regular {
            Some(file.try_clone()?)
        } else {
            None
        };
        Ok(Input {
            file: same,
            ..Input::new(file)
        })
    }

    /// What is in the window.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.window[self.start..self.end]
    }

    /// Whether nothing follows the window.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Why the source ended too early, if it did.
    pub(crate) fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// Moves the window's beginning on.
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
    }

    /// Reads on, so that the window grows at its end; false if nothing follows. An error says that
    /// the window would become too large.
    pub(crate) fn more(&mut self) -> Result<bool, ReadError> {
        if self.ended {
            return Ok(false);
        }
        if self.end - self.start >= EVENT_MAX {
            return Err(self.malformed(0, "one event of more than 256 MiB"));
        }
        if self.start > 0 {
            let place = self.mark(self.start);
            self.base = Mark { at: 0, ..place };
            self.mark.set(self.base);
            self.window.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.window.len() - self.end < CHUNK {
            let length = (self.window.len() * 2).max(2 * CHUNK);
            self.window.resize(length, 0);
        }
        // An event that does not fit wants to be tried again rarely.
        let wanted = self.end + CHUNK.max(self.end);
        while self.end < wanted && self.end < self.window.len() {
            match self.source.read(&mut self.window[self.end..]) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(read) => {
                    self.end += read;
                    // A pipe has given all that it has: judge that before the next is there.
                    if read < CHUNK / 4 && self.end < CHUNK {
                        break;
                    }
                }
                Err(problem) if problem.kind() == io::ErrorKind::Interrupted => {}
                Err(problem) => {
                    self.damage = Some(problem.to_string());
                    self.ended = true;
                    break;
                }
            }
        }
        Ok(true)
    }

    /// Reads on until the window has so many bytes; false if there are not as many.
    pub(crate) fn fill(&mut self, bytes: usize) -> Result<bool, ReadError> {
        while self.bytes().len() < bytes {
            if !self.more()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The length of the line at the window's beginning without its line feed, and how many bytes
    /// are to be consumed for it; none at the end.
    pub(crate) fn line(&mut self) -> Result<Option<(usize, usize)>, ReadError> {
        let mut searched = 0;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.bytes()[searched..]) {
                return Ok(Some((searched + at, searched + at + 1)));
            }
            searched = self.bytes().len();
            if !self.more()? {
                return Ok((searched > 0).then_some((searched, searched)));
            }
        }
    }

    /// Passes over the mark that some programs put before UTF-8.
    pub(crate) fn skip_mark(&mut self) -> Result<(), ReadError> {
        if self.fill(3)? && self.bytes().starts_with(b"\xef\xbb\xbf") {
            self.consume(3);
        }
        Ok(())
    }

    /// Line and column, from 1, of a byte of the window.
    pub(crate) fn place(&self, at: usize) -> (usize, usize) {
        let mark = self.mark((self.start + at).min(self.end));
        (mark.line, mark.column)
    }

    fn mark(&self, at: usize) -> Mark {
        let mut mark = self.mark.get();
        if mark.at > at {
            mark = self.base;
        }
        let passed = &self.window[mark.at..at];
        match memchr::memrchr(b'\n', passed) {
            Some(last) => {
                mark.line += memchr::memchr_iter(b'\n', passed).count();
                mark.column = passed.len() - last;
            }
            None => mark.column += passed.len(),
        }
        mark.at = at;
        self.mark.set(mark);
        mark
    }

    /// The error that something else was expected at a byte of the window.
    pub(crate) fn malformed(&self, at: usize, expected: impl Into<String>) -> ReadError {
        let (line, column) = self.place(at);
        ReadError::malformed(line, column, expected)
    }

    /// The source as one that can be read at any place, from its first byte on. What is no file,
    /// or is packed, is held in memory.
    pub(crate) fn seekable(&mut self) -> Box<dyn ReadSeek> {
        match self.file.take() {
            Some(file) => Box::new(file),
            None => Box::new(Cursor::new(self.whole())),
        }
    }

    /// All bytes from here on.
    pub(crate) fn whole(&mut self) -> Vec<u8> {
        let mut whole = self.bytes().to_vec();
        self.consume(whole.len());
        if let Err(problem) = self.source.read_to_end(&mut whole) {
            self.damage = Some(problem.to_string());
        }
        self.ended = true;
        whole
    }

    /// The source from here on, for a reader of its own: what is in the window comes first.
    pub(crate) fn into_source(self) -> impl Read + 'a {
        let Input {
            mut window,
            start,
            end,
            source,
            ..
        } = self;
        window.truncate(end);
        let mut window = Cursor::new(window);
        window.set_position(start as u64);
        window.chain(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time, as a pipe may.
    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(3).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn lines_and_places_are_the_same_however_the_bytes_come() {
        let text: String = (0..100_000).map(|n| format!("{n}\n")).collect();
        let mut inputs = [
            Input::new(text.as_bytes()),
            Input::new(Drops(&text.as_bytes()[..9000])),
        ];
        for input in &mut inputs {
            let mut number = 0;
            while let Some((length, consumed)) = input.line().unwrap() {
                let line = std::str::from_utf8(&input.bytes()[..length]).unwrap();
                if number % 997 == 0 {
                    assert_eq!(line, number.to_string());
                    assert_eq!(input.place(0), (number + 1, 1));
                    assert_eq!(input.place(length), (number + 1, length + 1));
                }
                input.consume(consumed);
                number += 1;
            }
            assert!(number > 1000);
        }
    }
}
