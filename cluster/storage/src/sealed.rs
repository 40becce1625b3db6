//! Small files that are replaced as a whole, with a checksum: who the node is, what its coordinator
//! remembers, which checkpoints count; and the checkpoints themselves.
//!
//! Layout, all numbers little-endian: 8 bytes that name the kind of file, u32 format version,
//! u32 CRC-32 of what follows, u64 length of the body, the body.
//!
//! Of a file that must be replaced even when the disk is full ([`replace_in_place`]) there are two,
//! one of them to spare, both longer than needed: what follows the body is left of an earlier one.

use std::io;

use bytes::Bytes;

use crate::disk::{Disk, read_whole};
use crate::error::StorageError;

/// What a sealed file is for.
pub(crate) struct Kind {
    /// The first bytes of the file.
    pub(crate) magic: [u8; 8],
    /// The version of its body's format.
    pub(crate) version: u32,
}

const HEADER: usize = 24;

fn checksum(version: u32, parts: &[&[u8]]) -> u32 {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&version.to_le_bytes());
    hasher.update(&(length as u64).to_le_bytes());
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

fn header(kind: &Kind, body: &[&[u8]]) -> Vec<u8> {
    let length: usize = body.iter().map(|part| part.len()).sum();
    let mut head = Vec::with_capacity(HEADER);
    head.extend_from_slice(&kind.magic);
    head.extend_from_slice(&kind.version.to_le_bytes());
    head.extend_from_slice(&checksum(kind.version, body).to_le_bytes());
    head.extend_from_slice(&(length as u64).to_le_bytes());
    head
}

/// Puts a sealed file in the place of the one of this name. The body is given in parts to spare a copy
/// of a large one.
pub(crate) fn replace<D: Disk>(
    disk: &mut D,
    name: &str,
    kind: &Kind,
    body: &[&[u8]],
) -> Result<(), StorageError> {
    put(disk, name, kind, body)?;
    sync_folder(disk)
}

/// As [`replace`], but its name is safe only after the folder was flushed: several files can share that.
pub(crate) fn put<D: Disk>(
    disk: &mut D,
    name: &str,
    kind: &Kind,
    body: &[&[u8]],
) -> Result<(), StorageError> {
    let length: usize = body.iter().map(|part| part.len()).sum();
    let mut head = header(kind, body);
    if length < SMALL {
        // One write for the small ones.
        head.extend_from_slice(&body.concat());
        return put_file(disk, name, &[&head]);
    }
    let mut parts = vec![&head[..]];
    parts.extend_from_slice(body);
    put_file(disk, name, &parts)
}

/// Makes the names of all files safe.
pub(crate) fn sync_folder<D: Disk>(disk: &mut D) -> Result<(), StorageError> {
    disk.sync_folder()
        .map_err(StorageError::flush(disk.path("")))
}

/// Puts a file in the place of the one of this name. A crash at any moment leaves either the one or
/// the other, whole.
pub(crate) fn replace_file<D: Disk>(
    disk: &mut D,
    name: &str,
    parts: &[&[u8]],
) -> Result<(), StorageError> {
    put_file(disk, name, parts)?;
    sync_folder(disk)
}

fn put_file<D: Disk>(disk: &mut D, name: &str, parts: &[&[u8]]) -> Result<(), StorageError> {
    let temporary = format!("{name}{TEMPORARY}");
    let path = disk.path(&temporary);
    let written = write_new(disk, &temporary, parts).and_then(|()| {
        disk.rename(&temporary, name)
            .map_err(StorageError::io("rename", &path))
    });
    if let Err(error) = written {
        // Makes room again if there was none; the error that counts is the first.
        let _ = disk.remove(&temporary);
        return Err(error);
    }
    Ok(())
}

fn write_new<D: Disk>(disk: &mut D, name: &str, parts: &[&[u8]]) -> Result<(), StorageError> {
    let path = disk.path(name);
    let file = disk
        .create(name)
        .map_err(StorageError::io("create", &path))?;
    let mut offset = 0;
    for part in parts {
        disk.write_at(&file, offset, part)
            .map_err(StorageError::io("write", &path))?;
        offset += part.len() as u64;
    }
    disk.sync(&file).map_err(StorageError::flush(path))
}

/// Puts a sealed file in the place of the one of this name, in the room of the one that is to spare
/// ([`keep_room`]), so that it can be done when the disk is full. A crash at any moment leaves either
/// the one or the other, whole.
///
/// Where the system cannot exchange two files, or the body has grown beyond that room, new room is
/// needed.
pub(crate) fn replace_in_place<D: Disk>(
    disk: &mut D,
    name: &str,
    kind: &Kind,
    body: &[u8],
) -> Result<(), StorageError> {
    let spare = spare_name(name);
    let path = disk.path(&spare);
    let mut bytes = header(kind, &[body]);
    bytes.extend_from_slice(body);
    let needed = bytes.len() as u64;
    if length_of(disk, &spare)?.is_none_or(|length| length < needed) {
        make_spare(disk, &spare, needed)?;
    }
    let file = disk.open(&spare).map_err(StorageError::io("open", &path))?;
    disk.write_at(&file, 0, &bytes)
        .map_err(StorageError::io("write", &path))?;
    disk.sync(&file).map_err(StorageError::flush(&path))?;
    match disk.exchange(&spare, name) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::Unsupported
            ) =>
        {
            disk.rename(&spare, name)
        }
        exchanged => exchanged,
    }
    .map_err(StorageError::io("rename", path))?;
    sync_folder(disk)
}

/// Sets room aside for [`replace_in_place`], for bodies of up to twice the length of the present one
/// at least.
///
/// # Errors
/// [`StorageError::Full`] when there is none; the file is still there then.
pub(crate) fn keep_room<D: Disk>(
    disk: &mut D,
    name: &str,
    kind: &Kind,
    body: &[u8],
) -> Result<(), StorageError> {
    let capacity = ((HEADER + body.len()) as u64 * 2).max(RESERVED);
    let spare = spare_name(name);
    if length_of(disk, name)?.is_none_or(|length| length < capacity) {
        make_spare(disk, &spare, capacity)?;
        replace_in_place(disk, name, kind, body)?;
    }
    if length_of(disk, &spare)?.is_none_or(|length| length < capacity) {
        make_spare(disk, &spare, capacity)?;
    }
    Ok(())
}

fn spare_name(name: &str) -> String {
    format!("{name}.spare")
}

fn length_of<D: Disk>(disk: &mut D, name: &str) -> Result<Option<u64>, StorageError> {
    let length = disk.open(name).and_then(|file| disk.length(&file));
    match length {
        Ok(length) => Ok(Some(length)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StorageError::io("open", disk.path(name))(error)),
    }
}

fn make_spare<D: Disk>(disk: &mut D, spare: &str, length: u64) -> Result<(), StorageError> {
    let made = disk
        .create(spare)
        .and_then(|file| disk.allocate(&file, length));
    made.map_err(|error| {
        // Leaves no half of a file to fill the disk further; the error that counts is the first.
        let _ = disk.remove(spare);
        StorageError::io("take room for", disk.path(spare))(error)
    })
}

/// Files of this ending were being written when the node stopped; they count for nothing.
pub(crate) const TEMPORARY: &str = ".new";
const SMALL: usize = 64 << 10;
/// So much room is set aside at least for a file that is replaced in place, in bytes.
const RESERVED: u64 = 16 << 10;

/// The body of a sealed file, or `None` if there is no file of this name.
pub(crate) fn read<D: Disk>(
    disk: &mut D,
    name: &str,
    kind: &Kind,
) -> Result<Option<Bytes>, StorageError> {
    read_up_to(disk, name, kind, |length, room| length == room)
}

/// As [`read`], of a file that was written by [`replace_in_place`].
pub(crate) fn read_in_place<D: Disk>(
    disk: &mut D,
    name: &str,
    kind: &Kind,
) -> Result<Option<Bytes>, StorageError> {
    read_up_to(disk, name, kind, |length, room| length <= room)
}

/// `fits` says whether a body of the first length may stand in room of the second.
fn read_up_to<D: Disk>(
    disk: &mut D,
    name: &str,
    kind: &Kind,
    fits: impl Fn(u64, u64) -> bool,
) -> Result<Option<Bytes>, StorageError> {
    let path = disk.path(name);
    let file = match disk.open(name) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StorageError::io("open", path)(error)),
    };
    let bytes = read_whole(disk, &file).map_err(StorageError::io("read", &path))?;
    let damaged = |what: &str| StorageError::Damaged {
        path: path.clone(),
        offset: 0,
        what: what.to_owned(),
    };
    if bytes.len() < HEADER {
        return Err(damaged("it is too short"));
    }
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
    if bytes[..8] != kind.magic {
        return Err(damaged("it does not begin as such a file does"));
    }
    let version = number(8);
    let length = u64::from_le_bytes(bytes[16..HEADER].try_into().expect("8 bytes"));
    if !fits(length, (bytes.len() - HEADER) as u64) {
        return Err(damaged(
            "its length is not the one that it was written with",
        ));
    }
    let end = HEADER + usize::try_from(length).expect("it fits in what was read");
    if number(12) != checksum(version, &[&bytes[HEADER..end]]) {
        return Err(damaged("its checksum does not hold"));
    }
    if version != kind.version {
        return Err(StorageError::OtherVersion {
            path,
            found: version,
            known: kind.version,
        });
    }
    Ok(Some(Bytes::from(bytes).slice(HEADER..end)))
}
