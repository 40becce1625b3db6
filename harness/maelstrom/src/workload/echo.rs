//! `echo`: the same comes back.

use fastrand::Rng;
use kensho_checker::judge::{Model, models};
use serde_json::Value;

use super::{Operation, Step, Workload};
use crate::body::Request;

/// The workload.
#[derive(Debug)]
pub(super) struct Echo;

impl Workload for Echo {
    fn model(&self) -> &'static Model {
        &models::ECHO
    }

    fn operations(&self) -> &'static [&'static str] {
        &["echo"]
    }

    fn only_reads(&self, _f: &str) -> bool {
        true
    }

    fn next(&mut self, _client: usize, draw: &mut Rng) -> Operation {
        Operation::new("echo").with_value(format!("Please echo {}", draw.u8(..128)))
    }

    fn begin(&mut self, _client: usize, operation: &Operation) -> Step {
        Step::Ask(Request::echo(operation.value.clone()))
    }

    fn answer(&mut self, _: usize, _: &Operation, _: &Request, answer: Value) -> Step {
        Step::Done(answer)
    }
}
