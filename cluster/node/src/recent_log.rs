//! The last lines of the node's log, for those who look at it from elsewhere.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard};

use tracing_subscriber::fmt::MakeWriter;

/// So many lines are kept, ...
const LINES_MAX: usize = 500;
/// ... and of each so much, in bytes.
const LINE_BYTES_MAX: usize = 4_096;

/// The log of the process is one, and so are its last lines.
static LINES: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

fn lines() -> MutexGuard<'static, VecDeque<String>> {
    // Whoever panicked while it held this has stopped the process.
    LINES
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The last lines as a JSON array; each line is a JSON object itself.
pub(crate) fn as_json() -> String {
    let lines = lines();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    format!("[{}]", lines.join(","))
}

/// Writes the log to standard error, and keeps its last lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tee;

impl<'a> MakeWriter<'a> for Tee {
    type Writer = Tee;
    fn make_writer(&'a self) -> Tee {
        Tee
    }
}

impl Write for Tee {
    /// It is given a whole line each time.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        keep(&mut lines(), line);
        io::stderr().write_all(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

fn keep(lines: &mut VecDeque<String>, line: &[u8]) {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end();
    // A line that is cut is none any more.
    if text.is_empty() || text.len() > LINE_BYTES_MAX {
        return;
    }
    if lines.len() >= LINES_MAX {
        lines.pop_front();
    }
    lines.push_back(text.to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept() {
        let mut lines = VecDeque::new();
        for number in 0..LINES_MAX + 2 {
            keep(&mut lines, format!("{{\"n\":{number}}}\n").as_bytes());
        }
        keep(&mut lines, &vec![b'x'; LINE_BYTES_MAX + 1]);
        assert_eq!(lines.len(), LINES_MAX);
        assert_eq!(lines[0], "{\"n\":2}");
    }
}
