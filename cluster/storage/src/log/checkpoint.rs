//! Data images in files of their own: checkpoints, and the images that replace a replica's data.

use bytes::Bytes;
use kensho_protocol::ids::{Epoch, PartitionId, Position};
use serde::{Deserialize, Serialize};

use super::RecordNumber;
use super::batch::{ImageFile, ImageReference};
use super::manifest::Reference;
use crate::disk::Disk;
use crate::error::StorageError;
use crate::sealed;

/// A replica's data at one place of its log, with what else the forgotten records said.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Checkpoint {
    /// The lowest epoch that the replica listens to, when the checkpoint is made.
    pub promised: Epoch,
    /// Whose owner's log it is, when the checkpoint is made.
    pub log_epoch: Epoch,
    /// The last entry that the image knows of.
    pub at: Position,
    /// The image.
    pub image: Bytes,
}

const CHECKPOINT: sealed::Kind = sealed::Kind {
    magic: *b"KenshoCp",
    version: 2,
};
const IMAGE: sealed::Kind = sealed::Kind {
    magic: *b"KenshoIm",
    version: 2,
};

/// What stands before the image in a checkpoint's file.
#[derive(Serialize, Deserialize)]
struct Head {
    partition: PartitionId,
    promised: Epoch,
    log_epoch: Epoch,
    at: Position,
}

fn name(partition: PartitionId, file: u64) -> String {
    format!("checkpoint-{:05}-{file:016}", partition.0)
}

fn image_name(partition: PartitionId, number: RecordNumber) -> String {
    format!("image-{:05}-{:016}", partition.0, number.0)
}

/// Which checkpoint a file is, if it is one.
pub(super) fn number(name: &str) -> Option<(PartitionId, u64)> {
    parse(name, "checkpoint-")
}

/// Which image a file is, if it is one.
pub(super) fn image_number(name: &str) -> Option<(PartitionId, RecordNumber)> {
    parse(name, "image-").map(|(partition, number)| (partition, RecordNumber(number)))
}

fn parse(name: &str, prefix: &str) -> Option<(PartitionId, u64)> {
    let (partition, number) = name.strip_prefix(prefix)?.split_once('-')?;
    Some((PartitionId(partition.parse().ok()?), number.parse().ok()?))
}

/// Writes a checkpoint. Its name is safe only after the folder was flushed.
pub(super) fn write<D: Disk>(
    disk: &mut D,
    partition: PartitionId,
    reference: &Reference,
    checkpoint: &Checkpoint,
) -> Result<(), StorageError> {
    let head = Head {
        partition,
        promised: checkpoint.promised,
        log_epoch: checkpoint.log_epoch,
        at: checkpoint.at,
    };
    let head = postcard::to_stdvec(&head).expect("a few numbers can be encoded");
    let name = name(partition, reference.file);
    sealed::put(disk, &name, &CHECKPOINT, &[&head, &checkpoint.image])
}

/// Reads a checkpoint that counts.
pub(super) fn read<D: Disk>(
    disk: &mut D,
    partition: PartitionId,
    reference: &Reference,
) -> Result<Checkpoint, StorageError> {
    let name = name(partition, reference.file);
    let path = disk.path(&name);
    let body = sealed::read(disk, &name, &CHECKPOINT)?.ok_or_else(|| StorageError::Missing {
        path: path.clone(),
        what: "the manifest says that it counts".to_owned(),
    })?;
    let damaged = |what: String| StorageError::Damaged {
        path: path.clone(),
        offset: 0,
        what,
    };
    let (head, rest) = postcard::take_from_bytes::<Head>(&body)
        .map_err(|error| damaged(format!("it cannot be decoded: {error}")))?;
    if head.partition != partition || head.at.lsn != reference.base {
        return Err(damaged(format!(
            "it holds partition {} up to {}, but should hold partition {partition} up to {}",
            head.partition, head.at.lsn, reference.base
        )));
    }
    Ok(Checkpoint {
        promised: head.promised,
        log_epoch: head.log_epoch,
        at: head.at,
        image: body.slice_ref(rest),
    })
}

/// Writes an image that a record names, before the record is written.
pub(super) fn write_image<D: Disk>(disk: &mut D, file: &ImageFile) -> Result<(), StorageError> {
    let name = image_name(file.partition, file.number);
    sealed::replace(disk, &name, &IMAGE, &[&file.image])
}

/// Reads an image that a record names.
pub(super) fn read_image<D: Disk>(
    disk: &mut D,
    partition: PartitionId,
    number: RecordNumber,
    reference: &ImageReference,
) -> Result<Bytes, StorageError> {
    let name = image_name(partition, number);
    let path = disk.path(&name);
    let image = sealed::read(disk, &name, &IMAGE)?.ok_or_else(|| StorageError::Missing {
        path: path.clone(),
        what: format!("record {number} of the log names it"),
    })?;
    if image.len() as u64 != reference.length || crc32fast::hash(&image) != reference.checksum {
        return Err(StorageError::Damaged {
            path,
            offset: 0,
            what: format!("it is not the image that record {number} of the log names"),
        });
    }
    Ok(image)
}
