//! The connections of clients: how many there may be, how long they may take for a request, and how much
//! memory all of them together may hold with requests that have not arrived as a whole, are being
//! answered, or with answers that nobody takes.
//!
//! Honest clients send a request within milliseconds. So where there is no more room, it is made by
//! closing what has kept a node waiting for longest, and who has just come is served. What is small is
//! always read; of what is large, one request after the other if there is no room for more.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::Source;

/// So much each connection may hold, however much others do.
const ALLOWANCE_BYTES: usize = 64 << 10;
/// A connection has its place for so long at least before it has to give it up to another one.
const PLACE_AT_LEAST: Duration = Duration::from_secs(1);
/// Whoever has taken longer than this for a large request gives up its memory when others need it.
const MEMORY_AT_LEAST: Duration = Duration::from_secs(2);
/// How often [`Guests::look`] is to be called.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(250);

/// See the settings of these names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GuestLimits {
    /// How many connections there may be.
    pub(crate) connections: usize,
    /// How many of one source.
    pub(crate) connections_by_address: usize,
    /// What all of them may hold, in bytes. Besides there may be [`ALLOWANCE_BYTES`] for each, and one
    /// request and one answer that are longer.
    pub(crate) buffer_bytes: usize,
    /// How long a request may take to arrive, and how long a connection may be idle.
    pub(crate) request_timeout: Duration,
}

/// What there is to tell of the connections.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GuestFigures {
    /// How many there are.
    pub(crate) connections: usize,
    /// What they hold, in bytes.
    pub(crate) buffered_bytes: usize,
    /// How many were refused, since there was no place.
    pub(crate) refused: u64,
    /// How many were closed: since they were idle or too slow, or to make room for others.
    pub(crate) dismissed: u64,
}

/// All connections of clients. They belong to one thread.
pub(crate) struct Guests {
    limits: GuestLimits,
    present: RefCell<BTreeMap<u64, Rc<Guest>>>,
    by_source: RefCell<HashMap<Source, usize>>,
    next: Cell<u64>,
    buffered: Cell<usize>,
    /// Who may go on to read although there is no room, so that somebody comes to an end.
    favoured: Cell<Option<u64>>,
    held_up: RefCell<Vec<Waker>>,
    refused: Cell<u64>,
    dismissed: Cell<u64>,
}

/// What a connection is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing of a request has come.
    Idle,
    /// Something of its head has.
    Head,
    /// Its body is on its way.
    Body,
    /// It has come as a whole: from here on it is the node that takes time.
    Answering,
}

/// One connection.
pub(crate) struct Guest {
    number: u64,
    source: Source,
    phase: Cell<Phase>,
    /// When the present request began to come, or the connection became idle.
    since: Cell<Instant>,
    /// What has come of the present request, in bytes.
    received: Cell<usize>,
    /// What of the last answer the client has not taken, in bytes.
    unsent: Cell<usize>,
    closed: Cell<bool>,
    close: Notify,
}

impl Guests {
    pub(crate) fn new(limits: GuestLimits) -> Rc<Self> {
        Rc::new(Guests {
            limits,
            present: RefCell::default(),
            by_source: RefCell::default(),
            next: Cell::new(0),
            buffered: Cell::new(0),
            favoured: Cell::new(None),
            held_up: RefCell::default(),
            refused: Cell::new(0),
            dismissed: Cell::new(0),
        })
    }

    /// A place for a new connection, which another one may have to give up for it. `None`: there is none.
    pub(crate) fn admit(&self, source: Source, now: Instant) -> Option<Rc<Guest>> {
        let of_source = self.by_source.borrow().get(&source).copied();
        let crowded_source = of_source.unwrap_or(0) >= self.limits.connections_by_address;
        let crowded = crowded_source || self.present.borrow().len() >= self.limits.connections;
        if crowded && !self.give_up_a_place(crowded_source.then_some(source), now) {
            self.refused.set(self.refused.get() + 1);
            return None;
        }
        let number = self.next.get();
        self.next.set(number + 1);
        let guest = Rc::new(Guest {
            number,
            source,
            phase: Cell::new(Phase::Idle),
            since: Cell::new(now),
            received: Cell::new(0),
            unsent: Cell::new(0),
            closed: Cell::new(false),
            close: Notify::new(),
        });
        *self.by_source.borrow_mut().entry(source).or_default() += 1;
        self.present.borrow_mut().insert(number, Rc::clone(&guest));
        Some(guest)
    }

    /// Closes the connection (of a source) that keeps the node waiting for longest; whether there is one.
    fn give_up_a_place(&self, source: Option<Source>, now: Instant) -> bool {
        let longest = {
            let present = self.present.borrow();
            let of_source = |guest: &&Rc<Guest>| source.is_none_or(|source| guest.source == source);
            let may_go =
                |guest: &&Rc<Guest>| guest.is_waited_for() && guest.waited(now) >= PLACE_AT_LEAST;
            let candidates = present.values().filter(of_source).filter(may_go);
            candidates.min_by_key(|guest| guest.since.get()).cloned()
        };
        let found = longest.is_some();
        if let Some(guest) = longest {
            self.dismiss(&guest);
        }
        found
    }

    fn dismiss(&self, guest: &Guest) {
        guest.closed.set(true);
        guest.close.notify_one();
        self.dismissed.set(self.dismissed.get() + 1);
        self.leave(guest);
    }

    /// The connection is closed: its place and its memory are free.
    pub(crate) fn leave(&self, guest: &Guest) {
        if self.present.borrow_mut().remove(&guest.number).is_none() {
            return;
        }
        let mut by_source = self.by_source.borrow_mut();
        if let Some(count) = by_source.get_mut(&guest.source) {
            *count -= 1;
            if *count == 0 {
                by_source.remove(&guest.source);
            }
        }
        drop(by_source);
        self.free(guest, guest.held());
    }

    /// To be called every [`LOOK_EVERY`]: closes what is too slow, or holds memory that others need.
    pub(crate) fn look(&self, now: Instant) {
        let too_slow = |guest: &Guest| {
            // Whoever takes long for a body is told so by an answer.
            matches!(guest.phase.get(), Phase::Idle | Phase::Head)
                && guest.waited(now) >= self.limits.request_timeout
        };
        let mut present: Vec<Rc<Guest>> = self.present.borrow().values().cloned().collect();
        for guest in present.iter().filter(|guest| too_slow(guest)) {
            self.dismiss(guest);
        }
        if self.is_full() {
            present.retain(|guest| {
                !guest.closed.get()
                    && guest.is_waited_for()
                    && guest.held() > ALLOWANCE_BYTES
                    && guest.waited(now) >= MEMORY_AT_LEAST
            });
            present.sort_by_key(|guest| guest.since.get());
            for guest in present {
                // As much as would let those go on who came a moment ago, and those after them.
                if self.buffered.get() <= self.limits.buffer_bytes / 2 {
                    break;
                }
                self.dismiss(&guest);
            }
        }
    }

    /// Whether connections hold as much as they may.
    pub(crate) fn is_full(&self) -> bool {
        self.buffered.get() >= self.limits.buffer_bytes
    }

    pub(crate) fn figures(&self) -> GuestFigures {
        GuestFigures {
            connections: self.present.borrow().len(),
            buffered_bytes: self.buffered.get(),
            refused: self.refused.get(),
            dismissed: self.dismissed.get(),
        }
    }

    /// Whether more may be read from a connection; if not, its task is woken when it may.
    pub(super) fn may_read(&self, guest: &Guest, context: &Context<'_>) -> bool {
        if guest.held() <= ALLOWANCE_BYTES || !self.is_full() {
            return true;
        }
        match self.favoured.get() {
            Some(favoured) if favoured != guest.number => {
                self.held_up.borrow_mut().push(context.waker().clone());
                false
            }
            _ => {
                self.favoured.set(Some(guest.number));
                true
            }
        }
    }

    /// So many bytes came.
    pub(super) fn received(&self, guest: &Guest, bytes: usize, now: Instant) {
        if guest.closed.get() || bytes == 0 {
            return;
        }
        if guest.phase.get() == Phase::Idle {
            guest.phase.set(Phase::Head);
            guest.since.set(now);
        }
        guest.received.set(guest.received.get() + bytes);
        self.buffered.set(self.buffered.get() + bytes);
    }

    /// The client took so many bytes.
    pub(super) fn sent(&self, guest: &Guest, bytes: usize) {
        let taken = bytes.min(guest.unsent.get());
        guest.unsent.set(guest.unsent.get() - taken);
        if !guest.closed.get() {
            self.free(guest, taken);
        }
    }

    /// The head of a request has come as a whole.
    pub(crate) fn head_came(&self, guest: &Guest) {
        guest.phase.set(Phase::Body);
    }

    /// A request has come as a whole.
    pub(crate) fn request_came(&self, guest: &Guest) {
        guest.phase.set(Phase::Answering);
        self.give_way(guest);
    }

    /// A request is answered, by so many bytes.
    pub(crate) fn answered(&self, guest: &Guest, bytes: usize, now: Instant) {
        let received = guest.received.replace(0);
        guest.phase.set(Phase::Idle);
        guest.since.set(now);
        if guest.closed.get() {
            return;
        }
        self.free(guest, received);
        guest.unsent.set(guest.unsent.get() + bytes);
        self.buffered.set(self.buffered.get() + bytes);
    }

    fn free(&self, guest: &Guest, bytes: usize) {
        self.buffered.set(self.buffered.get() - bytes);
        self.give_way(guest);
    }

    /// Others may read on, if this one no longer goes before them or there is room.
    fn give_way(&self, guest: &Guest) {
        if self.favoured.get() == Some(guest.number) {
            self.favoured.set(None);
        }
        if self.favoured.get().is_none() || !self.is_full() {
            self.held_up.take().into_iter().for_each(Waker::wake);
        }
    }
}

impl Guest {
    /// Waits until the connection has to be closed.
    pub(crate) async fn dismissed(&self) {
        while !self.closed.get() {
            self.close.notified().await;
        }
    }

    /// Whether it is the client that takes time.
    fn is_waited_for(&self) -> bool {
        self.phase.get() != Phase::Answering
    }

    fn waited(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since.get())
    }

    fn held(&self) -> usize {
        self.received.get() + self.unsent.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    const LARGE: usize = 2 * ALLOWANCE_BYTES;

    fn guests(connections: usize, by_address: usize) -> (Rc<Guests>, Instant) {
        let limits = GuestLimits {
            connections,
            connections_by_address: by_address,
            buffer_bytes: 3 * LARGE,
            request_timeout: Duration::from_secs(30),
        };
        (Guests::new(limits), Instant::now())
    }

    fn source(last: u8) -> Source {
        Source::from(IpAddr::from(Ipv4Addr::new(10, 0, 0, last)))
    }

    fn is_closed(guest: &Guest) -> bool {
        guest.closed.get()
    }

    #[test]
    fn who_waits_longest_gives_up_its_place_and_who_is_answered_does_not() {
        let (guests, start) = guests(3, 3);
        let later = |ms| start + Duration::from_millis(ms);
        let answered = guests.admit(source(1), start).expect("a place");
        guests.received(&answered, 10, start);
        guests.request_came(&answered);
        let trickling = guests.admit(source(1), later(1)).expect("a place");
        let idle = guests.admit(source(2), later(2)).expect("a place");
        assert!(guests.admit(source(3), later(900)).is_none(), "all are new");
        // However often something comes of a request, it is as old as its first byte.
        guests.received(&trickling, 1, later(3));
        guests.received(&trickling, 1, later(1_900));
        let new = guests.admit(source(3), later(2_000)).expect("a place");
        assert!(is_closed(&idle) && !is_closed(&trickling) && !is_closed(&answered));
        guests.leave(&new);
        guests.leave(&idle);
        let figures = guests.figures();
        assert_eq!(
            (figures.connections, figures.refused, figures.dismissed),
            (2, 1, 1)
        );
    }

    #[test]
    fn who_has_many_connections_gives_up_its_own() {
        let (guests, start) = guests(10, 2);
        let other = guests.admit(source(1), start).expect("a place");
        let first = guests.admit(source(2), start).expect("a place");
        let second = guests.admit(source(2), start).expect("a place");
        assert!(guests.admit(source(2), start).is_none());
        let later = start + PLACE_AT_LEAST;
        assert!(guests.admit(source(2), later).is_some());
        assert!(is_closed(&first) && !is_closed(&second) && !is_closed(&other));
        assert_eq!(guests.figures().connections, 3);
    }

    #[test]
    fn what_takes_too_long_is_closed() {
        let (guests, start) = guests(10, 10);
        let all: Vec<_> = (0..4)
            .map(|_| guests.admit(source(1), start).expect("a place"))
            .collect();
        let [idle, head, body, answering] = &all[..] else {
            panic!("there are four");
        };
        let came = start + Duration::from_secs(1);
        for guest in [head, body, answering] {
            guests.received(guest, 10, came);
        }
        guests.head_came(body);
        guests.request_came(answering);
        guests.look(start + Duration::from_secs(30));
        assert!(
            is_closed(idle) && !is_closed(head),
            "a request has its own time"
        );
        guests.look(start + Duration::from_secs(31));
        assert!(is_closed(head) && !is_closed(body) && !is_closed(answering));
        assert_eq!(guests.figures().buffered_bytes, 20);
    }

    #[test]
    fn memory_is_bounded_and_somebody_always_comes_to_an_end() {
        let (guests, start) = guests(10, 10);
        let context = Context::from_waker(Waker::noop());
        let all: Vec<_> = (0..4)
            .map(|_| guests.admit(source(1), start).expect("a place"))
            .collect();
        for guest in &all[..3] {
            assert!(guests.may_read(guest, &context));
            guests.received(guest, LARGE, start);
            guests.head_came(guest);
        }
        assert!(guests.is_full());
        assert!(guests.may_read(&all[3], &context), "what is small is read");
        assert!(guests.may_read(&all[0], &context));
        assert!(!guests.may_read(&all[1], &context));
        guests.request_came(&all[0]);
        assert!(guests.may_read(&all[1], &context), "it is its turn");
        assert!(!guests.may_read(&all[2], &context));
        guests.answered(&all[0], 7, start);
        assert!(!guests.is_full());
        assert!(guests.may_read(&all[2], &context), "there is room");
        guests.sent(&all[0], 100);
        assert_eq!(guests.figures().buffered_bytes, 2 * LARGE);
    }

    #[test]
    fn who_holds_memory_for_long_gives_it_up_when_others_need_it() {
        let (guests, start) = guests(10, 10);
        let slow = guests.admit(source(1), start).expect("a place");
        guests.received(&slow, LARGE, start);
        guests.head_came(&slow);
        let not_taking = guests.admit(source(1), start).expect("a place");
        let later = start + Duration::from_secs(1);
        guests.received(&not_taking, 10, later);
        guests.request_came(&not_taking);
        guests.answered(&not_taking, LARGE, later);
        guests.look(start + Duration::from_secs(10));
        assert!(
            !is_closed(&slow) && !is_closed(&not_taking),
            "there is room"
        );
        let new = guests.admit(source(1), start).expect("a place");
        guests.received(&new, 2 * LARGE, start + Duration::from_secs(9));
        guests.head_came(&new);
        guests.look(start + Duration::from_secs(10));
        assert!(is_closed(&slow) && is_closed(&not_taking) && !is_closed(&new));
        assert_eq!(guests.figures().buffered_bytes, 2 * LARGE);
        guests.leave(&slow);
        assert_eq!(guests.figures().buffered_bytes, 2 * LARGE, "freed once");
    }
}
