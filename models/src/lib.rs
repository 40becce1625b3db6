//! Artificial worlds for the protocol: the state machines that ship, in simulated clusters.
//!
//! - [`world`] runs whole clusters under random faults in virtual time; [`explore`] samples them by
//!   seed.
//! - [`invariants`] are what must hold in all of them.
//! - [`election`] explores election and table register exhaustively, with stateright.
//!
//! Nothing here speaks to a real network, disk or clock.

pub mod election;
pub mod explore;
pub mod invariants;
pub mod random;
pub mod register;
pub mod world;
