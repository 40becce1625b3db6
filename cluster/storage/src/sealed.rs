//! Small files that are replaced as a whole, with a checksum: who the node is, what its coordinator
//! remembers, which checkpoints count; and the checkpoints themselves.
//!
//! Layout, all numbers little-endian: 8 bytes that name the kind of file, u32 format version,
//! u32 CRC-32 of what follows, u64 length of the body, the body.

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

/// Puts a sealed file in the place of the one of this name. The body is given in parts to spare a copy
/// of a large one.
pub(crate) fn replace<D: Disk>(
    disk: &mut D,
    name: &str,
    kind: &Kind,
    body: &[&[u8]],
) -> Result<(), StorageError> {
    let length: usize = body.iter().map(|part| part.len()).sum();
    let mut head = Vec::with_capacity(HEADER);
    head.extend_from_slice(&kind.magic);
    head.extend_from_slice(&kind.version.to_le_bytes());
    head.extend_from_slice(&checksum(kind.version, body).to_le_bytes());
    head.extend_from_slice(&(length as u64).to_le_bytes());
    if length < SMALL {
        // One write for the small ones.
        head.extend_from_slice(&body.concat());
        return replace_file(disk, name, &[&head]);
    }
    let mut parts = vec![&head[..]];
    parts.extend_from_slice(body);
    replace_file(disk, name, &parts)
}

/// Puts a file in the place of the one of this name. A crash at any moment leaves either the one or
/// the other, whole.
pub(crate) fn replace_file<D: Disk>(
    disk: &mut D,
    name: &str,
    parts: &[&[u8]],
) -> Result<(), StorageError> {
    let temporary = format!("{name}{TEMPORARY}");
    let path = disk.path(&temporary);
    if let Err(error) = write_new(disk, &temporary, parts) {
        // Makes room again if there was none; the error that counts is the first.
        let _ = disk.remove(&temporary);
        return Err(StorageError::io("write", path)(error));
    }
    disk.rename(&temporary, name)
        .map_err(StorageError::io("rename", &path))?;
    disk.sync_folder()
        .map_err(StorageError::io("flush the folder of", disk.path(name)))
}

fn write_new<D: Disk>(disk: &mut D, name: &str, parts: &[&[u8]]) -> io::Result<()> {
    let file = disk.create(name)?;
    let mut offset = 0;
    for part in parts {
        disk.write_at(&file, offset, part)?;
        offset += part.len() as u64;
    }
    disk.sync(&file)
}

/// Files of this ending were being written when the node stopped; they count for nothing.
pub(crate) const TEMPORARY: &str = ".new";
const SMALL: usize = 64 << 10;

/// The body of a sealed file, or `None` if there is no file of this name.
pub(crate) fn read<D: Disk>(
    disk: &mut D,
    name: &str,
    kind: &Kind,
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
    if version != kind.version {
        return Err(StorageError::OtherVersion {
            path,
            found: version,
            known: kind.version,
        });
    }
    let length = u64::from_le_bytes(bytes[16..HEADER].try_into().expect("8 bytes"));
    if length != (bytes.len() - HEADER) as u64 {
        return Err(damaged(
            "its length is not the one that it was written with",
        ));
    }
    if number(12) != checksum(version, &[&bytes[HEADER..]]) {
        return Err(damaged("its checksum does not hold"));
    }
    Ok(Some(Bytes::from(bytes).slice(HEADER..)))
}
