//! One statement of a client, from its first attempt to its end.

use std::fmt;

use super::Address;
use crate::ids::{Position, Sequence};
use crate::request::{Refusal, RequestId};
use crate::time::Time;

/// What kind of statement it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It changes nothing, so trying again is always safe.
    Read,
    /// The same, and a backup may answer as well (rule R16).
    ReadAny(Preference),
    /// It may take effect, and must do so only once.
    Update,
}

/// Which of a partition's replicas is to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preference {
    /// Any of them, so that all have the same to do.
    Any,
    /// The one that usually answers soonest.
    Nearest,
}

/// What came of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The statement was carried out, or refused for a reason that a retry does not change.
    Final {
        /// The youngest log entry that the answer knows of, if it says so.
        at: Option<Position>,
    },
    /// The node did not carry it out, or does not know whether it did.
    Refused(Refusal),
    /// No connection could be made: the node never saw it.
    Unreachable,
    /// The connection broke, or what came was no answer: the node may have carried it out.
    Lost,
}

/// Why an attempt did not settle the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// No partition table could be had, or it names no owner.
    NoOwner,
    /// See [`Answer::Refused`].
    Refused(Refusal),
    /// See [`Answer::Unreachable`].
    Unreachable,
    /// See [`Answer::Lost`].
    Lost,
    /// No answer came in time.
    Silent,
}

impl Trouble {
    /// Whether the attempt is certain to have had no effect.
    pub(super) fn definite(self) -> bool {
        match self {
            Trouble::NoOwner | Trouble::Unreachable => true,
            Trouble::Refused(refusal) => refusal.definite(),
            Trouble::Lost | Trouble::Silent => false,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Trouble::NoOwner => "no node could say who owns the partition",
            Trouble::Refused(Refusal::NotOwner) => "the node does not own the partition",
            Trouble::Refused(Refusal::NotServing) => "the partition's owner does not serve yet",
            Trouble::Refused(Refusal::TooFewInSync) => "too few nodes are in sync",
            Trouble::Refused(Refusal::OutcomeUnknown) => "the owner does not know the outcome",
            Trouble::Refused(Refusal::OutcomeForgotten { .. }) => {
                "the owner may have forgotten the outcome"
            }
            Trouble::Refused(Refusal::Overloaded) => "the node has too much to do",
            Trouble::Refused(Refusal::NoRoom) => "the owner's disk is full",
            Trouble::Refused(Refusal::Behind) => "the backup's data are too old",
            Trouble::Refused(Refusal::SeenLost) => {
                "what the session had seen was lost by a failover"
            }
            Trouble::Refused(Refusal::TimedOut) => "the owner could not answer in time",
            Trouble::Refused(Refusal::NumberUsed) => {
                "the statement's number was given to another one before"
            }
            Trouble::Unreachable => "no connection to the node could be made",
            Trouble::Lost => "the connection to the node broke",
            Trouble::Silent => "the node did not answer in time",
        })
    }
}

/// A statement ended without an outcome.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Failure {
    /// Whether it is certain to have had no effect, and never to have one.
    pub definite: bool,
    /// How often it was sent.
    pub attempts: u32,
    /// Where the last attempt went.
    pub node: Option<Address>,
    /// What went wrong last.
    pub trouble: Trouble,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gave up after {} attempts", self.attempts)?;
        if let Some(node) = &self.node {
            write!(f, ", the last one at {node}")?;
        }
        write!(f, ": {}; ", self.trouble)?;
        f.write_str(if self.definite {
            "it had no effect"
        } else {
            "it may have taken effect, or still do"
        })
    }
}

impl std::error::Error for Failure {}

/// An identity towards the cluster that has at most one statement open at a time, so that the
/// outcomes that a partition keeps of it are always those of its latest ones (rule R11).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Lane {
    pub(super) last: RequestId,
}

impl Lane {
    /// Numbers a new statement.
    pub(super) fn advance(&mut self) {
        self.last.sequence = Sequence(self.last.sequence.0 + 1);
    }
}

/// A statement that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Statement {
    pub(super) hash: u32,
    /// `None`: a read.
    pub(super) lane: Option<Lane>,
    /// Of a read that any replica may answer.
    pub(super) preference: Option<Preference>,
    /// What the client had seen of the partition before it first sent this.
    pub(super) as_of: Option<Position>,
    /// When to give up.
    pub(super) until: Time,
    pub(super) attempts: u32,
    /// How often it had to wait before it could be sent.
    pub(super) pauses: u32,
    /// Whether an attempt may have had an effect.
    pub(super) uncertain: bool,
    pub(super) trouble: Trouble,
    /// Where the last attempt went.
    pub(super) node: Option<Address>,
    pub(super) stage: Stage,
}

/// Where a statement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    /// It is sent once both hold: it is this late, and this many tables were fetched in all.
    Waiting { until: Time, tables: u64 },
    /// It was sent then; at `probe` the table is looked at again.
    Sent { at: Time, probe: Time },
}

impl Statement {
    pub(super) fn failure(&self) -> Failure {
        Failure {
            definite: !self.uncertain,
            attempts: self.attempts,
            node: self.node.clone(),
            trouble: self.trouble,
        }
    }
}
