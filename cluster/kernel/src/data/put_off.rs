//! Entries of other nodes' logs that wait until the log on disk has been cut.
//!
//! To the replicas they are late, as if the network had taken so long. Their owners must not take this node
//! for silent meanwhile, so a sign of life is handed in instead: the same message without its entries, as
//! the owner could have sent it. A replica that acknowledges that acknowledges nothing which it lacks.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use kensho_protocol::ids::{Epoch, NodeId, PartitionId, Position};
use kensho_protocol::log::Log;
use kensho_protocol::replica::Message;

/// What waits, in the order in which it came: the log of another node cannot be cut behind an update that
/// waits here, so that none may wait for others that came later.
#[derive(Debug)]
pub(super) struct PutOff {
    /// No more than this waits, in bytes, but for a single message: the log may have room for it only when
    /// nothing else is left to wait for. What is left out, owners send again.
    limit_bytes: usize,
    messages: VecDeque<(PartitionId, NodeId, Message)>,
    partitions: BTreeMap<PartitionId, Waiting>,
    bytes: usize,
}

/// What waits of one partition.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    owner: NodeId,
    epoch: Epoch,
    /// The entry before the first that waited. The replica's log holds it.
    known: Position,
    messages: usize,
}

/// What the entries of a message take in the log, in bytes.
pub(super) fn size_bytes(message: &Message) -> usize {
    match message {
        Message::Append { entries, .. } => entries.iter().map(|e| e.statement.len()).sum(),
        _ => 0,
    }
}

impl PutOff {
    pub(super) fn new(limit_bytes: usize) -> Self {
        PutOff {
            limit_bytes,
            messages: VecDeque::new(),
            partitions: BTreeMap::new(),
            bytes: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Whether something of this partition waits: what comes later has to wait behind it.
    pub(super) fn waits(&self, partition: PartitionId) -> bool {
        self.partitions.contains_key(&partition)
    }

    /// Keeps a message of `from` to the replica whose log is `log`, if it holds entries. What is to be
    /// handed in now.
    pub(super) fn put_off(
        &mut self,
        from: NodeId,
        partition: PartitionId,
        message: Message,
        log: &Log,
    ) -> Message {
        let Message::Append {
            epoch,
            round,
            previous,
            entries,
            end,
            commit,
        } = message
        else {
            return message;
        };
        let first = self.partitions.get(&partition).copied();
        let superseded = first.is_some_and(|first| epoch < first.epoch);
        let known = match first {
            Some(first) if first.owner == from && first.epoch == epoch => first.known,
            // What comes from an earlier reign says nothing any more.
            _ if superseded => previous,
            _ => {
                self.forget(partition);
                previous
            }
        };
        let sign_of_life = Message::Append {
            epoch,
            round,
            previous: known,
            entries: Vec::new(),
            end,
            commit,
        };
        // Else something before it was lost, as the replica is about to say.
        let follows = known.lsn < log.base().lsn || log.holds(known);
        if entries.is_empty() || !follows || superseded {
            return sign_of_life;
        }
        let message = Message::Append {
            epoch,
            round,
            previous,
            entries,
            end,
            commit,
        };
        let bytes = size_bytes(&message);
        if self.messages.is_empty() || self.bytes + bytes <= self.limit_bytes {
            self.bytes += bytes;
            self.messages.push_back((partition, from, message));
            let waiting = self.partitions.entry(partition).or_insert(Waiting {
                owner: from,
                epoch,
                known,
                messages: 0,
            });
            waiting.messages += 1;
        }
        sign_of_life
    }

    fn forget(&mut self, partition: PartitionId) {
        if self.partitions.remove(&partition).is_none() {
            return;
        }
        self.messages.retain(|(of, _, message)| {
            let gone = *of == partition;
            self.bytes -= if gone { size_bytes(message) } else { 0 };
            !gone
        });
    }

    /// What the message that comes next takes in the log, in bytes.
    pub(super) fn next_bytes(&self) -> Option<usize> {
        self.messages
            .front()
            .map(|(.., message)| size_bytes(message))
    }

    /// The message that comes next; it waits no more.
    pub(super) fn next(&mut self) -> Option<(PartitionId, NodeId, Message)> {
        let next = self.messages.pop_front()?;
        self.bytes -= size_bytes(&next.2);
        if let Entry::Occupied(mut waiting) = self.partitions.entry(next.0) {
            waiting.get_mut().messages -= 1;
            if waiting.get().messages == 0 {
                waiting.remove();
            }
        }
        Some(next)
    }

    /// All that waits; nothing does any more.
    pub(super) fn take_all(&mut self) -> Vec<(PartitionId, NodeId, Message)> {
        std::iter::from_fn(|| self.next()).collect()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kensho_protocol::ids::Lsn;
    use kensho_protocol::replica::Round;

    use super::*;

    const LIMIT_BYTES: usize = 1 << 20;
    const OWNER: NodeId = NodeId(1);
    const PARTITION: PartitionId = PartitionId(3);

    fn at(lsn: u64) -> Position {
        Position {
            epoch: Epoch(1),
            lsn: Lsn(lsn),
        }
    }

    /// An owner of `epoch` says that these entries follow `previous`.
    fn append(epoch: u64, previous: u64, lsns: &[u64], bytes: usize) -> Message {
        let entry = |lsn: &u64| kensho_protocol::log::Entry {
            at: at(*lsn),
            request: None,
            statement: Bytes::from(vec![7; bytes]),
        };
        Message::Append {
            epoch: Epoch(epoch),
            round: Round::default(),
            previous: at(previous),
            entries: lsns.iter().map(entry).collect(),
            end: Lsn(previous + lsns.len() as u64),
            commit: Lsn(0),
        }
    }

    fn said(message: &Message) -> (Position, usize) {
        let Message::Append {
            previous, entries, ..
        } = message
        else {
            panic!("{message:?}");
        };
        (*previous, entries.len())
    }

    #[test]
    fn entries_wait_in_order_behind_signs_of_life() {
        let log = Log::after(at(5));
        let mut put_off = PutOff::new(LIMIT_BYTES);
        let mut put = |epoch, previous, lsns: &[u64]| {
            let message = append(epoch, previous, lsns, 10);
            said(&put_off.put_off(OWNER, PARTITION, message, &log))
        };
        // Whatever comes is answered by what the log holds already.
        assert_eq!(put(2, 5, &[6, 7]), (at(5), 0));
        assert_eq!(put(2, 7, &[8]), (at(5), 0));
        assert_eq!(put(2, 8, &[]), (at(5), 0));
        assert_eq!(put(1, 4, &[5]), (at(4), 0), "of an earlier reign");
        assert_eq!(put_off.next_bytes(), Some(20));
        let waiting: Vec<_> = put_off.take_all().iter().map(|m| said(&m.2)).collect();
        assert_eq!(waiting, [(at(5), 2), (at(7), 1)]);
        assert!(put_off.is_empty() && put_off.bytes == 0);
    }

    #[test]
    fn a_single_message_waits_however_long_it_is() {
        let log = Log::after(at(5));
        let mut put_off = PutOff::new(LIMIT_BYTES);
        for lsn in [6, 7] {
            let message = append(2, lsn - 1, &[lsn], 2 * LIMIT_BYTES);
            put_off.put_off(OWNER, PARTITION, message, &log);
        }
        assert_eq!(put_off.messages.len(), 1);
    }

    #[test]
    fn what_does_not_follow_or_is_of_an_earlier_reign_or_too_much_does_not_wait() {
        let log = Log::after(at(5));
        let mut put_off = PutOff::new(LIMIT_BYTES);
        let mut put = |epoch, previous, lsn, bytes| {
            put_off.put_off(
                OWNER,
                PARTITION,
                append(epoch, previous, &[lsn], bytes),
                &log,
            );
            put_off.messages.len()
        };
        assert_eq!(put(2, 7, 8, 1), 0, "its log does not hold 7");
        assert_eq!(put(2, 5, 6, LIMIT_BYTES), 1);
        assert_eq!(put(2, 6, 7, 1), 1, "too much");
        assert_eq!(
            put(3, 5, 6, 1),
            1,
            "takes the place of what an earlier owner said"
        );
        assert_eq!(put_off.bytes, 1);
    }
}
