//! Which statements of clients are taken, which have to wait, and which are refused.
//!
//! Who is faster than the disk waits: nobody should be told to try again who sends one update after the
//! other. What is more than may wait is refused.

use std::collections::VecDeque;

use bytes::Bytes;
use kensho_protocol::apply::Apply;
use kensho_protocol::ids::{PartitionId, Position, Token};
use kensho_protocol::replica::Event;
use kensho_protocol::request::{Execute, Numbered};
use kensho_protocol::time::Time;

use super::{Answer, Ask, DataPlane, LogState, Output, Told};

/// How the log on disk is, and what was taken since.
#[derive(Debug)]
pub(super) struct LogRoom {
    /// Too much waits for the disk.
    busy: bool,
    /// How much may be appended before the log has to be cut, when it was last looked.
    pub(super) bytes: u64,
    /// Bytes of the statements that were taken since.
    fresh_bytes: usize,
    /// The same, of the entries that other nodes sent.
    pub(super) sent_bytes: usize,
    /// No earlier is it looked again for what waits.
    pub(super) next_look: Time,
}

impl Default for LogRoom {
    fn default() -> Self {
        LogRoom {
            busy: false,
            bytes: u64::MAX,
            fresh_bytes: 0,
            sent_bytes: 0,
            next_look: Time(0),
        }
    }
}

impl LogRoom {
    /// Nothing was taken since it was last looked.
    pub(super) fn is_fresh(&self) -> bool {
        self.fresh_bytes + self.sent_bytes == 0
    }

    /// Whether so many bytes more keep the log on disk within twice its setting. A single piece does,
    /// however long it is.
    pub(super) fn has(&self, bytes: usize) -> bool {
        let fits = (self.fresh_bytes + self.sent_bytes + bytes) as u64 <= self.bytes;
        fits || self.is_fresh() && self.bytes > 0
    }
}

/// Updates that wait until they can be handed in, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct HeldBack {
    updates: VecDeque<Held>,
    bytes: usize,
}

#[derive(Debug)]
struct Held {
    token: Token,
    partition: PartitionId,
    request: Option<Numbered>,
    as_of: Position,
    statement: Bytes,
    /// How long it may wait.
    until: Time,
}

impl HeldBack {
    pub(super) fn is_empty(&self) -> bool {
        self.updates.is_empty()
    }
}

/// Why an update waits that the log on disk has no room for.
const MUST_BE_CUT: &str = "the log on disk must be cut first";

impl<A: Apply, C> DataPlane<A, C> {
    /// A client wants something.
    pub(super) fn ask(
        &mut self,
        now: Time,
        client: C,
        partition: PartitionId,
        ask: Ask,
        out: &mut Vec<Output>,
    ) {
        let deadline = now + self.settings.statement_deadline;
        let busy = self.waiting.len() >= self.settings.statements;
        let query = match &ask {
            Ask::Read(query) => Some(query.clone()),
            Ask::Update { .. } => None,
        };
        let token = self.waiting.insert(client, partition, query, deadline);
        if busy {
            return self.refuse(token, "too many statements wait", out);
        }
        match ask {
            Ask::Read(query) => {
                self.figures.reads += 1;
                let read = query.read(token, deadline);
                self.hand_in(now, partition, Event::Read(read), out);
            }
            Ask::Update {
                request,
                as_of,
                statement,
            } => {
                let update = Held {
                    token,
                    partition,
                    request,
                    as_of,
                    statement,
                    until: deadline,
                };
                self.take_update(now, update, out);
            }
        }
    }

    fn take_update(&mut self, now: Time, update: Held, out: &mut Vec<Output>) {
        let bytes = update.statement.len();
        let fresh = self.log.fresh_bytes;
        if fresh > 0 && fresh + bytes > self.settings.limits.fresh_bytes {
            return self.refuse(update.token, "too much was sent at once", out);
        }
        let Some(reason) = self.held_up(update.partition, bytes) else {
            return self.execute(now, update, out);
        };
        let held = &mut self.held_back;
        if held.is_empty() || held.bytes + bytes <= self.settings.limits.held_back_bytes {
            held.bytes += bytes;
            held.updates.push_back(update);
            self.figures.held_back += 1;
        } else {
            self.refuse(update.token, reason, out);
        }
    }

    fn execute(&mut self, now: Time, update: Held, out: &mut Vec<Output>) {
        self.figures.updates += 1;
        self.log.fresh_bytes += update.statement.len();
        let execute = Execute {
            token: update.token,
            request: update.request,
            as_of: update.as_of,
            statement: update.statement,
            deadline: now + self.settings.statement_deadline,
        };
        self.hand_in(now, update.partition, Event::Execute(execute), out);
    }

    fn refuse(&mut self, token: Token, reason: &'static str, out: &mut Vec<Output>) {
        self.figures.refused_busy += 1;
        out.push(Output::Answer(Answer {
            token,
            told: Told::Overloaded(reason),
            not_after: None,
            epoch: None,
        }));
    }

    /// What an update of so many bytes has to wait for before it may be handed in, if for anything.
    fn held_up(&self, partition: PartitionId, bytes: usize) -> Option<&'static str> {
        let log = self.slots[usize::from(partition.0)].replica.log();
        if !self.room {
            // It is refused by name.
            None
        } else if self.log.busy {
            Some("the disk is too slow")
        } else if !self.log.has(bytes) {
            Some(MUST_BE_CUT)
        } else if self.log_memory.uncommitted_bytes() >= self.settings.limits.uncommitted_bytes
            || log.uncommitted_bytes() >= self.settings.protocol.uncommitted_limit_bytes
        {
            Some("too much waits for other nodes")
        } else {
            None
        }
    }

    /// Hands in what was held back, as far as that can be now. One after the other is handed in without
    /// room if the log cannot be cut: what keeps it long may be a partition that this node has no role in
    /// any more, and no other one must wait for that without end.
    pub(super) fn take_what_was_held_back(&mut self, now: Time, out: &mut Vec<Output>) {
        for _ in 0..self.held_back.updates.len() {
            let Some(update) = self.held_back.updates.pop_front() else {
                return;
            };
            let bytes = update.statement.len();
            let cannot_be_cut = self.checkpoints.pinned && self.log.is_fresh();
            match self.held_up(update.partition, bytes) {
                Some(MUST_BE_CUT) if cannot_be_cut => self.execute(now, update, out),
                Some(_) if now < update.until => {
                    self.held_back.updates.push_back(update);
                    continue;
                }
                Some(reason) => self.refuse(update.token, reason, out),
                None => self.execute(now, update, out),
            }
            self.held_back.bytes -= bytes;
        }
    }

    /// The log on disk is like this now, with all that was taken.
    pub(super) fn look_at_log(&mut self, now: Time, state: LogState) {
        self.log = LogRoom {
            busy: state.backlog_bytes > self.settings.limits.backlog_bytes,
            bytes: match self.checkpoints.refused() {
                // It cannot be cut; that the disk is full is said elsewhere, as soon as it is.
                true => u64::MAX,
                false => state.room_bytes,
            },
            fresh_bytes: self.log.fresh_bytes,
            sent_bytes: self.log.sent_bytes,
            next_look: now + self.settings.limits.look_interval,
        };
    }

    /// The log knows of all that was taken so far.
    pub(super) fn begin_batch(&mut self) {
        (self.log.fresh_bytes, self.log.sent_bytes) = (0, 0);
    }
}
