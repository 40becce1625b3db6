//! The register workload: read, write and compare-and-set on many independent registers.
//!
//! Every value that is written is new, so a read names the write that it saw, and judging a
//! history is exact and fast. A compare-and-set expects the value last seen of its register, by
//! the version (`ETag`) that came with it; a failed one tells what it saw instead, and so is a
//! read.

mod keys;
mod loss;
mod lossy;
mod operations;

use kensho_checker::history::History;
use kensho_checker::register::Options;
use kensho_checker::report::Report;
use serde_json::Value;

use crate::call::CallKind;
use crate::messages::{Argument, Message, Spoken};
use crate::workload::{Clients, Failover, LostWrite, Settings, Words, Workload};

/// Many independent registers.
#[derive(Debug)]
pub struct Register;

impl Workload for Register {
    fn name(&self) -> &'static str {
        "register"
    }

    fn text(&self) -> &'static str {
        "clients read, write and compare-and-set many registers; each must be linearizable"
    }

    fn operations(&self) -> &'static [&'static str] {
        &["read", "write", "cas"]
    }

    fn calls(&self) -> &'static [CallKind] {
        &[CallKind::Get, CallKind::Put]
    }

    fn words(&self) -> Words {
        Words {
            object: "register",
            valid: "every answer is one that a single copy of the data could have given. \
                    No acknowledged write was lost, and no stale value was read.",
            invalid: "no single copy of the data could have given these answers",
        }
    }

    fn spoken(&self) -> Option<Spoken> {
        Some(Spoken {
            names: keys::NAMES,
            draw: keys::draw,
            last: Some("read"),
            operations: &[
                Message {
                    f: "read",
                    argument: Argument::None,
                    result: Some("value"),
                    changes: false,
                },
                Message {
                    f: "write",
                    argument: Argument::Field("value"),
                    result: None,
                    changes: true,
                },
                Message {
                    f: "cas",
                    argument: Argument::FromTo,
                    result: None,
                    changes: true,
                },
            ],
        })
    }

    fn clients(&self, settings: Settings) -> Box<dyn Clients> {
        Box::new(operations::Registers::new(settings))
    }

    fn container(&self, settings: &Settings, key: &str) -> Option<String> {
        keys::NAMES.container_of(key, settings.containers)
    }

    fn check(&self, history: &History) -> Report {
        // A compare-and-set that failed without saying what it saw met a definite error.
        kensho_checker::register::check(history, &Options::default())
    }

    fn mark(&self, f: &str, argument: &Value) -> Option<Value> {
        match f {
            "write" => Some(argument.clone()),
            "cas" => argument.get(1).cloned(),
            _ => None,
        }
    }

    fn seen(&self, f: &str, value: &Value) -> Vec<Value> {
        match f {
            "read" => vec![value.clone()],
            "cas" => value.get(0).cloned().into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn losses(&self, history: &History) -> Vec<LostWrite> {
        loss::lost_writes(history)
    }

    fn check_lossy(
        &self,
        history: &History,
        failovers: &dyn Fn(&str) -> Vec<Failover>,
    ) -> Option<Report> {
        Some(lossy::check(history, failovers))
    }

    fn kept_beyond(
        &self,
        history: &History,
        lost: &[LostWrite],
        owner_until: (&str, u64),
        in_partition: &dyn Fn(&str) -> bool,
    ) -> Option<String> {
        loss::kept_beyond(history, lost, owner_until, in_partition)
    }
}

#[cfg(test)]
mod tests;
