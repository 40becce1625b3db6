//! What goes wrong: the catalogue of faults, schedules, and the means to apply them.
//!
//! Faults are data ([`fault`]); the [`catalogue`] names those there are; a [`schedule`] is a pure
//! function of its seed; [`target`] says which nodes a fault hits, given a [`target::View`] of the
//! cluster at that moment; [`topology`] says which links a partition cuts. The means are signals
//! ([`signal`]) and a user-space TCP proxy on every link ([`proxy`], [`mesh`]): neither needs root.
//!
//! Not here: who starts and restarts nodes, and when to inject; that is the harness.

pub mod catalogue;
pub mod fault;
pub mod mesh;
pub mod proxy;
pub mod schedule;
pub mod signal;
pub mod target;
pub mod topology;
