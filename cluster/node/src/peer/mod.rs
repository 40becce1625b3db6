//! How nodes talk to each other: HTTP/1.1, one connection for each direction and plane.
//!
//! The node that has something to say connects, introduces itself (`POST /peer/<plane>/hello`), and
//! then posts one endless body of messages (`POST /peer/<plane>/stream`). A message may get lost;
//! what does not fit into the queue to a node is dropped. The protocol expects no more than that.
//!
//! Control messages have connections, and a thread, of their own, so that bulk data never delays a
//! heartbeat.

mod arrived;
mod frame;
#[cfg(test)]
mod golden;
mod hello;
mod inbound;
mod link;
mod outbox;
mod peers;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(crate) use arrived::{Arrived, HandedOver};
pub(crate) use frame::Encoder;
pub(crate) use hello::{Hello, Introduction};
pub(crate) use inbound::{Inbound, Received};
pub(crate) use link::{Link, LinkSettings};
pub(crate) use outbox::Outbox;
pub(crate) use peers::{Met, Peers, Seen};

/// Which of the two kinds of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Plane {
    /// Election, heartbeats, tables.
    Control,
    /// Replication.
    Data,
}

impl fmt::Display for Plane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Plane::Control => "control",
            Plane::Data => "data",
        })
    }
}
