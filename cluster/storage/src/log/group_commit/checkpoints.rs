//! The thread that writes checkpoints.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use kensho_protocol::ids::PartitionId;

use super::shared::Shared;
use crate::disk::Disk;
use crate::error::StorageError;
use crate::log::manifest::Manifest;
use crate::log::{Checkpoint, RecordNumber};

#[derive(Debug)]
pub(super) struct CheckpointRequest {
    pub(super) partition: PartitionId,
    pub(super) as_of: RecordNumber,
    pub(super) checkpoint: Checkpoint,
}

/// At most this many take effect together: each of them waits for the others.
const GROUP_MAX: usize = 64;

/// The body of the thread that writes checkpoints. Those that have been asked for take effect together,
/// so that they share what that costs: another manifest, and a look for what has become superfluous.
pub(super) fn write_checkpoints<D: Disk>(
    mut disk: D,
    shared: &Shared,
    mut manifest: Manifest,
    requests: &Receiver<CheckpointRequest>,
) {
    while let Ok(first) = requests.recv() {
        let mut group = vec![first];
        group.extend(requests.try_iter().take(GROUP_MAX - 1));
        {
            let mut state = shared.lock();
            while group.iter().any(|request| state.durable < request.as_of)
                && state.stopped.is_none()
            {
                state = shared.wait(state);
            }
            if state.stopped.is_some() {
                return;
            }
        }
        match write_group(&mut disk, shared, &mut manifest, &group) {
            Ok(()) => shared.update(|state| {
                let done =
                    |request: &CheckpointRequest| (request.partition, request.checkpoint.at.lsn);
                state.checkpointed.extend(group.iter().map(done));
            }),
            Err(error) if error.is_full() => shared.update(|state| {
                let error = Arc::new(error);
                let refused = group.iter().map(|r| (r.partition, Arc::clone(&error)));
                state.refused.extend(refused);
            }),
            Err(error) => return shared.fail(error),
        }
    }
}

fn write_group<D: Disk>(
    disk: &mut D,
    shared: &Shared,
    manifest: &mut Manifest,
    group: &[CheckpointRequest],
) -> Result<(), StorageError> {
    for request in group {
        manifest.add(disk, request.partition, request.as_of, &request.checkpoint)?;
    }
    let beginning = {
        let mut trails = shared.trails();
        for request in group {
            let base = request.checkpoint.at.lsn;
            trails.checkpointed(request.partition, request.as_of, base);
        }
        trails.beginning()
    };
    manifest.commit(disk, beginning)?;
    shared.trails().forget_below(manifest.beginning.0);
    Ok(())
}
