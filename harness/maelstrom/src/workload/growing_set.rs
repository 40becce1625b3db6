//! `broadcast` and `g-set`: what was added reaches every node.

use std::collections::BTreeSet;

use fastrand::Rng;
use kensho_checker::judge::{Model, models};
use serde_json::{Map, Value};

use super::{Finale, Operation, Step, Workload};
use crate::body::Request;

/// The workload.
#[derive(Debug)]
pub(super) struct GrowingSet {
    dialect: Dialect,
    next: i64,
    acknowledged: BTreeSet<i64>,
    looks: Vec<Look>,
}

/// The two ways to say the same.
#[derive(Debug)]
enum Dialect {
    /// With each node's neighbours.
    Broadcast(Map<String, Value>),
    GSet,
}

/// What a client saw in this round of the finale.
#[derive(Clone, Debug, Default)]
struct Look {
    asked: bool,
    /// None if it got no answer, or one with something else than numbers.
    seen: Option<BTreeSet<i64>>,
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
            looks: Vec::new(),
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
        if let Some(look) = self.looks.get_mut(client) {
            let elements = answer.as_array().map(Vec::as_slice).unwrap_or_default();
            look.seen = elements.iter().map(Value::as_i64).collect();
        }
        Step::Done(answer)
    }

    fn finale(&mut self) -> Option<&mut dyn Finale> {
        Some(self)
    }
}

impl Finale for GrowingSet {
    fn begin(&mut self, clients: usize) {
        self.looks = vec![Look::default(); clients];
    }

    fn round(&mut self) {
        self.looks.fill(Look::default());
    }

    fn look(&mut self, client: usize) -> Option<Operation> {
        let asked = std::mem::replace(&mut self.looks[client].asked, true);
        (!asked).then(|| Operation::new("read"))
    }

    fn converged(&self) -> bool {
        let first = self.looks.first().and_then(|look| look.seen.as_ref());
        first.is_some_and(|first| {
            first.is_superset(&self.acknowledged)
                && self
                    .looks
                    .iter()
                    .all(|look| look.seen.as_ref() == Some(first))
        })
    }

    fn last(&self) -> Option<Operation> {
        Some(Operation::new("final-read"))
    }
}
