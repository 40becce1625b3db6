//! Containers and rows: the state that the protocol replicates.
//!
//! [`Tables`] executes [`Statement`]s and answers [`Query`]s; [`Outcome`] and [`Answer`] are what comes
//! of them. All four are bytes to the protocol.
//! A row's value is the text of a JSON array in column order, as a client gets it. It is checked
//! against the container's columns once, by the owner, before the statement enters the log
//! (see [`ValidRows`]); applying a statement only compares which columns it was checked against.

mod alter;
mod cell;
mod container;
mod everything;
mod image;
mod key;
mod name;
mod one_value;
mod query;
mod rows;
mod rows_by_key;
mod select;
mod statement;
mod transaction;
mod update;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use kensho_protocol::apply::{Apply, ImageError};
use kensho_protocol::ids::Position;

pub use container::{ContainerInfo, ContainerKind, InvalidContainer};
pub use key::{InvalidKey, Key, KeyType, RowKey};
pub use name::{InvalidName, check_name};
pub use query::{Answer, Query, Selected, Text, Wanted};
pub use rows::{RowError, ValidKeys, ValidRows};
use rows_by_key::Rows;
pub use statement::{Condition, NewRow, Outcome, Raw, Statement};
pub use transaction::{Done, Fault, InvalidTransaction, ValidTransaction};

/// All containers of a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tables {
    /// By lower-cased name.
    containers: BTreeMap<Arc<str>, Container>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Container {
    /// Its name in lower case.
    key: Arc<str>,
    /// Its name as it was given.
    name: Arc<str>,
    info: Arc<ContainerInfo>,
    /// Where it was created, or last altered: tells it from others that had the name before, and from itself
    /// as it was.
    created: Position,
    rows: Rows,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Row {
    /// Where it was last written.
    version: Position,
    /// A JSON array in column order.
    value: Bytes,
}

/// What takes a statement back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Undo(Change);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Change {
    Nothing,
    Created(Arc<str>),
    Dropped(Arc<str>, Box<Container>),
    /// The container as it was.
    Altered(Arc<str>, Box<Container>),
    /// Container, key, and what stood there.
    Row(Arc<str>, RowKey, Option<Row>),
    /// As above, in the order in which they were changed.
    Rows(Arc<str>, Vec<(RowKey, Option<Row>)>),
}

impl Apply for Tables {
    type Undo = Undo;

    fn apply(&mut self, at: Position, statement: &Bytes) -> (Bytes, Undo) {
        let (outcome, change) = match Statement::decode(statement) {
            Some(decoded) => self.execute(at, statement, decoded),
            None => (Outcome::Malformed.encode(), Change::Nothing),
        };
        (outcome, Undo(change))
    }

    fn tell(&self, statement: &Bytes, outcome: Bytes) -> Bytes {
        match Outcome::decode(&outcome) {
            Some(Outcome::ConditionFailed {
                index,
                current: Some(version),
                ..
            }) => self
                .still_there(statement, index, version)
                .unwrap_or(outcome),
            _ => outcome,
        }
    }

    fn undo(&mut self, undo: Undo) {
        match undo.0 {
            Change::Nothing => {}
            Change::Created(name) => {
                self.containers.remove(&name);
            }
            Change::Dropped(name, container) | Change::Altered(name, container) => {
                self.containers.insert(name, *container);
            }
            Change::Row(name, key, previous) => self.put_back(&name, [(key, previous)]),
            Change::Rows(name, previous) => self.put_back(&name, previous.into_iter().rev()),
        }
    }

    fn read(&self, query: &Bytes) -> Bytes {
        match Query::decode(query) {
            Some(query) => self.answer(&query).encode(),
            None => Answer::Malformed.encode(),
        }
    }

    fn image(&self) -> Bytes {
        image::write(self)
    }

    fn restore(image: &Bytes) -> Result<Self, ImageError> {
        image::read(image).map_err(ImageError)
    }
}

impl Tables {
    /// What is wrong with the indexes: one that is not what follows from the rows. Nothing ever should be; this
    /// is for those who verify that, and takes as long as to make all indexes anew.
    #[must_use]
    pub fn wrong_index(&self) -> Option<String> {
        self.containers.values().find_map(|container| {
            let column = container.rows.wrong_index(&container.info)?;
            let (name, column) = (&container.name, &container.info.columns[column].name);
            Some(format!(
                "container {name}: the index of column {column} disagrees with the rows"
            ))
        })
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        let containers = self.containers.values();
        containers.map(|container| container.rows.len()).sum()
    }

    fn execute(
        &mut self,
        at: Position,
        bytes: &Bytes,
        statement: Statement<'_>,
    ) -> (Bytes, Change) {
        match statement {
            Statement::CreateContainer { name, info } => self.create(at, name, info),
            Statement::DropContainer { name } => self.drop_container(name),
            Statement::AlterContainer { name, schema, info } => match self.checked(name, schema) {
                Ok(container) => alter::alter(at, container, info),
                Err(outcome) => (outcome.encode(), Change::Nothing),
            },
            Statement::Put {
                container,
                schema,
                condition,
                rows,
            } => match self.checked(container, schema) {
                Ok(container) => update::put(at, bytes, container, condition, &rows),
                Err(outcome) => (outcome.encode(), Change::Nothing),
            },
            Statement::Delete {
                container,
                schema,
                condition,
                keys,
            } => match self.checked(container, schema) {
                Ok(container) => update::delete(container, condition, &keys),
                Err(outcome) => (outcome.encode(), Change::Nothing),
            },
            Statement::Transaction {
                container,
                schema,
                requirements,
                then,
                otherwise,
            } => match self.checked(container, schema) {
                Ok(container) => {
                    transaction::execute(at, container, &requirements, &then, &otherwise)
                }
                Err(outcome) => (outcome.encode(), Change::Nothing),
            },
        }
    }

    fn create(&mut self, at: Position, name: &str, info: ContainerInfo) -> (Bytes, Change) {
        let key: Arc<str> = name::folded(name).as_ref().into();
        if self.containers.contains_key(&key) {
            return (Outcome::AlreadyExists.encode(), Change::Nothing);
        }
        let rows = Rows::new(&info);
        let container = Container {
            key: Arc::clone(&key),
            name: name.into(),
            info: Arc::new(info),
            created: at,
            rows,
        };
        self.containers.insert(Arc::clone(&key), container);
        (Outcome::Created.encode(), Change::Created(key))
    }

    fn drop_container(&mut self, name: &str) -> (Bytes, Change) {
        match self.containers.remove_entry(name::folded(name).as_ref()) {
            Some((key, container)) => (
                Outcome::Dropped.encode(),
                Change::Dropped(key, Box::new(container)),
            ),
            None => (Outcome::NoSuchContainer.encode(), Change::Nothing),
        }
    }

    /// The container, if it is the one that the statement was made for.
    fn checked(
        &mut self,
        name: &str,
        schema: Position,
    ) -> Result<&mut Container, Outcome<'static>> {
        match self.containers.get_mut(name::folded(name).as_ref()) {
            Some(container) if container.created != schema => Err(Outcome::SchemaChanged),
            Some(container) => Ok(container),
            None => Err(Outcome::NoSuchContainer),
        }
    }

    fn put_back(
        &mut self,
        name: &Arc<str>,
        previous: impl IntoIterator<Item = (RowKey, Option<Row>)>,
    ) {
        let container = self
            .containers
            .get_mut(name)
            .expect("statements are taken back in reverse order");
        container.put_back(previous);
    }

    /// The outcome of a statement whose condition failed for its row or key number `index`, where
    /// `version` stood, with the value of that; `None` if something else stands there by now.
    fn still_there(&self, statement: &Bytes, index: u32, version: Position) -> Option<Bytes> {
        let place = index as usize;
        let (container, schema, key) = match Statement::decode(statement)? {
            Statement::Put {
                container,
                schema,
                rows,
                ..
            } => (container, schema, rows.get(place)?.key),
            Statement::Delete {
                container,
                schema,
                keys,
                ..
            } => (container, schema, *keys.get(place)?),
            Statement::CreateContainer { .. }
            | Statement::DropContainer { .. }
            | Statement::AlterContainer { .. }
            | Statement::Transaction { .. } => return None,
        };
        let container = self.container(container)?;
        let row = container.rows.get(&RowKey::named(key)?)?;
        let same = container.created == schema && row.version == version;
        let value = same.then_some(Raw(&row.value))?;
        let told = Outcome::ConditionFailed {
            index,
            current: Some(version),
            value: Some(value),
        };
        Some(told.encode_in(value.0.len() + 32))
    }

    fn answer<'a>(&'a self, query: &Query<'_>) -> Answer<'a> {
        match query {
            Query::Everything => Answer::Everything(Text(everything::lines(self).into())),
            Query::ListContainers { kind, prefix } => {
                let containers = self.containers.values();
                let wanted = containers.filter(|container| {
                    kind.is_none_or(|kind| container.info.kind == kind)
                        && container.key.starts_with(name::folded(prefix).as_ref())
                });
                Answer::Names(wanted.map(|container| &*container.name).collect())
            }
            Query::ContainerInfo { name } => match self.container(name) {
                Some(container) => Answer::Info {
                    name: &container.name,
                    info: ContainerInfo::clone(&container.info),
                    created: container.created,
                },
                None => Answer::NoSuchContainer,
            },
            Query::Get { container, key } => {
                let Some(container) = self.container(container) else {
                    return Answer::NoSuchContainer;
                };
                let key = match container.info.parse_key(key) {
                    Ok(key) => RowKey::named(key),
                    Err(error) => return Answer::WrongKey(error.to_string()),
                };
                match key.and_then(|key| container.rows.get(&key)) {
                    Some(row) => Answer::Row {
                        version: row.version,
                        value: Raw(&row.value),
                    },
                    None => Answer::NoSuchRow,
                }
            }
            Query::Select {
                container,
                wanted,
                offset,
                limit,
                now,
            } => match self.container(container) {
                Some(container) => container.select(wanted, *offset, *limit, *now),
                None => Answer::NoSuchContainer,
            },
        }
    }

    fn container(&self, name: &str) -> Option<&Container> {
        self.containers.get(name::folded(name).as_ref())
    }
}

#[cfg(test)]
mod tests;
