//! What must happen *sometimes*: a model in which nothing goes wrong because nothing happens proves
//! nothing. Sights are counted beside the exploration, not in its states, which they would multiply.

use std::sync::atomic::{AtomicU64, Ordering};

/// Something worth to have been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// A master was elected.
    MasterElected,
    /// A master was elected after a node had crashed.
    MasterElectedAfterRestart,
    /// A vote came to a beaten candidate, and was passed on.
    VoteForwarded,
    /// A new master committed the table that it found again.
    Recommitted,
    /// A table that a minority had accepted gave way to another one.
    TableAbandoned,
    /// The master gave a failed owner's partition to another.
    FailedOver,
    /// A node was added to an in-sync set.
    Grown,
    /// A change came when its base was no longer current.
    ChangeTooLate,
    /// The same, since the one who asked was no longer owner.
    FailoverBeatChange,
    /// A cluster was born.
    Born,
    /// A node was made a member.
    MemberAdded,
    /// A node was a member no longer.
    MemberRemoved,
    /// An owner handed the partition over.
    HandedOver,
    /// A copy that was one too many was given up.
    CopyGivenUp,
    /// The master that won counted by other members than the first ones.
    ElectedByOtherMembers,
}

impl Sight {
    /// All of them.
    pub const ALL: [Sight; 15] = [
        Sight::MasterElected,
        Sight::MasterElectedAfterRestart,
        Sight::VoteForwarded,
        Sight::Recommitted,
        Sight::TableAbandoned,
        Sight::FailedOver,
        Sight::Grown,
        Sight::ChangeTooLate,
        Sight::FailoverBeatChange,
        Sight::Born,
        Sight::MemberAdded,
        Sight::MemberRemoved,
        Sight::HandedOver,
        Sight::CopyGivenUp,
        Sight::ElectedByOtherMembers,
    ];
}

/// How often each was seen.
#[derive(Debug, Default)]
pub struct Sights {
    counts: [AtomicU64; Sight::ALL.len()],
}

impl Sights {
    pub(super) fn see(&self, sight: Sight) {
        self.counts[sight as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// What was seen at least once.
    #[must_use]
    pub fn seen(&self) -> Vec<Sight> {
        let seen = |sight: &Sight| self.counts[*sight as usize].load(Ordering::Relaxed) > 0;
        Sight::ALL.into_iter().filter(seen).collect()
    }
}
