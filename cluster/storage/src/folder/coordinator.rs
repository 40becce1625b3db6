//! The file `coordinator`: the votes and the table that the node must not forget.

use kensho_protocol::coordinator::Saved;

use crate::disk::Disk;
use crate::error::StorageError;
use crate::sealed;

const NAME: &str = "coordinator";
const KIND: sealed::Kind = sealed::Kind {
    magic: *b"KenshoCo",
    version: 2,
};

/// Puts this in the place of what the coordinator remembered before. It is safe when this returns.
///
/// # Errors
/// When the disk fails or is full. The node must stop then.
pub fn save<D: Disk>(disk: &mut D, saved: &Saved) -> Result<(), StorageError> {
    let body = postcard::to_stdvec(saved).expect("a table can be encoded");
    sealed::replace(disk, NAME, &KIND, &[&body])
}

/// What was saved last.
pub(super) fn load<D: Disk>(disk: &mut D) -> Result<Saved, StorageError> {
    let Some(body) = sealed::read(disk, NAME, &KIND)? else {
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
