//! The connections at the listener for nodes that have not shown the secret yet. There are few honest
//! ones, each for milliseconds; who holds a place for longest gives it up to whoever comes next.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Source;

/// Whoever connects has so long to show the secret.
const PATIENCE: Duration = Duration::from_secs(5);

/// Those at the door.
#[derive(Debug)]
pub(crate) struct Strangers {
    limit: usize,
    limit_by_address: usize,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// In the order in which they came.
    present: VecDeque<Present>,
    next: u64,
    dismissed: u64,
}

#[derive(Debug)]
struct Present {
    number: u64,
    source: Source,
    close: Arc<Notify>,
}

/// One of them. It gives up its place when this is dropped, as it is when the node has shown the secret.
#[derive(Debug)]
pub(crate) struct Stranger {
    number: u64,
    until: Instant,
    close: Arc<Notify>,
    strangers: Arc<Strangers>,
}

impl Strangers {
    /// So many in all, and of one source.
    pub(crate) fn new(limit: usize, limit_by_address: usize) -> Arc<Self> {
        Arc::new(Strangers {
            limit,
            limit_by_address,
            waiting: Mutex::default(),
        })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("nobody panicked")
    }

    /// A place for a new connection; if there is none, another one gives up its own.
    pub(crate) fn admit(self: &Arc<Self>, source: Source) -> Stranger {
        let mut waiting = self.waiting();
        let of_source = |present: &&Present| present.source == source;
        let crowded_source =
            waiting.present.iter().filter(of_source).count() >= self.limit_by_address;
        let first = if crowded_source {
            waiting
                .present
                .iter()
                .position(|present| present.source == source)
        } else {
            (waiting.present.len() >= self.limit).then_some(0)
        };
        if let Some(first) = first.and_then(|first| waiting.present.remove(first)) {
            first.close.notify_one();
            waiting.dismissed += 1;
        }
        let (number, close) = (waiting.next, Arc::<Notify>::default());
        waiting.next += 1;
        waiting.present.push_back(Present {
            number,
            source,
            close: Arc::clone(&close),
        });
        Stranger {
            number,
            until: Instant::now() + PATIENCE,
            close,
            strangers: Arc::clone(self),
        }
    }

    /// How many there are, and how many had to give up their place.
    pub(crate) fn figures(&self) -> (usize, u64) {
        let waiting = self.waiting();
        (waiting.present.len(), waiting.dismissed)
    }
}

impl Stranger {
    /// Waits until it has to give up its place, to another one or since it took too long.
    pub(crate) async fn dismissed(&self) {
        let _ = tokio::time::timeout_at(self.until, self.close.notified()).await;
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let mut waiting = self.strangers.waiting();
        waiting
            .present
            .retain(|present| present.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};
    use std::task::{Context, Poll, Waker};

    fn source(last: u8) -> Source {
        Source::from(IpAddr::from(Ipv4Addr::new(10, 0, 0, last)))
    }

    fn is_dismissed(stranger: &Stranger) -> bool {
        let mut dismissed = std::pin::pin!(stranger.dismissed());
        let mut context = Context::from_waker(Waker::noop());
        dismissed.as_mut().poll(&mut context) == Poll::Ready(())
    }

    #[tokio::test]
    async fn there_is_a_place_for_whoever_comes_next() {
        let strangers = Strangers::new(3, 2);
        let other = strangers.admit(source(1));
        let first = strangers.admit(source(2));
        let second = strangers.admit(source(2));
        let third = strangers.admit(source(2));
        assert!(is_dismissed(&first), "its source has too many");
        assert!(!is_dismissed(&second) && !is_dismissed(&other));
        let _new = strangers.admit(source(3));
        assert!(is_dismissed(&other), "it came first of all");
        assert!(!is_dismissed(&third));
        assert_eq!(strangers.figures(), (3, 2));
        drop(third);
        drop(first);
        assert_eq!(strangers.figures(), (2, 2));
    }
}
