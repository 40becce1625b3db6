//! Which versions must come before which others so that reads see no part of a transaction without
//! the rest: the weak levels are decided by that alone, without any order of versions given.
//!
//! Each level says of which transactions a read must not miss what they wrote. If it saw another
//! version of the same object then that one must be newer, so its writer comes later. A level holds
//! if and only if these orders, what was read, and what else is known go in no circle (R. Biswas and
//! C. Enea, "On the Complexity of Checking Transactional Consistency", 2019). Only as many of them
//! are made as are needed, so that the time is O(n^1.5) for n steps, and O(n k) for the causal level
//! with k sessions (L. Møldrup and A. Pavlogiannis, "AWDIT: An Optimal Weak Database Isolation
//! Tester", 2025).

use super::dependencies::{Dependencies, Read};
use super::graph::Timeline;
use super::models::{Level, Order};
use super::rows::Rows;
use crate::hash::FastMap;
use crate::history::NEVER;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A version must come before another one, since a read saw that one and must not miss this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Forced {
    /// Who wrote the earlier version.
    pub(super) from: u32,
    /// Who wrote the later one; [`NEVER`] for the initial state, which cannot be later.
    pub(super) to: u32,
    pub(super) key: u32,
    /// Who read.
    pub(super) reader: u32,
}

/// The orders that a level forces; none if there was not enough work left to find them all.
pub(super) fn forced(
    dependencies: &Dependencies<'_>,
    timeline: &Timeline,
    level: Level,
    order: Order,
    work: &mut u64,
) -> Option<Vec<Forced>> {
    let mut found = Found {
        dependencies,
        forced: Vec::new(),
    };
    match level {
        Level::MonotonicAtomicView => {
            seen_before(&mut found);
            Some(())
        }
        Level::ReadAtomic => {
            read_from(&mut found);
            match order {
                Order::None => {}
                Order::Session => earlier_in_session(&mut found, timeline),
                Order::RealTime => ended_before(&mut found, timeline),
            }
            Some(())
        }
        Level::Causal if order == Order::None => past_of_each(&mut found, work),
        Level::Causal => past_by_session(&mut found, timeline, order, work),
        _ => Some(()),
    }?;
    Some(found.forced)
}

struct Found<'a> {
    dependencies: &'a Dependencies<'a>,
    forced: Vec<Forced>,
}

impl Found<'_> {
    /// The reader saw this version and must not miss what `writer` wrote to the same object.
    fn must_not_miss(&mut self, reader: u32, read: Read, writer: u32) {
        let to = match read.version {
            NEVER => NEVER,
            version => self.dependencies.writer(version),
        };
        if to != writer && writer != reader {
            self.forced.push(Forced {
                from: writer,
                to,
                key: read.key,
                reader,
            });
        }
    }
}

/// Reads of one transaction by object, for many transactions one after the other.
struct ByKey {
    /// Per object, the transaction that was there last, and its last read of the object.
    last: Vec<(u32, u32)>,
    /// Per read of the transaction, its read of the same object before.
    before: Vec<u32>,
}

impl ByKey {
    fn new(keys: usize) -> ByKey {
        ByKey {
            last: vec![(NEVER, 0); keys],
            before: Vec::new(),
        }
    }

    fn fill(&mut self, at: u32, reads: &[Read]) {
        self.before.clear();
        for (place, read) in reads.iter().enumerate() {
            let last = &mut self.last[read.key as usize];
            self.before.push(if last.0 == at { last.1 } else { NEVER });
            *last = (at, place as u32);
        }
    }

    /// The places of the reads of an object, the last one first.
    fn places(&self, at: u32, key: u32) -> impl Iterator<Item = usize> {
        let (who, last) = self.last[key as usize];
        let mut next = if who == at { last } else { NEVER };
        std::iter::from_fn(move || {
            let place = next;
            next = *self.before.get(place as usize)?;
            Some(place as usize)
        })
    }
}

/// Once a transaction saw something of another one, later reads do not miss its writes.
fn seen_before(found: &mut Found<'_>) {
    let dependencies = found.dependencies;
    let mut by_key = ByKey::new(dependencies.log.key_count());
    let mut seen = vec![NEVER; dependencies.len()];
    for at in 0..dependencies.len() as u32 {
        let reads = dependencies.reads.row(at);
        if reads.len() < 2 {
            continue;
        }
        by_key.fill(at, reads);
        for (place, read) in reads.iter().enumerate() {
            if read.version == NEVER {
                continue;
            }
            let writer = dependencies.writer(read.version);
            if std::mem::replace(&mut seen[writer as usize], at) == at {
                continue;
            }
            each_common(dependencies, writer, at, place + 1, &by_key, |read| {
                found.must_not_miss(at, read, writer);
            });
        }
    }
}

/// Each read of the transaction, from a place on, of an object that the writer wrote; looked for
/// from the side that is shorter.
fn each_common(
    dependencies: &Dependencies<'_>,
    writer: u32,
    at: u32,
    from: usize,
    by_key: &ByKey,
    mut each: impl FnMut(Read),
) {
    let reads = dependencies.reads.row(at);
    let writes = dependencies.writes.row(writer);
    if writes.len() <= reads.len() - from {
        for write in writes {
            for place in by_key
                .places(at, write.key)
                .take_while(|place| *place >= from)
            {
                each(reads[place]);
            }
        }
    } else {
        for read in &reads[from..] {
            if dependencies.write(writer, read.key).is_some() {
                each(*read);
            }
        }
    }
}

/// A transaction that saw something of another one does not miss any of its writes.
fn read_from(found: &mut Found<'_>) {
    let dependencies = found.dependencies;
    let mut by_key = ByKey::new(dependencies.log.key_count());
    let mut seen = vec![NEVER; dependencies.len()];
    for at in 0..dependencies.len() as u32 {
        let reads = dependencies.reads.row(at);
        by_key.fill(at, reads);
        for read in reads.iter().filter(|read| read.version != NEVER) {
            let writer = dependencies.writer(read.version);
            if std::mem::replace(&mut seen[writer as usize], at) == at {
                continue;
            }
            each_common(dependencies, writer, at, 0, &by_key, |read| {
                found.must_not_miss(at, read, writer);
            });
        }
    }
}

/// A transaction does not miss what its own session wrote before; of several such writers the last
/// is enough, since those of a session are in order.
fn earlier_in_session(found: &mut Found<'_>, timeline: &Timeline) {
    let dependencies = found.dependencies;
    let next = Rows::of(dependencies.len(), &timeline.sessions);
    let mut is_first = vec![true; dependencies.len()];
    for (_, to) in &timeline.sessions {
        is_first[*to as usize] = false;
    }
    let mut last: FastMap<u32, u32> = FastMap::default();
    let mut open = Vec::new();
    for first in (0..dependencies.len() as u32).filter(|at| is_first[*at as usize]) {
        last.clear();
        open.push(first);
        while let Some(at) = open.pop() {
            for read in dependencies.reads.row(at) {
                if let Some(writer) = last.get(&read.key) {
                    found.must_not_miss(at, *read, *writer);
                }
            }
            let following = next.row(at);
            if !following.is_empty() {
                for write in dependencies.writes.row(at) {
                    last.insert(write.key, at);
                }
            }
            // Of several that follow, those of unknown outcome are followed by none.
            open.extend(following.iter().rev());
        }
    }
}

/// A transaction does not miss what ended before it began; of the writers those are enough that
/// none of the others came after.
fn ended_before(found: &mut Found<'_>, timeline: &Timeline) {
    let dependencies = found.dependencies;
    let mut began = vec![0_u32; dependencies.len()];
    // Per object, the last writers and when they ended.
    let mut last: Vec<Vec<(u32, u32)>> = vec![Vec::new(); dependencies.log.key_count()];
    for (position, at, ended) in timeline.events() {
        if ended {
            for write in dependencies.writes.row(at) {
                let last = &mut last[write.key as usize];
                last.retain(|(end, _)| *end > began[at as usize]);
                last.push((position, at));
            }
        } else {
            began[at as usize] = position;
            for read in dependencies.reads.row(at) {
                for (_, writer) in &last[read.key as usize] {
                    found.must_not_miss(at, *read, *writer);
                }
            }
        }
    }
}

/// A transaction does not miss what led to what it saw; without sessions, the past of each is gone
/// through on its own.
fn past_of_each(found: &mut Found<'_>, work: &mut u64) -> Option<()> {
    let dependencies = found.dependencies;
    let mut by_key = ByKey::new(dependencies.log.key_count());
    let mut seen = vec![NEVER; dependencies.len()];
    let mut open: Vec<u32> = Vec::new();
    for at in 0..dependencies.len() as u32 {
        let reads = dependencies.reads.row(at);
        by_key.fill(at, reads);
        seen[at as usize] = at;
        open.push(at);
        while let Some(one) = open.pop() {
            for read in dependencies.reads.row(one) {
                *work = work.checked_sub(1)?;
                if read.version != NEVER {
                    let writer = dependencies.writer(read.version);
                    if std::mem::replace(&mut seen[writer as usize], at) != at {
                        open.push(writer);
                        each_common(dependencies, writer, at, 0, &by_key, |read| {
                            found.must_not_miss(at, read, writer);
                        });
                    }
                }
            }
        }
    }
    Some(())
}

/// The same where sessions are in order: of each session only the last writer in the past of a
/// transaction is needed, and its past is known by how much of each session is in it.
fn past_by_session(
    found: &mut Found<'_>,
    timeline: &Timeline,
    order: Order,
    work: &mut u64,
) -> Option<()> {
    let dependencies = found.dependencies;
    let sessions = Sessions::of(dependencies, timeline);
    let writers = sessions.writers(dependencies);
    // Nodes are transactions and points in time.
    let points = match order {
        Order::RealTime => timeline.points,
        _ => 0,
    };
    let nodes = dependencies.len() + points;
    let before = Rows::collect(nodes, |add| {
        for at in 0..dependencies.len() as u32 {
            for read in dependencies.reads.row(at) {
                if read.version != NEVER {
                    add(at, dependencies.writer(read.version));
                }
            }
        }
        for (from, to) in &timeline.sessions {
            add(*to, *from);
        }
        if order == Order::RealTime {
            timeline.real_time(dependencies.len() as u32, |from, to| add(to, from));
        }
    });
    let mut clocks = Clocks::new(nodes, sessions.count, &before);
    for at in topological(&before, dependencies.len())? {
        *work = work.checked_sub(sessions.count as u64 / 8 + 1)?;
        let clock = clocks.join(before.row(at));
        if dependencies.happened.get(at as usize) == Some(&true) {
            for read in dependencies.reads.row(at) {
                for group in writers.groups.row(read.key) {
                    *work = work.checked_sub(1)?;
                    let end = clocks.get(clock, group.session);
                    // All writers of the group below that are in the past.
                    let row = &writers.list[group.start as usize..group.end as usize];
                    let count = row.partition_point(|(index, _)| *index < end);
                    if let Some((_, writer)) = row[..count].last() {
                        found.must_not_miss(at, *read, *writer);
                    }
                }
            }
            let (session, index) = sessions.places[at as usize];
            clocks.set(clock, session, index + 1);
        }
        clocks.keep(at, clock);
    }
    Some(())
}

/// Transactions in sessions: each has its place in one.
struct Sessions {
    count: usize,
    places: Vec<(u32, u32)>,
}

/// The writers of each object, by session.
struct Writers {
    groups: Rows<Group>,
    /// Index in the session, and transaction.
    list: Vec<(u32, u32)>,
}

#[derive(Clone, Copy, Default)]
struct Group {
    session: u32,
    start: u32,
    end: u32,
}

impl Sessions {
    fn of(dependencies: &Dependencies<'_>, timeline: &Timeline) -> Sessions {
        let mut places = timeline.session_places(dependencies.len());
        // Only sessions of what happened count; numbers without gaps save memory.
        let mut numbers: FastMap<u32, u32> = FastMap::default();
        for at in (0..dependencies.len()).filter(|at| dependencies.happened[*at]) {
            let count = numbers.len() as u32;
            places[at].0 = *numbers.entry(places[at].0).or_insert(count);
        }
        Sessions {
            count: numbers.len(),
            places,
        }
    }

    fn writers(&self, dependencies: &Dependencies<'_>) -> Writers {
        let mut all: Vec<(u32, u32, u32, u32)> = Vec::new();
        for at in 0..dependencies.len() as u32 {
            let (session, index) = self.places[at as usize];
            for write in dependencies.writes.row(at) {
                all.push((write.key, session, index, at));
            }
        }
        all.sort_unstable();
        let mut groups: Vec<(u32, Group)> = Vec::new();
        for (place, (key, session, ..)) in all.iter().enumerate() {
            let place = place as u32;
            match groups.last_mut() {
                Some((last, group)) if (*last, group.session) == (*key, *session) => {
                    group.end = place + 1;
                }
                _ => groups.push((
                    *key,
                    Group {
                        session: *session,
                        start: place,
                        end: place + 1,
                    },
                )),
            }
        }
        Writers {
            groups: Rows::of(dependencies.log.key_count(), &groups),
            list: all
                .into_iter()
                .map(|(_, _, index, at)| (index, at))
                .collect(),
        }
    }
}

/// How much of each session is in the past of nodes; kept only while others still need it.
struct Clocks {
    width: usize,
    memory: Vec<u32>,
    free: Vec<u32>,
    /// Per node, where its clock is, and how many still need it.
    places: Vec<u32>,
    needed: Vec<u32>,
}

impl Clocks {
    fn new(nodes: usize, width: usize, before: &Rows<u32>) -> Clocks {
        let mut needed = vec![0; nodes];
        for node in before.items() {
            needed[*node as usize] += 1;
        }
        Clocks {
            width,
            memory: Vec::new(),
            free: Vec::new(),
            places: vec![NEVER; nodes],
            needed,
        }
    }

    /// The place of a new clock: all that is in the past of these nodes, and they themselves.
    fn join(&mut self, nodes: &[u32]) -> u32 {
        let place = self.free.pop().unwrap_or_else(|| {
            let place = self.memory.len() / self.width.max(1);
            self.memory.resize(self.memory.len() + self.width.max(1), 0);
            place as u32
        });
        let start = place as usize * self.width;
        self.memory[start..start + self.width].fill(0);
        for node in nodes {
            let other = self.places[*node as usize] as usize * self.width;
            for session in 0..self.width {
                let theirs = self.memory[other + session];
                let mine = &mut self.memory[start + session];
                *mine = (*mine).max(theirs);
            }
            self.needed[*node as usize] -= 1;
            if self.needed[*node as usize] == 0 {
                self.free.push(self.places[*node as usize]);
            }
        }
        place
    }

    fn get(&self, clock: u32, session: u32) -> u32 {
        self.memory[clock as usize * self.width + session as usize]
    }

    fn set(&mut self, clock: u32, session: u32, value: u32) {
        self.memory[clock as usize * self.width + session as usize] = value;
    }

    fn keep(&mut self, node: u32, clock: u32) {
        self.places[node as usize] = clock;
        if self.needed[node as usize] == 0 {
            self.free.push(clock);
        }
    }
}

/// All nodes, each after those in its row, and otherwise in the order of their numbers, those from
/// `first` on before all others; none if that is not possible.
fn topological(before: &Rows<u32>, first: usize) -> Option<Vec<u32>> {
    let nodes = before.len();
    let mut open: Vec<u32> = (0..nodes as u32)
        .map(|node| before.row(node).len() as u32)
        .collect();
    let after = Rows::collect(nodes, |add| {
        for node in 0..nodes as u32 {
            for from in before.row(node) {
                add(*from, node);
            }
        }
    });
    let rank = |node: u32| Reverse(((node as usize) < first, node));
    let mut ready: BinaryHeap<Reverse<(bool, u32)>> = (0..nodes as u32)
        .filter(|node| open[*node as usize] == 0)
        .map(rank)
        .collect();
    let mut order = Vec::with_capacity(nodes);
    while let Some(Reverse((_, node))) = ready.pop() {
        order.push(node);
        for next in after.row(node) {
            open[*next as usize] -= 1;
            if open[*next as usize] == 0 {
                ready.push(rank(*next));
            }
        }
    }
    (order.len() == nodes).then_some(order)
}
