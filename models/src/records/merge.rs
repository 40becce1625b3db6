//! One order for what several nodes did: each plane's inputs in their own order, a node's lives one
//! after the other, and no message received before it was sent. Within that, by time.
//!
//! Nodes on one machine share a clock, and their times are in the right order by themselves. Nodes
//! on several machines are placed by the time of day at which each began to record; their messages
//! correct that, but what has to do with real time cannot be judged then.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};

use kensho_protocol::ids::NodeId;
use kensho_protocol::inputs::Item;
use kensho_protocol::time::Time;
use kensho_protocol::{coordinator, replica};

use super::file::RecordFile;
use super::machine::{Machines, Outputs};

/// The record of one plane in one life of a node.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) file: RecordFile,
    pub(super) machines: Machines,
    /// The input that comes next.
    next: Option<Item>,
    /// When it happened, so that streams can be compared.
    key: u64,
    /// What to add to a time of this node's clock to compare it.
    offset: i128,
    /// How many inputs were taken.
    pub(super) taken: u64,
}

impl Stream {
    pub(super) fn new(mut file: RecordFile, one_clock: bool) -> Self {
        let head = file.head().clone();
        let offset = if one_clock {
            0
        } else {
            i128::from(head.began_utc_ms) * 1_000_000 - i128::from(head.began.0)
        };
        let next = file.next();
        let mut stream = Stream {
            machines: Machines::new(head),
            file,
            next,
            key: 0,
            offset,
            taken: 0,
        };
        stream.place();
        stream
    }

    pub(super) fn node(&self) -> NodeId {
        self.file.head().node.id
    }

    pub(super) fn life(&self) -> u32 {
        self.file.head().life
    }

    fn is_over(&self) -> bool {
        self.next.is_none()
    }

    /// An input may bear an earlier time than the one before, when it was handed in while that one's
    /// batch was worked on: then it happened after it all the same.
    fn place(&mut self) {
        if let Some(Time(now)) = self.next.as_ref().and_then(Item::now) {
            let key = (i128::from(now) + self.offset).max(0);
            self.key = self.key.max(u64::try_from(key).unwrap_or(u64::MAX));
        }
    }

    pub(super) fn take(&mut self) -> Option<Item> {
        let item = self.next.take();
        self.next = self.file.next();
        self.place();
        self.taken += u64::from(item.is_some());
        item
    }
}

/// Chooses which stream goes on, and knows the messages that are on their way.
#[derive(Debug)]
pub(super) struct Merge {
    nodes: HashSet<NodeId>,
    /// The streams that may go on.
    active: Vec<usize>,
    sent: HashSet<u64>,
    /// Messages that were received after they were sent.
    pub(super) matched: u64,
}

/// Which stream goes on, and whether what it receives next was never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) stream: usize,
    pub(super) from_nowhere: Option<NodeId>,
}

impl Merge {
    pub(super) fn new(streams: &[Stream]) -> Self {
        Merge {
            nodes: streams.iter().map(Stream::node).collect(),
            active: active(streams),
            sent: HashSet::new(),
            matched: 0,
        }
    }

    /// Which stream goes on; `None` if all are over.
    pub(super) fn choose(&mut self, streams: &[Stream]) -> Option<Choice> {
        if self.active.iter().any(|index| streams[*index].is_over()) {
            self.active = active(streams);
        }
        self.active.sort_by_key(|index| streams[*index].key);
        let first = *self.active.first()?;
        for &stream in &self.active {
            let Some((from, message)) = received(&streams[stream]) else {
                return Some(whole(stream));
            };
            let recorded = self.nodes.contains(&from);
            if !recorded || self.sent.contains(&message) {
                self.matched += u64::from(recorded);
                return Some(whole(stream));
            }
        }
        // Everybody waits for something that does not come.
        Some(Choice {
            stream: first,
            from_nowhere: received(&streams[first]).map(|(from, _)| from),
        })
    }

    /// What more this node did is not known.
    pub(super) fn lose_sight_of(&mut self, node: NodeId) {
        self.nodes.remove(&node);
    }

    /// These messages are on their way now.
    pub(super) fn sent(&mut self, from: NodeId, item: &Item, outputs: &Outputs) {
        for output in &outputs.control {
            if let coordinator::Output::Send { to, message } = output {
                self.sent.insert(digest(&(from, to, message)));
            }
        }
        let (Item::ReplicaEvent { partition, .. } | Item::Flush { partition, .. }) = item else {
            return;
        };
        for output in &outputs.data {
            if let replica::Output::Send { to, message } = output {
                self.sent.insert(digest(&(from, to, partition, message)));
            }
        }
    }
}

fn whole(stream: usize) -> Choice {
    Choice {
        stream,
        from_nowhere: None,
    }
}

/// The streams that may go on: those of each node's first life that is not over.
fn active(streams: &[Stream]) -> Vec<usize> {
    let mut first: HashMap<NodeId, u32> = HashMap::new();
    for stream in streams.iter().filter(|stream| !stream.is_over()) {
        let life = first.entry(stream.node()).or_insert(stream.life());
        *life = stream.life().min(*life);
    }
    let is_active =
        |stream: &Stream| !stream.is_over() && first.get(&stream.node()) == Some(&stream.life());
    (0..streams.len())
        .filter(|index| is_active(&streams[*index]))
        .collect()
}

/// The message that the stream receives next, if it does.
fn received(stream: &Stream) -> Option<(NodeId, u64)> {
    let to = stream.node();
    match stream.next.as_ref()? {
        Item::CoordinatorEvent {
            event: coordinator::Event::Message { from, message },
            ..
        } => Some((*from, digest(&(from, to, message)))),
        Item::ReplicaEvent {
            partition,
            event: replica::Event::Message { from, message },
            ..
        } => Some((*from, digest(&(from, to, partition, message)))),
        _ => None,
    }
}

fn digest(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
