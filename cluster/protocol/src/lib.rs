//! The cluster's protocol, *sans-IO*: deterministic state machines that take plain data in and
//! give plain data out. There is no I/O here, no clock, no thread, no async and no randomness of
//! its own; time is a number that is handed in, and a seed is given at construction.
//!
//! - [`coordinator::Coordinator`], one per node: election, the partition table, heartbeats.
//! - [`replica::Replica`], one per partition that a node holds: owner, backup or catch-up.
//! - [`session::Session`], one per client: find the owner, retry, give up in time.
//!
//! Each has the same face: `handle(now, event, &mut outputs)` takes an input,
//! `deadline()` says when it wants to be handed [`Tick`](replica::Event::Tick) at the latest.
//! The caller carries out the outputs in order. Whatever relies on something being on disk is
//! given out only after the caller has said that it is (`Durable`, `Saved`).
//!
//! The same code runs in the node (tokio, real disks), in the simulator (virtual time, a seed) and
//! under the model checker, so what is verified is what ships.

pub mod apply;
pub mod coordinator;
pub mod error_code;
pub mod ids;
pub mod inputs;
pub mod log;
pub mod outcomes;
pub mod record;
pub mod replica;
pub mod request;
pub mod routing;
pub mod rule;
pub mod session;
pub mod settings;
pub mod small_bytes;
pub mod table;
pub mod time;
