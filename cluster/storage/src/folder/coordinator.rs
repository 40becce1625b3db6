//! The file `coordinator`: the votes and the table that the node must not forget. Room for it is set
//! aside, so that a voter goes on voting when its disk is full.

use kensho_protocol::coordinator::Saved;

use crate::disk::Disk;
use crate::error::StorageError;
use crate::sealed;

const NAME: &str = "coordinator";
const KIND: sealed::Kind = sealed::Kind {
    magic: *b"KenshoCo",
    version: 4,
};

/// Puts this in the place of what the coordinator remembered before. It is safe when this returns.
///
/// # Errors
/// [`StorageError::Full`] when it has grown beyond the room that was set aside, and there is no more:
/// it can be tried again. When the disk fails in another way the node must stop.
pub fn save<D: Disk>(disk: &mut D, saved: &Saved) -> Result<(), StorageError> {
    let body = encode(saved);
    sealed::replace_in_place(disk, NAME, &KIND, &body)?;
    // Before it is needed; without it, the next time asks again.
    match sealed::keep_room(disk, NAME, &KIND, &body) {
        Err(error) if error.is_full() => Ok(()),
        kept => kept,
    }
}

/// Sets room aside for what is saved later, if there is any. To be called before the first
/// [`save`] of a run.
pub(super) fn prepare<D: Disk>(disk: &mut D, saved: &Saved) -> Result<(), StorageError> {
    // The run before may have ended when two files were exchanged, and their names not flushed: then
    // the one to spare is on the disk the one that counts, and must not be written to.
    disk.sync_folder()
        .map_err(StorageError::flush(disk.path("")))?;
    match sealed::keep_room(disk, NAME, &KIND, &encode(saved)) {
        Err(error) if error.is_full() => Ok(()),
        kept => kept,
    }
}

fn encode(saved: &Saved) -> Vec<u8> {
    postcard::to_stdvec(saved).expect("a table can be encoded")
}

/// What was saved last.
pub(super) fn load<D: Disk>(disk: &mut D) -> Result<Saved, StorageError> {
    let Some(body) = sealed::read_in_place(disk, NAME, &KIND)? else {
        return Err(StorageError::Missing {
            path: disk.path(NAME),
            what: "without it the node could vote twice".to_owned(),
        });
    };
    postcard::from_bytes(&body).map_err(|error| StorageError::Damaged {
        path: disk.path(NAME),
        offset: 0,
        what: format!("it cannot be decoded: {error}"),
    })
}
