//! Looks through segments for what is a batch, and what is not but should be.

use std::sync::Arc;

use kensho_protocol::ids::NodeId;

use super::super::batch::{self, ALIGNMENT, Before, Place};
use super::super::segment;
use super::super::trail::Extent;
use super::{Cut, Damage};
use crate::disk::{Disk, read_whole};
use crate::error::StorageError;

/// A header that differs in more bytes than this is that of another file.
const SCRATCH_BYTES: usize = 4;

/// A valid batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) segment: u64,
    segment_bytes: u64,
    pub(super) offset: usize,
    pub(super) end: usize,
    pub(super) empty: bool,
    before: Before,
}

impl Spot {
    pub(super) fn extent(&self) -> Extent {
        Extent {
            segment: self.segment,
            bytes: self.segment_bytes,
        }
    }
}

/// Bytes where a batch should be.
#[derive(Clone, Debug)]
struct Bad {
    segment: u64,
    path: Arc<str>,
    offset: usize,
}

/// What segments hold.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// All valid batches, in order; after [`Scan::settle`] those that count.
    pub(super) spots: Vec<Spot>,
    bad: Vec<Bad>,
    /// Segments and their lengths, in order.
    pub(super) segments: Vec<(u64, u64)>,
    /// Where the last byte of the last segment with any is that is not zero.
    used: usize,
    /// Segments that may have been longer.
    doubtful: Vec<u64>,
    pub(super) damage: Vec<Damage>,
    pub(super) cut: Option<(u64, Cut)>,
}

impl Scan {
    /// Looks through one more segment.
    pub(super) fn segment<D: Disk>(
        &mut self,
        disk: &mut D,
        node: NodeId,
        number: u64,
        usual_length: u64,
    ) -> Result<(), StorageError> {
        let name = segment::name(number);
        let path: Arc<str> = disk.path(&name).into();
        let file = disk.open(&name).map_err(StorageError::io("open", &*path))?;
        let bytes = read_whole(disk, &file).map_err(StorageError::io("read", &*path))?;
        self.segments.push((number, bytes.len() as u64));
        // A batch says itself where it belongs: a bad header harms none, unless the file was longer, or
        // is quite another one.
        let mut doubtful = false;
        match segment::check_header(&bytes, &path, node, number) {
            Ok(()) => {}
            Err(StorageError::Damaged { path, offset, what }) => {
                let length = bytes.len() as u64;
                let was_longer = match segment::declared_length(&bytes) {
                    Some(declared) => declared > length,
                    None => length < usual_length,
                };
                let other = segment::differing_bytes(&bytes, node, number) > SCRATCH_BYTES;
                doubtful = was_longer || other;
                self.damage.push(Damage { path, offset, what });
            }
            Err(other) => return Err(other),
        }
        let mut offset = segment::BATCHES as usize;
        while offset < bytes.len() {
            if let Some(found) = batch::find(&bytes[offset..], place(node, number, offset)) {
                let end = (offset + found.length).min(bytes.len());
                self.spots.push(Spot {
                    segment: number,
                    segment_bytes: bytes.len() as u64,
                    offset,
                    end,
                    empty: found.count == 0,
                    before: found.before,
                });
                offset = end;
                continue;
            }
            let Some(last) = bytes[offset..].iter().rposition(|byte| *byte != 0) else {
                break;
            };
            self.used = offset + last + 1;
            self.bad.push(Bad {
                segment: number,
                path: Arc::clone(&path),
                offset,
            });
            let valid = |at: &usize| batch::find(&bytes[*at..], place(node, number, *at)).is_some();
            match (offset..bytes.len()).step_by(ALIGNMENT).find(valid) {
                Some(next) => offset = next,
                None => break,
            }
        }
        let holds_any = self.spots.last().is_some_and(|s| s.segment == number);
        let doubtful = doubtful && !(holds_any && usual_length <= bytes.len() as u64);
        self.doubtful.extend(doubtful.then_some(number));
        Ok(())
    }

    /// A segment is not there.
    pub(super) fn missing<D: Disk>(&mut self, disk: &D, number: u64) {
        self.doubtful.push(number);
        self.damage.push(Damage {
            path: disk.path(&segment::name(number)),
            offset: 0,
            what: "it is missing, in the middle of the log".to_owned(),
        });
    }

    /// Tells damage from what a power failure took: everything before a batch that says so was flushed
    /// when it was written. What comes after the last one of those, from the first bad bytes on, was
    /// never confirmed, and is to be cut. Whether the end of the log may be missing.
    pub(super) fn settle(&mut self) -> bool {
        let proof = self.spots.iter().rfind(|s| s.before == Before::Flushed);
        let proof = proof.map(|spot| (spot.segment, spot.offset));
        let newest_bad = self.bad.last().map(|bad| bad.segment);
        let newest = self.spots.last().map_or(0, |spot| spot.segment);
        let mut lacks_end = self.doubtful.iter().any(|segment| *segment >= newest);
        for bad in std::mem::take(&mut self.bad) {
            let what = "no valid batch of records begins there, though later ones were written";
            let flushed = proof.is_some_and(|proof| (bad.segment, bad.offset) < proof);
            // A segment is begun only when the one before was flushed.
            let other = Some(bad.segment) != newest_bad;
            if flushed || other {
                lacks_end |= !flushed;
                self.damage.push(Damage {
                    path: bad.path.to_string(),
                    offset: bad.offset as u64,
                    what: what.to_owned(),
                });
            } else if self.cut.is_none() {
                let cut = Cut {
                    path: bad.path.to_string(),
                    offset: bad.offset as u64,
                    bytes: (self.used - bad.offset) as u64,
                };
                self.spots
                    .retain(|s| (s.segment, s.offset) < (bad.segment, bad.offset));
                self.cut = Some((bad.segment, cut));
            }
        }
        lacks_end
    }

    /// Where the batches begin that nothing proves to be flushed.
    pub(super) fn unproven(&self) -> Option<Spot> {
        let proof = self.spots.iter().rfind(|s| s.before == Before::Flushed);
        proof.or(self.spots.first()).copied()
    }
}

pub(super) fn place(node: NodeId, segment: u64, offset: usize) -> Place {
    Place {
        node,
        segment,
        offset: offset as u64,
    }
}
