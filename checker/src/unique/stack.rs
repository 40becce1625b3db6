//! Stacks.
//!
//! - A value whose push and pop overlap can come and go at once, whatever the stack holds: it fits
//!   every order of the others. What remains is surely inside for a while.
//! - At a gap that nothing covers, the stack can be empty: each value is surely inside only before
//!   it or only after it. In any order, the operations on the one kind can all be moved before the
//!   gap, and those on the other behind it. So the history falls apart into *groups*, each covering
//!   its gaps without a hole, that are judged on their own. An empty pop needs such a gap among its
//!   own.
//! - Within a group the stack is never empty, so in any order some value lies at the *bottom*: it
//!   is pushed first and popped last. It must be one whose push was invoked before any operation of
//!   the group returned, and whose pop returned after all were invoked. And any such value will do:
//!   in an order of the group its push can be moved to the front and its pop to the end. Without
//!   it, the group falls apart into smaller ones.
//!
//! A smaller group begins later and ends earlier, so a value that can be pushed first stays so, and
//! one that can be popped last too: both are found out once for each value. Values that were never
//! popped count as popped at the end, all at once.

use super::gaps::CoveredGaps;
use super::stays::{Core, Move, Stays};
use crate::history::NEVER;

/// An order of moves that explains everything, or a part that fits no order.
pub(crate) fn judge(history: &Stays) -> Result<Vec<Move>, Core> {
    // Gap, and within a gap: the end of a group, then what found nothing, then the next group.
    let mut moves: Vec<(u32, u32, Move)> = Vec::with_capacity(history.stays.len() * 2);
    let mut groups = Groups::new(history);
    for (place, stay) in history.stays.iter().enumerate() {
        let place = place as u32;
        if Stays::is_idle(stay) || stay.put.ret < stay.taken(history.events) {
            continue;
        }
        let gap = stay.put.inv.max(stay.taken(history.events));
        if gap >= stay.gone() {
            let stays = vec![place];
            let empties = Vec::new();
            return Err(Core { stays, empties });
        }
        moves.push((gap, BEFORE, Move::Put(place)));
        moves.push((gap, BEFORE, Move::Take(place)));
    }
    for (place, empty) in history.empties.iter().enumerate() {
        let gap = groups.covered.first_free_from(empty.inv);
        if gap >= empty.ret {
            return Err(Core {
                stays: history.cover(empty.inv, empty.ret - 1, |_| true),
                empties: vec![place as u32],
            });
        }
        moves.push((gap, EMPTY, Move::Empty(place as u32)));
    }
    let mut from = 0;
    while let Some(start) = groups.first_push_from(from) {
        let end = groups.covered.first_free_from(start);
        // Just before its first push returns nothing is inside, and all of it can come later.
        let mut gap = start.saturating_sub(1);
        for one in groups.order(start, end)? {
            let at = match one {
                Move::Put(place) => history.stays[place as usize].put.inv,
                Move::Take(place) => history.stays[place as usize].taken(history.events),
                Move::Empty(_) => continue,
            };
            if at == history.events {
                continue;
            }
            gap = gap.max(at);
            moves.push((gap, if gap < start { AFTER } else { BEFORE }, one));
        }
        from = end;
    }
    moves.sort_by_key(|(gap, phase, _)| (*gap, *phase));
    Ok(moves.into_iter().map(|(_, _, one)| one).collect())
}

const BEFORE: u32 = 0;
const EMPTY: u32 = 1;
const AFTER: u32 = 2;

/// The values that are surely inside for a while, and of them those that are still to be placed.
struct Groups<'a> {
    history: &'a Stays,
    covered: CoveredGaps,
    /// By the return of its push: the value, if it is still to be placed.
    pushed: Row,
    /// By the return of its push: the invocation of it, until it is known that it can be first.
    not_first: Row,
    /// By the invocation of its pop: the return of it, turned round, until it is known that it can
    /// be last.
    not_last: Row,
    /// The values in the order of their pops.
    by_pop: Vec<u32>,
    /// By the return of its push: zero, if the value can be both.
    bottom: Row,
    can_be_first: Vec<bool>,
    can_be_last: Vec<bool>,
}

enum Task {
    /// Places the values pushed from here on, and before there.
    Groups(u32, u32),
    Pop(u32),
}

impl<'a> Groups<'a> {
    fn new(history: &'a Stays) -> Self {
        let size = history.stays.len();
        let events = history.events;
        let mut by_pop: Vec<u32> = (0..size as u32)
            .filter(|place| {
                let stay = &history.stays[*place as usize];
                stay.put.ret < stay.taken(events)
            })
            .collect();
        let mut groups = Groups {
            history,
            covered: CoveredGaps::new(events),
            pushed: Row::new(events as usize),
            not_first: Row::new(events as usize),
            not_last: Row::new(by_pop.len()),
            bottom: Row::new(events as usize),
            can_be_first: vec![false; size],
            can_be_last: vec![false; size],
            by_pop: Vec::new(),
        };
        by_pop.sort_unstable_by_key(|place| history.stays[*place as usize].taken(events));
        for (nth, place) in by_pop.iter().enumerate() {
            let stay = &history.stays[*place as usize];
            groups.covered.add(stay.covers(events), 1);
            groups.pushed.set(stay.put.ret, *place);
            groups.not_first.set(stay.put.ret, stay.put.inv);
            groups.not_last.set(nth as u32, NEVER - stay.gone());
        }
        groups.by_pop = by_pop;
        groups
    }

    /// The first return of a push, from this event on, of a value that is still to be placed.
    fn first_push_from(&self, event: u32) -> Option<u32> {
        self.pushed.first_below(event, self.history.events, NEVER)
    }

    /// An order of the values whose pushes return at `start` or later, and which are gone at `end`.
    fn order(&mut self, start: u32, end: u32) -> Result<Vec<Move>, Core> {
        let mut order = Vec::new();
        let mut tasks = vec![Task::Groups(start, end)];
        while let Some(task) = tasks.pop() {
            let (from, to) = match task {
                Task::Groups(from, to) => (from, to),
                Task::Pop(place) => {
                    order.push(Move::Take(place));
                    continue;
                }
            };
            let Some(start) = self.first_push_from(from).filter(|start| *start < to) else {
                continue;
            };
            let end = self.covered.first_free_from(start);
            let Some(bottom) = self.bottom_of(start, end) else {
                return Err(self.core(start, end));
            };
            let stay = &self.history.stays[bottom as usize];
            self.covered.add(stay.covers(self.history.events), -1);
            self.pushed.clear(stay.put.ret);
            self.bottom.clear(stay.put.ret);
            order.push(Move::Put(bottom));
            tasks.push(Task::Groups(end, to));
            tasks.push(Task::Pop(bottom));
            tasks.push(Task::Groups(start, end));
        }
        Ok(order)
    }

    /// A value of the group that can be pushed first and popped last.
    fn bottom_of(&mut self, start: u32, end: u32) -> Option<u32> {
        let events = self.history.events;
        while let Some(at) = self.not_first.first_below(start, end, start) {
            self.not_first.clear(at);
            let place = self.pushed.get(at);
            self.can_be_first[place as usize] = true;
            if self.can_be_last[place as usize] {
                self.bottom.set(at, 0);
            }
        }
        let stays = &self.history.stays;
        let taken = |place: &u32| stays[*place as usize].taken(events);
        let first = self.by_pop.partition_point(|place| taken(place) <= start) as u32;
        let last = self.by_pop.partition_point(|place| taken(place) <= end) as u32;
        while let Some(nth) = self.not_last.first_below(first, last, NEVER - end) {
            self.not_last.clear(nth);
            let place = self.by_pop[nth as usize];
            self.can_be_last[place as usize] = true;
            if self.can_be_first[place as usize] {
                self.bottom.set(stays[place as usize].put.ret, 0);
            }
        }
        let at = self.bottom.first_below(start, end, NEVER)?;
        Some(self.pushed.get(at))
    }

    /// The values of a group.
    fn core(&self, start: u32, end: u32) -> Core {
        let mut stays = Vec::new();
        let mut from = start;
        while let Some(at) = self.pushed.first_below(from, end, NEVER) {
            stays.push(self.pushed.get(at));
            from = at + 1;
        }
        Core {
            stays,
            empties: Vec::new(),
        }
    }
}

/// Numbers in a row, of which one that is small can be found quickly.
struct Row {
    size: usize,
    /// A tree whose leaves are the numbers, each node the least below it; [`NEVER`]: none.
    least: Vec<u32>,
}

impl Row {
    fn new(length: usize) -> Row {
        let size = length.max(1).next_power_of_two();
        Row {
            size,
            least: vec![NEVER; size * 2],
        }
    }

    fn get(&self, at: u32) -> u32 {
        self.least[at as usize + self.size]
    }

    fn set(&mut self, at: u32, number: u32) {
        let mut node = at as usize + self.size;
        self.least[node] = number;
        while node > 1 {
            node /= 2;
            self.least[node] = self.least[node * 2].min(self.least[node * 2 + 1]);
        }
    }

    fn clear(&mut self, at: u32) {
        self.set(at, NEVER);
    }

    /// The first place in `from..to` with a number below this one.
    fn first_below(&self, from: u32, to: u32, below: u32) -> Option<u32> {
        let mut node = from as usize + self.size;
        if from as usize >= self.size {
            return None;
        }
        while self.least[node] >= below {
            while node & 1 == 1 {
                node /= 2;
            }
            if node == 0 {
                return None;
            }
            node += 1;
        }
        while node < self.size {
            node *= 2;
            if self.least[node] >= below {
                node += 1;
            }
        }
        let at = (node - self.size) as u32;
        (at < to).then_some(at)
    }
}
