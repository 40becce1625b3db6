//! The history on disk: events in their order, written out at every turn of the driver.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use kensho_checker::history::Event;

/// Writes the history.
#[derive(Debug)]
pub(super) struct Journal {
    output: BufWriter<File>,
    next: u64,
}

impl Journal {
    pub(super) fn create(path: &Path) -> Result<Journal> {
        let file = File::create(path)
            .with_context(|| format!("cannot make the history {}", path.display()))?;
        Ok(Journal {
            output: BufWriter::with_capacity(256 << 10, file),
            next: 0,
        })
    }

    /// Writes these events at the next places of the history.
    pub(super) fn write(&mut self, events: Vec<Event>) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        for mut event in events {
            event.index = self.next;
            self.next += 1;
            serde_json::to_writer(&mut self.output, &event).context("cannot write the history")?;
            self.output
                .write_all(b"\n")
                .context("cannot write the history")?;
        }
        self.output.flush().context("cannot write the history")
    }
}
