//! What is promised of disks that go back in time (rule R14): of those who may have everything, one keeps
//! its folder.

use kensho_protocol::ids::{Epoch, NodeId};
use kensho_protocol::table::Assignment;

/// Whether the promise covers that the disk of `node` goes back: it is none of those who may have everything,
/// or another one of them has `kept` its folder. The last epoch that an owner has `entered` may be an earlier
/// one than the table's.
pub(crate) fn covers(
    assignment: &Assignment,
    entered: Epoch,
    node: NodeId,
    kept: impl Fn(NodeId) -> bool,
) -> bool {
    let left = assignment.witnesses_of(entered).map(|(node, _)| *node);
    let holders: Vec<NodeId> = assignment.in_sync.keys().copied().chain(left).collect();
    !holders.contains(&node)
        || holders
            .into_iter()
            .any(|other| other != node && kept(other))
}
