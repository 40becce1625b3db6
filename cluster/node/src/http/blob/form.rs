//! Forms of two parts: `rows`, which is JSON, and `file`, which is a zip archive.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use hyper::StatusCode;
use hyper::header::{self, HeaderValue};
use multer::Multipart;

use super::names;
use crate::http::answer::{self, Answer};
use crate::http::error::Error;
use crate::http::service::Asked;

/// What a form says.
pub(super) struct Form {
    pub(super) rows: Bytes,
    pub(super) file: Bytes,
}

/// Reads a form.
pub(super) async fn read(asked: &Asked) -> Result<Form, Error> {
    let wrong = |what: &dyn std::fmt::Display| {
        Error::malformed(format!(
            "the body is a form (multipart/form-data) of two parts: rows, an array of rows in which the \
             name of a file stands for each BLOB, and file, a zip file that has those files; {what}"
        ))
    };
    let kind = asked.headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(kind).map_err(|error| wrong(&error))?;
    let body = stream::iter([Ok::<_, Infallible>(asked.body.clone())]);
    let mut parts = Multipart::new(body, boundary);
    let (mut rows, mut file) = (None, None);
    while let Some(part) = parts.next_field().await.map_err(|error| wrong(&error))? {
        let name = part.name().unwrap_or_default().to_owned();
        let place = match name.as_str() {
            "rows" => &mut rows,
            "file" => &mut file,
            other => return Err(wrong(&format_args!("there is a part {other:.64}"))),
        };
        let bytes = part.bytes().await.map_err(|error| wrong(&error))?;
        if place.replace(bytes).is_some() {
            return Err(wrong(&format_args!("there are two parts {name}")));
        }
    }
    Ok(Form {
        rows: rows.ok_or_else(|| wrong(&"there is no part rows"))?,
        file: file.ok_or_else(|| wrong(&"there is no part file"))?,
    })
}

/// Rows and an archive as an answer.
pub(super) fn answer(rows: &[u8], archive: &[u8]) -> Answer {
    let boundary = format!("kensho-{}", names::random());
    let head = |disposition: &str, kind: &str| {
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\nContent-Type: {kind}\r\n"
        )
    };
    let mut body = head("name=\"rows\"", "application/json;charset=UTF-8").into_bytes();
    body.extend_from_slice(b"\r\n");
    body.extend_from_slice(rows);
    let file = format!("name=\"file\"; filename=\"{}.zip\"", names::random());
    body.extend_from_slice(b"\r\n");
    body.extend_from_slice(head(&file, "application/zip").as_bytes());
    body.extend_from_slice(format!("Content-Length: {}\r\n\r\n", archive.len()).as_bytes());
    body.extend_from_slice(archive);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    let mut answer = answer::json(StatusCode::OK, body);
    let kind = format!("multipart/form-data;boundary={boundary}");
    let kind = HeaderValue::from_str(&kind).expect("it is plain text");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}
