//! Writes inputs down, into memory: the driver takes the bytes to a file.
//!
//! Inputs are encoded where they are, without a copy: an event is encoded before it is handed in,
//! and what it gave after. So each item is begun by one call and ended by another.

use serde::Serialize;

use super::chunk::{CHUNK_HEAD_BYTES, ChunkHead};
use super::given::append;
use super::{
    Given, Head, Image, Kind, MAGIC, VERSION, coordinator_gave, image_gave, replica_gave,
    replica_state,
};
use crate::apply::Apply;
use crate::coordinator::{self, Birth, Coordinator, Saved};
use crate::ids::{Life, PartitionId, Token};
use crate::record::Recovered;
use crate::replica::{self, Replica};
use crate::time::Time;

// The numbers of the variants of `Item`, as postcard writes them.
const COORDINATOR: u8 = 0;
const COORDINATOR_EVENT: u8 = 1;
const REPLICA: u8 = 2;
const REPLICA_EVENT: u8 = 3;
const FLUSH: u8 = 4;
const IMAGE: u8 = 5;
const LEAVES: u8 = 6;

/// Inputs on their way to a file.
#[derive(Debug)]
pub struct Transcript {
    /// Where the chunk begins: after what the file begins with, as long as that was not taken.
    begin: usize,
    /// Room for the chunk's head, then its body.
    bytes: Vec<u8>,
    scratch: Vec<u8>,
    gave: Vec<Given>,
}

impl Transcript {
    /// Nothing was handed in yet. The first chunk tells whose inputs they are.
    #[must_use]
    pub fn new(head: &Head) -> Self {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        let mut body = Vec::new();
        append(&mut body, head);
        bytes.extend_from_slice(&ChunkHead::of(&body).bytes());
        bytes.extend_from_slice(&body);
        let begin = bytes.len();
        bytes.extend_from_slice(&[0; CHUNK_HEAD_BYTES]);
        Transcript {
            begin,
            bytes,
            scratch: Vec::new(),
            gave: Vec::new(),
        }
    }

    /// Ends the chunk and gives it, if anything is in it. To be written before anything leaves the
    /// node that followed from it; then the next one is to be begun by [`Transcript::written`].
    pub fn chunk(&mut self) -> Option<&[u8]> {
        let body = self.begin + CHUNK_HEAD_BYTES;
        if self.bytes.len() == body {
            // Nothing, or the file's beginning alone.
            return (self.begin > 0).then(|| &self.bytes[..self.begin]);
        }
        let head = ChunkHead::of(&self.bytes[body..]);
        self.bytes[self.begin..body].copy_from_slice(&head.bytes());
        Some(&self.bytes)
    }

    /// The chunk is in the file.
    pub fn written(&mut self) {
        self.begin = 0;
        self.bytes.clear();
        self.bytes.resize(CHUNK_HEAD_BYTES, 0);
    }

    /// A coordinator is made.
    pub fn coordinator(
        &mut self,
        now: Time,
        priority: u32,
        birth: &Birth,
        saved: &Saved,
        (life, seed): (Life, u64),
    ) {
        self.put(COORDINATOR, &(now, priority, birth, saved, life, seed));
    }

    /// A coordinator is about to be handed an event.
    pub fn coordinator_event(&mut self, now: Time, event: &coordinator::Event) {
        self.put(COORDINATOR_EVENT, &(now, event));
    }

    /// What a coordinator gave.
    pub fn coordinator_gave(&mut self, outputs: &[coordinator::Output], after: &Coordinator) {
        self.gave.clear();
        let gave = coordinator_gave(outputs, after, &mut self.scratch);
        self.gave.extend(gave);
        self.put_gave();
    }

    /// A replica is made.
    pub fn replica(&mut self, partition: PartitionId, now: Time, recovered: &Recovered) {
        self.put(REPLICA, &(partition, now, recovered));
    }

    /// A replica is about to be handed an event.
    pub fn replica_event(&mut self, partition: PartitionId, now: Time, event: &replica::Event) {
        self.put(REPLICA_EVENT, &(partition, now, event));
    }

    /// What a replica gave for an event.
    pub fn replica_gave(&mut self, outputs: &[replica::Output]) {
        self.gave.clear();
        self.gave.extend(replica_gave(outputs, &mut self.scratch));
        self.put_gave();
    }

    /// A replica was flushed.
    pub fn flushed<A: Apply>(
        &mut self,
        now: Time,
        outputs: &[replica::Output],
        after: &Replica<A>,
    ) {
        self.put(FLUSH, &(after.partition(), now));
        self.gave.clear();
        self.gave.extend(replica_gave(outputs, &mut self.scratch));
        self.gave.push(replica_state(after, &mut self.scratch));
        self.put_gave();
    }

    /// A replica gave an image.
    pub fn image(&mut self, partition: PartitionId, image: &Image) {
        self.put(IMAGE, &partition);
        self.gave.clear();
        self.gave.push(image_gave(image, &mut self.scratch));
        debug_assert_eq!(self.gave[0].kind, Kind::Image);
        self.put_gave();
    }

    /// A reply that relies on a lease left, or did not.
    pub fn leaves(&mut self, partition: PartitionId, now: Time, token: Token, left: bool) {
        self.put(LEAVES, &(partition, now, token, left));
    }

    fn put(&mut self, variant: u8, fields: &impl Serialize) {
        self.bytes.push(variant);
        append(&mut self.bytes, fields);
    }

    fn put_gave(&mut self) {
        append(&mut self.bytes, &self.gave);
    }
}
