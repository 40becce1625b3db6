//! The safety rules by name. Each is one check in the code, at the place where it is needed:
//! `rules.broken(Rule::…)` is the constant `false` in a normal build. A build with the feature
//! `break-rules` can switch each off, to show that the verifiers notice.
//!
//! A rule is named after what goes wrong without it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! rules {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A safety rule, named after the fault that it prevents.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $($(#[$doc])* $variant,)*
        }

        impl Rule {
            /// All of them.
            pub const ALL: &'static [Rule] = &[$(Rule::$variant),*];

            /// Its name, as on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Rule::$variant => $name,)*
                }
            }
        }
    };
}

rules! {
    /// M1 broken: a node votes more than once in a term.
    VoteTwice = "vote-twice",
    /// M1 broken: a vote leaves before it is on disk.
    VoteNotPersisted = "vote-not-persisted",
    /// M1 broken: a master yields within its term.
    MasterYields = "master-yields",
    /// M1 broken: after a restart a node still has its vote of the term.
    TokenAfterRestart = "token-after-restart",
    /// M1 broken: a node accepts a table of a term below its own.
    OldTermTable = "old-term-table",
    /// M1 broken: a node raises the term though others still hear the master.
    Disturb = "disturb",
    /// M1 broken: fewer than a majority make a master.
    NoQuorum = "no-quorum",
    /// M1 broken: a vote of an earlier term counts.
    StaleVoteCounted = "stale-vote-counted",
    /// M1 broken: the weaker candidate wins, so a master may lack the newest table.
    WeakestWins = "weakest-wins",
    /// M1 broken: the coordinator hears that a write is on disk when it is handed over.
    SavedWhenWritten = "saved-when-written",
    /// M2 broken: roles follow a table that was accepted but not committed.
    ActOnAccepted = "act-on-accepted",
    /// M2 broken: a new master does not commit what it found under its own term first.
    SkipRecommit = "skip-recommit",
    /// M2 broken: the members change again before the last change is committed in the master's term.
    TwoMembersAtOnce = "two-members-at-once",
    /// M2 broken: votes and accepts are counted by the members of the committed table.
    CountByCommittedMembers = "count-by-committed-members",
    /// M2 broken: a node shows its replicas a table that it has merely accepted.
    AcceptedTableShown = "accepted-table-shown",
    /// M3 broken: a change applies whatever its base epoch.
    NoCas = "no-cas",
    /// M3 broken: a change applies whoever asks for it.
    NoCasOwner = "no-cas-owner",
    /// M4 broken: a node that is not in sync is promoted.
    PromoteUnclean = "promote-unclean",
    /// M5 broken: a first table takes effect when a majority has accepted it.
    BirthByMajority = "birth-by-majority",
    /// M5 broken: a node takes those initial members that have answered for all of them.
    RosterIncomplete = "roster-incomplete",
    /// R1 broken: a majority of the in-sync set commits.
    MajorityAcks = "majority-acks",
    /// R1 broken: an update is answered before the backups hold it.
    AckBeforeBackup = "ack-before-backup",
    /// R2 broken: an owner goes on without a silent backup before that is recorded.
    ShrinkAlone = "shrink-alone",
    /// R2 broken: the coordinator never hears what an owner asks the master for.
    AskNotPassedOn = "ask-not-passed-on",
    /// R3 broken: commits do not wait for a node whose addition was asked for.
    GrowUncounted = "grow-uncounted",
    /// R3 broken: a node is added before it holds what was committed.
    GrowBehind = "grow-behind",
    /// R3 broken: reads do not ask a node whose addition is pending.
    ReadWithoutPending = "read-without-pending",
    /// R4 broken: a replica listens to an owner of an epoch below its promise.
    AcceptOldEpoch = "accept-old-epoch",
    /// R4 broken: an acknowledgement counts in any epoch.
    AckAnyEpoch = "ack-any-epoch",
    /// R5 broken: an acknowledgement leaves before the entries are on disk.
    AckBeforeFsync = "ack-before-fsync",
    /// R5 broken: a replica hears that a record is on disk when it is handed over.
    DurableWhenWritten = "durable-when-written",
    /// R5 broken: data that may have lost something still count as in sync.
    RejoinWithoutCatchUp = "rejoin-without-catch-up",
    /// R5 broken: when nobody clean is left of an in-sync set, promotion does not wait for all of it.
    PromoteUnsyncedSurvivor = "promote-unsynced-survivor",
    /// R6 broken: a new owner serves before the in-sync set agrees with it.
    ServeBeforeSync = "serve-before-sync",
    /// R6 broken: a new owner cuts its log back to its commit mark.
    CutToCommitMark = "cut-to-commit-mark",
    /// R7 broken: a replica keeps a tail that differs from its owner's log.
    KeepDivergentTail = "keep-divergent-tail",
    /// R7 broken: one number serves as promise and as log epoch.
    OneEpochNumber = "one-epoch-number",
    /// R8 broken: an owner resumes its epoch after a restart.
    ResumeAfterRestart = "resume-after-restart",
    /// R8 broken: a node enters an epoch again that it had entered or promised away.
    ReEnterEpoch = "re-enter-epoch",
    /// R9 broken: an owner answers reads without asking anybody.
    LocalRead = "local-read",
    /// R10 broken: a lease counts from when its acknowledgement came, not from the request.
    LeaseFromReceipt = "lease-from-receipt",
    /// R10 broken: the clock that leases are measured with stops with the process.
    LeaseClockStops = "lease-clock-stops",
    /// R10 broken: a restarted backup forgets that it may stand by an owner.
    PromiseForgotten = "promise-forgotten",
    /// R10 broken: an async reply leaves without a valid lease.
    AsyncWithoutLease = "async-without-lease",
    /// R10 broken: an answer leaves although the lease that it relies on is over.
    LateAnswerLeaves = "late-answer-leaves",
    /// R10 broken: an update whose answer is late for its lease is said to have had no effect.
    LateUpdateRefused = "late-update-refused",
    /// R11 broken: a retry is executed again.
    RetryAppliedTwice = "retry-applied-twice",
    /// R11 broken: a data image carries no outcomes.
    DedupLostInImage = "dedup-lost-in-image",
    /// R12 broken: reads see what is not committed.
    DirtyRead = "dirty-read",
    /// M6 broken: who has no room for updates keeps its roles.
    KeepRoomless = "keep-roomless",
    /// M7 broken: a node that is to stop stops, and hands nothing over.
    StopAtOnce = "stop-at-once",
    /// M8 broken: a master takes its own evidence for enough.
    SuspectAlone = "suspect-alone",
    /// M9 broken: a copy is given up before the one in its place is in sync.
    DropBeforeCopy = "drop-before-copy",
    /// R15 broken: an owner gives its lease back when it asks for its end, and goes on relying on it.
    LeaseGivenBackEarly = "lease-given-back-early",
    /// R16 broken: a backup shows all of its log.
    BackupShowsUncommitted = "backup-shows-uncommitted",
    /// R16 broken: a backup answers though it lacks what the session has seen.
    SessionGoesBack = "session-goes-back",
    /// R16 broken: what the session has seen is looked for by its number alone.
    LostSeenCompared = "lost-seen-compared",
    /// R16 broken: a backup's data count as fresh from when the owner's answer came.
    StaleBeyondBound = "stale-beyond-bound",
    /// R16 broken: an owner vouches for its data without holding its lease.
    VouchedWithoutLease = "vouched-without-lease",
    /// R14 broken: a replica trusts its disk after a start, though it may have gone back in time.
    RolledBackDisk = "rolled-back-disk",
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Rule {
    type Err = UnknownRule;
    fn from_str(name: &str) -> Result<Self, UnknownRule> {
        Rule::ALL
            .iter()
            .copied()
            .find(|rule| rule.name() == name)
            .ok_or_else(|| UnknownRule(name.to_owned()))
    }
}

/// There is no rule of this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownRule(pub String);

impl fmt::Display for UnknownRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no rule \"{}\"; the rules are", self.0)?;
        for rule in Rule::ALL {
            write!(f, " {rule}")?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownRule {}

/// Which rules hold: all of them, unless the build has the feature `break-rules`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Rules {
    #[cfg(feature = "break-rules")]
    broken: u64,
}

impl Rules {
    /// All rules hold.
    #[must_use]
    pub const fn sound() -> Self {
        Rules {
            #[cfg(feature = "break-rules")]
            broken: 0,
        }
    }

    /// Whether `rule` was switched off.
    #[cfg(not(feature = "break-rules"))]
    #[inline]
    #[must_use]
    pub const fn broken(self, rule: Rule) -> bool {
        let _ = rule;
        false
    }

    /// Whether `rule` was switched off.
    #[cfg(feature = "break-rules")]
    #[inline]
    #[must_use]
    pub const fn broken(self, rule: Rule) -> bool {
        self.broken & (1 << rule as u64) != 0
    }

    #[cfg(feature = "break-rules")]
    fn with_broken(self, rule: Rule) -> Result<Self, String> {
        Ok(self.without(rule))
    }

    #[cfg(not(feature = "break-rules"))]
    fn with_broken(self, rule: Rule) -> Result<Self, String> {
        Err(format!(
            "the rule {rule} is broken, and this program was built without the feature break-rules"
        ))
    }

    /// The same, with `rule` switched off.
    #[cfg(feature = "break-rules")]
    #[must_use]
    pub const fn without(self, rule: Rule) -> Self {
        Rules {
            broken: self.broken | (1 << rule as u64),
        }
    }
}

/// The names of the rules that are broken.
impl Serialize for Rules {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let broken: Vec<&str> = (Rule::ALL.iter())
            .filter(|rule| self.broken(**rule))
            .map(|rule| rule.name())
            .collect();
        broken.serialize(serializer)
    }
}

/// A normal build takes no name: it can break no rule.
impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        names.iter().try_fold(Rules::sound(), |rules, name| {
            let rule = name.parse().map_err(serde::de::Error::custom)?;
            rules.with_broken(rule).map_err(serde::de::Error::custom)
        })
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(Rule::ALL.iter().filter(|rule| self.broken(**rule)))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_found_by_its_name() {
        for rule in Rule::ALL {
            assert_eq!(rule.name().parse(), Ok(*rule));
        }
        assert!("local-reads".parse::<Rule>().is_err());
        assert!(Rule::ALL.len() <= 64, "rules are bits of a u64");
    }

    /// There is no way to break a rule in a normal build: nothing to hold the wish in.
    #[cfg(not(feature = "break-rules"))]
    #[test]
    fn a_normal_build_breaks_no_rule() {
        assert_eq!(size_of::<Rules>(), 0);
        assert!(Rule::ALL.iter().all(|rule| !Rules::sound().broken(*rule)));
    }

    #[cfg(feature = "break-rules")]
    #[test]
    fn each_rule_breaks_alone() {
        for rule in Rule::ALL {
            let rules = Rules::sound().without(*rule);
            let broken: Vec<_> = Rule::ALL.iter().filter(|r| rules.broken(**r)).collect();
            assert_eq!(broken, [rule]);
        }
    }
}
