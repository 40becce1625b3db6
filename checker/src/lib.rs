//! Histories in, verdicts out.
//!
//! This crate knows nothing of any database: it reads a history of what clients asked and what
//! they were told ([`history`]), and judges it.

pub mod anomaly;
pub mod budget;
pub mod checks;
pub mod formats;
mod hash;
pub mod history;
mod keys;
pub mod linearizable;
pub mod register;
pub mod report;
pub mod search;
pub mod transactions;
pub mod value;
