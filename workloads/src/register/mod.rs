//! The register workload: read, write and compare-and-set on many independent registers.
//!
//! Every value that is written is new, so a read names the write that it saw, and judging a
//! history is exact and fast. A compare-and-set expects the value last seen of its register, by
//! the version (`ETag`) that came with it; a failed one tells what it saw instead, and so is a
//! read. [`Keys`] says which registers there are, [`generator`] what is done to them, [`call`] and
//! [`outcome`] what an operation means in requests and answers of a store.

mod keys;
mod loss;
mod operations;

use std::collections::BTreeSet;

use kensho_checker::history::History;
use kensho_checker::register::Options;
use kensho_checker::report::Report;

pub use keys::{Keys, container, container_name, key};
pub use loss::{LostWrite, lost_writes};
pub use operations::{Answer, Call, Condition, Found, Outcome, Seen, call, outcome};

use crate::generator::{Generator, any, sequence};
use crate::operation::Operation;

/// How the registers are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Containers that the registers are spread over; as many registers are live at a time.
    pub containers: u64,
    /// Operations on one register before a fresh one takes its place.
    pub operations_per_key: u64,
    /// Seed of every choice.
    pub seed: u64,
}

impl Settings {
    /// Settings that exercise `partitions` partitions: two containers for each, and registers that
    /// live for 150 operations.
    pub fn for_partitions(partitions: u64, seed: u64) -> Settings {
        Settings {
            containers: 2 * partitions,
            operations_per_key: 150,
            seed,
        }
    }
}

/// Reads, writes and compare-and-sets on a moving window of registers, without end.
pub fn generator(settings: Settings) -> Generator {
    Generator::new(Keys::new(settings))
}

/// Reads every register of `used` until that is ok.
pub fn final_phase(used: &BTreeSet<String>) -> Generator {
    // In portions, since `any` looks at each of its generators for each operation.
    const PORTION: usize = 32;
    const RETRY_AFTER: u64 = 50_000_000;
    let keys: Vec<&String> = used.iter().collect();
    let read = |key: &&String| {
        let read = Generator::once(Operation::new("read").on(key.as_str())).repeat();
        read.delay(RETRY_AFTER).concurrency_limit(1).until_ok()
    };
    sequence(
        keys.chunks(PORTION)
            .map(|portion| any(portion.iter().map(read))),
    )
    .on_clients()
}

/// Judges a history of this workload: is each register linearizable?
pub fn check(history: &History) -> Report {
    // A compare-and-set that failed without saying what it saw met a definite error.
    kensho_checker::register::check(history, &Options::default())
}

#[cfg(test)]
mod tests;
