//! What containers are like, remembered, so that a row can be checked before it enters the log.
//!
//! What is remembered may be out of date. That is noticed when the statement is executed, since it
//! names the container that its rows were checked against.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use kensho_protocol::ids::Position;
use kensho_storage::tables::ContainerInfo;

/// More are not remembered.
const LIMIT: usize = 10_000;

/// A container as it was when it was looked at.
pub(super) struct Schema {
    pub(super) info: ContainerInfo,
    pub(super) created: Position,
}

/// The containers that were looked at, by name.
#[derive(Default)]
pub(super) struct Schemas(RefCell<HashMap<String, Rc<Schema>>>);

impl Schemas {
    pub(super) fn get(&self, container: &str) -> Option<Rc<Schema>> {
        self.0.borrow().get(container).cloned()
    }

    pub(super) fn remember(&self, container: &str, schema: Rc<Schema>) {
        let mut schemas = self.0.borrow_mut();
        if schemas.len() >= LIMIT {
            schemas.clear();
        }
        schemas.insert(container.to_owned(), schema);
    }

    pub(super) fn forget(&self, container: &str) {
        self.0.borrow_mut().remove(container);
    }
}
