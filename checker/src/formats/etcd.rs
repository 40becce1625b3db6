//! Reports of etcd's robustness tests: `operations.json` is JSON objects one after the other,
//! shaped as Porcupine's operations, with etcd's requests and responses in them. A report's folder
//! has one for each client, in `client-*`.
//!
//! What concerns one key becomes read, write, delete or cas of a register; whatever else (ranges,
//! reads at an old revision, transactions on several keys, leases) keeps a name of its own, which
//! no register knows. A compare of revisions becomes one of the values that these revisions wrote.
//! An error means that the outcome is unknown, for ever; reads with one are left out. Values of 20
//! bytes and more are known by their hash, as the report has them.

use super::beginning::Beginning;
use super::input::Input;
use super::json_values::{self, Values};
use super::{Definition, Folder, ReadError};
use crate::hash::FastMap;
use crate::history::{Builder, Clock, Datum, NEVER, Outcome, Whole, Wholes};
use crate::value::Value;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

pub(super) const FORMAT: Definition = Definition {
    name: "etcd",
    what: "reports of etcd's robustness tests: operations.json, or the folder with client-*",
    recognise,
    read,
    folder: Some(Folder {
        files,
        read: read_folder,
    }),
};

fn recognise(beginning: &Beginning<'_>) -> bool {
    let types = ["range", "txn", "leaseGrant", "leaseRevoke", "defragment", "compact"];
    beginning.has_key("ClientId")
        && beginning.has_key("Input")
        && types.iter().any(|name| {
            beginning.contains(format!("\"Type\": \"{name}\"").as_bytes())
                || beginning.contains(format!("\"Type\":\"{name}\"").as_bytes())
        })
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("client-")))
        .map(|client| client.join("operations.json"))
        .filter(|file| file.is_file())
        .collect();
    files.sort();
    files
}

fn read_folder(files: &[PathBuf], builder: &mut Builder) -> Result<(), ReadError> {
    let mut reading = Reading::default();
    let mut result = Ok(());
    for file in files {
        let read = std::fs::File::open(file)
            .and_then(Input::of_file)
            .map_err(|problem| ReadError::Closed(problem.to_string()))
            .and_then(|mut input| reading.read(&mut input));
        if let (Err(problem), true) = (read, result.is_ok()) {
            let client = file.parent().and_then(Path::file_name).unwrap_or_default();
            result = Err(ReadError::InFile {
                file: format!("{}/operations.json", client.to_string_lossy()),
                source: Box::new(problem),
            });
        }
    }
    reading.finish(builder);
    result
}

fn read(input: &mut Input<'_>, builder: &mut Builder) -> Result<(), ReadError> {
    let mut reading = Reading::default();
    let result = reading.read(input);
    reading.finish(builder);
    result
}

/// An operation as it stands in the file.
struct Operation {
    client: i64,
    call: i64,
    end: i64,
    meaning: Meaning,
    outcome: Outcome,
    error: Option<String>,
}

/// What an operation does.
enum Meaning {
    Read { key: String, seen: Value },
    Write { key: String, value: Value },
    Delete { key: String },
    /// A write that is made if the key still has this revision.
    /// If that failed, it may say what stands there.
    Compare { key: String, revision: i64, value: Value, found: Option<Value> },
    /// Anything else, by name.
    Other(&'static str),
}

#[derive(Default)]
struct Reading {
    operations: Vec<Operation>,
    /// The value of each key at each revision at which it is known to have been written.
    revisions: FastMap<(String, i64), Value>,
}

/// The hash that etcd's report has instead of a long text: FNV-1a, 32 bits.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash: u32, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// Values of fewer bytes stand in the report as they are.
const HASHED_FROM: usize = 20;

/// A value, short or hashed.
fn value(json: &Json) -> Value {
    let hashed = json["Hash"].as_u64().filter(|hash| *hash != 0);
    match (hashed, json["Value"].as_str().unwrap_or_default()) {
        (Some(hash), _) => Value::Text(format!("hash {hash}")),
        (None, long) if long.len() >= HASHED_FROM => Value::Text(format!("hash {}", hash(long))),
        (None, short) => Value::from(short),
    }
}

fn key(json: &Json) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

/// The elements of a list that may be missing.
fn list(json: &Json) -> &[Json] {
    json.as_array().map_or(&[], Vec::as_slice)
}

/// What a transaction whose condition failed read of this key instead.
fn found(request: &Json, answer: &Json, wanted: &str) -> Option<Value> {
    let asked = list(&request["OperationsOnFailure"]).iter().zip(list(&answer["Results"]));
    let is_asked = |operation: &Json| {
        let range = &operation["Range"];
        let plain = range["End"].as_str().unwrap_or_default().is_empty()
            && range["Revision"].as_i64().unwrap_or(0) == 0
            && range["KeysOnly"].as_bool() != Some(true);
        operation["Type"] == "range-operation" && plain && range["Start"] == wanted
    };
    let (_, result) = asked.into_iter().find(|(operation, _)| is_asked(operation))?;
    let first = list(&result["KVs"]).first();
    Some(first.map_or(Value::Nil, |pair| value(&pair["Value"])))
}

impl Reading {
    fn read(&mut self, input: &mut Input<'_>) -> Result<(), ReadError> {
        input.skip_mark()?;
        let mut values = Values::default();
        while let Some(length) = values.next(input)? {
            let json: Json = serde_json::from_slice(&input.bytes()[..length])
                .map_err(|problem| json_values::malformed(input, &problem))?;
            self.push(&json).map_err(|what| input.malformed(0, what))?;
            input.consume(length);
        }
        Ok(())
    }

    fn push(&mut self, json: &Json) -> Result<(), String> {
        let number = |name: &str| {
            json[name]
                .as_i64()
                .ok_or_else(|| format!("expected a whole number as {name}, not {}", json[name]))
        };
        let (client, call, end) = (number("ClientId")?, number("Call")?, number("Return")?);
        if end < call {
            return Err("the operation returns before it is called".to_owned());
        }
        let (input, output) = (&json["Input"], &json["Output"]);
        let error = output["Error"].as_str().filter(|error| !error.is_empty());
        let certain = output["ClientError"].as_str().filter(|error| !error.is_empty());
        let (meaning, failed) = match input["Type"].as_str() {
            Some("range") => (self.range(&input["Range"], &output["Range"]), false),
            Some("txn") => self.transaction(&input["Txn"], output),
            Some("leaseRevoke") => (Meaning::Other("lease-revoke"), false),
            // They change no key.
            Some("leaseGrant" | "defragment" | "compact") => return Ok(()),
            _ => return Err(format!("expected a request's Type, not {}", input["Type"])),
        };
        if matches!(meaning, Meaning::Read { .. }) && (error.is_some() || certain.is_some()) {
            return Ok(());
        }
        let outcome = match (error, certain) {
            (Some(_), _) => Outcome::Unknown,
            (None, Some(_)) => Outcome::Fail,
            (None, None) if failed => Outcome::Fail,
            (None, None) => Outcome::Ok,
        };
        self.operations.push(Operation {
            client,
            call,
            end,
            meaning,
            outcome,
            error: error.or(certain).map(str::to_owned),
        });
        Ok(())
    }

    fn range(&mut self, range: &Json, answer: &Json) -> Meaning {
        let found = list(&answer["KVs"]);
        let only_keys = range["KeysOnly"].as_bool() == Some(true);
        if !only_keys {
            for pair in found {
                let revision = pair["ModRevision"].as_i64().unwrap_or(0);
                self.revisions.insert((key(&pair["Key"]), revision), value(&pair["Value"]));
            }
        }
        let one = range["End"].as_str().unwrap_or_default().is_empty();
        match (one, range["Revision"].as_i64().unwrap_or(0)) {
            (false, _) => Meaning::Other("range"),
            (true, 1..) => Meaning::Other("read-at-revision"),
            _ if only_keys => Meaning::Other("read-key"),
            _ => Meaning::Read {
                key: key(&range["Start"]),
                seen: found.first().map_or(Value::Nil, |pair| value(&pair["Value"])),
            },
        }
    }

    /// What a transaction does, and whether its conditions failed.
    fn transaction(&mut self, request: &Json, output: &Json) -> (Meaning, bool) {
        let conditions = list(&request["Conditions"]);
        let success = list(&request["OperationsOnSuccess"]);
        let answer = &output["Txn"];
        let failed = answer["Failure"].as_bool() == Some(true);
        let other = (Meaning::Other("txn"), failed);
        let [operation] = success else {
            return other;
        };
        let kind = operation["Type"].as_str().unwrap_or_default();
        let meaning = match (kind, conditions) {
            ("range-operation", []) => {
                let result = list(&answer["Results"]).first().unwrap_or(&Json::Null);
                self.range(&operation["Range"], result)
            }
            ("put-operation", _) => {
                let (key, value) = (key(&operation["Put"]["Key"]), value(&operation["Put"]["Value"]));
                let revision = output["Revision"].as_i64().filter(|revision| *revision > 0);
                if let (Some(revision), false) = (revision, failed) {
                    self.revisions.insert((key.clone(), revision), value.clone());
                }
                match conditions {
                    [] => Meaning::Write { key, value },
                    [one] if one["Key"] == key.as_str() && one["ExpectedVersion"].as_i64().unwrap_or(0) == 0 => {
                        let revision = one["ExpectedRevision"].as_i64().unwrap_or(0);
                        let found = failed.then(|| found(request, answer, &key)).flatten();
                        Meaning::Compare { key, revision, value, found }
                    }
                    _ => return other,
                }
            }
            ("delete-operation", []) => Meaning::Delete { key: key(&operation["Delete"]["Key"]) },
            _ => return other,
        };
        // What would be done otherwise must change nothing.
        let reads = |operation: &Json| operation["Type"] == "range-operation";
        if !list(&request["OperationsOnFailure"]).iter().all(reads) {
            return other;
        }
        (meaning, failed)
    }

    fn finish(self, builder: &mut Builder) {
        let mut wholes = Wholes::default();
        for operation in self.operations {
            let (f, key, argument, seen) = match operation.meaning {
                Meaning::Read { key, seen } => ("read", Some(key), Value::Nil, Some(seen)),
                Meaning::Write { key, value } => ("write", Some(key), value, None),
                Meaning::Delete { key } => ("delete", Some(key), Value::Nil, None),
                Meaning::Compare { key, revision, value, found } => {
                    let expected = match revision {
                        0 => Some(Value::Nil),
                        _ => self.revisions.get(&(key.clone(), revision)).cloned(),
                    };
                    match expected {
                        Some(expected) => {
                            // The same value may have been written anew.
                            let found = found.filter(|found| *found != expected);
                            ("cas", Some(key), Value::List(vec![expected, value]), found)
                        }
                        None => ("put-at-revision", Some(key), value, None),
                    }
                }
                Meaning::Other(name) => (name, None, Value::Nil, None),
            };
            let history = &mut builder.history;
            let argument = history.intern(&argument);
            let whole = Whole {
                process: history.intern_process_name(&operation.client.to_string()),
                f: history.intern_name(f),
                key: key.map_or(NEVER, |key| history.intern_text_key(&key)),
                argument,
                observed: operation.outcome == Outcome::Fail && seen.is_some(),
                result: match (operation.outcome, &seen) {
                    (Outcome::Ok | Outcome::Fail, Some(seen)) => history.intern(seen),
                    (Outcome::Ok, None) => argument,
                    _ => Datum::NIL,
                },
                outcome: operation.outcome,
                call: operation.call,
                end: operation.end,
            };
            wholes.push(whole, operation.error);
        }
        wholes.finish(builder, Clock::Nanoseconds);
    }
}
