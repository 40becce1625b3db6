//! Which broken rule is caught by what.

use kensho_protocol::rule::Rule;

use super::invariants::Invariant;
use super::scenario::Election;

/// A rule about master and table, and where breaking it shows.
#[derive(Clone, Copy, Debug)]
pub struct Breakable {
    /// The rule.
    pub rule: Rule,
    /// The name of the model.
    pub name: &'static str,
    /// The smallest model in which breaking the rule shows.
    pub model: fn() -> Election,
    /// The invariant that shows it.
    pub invariant: Invariant,
}

const fn breakable(
    rule: Rule,
    name: &'static str,
    model: fn() -> Election,
    invariant: Invariant,
) -> Breakable {
    Breakable {
        rule,
        name,
        model,
        invariant,
    }
}

/// Each rule about master and table. (Without a quorum, or with votes that are not on disk, tables
/// take effect that are not committed sooner than there are two masters.)
pub const BREAKABLE: [Breakable; 20] = {
    use Invariant as I;
    use Rule as R;
    [
        breakable(
            R::VoteTwice,
            "tournament",
            Election::tournament,
            I::OneMaster,
        ),
        breakable(
            R::VoteNotPersisted,
            "lost writes",
            Election::lost_writes,
            I::CommittedTableOnly,
        ),
        breakable(
            R::MasterYields,
            "tournament",
            Election::tournament,
            I::OneMaster,
        ),
        breakable(
            R::TokenAfterRestart,
            "tournament",
            Election::tournament,
            I::OneMaster,
        ),
        breakable(
            R::OldTermTable,
            "handover",
            Election::handover,
            I::TableChain,
        ),
        breakable(
            R::Disturb,
            "disturbance",
            Election::disturbance,
            I::Undisturbed,
        ),
        breakable(
            R::NoQuorum,
            "tournament",
            Election::tournament,
            I::CommittedTableOnly,
        ),
        breakable(
            R::StaleVoteCounted,
            "register",
            Election::register,
            I::OneMaster,
        ),
        breakable(
            R::WeakestWins,
            "register",
            Election::register,
            I::TableChain,
        ),
        breakable(
            R::ActOnAccepted,
            "handover",
            Election::handover,
            I::CommittedTableOnly,
        ),
        breakable(
            R::SkipRecommit,
            "register",
            Election::register,
            I::CommittedTableOnly,
        ),
        breakable(
            R::TwoMembersAtOnce,
            "leaving",
            Election::leaving,
            I::TableChain,
        ),
        breakable(
            R::CountByCommittedMembers,
            "company",
            Election::company,
            I::CommittedTableOnly,
        ),
        breakable(R::NoCas, "changes", Election::changes, I::CompareAndSet),
        breakable(
            R::NoCasOwner,
            "strangers",
            Election::strangers,
            I::CompareAndSet,
        ),
        breakable(
            R::PromoteUnclean,
            "changes",
            Election::changes,
            I::CompareAndSet,
        ),
        breakable(R::BirthByMajority, "birth", Election::birth, I::Birth),
        breakable(R::DropBeforeCopy, "moving", Election::moving, I::CopiesKept),
        breakable(
            R::RejoinWithoutCatchUp,
            "unclean",
            Election::unclean,
            I::CleanPromotion,
        ),
        breakable(
            R::PromoteUnsyncedSurvivor,
            "survivors",
            Election::survivors,
            I::CleanPromotion,
        ),
    ]
};
