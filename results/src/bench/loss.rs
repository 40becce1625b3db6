//! What is lost by failovers.

use serde::{Deserialize, Serialize};

use crate::run::Host;

/// `loss.json`: kills of owners under load, and the acknowledged writes that were gone after each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossSet {
    /// The command that measured it.
    pub command: String,
    /// The machine.
    pub host: Host,
    /// One for each mode.
    pub series: Vec<LossSeries>,
}

/// Kills in one mode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossSeries {
    /// `async` or `semi-sync`.
    pub mode: String,
    /// Each kill.
    pub kills: Vec<LossAtKill>,
}

/// What one kill of an owner cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossAtKill {
    /// How long each message between nodes was under way, milliseconds: backups are at least so far
    /// behind.
    pub link_delay_ms: f64,
    /// Writes acknowledged per second in the last second before it.
    pub acknowledged_per_second: f64,
    /// Writes whose presence was asked for after it: those that the victim had acknowledged last.
    pub asked: u64,
    /// Those that were gone.
    pub lost: u64,
    /// How long before the kill the oldest of those was acknowledged, milliseconds; 0 if nothing
    /// was lost.
    pub lag_ms: f64,
}
