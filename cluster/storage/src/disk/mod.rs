//! The little that storage needs of a disk: one folder of files.
//!
//! [`RealDisk`] is the operating system's; [`SimulatedDisk`] is plain data, so that a test or a
//! simulated world can copy it, cut its power at any moment and look at what is left.

mod real;
mod simulated;

use std::io;

pub use real::{FolderLock, RealDisk};
pub use simulated::{SimulatedDisk, SimulatedFile};

/// One folder of files. Names are plain file names. Nothing is safe before it was flushed: the bytes
/// of a file by [`Disk::sync`], its name, and that it was renamed or removed, by
/// [`Disk::sync_folder`].
///
/// Every method fails as the operating system does.
#[allow(clippy::missing_errors_doc)] // said once, above
pub trait Disk {
    /// An open file.
    type File;

    /// The file's name as people know it, for messages.
    fn path(&self, name: &str) -> String;

    /// The names of all files.
    fn list(&mut self) -> io::Result<Vec<String>>;

    /// Opens a file that is there, for reading and writing.
    fn open(&mut self, name: &str) -> io::Result<Self::File>;

    /// Makes an empty file, in place of the one of this name if there is one.
    fn create(&mut self, name: &str) -> io::Result<Self::File>;

    /// Makes an empty file `length` bytes of zeros long, with its room on the disk taken, so that
    /// later writes and flushes change nothing but its bytes. Fails with
    /// [`StorageFull`](io::ErrorKind::StorageFull) when there is no room.
    fn allocate(&mut self, file: &Self::File, length: u64) -> io::Result<()>;

    /// The file's length in bytes.
    fn length(&mut self, file: &Self::File) -> io::Result<u64>;

    /// Fills `buffer` from the bytes at `offset`.
    fn read_at(&mut self, file: &Self::File, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Writes `bytes` at `offset`.
    fn write_at(&mut self, file: &Self::File, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Returns when the file's bytes are safe.
    fn sync(&mut self, file: &Self::File) -> io::Result<()>;

    /// Gives a file another name, in place of the file that had it.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// Gives each of two files the name of the other, as one step. Needs no room. Fails with
    /// [`Unsupported`](io::ErrorKind::Unsupported) where the system cannot do that.
    fn exchange(&mut self, one: &str, other: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&mut self, name: &str) -> io::Result<()>;

    /// Returns when the names of all files are safe.
    fn sync_folder(&mut self) -> io::Result<()>;

    /// Bytes that can still be written.
    fn free_bytes(&mut self) -> io::Result<u64>;
}

/// The whole of a file.
pub(crate) fn read_whole<D: Disk>(disk: &mut D, file: &D::File) -> io::Result<Vec<u8>> {
    let length = disk.length(file)?;
    let length = usize::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut bytes = vec![0; length];
    disk.read_at(file, 0, &mut bytes)?;
    Ok(bytes)
}
