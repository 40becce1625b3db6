//! A node of the cluster (requirement A1: all nodes run the same program): sockets, threads, files
//! and time around the kernel and the storage.
//!
//! - [`settings`]: what a node may be told.
//! - [`node`]: how a node starts, and its threads.
//! - [`access`]: who may do what.
//! - `control`: the control plane's thread, which drives the coordinator.
//! - `data`: the data plane's thread, which drives its machine ([`kensho_kernel::data`]).
//! - `peer`: how nodes talk to each other.
//! - `door`: who is let in, and how much a node takes on with them.
//! - `discovery`: how the master makes itself known, and how a node finds a cluster to join.
//! - `http`: what clients see.
//!
//! Protocol and kernel decide; nothing here does. What they give out is carried out in order, and whatever
//! relies on the disk waits for it.

pub mod access;
pub mod clock;
mod control;
mod data;
mod discovery;
mod door;
pub mod failure;
mod goodbye;
mod http;
pub mod node;
mod peer;
mod recent_log;
mod recording;
mod service_manager;
pub mod settings;
