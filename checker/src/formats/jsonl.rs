//! Our JSON lines, read fast: the common line is scanned in place, any other one goes to serde.

use super::beginning::{Beginning, is_json_object};
use super::input::Input;
use super::{Definition, ReadError, json_values, loose};
use crate::history::{Builder, Datum, History, Kind, NEVER, RawEvent, Symbol};
use crate::value::Value;

pub(super) const FORMAT: Definition = Definition {
    name: "jsonl",
    what: r#"ours, an event a line: {"process":3,"type":"invoke","f":"write","key":"r7","value":4}"#,
    recognise,
    read,
    folder: None,
};

fn recognise(beginning: &Beginning<'_>) -> bool {
    is_json_object(beginning.text)
}

fn read(input: &mut Input<'_>, builder: &mut Builder) -> Result<(), ReadError> {
    input.skip_mark()?;
    while let Some((length, consumed)) = input.line()? {
        let line = &input.bytes()[..length];
        if let Some(event) = fast(&mut builder.history, line) {
            builder.push_raw(&event);
        } else if !line.trim_ascii().is_empty() {
            let json: serde_json::Value = serde_json::from_slice(line)
                .map_err(|error| json_values::malformed(input, &error))?;
            loose::push(builder, Value::from(&json)).map_err(|what| input.malformed(0, what))?;
        }
        input.consume(consumed);
        if builder.stopped() {
            break;
        }
    }
    Ok(())
}

/// The event of a line that has only known entries with simple values; none for any other line.
pub(super) fn fast(history: &mut History, line: &[u8]) -> Option<RawEvent> {
    let mut scan = Scan { line, at: 0 };
    scan.byte(b'{')?;
    let mut event = RawEvent {
        index: None,
        time: 0,
        process: None,
        kind: Kind::Invoke,
        f: Symbol::NONE,
        key: NEVER,
        value: Datum::NIL,
        answered: false,
        observed: None,
        node: Symbol::NONE,
    };
    let mut typed = false;
    loop {
        let name = scan.text()?;
        scan.byte(b':')?;
        match name {
            b"index" => event.index = Some(scan.number()?.try_into().ok()?),
            b"time" => event.time = scan.number()?.try_into().ok()?,
            b"process" => {
                let number = scan.number()?.try_into().ok()?;
                event.process = Some(history.intern_process(number));
            }
            b"type" => {
                typed = true;
                event.kind = match scan.text()? {
                    b"invoke" => Kind::Invoke,
                    b"ok" => Kind::Ok,
                    b"fail" => Kind::Fail,
                    b"info" => Kind::Info,
                    _ => return None,
                };
            }
            b"f" => {
                let name = std::str::from_utf8(scan.text()?).ok()?;
                if name.bytes().any(|letter| letter.is_ascii_uppercase()) {
                    return None;
                }
                event.f = history.intern_name(name);
            }
            b"key" => event.key = key(history, scan.text()?)?,
            b"value" => {
                event.value = scan.value(history)?;
                event.answered = true;
            }
            b"observed" => event.observed = Some(scan.value(history)?),
            b"node" => event.node = history.intern_name(std::str::from_utf8(scan.text()?).ok()?),
            _ => return None,
        }
        if scan.byte(b',').is_none() {
            scan.byte(b'}')?;
            scan.skip();
            return (scan.at == line.len() && typed && event.process.is_some()).then_some(event);
        }
    }
}

fn key(history: &mut History, text: &[u8]) -> Option<u32> {
    Some(history.intern_text_key(std::str::from_utf8(text).ok()?))
}

struct Scan<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    #[inline]
    fn skip(&mut self) {
        while matches!(self.line.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    #[inline]
    fn byte(&mut self, wanted: u8) -> Option<()> {
        self.skip();
        (self.line.get(self.at) == Some(&wanted)).then(|| self.at += 1)
    }

    /// A text without escapes.
    #[inline]
    fn text(&mut self) -> Option<&'a [u8]> {
        self.byte(b'"')?;
        let start = self.at;
        loop {
            match self.line.get(self.at)? {
                b'"' => break,
                b'\\' | 0..=0x1f => return None,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(&self.line[start..self.at - 1])
    }

    /// A whole number of at most 18 digits.
    #[inline]
    fn number(&mut self) -> Option<i64> {
        self.skip();
        let negative = self.line.get(self.at) == Some(&b'-');
        self.at += usize::from(negative);
        let start = self.at;
        let mut number = 0_i64;
        while let Some(digit @ b'0'..=b'9') = self.line.get(self.at) {
            if self.at - start == 18 {
                return None;
            }
            number = number * 10 + i64::from(digit - b'0');
            self.at += 1;
        }
        let leading_zero = self.at - start > 1 && self.line[start] == b'0';
        if self.at == start
            || leading_zero
            || matches!(self.line.get(self.at), Some(b'.' | b'e' | b'E'))
        {
            return None;
        }
        Some(if negative { -number } else { number })
    }

    /// `null`, a number, a text, or a list of two numbers.
    #[inline]
    fn value(&mut self, history: &mut History) -> Option<Datum> {
        self.skip();
        match self.line.get(self.at)? {
            b'n' if self.line[self.at..].starts_with(b"null") => {
                self.at += 4;
                Some(Datum::NIL)
            }
            b'"' => {
                let text = std::str::from_utf8(self.text()?).ok()?;
                Some(history.intern(&Value::Text(text.to_owned())))
            }
            b'[' => {
                self.at += 1;
                let first = self.small()?;
                self.byte(b',')?;
                let second = self.small()?;
                self.byte(b']')?;
                Some(history.intern_pair(first, second))
            }
            _ => Datum::small(self.number()?),
        }
    }

    fn small(&mut self) -> Option<Datum> {
        self.skip();
        if self.line[self.at..].starts_with(b"null") {
            self.at += 4;
            return Some(Datum::NIL);
        }
        Datum::small(self.number()?)
    }
}
