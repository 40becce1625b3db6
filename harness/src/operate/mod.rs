//! What people do with a cluster that runs: look at it, decide who belongs to it, back it up and restore it.
//! Everything goes through the nodes' HTTP interface.

mod backup;
mod columns;
mod health;
mod levelling;
mod manifest;
mod members;
mod reach;
mod restore;
mod snapshot;

pub use backup::back_up;
pub use columns::columns;
pub use health::{Health, NodeHealth, look};
pub use levelling::{Levelling, Plan, Step, move_partition, plan, set_levelling};
pub use manifest::{Manifest, check as check_backup};
pub use members::{fail_over, join, leave};
pub use reach::{Reach, table};
pub use restore::restore;
