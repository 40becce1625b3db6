//! Runs on disk: the run store, figures and report pages.
//!
//! A run's folder ([`store`]) holds the record of how it was made ([`run`]), its history, its
//! verdict with all figures ([`verdict`]) and a report
//! ([`report`]) that is one offline page.
//! Figures ([`figures`]) are computed from plain [`sample`]s of operations and from the faults.
//!
//! Not here: how a run is made (the harness), and whether its history is right (the checker).

pub mod answers;
pub mod bench;
pub mod charts;
pub mod figures;
pub mod html;
pub mod listing;
pub mod progress;
pub mod report;
pub mod run;
pub mod sample;
pub mod store;
pub mod text;
pub mod utc;
pub mod verdict;
