//! What coordinators say to each other.

use serde::{Deserialize, Serialize};

/// A message between two coordinators.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {}
