//! The file `unsynced`: while it is there, what the node has acknowledged may not be on its disk
//! (rule R5, durability `delayed`).
//!
//! It is there, safely, before the node acknowledges anything, and is removed only by an orderly stop,
//! after everything was flushed. So whoever finds it knows that the run before ended in a crash.

use std::io;

use crate::disk::Disk;
use crate::error::StorageError;

const NAME: &str = "unsynced";

/// Whether the file is there.
pub(super) fn is_set<D: Disk>(disk: &mut D) -> Result<bool, StorageError> {
    match disk.open(NAME) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StorageError::io("open", disk.path(NAME))(error)),
    }
}

/// Makes it.
pub(super) fn set<D: Disk>(disk: &mut D) -> Result<(), StorageError> {
    let path = disk.path(NAME);
    let file = disk
        .create(NAME)
        .map_err(StorageError::io("create", &path))?;
    disk.sync(&file)
        .and_then(|()| disk.sync_folder())
        .map_err(StorageError::flush(path))
}

/// Removes it: everything that was acknowledged is on the disk. To be called after the log was closed.
///
/// # Errors
/// When the disk fails. The next start takes the stop for a crash then.
pub fn clear<D: Disk>(disk: &mut D) -> Result<(), StorageError> {
    let path = disk.path(NAME);
    match disk.remove(NAME) {
        Ok(()) => disk
            .sync_folder()
            .map_err(StorageError::flush(disk.path(""))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StorageError::io("remove", path)(error)),
    }
}
