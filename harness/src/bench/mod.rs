//! The load generator: what a cluster does, how fast, and at what cost.
//!
//! Contestants (clusters in different modes, calibrations, other databases) are all up at the same
//! time, and only one of them is under load at a time, in short windows that take turns
//! (`rotation`). A machine that is slower for a while is then slower for all of them, and ratios
//! are taken within a round. The client under load is the client library, as people use it, on one
//! thread.
//!
//! What was measured is data ([`kensho_results::bench`]); pictures and comparisons are made of it.

mod absence;
mod catch_up;
mod contestant;
mod echo;
mod etcd;
mod experiment;
mod foreground;
mod generator;
mod keys;
mod latency_log;
mod loss;
mod memory;
mod mix;
mod outage;
mod pace;
mod processor;
mod rolling;
mod rotation;
mod scale_out;
mod suite;
mod window;
mod worker;

pub use catch_up::{Plan as CatchUpPlan, catch_up};
pub use contestant::{Replication, Subject};
pub use echo::serve as serve_echo;
pub use experiment::{Entry, Experiment, Fleet, Measured, measure};
pub use generator::Load;
pub use keys::Distribution;
pub use latency_log::write as write_latency_log;
pub use loss::lose;
pub use memory::{Plan as MemoryPlan, measure as measure_memory, text as memory_cluster};
pub use mix::Mix;
pub use outage::{Plan as OutagePlan, Victim, interrupt};
pub use rolling::{Plan as RollingPlan, restart};
pub use scale_out::{Plan as ScaleOutPlan, scale_out};
pub use suite::Suite;
