//! Moving a coordinator in time. Only differences of times matter to it, so a world that explores
//! all histories can bring every state to one origin: histories that differ only in when they
//! happened then lead to the same state. Times so long past that they make no difference any more
//! become equal, too.

use std::time::Duration;

use super::state::Role;
use super::tournament::Vote;
use super::{Coordinator, probe, reign};
use crate::time::Time;

/// From one clock to another that shows `to` when the first shows `now`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shift {
    now: Time,
    to: Time,
}

impl Shift {
    /// A time ahead, such as a deadline; all that have passed are equal.
    pub(super) fn ahead(self, time: &mut Time) {
        self.past(time, Duration::ZERO);
    }

    /// A time that may lie back; all that are at least `limit` ago are equal.
    pub(super) fn past(self, time: &mut Time, limit: Duration) {
        if *time < Time::MAX {
            let ago = self.now.since(*time).min(limit);
            *time = self.to + time.since(self.now) - ago;
        }
    }
}

impl Coordinator {
    /// Moves all times so that `to` takes the place of `now`.
    ///
    /// # Panics
    /// When `to` is too near the beginning of time for what lies back to fit in before it.
    pub fn rebase(&mut self, now: Time, to: Time) {
        let shift = Shift { now, to };
        let missed_after = self.fixed.settings.missed_after();
        let lies_back = missed_after.max(self.fixed.settings.replace_after);
        assert!(to.since(Time(0)) >= lies_back, "{to:?} is too early");
        match &mut self.role {
            Role::Electing(electing) => probe::rebase(electing, shift),
            Role::Following(following) => shift.past(&mut following.heard, missed_after),
            Role::Reigning(reign) => reign::rebase(reign, shift, &self.fixed.settings),
        }
        if let Vote::Held(candidacy) = &mut self.vote {
            candidacy.rebase(shift);
        }
        if let Some((_, heard)) = &mut self.suspect {
            shift.past(heard, missed_after);
        }
        for hearing in self.hearing.iter_mut().chain(&mut self.hearing_anew) {
            hearing.rebase(shift);
        }
        if let Some(goodbye) = &mut self.goodbye {
            goodbye.rebase(shift, &self.fixed.settings);
        }
        self.service.rebase(shift);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_stay_and_what_is_long_past_becomes_equal() {
        let shift = Shift {
            now: Time(500),
            to: Time(10_000),
        };
        let limit = Duration::from_nanos(100);
        let moved = |time: u64| {
            let mut time = Time(time);
            shift.past(&mut time, limit);
            time
        };
        assert_eq!(moved(500), Time(10_000));
        assert_eq!(moved(520), Time(10_020));
        assert_eq!(moved(450), Time(9_950));
        assert_eq!(moved(399), Time(9_900));
        assert_eq!(moved(7), Time(9_900));
        assert_eq!(moved(u64::MAX), Time::MAX);
        let mut deadline = Time(499);
        shift.ahead(&mut deadline);
        assert_eq!(deadline, Time(10_000));
    }
}
