//! What a file may be that is no history, and what to give instead.

use super::Format;
use super::beginning::Beginning;

/// What is said of text that nothing recognises.
pub(super) const UNKNOWN: &str = "this does not begin as a history of any known notation; if it is one, name it with --format (kensho check --help lists them)";

/// How files begin that hold something else, whatever notation is asked for.
const WRAPPINGS: &[(&[u8], &str)] = &[
    (
        b"PK\x03\x04",
        "this is a zip archive; unpack it with unzip first",
    ),
    (
        b"BZh",
        "this is packed with bzip2; unpack it with bunzip2 first",
    ),
    (
        b"\x04\x22\x4d\x18",
        "this is packed with lz4; unpack it with unlz4 first",
    ),
    (
        b"\xff\xfe",
        "this is UTF-16; convert it with iconv -f UTF-16 -t UTF-8 first",
    ),
    (
        b"\xfe\xff",
        "this is UTF-16; convert it with iconv -f UTF-16 -t UTF-8 first",
    ),
    (b"\x7fELF", "this is a program, no history"),
    (b"\x89PNG", "this is a picture (PNG), no history"),
    (b"\xff\xd8\xff", "this is a picture (JPEG), no history"),
    (b"GIF8", "this is a picture (GIF), no history"),
    (b"%PDF", "this is a PDF, no history"),
    (b"SQLite format 3", "this is an SQLite database, no history"),
    (
        b"\xef\xdc\x65\x76",
        "this is Maelstrom's journal of messages, no history of operations; give the run's folder, which has a test.jepsen",
    ),
];

/// What the file is, if no format can read that.
pub(super) fn wrapping(beginning: &Beginning<'_>) -> Option<String> {
    if beginning.bytes.get(257..262) == Some(b"ustar") {
        return Some("this is a tar archive; unpack it with tar xf first".to_owned());
    }
    WRAPPINGS
        .iter()
        .find(|(begin, _)| beginning.bytes.starts_with(begin))
        .map(|(_, what)| (*what).to_owned())
}

/// What the file is, if it is no history as far as one can see.
pub(super) fn name(beginning: &Beginning<'_>, format: Option<Format>) -> Option<String> {
    if let Some(what) = wrapping(beginning) {
        return Some(what);
    }
    match format {
        Some(Format::Edn) => of_map(beginning).map(str::to_owned),
        Some(Format::Jsonl | Format::ElleJson) => of_object(beginning).map(str::to_owned),
        None | Some(Format::PorcupineLog) => of_text(beginning),
        Some(_) => None,
    }
}

/// A map of EDN that is no event.
fn of_map(beginning: &Beginning<'_>) -> Option<&'static str> {
    if beginning.has_key("type") {
        return None;
    }
    if beginning.has_key("valid?") {
        return Some(
            "these are the results of Jepsen's checkers (results.edn), no history; give the run's folder, or its history.edn",
        );
    }
    let is_test = ["nodes", "concurrency", "start-time", "history"];
    if is_test.iter().any(|key| beginning.has_key(key)) {
        return Some(
            "this is a Jepsen test's map (test.edn), no history; give the run's folder, or its history.edn",
        );
    }
    None
}

/// A JSON object that is no event.
fn of_object(beginning: &Beginning<'_>) -> Option<&'static str> {
    if beginning.has_key("type") {
        return None;
    }
    if beginning.has_key("valid?") {
        return Some("these are the results of a checker, no history");
    }
    if beginning.has_key("verdict") || beginning.has_key("workload") {
        return Some(
            "this is the record of a run, no history; give the run's folder, or its history.jsonl",
        );
    }
    if beginning.has_key("Request") && beginning.has_key("Responses") {
        return Some(
            "these are the watches of an etcd robustness test, no operations; give the report's folder, or an operations.json",
        );
    }
    if beginning.has_key("expectuniquerevision") {
        return Some(
            "this is the traffic's description of an etcd robustness test, no history; give the report's folder",
        );
    }
    None
}

/// Text that no notation of histories recognises.
fn of_text(beginning: &Beginning<'_>) -> Option<String> {
    let text = beginning.text;
    let lower = text[..text.len().min(200)].to_ascii_lowercase();
    if [&b"<!doctype html"[..], b"<html"]
        .iter()
        .any(|begin| lower.starts_with(begin))
    {
        return Some(if beginning.contains(b"\"PartialLinearizations\"") {
            "this is a page of Porcupine, which holds operations only as text to be shown; give the operations themselves as JSON".to_owned()
        } else {
            "this is an HTML page, no history".to_owned()
        });
    }
    if lower.starts_with(b"<svg") || lower.starts_with(b"<?xml") {
        return Some("this is XML or a picture (SVG), no history".to_owned());
    }
    if is_jepsen_log(beginning.line()) {
        return Some("this is Jepsen's log, in which threads write in any order; give the run's folder, or its history.edn (or --format porcupine-log, if the log is all there is)".to_owned());
    }
    let is_text = |byte: &u8| *byte >= b' ' || b"\t\r\n\x0c".contains(byte);
    if let Some(at) = beginning.bytes.iter().position(|byte| !is_text(byte)) {
        return Some(format!(
            "this is no text (byte {:#04x} at offset {at}), and no binary history that is known",
            beginning.bytes[at]
        ));
    }
    None
}

/// `2024-05-01 12:00:00,123{GMT} INFO [main] jepsen.cli: …`
fn is_jepsen_log(line: &[u8]) -> bool {
    let date = line.get(..10).unwrap_or_default();
    let is_date = date.len() == 10
        && date.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    is_date && memchr::memmem::find(line, b"\t[").is_some()
}
