//! Model (i), **election and table register**: the coordinators that ship, every interleaving of
//! their messages, crashes and decisions, in small clusters. It shows that election and table
//! together are one atomic compare-and-set register (protocol rules M1-M5), which is what the
//! replication models take for granted.
//!
//! What is abstracted:
//! - *Time.* Each node has a clock of its own, which jumps to the node's deadline when the node is
//!   chosen to notice it; no clock is related to any other. So every timeout may come at any time.
//! - *Probing.* That a majority has missed the master may become true at any time
//!   ([`Action::Raise`]), so a term may begin at any time. Only the scenario of rule "no
//!   disturbance" runs the real questions and answers.
//! - *The network.* A message in flight may be delivered at any later time, out of order, to a later
//!   life of its addressee, or never; a bounded number of times it stays in flight when delivered.
//!   Identical messages in flight are one.
//! - *Replicas* are what they hold, and what they might ask for.
//! - *Members.* A request to join or to leave may come to any master at any time, instead of by way
//!   of others.
//!
//! Budgets bound terms, restarts, duplicates, requests and timeouts; within them, a scenario is
//! explored to its end.

mod action;
mod breakable;
mod check;
pub mod invariants;
pub(crate) mod scenario;
mod sight;
mod small;
mod state;
pub(crate) mod step;
pub(crate) mod story;
#[cfg(test)]
mod tests;

pub use action::Action;
pub use breakable::{BREAKABLE, Breakable};
pub use check::Counterexample;
pub use scenario::{Budget, Election, Scenario, Timers, Writes};
pub use sight::{Sight, Sights};
pub use small::{LARGE, Named, SMALL, Small};
pub use state::{Envelope, Node, State};
