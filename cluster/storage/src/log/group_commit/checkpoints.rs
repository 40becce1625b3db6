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

/// The body of the thread that writes checkpoints.
pub(super) fn write_checkpoints<D: Disk>(
    mut disk: D,
    shared: &Shared,
    mut manifest: Manifest,
    requests: &Receiver<CheckpointRequest>,
) {
    while let Ok(request) = requests.recv() {
        {
            let mut state = shared.lock();
            while state.durable < request.as_of && state.stopped.is_none() {
                state = shared.wait(state);
            }
            if state.stopped.is_some() {
                return;
            }
        }
        match write_checkpoint(&mut disk, shared, &mut manifest, &request) {
            Ok(()) => shared.update(|state| {
                let base = request.checkpoint.at.lsn;
                state.checkpointed.push((request.partition, base));
            }),
            Err(error) if error.is_full() => shared.update(|state| {
                state.full = Some(Arc::new(error));
            }),
            Err(error) => return shared.fail(error),
        }
    }
}

fn write_checkpoint<D: Disk>(
    disk: &mut D,
    shared: &Shared,
    manifest: &mut Manifest,
    request: &CheckpointRequest,
) -> Result<(), StorageError> {
    let (partition, as_of) = (request.partition, request.as_of);
    manifest.add(disk, partition, as_of, &request.checkpoint)?;
    let beginning = {
        let mut trails = shared.trails();
        trails.checkpointed(partition, as_of, request.checkpoint.at.lsn);
        trails.beginning()
    };
    manifest.commit(disk, beginning)?;
    shared.trails().forget_below(manifest.beginning.0);
    Ok(())
}
