//! Update log, checkpoints and tables of rows behind a Disk trait.
