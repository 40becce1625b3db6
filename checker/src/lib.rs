//! Histories in, verdicts out.
//!
//! This crate knows nothing of any database: it reads a history of what clients asked and what
//! they were told ([`history`]), and judges it.

pub mod history;
