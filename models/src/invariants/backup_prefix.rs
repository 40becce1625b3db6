//! **backup-prefix**: a backup read shows a prefix of committed history, per session never going back, and
//! not older than the read may be told.
//!
//! Source: rule R16; Terry et al., "Session guarantees for weakly consistent replicated data" (1994).
//!
//! The order is known here, as in [linearizable](super::linearizable): an answer tells of a place in the
//! settled log, and of the state there.

use std::collections::VecDeque;

use kensho_protocol::ids::{Lsn, Position};
use kensho_protocol::request::{Refusal, Reply, Source};

use super::Violation;
use super::linearizable::{Asked, Origin};
use super::one_value_per_lsn::Settled;
use crate::register::decode_value;

/// What a backup's answer must know of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owed {
    /// What the session has seen.
    pub seen: Position,
    /// The last entry of which any client had been told so long ago that the answer must know of it.
    pub acknowledged: Lsn,
}

/// Up to where the log had been told to clients, and when.
#[derive(Clone, Debug, Default)]
pub struct Acknowledged {
    marks: VecDeque<(u64, Lsn)>,
}

impl Acknowledged {
    /// Nobody asks for what is older than this.
    const KEPT_NS: u64 = 20_000_000_000;

    /// Up to `lsn` clients have been told of the log at `now_ns`.
    pub fn note(&mut self, now_ns: u64, lsn: Lsn) {
        if self.marks.back().is_none_or(|(_, last)| *last < lsn) {
            self.marks.push_back((now_ns, lsn));
        }
        // The youngest of those that are too old to be asked for is what was known before them.
        while self
            .marks
            .get(1)
            .is_some_and(|(at, _)| *at + Self::KEPT_NS < now_ns)
        {
            self.marks.pop_front();
        }
    }

    /// The last entry of which clients had been told at `then_ns`.
    #[must_use]
    pub fn at(&self, then_ns: u64) -> Lsn {
        let before = self.marks.iter().rev().find(|(at, _)| *at <= then_ns);
        before.map_or(Lsn(0), |(_, lsn)| *lsn)
    }

    /// Async only: what is above `keep` is lost.
    pub fn lose_above(&mut self, keep: Lsn) {
        for (_, lsn) in &mut self.marks {
            *lsn = keep.min(*lsn);
        }
    }
}

/// A client that asked for `asked` gets `reply`, and `committed` is the last entry that any replica has
/// known to be committed.
pub fn check(
    settled: &Settled,
    committed: Lsn,
    Origin { partition, node }: Origin,
    (asked, owed): (Asked, Owed),
    reply: &Reply,
    violations: &mut Vec<Violation>,
) {
    let Asked::Read { key, .. } = asked else {
        return;
    };
    let seen_stands = settled.position(owed.seen.lsn) == Some(owed.seen);
    // Who was told that it is lost begins anew with nothing; an earlier attempt may be told only then.
    let has_seen = owed.seen != Position::default();
    let (at, answer) = match reply {
        Reply::Refused(Refusal::SeenLost) if seen_stands && has_seen => {
            return violations.push(Violation::SeenNotLost {
                partition,
                node,
                seen: owed.seen,
            });
        }
        Reply::Answer {
            at,
            answer,
            source: Source::Backup { .. },
        } => (*at, answer),
        Reply::Answer { .. } | Reply::Done { .. } | Reply::Refused(_) => return,
    };
    if at.lsn > committed {
        violations.push(Violation::BackupShowsUncommitted {
            partition,
            node,
            committed,
            at,
        });
    }
    if at.lsn < owed.seen.lsn || !seen_stands {
        violations.push(Violation::SessionWentBack {
            partition,
            node,
            seen: owed.seen,
            at,
        });
    }
    if at.lsn < owed.acknowledged {
        violations.push(Violation::BackupTooOld {
            partition,
            node,
            acknowledged: owed.acknowledged,
            at,
        });
    }
    let expected = settled.value(key, at.lsn);
    let told = decode_value(answer);
    if at.lsn <= settled.end() && told != Some(expected) {
        violations.push(Violation::BackupShowsOther {
            partition,
            node,
            at,
            expected,
            told,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_when_is_remembered() {
        let mut acknowledged = Acknowledged::default();
        acknowledged.note(10, Lsn(1));
        acknowledged.note(20, Lsn(4));
        acknowledged.note(30, Lsn(4));
        assert_eq!(acknowledged.at(9), Lsn(0));
        assert_eq!(acknowledged.at(10), Lsn(1));
        assert_eq!(acknowledged.at(19), Lsn(1));
        assert_eq!(acknowledged.at(99), Lsn(4));
        acknowledged.lose_above(Lsn(2));
        assert_eq!(acknowledged.at(99), Lsn(2));
        let later = 2 * Acknowledged::KEPT_NS;
        acknowledged.note(later, Lsn(9));
        assert_eq!(acknowledged.at(later - 1), Lsn(2));
    }
}
