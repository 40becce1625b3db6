//! What came of an input, in short: for each output its kind and a checksum. Whole outputs would
//! make a record several times as long - an update is written once and sent to each backup - and
//! replaying the input gives them again.

use serde::{Deserialize, Serialize};

use super::Image;
use crate::apply::Apply;
use crate::coordinator::{self, Coordinator};
use crate::replica::{self, Replica};

/// What kind of output it is. The order of the variants is part of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A coordinator's write.
    Save,
    /// A message to another node.
    Send,
    /// A committed table.
    Committed,
    /// Whether the node may serve.
    Service,
    /// A line for the node's log.
    Note,
    /// A replica's write.
    Persist,
    /// An answer to a client.
    Reply,
    /// A wish of a replica, for the master.
    Ask,
    /// Entries that were cut off.
    CutOff,
    /// A data image.
    Image,
    /// The data begin another life.
    RolledBack,
    /// No output, but the state that the machine is in.
    State,
    /// A wish of the master, for replicas.
    HandOver,
    /// The node may stop.
    MayStop,
}

/// What came of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Given {
    /// What kind of output it is.
    pub kind: Kind,
    /// CRC-32 of the output in postcard's encoding.
    pub checksum: u32,
}

impl Given {
    fn of(kind: Kind, value: &impl Serialize, scratch: &mut Vec<u8>) -> Self {
        scratch.clear();
        append(scratch, value);
        let checksum = crc32fast::hash(scratch);
        Given { kind, checksum }
    }
}

/// Adds `value` in postcard's encoding to the end of `bytes`.
pub(super) fn append(bytes: &mut Vec<u8>, value: &impl Serialize) {
    let taken = std::mem::take(bytes);
    *bytes = postcard::to_extend(value, taken)
        .expect("a type of ours can be encoded, and a Vec has room for it");
}

/// What a coordinator gave, and the state that it is in.
pub fn coordinator_gave<'a>(
    outputs: &'a [coordinator::Output],
    coordinator: &'a Coordinator,
    scratch: &'a mut Vec<u8>,
) -> impl Iterator<Item = Given> + 'a {
    let state = (
        coordinator.term(),
        coordinator.committed().map(|table| table.stamp),
        coordinator.accepted().map(|table| table.stamp),
        coordinator.yielded_to(),
        coordinator.in_service(),
        coordinator.deadline(),
    );
    let state = Given::of(Kind::State, &state, scratch);
    let gave = outputs.iter().map(move |output| {
        let kind = match output {
            coordinator::Output::Save { .. } => Kind::Save,
            coordinator::Output::Send { .. } => Kind::Send,
            coordinator::Output::Committed(_) => Kind::Committed,
            coordinator::Output::Service(_) => Kind::Service,
            coordinator::Output::Note(_) => Kind::Note,
            coordinator::Output::HandOver(_) => Kind::HandOver,
            coordinator::Output::MayStop => Kind::MayStop,
        };
        Given::of(kind, output, scratch)
    });
    gave.chain([state])
}

/// What a replica gave.
pub fn replica_gave<'a>(
    outputs: &'a [replica::Output],
    scratch: &'a mut Vec<u8>,
) -> impl Iterator<Item = Given> + 'a {
    outputs.iter().map(|output| {
        let kind = match output {
            replica::Output::Persist { .. } => Kind::Persist,
            replica::Output::Send { .. } => Kind::Send,
            replica::Output::Reply { .. } => Kind::Reply,
            replica::Output::Ask(_) => Kind::Ask,
            replica::Output::CutOff { .. } => Kind::CutOff,
            replica::Output::Note(_) => Kind::Note,
            replica::Output::RolledBack(_) => Kind::RolledBack,
        };
        Given::of(kind, output, scratch)
    })
}

/// The state that a replica is in, but for its data, which are compared whenever an
/// [image](image_gave) of them is made.
#[must_use]
pub fn replica_state<A: Apply>(replica: &Replica<A>, scratch: &mut Vec<u8>) -> Given {
    let state = (
        replica.role() as u8,
        (replica.promised(), replica.log_epoch()),
        (replica.log().base(), replica.log().last()),
        (replica.commit(), replica.applied(), replica.durable()),
        replica.waits_for_disk(),
        replica.deadline(),
    );
    Given::of(Kind::State, &state, scratch)
}

/// An image that a replica gave.
#[must_use]
pub fn image_gave((at, image): &Image, scratch: &mut Vec<u8>) -> Given {
    Given::of(Kind::Image, &(at, crc32fast::hash(image)), scratch)
}
