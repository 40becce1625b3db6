//! Runs on disk: the run store, charts and report pages.
