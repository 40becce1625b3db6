//! Which broken rule is caught by what.

use kensho_protocol::rule::Rule;

use super::invariants::Invariant;
use super::scenario::Election;

/// Each rule about master and table, the smallest model in which breaking it shows, and the
/// invariant that shows it.
pub const BREAKABLE: [(Rule, fn() -> Election, Invariant); 17] = [
    (Rule::VoteTwice, Election::tournament, Invariant::OneMaster),
    (
        Rule::VoteNotPersisted,
        Election::lost_writes,
        Invariant::OneMaster,
    ),
    (
        Rule::MasterYields,
        Election::tournament,
        Invariant::OneMaster,
    ),
    (
        Rule::TokenAfterRestart,
        Election::tournament,
        Invariant::OneMaster,
    ),
    (
        Rule::OldTermTable,
        Election::handover,
        Invariant::TableChain,
    ),
    (Rule::Disturb, Election::disturbance, Invariant::Undisturbed),
    (Rule::NoQuorum, Election::tournament, Invariant::OneMaster),
    (
        Rule::StaleVoteCounted,
        Election::register,
        Invariant::OneMaster,
    ),
    (Rule::WeakestWins, Election::register, Invariant::TableChain),
    (
        Rule::ActOnAccepted,
        Election::handover,
        Invariant::CommittedTableOnly,
    ),
    (
        Rule::SkipRecommit,
        Election::register,
        Invariant::CommittedTableOnly,
    ),
    (Rule::NoCas, Election::changes, Invariant::CompareAndSet),
    (
        Rule::NoCasOwner,
        Election::strangers,
        Invariant::CompareAndSet,
    ),
    (
        Rule::PromoteUnclean,
        Election::changes,
        Invariant::CompareAndSet,
    ),
    (Rule::BirthByMajority, Election::birth, Invariant::Birth),
    (
        Rule::RejoinWithoutCatchUp,
        Election::unclean,
        Invariant::CleanPromotion,
    ),
    (
        Rule::PromoteUnsyncedSurvivor,
        Election::survivors,
        Invariant::CleanPromotion,
    ),
];
