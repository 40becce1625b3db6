//! A request as it goes over the wire, written once into one buffer.

use std::fmt::Display;
use std::io::Write;

use http::Method;

use crate::credentials::Credentials;

/// A request without its body.
pub(crate) struct Head(Vec<u8>);

impl Head {
    /// `path` is percent-encoded already.
    pub(crate) fn new(method: &Method, path: &str, host: &str) -> Self {
        let mut head = Vec::with_capacity(path.len() + 256);
        for part in [method.as_str(), " ", path, " HTTP/1.1\r\n"] {
            head.extend_from_slice(part.as_bytes());
        }
        Head(head).with_text("host", host)
    }

    /// Adds a header; one whose value is not plain text, which no header can hold, is left out.
    pub(crate) fn with(self, name: &'static str, value: &dyn Display) -> Self {
        self.add(name, |head| {
            write!(head, "{value}").expect("a Vec can always be written to");
        })
    }

    /// The same for what is text already.
    pub(crate) fn with_text(self, name: &'static str, value: &str) -> Self {
        self.add(name, |head| head.extend_from_slice(value.as_bytes()))
    }

    /// Says as whom the request is made.
    pub(crate) fn with_user(self, credentials: Option<&Credentials>) -> Self {
        match credentials {
            Some(credentials) => self.with_text("authorization", credentials.authorization()),
            None => self,
        }
    }

    fn add(mut self, name: &'static str, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let before = self.0.len();
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b": ");
        let start = self.0.len();
        write(&mut self.0);
        if is_plain(&self.0[start..]) {
            self.0.extend_from_slice(b"\r\n");
        } else {
            self.0.truncate(before);
        }
        self
    }

    /// The whole request.
    pub(crate) fn body(self, body: &[u8]) -> Vec<u8> {
        let length = body.len();
        let Head(mut request) = self.with("content-length", &length);
        request.extend_from_slice(b"\r\n");
        request.extend_from_slice(body);
        request
    }
}

/// Whether this can be the value of a header: anything else could begin another one.
pub(crate) fn is_plain(value: &[u8]) -> bool {
    value.iter().all(|byte| (b' '..=b'~').contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_one_piece() {
        let request = Head::new(&Method::PUT, "/rows/k%20", "n1:80")
            .with("x", &17)
            .with("y", &"1\r\nz: 2")
            .body(b"[1]");
        let expected =
            "PUT /rows/k%20 HTTP/1.1\r\nhost: n1:80\r\nx: 17\r\ncontent-length: 3\r\n\r\n[1]";
        assert_eq!(String::from_utf8_lossy(&request), expected);
    }
}
