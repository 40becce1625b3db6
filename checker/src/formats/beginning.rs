//! How a file begins, and what that shows.

/// How much of a file is looked at.
pub(super) const LENGTH: usize = 1 << 16;

/// The first bytes of a file.
pub(super) struct Beginning<'a> {
    /// As they are.
    pub(super) bytes: &'a [u8],
    /// Without space, commas, comments and the mark of UTF-8 before the first word.
    pub(super) text: &'a [u8],
}

impl<'a> Beginning<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Beginning<'a> {
        let bytes = &bytes[..bytes.len().min(LENGTH)];
        let mut text = bytes;
        loop {
            text = text.trim_ascii_start();
            text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
            match text.first() {
                Some(b';') => {
                    let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
                    text = &text[end..];
                }
                Some(b',') => text = &text[1..],
                _ => break,
            }
        }
        Beginning { bytes, text }
    }

    /// What comes after the first letter and the space behind it.
    pub(super) fn second(&self) -> &'a [u8] {
        self.text.get(1..).unwrap_or_default().trim_ascii_start()
    }

    /// The first line.
    pub(super) fn line(&self) -> &'a [u8] {
        let end = memchr::memchr(b'\n', self.text).unwrap_or(self.text.len());
        self.text[..end].trim_ascii_end()
    }

    /// Whether this is somewhere in it.
    pub(super) fn contains(&self, part: &[u8]) -> bool {
        memchr::memmem::find(self.bytes, part).is_some()
    }

    /// Whether the first map, JSON's or EDN's, has such a key.
    pub(super) fn has_key(&self, key: &str) -> bool {
        self.keys().any(|found| found == key.as_bytes())
    }

    /// The keys of the first map, without quotation marks and colons.
    fn keys(&self) -> impl Iterator<Item = &'a [u8]> {
        let open = memchr::memchr(b'{', self.text).filter(|at| {
            // Lists, and a record's tag, may stand before it.
            self.text[..*at]
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b" \t\r\n[(#._-".contains(byte))
        });
        let mut words = Words {
            text: open.map_or(&[], |at| &self.text[at + 1..]),
        };
        std::iter::from_fn(move || {
            let key = words.next()?;
            if key.starts_with(b"\"") {
                // JSON has a colon between key and value.
                let rest = words.text.trim_ascii_start();
                words.text = rest.strip_prefix(b":").unwrap_or(rest);
            }
            let value = words.next().unwrap_or_default();
            if value.starts_with(b"#") && !value.ends_with(b"}") && !value.ends_with(b"]") {
                // A tag, and what it tags.
                words.next();
            }
            let key = key.strip_prefix(b":").unwrap_or(key);
            let quoted = key
                .strip_prefix(b"\"")
                .and_then(|key| key.strip_suffix(b"\""));
            Some(quoted.unwrap_or(key))
        })
    }
}

/// Whether this begins as a JSON object: a colon follows the text after the brace.
pub(super) fn is_json_object(text: &[u8]) -> bool {
    let Some(inner) = text.strip_prefix(b"{") else {
        return false;
    };
    let mut words = Words { text: inner };
    words.next().is_some_and(|key| key.starts_with(b"\""))
        && words.text.trim_ascii_start().first() == Some(&b':')
}

/// The words and bracketed parts of a map.
struct Words<'a> {
    text: &'a [u8],
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        let is_space = |byte: &u8| b" \t\r\n,".contains(byte);
        let start = self.text.iter().position(|byte| !is_space(byte))?;
        let mut depth = 0_usize;
        let mut at = start;
        while let Some(byte) = self.text.get(at) {
            match byte {
                b'"' => {
                    at += 1;
                    while let Some(byte) = self.text.get(at).filter(|byte| **byte != b'"') {
                        at += if *byte == b'\\' { 2 } else { 1 };
                    }
                    if depth == 0 {
                        at += 1;
                        break;
                    }
                }
                b'{' | b'[' | b'(' => depth += 1,
                b'}' | b']' | b')' if depth == 0 => break,
                b'}' | b']' | b')' => {
                    depth -= 1;
                    if depth == 0 {
                        at += 1;
                        break;
                    }
                }
                _ if depth == 0 && is_space(byte) => break,
                _ => {}
            }
            at += 1;
        }
        let end = at.min(self.text.len());
        let word = &self.text[start..end];
        self.text = &self.text[end..];
        (!word.is_empty()).then_some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_first_map_are_found_in_both_notations() {
        for text in [
            r#"[{"a": {"x":[1,"}"]}, "type":true,"b":null}"#,
            r#"{:a {:x [1 "}"]}, :type :ok, :b nil}"#,
            r#"; a comment
               ({:a #inst "2020" :type "x" :b 1} {:c 1})"#,
            r#"{"a":1,"type":"ok","b":"#,
        ] {
            let beginning = Beginning::new(text.as_bytes());
            for key in ["a", "type", "b"] {
                assert!(beginning.has_key(key), "{key}: {text}");
            }
            assert!(!beginning.has_key("x") && !beginning.has_key("c"), "{text}");
        }
    }
}
