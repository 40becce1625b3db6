//! Rows whose BLOBs come and go as files of a zip archive: PUT and POST of
//! `/containers/{container}/rows/blob`.
//!
//! The archive is one part of a form and the rows are the other: in a row the name of a file stands
//! where its bytes belong. What is stored is the same as if they had come as base64.

mod archive;
mod form;
mod names;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::{StatusCode, header};
use kensho_query::row::elements;
use kensho_query::types::{ColumnType, ScalarType};
use kensho_storage::tables::{ContainerInfo, Selected};
use serde_json::value::RawValue;

use super::answer::{self, Answer};
use super::batch;
use super::error::Error;
use super::scan;
use super::schema::Schema;
use super::selected::{self, rows_json};
use super::service::{Asked, Kind, Service, as_of};
use archive::{Files, Packed};
use names::Names;

/// Stands before the name of a file in a row that is read.
const MARK: &str = "(BLOB)";

/// Whether a form is sent.
pub(super) fn is_form(asked: &Asked) -> bool {
    let kind = asked.headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let form = "multipart/";
    kind.get(..form.len())
        .is_some_and(|kind| kind.eq_ignore_ascii_case(form))
}

/// Inserts rows, or replaces those of the same keys.
pub(super) async fn put(
    service: &Service,
    asked: &Asked,
    container: &str,
) -> Result<Answer, Error> {
    let partition = service.partition(container)?;
    if let Some(elsewhere) = service.elsewhere(partition, asked, Kind::Update).await {
        return elsewhere;
    }
    let form = form::read(asked).await?;
    let files = Files::unpack(&form.file, service.statement_limit())?;
    // The text between the parts is drawn anew for each attempt, and says nothing.
    let meant = asked.with_body([form.rows.as_ref(), form.file.as_ref()].concat());
    let rows = |schema: &Schema| with_bytes(&schema.info, &form.rows, &files);
    batch::store(service, &meant, container, rows).await?;
    Ok(answer::empty(StatusCode::OK))
}

/// The rows with the bytes of the files that they name.
fn with_bytes(info: &ContainerInfo, rows: &[u8], files: &Files) -> Result<Bytes, Error> {
    let rows: Vec<Vec<&RawValue>> = serde_json::from_slice(rows).map_err(|error| {
        Error::malformed(format!(
            "the part rows is an array of rows, each an array of values in column order: {error}"
        ))
    })?;
    let mut out = vec![b'['];
    for (number, row) in rows.iter().enumerate() {
        out.extend_from_slice(if number == 0 { b"[" } else { b",[" });
        for (place, value) in row.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            match info.columns.get(place) {
                Some(column) if is_blob(column.kind) => {
                    let wrong = |what: &str| {
                        let row = number + 1;
                        let name = &column.name;
                        Error::does_not_fit(format!("row {row}, column \"{name}\" (BLOB): {what}"))
                    };
                    out.extend_from_slice(&file_of(value, files).map_err(|what| wrong(&what))?);
                }
                _ => out.extend_from_slice(value.get().as_bytes()),
            }
        }
        out.push(b']');
    }
    out.push(b']');
    Ok(out.into())
}

/// The bytes of the file that a value names, as a value of a BLOB column.
fn file_of(value: &RawValue, files: &Files) -> Result<Vec<u8>, String> {
    let name: Option<String> = serde_json::from_str(value.get())
        .map_err(|_| format!("the name of a file is a text, got {}", shown(value.get())))?;
    let Some(name) = name.filter(|name| !name.trim().is_empty()) else {
        return Ok(b"null".to_vec());
    };
    match files.get(&name) {
        Some(bytes) => Ok(format!("\"{}\"", STANDARD.encode(bytes)).into_bytes()),
        None => Err(format!("the zip file has no file {}", shown(&name))),
    }
}

/// Reads rows.
pub(super) async fn rows(
    service: &Service,
    asked: &Asked,
    container: &str,
) -> Result<Answer, Error> {
    let partition = service.partition(container)?;
    if let Some(elsewhere) = service.elsewhere(partition, asked, Kind::Read).await {
        return elsewhere;
    }
    let wanted = scan::Body::read(&asked.body)?;
    let (at, found) = service
        .read(partition, wanted.query(container).encode())
        .await?;
    let selected = selected::decode(&found, container)?;
    let (selected, archive) = with_names(selected, wanted.file_name_column())?;
    let answer = form::answer(&rows_json(&selected), &archive);
    Ok(as_of(answer, at))
}

/// The rows with names of files in place of their BLOBs, and the archive of those files.
fn with_names<'a>(
    mut selected: Selected<'a>,
    names_in: Option<&str>,
) -> Result<(Selected<'a>, Vec<u8>), Error> {
    let blobs = selected.columns.iter().filter(|(_, kind)| is_blob(*kind));
    let mut names = Names::new(blobs.count());
    let column = names_in.map(|name| column(&selected, name)).transpose()?;
    let mut packed = Packed::new();
    for row in &mut selected.rows {
        let mut cells: Vec<Vec<u8>> = elements(&row.0).map(<[u8]>::to_vec).collect();
        let wanted = column.and_then(|column| cells.get(column)).map(text_of);
        let mut place_of_blob = 0;
        for (cell, (_, kind)) in cells.iter_mut().zip(&selected.columns) {
            if !is_blob(*kind) {
                continue;
            }
            place_of_blob += 1;
            let text = text_of(cell);
            // Missing and empty ones have no file.
            if text.is_empty() || *cell == b"null" {
                continue;
            }
            let bytes = STANDARD.decode(&text).unwrap_or_default();
            let name = names.next(wanted.as_deref(), place_of_blob);
            packed.add(&name, &bytes);
            *cell = serde_json::to_vec(&format!("{MARK}{name}")).expect("a text is JSON");
        }
        let mut text = vec![b'['];
        text.extend_from_slice(&cells.join(&b','));
        text.push(b']');
        row.0 = text.into();
    }
    Ok((selected, packed.finish()))
}

/// The place of the column that gives files their names.
fn column(selected: &Selected<'_>, name: &str) -> Result<usize, Error> {
    let mut columns = selected.columns.iter();
    let place = columns.position(|(column, _)| column.eq_ignore_ascii_case(name));
    place.ok_or_else(|| {
        Error::does_not_fit(format!("fileNameCol: there is no column {}", shown(name)))
    })
}

/// What a value says, without its quotes if it is a text.
fn text_of(cell: &Vec<u8>) -> String {
    match serde_json::from_slice::<String>(cell) {
        Ok(text) => text,
        Err(_) if cell == b"null" => String::new(),
        Err(_) => String::from_utf8_lossy(cell).into_owned(),
    }
}

fn is_blob(kind: ColumnType) -> bool {
    kind.scalar == ScalarType::Blob && !kind.array
}

fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}
