//! What replicas do, as lines of the node's log.

use kensho_protocol::ids::{NodeId, PartitionId};
use kensho_protocol::replica::Note;
use kensho_protocol::table::{Member, Table};
use tracing::{error, info, warn};

use crate::control::notes::name_of;

/// Writes a line.
pub(super) fn log(partition: PartitionId, note: &Note, table: Option<&Table>, me: &Member) {
    let partition = partition.0;
    let name = |node: &NodeId| name_of(*node, table, me);
    match note {
        Note::SyncBegan { epoch, end } => {
            info!(
                partition,
                epoch = epoch.0,
                end = end.0,
                "short-term sync begins"
            );
        }
        Note::Serving { epoch } => info!(partition, epoch = epoch.0, "owner, serving"),
        Note::HandsOver { to, epoch } => {
            info!(
                partition,
                to = name(to),
                epoch = epoch.0,
                "the partition is handed over"
            );
        }
        Note::SteppedDown { epoch } => info!(partition, epoch = epoch.0, "no longer owner"),
        Note::Followed { owner, epoch } => {
            info!(
                partition,
                epoch = epoch.0,
                node = name(owner),
                "follows the owner"
            );
        }
        Note::BackupSilent { node } => {
            warn!(
                partition,
                node = name(node),
                "a backup is silent; asks to go on without it"
            );
        }
        Note::CaughtUp { node } => {
            info!(
                partition,
                node = name(node),
                "a catch-up has caught up; asks for its addition"
            );
        }
        Note::ImageBegan { node, at, bytes } => info!(
            partition,
            node = name(node),
            lsn = at.lsn.0,
            bytes,
            "long-term sync: a data image is sent"
        ),
        Note::ImageInstalled { at } => {
            info!(
                partition,
                lsn = at.lsn.0,
                "long-term sync: a data image replaced the data"
            );
        }
        Note::TailCut { keep, entries } => {
            warn!(
                partition,
                keep = keep.0,
                entries,
                "entries that the owner lacks were cut off"
            );
        }
        Note::CommittedEntryContradicted { lsn } => error!(
            partition,
            lsn = lsn.0,
            "the owner's log contradicts what is committed here; the replica does not follow"
        ),
        Note::RolledBack {
            witness,
            missing,
            end,
        } => error!(
            partition,
            witness = name(witness),
            missing = %missing,
            end = %end,
            "the data folder was put back from an older copy: an update is missing that this node had \
             confirmed; nothing of it counts until the node has caught up with the others"
        ),
        Note::Behind { node, theirs } => warn!(
            partition,
            node = name(node),
            theirs = %theirs,
            "another node has more of the partition's log, so that this node, which started anew, does not \
             own it any more"
        ),
        Note::Unwitnessed { epoch } => warn!(
            partition,
            epoch = epoch.0,
            "this node is the only one in sync after its start: if its data folder was put back from an \
             older copy, nobody can tell, and confirmed updates are lost"
        ),
        Note::ImageRefused { at } => {
            error!(
                partition,
                lsn = at.lsn.0,
                "what came as a data image is none"
            );
        }
    }
}
