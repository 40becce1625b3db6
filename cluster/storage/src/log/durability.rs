//! When what was written to the log is flushed.

use std::time::Duration;

/// When what was written to the log is flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Durability {
    /// At once: every write is followed by a flush, and the next write waits for it.
    Sync,
    /// At intervals, and at once where somebody asks for it ([`LogAppender::commit_at_once`]).
    ///
    /// [`LogAppender::commit_at_once`]: super::LogAppender::commit_at_once
    Delayed {
        /// What was written is flushed this much later at the latest.
        flush_interval: Duration,
    },
}

impl Durability {
    /// Whether flushes may come later.
    #[must_use]
    pub fn is_delayed(self) -> bool {
        matches!(self, Durability::Delayed { .. })
    }
}
