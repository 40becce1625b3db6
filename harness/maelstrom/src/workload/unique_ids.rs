//! `unique-ids`: nobody gets what somebody else got.

use fastrand::Rng;
use kensho_checker::judge::{Model, models};
use serde_json::Value;

use super::{Operation, Step, Workload};
use crate::body::Request;

/// The workload.
#[derive(Debug)]
pub(super) struct UniqueIds;

impl Workload for UniqueIds {
    fn model(&self) -> &'static Model {
        &models::UNIQUE_IDS
    }

    fn operations(&self) -> &'static [&'static str] {
        &["generate"]
    }

    fn only_reads(&self, _f: &str) -> bool {
        false
    }

    fn next(&mut self, _client: usize, _draw: &mut Rng) -> Operation {
        Operation::new("generate")
    }

    fn begin(&mut self, _client: usize, _operation: &Operation) -> Step {
        Step::Ask(Request::generate())
    }

    fn answer(&mut self, _: usize, _: &Operation, _: &Request, answer: Value) -> Step {
        Step::Done(answer)
    }
}
