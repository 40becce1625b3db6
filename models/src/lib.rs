//! Artificial worlds for the protocol: the state machines that ship, in simulated clusters.
//!
//! - [`world`] runs replicas, under one table that nobody has to elect a master for, and random faults
//!   in virtual time.
//! - [`cluster`] runs whole clusters in the same manner: coordinators, replicas and sessions; the
//!   harness's own workloads, fault schedules and checks, too.
//! - [`run`] runs either by seed, and [`sample`] many seeds on all processors; [`shrink`] makes a
//!   failing run small, and [`replay`] keeps it in a file.
//! - [`records`] replays what real nodes recorded, and holds the invariants against it.
//! - [`bully`] measures how elections grow with the number of nodes.
//! - [`invariants`] are what must hold in all of them.
//! - [`election`] is election and table register for stateright, and [`replication`] replicas on top
//!   of such a register; [`combined`] is both together; [`exploration`] explores either exhaustively, and [`catalogue`] names all of
//!   these models.
//!
//! Nothing here speaks to a real network, disk or clock.

pub mod asked_for;
#[cfg(feature = "break-rules")]
pub mod broken;
pub mod bully;
pub mod catalogue;
pub mod choice;
pub mod cluster;
pub mod combined;
pub mod cpu;
pub mod election;
pub mod exploration;
pub mod invariants;
pub mod memory;
pub mod path;
pub mod random;
pub mod records;
pub mod register;
pub mod replay;
pub mod replication;
pub mod run;
pub mod sample;
pub mod shared;
pub mod shrink;
pub mod sights;
pub mod story;
pub mod world;
