//! Histories in, verdicts out.
//!
//! This crate knows nothing of any database: it reads a history of what clients asked and what
//! they were told ([`history`]), and judges it.

pub mod anomaly;
pub mod budget;
mod hash;
pub mod history;
mod keys;
pub mod register;
pub mod report;
pub mod value;
