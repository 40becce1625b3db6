//! Forms of EDN: a small reader that tolerates what Jepsen's histories contain.

use crate::value::Value;

pub(super) const TOO_DEEP: &str = "forms are nested too deeply";

/// How deep forms may be nested.
pub(super) const DEPTH_MAX: usize = 200;

/// What is wrong with a form, and where.
pub(super) struct Wrong {
    /// Offset in the reader's text.
    pub(super) at: usize,
    pub(super) what: String,
}

/// Reads forms from a text.
pub(super) struct Reader<'a> {
    text: &'a [u8],
    pub(super) at: usize,
    /// Whether the end of the text was seen: with more text, the last form might be another one.
    pub(super) saw_end: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a [u8], at: usize) -> Reader<'a> {
        Reader {
            text,
            at,
            saw_end: false,
        }
    }

    pub(super) fn peek(&mut self) -> Option<u8> {
        let next = self.text.get(self.at).copied();
        self.saw_end |= next.is_none();
        next
    }

    fn error(&self, expected: impl Into<String>) -> Wrong {
        malformed(self.at, expected)
    }

    /// Skips space, commas, comments, and forms that are to be discarded.
    pub(super) fn skip_space(&mut self, depth: usize) -> Result<(), Wrong> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r' | b',' | b'\x0c' | b'\x0b') => self.at += 1,
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

    pub(super) fn form(&mut self, depth: usize) -> Result<Value, Wrong> {
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
    fn sequence(&mut self, close: u8, depth: usize) -> Result<Vec<Value>, Wrong> {
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

    fn map(&mut self, depth: usize) -> Result<Value, Wrong> {
        let start = self.at;
        let elements = self.sequence(b'}', depth)?;
        if elements.len() % 2 == 1 {
            return Err(malformed(
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

    fn dispatch(&mut self, depth: usize) -> Result<Value, Wrong> {
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

    fn string(&mut self) -> Result<String, Wrong> {
        let start = self.at;
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            match self.peek() {
                None => return Err(malformed(start, "this text is never closed")),
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
        String::from_utf8(bytes).map_err(|_| malformed(start, "expected UTF-8 text"))
    }

    /// `uXXXX`, standing on the `u`; a surrogate without its partner becomes the replacement mark.
    fn unicode(&mut self) -> Result<char, Wrong> {
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

    fn character(&mut self) -> Result<Value, Wrong> {
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
    fn atom(&mut self) -> Result<Value, Wrong> {
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
            return Err(malformed(start, "expected UTF-8 text"));
        };
        if let Some(keyword) = word.strip_prefix(':') {
            return Ok(Value::Name(keyword.trim_start_matches(':').to_owned()));
        }
        let signed = word.strip_prefix(['+', '-']).unwrap_or(word);
        if signed.starts_with(|letter: char| letter.is_ascii_digit()) {
            return number(word)
                .ok_or_else(|| malformed(start, format!("{word} is not a number")));
        }
        Ok(match word {
            "nil" => Value::Nil,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => Value::Name(word.to_owned()),
        })
    }
}

fn malformed(at: usize, what: impl Into<String>) -> Wrong {
    Wrong {
        at,
        what: what.into(),
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
