//! The calls of workloads in the words of the real tables: a node's path from an HTTP request to a
//! statement, and back from an outcome to an answer, without the HTTP.

use std::collections::BTreeMap;

use kensho_protocol::ids::{PartitionId, Position};
use kensho_protocol::request::Reply;
use kensho_protocol::routing::partition_of;
use kensho_storage::tables::{
    self, ContainerInfo, Done, Key, Outcome, Query, Raw, Statement, ValidRows, ValidTransaction,
    Wanted,
};
use kensho_workloads::call::{Answer, Call, Condition, Found};
use kensho_workloads::workload::Values;
use serde_json::Value;

use super::super::clients::Request;

/// The containers there are, and where they were created; rows are checked against that.
#[derive(Debug, Default)]
pub(super) struct Containers {
    created: BTreeMap<String, Position>,
    info: Option<ContainerInfo>,
}

/// What every container is like: a text as key, and a value, which has an index where a value can have one.
fn description(name: &str, values: Values) -> ContainerInfo {
    let text = serde_json::json!({
        "container_name": name,
        "container_type": "COLLECTION",
        "rowkey": true,
        "columns": [
            {"name": "key", "type": "STRING"},
            {
                "name": kensho_workloads::transaction::COLUMN,
                "type": values.column_type(),
                "index": values.indexes(),
            },
        ],
    });
    let (_, info) = ContainerInfo::from_json(text.to_string().as_bytes())
        .expect("a description of a container");
    info
}

impl Containers {
    /// The request that makes a container.
    pub(super) fn create(name: &str, values: Values) -> Request {
        let info = description(name, values);
        Request::update(Statement::CreateContainer { name, info }.encode())
    }

    /// The request for where it was created.
    pub(super) fn look_up(name: &str) -> Request {
        Request::Read(Query::ContainerInfo { name }.encode())
    }

    /// The answer to that; false if there is no such container.
    pub(super) fn learn(&mut self, name: &str, reply: &Reply) -> bool {
        let Reply::Answer { answer, .. } = reply else {
            return false;
        };
        let Some(tables::Answer::Info { info, created, .. }) = tables::Answer::decode(answer)
        else {
            return false;
        };
        self.info = Some(info);
        self.created.insert(name.to_owned(), created);
        true
    }

    /// What a call asks a node for.
    pub(super) fn request(&self, call: &Call) -> Request {
        match call {
            Call::Get { container, key } => Request::Read(Query::Get { container, key }.encode()),
            Call::GetAny {
                container,
                key,
                max_age,
            } => Request::ReadAny {
                query: Query::Get { container, key }.encode(),
                max_age: *max_age,
            },
            Call::Put {
                container,
                key,
                value,
                condition,
            } => {
                let row = serde_json::json!([key, value]).to_string();
                let info = self.info.as_ref().expect("containers are made first");
                let rows = ValidRows::one(info, row.as_bytes()).expect("a row of text and number");
                let condition = match condition {
                    Condition::Always => tables::Condition::Any,
                    Condition::Absent => tables::Condition::IfAbsent,
                    Condition::Version(version) => {
                        let version = version.parse().expect("a version that a node gave");
                        tables::Condition::IfVersion(version)
                    }
                };
                let schema = self.created[container];
                Request::update(rows.put(container, schema, condition))
            }
            Call::Scan {
                container,
                from,
                to,
                limit,
            } => {
                let text = |key: &str| key.replace('\'', "''");
                let condition = format!("key >= '{}' and key < '{}'", text(from), text(to));
                let scan = Query::Select {
                    container,
                    wanted: Wanted::Rows {
                        condition: Some(&condition),
                        sort: None,
                    },
                    offset: 0,
                    limit: (*limit).into(),
                    // The condition does not ask for the time.
                    now: 0,
                };
                Request::Read(scan.encode())
            }
            Call::Transact {
                container,
                transaction,
            } => {
                let info = self.info.as_ref().expect("containers are made first");
                let body = transaction.body();
                let valid = ValidTransaction::read(info, body.as_bytes());
                let valid = valid.expect("a transaction on rows of text and value");
                Request::update(valid.statement(container, self.created[container]))
            }
            Call::Message { .. } => unreachable!("the tables serve calls about rows only"),
            Call::Delete { container, key } => {
                let delete = Statement::Delete {
                    container,
                    schema: self.created[container],
                    condition: tables::Condition::Any,
                    keys: vec![Key::Text(key)],
                };
                Request::update(delete.encode())
            }
        }
    }
}

/// The partition of a container.
pub(super) fn partition(container: &str, partitions: usize) -> PartitionId {
    partition_of(
        container,
        u16::try_from(partitions).expect("few partitions"),
    )
}

/// What a node's reply to a call says.
pub(super) fn answer(call: &Call, reply: &Reply) -> Answer {
    let nonsense = |text: String| Answer::Error {
        definite: false,
        text,
    };
    match reply {
        Reply::Answer { answer, .. } => match tables::Answer::decode(answer) {
            Some(tables::Answer::Row { version, value }) => {
                row(version, value).map_or_else(nonsense, |row| Answer::Row(Some(row)))
            }
            Some(tables::Answer::NoSuchRow) => Answer::Row(None),
            Some(tables::Answer::Selected(selected)) => {
                let rows = selected.rows.iter();
                let numbers = rows.map(|row| numbers(Raw(&row.0)));
                let numbers: Result<Vec<(String, u64)>, String> = numbers.collect();
                numbers.map_or_else(nonsense, Answer::Rows)
            }
            other => nonsense(format!("{other:?}")),
        },
        Reply::Done { outcome, .. } => match Outcome::decode(outcome) {
            Some(Outcome::Stored { version, .. }) => Answer::Written(Some(version.to_string())),
            Some(Outcome::Transacted { succeeded, results }) => {
                transacted(call, succeeded, &results).map_or_else(nonsense, Answer::Transacted)
            }
            Some(Outcome::Deleted { existed }) => Answer::Deleted {
                existed: existed > 0,
            },
            Some(Outcome::ConditionFailed { current, value, .. }) => {
                let found = match (current, value) {
                    (None, _) => Ok(Found::Nothing),
                    (Some(_), None) => Ok(Found::Unknown),
                    (Some(version), Some(value)) => {
                        row(version, value).map(|(value, version)| Found::Row(value, version))
                    }
                };
                found.map_or_else(nonsense, Answer::Mismatch)
            }
            other => nonsense(format!("{other:?}")),
        },
        Reply::Refused(refusal) => nonsense(format!("{refusal:?}")),
    }
}

/// What a transaction saw.
fn transacted(
    call: &Call,
    succeeded: bool,
    results: &[Done<'_>],
) -> Result<Option<Vec<Value>>, String> {
    let Call::Transact { transaction, .. } = call else {
        return Err(format!("{results:?} is no answer to {call:?}"));
    };
    let row = |done: &Done<'_>| match done {
        Done::Row { value, .. } => serde_json::from_slice(&value.0).map(Some),
        Done::NoRow | Done::Stored(_) | Done::Deleted { .. } => Ok(None),
    };
    let rows: Result<Vec<Option<Value>>, _> = results.iter().map(row).collect();
    transaction.seen(succeeded, rows.map_err(|error| error.to_string())?)
}

/// A row's value, and its version.
fn row(version: Position, value: Raw<'_>) -> Result<(u64, String), String> {
    let (_, number) = numbers(value)?;
    Ok((number, version.to_string()))
}

/// A row's key and value.
fn numbers(row: Raw<'_>) -> Result<(String, u64), String> {
    let parsed = serde_json::from_slice(row.0);
    parsed.map_err(|error| format!("the row {row:?} is not text and number: {error}"))
}
