//! How a record of inputs is cut into chunks: u64 length of the body, u32 CRC-32 of that length, u32
//! CRC-32 of the body, all little-endian; then the body. A chunk is whole, or it counts for nothing.
//! The length has a checksum of its own, so that an end that is missing is told from damage.

use super::{Head, Item};

/// Bytes before a chunk's body.
pub const CHUNK_HEAD_BYTES: usize = 16;

/// What stands before a chunk's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkHead {
    /// How many bytes follow.
    pub length: u64,
    checksum: u32,
}

/// A chunk that is whole does not hold what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAChunk(pub String);

impl std::fmt::Display for NotAChunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotAChunk {}

impl ChunkHead {
    /// The head of the chunk with this body.
    #[must_use]
    pub(super) fn of(body: &[u8]) -> Self {
        ChunkHead {
            length: body.len() as u64,
            checksum: crc32fast::hash(body),
        }
    }

    /// As it stands in the file.
    #[must_use]
    pub(super) fn bytes(self) -> [u8; CHUNK_HEAD_BYTES] {
        let mut bytes = [0; CHUNK_HEAD_BYTES];
        let length = self.length.to_le_bytes();
        bytes[..8].copy_from_slice(&length);
        bytes[8..12].copy_from_slice(&crc32fast::hash(&length).to_le_bytes());
        bytes[12..].copy_from_slice(&self.checksum.to_le_bytes());
        bytes
    }

    /// What these bytes say; `None` if they are damaged.
    #[must_use]
    pub fn read(bytes: [u8; CHUNK_HEAD_BYTES]) -> Option<Self> {
        let (length, checksums) = bytes.split_at(8);
        let (of_length, of_body) = checksums.split_at(4);
        let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("4 bytes"));
        (number(of_length) == crc32fast::hash(length)).then(|| ChunkHead {
            length: u64::from_le_bytes(length.try_into().expect("8 bytes")),
            checksum: number(of_body),
        })
    }

    /// Whether this is the body that the chunk was written with.
    #[must_use]
    pub fn fits(self, body: &[u8]) -> bool {
        self.length == body.len() as u64 && self.checksum == crc32fast::hash(body)
    }
}

/// The head that is the body of a file's first chunk.
///
/// # Errors
/// When it is none, or tells of rules that this build cannot break.
pub fn read_head(body: &[u8]) -> Result<Head, NotAChunk> {
    match postcard::take_from_bytes(body) {
        Ok((head, [])) => Ok(head),
        _ => Err(NotAChunk(
            "its head cannot be decoded: it was written by another version of the node, or by one \
             whose rules are broken, which takes a build with the feature break-rules to replay"
                .to_owned(),
        )),
    }
}

/// The items of a chunk's body, in order.
///
/// # Errors
/// When it holds something else.
pub fn read_items(body: &[u8]) -> Result<Vec<Item>, NotAChunk> {
    let mut items = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let number = items.len() + 1;
        let (item, after) = postcard::take_from_bytes(rest)
            .map_err(|error| NotAChunk(format!("item {number} cannot be decoded: {error}")))?;
        items.push(item);
        rest = after;
    }
    Ok(items)
}
