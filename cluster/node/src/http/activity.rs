//! Whether a client's connection is used: one on which no request comes is closed after a while, be it
//! idle or on its way with a request that never ends.
//!
//! hyper offers the same, with a timer that is set and taken back for every request. Here one timer
//! looks now and then at when the last request was answered.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// When a connection was last used.
pub(super) struct Activity {
    /// Since when no request is being answered; `None` while one is.
    idle_since: Cell<Option<Instant>>,
}

/// A request is being answered as long as this lives.
pub(super) struct Answering(Rc<Activity>);

impl Activity {
    /// Nothing has come yet.
    pub(super) fn new() -> Self {
        Activity {
            idle_since: Cell::new(Some(Instant::now())),
        }
    }

    /// A request has come.
    pub(super) fn answering(self: &Rc<Self>) -> Answering {
        self.idle_since.set(None);
        Answering(Rc::clone(self))
    }

    /// Waits until no request has come for as long as `limit`.
    pub(super) async fn silence(&self, limit: Duration) {
        loop {
            let left = match self.idle_since.get() {
                Some(since) => limit.saturating_sub(since.elapsed()),
                None => limit,
            };
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.idle_since.set(Some(Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_is_silent_only_while_no_request_is_answered() {
        let activity = Rc::new(Activity::new());
        let limit = Duration::from_millis(20);
        let answering = activity.answering();
        let silence = activity.silence(limit);
        tokio::time::timeout(5 * limit, silence)
            .await
            .expect_err("a request is being answered");
        drop(answering);
        let idle_since = activity.idle_since.get().expect("it is idle");
        activity.silence(limit).await;
        assert!(idle_since.elapsed() >= limit);
    }
}
