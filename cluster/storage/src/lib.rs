//! What a node keeps on its disk, and the tables of rows that it keeps in memory.
//!
//! The protocol decides what is to be written and when; this crate carries it out:
//!
//! - [`folder::DataFolder`]: where a node starts. It locks the folder, says who the node is, and gives
//!   back everything that the last run left there.
//! - [`log`]: one update log for all partitions of a node, so that one flush serves all of them, with
//!   checkpoints that let its old part be forgotten.
//! - [`tables::Tables`]: containers and rows, the state that statements are applied to.
//! - [`disk`]: the little that all this needs of a disk, real or simulated.
//!
//! Nothing here knows of networks, roles or leases. The parts that decide something are free of
//! threads, so that the simulator runs the same code on a simulated disk; [`log::start`] is the thin
//! shell that puts them on threads of their own.

pub mod disk;
mod encode;
pub mod error;
pub mod folder;
pub mod log;
mod sealed;
pub mod tables;
