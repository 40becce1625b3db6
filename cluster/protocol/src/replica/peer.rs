//! What an owner knows of another replica.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::ids::{Incarnation, Lsn, Position};
use crate::settings::Settings;
use crate::time::Time;

/// What the other replica is to this epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Standing {
    /// A backup: a member of the in-sync set.
    InSync(Incarnation),
    /// A catch-up that counts already, since the owner is about to ask, or has asked, for its
    /// addition (rule R3).
    Pending {
        /// Whether the master was asked: then only a higher epoch ends it.
        asked: bool,
    },
    /// A catch-up: it never counts.
    CatchUp,
}

/// How entries reach it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sending {
    /// It was asked whether its log holds this position.
    Probe(Position),
    /// Its log is known to match; entries follow as they come.
    Stream {
        /// The first one not yet sent.
        next: Lsn,
    },
    /// It is too far behind for the log: it gets a data image, part by part.
    Image {
        /// The place of the image.
        at: Position,
        /// The image.
        image: Bytes,
        /// How much of it has arrived.
        received: u64,
    },
}

/// Another replica of the partition, as its owner sees it within one epoch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Peer {
    pub(super) standing: Standing,
    pub(super) sending: Sending,
    /// When `sending` was last begun anew. What answers an older message says nothing of how to go
    /// on: each would begin it anew again, and be followed by as many answers as messages.
    pub(super) since: Time,
    /// The prefix that it has acknowledged in this epoch; `None` before the first acknowledgement
    /// (rule R4: those of other epochs do not count).
    pub(super) matched: Option<Lsn>,
    /// The life of its data, as it said itself.
    pub(super) incarnation: Option<Incarnation>,
    /// When it was last heard.
    pub(super) heard: Time,
    /// Until when it stands by this owner, on the owner's clock (rule R10).
    pub(super) lease_until: Time,
    /// The last barrier that it answered (rule R9).
    pub(super) barrier: u64,
    /// The last barrier that was sent to it.
    pub(super) barrier_sent: u64,
    /// Whether something was sent since the last tick: then no sign of life is needed.
    pub(super) sent: bool,
    /// Whether it got on since the last tick: then nothing needs to be repeated.
    pub(super) got_on: bool,
    /// Batches sent and not acknowledged: their last entry and size.
    in_flight: VecDeque<(Lsn, usize)>,
    in_flight_bytes: usize,
}

impl Peer {
    pub(super) fn new(standing: Standing, probe: Position, now: Time) -> Self {
        Peer {
            standing,
            sending: Sending::Probe(probe),
            since: now,
            matched: None,
            incarnation: None,
            heard: now,
            lease_until: Time(0),
            barrier: 0,
            barrier_sent: 0,
            sent: false,
            got_on: false,
            in_flight: VecDeque::new(),
            in_flight_bytes: 0,
        }
    }

    /// Whether it is a member of the in-sync set.
    pub(super) fn in_sync(&self) -> bool {
        matches!(self.standing, Standing::InSync(_))
    }

    /// Whether its addition is pending (rule R3).
    pub(super) fn pending(&self) -> bool {
        matches!(self.standing, Standing::Pending { .. })
    }

    /// Whether it was not heard for so long that it counts as failed.
    #[inline]
    pub(super) fn silent(&self, now: Time, settings: &Settings) -> bool {
        now.since(self.heard) >= settings.missed_after()
    }

    /// The entry after which it needs all of the log, as far as is known.
    pub(super) fn needs_after(&self) -> Lsn {
        let begun = match &self.sending {
            Sending::Probe(at) | Sending::Image { at, .. } => at.lsn,
            Sending::Stream { next } => Lsn(next.0 - 1),
        };
        // What was sent and not acknowledged may be lost.
        let image = matches!(self.sending, Sending::Image { .. });
        let matched = self.matched.filter(|_| !image);
        matched.map_or(begun, |matched| matched.min(begun))
    }

    /// Whether more may be sent before something is acknowledged.
    #[inline]
    pub(super) fn has_room(&self, settings: &Settings) -> bool {
        self.in_flight_bytes < settings.window_bytes
    }

    /// A batch that ends with `last` goes out.
    pub(super) fn batch_sent(&mut self, last: Lsn, bytes: usize) {
        self.in_flight.push_back((last, bytes));
        self.in_flight_bytes += bytes;
    }

    /// It holds the prefix up to `lsn`.
    pub(super) fn acknowledged(&mut self, lsn: Lsn) {
        if self.matched.is_none_or(|matched| matched < lsn) {
            self.got_on = true;
            self.matched = Some(lsn);
        }
        while self.in_flight.front().is_some_and(|(last, _)| *last <= lsn) {
            let (_, bytes) = self.in_flight.pop_front().expect("there is a front");
            self.in_flight_bytes -= bytes;
        }
    }

    /// Whether what it acknowledges in the life `incarnation` of its data counts (rule R5). Of a member,
    /// only the life counts that the master has recorded, or was asked to record. A catch-up holds
    /// nothing of what it acknowledged in an earlier life.
    pub(super) fn counts_in_life(&mut self, incarnation: Incarnation) -> bool {
        match (self.standing, self.incarnation) {
            (Standing::InSync(recorded), _) => recorded == incarnation,
            (Standing::Pending { asked: true }, Some(asked_for)) => asked_for == incarnation,
            (_, Some(known)) if known != incarnation => {
                self.standing = Standing::CatchUp;
                self.matched = None;
                true
            }
            _ => true,
        }
    }

    /// What is in flight may be lost: ask whether its log holds `at`.
    pub(super) fn probe(&mut self, at: Position, now: Time) {
        self.in_flight.clear();
        self.in_flight_bytes = 0;
        self.sending = Sending::Probe(at);
        self.since = now;
    }

    /// Its log matches up to `from`: what follows is sent, again if need be.
    pub(super) fn stream_after(&mut self, from: Lsn, now: Time) {
        self.in_flight.clear();
        self.in_flight_bytes = 0;
        self.sending = Sending::Stream { next: from.next() };
        self.since = now;
    }
}
