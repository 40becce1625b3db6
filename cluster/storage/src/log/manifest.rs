//! Which files of the log count. Replacing this file is the moment at which a checkpoint takes
//! effect, and after which what it makes superfluous may be removed.

use std::collections::BTreeMap;

use kensho_protocol::ids::{Lsn, NodeId, PartitionId};
use serde::{Deserialize, Serialize};

use super::RecordNumber;
use super::lives::Lives;
use super::trail::Trails;
use super::{checkpoint, segment};
use crate::disk::Disk;
use crate::error::StorageError;
use crate::sealed;

pub(super) const NAME: &str = "manifest";
const KIND: sealed::Kind = sealed::Kind {
    magic: *b"KenshoMf",
    version: 1,
};
/// Of a manifest that is followed by [`Lives`]: a program that knows nothing of them must not read it.
const WITH_LIVES: sealed::Kind = sealed::Kind {
    magic: *b"KenshoMf",
    version: 2,
};

/// A checkpoint that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Reference {
    /// Tells it from other checkpoints of the partition.
    pub(crate) file: u64,
    /// The last record before it was made.
    pub(crate) as_of: RecordNumber,
    /// The last entry that it knows.
    pub(crate) base: Lsn,
}

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) node: NodeId,
    /// The first segment, and the number of the last record before it.
    pub(crate) beginning: (u64, RecordNumber),
    /// The number of the next checkpoint file.
    pub(crate) next_file: u64,
    pub(crate) checkpoints: BTreeMap<PartitionId, Reference>,
    /// Stands after the rest, if there is anything to say.
    #[serde(skip)]
    pub(crate) lives: Lives,
}

impl Manifest {
    /// That of a log in which nothing stands.
    pub(crate) fn new(node: NodeId) -> Self {
        Manifest {
            node,
            beginning: (1, RecordNumber(0)),
            next_file: 1,
            checkpoints: BTreeMap::new(),
            lives: Lives::default(),
        }
    }

    pub(crate) fn read<D: Disk>(disk: &mut D) -> Result<Option<Self>, StorageError> {
        let decode = |body: &[u8], disk: &D| {
            let decoded =
                postcard::take_from_bytes::<Manifest>(body).and_then(|(manifest, rest)| {
                    let lives = match rest.is_empty() {
                        true => Lives::default(),
                        false => postcard::from_bytes(rest)?,
                    };
                    Ok(Manifest { lives, ..manifest })
                });
            decoded.map_err(|error| StorageError::Damaged {
                path: disk.path(NAME),
                offset: 0,
                what: format!("it cannot be decoded: {error}"),
            })
        };
        let body = match sealed::read(disk, NAME, &KIND) {
            Err(StorageError::OtherVersion { found, .. }) if found == WITH_LIVES.version => {
                sealed::read(disk, NAME, &WITH_LIVES)
            }
            read => read,
        };
        body?.map(|body| decode(&body, disk)).transpose()
    }

    pub(crate) fn write<D: Disk>(&self, disk: &mut D) -> Result<(), StorageError> {
        let body = postcard::to_stdvec(self).expect("a manifest can be encoded");
        if self.lives == Lives::default() {
            return sealed::replace(disk, NAME, &KIND, &[&body]);
        }
        let lives = postcard::to_stdvec(&self.lives).expect("a few numbers can be encoded");
        sealed::replace(disk, NAME, &WITH_LIVES, &[&body, &lives])
    }

    /// Where the file is.
    pub(crate) fn path<D: Disk>(disk: &D) -> String {
        disk.path(NAME)
    }

    /// Writes a checkpoint, which counts from [`Manifest::commit`] on. All records up to `as_of` must
    /// have been flushed: otherwise the checkpoint could promise what the log does not hold.
    pub(crate) fn add<D: Disk>(
        &mut self,
        disk: &mut D,
        partition: PartitionId,
        as_of: RecordNumber,
        checkpoint: &super::Checkpoint,
    ) -> Result<(), StorageError> {
        let reference = Reference {
            file: self.next_file,
            as_of,
            base: checkpoint.at.lsn,
        };
        self.next_file += 1;
        checkpoint::write(disk, partition, &reference, checkpoint)?;
        self.checkpoints.insert(partition, reference);
        Ok(())
    }

    /// Makes the checkpoints that were added count, and removes what they make superfluous.
    pub(crate) fn commit<D: Disk>(
        &mut self,
        disk: &mut D,
        beginning: Option<(u64, RecordNumber)>,
    ) -> Result<(), StorageError> {
        if let Some(beginning) = beginning {
            self.beginning = beginning;
        }
        // Their names must be safe before the file that names them.
        sealed::sync_folder(disk)?;
        self.write(disk)?;
        self.remove_superfluous(disk)
    }

    /// Removes the files of the log that don't count any more. A crash may leave some of them; they
    /// are removed the next time.
    pub(crate) fn remove_superfluous<D: Disk>(&self, disk: &mut D) -> Result<(), StorageError> {
        let names = disk
            .list()
            .map_err(StorageError::io("list the folder of", Self::path(disk)))?;
        for name in names {
            if self.is_superfluous(&name) {
                let path = disk.path(&name);
                disk.remove(&name)
                    .map_err(StorageError::io("remove", path))?;
            }
        }
        Ok(())
    }

    fn is_superfluous(&self, name: &str) -> bool {
        if let Some(number) = segment::number(name) {
            return number < self.beginning.0;
        }
        if let Some((partition, file)) = checkpoint::number(name) {
            let counts = self.checkpoints.get(&partition);
            return counts.is_none_or(|counts| counts.file != file);
        }
        if let Some((partition, number)) = checkpoint::image_number(name) {
            let counts = self.checkpoints.get(&partition);
            return counts.is_some_and(|counts| number <= counts.as_of);
        }
        false
    }

    /// Tells `trails` what the checkpoints know.
    pub(crate) fn inform(&self, trails: &mut Trails) {
        for (partition, reference) in &self.checkpoints {
            trails.checkpointed(*partition, reference.as_of, reference.base);
        }
    }
}
