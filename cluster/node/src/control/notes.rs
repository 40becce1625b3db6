//! What the coordinator does, as lines of the node's log.

use kensho_protocol::coordinator::plan::Step;
use kensho_protocol::coordinator::{Note, Refusal};
use kensho_protocol::ids::NodeId;
use kensho_protocol::settings::Levelling;
use kensho_protocol::table::{Member, Table};
use tracing::{error, info, warn};

/// Writes a line.
pub(super) fn log(note: &Note, table: Option<&Table>, me: &Member) {
    let name = |node: &NodeId| name_of(*node, table, me);
    match note {
        Note::MasterMissed { master } => {
            let master = master.as_ref().map(name);
            warn!(master, "the master was not heard for too long");
        }
        Note::ElectionBegan { term } => info!(term = term.0, "an election begins"),
        Note::Yielded { term, to } => info!(term = term.0, to = name(to), "yielded"),
        Note::BecameMaster { term, rounds } => {
            info!(term = term.0, rounds, "this node is master");
        }
        Note::Follows { term, master } => {
            info!(term = term.0, master = name(master), "this node follows");
        }
        Note::Parts { node } => info!(node = name(node), "a node is about to stop"),
        Note::Abdicated { term } => {
            info!(
                term = term.0,
                "this master is about to stop: others elect another one"
            );
        }
        Note::FollowerMissed { node } => warn!(follower = name(node), "a follower is silent"),
        Note::FollowerReturned { node } => info!(follower = name(node), "a follower is back"),
        Note::QuorumLost { term } => {
            warn!(
                term = term.0,
                "this master has lost contact with the majority"
            );
        }
        Note::TableRefused { by, why } => match why {
            Refusal::Identity { theirs, ours } => {
                error!(
                    by = name(by),
                    ?theirs,
                    ?ours,
                    "a table of another cluster is refused"
                );
            }
            Refusal::Members => error!(
                by = name(by),
                "a first table is refused: its members are not those that this node was started with"
            ),
            Refusal::NameTaken { holder } => error!(
                by = name(by),
                holder = holder.0,
                "a table is refused that gives a name to another node"
            ),
            Refusal::NotListed => error!(
                by = name(by),
                "a first table is refused: this node is not among its members"
            ),
        },
        Note::MemberJoined { node } => info!(member = name(node), "a node is a member now"),
        Note::MemberLeft { node } => info!(member = name(node), "a node is no member any more"),
        Note::JoinRefused { node, why } => {
            warn!(node = name(node), "a node is not taken as a member: {why}");
        }
        Note::NotTaken { why } => {
            warn!("the master does not take this node as a member: {why}");
        }
        Note::TwoMasters { term, refused } => error!(
            term = term.0,
            refused = name(refused),
            "a second master of one term is refused: the data folder of a node that elected one of them was \
             put back from an older copy"
        ),
        Note::UnconfirmedPromotion { partition, owner } => error!(
            partition = partition.0,
            owner = name(owner),
            "the partition goes on with what this node has, and nobody can tell whether another one had \
             more: if a data folder was put back from an older copy, confirmed updates are lost"
        ),
        Note::Forced => warn!(
            "an operator has partitions go on without nodes that may have more (POST /node/failover)"
        ),
        Note::TableLost { stamp } => warn!(
            term = stamp.term.0,
            revision = stamp.revision.0,
            "a table that another node had is not to be found any more: if it was in force, the data folders \
             of a majority were put back from older copies"
        ),
        Note::MemberKept { node, why } => {
            warn!(member = name(node), "the member is not removed: {why}");
        }
        Note::LevellingSet(Levelling { on: false, .. }) => {
            info!("roles are not levelled any more, until somebody wants that again");
        }
        Note::LevellingSet(levelling) => info!(
            copies_at_once = levelling.copies_at_once,
            hand_overs_at_once = levelling.hand_overs_at_once,
            "roles are levelled"
        ),
        Note::Levels(step) => level(*step, &name),
        Note::NotMoved { partition, to } => warn!(
            partition = partition.0,
            to = name(to),
            "the partition is not moved: there is no such partition, or the node is no member, is not there, has \
             no room, or is to leave"
        ),
        Note::RoomLost { node } => warn!(
            node = name(node),
            "a node's disk is full: its partitions go to others that have room"
        ),
        Note::RoomFound { node } => info!(node = name(node), "a node's disk has room again"),
        Note::TableCommitted { stamp } => {
            info!(
                term = stamp.term.0,
                revision = stamp.revision.0,
                "a table is committed"
            );
        }
        Note::PartitionUnavailable { partition } => warn!(
            partition = partition.0,
            "the partition cannot be served: no node of its in-sync set can be reached"
        ),
        Note::PossibleLoss { partition, owner } => error!(
            partition = partition.0,
            owner = name(owner),
            "all that were in sync restarted uncleanly: acknowledged updates may be lost"
        ),
    }
}

/// Roles are levelled.
fn level(step: Step, name: &impl Fn(&NodeId) -> String) {
    let partition = step.partition().0;
    match step {
        Step::Copy { from, to, .. } => info!(
            partition,
            from = name(&from),
            to = name(&to),
            "a copy of the partition moves to another node"
        ),
        Step::Drop { from, .. } => info!(
            partition,
            node = name(&from),
            "a node gives its copy of the partition up: there are enough others"
        ),
        Step::HandOver { from, to, .. } => info!(
            partition,
            from = name(&from),
            to = name(&to),
            "an owner is to hand the partition over"
        ),
    }
}

/// What people call a node.
pub(crate) fn name_of(node: NodeId, table: Option<&Table>, me: &Member) -> String {
    if node == me.id {
        return me.name.clone();
    }
    match table.and_then(|table| table.members.get(&node)) {
        Some(member) => member.name.clone(),
        None => format!("id {node}"),
    }
}
