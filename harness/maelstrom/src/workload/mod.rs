//! What clients do: each workload makes operations, says which requests carry one out, and what
//! their answers mean.
//!
//! A workload sends nothing and has no clock. Whoever plays it ([`crate::world`]) asks for the next
//! operation of a client, sends the requests, and hands in the answers.

mod counter;
mod echo;
mod growing_set;
mod kafka;
mod lin_kv;
mod looks;
mod options;
mod topology;
mod txn;
mod unique_ids;

use fastrand::Rng;
use kensho_checker::judge::Model;
use serde_json::Value;

use crate::body::Request;
use crate::error::RpcError;

pub use options::{Name, Options};
pub use topology::Topology;

/// What a client is to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Its name in the history.
    pub f: &'static str,
    /// The object that it is on, where a workload has many.
    pub key: Option<String>,
    /// Its argument.
    pub value: Value,
}

impl Operation {
    /// An operation without key and argument.
    pub fn new(f: &'static str) -> Operation {
        Operation {
            f,
            key: None,
            value: Value::Null,
        }
    }

    /// The same with this argument.
    #[must_use]
    pub fn with_value(self, value: impl Into<Value>) -> Operation {
        Operation {
            value: value.into(),
            ..self
        }
    }

    /// The same on this object.
    #[must_use]
    pub fn with_key(self, key: impl Into<String>) -> Operation {
        Operation {
            key: Some(key.into()),
            ..self
        }
    }
}

/// How an operation goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The client asks its node this.
    Ask(Request),
    /// It is done, and this is its result.
    Done(Value),
    /// The client gives itself up, as if it had crashed.
    Crash,
}

/// A workload. Clients go by their number, from 0.
pub trait Workload {
    /// The model that judges its histories.
    fn model(&self) -> &'static Model;

    /// Its operations; of each some must succeed.
    fn operations(&self) -> &'static [&'static str];

    /// Whether operations of this name change nothing, so that one without an answer has failed
    /// for certain.
    fn only_reads(&self, f: &str) -> bool;

    /// What each node is told after it was started.
    fn setup(&self) -> Option<Request> {
        None
    }

    /// The client's next operation.
    fn next(&mut self, client: usize, draw: &mut Rng) -> Operation;

    /// The operation's first step.
    fn begin(&mut self, client: usize, operation: &Operation) -> Step;

    /// What follows on the answer to a request.
    fn answer(
        &mut self,
        client: usize,
        operation: &Operation,
        request: &Request,
        answer: Value,
    ) -> Step;

    /// A request was answered with an error, or not at all (then it is a timeout). Some operations
    /// have a result nevertheless.
    fn error(
        &mut self,
        _client: usize,
        _operation: &Operation,
        _request: &Request,
        _error: &RpcError,
    ) -> Option<Value> {
        None
    }

    /// The client had to give up an operation: another one takes its place, and knows nothing.
    fn replaced(&mut self, _client: usize) {}

    /// How clients find out, at the end, whether all that was acknowledged arrives everywhere. None
    /// if the workload does not ask that.
    fn finale(&mut self) -> Option<&mut dyn Finale> {
        None
    }
}

/// The end of a run: round after round each client looks, until all see what they should.
pub trait Finale {
    /// The main part is over, and everything is whole again: so many clients will look.
    fn begin(&mut self, clients: usize);

    /// A new round begins.
    fn round(&mut self);

    /// What this client asks next in this round; none if it is through.
    fn look(&mut self, client: usize) -> Option<Operation>;

    /// Whether everything has arrived, by what was seen in this round.
    fn converged(&self) -> bool;

    /// The last operation of each client, once that is so or patience is at its end.
    fn last(&self) -> Option<Operation>;
}

#[cfg(test)]
mod tests;
