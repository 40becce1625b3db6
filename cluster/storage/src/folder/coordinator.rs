//! The file `coordinator`: the votes and the table that the node must not forget. Room for it is set
//! aside, so that a voter goes on voting when its disk is full.

use bytes::Bytes;
use kensho_protocol::coordinator::Saved;
use kensho_protocol::settings::Levelling;

use crate::disk::Disk;
use crate::error::StorageError;
use crate::sealed;

const NAME: &str = "coordinator";
const KIND: sealed::Kind = sealed::Kind {
    magic: *b"KenshoCo",
    version: 5,
};
/// Its tables do not say how roles are levelled.
const WITHOUT_LEVELLING: sealed::Kind = sealed::Kind { version: 4, ..KIND };

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

/// What is new in a table stands at its end, and nothing is behind a table; what is behind the body of one that
/// saved none is not looked at.
fn with_levelling(body: &Bytes) -> Bytes {
    let levelling = postcard::to_stdvec(&Levelling::default()).expect("it can be encoded");
    [&body[..], &levelling].concat().into()
}

/// What was saved last.
pub(super) fn load<D: Disk>(disk: &mut D) -> Result<Saved, StorageError> {
    let body = match sealed::read_in_place(disk, NAME, &KIND) {
        Err(StorageError::OtherVersion { found, .. }) if found == WITHOUT_LEVELLING.version => {
            let body = sealed::read_in_place(disk, NAME, &WITHOUT_LEVELLING)?;
            body.as_ref().map(with_levelling)
        }
        read => read?,
    };
    let Some(body) = body else {
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
