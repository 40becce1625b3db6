//! What is written and flushed at once.
//!
//! Layout, all numbers little-endian: u32 magic (`KBat`, or `KBaU` for a batch that was written while
//! an earlier one was not flushed yet), u32 length of the body, u64 number of the first
//! record, u32 count of records, u32 CRC-32; then the body: per record u16 partition, u8 kind, u32
//! length, bytes. The bytes are a [`Record`] in postcard's encoding, or an [`ImageReference`] in place
//! of a [`Record::Image`]: the image is a file of its own, so that the log stays small. After the
//! records of partitions comes one of kind 2, which counts for none: [`Links`].

use bytes::Bytes;
use kensho_protocol::ids::{Epoch, Lsn, NodeId, PartitionId, Position};
use kensho_protocol::record::Record;
use serde::{Deserialize, Serialize};

use super::RecordNumber;
use super::trail::Step;
use crate::encode::encode_into;

/// The first bytes of a batch before which everything was flushed.
pub(crate) const MAGIC: u32 = u32::from_le_bytes(*b"KBat");
/// The first bytes of a batch that was written while an earlier one was not flushed.
pub(crate) const MAGIC_UNFLUSHED: u32 = u32::from_le_bytes(*b"KBaU");
/// Bytes before the body.
pub(crate) const HEADER: usize = 24;
/// Batches begin at multiples of this.
pub(crate) const ALIGNMENT: usize = 8;

const KIND_RECORD: u8 = 0;
const KIND_IMAGE: u8 = 1;
const KIND_LINKS: u8 = 2;
const RECORD_HEADER: usize = 7;

/// Stands in the log for a [`Record::Image`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImageReference {
    pub(crate) promised: Epoch,
    pub(crate) log_epoch: Epoch,
    pub(crate) at: Position,
    pub(crate) length: u64,
    pub(crate) checksum: u32,
}

/// What a batch says of the records before it, so that it is known of whom some are missing when
/// batches were damaged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Links {
    /// Who is not listed has no record before this batch.
    pub(crate) all: bool,
    /// Partitions, each with a record after which it has none before this batch. Those of the batch's
    /// own records are among them.
    pub(crate) last: Vec<(PartitionId, RecordNumber)>,
}

impl Links {
    /// No more than this is needed for links of so many partitions, in bytes.
    pub(crate) const fn longest(partitions: usize) -> u64 {
        // A flag and a count, then a number of 16 and one of 64 bits each, in postcard's encoding.
        (RECORD_HEADER + 4 + 13 * partitions) as u64
    }
}

/// A record that was read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    Record(Record),
    Image(ImageReference),
}

/// An image that has to be on disk before the batch that names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ImageFile {
    pub(crate) partition: PartitionId,
    pub(crate) number: RecordNumber,
    pub(crate) image: Bytes,
}

/// Records on their way to the disk, already encoded. Its buffers are used again and again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Batch {
    /// The number of the last record before this batch.
    before: RecordNumber,
    count: u32,
    /// Room for the header, then the body.
    bytes: Vec<u8>,
    /// Where the links begin, if there are any.
    links_at: Option<usize>,
    pub(crate) steps: Vec<Step>,
    pub(crate) images: Vec<ImageFile>,
}

impl Batch {
    /// An empty batch that follows `last`.
    #[must_use]
    pub(crate) fn after(last: RecordNumber) -> Self {
        Batch {
            before: last,
            count: 0,
            bytes: vec![0; HEADER],
            links_at: None,
            steps: Vec::new(),
            images: Vec::new(),
        }
    }

    /// Encodes a record, and says which number it has.
    ///
    /// # Panics
    /// When the batch would grow beyond 4 GiB.
    pub(crate) fn append(&mut self, partition: PartitionId, record: &Record) -> RecordNumber {
        self.count += 1;
        let number = self.last();
        let (kind, keep, end) = match record {
            Record::Log { keep, entries, .. } => (
                KIND_RECORD,
                *keep,
                entries.last().map_or(*keep, |entry| entry.at.lsn),
            ),
            Record::Image { at, .. } => (KIND_IMAGE, Lsn(0), at.lsn),
        };
        self.bytes.extend_from_slice(&partition.0.to_le_bytes());
        self.bytes.push(kind);
        let length_at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        match record {
            Record::Log { .. } => encode_into(&mut self.bytes, record),
            Record::Image {
                promised,
                log_epoch,
                at,
                image,
            } => {
                let reference = ImageReference {
                    promised: *promised,
                    log_epoch: *log_epoch,
                    at: *at,
                    length: image.len() as u64,
                    checksum: crc32fast::hash(image),
                };
                encode_into(&mut self.bytes, &reference);
                self.images.push(ImageFile {
                    partition,
                    number,
                    image: image.clone(),
                });
            }
        }
        let length = self.bytes.len() - length_at - 4;
        let length = u32::try_from(length).expect("a record is far smaller than 4 GiB");
        self.bytes[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
        self.steps.push(Step {
            partition,
            number,
            keep,
            end,
        });
        number
    }

    /// The last record.
    #[must_use]
    pub(crate) fn last(&self) -> RecordNumber {
        RecordNumber(self.before.0 + u64::from(self.count))
    }

    /// Whether there is no record.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many bytes it takes in memory, images included.
    #[must_use]
    pub(crate) fn size_bytes(&self) -> usize {
        let images: usize = self.images.iter().map(|file| file.image.len()).sum();
        self.bytes.len() + images
    }

    /// Takes over all records of `next`, which must follow this one, and leaves it empty.
    pub(crate) fn take(&mut self, next: &mut Batch) {
        assert_eq!(
            self.last(),
            next.before,
            "records are numbered without a gap"
        );
        if self.is_empty() {
            std::mem::swap(self, next);
        } else {
            self.count += next.count;
            self.bytes.extend_from_slice(&next.bytes[HEADER..]);
            self.steps.append(&mut next.steps);
            self.images.append(&mut next.images);
        }
        let last = self.last();
        next.clear(last);
    }

    /// Empties it, to follow `last`.
    pub(crate) fn clear(&mut self, last: RecordNumber) {
        self.before = last;
        self.count = 0;
        self.bytes.truncate(HEADER);
        self.links_at = None;
        self.steps.clear();
        self.images.clear();
    }

    /// How many bytes it takes in a segment.
    pub(crate) fn length_in_segment(&self) -> u64 {
        self.bytes.len().next_multiple_of(ALIGNMENT) as u64
    }

    /// Adds links. Nothing can be appended any more before [`Batch::detach`].
    pub(crate) fn attach(&mut self, links: &Links) {
        let at = self.bytes.len();
        self.links_at = Some(at);
        self.bytes.extend_from_slice(&u16::MAX.to_le_bytes());
        self.bytes.push(KIND_LINKS);
        self.bytes.extend_from_slice(&[0; 4]);
        encode_into(&mut self.bytes, links);
        let length = self.bytes.len() - at - RECORD_HEADER;
        let length = u32::try_from(length).expect("a few bytes for each partition");
        self.bytes[at + 3..at + RECORD_HEADER].copy_from_slice(&length.to_le_bytes());
    }

    /// Takes away the links, and what was completed for a place: it was not written after all.
    pub(crate) fn detach(&mut self) {
        if let Some(at) = self.links_at.take() {
            self.bytes.truncate(at);
        }
    }

    /// Completes the header for this place, and gives the bytes that are to be written there.
    /// `before` says whether everything before it was flushed.
    pub(crate) fn seal(&mut self, place: Place, before: Before) -> &[u8] {
        let unpadded = self.bytes.len();
        let body = u32::try_from(unpadded - HEADER).expect("a batch is smaller than 4 GiB");
        let magic = match before {
            Before::Flushed => MAGIC,
            Before::Unflushed => MAGIC_UNFLUSHED,
        };
        self.bytes[0..4].copy_from_slice(&magic.to_le_bytes());
        self.bytes[4..8].copy_from_slice(&body.to_le_bytes());
        self.bytes[8..16].copy_from_slice(&(self.before.0 + 1).to_le_bytes());
        self.bytes[16..20].copy_from_slice(&self.count.to_le_bytes());
        let checksum = place.checksum(&self.bytes[..20], &self.bytes[HEADER..]);
        self.bytes[20..24].copy_from_slice(&checksum.to_le_bytes());
        self.bytes.resize(unpadded.next_multiple_of(ALIGNMENT), 0);
        &self.bytes
    }
}

/// What is known of the batches before one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// They were flushed when this one was written.
    Flushed,
    /// Some may not have been.
    Unflushed,
}

/// Where a batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) node: NodeId,
    pub(crate) segment: u64,
    pub(crate) offset: u64,
}

impl Place {
    fn checksum(self, header: &[u8], body: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.node.0.to_le_bytes());
        hasher.update(&self.segment.to_le_bytes());
        hasher.update(&self.offset.to_le_bytes());
        hasher.update(header);
        hasher.update(body);
        hasher.finalize()
    }
}

/// A batch that was found in a segment.
pub(crate) struct Found<'a> {
    pub(crate) before: Before,
    pub(crate) first: RecordNumber,
    pub(crate) count: u32,
    pub(crate) body: &'a [u8],
    /// Bytes in the segment up to the next batch.
    pub(crate) length: usize,
}

/// The batch at the beginning of `bytes`, if a valid one stands there.
pub(crate) fn find(bytes: &[u8], place: Place) -> Option<Found<'_>> {
    let header = bytes.get(..HEADER)?;
    let number = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("4 bytes"));
    let before = match number(0) {
        MAGIC => Before::Flushed,
        MAGIC_UNFLUSHED => Before::Unflushed,
        _ => return None,
    };
    let end = HEADER.checked_add(number(4) as usize)?;
    let body = bytes.get(HEADER..end)?;
    if number(20) != place.checksum(&header[..20], body) {
        return None;
    }
    Some(Found {
        before,
        first: RecordNumber(u64::from_le_bytes(
            header[8..16].try_into().expect("8 bytes"),
        )),
        count: number(16),
        body,
        length: end.next_multiple_of(ALIGNMENT),
    })
}

/// What a batch holds.
pub(crate) struct Contents {
    /// Its records, in order.
    pub(crate) records: Vec<(PartitionId, Stored)>,
    /// None, if an earlier version of the program wrote it.
    pub(crate) links: Option<Links>,
}

/// The contents of a batch's body. The checksum was right, so what is wrong here was written so.
pub(crate) fn contents(mut body: &[u8]) -> Result<Contents, String> {
    let mut contents = Contents {
        records: Vec::new(),
        links: None,
    };
    while !body.is_empty() {
        match next_piece(&mut body)? {
            Piece::Record(partition, stored) => contents.records.push((partition, stored)),
            Piece::Links(links) => contents.links = Some(links),
        }
    }
    Ok(contents)
}

enum Piece {
    Record(PartitionId, Stored),
    Links(Links),
}

fn next_piece(body: &mut &[u8]) -> Result<Piece, String> {
    let Some((header, rest)) = body.split_at_checked(RECORD_HEADER) else {
        return Err("a record's header is cut short".to_owned());
    };
    let partition = PartitionId(u16::from_le_bytes(header[..2].try_into().expect("2 bytes")));
    let length = u32::from_le_bytes(header[3..].try_into().expect("4 bytes")) as usize;
    let Some((bytes, rest)) = rest.split_at_checked(length) else {
        return Err("a record is cut short".to_owned());
    };
    *body = rest;
    let record = |stored| Piece::Record(partition, stored);
    let piece = match header[2] {
        KIND_RECORD => postcard::from_bytes(bytes).map(Stored::Record).map(record),
        KIND_IMAGE => postcard::from_bytes(bytes).map(Stored::Image).map(record),
        KIND_LINKS => postcard::from_bytes(bytes).map(Piece::Links),
        kind => return Err(format!("there is no record of kind {kind}")),
    };
    piece.map_err(|error| format!("a record cannot be decoded: {error}"))
}
