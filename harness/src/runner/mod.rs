//! The runner: drives clients and nemesis by generators, journals what happens, judges it.
//!
//! `run` makes one whole run of a test: it starts the nodes, plays the main phase under faults,
//! heals everything, reads every key in a quiet cluster, stops the nodes, and judges the history
//! that lies on disk by then. Whatever happens to the nodes at the end never loses the verdict.

pub mod clock;
pub mod interpreter;
pub mod interrupt;
pub mod journal;
pub mod judge;
pub mod live;
pub mod lossy;
pub mod nemesis;
pub mod placed;
pub mod progress;
pub mod run;
mod told;
pub mod watch;

pub use run::{Outcome, Plan, Play, run};

#[cfg(test)]
mod tests;
