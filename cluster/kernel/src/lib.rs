//! A node without its I/O: what stands between the state machines of the protocol and the sockets, disks
//! and threads of a node.
//!
//! - [`control`]: the control plane, around the coordinator.
//! - [`data`]: the data plane, which runs the replicas of all partitions and answers clients.
//!
//! Each is a machine with the same face. Whoever drives it hands in what happened
//! ([`handle`](data::DataPlane::handle)), asks for what follows from a batch of that
//! ([`flush`](data::DataPlane::flush)), and hands in a tick when its deadline has come. What the machine
//! gives out is to be carried out in order. It has no clock and no thread, and draws no random number: the
//! real node drives it with threads and sockets, and the simulated clusters with virtual time. So whatever
//! is decided here (what leaves before what, when a client is refused, when a checkpoint is made) is
//! simulated as it ships.

pub mod control;
pub mod data;
mod view;

pub use view::{Report, View};
