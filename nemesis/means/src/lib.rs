//! The means to apply faults to real processes: signals ([`signal`], [`tree`]) and a user-space TCP
//! proxy on every link ([`proxy`], [`mesh`]). Neither needs root.
//!
//! Not here: which faults there are and when they strike ([`kensho_nemesis`]), and who starts and
//! restarts nodes; that is the harness.

pub mod mesh;
pub mod origin;
pub mod proxy;
pub mod signal;
pub mod tree;
