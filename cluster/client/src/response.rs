//! A response as it comes over the wire (RFC 9112), as far as nodes and what may stand before them
//! give one.

use std::mem::MaybeUninit;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::StatusCode;
use kensho_protocol::ids::Position;

/// A longer head is refused.
const HEAD_LIMIT_BYTES: usize = 64 << 10;
const HEADERS_MAX: usize = 64;

/// A whole response: what a client makes use of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    /// The node that carried the statement out (`Kensho-Served-By`).
    pub(crate) served_by: Option<String>,
    /// The youngest log entry that the answer knows of (`Kensho-Position`).
    pub(crate) position: Option<Position>,
    /// How old a backup's answer may be (`Kensho-Age-Ms`).
    pub(crate) age: Option<Duration>,
    /// A row's version (`ETag`).
    pub(crate) etag: Option<String>,
    pub(crate) body: Bytes,
}

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

/// The head of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) response: Response,
    pub(crate) framing: Framing,
    /// Whether the connection can be used again.
    pub(crate) keep: bool,
}

/// This is no HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Takes a head from the beginning of `bytes`, once all of it is there. Those of interim answers
/// (1xx) are skipped.
pub(crate) fn take_head(bytes: &mut BytesMut) -> Result<Option<Head>, Malformed> {
    loop {
        let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
        let mut parsed = httparse::Response::new(&mut []);
        let parser = httparse::ParserConfig::default();
        let length =
            match parser.parse_response_with_uninit_headers(&mut parsed, bytes, &mut headers) {
                Ok(httparse::Status::Complete(length)) => length,
                Ok(httparse::Status::Partial) if bytes.len() < HEAD_LIMIT_BYTES => return Ok(None),
                Ok(httparse::Status::Partial) | Err(_) => return Err(Malformed),
            };
        let code = parsed.code.ok_or(Malformed)?;
        let status = StatusCode::from_u16(code).map_err(|_| Malformed)?;
        let head = read_head(status, parsed.version == Some(1), parsed.headers)?;
        bytes.advance(length);
        if !status.is_informational() {
            return Ok(Some(head));
        }
    }
}

fn read_head(
    status: StatusCode,
    is_1_1: bool,
    headers: &[httparse::Header<'_>],
) -> Result<Head, Malformed> {
    let mut head = Head {
        response: Response {
            status,
            ..Response::default()
        },
        framing: Framing::UntilClose,
        keep: is_1_1,
    };
    let mut length = None;
    let mut chunked = false;
    for header in headers {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        let text = || std::str::from_utf8(header.value).ok();
        if is("content-length") {
            let value = text().and_then(|text| text.parse().ok()).ok_or(Malformed)?;
            if length.replace(value).is_some_and(|before| before != value) {
                return Err(Malformed);
            }
        } else if is("kensho-served-by") {
            head.response.served_by = text().map(str::to_owned);
        } else if is("kensho-position") {
            head.response.position = text().and_then(|text| text.parse().ok());
        } else if is("kensho-age-ms") {
            let ms = text().and_then(|text| text.parse().ok());
            head.response.age = ms.map(Duration::from_millis);
        } else if is("etag") {
            head.response.etag = text().map(str::to_owned);
        } else if is("connection") {
            head.keep = text().is_some_and(|text| !text.eq_ignore_ascii_case("close"));
        } else if is("transfer-encoding") {
            chunked = text().is_some_and(|text| text.eq_ignore_ascii_case("chunked"));
        }
    }
    let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    head.framing = match (bodiless, chunked, length) {
        (true, ..) => Framing::Length(0),
        (false, true, _) => Framing::Chunked,
        (false, false, Some(length)) => Framing::Length(length),
        (false, false, None) => Framing::UntilClose,
    };
    head.keep &= head.framing != Framing::UntilClose;
    Ok(head)
}

/// Takes whole chunks from the beginning of `bytes`, and adds what they hold to `body`; true after
/// the last one. (Trailers are for nobody here.)
pub(crate) fn take_chunks(bytes: &mut BytesMut, body: &mut BytesMut) -> Result<bool, Malformed> {
    loop {
        let (start, size) = match httparse::parse_chunk_size(bytes) {
            Ok(httparse::Status::Complete((start, size))) => (start, size),
            Ok(httparse::Status::Partial) => return Ok(false),
            Err(_) => return Err(Malformed),
        };
        if size == 0 {
            // The trailers end with an empty line, and the size's line ended with a line break.
            let Some(end) = bytes[start - 2..]
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            else {
                return Ok(false);
            };
            bytes.advance(start - 2 + end + 4);
            return Ok(true);
        }
        let size = usize::try_from(size).map_err(|_| Malformed)?;
        let end = start.checked_add(size).ok_or(Malformed)?;
        if bytes.len() < end.saturating_add(2) {
            return Ok(false);
        }
        if &bytes[end..end + 2] != b"\r\n" {
            return Err(Malformed);
        }
        body.extend_from_slice(&bytes[start..end]);
        bytes.advance(end + 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Result<Option<Head>, Malformed> {
        take_head(&mut BytesMut::from(text))
    }

    #[test]
    fn a_head_comes_in_any_number_of_pieces() {
        let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nETag: \"1-2\"\r\nKENSHO-position: 1-2\r\n\
            Kensho-Served-By: n1\r\ncontent-length: 2\r\n\r\n[]";
        let mut bytes = BytesMut::new();
        let mut found = None;
        for byte in text.bytes() {
            assert_eq!(found, None);
            bytes.extend_from_slice(&[byte]);
            found = take_head(&mut bytes).expect("it is a head");
            if found.is_some() {
                break;
            }
        }
        let found = found.expect("all of it came");
        assert!(found.keep && bytes.is_empty());
        assert_eq!(found.framing, Framing::Length(2));
        assert_eq!(found.response.etag.as_deref(), Some("\"1-2\""));
        assert_eq!(found.response.served_by.as_deref(), Some("n1"));
        assert!(found.response.position.is_some());
    }

    #[test]
    fn the_end_of_a_body_is_found_as_the_head_says() {
        for (rest, framing, keep) in [
            ("200 OK\r\nContent-Length: 7", Framing::Length(7), true),
            (
                "200 OK\r\nTransfer-Encoding: chunked",
                Framing::Chunked,
                true,
            ),
            ("204 No Content\r\nX: y", Framing::Length(0), true),
            (
                "304 Not Modified\r\nContent-Length: 7",
                Framing::Length(0),
                true,
            ),
            ("200 OK\r\nX: y", Framing::UntilClose, false),
            (
                "200 OK\r\nContent-Length: 7\r\nConnection: Close",
                Framing::Length(7),
                false,
            ),
        ] {
            let found = head(&format!("HTTP/1.1 {rest}\r\n\r\n"));
            let found = found.expect("it is a head").expect("it is whole");
            assert_eq!((found.framing, found.keep), (framing, keep), "{rest}");
        }
        for wrong in [
            "SSH-2.0-nonsense\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        ] {
            assert_eq!(head(wrong), Err(Malformed), "{wrong}");
        }
        let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(HEAD_LIMIT_BYTES));
        assert_eq!(head(&endless), Err(Malformed));
    }

    #[test]
    fn chunks_come_in_any_number_of_pieces() {
        let text = "3\r\n[1,\r\na;x=y\r\n2345678901\r\n1\r\n]\r\n0\r\nTrailer: 1\r\n\r\nHTTP";
        let (mut bytes, mut body) = (BytesMut::new(), BytesMut::new());
        let mut ended = false;
        for byte in text.bytes() {
            bytes.extend_from_slice(&[byte]);
            if !ended {
                ended = take_chunks(&mut bytes, &mut body).expect("they are chunks");
            }
        }
        assert!(ended);
        assert_eq!(
            (&body[..], &bytes[..]),
            (&b"[1,2345678901]"[..], &b"HTTP"[..])
        );
        let mut empty = BytesMut::from("0\r\n\r\n");
        assert_eq!(take_chunks(&mut empty, &mut body), Ok(true));
        for wrong in ["x\r\n", "1\r\nab\r\n", "ffffffffffffffffff\r\n"] {
            let found = take_chunks(&mut BytesMut::from(wrong), &mut body);
            assert_eq!(found, Err(Malformed), "{wrong}");
        }
    }
}
