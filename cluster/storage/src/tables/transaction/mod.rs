//! Transactions on rows of one container: requirements, and operations that are carried out all or none.

mod parts;
mod read;
mod valid;

use std::sync::Arc;

use bytes::Bytes;
use kensho_protocol::ids::Position;
use kensho_query::row::{Split, elements};
use kensho_query::types::{ColumnType, ScalarType};
use kensho_query::value::Value;

use super::key::Key;
use super::query::Text;
use super::statement::{NewRow, Outcome};
use super::{Change, Container, Row, RowKey};

pub use parts::{Done, Fault};
pub(super) use parts::{Operation, Requirement};
pub use read::InvalidTransaction;
pub use valid::ValidTransaction;

use parts::{Comparison, Must};

/// A row does not become larger than this by what is added to it.
const ROW_BYTES: usize = 16 << 20;
/// A transaction does not read more than this. It is kept for retries, as far as the limits of
/// outcomes allow.
const READ_BYTES: usize = 1 << 20;

/// Carries a transaction out.
pub(super) fn execute(
    at: Position,
    container: &mut Container,
    requirements: &[Requirement<'_>],
    then: &[Operation<'_>],
    otherwise: &[Operation<'_>],
) -> (Bytes, Change) {
    let succeeded = requirements
        .iter()
        .all(|required| container.meets(required));
    let operations = if succeeded { then } else { otherwise };
    let mut run = Run {
        at,
        container,
        previous: Vec::new(),
        read_bytes: 0,
    };
    let mut results = Vec::with_capacity(operations.len());
    for (operation, index) in operations.iter().zip(0..) {
        match run.operate(operation) {
            Ok(done) => results.push(done),
            Err(fault) => {
                let Run {
                    container,
                    previous,
                    ..
                } = run;
                container.put_back(previous.into_iter().rev());
                let faulty = Outcome::Faulty {
                    succeeded,
                    index,
                    fault,
                };
                return (faulty.encode(), Change::Nothing);
            }
        }
    }
    let change = match run.previous.is_empty() {
        true => Change::Nothing,
        false => Change::Rows(Arc::clone(&run.container.key), run.previous),
    };
    let outcome = Outcome::Transacted { succeeded, results };
    (outcome.encode(), change)
}

impl Container {
    fn meets(&self, required: &Requirement<'_>) -> bool {
        let row = RowKey::named(required.key).and_then(|key| self.rows.get(&key));
        match required.must {
            Must::Exist => row.is_some(),
            Must::BeAbsent => row.is_none(),
            Must::HaveVersion(version) => row.is_some_and(|row| row.version == version),
            Must::Compare {
                column,
                comparison,
                value,
            } => row.is_some_and(|row| {
                let column = usize::from(column);
                let Some(kind) = self.info.columns.get(column).map(|column| column.kind) else {
                    return false;
                };
                let mut split = Split::default();
                let cell = split.row(&row.value, column + 1).cell(column);
                comparison.holds(kind, cell, value.0)
            }),
        }
    }
}

impl Comparison {
    fn holds(self, kind: ColumnType, one: &[u8], other: &[u8]) -> bool {
        let ordering = Value::read(kind, one).compare(&Value::read(kind, other));
        // What has no order is kept in one form only, `null` included.
        let is_equal = ordering.map_or(one == other, std::cmp::Ordering::is_eq);
        match self {
            Comparison::Equal => is_equal,
            Comparison::NotEqual => !is_equal,
            Comparison::Less => ordering.is_some_and(std::cmp::Ordering::is_lt),
            Comparison::LessOrEqual => ordering.is_some_and(std::cmp::Ordering::is_le),
            Comparison::Greater => ordering.is_some_and(std::cmp::Ordering::is_gt),
            Comparison::GreaterOrEqual => ordering.is_some_and(std::cmp::Ordering::is_ge),
        }
    }
}

/// A transaction under way.
struct Run<'a> {
    at: Position,
    container: &'a mut Container,
    /// What stood where something was changed.
    previous: Vec<(RowKey, Option<Row>)>,
    read_bytes: usize,
}

impl Run<'_> {
    fn operate(&mut self, operation: &Operation<'_>) -> Result<Done<'static>, Fault> {
        match operation {
            Operation::Get(key) => self.get(*key),
            Operation::Put(NewRow { key, value }) => {
                self.store(*key, Bytes::copy_from_slice(value.0))
            }
            Operation::Delete(key) => {
                let removed = RowKey::named(*key)
                    .and_then(|key| self.container.rows.remove_entry(&key))
                    .map(|(key, row)| self.previous.push((key, Some(row))));
                let existed = removed.is_some();
                Ok(Done::Deleted { existed })
            }
            Operation::Append(change) => self.change(change, |_, cell, added| {
                let mut appended = Vec::with_capacity(cell.len() + added.len());
                appended.extend_from_slice(match cell {
                    b"null" | b"[]" => b"[",
                    array => &array[..array.len().saturating_sub(1)],
                });
                if appended.len() > 1 && elements(added).next().is_some() {
                    appended.push(b',');
                }
                appended.extend_from_slice(added.get(1..).unwrap_or_default());
                Ok(appended)
            }),
            Operation::Add(change) => self.change(change, |kind, cell, added| {
                let sum = sum(kind, &Value::read(kind, cell), &Value::read(kind, added))?;
                let mut cell = Vec::new();
                write_number(kind, &sum, &mut cell);
                Ok(cell)
            }),
        }
    }

    fn get(&mut self, key: Key<'_>) -> Result<Done<'static>, Fault> {
        let Some(row) = RowKey::named(key).and_then(|key| self.container.rows.get(&key)) else {
            return Ok(Done::NoRow);
        };
        self.read_bytes += row.value.len();
        if self.read_bytes > READ_BYTES {
            return Err(Fault::ReadsTooMuch);
        }
        Ok(Done::Row {
            version: row.version,
            value: Text(row.value.to_vec().into()),
        })
    }

    fn store(&mut self, key: Key<'_>, value: Bytes) -> Result<Done<'static>, Fault> {
        let version = self.at;
        let Some(key) = RowKey::named(key) else {
            return Err(Fault::Incomplete);
        };
        let previous = self
            .container
            .rows
            .insert(key.clone(), Row { version, value });
        self.previous.push((key, previous));
        Ok(Done::Stored(version))
    }

    fn change(
        &mut self,
        change: &parts::Change<'_>,
        compute: impl Fn(ColumnType, &[u8], &[u8]) -> Result<Vec<u8>, Fault>,
    ) -> Result<Done<'static>, Fault> {
        let column = usize::from(change.column);
        let info = Arc::clone(&self.container.info);
        let Some(kind) = info.columns.get(column).map(|column| column.kind) else {
            return Err(Fault::Incomplete);
        };
        let row = RowKey::named(change.key).and_then(|key| self.container.rows.get(&key));
        let mut fresh = Vec::new();
        let before: &[u8] = match row {
            Some(row) => &row.value,
            None => {
                let others = info.columns.iter().enumerate().skip(1);
                let may_be_null = |(number, other): (usize, &kensho_query::types::Column)| {
                    other.nullable || number == column
                };
                if !others.clone().all(may_be_null) {
                    return Err(Fault::Incomplete);
                }
                fresh.push(b'[');
                write_key(change.key, &mut fresh);
                for _ in others {
                    fresh.extend_from_slice(b",null");
                }
                fresh.push(b']');
                &fresh
            }
        };
        let mut split = Split::default();
        let cells = split.row(before, column + 1);
        let cell = compute(kind, cells.cell(column), change.value.0)?;
        if before.len() + cell.len() > ROW_BYTES {
            return Err(Fault::RowTooLarge);
        }
        let mut value = Vec::with_capacity(before.len() + cell.len());
        cells.replace(column, &cell, &mut value);
        self.store(change.key, value.into())
    }
}

fn write_key(key: Key<'_>, out: &mut Vec<u8>) {
    let value = match key {
        Key::Integer(number) => Value::Integer(number),
        Key::Timestamp(time) => Value::Time(time),
        Key::Text(text) => Value::Text(text.into()),
        Key::None | Key::Inserted(..) => Value::Null,
    };
    value.write(out);
}

fn sum(kind: ColumnType, one: &Value<'_>, other: &Value<'_>) -> Result<Value<'static>, Fault> {
    let zero = |value: &Value<'_>| match value {
        Value::Null if kind.is_whole() => Value::Integer(0),
        Value::Null => Value::Float(0.0),
        Value::Float(number) => Value::Float(*number),
        Value::Integer(number) => Value::Integer(*number),
        _ => Value::Null,
    };
    match (zero(one), zero(other)) {
        (Value::Integer(one), Value::Integer(other)) => {
            let sum = one.checked_add(other).ok_or(Fault::TooLarge)?;
            let fits = match kind.scalar {
                ScalarType::Byte => i8::try_from(sum).is_ok(),
                ScalarType::Short => i16::try_from(sum).is_ok(),
                ScalarType::Integer => i32::try_from(sum).is_ok(),
                _ => true,
            };
            fits.then_some(Value::Integer(sum)).ok_or(Fault::TooLarge)
        }
        (Value::Float(one), Value::Float(other)) => {
            let sum = match kind.scalar {
                ScalarType::Float => f64::from((one + other) as f32),
                _ => one + other,
            };
            let finite = sum.is_finite();
            finite.then_some(Value::Float(sum)).ok_or(Fault::TooLarge)
        }
        _ => Err(Fault::TooLarge),
    }
}

/// A number in the form in which a column keeps it.
fn write_number(kind: ColumnType, number: &Value<'_>, out: &mut Vec<u8>) {
    match (kind.scalar, number) {
        (ScalarType::Float, Value::Float(number)) => {
            serde_json::to_writer(out, &(*number as f32)).expect("numbers are JSON");
        }
        (_, number) => number.write(out),
    }
}

#[cfg(test)]
mod tests;
