//! A node's clock: its own start, its own rate.

use kensho_protocol::settings::Settings;
use kensho_protocol::time::Time;

use crate::random::Random;

const MILLION: u64 = 1_000_000;

/// A clock that shows `start + true time * rate`. It runs on while its node is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    start_ns: u64,
    /// How far it runs while a million true units pass.
    rate_ppm: u64,
    /// How much it fell behind because it stopped with the process: never, unless the rule
    /// `lease-clock-stops` is broken.
    stopped_ns: u64,
}

impl Clock {
    /// A clock that shows the true time.
    pub const TRUE: Clock = Clock {
        start_ns: 0,
        rate_ppm: MILLION,
        stopped_ns: 0,
    };

    /// Any clock that the settings allow for (rule R10): a start of its own, and a rate at most
    /// [`Settings::DRIFT_PERCENT`] from the true one, often exactly at the limit.
    pub fn draw(random: &mut Random) -> Self {
        let drift = MILLION / 100 * u64::from(Settings::DRIFT_PERCENT);
        let rate_ppm = match random.below(4) {
            0 => MILLION - drift,
            1 => MILLION + drift,
            _ => random.between(MILLION - drift, MILLION + drift),
        };
        Clock {
            start_ns: random.below(1_000 * MILLION),
            rate_ppm,
            stopped_ns: 0,
        }
    }

    /// What it shows at the true time `now_ns`.
    #[must_use]
    pub fn read(&self, now_ns: u64) -> Time {
        Time(self.start_ns + scale(now_ns, self.rate_ppm, MILLION) - self.stopped_ns)
    }

    /// The first true time at which it shows at least `time`; `None` for never.
    #[must_use]
    pub fn when_it_shows(&self, time: Time) -> Option<u64> {
        if time == Time::MAX {
            return None;
        }
        let since = (time.0 + self.stopped_ns).saturating_sub(self.start_ns);
        let mut now_ns = scale(since, MILLION, self.rate_ppm);
        while self.read(now_ns) < time {
            now_ns += 1;
        }
        Some(now_ns)
    }

    /// The clock stood still for `length_ns` of its own time.
    pub fn stand_still(&mut self, length_ns: u64) {
        self.stopped_ns += length_ns;
    }
}

fn scale(number: u64, by: u64, over: u64) -> u64 {
    // The same as in 128 bits, which take several times as long: every event reads a clock.
    let whole = (number / over).saturating_mul(by);
    whole.saturating_add(number % over * by / over)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    #[test]
    fn a_deadline_is_reached_when_the_clock_shows_it_and_not_before() {
        let mut random = Random::new(3, Stream::Plan);
        for _ in 0..100 {
            let clock = Clock::draw(&mut random);
            let time = Time(random.below(100_000 * MILLION) + 1_000 * MILLION);
            let at_ns = clock.when_it_shows(time).expect("some time");
            assert!(clock.read(at_ns) >= time);
            assert!(at_ns == 0 || clock.read(at_ns - 1) < time);
        }
        assert_eq!(Clock::TRUE.when_it_shows(Time::MAX), None);
    }

    #[test]
    fn two_clocks_drift_apart_no_further_than_the_settings_allow() {
        let mut random = Random::new(4, Stream::Plan);
        for _ in 0..100 {
            let clock = Clock::draw(&mut random);
            let shown = clock
                .read(2_000 * MILLION)
                .since(clock.read(1_000 * MILLION));
            let shown = u64::try_from(shown.as_nanos()).expect("a second or so");
            assert!((990 * MILLION..=1_010 * MILLION).contains(&shown));
        }
    }
}
