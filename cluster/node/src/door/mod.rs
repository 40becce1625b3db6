//! Who is let in, and how much a node takes on with them. Whoever connects may be anybody: what has not
//! sent a whole request yet, or not shown the secret, gets a place for a time, and gives it up to others.
//!
//! - [`Guests`]: the connections of clients, and the memory for what they send and do not take.
//! - [`Strangers`]: the connections at the listener for nodes that have not shown the secret yet.

mod guests;
mod source;
mod strangers;
mod watched;

pub(crate) use guests::{Guest, GuestLimits, Guests, LOOK_EVERY};
pub(crate) use source::Source;
pub(crate) use strangers::{Stranger, Strangers};
pub(crate) use watched::Watched;
