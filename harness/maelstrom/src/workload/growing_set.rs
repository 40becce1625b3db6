//! `broadcast` and `g-set`: what was added reaches every node.

use std::collections::BTreeSet;

use fastrand::Rng;
use kensho_checker::judge::{Model, models};
use serde_json::{Map, Value};

use super::looks::Looks;
use super::{Finale, Operation, Step, Workload};
use crate::body::Request;

/// The workload.
#[derive(Debug)]
pub(super) struct GrowingSet {
    dialect: Dialect,
    next: i64,
    acknowledged: BTreeSet<i64>,
    looks: Looks<BTreeSet<i64>>,
}

/// The two ways to say the same.
#[derive(Debug)]
enum Dialect {
    /// With each node's neighbours.
    Broadcast(Map<String, Value>),
    GSet,
}

impl GrowingSet {
    pub(super) fn broadcast(neighbours: Map<String, Value>) -> GrowingSet {
        GrowingSet::new(Dialect::Broadcast(neighbours))
    }

    pub(super) fn g_set() -> GrowingSet {
        GrowingSet::new(Dialect::GSet)
    }

    fn new(dialect: Dialect) -> GrowingSet {
        GrowingSet {
            dialect,
            next: 0,
            acknowledged: BTreeSet::new(),
            looks: Looks::none(),
        }
    }

    fn add(&self) -> &'static str {
        match self.dialect {
            Dialect::Broadcast(_) => "broadcast",
            Dialect::GSet => "add",
        }
    }
}

impl Workload for GrowingSet {
    fn model(&self) -> &'static Model {
        match self.dialect {
            Dialect::Broadcast(_) => &models::BROADCAST,
            Dialect::GSet => &models::G_SET,
        }
    }

    fn operations(&self) -> &'static [&'static str] {
        match self.dialect {
            Dialect::Broadcast(_) => &["broadcast", "read"],
            Dialect::GSet => &["add", "read"],
        }
    }

    fn only_reads(&self, f: &str) -> bool {
        f != self.add()
    }

    fn setup(&self) -> Option<Request> {
        match &self.dialect {
            Dialect::Broadcast(neighbours) => Some(Request::topology(neighbours.clone())),
            Dialect::GSet => None,
        }
    }

    fn next(&mut self, _client: usize, draw: &mut Rng) -> Operation {
        if draw.bool() {
            return Operation::new("read");
        }
        self.next += 1;
        Operation::new(self.add()).with_value(self.next - 1)
    }

    fn begin(&mut self, _client: usize, operation: &Operation) -> Step {
        let value = operation.value.clone();
        Step::Ask(match (&self.dialect, self.only_reads(operation.f)) {
            (Dialect::Broadcast(_), false) => Request::broadcast(value),
            (Dialect::Broadcast(_), true) => Request::read_messages(),
            (Dialect::GSet, false) => Request::add_element(value),
            (Dialect::GSet, true) => Request::read_elements(),
        })
    }

    fn answer(
        &mut self,
        client: usize,
        operation: &Operation,
        _request: &Request,
        answer: Value,
    ) -> Step {
        if !self.only_reads(operation.f) {
            self.acknowledged.extend(operation.value.as_i64());
            return Step::Done(operation.value.clone());
        }
        self.looks.saw(client, || {
            let elements = answer.as_array().map(Vec::as_slice).unwrap_or_default();
            elements.iter().map(Value::as_i64).collect()
        });
        Step::Done(answer)
    }

    fn finale(&mut self) -> Option<&mut dyn Finale> {
        Some(self)
    }
}

impl Finale for GrowingSet {
    fn begin(&mut self, clients: usize) {
        self.looks.begin(clients);
    }

    fn round(&mut self) {
        self.looks.round();
    }

    fn look(&mut self, client: usize) -> Option<Operation> {
        self.looks.ask(client)
    }

    fn converged(&self) -> bool {
        let agreed = self.looks.agreed();
        agreed.is_some_and(|elements| elements.is_superset(&self.acknowledged))
    }

    fn last(&self) -> Option<Operation> {
        Some(Operation::new("final-read"))
    }
}
