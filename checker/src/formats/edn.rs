//! EDN, as Jepsen writes it: a small reader that tolerates what Jepsen's histories contain.
//!
//! Commas are space; `;` begins a comment and `#_` discards the next form; tags and metadata are
//! read over; symbols and keywords become names; ratios and numbers beyond 64 bits become doubles.

use super::{ReadError, loose, malformed};
use crate::history::{Builder, Event, History, Kind, Process};
use crate::value::Value;
use std::fmt::Write as _;

/// How deep forms may be nested.
const DEPTH_MAX: usize = 200;

/// Reads a history: maps one after the other, or in vectors, lists or sets.
pub fn read(text: &[u8]) -> Result<History, ReadError> {
    let mut reader = Reader { text, at: 0 };
    let mut builder = Builder::default();
    let mut containers = Vec::new();
    loop {
        reader.skip_space(0)?;
        let start = reader.at;
        match reader.peek() {
            None => break,
            Some(b'[' | b'(') => {
                let close = if reader.peek() == Some(b'[') {
                    b']'
                } else {
                    b')'
                };
                containers.push((close, start));
                if containers.len() > DEPTH_MAX {
                    return Err(malformed(text, start, TOO_DEEP));
                }
                reader.at += 1;
            }
            Some(byte @ (b']' | b')' | b'}')) => {
                if containers.last().is_none_or(|(close, _)| *close != byte) {
                    let expected = match containers.last() {
                        Some((close, _)) => format!("expected {:?} or an event", *close as char),
                        None => format!("{:?} closes nothing", byte as char),
                    };
                    return Err(malformed(text, start, expected));
                }
                containers.pop();
                reader.at += 1;
            }
            Some(_) => {
                let event = reader.form(0)?;
                loose::push(&mut builder, event).map_err(|what| malformed(text, start, what))?;
            }
        }
    }
    if let Some((close, start)) = containers.last() {
        let expected = format!(
            "what opens here is never closed: expected {:?}",
            *close as char
        );
        return Err(malformed(text, *start, expected));
    }
    Ok(builder.finish())
}

/// Reads one value, and nothing after it.
pub fn parse(text: &[u8]) -> Result<Value, ReadError> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.form(0)?;
    reader.skip_space(0)?;
    if reader.at < text.len() {
        return Err(malformed(text, reader.at, "expected nothing more"));
    }
    Ok(value)
}

/// Writes an event as a line of EDN, as Jepsen would.
pub fn write(event: &Event) -> String {
    let mut line = String::new();
    let kind = match event.kind {
        Kind::Invoke => "invoke",
        Kind::Ok => "ok",
        Kind::Fail => "fail",
        Kind::Info => "info",
    };
    let process = match event.process {
        Process::Client(number) => number.to_string(),
        Process::Nemesis => ":nemesis".to_owned(),
    };
    let value = Value::from(&event.value);
    let _ = write!(
        line,
        "{{:index {}, :time {}, :process {process}, :type :{kind}, :f :{}, ",
        event.index,
        event.time,
        if event.f.is_empty() { "nil" } else { &event.f }
    );
    if let Some(key) = &event.key {
        let _ = write!(line, ":key {}, ", Value::Text(key.clone()));
    }
    let _ = write!(line, ":value {value}");
    if let Some(observed) = &event.observed {
        let _ = write!(line, ", :observed {}", Value::from(observed));
    }
    if let Some(error) = &event.error {
        let _ = write!(line, ", :error {}", Value::Text(error.clone()));
    }
    if let Some(node) = &event.node {
        let _ = write!(line, ", :node {}", Value::Text(node.clone()));
    }
    line.push('}');
    line
}

const TOO_DEEP: &str = "forms are nested too deeply";

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn error(&self, expected: impl Into<String>) -> ReadError {
        malformed(self.text, self.at, expected)
    }

    /// Skips space, commas, comments, and forms that are to be discarded.
    fn skip_space(&mut self, depth: usize) -> Result<(), ReadError> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r' | b',' | b'\x0c' | b'\x0b') => self.at += 1,
                Some(b'\xef') if self.at == 0 && self.text.starts_with(b"\xef\xbb\xbf") => {
                    self.at = 3;
                }
                Some(b';') => {
                    while !matches!(self.peek(), None | Some(b'\n')) {
                        self.at += 1;
                    }
                }
                Some(b'#') if self.text.get(self.at + 1) == Some(&b'_') => {
                    self.at += 2;
                    self.form(depth + 1)?;
                }
                _ => return Ok(()),
            }
        }
    }

    fn form(&mut self, depth: usize) -> Result<Value, ReadError> {
        if depth > DEPTH_MAX {
            return Err(self.error(TOO_DEEP));
        }
        self.skip_space(depth)?;
        match self.peek() {
            None => Err(self.error("expected a value, but the text ends")),
            Some(b'[') => Ok(Value::List(self.sequence(b']', depth)?)),
            Some(b'(') => Ok(Value::List(self.sequence(b')', depth)?)),
            Some(b'{') => self.map(depth),
            Some(b'"') => Ok(Value::Text(self.string()?)),
            Some(b'\\') => self.character(),
            Some(b'#') => self.dispatch(depth),
            Some(b'^') => {
                self.at += 1;
                self.form(depth + 1)?;
                self.form(depth + 1)
            }
            Some(b'\'') => {
                self.at += 1;
                self.form(depth + 1)
            }
            Some(byte @ (b']' | b')' | b'}')) => {
                Err(self.error(format!("expected a value, not {:?}", byte as char)))
            }
            Some(_) => self.atom(),
        }
    }

    /// The forms up to a closing byte; stands on the opening one.
    fn sequence(&mut self, close: u8, depth: usize) -> Result<Vec<Value>, ReadError> {
        let start = self.at;
        self.at += 1;
        let mut elements = Vec::new();
        loop {
            self.skip_space(depth)?;
            match self.peek() {
                Some(byte) if byte == close => {
                    self.at += 1;
                    return Ok(elements);
                }
                None => {
                    return Err(malformed(
                        self.text,
                        start,
                        format!(
                            "what opens here is never closed: expected {:?}",
                            close as char
                        ),
                    ));
                }
                Some(_) => elements.push(self.form(depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, ReadError> {
        let start = self.at;
        let elements = self.sequence(b'}', depth)?;
        if elements.len() % 2 == 1 {
            return Err(malformed(
                self.text,
                start,
                "this map has a key without a value",
            ));
        }
        let mut entries = Vec::with_capacity(elements.len() / 2);
        let mut elements = elements.into_iter();
        while let (Some(key), Some(value)) = (elements.next(), elements.next()) {
            entries.push((key, value));
        }
        Ok(Value::map(entries))
    }

    fn dispatch(&mut self, depth: usize) -> Result<Value, ReadError> {
        self.at += 1;
        match self.peek() {
            Some(b'{') => Ok(Value::set(self.sequence(b'}', depth)?)),
            // Not a set, but printed like one by some: `#[:n1 :n2]`.
            Some(b'[' | b'(') => self.form(depth + 1),
            Some(b'"') => self.form(depth + 1),
            Some(b'#') => {
                // Symbolic values: ##Inf, ##NaN.
                self.at += 1;
                let name = self.atom()?;
                Ok(Value::Float(
                    match name.as_text() {
                        Some("Inf") => f64::INFINITY,
                        Some("-Inf") => f64::NEG_INFINITY,
                        _ => f64::NAN,
                    }
                    .to_bits(),
                ))
            }
            Some(b':') => {
                // A namespaced map: the namespace is read over, its keys stay as they are.
                self.atom()?;
                self.form(depth + 1)
            }
            Some(byte) if byte.is_ascii_alphabetic() => {
                self.atom()?;
                self.form(depth + 1)
            }
            _ => Err(self.error("expected a set, a tag or a discarded form after #")),
        }
    }

    fn string(&mut self) -> Result<String, ReadError> {
        let start = self.at;
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            match self.peek() {
                None => return Err(malformed(self.text, start, "this text is never closed")),
                Some(b'"') => {
                    self.at += 1;
                    break;
                }
                Some(b'\\') => {
                    self.at += 1;
                    let escaped = match self.peek() {
                        Some(b'n') => b'\n',
                        Some(b't') => b'\t',
                        Some(b'r') => b'\r',
                        Some(b'b') => 8,
                        Some(b'f') => 12,
                        Some(b'u') => {
                            let letter = self.unicode()?;
                            bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                            continue;
                        }
                        Some(byte) => byte,
                        None => continue,
                    };
                    bytes.push(escaped);
                    self.at += 1;
                }
                Some(byte) => {
                    bytes.push(byte);
                    self.at += 1;
                }
            }
        }
        String::from_utf8(bytes).map_err(|_| malformed(self.text, start, "expected UTF-8 text"))
    }

    /// `uXXXX`, standing on the `u`; a surrogate without its partner becomes the replacement mark.
    fn unicode(&mut self) -> Result<char, ReadError> {
        let digits = self.text.get(self.at + 1..self.at + 5);
        let code = digits
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let Some(code) = code else {
            return Err(self.error("expected four hexadecimal digits after \\u"));
        };
        self.at += 5;
        Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn character(&mut self) -> Result<Value, ReadError> {
        self.at += 1;
        let start = self.at;
        let Some(first) = self.peek() else {
            return Err(self.error("expected a character after \\"));
        };
        self.at += 1;
        if first >= 0x80 {
            while self.peek().is_some_and(|byte| byte & 0xc0 == 0x80) {
                self.at += 1;
            }
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric()) {
            self.at += 1;
        }
        let name = String::from_utf8_lossy(&self.text[start..self.at]).into_owned();
        Ok(Value::Text(match name.as_str() {
            "newline" => "\n".to_owned(),
            "space" => " ".to_owned(),
            "tab" => "\t".to_owned(),
            "return" => "\r".to_owned(),
            _ => name,
        }))
    }

    /// A number, a keyword, a symbol, `nil`, `true` or `false`.
    fn atom(&mut self) -> Result<Value, ReadError> {
        let start = self.at;
        while self.peek().is_some_and(|byte| {
            !matches!(
                byte,
                b' ' | b'\t'
                    | b'\n'
                    | b'\r'
                    | b','
                    | b'\x0c'
                    | b'\x0b'
                    | b'['
                    | b']'
                    | b'('
                    | b')'
                    | b'{'
                    | b'}'
                    | b'"'
                    | b';'
            )
        }) {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.error("expected a value"));
        }
        let Ok(word) = std::str::from_utf8(&self.text[start..self.at]) else {
            return Err(malformed(self.text, start, "expected UTF-8 text"));
        };
        if let Some(keyword) = word.strip_prefix(':') {
            return Ok(Value::Name(keyword.trim_start_matches(':').to_owned()));
        }
        let signed = word.strip_prefix(['+', '-']).unwrap_or(word);
        if signed.starts_with(|letter: char| letter.is_ascii_digit()) {
            return number(word)
                .ok_or_else(|| malformed(self.text, start, format!("{word} is not a number")));
        }
        Ok(match word {
            "nil" => Value::Nil,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => Value::Name(word.to_owned()),
        })
    }
}

fn number(word: &str) -> Option<Value> {
    let whole = word.strip_suffix('N').unwrap_or(word);
    if let Ok(number) = whole.strip_prefix('+').unwrap_or(whole).parse::<i64>() {
        return Some(Value::Int(number));
    }
    if let Some(number) = Value::great_number(whole) {
        return Some(number);
    }
    if let Some((above, below)) = word.split_once('/') {
        let ratio = above.parse::<f64>().ok()? / below.parse::<f64>().ok()?;
        return Some(Value::Float(ratio.to_bits()));
    }
    if let Some(digits) = whole.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok().map(Value::Int);
    }
    let decimal = whole.strip_suffix('M').unwrap_or(whole);
    decimal
        .parse::<f64>()
        .ok()
        .map(|number| Value::Float(number.to_bits()))
}
