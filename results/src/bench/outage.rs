//! What clients notice of a node's short outage.

use serde::{Deserialize, Serialize};

use super::absence::Absence;
use crate::run::Host;

/// `outage.json`: several outages, each under its own load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutageSet {
    /// The command that measured it.
    pub command: String,
    /// The machine.
    pub host: Host,
    /// What was measured.
    pub outages: Vec<Outage>,
}

/// One node killed, started again, and in sync again, under constant load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outage {
    /// Who was killed: `owner` or `master`.
    pub victim: String,
    /// The cluster, in words.
    pub text: String,
    /// Times and load.
    #[serde(flatten)]
    pub absence: Absence,
    /// Bytes of rows that it had to be sent: those that were put while it was away.
    pub caught_up_bytes: u64,
}
