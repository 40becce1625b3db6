//! The journal: each event reaches the history's file when it happens, in the order of events.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use kensho_checker::history::{Event, Writer};

/// Writes the history.
pub struct Journal {
    writer: Writer<File>,
    next: u64,
}

impl Journal {
    /// A new file.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn create(path: &Path) -> Result<Journal> {
        let file = File::create(path)
            .with_context(|| format!("cannot make the history {}", path.display()))?;
        Ok(Journal {
            writer: Writer::new(file),
            next: 0,
        })
    }

    /// Writes the event at the next place of the history; its index is set here.
    ///
    /// # Errors
    /// If it cannot be written; a run must not go on without its history.
    pub fn write(&mut self, mut event: Event) -> Result<()> {
        event.index = self.next;
        self.next += 1;
        self.writer
            .write(&event)
            .context("cannot write the history")
    }

    /// How many events there are.
    pub fn len(&self) -> u64 {
        self.next
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.next == 0
    }
}
