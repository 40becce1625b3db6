//! One file of the log.
//!
//! Its first 4 KiB are a header, all numbers little-endian: 8 bytes magic, u32 format version, u32
//! node, u64 segment number, u64 length of the file, u32 CRC-32 of the 32 bytes before. Batches
//! follow; the rest is zeros.

use kensho_protocol::ids::NodeId;

use crate::disk::Disk;
use crate::error::StorageError;
use crate::sealed::TEMPORARY;

const MAGIC: [u8; 8] = *b"KenshoLg";
const VERSION: u32 = 2;
/// Where the first batch stands.
pub(crate) const BATCHES: u64 = 4096;
const HEADER: usize = 36;
/// A segment is at least this long, in bytes.
const SHORTEST: u64 = BATCHES + 256;

/// A segment that is open for writing.
#[derive(Clone, Debug)]
pub(crate) struct Segment<F> {
    pub(crate) number: u64,
    pub(crate) length: u64,
    pub(crate) file: F,
}

/// The file of a segment.
pub(crate) fn name(number: u64) -> String {
    format!("log-{number:016}")
}

/// Which segment a file is, if it is one.
pub(crate) fn number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("log-")?;
    (digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| digits.parse().ok())?
}

fn header(node: NodeId, number: u64, length: u64) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[12..16].copy_from_slice(&node.0.to_le_bytes());
    header[16..24].copy_from_slice(&number.to_le_bytes());
    header[24..32].copy_from_slice(&length.to_le_bytes());
    let checksum = crc32fast::hash(&header[..32]);
    header[32..].copy_from_slice(&checksum.to_le_bytes());
    header
}

impl<F> Segment<F> {
    /// Makes a segment of `length` bytes. It gets its name only when all of it is on disk, so a
    /// segment that is there is whole.
    pub(crate) fn create<D: Disk<File = F>>(
        disk: &mut D,
        node: NodeId,
        number: u64,
        length: u64,
    ) -> Result<Self, StorageError> {
        let length = length.max(SHORTEST);
        let name = name(number);
        let temporary = format!("{name}{TEMPORARY}");
        let path = disk.path(&temporary);
        let file = disk
            .create(&temporary)
            .map_err(StorageError::io("create", &path))?;
        let made = disk
            .allocate(&file, length)
            .and_then(|()| disk.write_at(&file, 0, &header(node, number, length)))
            .map_err(StorageError::io("take room for", &path))
            .and_then(|()| disk.sync(&file).map_err(StorageError::flush(&path)))
            .and_then(|()| {
                disk.rename(&temporary, &name)
                    .map_err(StorageError::io("rename", &path))
            });
        if let Err(error) = made {
            // Leaves no half of a file to fill the disk further; the error that counts is the first.
            let _ = disk.remove(&temporary);
            return Err(error);
        }
        disk.sync_folder()
            .map_err(StorageError::flush(disk.path("")))?;
        Ok(Segment {
            number,
            length,
            file,
        })
    }
}

/// How long a segment's file says to be, if it can be believed.
pub(crate) fn declared_length(bytes: &[u8]) -> Option<u64> {
    let header = bytes.get(..HEADER)?;
    let checksum = crc32fast::hash(&header[..32]).to_le_bytes();
    (header[32..] == checksum)
        .then(|| u64::from_le_bytes(header[24..32].try_into().expect("8 bytes")))
}

/// In how many bytes a segment's header differs from what it should be.
pub(crate) fn differing_bytes(bytes: &[u8], node: NodeId, number: u64) -> usize {
    let should = header(node, number, bytes.len() as u64);
    let is = bytes.iter().map(Some).chain(std::iter::repeat(None));
    should
        .iter()
        .zip(is)
        .filter(|(a, b)| Some(*a) != *b)
        .count()
}

/// Checks what a segment's file says of itself.
pub(crate) fn check_header(
    bytes: &[u8],
    path: &str,
    node: NodeId,
    number: u64,
) -> Result<(), StorageError> {
    let damaged = |what: &str| StorageError::Damaged {
        path: path.to_owned(),
        offset: 0,
        what: what.to_owned(),
    };
    if bytes.len() < BATCHES as usize {
        return Err(damaged("it is shorter than the header of a segment"));
    }
    if bytes[..8] != MAGIC {
        return Err(damaged("it does not begin as a segment of the log does"));
    }
    if bytes[32..HEADER] != crc32fast::hash(&bytes[..32]).to_le_bytes() {
        return Err(damaged("the checksum of its header does not hold"));
    }
    let version = u32::from_le_bytes(bytes[8..12].try_into().expect("4 bytes"));
    if version != VERSION {
        return Err(StorageError::OtherVersion {
            path: path.to_owned(),
            found: version,
            known: VERSION,
        });
    }
    if bytes[..HEADER] != header(node, number, bytes.len() as u64) {
        return Err(damaged(
            "its header is that of another node's segment, of another segment, or of a longer file",
        ));
    }
    Ok(())
}
