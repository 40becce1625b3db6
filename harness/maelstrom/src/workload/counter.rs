//! `g-counter` and `pn-counter`: what was added counts at every node.

use fastrand::Rng;
use kensho_checker::judge::{Model, models};
use serde_json::Value;

use super::looks::Looks;
use super::{Finale, Operation, Step, Workload};
use crate::body::Request;

/// The workload.
#[derive(Debug)]
pub(super) struct Counter {
    shrinks: bool,
    /// The least and the greatest sum that all nodes may come to: what has no outcome may count.
    least: i64,
    greatest: i64,
    looks: Looks<i64>,
}

impl Counter {
    pub(super) fn growing() -> Counter {
        Counter::new(false)
    }

    pub(super) fn growing_and_shrinking() -> Counter {
        Counter::new(true)
    }

    fn new(shrinks: bool) -> Counter {
        Counter {
            shrinks,
            least: 0,
            greatest: 0,
            looks: Looks::none(),
        }
    }
}

impl Workload for Counter {
    fn model(&self) -> &'static Model {
        if self.shrinks {
            &models::PN_COUNTER
        } else {
            &models::G_COUNTER
        }
    }

    fn operations(&self) -> &'static [&'static str] {
        &["add", "read"]
    }

    fn only_reads(&self, f: &str) -> bool {
        f != "add"
    }

    fn next(&mut self, _client: usize, draw: &mut Rng) -> Operation {
        if draw.bool() {
            return Operation::new("read");
        }
        let least = if self.shrinks { -5 } else { 0 };
        Operation::new("add").with_value(draw.i64(least..5))
    }

    fn begin(&mut self, _client: usize, operation: &Operation) -> Step {
        Step::Ask(match (operation.f, operation.value.as_i64()) {
            ("add", Some(delta)) => {
                self.least += delta.min(0);
                self.greatest += delta.max(0);
                Request::add_delta(delta)
            }
            _ => Request::read_counter(),
        })
    }

    fn answer(
        &mut self,
        client: usize,
        operation: &Operation,
        _request: &Request,
        answer: Value,
    ) -> Step {
        if operation.f == "add" {
            let delta = operation.value.as_i64().unwrap_or_default();
            self.least += delta.max(0);
            self.greatest += delta.min(0);
            return Step::Done(operation.value.clone());
        }
        self.looks.saw(client, || answer.as_i64());
        Step::Done(answer)
    }

    fn finale(&mut self) -> Option<&mut dyn Finale> {
        Some(self)
    }
}

impl Finale for Counter {
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
        agreed.is_some_and(|sum| (self.least..=self.greatest).contains(sum))
    }

    fn last(&self) -> Option<Operation> {
        Some(Operation::new("final-read"))
    }
}
