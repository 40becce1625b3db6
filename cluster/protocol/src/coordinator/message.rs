//! What coordinators say to each other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Refusal, Wish};
use crate::ids::{Life, NodeId, PartitionId, Term};
use crate::replica::Held;
use crate::settings::Levelling;
use crate::table::{Change, Identity, Member, Stamp, Table};

/// How strong a candidate is (rule M1): first by what it knows, so that the master holds the newest
/// table of a majority; then by whether it stays; then by what people prefer; then by identity, so that no two are equal. It
/// is frozen when a node enters a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Strength {
    /// The newest table that the candidate has accepted.
    pub accepted: Stamp,
    /// Whether it stays: one that is about to stop is elected by nobody else (rule M7).
    pub stays: bool,
    /// The node's configured priority.
    pub priority: u32,
    /// The candidate.
    pub id: NodeId,
}

/// Names one node's question whether others have missed the master too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Probing {
    /// The term in which it is asked.
    pub term: Term,
    /// Counts the questions in that term.
    pub attempt: u32,
}

/// A message between two coordinators.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    /// I have missed the master for the limit; have you (rule M1, "no disturbance")?
    Missed(Probing),
    /// The answer.
    MissedAnswer {
        /// To which question.
        probing: Probing,
        /// The term of the one who answers.
        term: Term,
        /// Whether it has missed the master too.
        missed: bool,
        /// Whether it belongs to a cluster that is born. A node without a table that hears so came
        /// too late for the birth (rule M5).
        born: bool,
    },
    /// A majority has missed the master: the tournament of this term is open. Sent to all, so that
    /// all take part at once and the number of rounds stays logarithmic.
    Begin {
        /// The new term.
        term: Term,
        /// Those who had not answered the question when a majority had: dead, or slower. They are
        /// contacted last, so that the dead ones hardly cost a round of the tournament.
        absent: BTreeSet<NodeId>,
    },
    /// I am a candidate and so strong: yield, or show that you are stronger.
    Challenge {
        /// The term.
        term: Term,
        /// How strong the sender is.
        strength: Strength,
        /// The newest table that the sender has accepted, for one who did not answer before: it may have an
        /// older one, which does not list the sender (rule M5).
        table: Option<Arc<Table>>,
    },
    /// I elect you, and hand over all votes that I hold.
    Yield {
        /// The term.
        term: Term,
        /// Whose votes. Empty if the sender has none to give.
        tokens: BTreeSet<NodeId>,
    },
    /// I have no vote any more; ask that node, it has mine or knows the master.
    Redirect {
        /// The term.
        term: Term,
        /// Whom to ask.
        to: NodeId,
    },
    /// What you said belongs to a past term.
    HigherTerm {
        /// The sender's term.
        term: Term,
    },
    /// The master's sign of life, with the table that it proposes for those who lack it (rule M2).
    Heartbeat {
        /// The master's term.
        term: Term,
        /// The master's life (rule R14).
        life: Life,
        /// Counts the master's heartbeats in this term.
        sequence: u64,
        /// How long ago a majority was last in contact with the master (rule R13).
        contact_age: Duration,
        /// The newest table that the master knows to be committed; the default if it knows none.
        committed: Stamp,
        /// The newest table of the master, for one who has not accepted it.
        proposal: Option<Arc<Table>>,
    },
    /// The answer, after the proposal is on disk.
    HeartbeatAck {
        /// The term of the heartbeat.
        term: Term,
        /// The heartbeat that this answers.
        sequence: u64,
        /// The sender's life (rule R14): what it held in another one counts no more.
        life: Life,
        /// The newest table that the sender has accepted; the default if it has none.
        accepted: Stamp,
        /// What the sender's replicas hold; `None` if it does not know that yet.
        held: Option<Vec<Held>>,
        /// Whether the sender has room for updates on its disk.
        room: bool,
    },
    /// To the master: a replica of the sender asks for this change (rule M3).
    Change(Change),
    /// A node asks to be made a member. Followers pass it on to the master.
    Join {
        /// Who.
        member: Member,
        /// What it takes for the same on all nodes.
        identity: Identity,
    },
    /// To the master: this node is to be a member no longer.
    Remove(NodeId),
    /// I am master, and do not take you as a member.
    NotTaken(Refusal),
    /// I started anew, and my disk may have gone back in time: what do you know (rule R14)?
    Recall {
        /// Which start.
        life: Life,
    },
    /// The answer.
    Recalled {
        /// The start that it is for.
        life: Life,
        /// The term of the one who answers.
        term: Term,
        /// The newest table that it has accepted.
        accepted: Stamp,
    },
    /// You are no member: this table, which is committed, does not list you.
    Dismissed(Arc<Table>),
    /// To the master: where this node was, nobody listens any more (rule M8).
    NobodyListens {
        /// The term of the master.
        term: Term,
        /// Which node.
        node: NodeId,
    },
    /// To the master: the sender is about to stop (rule M7).
    Goodbye {
        /// The term of the master.
        term: Term,
        /// The sender's life, which ends.
        life: Life,
    },
    /// The master's answer.
    Parting {
        /// The master's term.
        term: Term,
        /// The life that it is for.
        life: Life,
        /// What is to be handed over (rule R15).
        wishes: Vec<Wish>,
        /// Whether nothing is left to be done.
        done: bool,
    },
    /// To the master, as soon as it changes: whether the sender has room for updates on its disk. Each
    /// answer to a heartbeat says it again.
    Room {
        /// The term of the master.
        term: Term,
        /// Whether there is room.
        room: bool,
        /// What the sender's replicas hold.
        held: Option<Vec<Held>>,
    },
    /// To an owner: the master wishes that it hands these over (rules M9, R15).
    Wishes {
        /// The master's term.
        term: Term,
        /// What is to be handed over.
        wishes: Vec<Wish>,
    },
    /// This is how roles are to be levelled (rule M9). Followers pass it on to the master.
    Level(Levelling),
    /// This node is to own this partition (rule M9). Followers pass it on to the master.
    Move {
        /// Which partition.
        partition: PartitionId,
        /// Who is to own it.
        to: NodeId,
    },
}
