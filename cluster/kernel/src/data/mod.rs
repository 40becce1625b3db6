//! The data plane: the replicas of a node, and the clients that wait for them.
//!
//! What arrives is handed to the replicas at once. What follows from it is given out when the batch ends,
//! so that many statements share one write, one flush of the disk and one message to each node: first the
//! records of the log, then messages to other nodes, then answers. An answer that needs none of these is
//! given out at once.
//!
//! Where to look: `plane` drives the replicas; `admission` says which statements are taken, and which have
//! to wait; `answers` lets answers leave (rule R10); `put_off` keeps entries of other nodes until the log
//! on disk has room for them; `checkpoints` decides when the log is shortened.

mod admission;
mod answers;
mod checkpoints;
mod face;
mod plane;
mod put_off;
#[cfg(test)]
mod tests;

pub use answers::Answer;
pub use face::{Ask, Figures, Input, Limits, LogState, Output, Query, Settings, Told};
pub use plane::DataPlane;
