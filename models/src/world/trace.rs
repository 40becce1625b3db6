//! What happened in a run, line by line: when, where, what, in the words of the protocol. Kept only
//! when somebody wants to read it.

use std::fmt::{Arguments, Write};

/// The trace of a run, or nothing.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    text: Option<String>,
}

impl Trace {
    /// A trace that is kept.
    #[must_use]
    pub fn kept() -> Self {
        Trace {
            text: Some(String::new()),
        }
    }

    /// Whether lines are kept. Ask before making one.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.text.is_some()
    }

    /// One more line.
    pub fn line(&mut self, now_ns: u64, line: Arguments<'_>) {
        if let Some(text) = &mut self.text {
            let (ms, ns) = (now_ns / 1_000_000, now_ns % 1_000_000);
            writeln!(text, "{ms:>7}.{ns:06} {line}").expect("a string takes everything");
        }
    }

    /// All lines.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }
}
