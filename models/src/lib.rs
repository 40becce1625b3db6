//! Artificial worlds for the protocol: the state machines that ship, in simulated clusters.
//!
//! - [`world`] runs replicas, under one table that nobody has to elect a master for, and random faults
//!   in virtual time; [`explore`] samples such runs by seed.
//! - [`cluster`] runs whole clusters in the same manner: coordinators, replicas and sessions.
//! - [`bully`] measures how elections grow with the number of nodes.
//! - [`invariants`] are what must hold in all of them.
//! - [`election`] explores election and table register exhaustively, with stateright;
//!   [`replication`] does so with replicas on top of such a register.
//!
//! Nothing here speaks to a real network, disk or clock.

#[cfg(feature = "break-rules")]
pub mod broken;
pub mod bully;
pub mod cluster;
pub mod cpu;
pub mod election;
pub mod explore;
pub mod invariants;
pub mod random;
pub mod register;
pub mod replication;
pub mod world;
