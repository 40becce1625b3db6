//! What goes wrong: faults as data, their catalogue, and schedules.
//!
//! Faults are values ([`fault`]); the [`catalogue`] names those there are, and what a system must be
//! able to for each ([`capability`]); a [`schedule`] is a pure function of its seed; [`target`] says
//! which nodes a fault hits, given a [`target::View`] of the cluster at that moment; [`topology`] says
//! which links a partition cuts, and [`conduct`] what a link does that is disturbed. Nothing here does
//! anything: artificial worlds and real ones carry faults out in their own ways.
//!
//! A new fault is a file in `faults` and a line in the [`catalogue::CATALOGUE`], if it is made of the
//! [`fault::Action`]s there are. A new action is handled wherever the compiler says.
//!
//! Not here: the means (`kensho-means`), who starts and restarts nodes, and when to inject; that is the
//! harness.

pub mod capability;
pub mod catalogue;
pub mod conduct;
pub mod fault;
mod faults;
pub mod schedule;
pub mod target;
pub mod topology;
