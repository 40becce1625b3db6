//! Puts everything together: systems under test, the runner, and the command `kensho`.
//!
//! A [`system`] is started, hurt and asked; the [`runner`] plays a workload and a nemesis on it and
//! judges what happened; [`mod@bench`] measures what it does under load; [`serve`] shows runs in a
//! browser; [`operate`] looks after a cluster that runs; [`cli`] is what a person types.

pub mod bench;
pub mod cli;
mod exchange;
pub mod identity;
pub mod operate;
pub mod runner;
pub mod serve;
pub mod system;
