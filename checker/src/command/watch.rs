//! Watches the memory of this process while a history is read and judged.
//!
//! Searches ask for the limit themselves, and end with what they know. But whatever a model does,
//! and whatever a reader reads, the limit holds: who goes beyond it is left alone, and his work is
//! lost when the process ends.

use crate::budget::resident;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// Memory is looked at so often: in this time, a thread can touch some mebibytes.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// As much stack as a program's first thread has.
const STACK_BYTES: usize = 8 << 20;

/// What `work` returns; none if this process comes to have more memory than so much and an eighth
/// (so that searches, which end in good order, come first).
pub(super) fn within<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<Option<T>> {
    let (done, result) = channel();
    let worker = std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || {
            // Nobody waits any more if there was too much memory in use.
            let _ = done.send(work());
        })?;
    loop {
        match result.recv_timeout(LOOK_EVERY) {
            Ok(found) => return Ok(Some(found)),
            Err(RecvTimeoutError::Disconnected) => match worker.join() {
                Err(panic) => std::panic::resume_unwind(panic),
                Ok(()) => return Ok(None),
            },
            Err(RecvTimeoutError::Timeout) => {
                let all = resident().unwrap_or(0);
                if all > bytes.saturating_add(bytes / 8) {
                    return Ok(None);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_ends_has_its_result() {
        assert_eq!(within(usize::MAX, || 7).unwrap(), Some(7));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn work_is_left_alone_where_memory_goes_beyond_the_limit() {
        let (end, wait) = channel::<()>();
        // Any process has more than that.
        assert_eq!(within(1, move || wait.recv()).unwrap(), None);
        drop(end);
    }
}
