//! JSON values one after the other, or in one array, found in the input without holding it.

use super::ReadError;
use super::input::Input;

/// Walks over the values of a file.
#[derive(Default)]
pub(super) struct Values {
    /// Whether the values are the elements of an array.
    in_array: bool,
    /// Whether that array is closed.
    closed: bool,
}

impl Values {
    /// The length of the next value, which stands at the beginning of the input's window; none at
    /// the end. A value that is cut off is an error.
    pub(super) fn next(&mut self, input: &mut Input<'_>) -> Result<Option<usize>, ReadError> {
        loop {
            let bytes = input.bytes();
            let space = bytes
                .iter()
                .position(|byte| !b" \t\r\n,".contains(byte))
                .unwrap_or(bytes.len());
            input.consume(space);
            match input.bytes().first().copied() {
                None if input.more()? => {}
                None if self.in_array && !self.closed => {
                    return Err(input.malformed(0, "expected ']', but the text ends"));
                }
                None => return Ok(None),
                Some(b'[') if !self.in_array => {
                    self.in_array = true;
                    input.consume(1);
                }
                Some(b']') if self.in_array && !self.closed => {
                    self.closed = true;
                    input.consume(1);
                }
                Some(_) if self.closed => {
                    return Err(input.malformed(0, "expected nothing after the array"));
                }
                Some(_) => break,
            }
        }
        loop {
            if let Some(length) = length(input.bytes()) {
                return Ok(Some(length));
            }
            if !input.more()? {
                return Ok(Some(input.bytes().len()));
            }
        }
    }
}

/// The length of the value that the text begins with; none if it may be longer than the text.
fn length(text: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'"' => {
                at += 1;
                loop {
                    at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
                    if text[at] == b'"' {
                        break;
                    }
                    at += 2;
                }
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b' ' | b'\t' | b'\r' | b'\n' | b',' if depth == 0 => return Some(at),
            _ => {}
        }
        at += 1;
    }
}

/// The error of a value that stands at the beginning of the window, at its place in the file.
pub(super) fn malformed(input: &Input<'_>, error: &serde_json::Error) -> ReadError {
    let (line, column) = input.place(0);
    let text = error.to_string();
    let expected = text.split(" at line ").next().unwrap_or(&text).to_owned();
    match error.line() {
        0 | 1 => ReadError::malformed(line, column + error.column().max(1) - 1, expected),
        more => ReadError::malformed(line + more - 1, error.column().max(1), expected),
    }
}
