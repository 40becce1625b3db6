//! Cobra's logs: a folder with a file for each session, of binary records.
//!
//! A record is a letter and big-endian 64-bit numbers: `S` (begin) and `C` (commit) with the
//! transaction, `W` with write, key and value, `R` with the writer's transaction, its write, key
//! and value. Only committed transactions are logged. A value is known by its write, not by its
//! hash. Where Cobra was told to keep times, `S` and `C` have eight bytes more, which no mark tells.

use super::beginning::Beginning;
use super::input::Input;
use super::sessions::{Initial, Sessions};
use super::{Definition, Folder, ReadError};
use crate::history::{Builder, Outcome};
use crate::value::Value;
use std::path::{Path, PathBuf};

pub(super) const FORMAT: Definition = Definition {
    name: "cobra",
    what: "a folder of Cobra's logs, one of each session",
    recognise,
    read,
    folder: Some(Folder {
        files,
        read: read_folder,
    }),
};

/// Reads of the initial value, and of nothing.
const INITIAL: [u64; 2] = [0xbebe_ebee, 0xdead_beef];
/// Reads of Cobra's own collection of garbage, which no client made.
const COLLECTION: [u64; 2] = [0x2333_2333, 0x6666_6666];

fn recognise(beginning: &Beginning<'_>) -> bool {
    is_log(beginning.bytes)
}

/// Whether records are where they must be. Numbers are big-endian: text has no zero there.
fn is_log(bytes: &[u8]) -> bool {
    let record = |at: usize| bytes.get(at).is_some_and(|byte| b"SCWR".contains(byte));
    bytes.first() == Some(&b'S') && (record(9) || record(17)) && bytes[..17.min(bytes.len())].contains(&0)
}

fn read(input: &mut Input<'_>, builder: &mut Builder) -> Result<(), ReadError> {
    let mut sessions = Sessions::new(Initial::Told);
    let result = log(&input.whole(), 0, builder, &mut sessions);
    sessions.finish(builder);
    result?;
    let what = "this is the log of one session; the others' are needed as well, so give the folder";
    Err(ReadError::Damaged(what.to_owned()))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|file| file.extension().is_some_and(|end| end == "log"))
        .collect();
    files.sort();
    // One that is torn at once counts as well, since others may have read what it had.
    match files.iter().any(|file| begins_as_log(file)) {
        true => files,
        false => Vec::new(),
    }
}

fn begins_as_log(file: &Path) -> bool {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let read = std::fs::File::open(file).and_then(|file| file.take(64).read_to_end(&mut bytes));
    read.is_ok() && is_log(&bytes)
}

fn read_folder(files: &[PathBuf], builder: &mut Builder) -> Result<(), ReadError> {
    let mut sessions = Sessions::new(Initial::Told);
    let mut first_wrong = Ok(());
    for (session, file) in files.iter().enumerate() {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let result = std::fs::read(file)
            .map_err(|problem| ReadError::Closed(problem.to_string()))
            .and_then(|bytes| log(&bytes, session as u64, builder, &mut sessions));
        if let (Err(problem), true) = (result, first_wrong.is_ok()) {
            first_wrong = Err(ReadError::InFile {
                file: name.into_owned(),
                source: Box::new(problem),
            });
        }
    }
    sessions.finish(builder);
    first_wrong
}

/// Reads the log of a session.
fn log(bytes: &[u8], session: u64, builder: &mut Builder, sessions: &mut Sessions) -> Result<(), ReadError> {
    let short = records(bytes, 9);
    let (records, wrong) = match short {
        (_, None) => short,
        (read, wrong) => match records(bytes, 17) {
            long @ (_, None) => long,
            long if long.0.len() > read.len() => long,
            _ => (read, wrong),
        },
    };
    let process = builder.history.intern_process(session);
    let mut open = None;
    for Record { at, kind, numbers } in records {
        let wrong = |expected: &str| ReadError::Binary {
            offset: at as u64,
            expected: expected.to_owned(),
        };
        match (kind, open) {
            (b'S', None) => open = Some(sessions.begin(process, Outcome::Unknown)),
            (b'C', Some(place)) => {
                sessions.end(place, Outcome::Ok);
                open = None;
            }
            (b'W', Some(place)) => sessions.write(builder, place, &name(numbers[1]), &name(numbers[0])),
            (b'R', Some(place)) => {
                let of = |ids: &[u64]| ids.contains(&numbers[0]) || ids.contains(&numbers[1]);
                if of(&INITIAL) {
                    sessions.read(builder, place, &name(numbers[2]), None);
                } else if !of(&COLLECTION) {
                    sessions.read(builder, place, &name(numbers[2]), Some(&name(numbers[1])));
                }
            }
            (b'S', Some(_)) => return Err(wrong("expected the end of the transaction before the next one begins")),
            _ => return Err(wrong("expected the beginning of a transaction first")),
        }
    }
    match (wrong, open) {
        (Some(problem), _) => Err(problem),
        (None, Some(_)) => Err(ReadError::Binary {
            offset: bytes.len() as u64,
            expected: "expected the end of the last transaction, but the log ends".to_owned(),
        }),
        (None, None) => Ok(()),
    }
}

fn name(number: u64) -> Value {
    Value::Int(number as i64)
}

struct Record {
    at: usize,
    kind: u8,
    numbers: [u64; 4],
}

/// The records of a log, if `S` and `C` have this length, up to what is no record.
fn records(bytes: &[u8], length_of_ends: usize) -> (Vec<Record>, Option<ReadError>) {
    let mut records = Vec::new();
    let mut at = 0;
    while let Some(kind) = bytes.get(at).copied() {
        let wrong = |expected: String| {
            Some(ReadError::Binary {
                offset: at as u64,
                expected,
            })
        };
        let length = match kind {
            b'S' | b'C' => length_of_ends,
            b'W' => 25,
            b'R' => 33,
            _ => return (records, wrong(format!("expected a record S, C, W or R, not the byte {kind:#04x}"))),
        };
        let Some(record) = bytes.get(at + 1..at + length) else {
            return (records, wrong(format!("expected a record of {length} bytes, but the log ends")));
        };
        let mut numbers = [0; 4];
        for (number, bytes) in numbers.iter_mut().zip(record.chunks_exact(8)) {
            *number = bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
        }
        records.push(Record { at, kind, numbers });
        at += length;
    }
    (records, None)
}
