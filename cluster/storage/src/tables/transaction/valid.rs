//! A transaction that was checked against a container, and the statement that it becomes.

use bytes::Bytes;
use kensho_protocol::ids::Position;

use super::parts::{Change, Comparison, Must, Operation, Requirement};
use crate::tables::key::Key;
use crate::tables::one_value::ValidValue;
use crate::tables::rows::{ValidKeys, ValidRows};
use crate::tables::statement::{NewRow, Raw, Statement};

/// A transaction that fits a container.
#[derive(Debug)]
pub struct ValidTransaction {
    pub(super) requirements: Vec<ValidRequirement>,
    pub(super) then: Vec<ValidOperation>,
    pub(super) otherwise: Vec<ValidOperation>,
}

#[derive(Debug)]
pub(super) struct ValidRequirement {
    pub(super) key: ValidKeys,
    pub(super) must: ValidMust,
}

#[derive(Debug)]
pub(super) enum ValidMust {
    Exist,
    BeAbsent,
    HaveVersion(Position),
    Compare(u16, Comparison, ValidValue),
}

#[derive(Debug)]
pub(super) enum ValidOperation {
    Get(ValidKeys),
    Put(ValidRows),
    Delete(ValidKeys),
    Append(ValidChange),
    Add(ValidChange),
}

#[derive(Debug)]
pub(super) struct ValidChange {
    pub(super) key: ValidKeys,
    pub(super) column: u16,
    pub(super) value: ValidValue,
}

impl ValidTransaction {
    /// The statement for the container that was created at `schema`.
    #[must_use]
    pub fn statement(&self, container: &str, schema: Position) -> Bytes {
        let transaction = Statement::Transaction {
            container,
            schema,
            requirements: self
                .requirements
                .iter()
                .map(ValidRequirement::encoded)
                .collect(),
            then: self.then.iter().map(ValidOperation::encoded).collect(),
            otherwise: self.otherwise.iter().map(ValidOperation::encoded).collect(),
        };
        transaction.encode()
    }

    /// All keys that are texts.
    pub fn key_texts(&self) -> impl Iterator<Item = &str> {
        let required = self
            .requirements
            .iter()
            .map(|required| required.key.first());
        let operations = self.then.iter().chain(&self.otherwise);
        let keys = required.chain(operations.map(ValidOperation::key));
        keys.filter_map(|key| match key {
            Key::Text(text) => Some(text),
            _ => None,
        })
    }
}

impl ValidRequirement {
    fn encoded(&self) -> Requirement<'_> {
        Requirement {
            key: self.key.first(),
            must: match &self.must {
                ValidMust::Exist => Must::Exist,
                ValidMust::BeAbsent => Must::BeAbsent,
                ValidMust::HaveVersion(version) => Must::HaveVersion(*version),
                ValidMust::Compare(column, comparison, value) => Must::Compare {
                    column: *column,
                    comparison: *comparison,
                    value: Raw(value.bytes()),
                },
            },
        }
    }
}

impl ValidOperation {
    fn encoded(&self) -> Operation<'_> {
        match self {
            ValidOperation::Get(key) => Operation::Get(key.first()),
            ValidOperation::Put(rows) => Operation::Put(row(rows)),
            ValidOperation::Delete(key) => Operation::Delete(key.first()),
            ValidOperation::Append(append) => Operation::Append(append.encoded()),
            ValidOperation::Add(add) => Operation::Add(add.encoded()),
        }
    }

    fn key(&self) -> Key<'_> {
        match self {
            ValidOperation::Get(key) | ValidOperation::Delete(key) => key.first(),
            ValidOperation::Put(rows) => row(rows).key,
            ValidOperation::Append(change) | ValidOperation::Add(change) => change.key.first(),
        }
    }
}

impl ValidChange {
    fn encoded(&self) -> Change<'_> {
        Change {
            key: self.key.first(),
            column: self.column,
            value: Raw(self.value.bytes()),
        }
    }
}

fn row(rows: &ValidRows) -> NewRow<'_> {
    rows.iter().next().expect("one row was read")
}
