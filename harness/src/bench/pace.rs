//! When operations are to begin.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

/// How late the runtime's timers are at most.
const TIMER_GRAIN: Duration = Duration::from_millis(1);

/// One row of intended times from which all connections draw.
///
/// If all of them are busy, an operation begins late, and the time that it waited is part of its
/// latency: nothing is omitted because the system was slow ("coordinated omission", Gil Tene, "How
/// NOT to Measure Latency", 2013). The runtime's timers are up to 1 ms late, so an operation may
/// begin up to 1 ms early instead, and its latency then counts from when it really began.
#[derive(Debug)]
pub(super) struct Pace {
    rate: Option<f64>,
    begin: Instant,
    drawn: Cell<u64>,
}

impl Pace {
    /// So many operations per second from `begin` on; without a rate, each as soon as it is drawn.
    pub(super) fn new(rate: Option<f64>, begin: Instant) -> Pace {
        Pace {
            rate,
            begin,
            drawn: Cell::new(0),
        }
    }

    /// Waits for the time at which the next operation is to begin, and gives it.
    pub(super) async fn next(&self) -> Instant {
        let Some(rate) = self.rate else {
            return Instant::now();
        };
        let number = self.drawn.get();
        self.drawn.set(number + 1);
        let intended = self.begin + Duration::from_secs_f64(number as f64 / rate);
        tokio::time::sleep_until(intended - TIMER_GRAIN).await;
        intended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALL: Duration = Duration::from_millis(500);

    /// Latencies of 100 operations at 100 per second by one connection, to a server that answers
    /// within 2 ms but for one operation.
    async fn latencies(rate: Option<f64>) -> Vec<Duration> {
        let pace = Pace::new(rate, Instant::now());
        let mut latencies = Vec::new();
        for number in 0..100 {
            let intended = pace.next().await;
            let origin = intended.min(Instant::now());
            let service = if number == 20 {
                STALL
            } else {
                Duration::from_millis(2)
            };
            tokio::time::sleep(service).await;
            latencies.push(origin.elapsed());
        }
        latencies
    }

    #[tokio::test(start_paused = true)]
    async fn what_waited_behind_a_stall_has_its_waiting_counted() {
        let open = latencies(Some(100.0)).await;
        let slow = |all: &[Duration]| {
            all.iter()
                .filter(|one| **one > Duration::from_millis(100))
                .count()
        };
        // 10 ms apart, 2 ms each: the connection works off 8 ms of its debt with each operation.
        assert!((45..=55).contains(&slow(&open)), "{}", slow(&open));
        assert!(
            open[21] > STALL - Duration::from_millis(20),
            "{:?}",
            open[21]
        );
        assert!(open[99] < Duration::from_millis(10), "{:?}", open[99]);
        // A closed loop sees one slow operation and omits the rest.
        assert_eq!(slow(&latencies(None).await), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_kept_while_nothing_stalls() {
        let begin = Instant::now();
        let pace = Pace::new(Some(4_000.0), begin);
        for _ in 0..8_001 {
            pace.next().await;
        }
        let late = begin.elapsed().abs_diff(Duration::from_secs(2));
        assert!(late <= Duration::from_millis(1), "{late:?}");
    }
}
