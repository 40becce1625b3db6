//! First-in-first-out queues whose elements are unique.
//!
//! If *a* was surely put in before *b* was (or came out before *b* did), then *a* comes first in
//! the queue. These are two interval orders; together they have an order of elements iff no two
//! elements contradict each other, as T. Henzinger, A. Sezgin and V. Vafeiadis found
//! ("Aspect-oriented linearizability proofs", 2013). An element is surely in the queue from the
//! end of its insertion to the beginning of its removal; a dequeue that found nothing needs an
//! instant that no element covers.
//!
//! Beyond the literature: dequeues of unknown outcome, the *takers*. Each may have taken one of
//! the elements that nobody else took. Such an element is *due* when one that was put in after it
//! came out, or when the queue was seen empty: by then a taker must have begun. Who takes which is
//! a matching in which the sooner due takes the sooner begun; the instants at which the queue can
//! have been empty are those that leave enough takers for all.

use super::order::extend_both;
use super::slack::Slack;
use super::{Decision, Element, Elements, Refusal, Removal, Span};
use crate::anomaly::AnomalyName;
use crate::history::NEVER;

/// After everything.
const END: u64 = u64::MAX;
/// The end of what may end at any time: still before [`END`], when what is left is left.
const LATE: u64 = u64::MAX - 1;
/// Positions are spread so far, so that instants between them have numbers too.
const SPREAD: u64 = 4;

fn instant(position: u32) -> u64 {
    match position {
        NEVER => LATE,
        position => u64::from(position) * SPREAD,
    }
}

/// When an element can have come in and gone out.
#[derive(Clone, Copy)]
struct Stay {
    /// From when to when it can have been put in, and taken out; [`END`] for what is not.
    insert: (u64, u64),
    remove: (u64, u64),
    /// By when it is due, and the element that says so.
    due: u64,
    due_for: u32,
    /// The step that takes it, if any.
    taken_by: Option<u32>,
}

impl Stay {
    fn of(element: &Element) -> Stay {
        let mut insert = (instant(element.insert.inv), instant(element.insert.ret));
        let (mut remove, taken_by) = match element.removal {
            Removal::Known(span) => ((instant(span.inv), instant(span.ret)), Some(span.at)),
            Removal::Perhaps(span) => ((instant(span.inv), LATE), Some(span.at)),
            Removal::None => ((END, END), None),
        };
        remove.0 = remove.0.max(insert.0);
        insert.1 = insert.1.min(remove.1);
        Stay {
            insert,
            remove,
            due: END,
            due_for: NEVER,
            taken_by,
        }
    }
}

/// Decides a queue.
pub(crate) fn decide(elements: &Elements) -> Decision {
    match Fifo::new(elements).decide() {
        Ok(order) => Decision::Valid(order),
        Err(decision) => decision,
    }
}

struct Fifo<'a> {
    elements: &'a Elements,
    stays: Vec<Stay>,
    /// Takers by their invocations.
    takers: Vec<Span>,
    /// The instants at which the queue was empty, one for each who saw that, ascending.
    empty_at: Vec<(u64, u32)>,
}

impl<'a> Fifo<'a> {
    fn new(elements: &'a Elements) -> Self {
        let mut takers = elements.takers.clone();
        takers.sort_by_key(|taker| taker.inv);
        Fifo {
            elements,
            stays: elements.elements.iter().map(Stay::of).collect(),
            takers,
            empty_at: Vec::new(),
        }
    }

    fn decide(mut self) -> Result<Vec<u32>, Decision> {
        self.find_due();
        self.check_order()?;
        if !self.elements.empties.is_empty() {
            self.place_empties()?;
        }
        self.assign_takers()?;
        self.keep_empty();
        self.order().ok_or(Decision::Open)
    }

    fn known(&self, at: usize) -> bool {
        matches!(self.elements.elements[at].removal, Removal::Known(_))
    }

    /// Says of each element by when it must have come out, since one that was surely put in after
    /// it came out then.
    fn find_due(&mut self) {
        let mut later: Vec<u32> = (0..self.stays.len() as u32)
            .filter(|at| self.known(*at as usize))
            .collect();
        later.sort_unstable_by_key(|at| self.stays[*at as usize].insert.0);
        // Per place the first that comes out of those that were put in from there on.
        let mut first: Vec<(u64, u32)> = vec![(END, NEVER); later.len() + 1];
        for place in (0..later.len()).rev() {
            let out = (self.stays[later[place] as usize].remove.1, later[place]);
            first[place] = first[place + 1].min(out);
        }
        let begun: Vec<u64> = later
            .iter()
            .map(|at| self.stays[*at as usize].insert.0)
            .collect();
        for stay in &mut self.stays {
            let after = begun.partition_point(|begin| *begin <= stay.insert.1);
            (stay.due, stay.due_for) = first[after];
        }
    }

    /// Finds an element that is due before it can have come out.
    fn check_order(&self) -> Result<(), Decision> {
        let late = |at: &usize| self.stays[*at].due < self.stays[*at].remove.0;
        for at in (0..self.stays.len()).filter(late) {
            if self.known(at) || self.takers.is_empty() {
                // A taker could explain the one without the other, so it belongs to the proof.
                let taker = self.takers.first().map(|taker| taker.at);
                let core = self.steps_of(at).chain(self.steps_of_due(at));
                let core = core.chain(taker).collect();
                return Err(refused(AnomalyName::OutOfOrder, core));
            }
        }
        Ok(())
    }

    fn steps_of(&self, at: usize) -> impl Iterator<Item = u32> + use<> {
        let element = self.elements.elements[at];
        let removal = match element.removal {
            Removal::Known(span) | Removal::Perhaps(span) => Some(span.at),
            Removal::None => None,
        };
        std::iter::once(element.insert.at).chain(removal)
    }

    fn steps_of_due(&self, at: usize) -> impl Iterator<Item = u32> + use<> {
        let due_for = self.stays[at].due_for;
        (due_for != NEVER)
            .then(|| self.steps_of(due_for as usize))
            .into_iter()
            .flatten()
    }

    /// Finds for each who saw the queue empty the first instant at which it can have been.
    fn place_empties(&mut self) -> Result<(), Decision> {
        let perhaps = |element: &Element| matches!(element.removal, Removal::Perhaps(_));
        let some_may_stay = !self.takers.is_empty();
        if some_may_stay && self.elements.elements.iter().any(perhaps) {
            return Err(Decision::Open);
        }
        self.check_takers(&self.due())?;
        let possible = self.possible_instants(some_may_stay);
        for empty in &self.elements.empties {
            let after = possible.partition_point(|at| *at < instant(empty.inv));
            match possible.get(after) {
                Some(at) if *at < instant(empty.ret) => self.empty_at.push((*at, empty.at)),
                _ => {
                    let core = self.core_of_empty(empty, some_may_stay);
                    return Err(refused(AnomalyName::EmptyThoughFull, core));
                }
            }
        }
        self.empty_at.sort_unstable();
        Ok(())
    }

    /// The instants, one after each position, at which the queue can have been empty.
    fn possible_instants(&self, some_may_stay: bool) -> Vec<u64> {
        let empties = self.elements.empties.iter();
        let mut positions: Vec<u64> = empties
            .flat_map(|empty| [instant(empty.inv), instant(empty.ret)])
            .chain(self.takers.iter().map(|taker| instant(taker.inv)))
            .collect();
        let mut covers: Vec<(u64, u64)> = Vec::new();
        for stay in &self.stays {
            let cover = (stay.insert.1, stay.remove.0);
            let changes = [cover.0, cover.1, stay.due];
            positions.extend(changes.into_iter().filter(|at| *at < LATE));
            if cover.0 < cover.1 && !(some_may_stay && stay.taken_by.is_none()) {
                covers.push(cover);
            }
        }
        positions.sort_unstable();
        positions.dedup();
        covers.sort_unstable();
        let mut enough = self.enough_takers();
        let (mut next, mut covered_until) = (0, 0);
        let mut possible = Vec::new();
        for position in positions {
            let at = position + SPREAD / 2;
            while covers.get(next).is_some_and(|cover| cover.0 < at) {
                covered_until = covered_until.max(covers[next].1);
                next += 1;
            }
            if covered_until < at && (!some_may_stay || enough(at)) {
                possible.push(at);
            }
        }
        possible
    }

    /// Says of instants, asked in ascending order, whether takers can have emptied the queue by
    /// then, and still be enough for what is due later.
    fn enough_takers(&self) -> impl FnMut(u64) -> bool + use<> {
        let mut left: Vec<(u64, u64)> = self
            .stays
            .iter()
            .filter(|stay| stay.taken_by.is_none())
            .map(|stay| (stay.insert.1, stay.due))
            .collect();
        left.sort_unstable();
        let mut dues: Vec<u64> = left
            .iter()
            .map(|(_, due)| *due)
            .filter(|due| *due < END)
            .collect();
        dues.sort_unstable();
        let begun: Vec<u64> = self.takers.iter().map(|taker| instant(taker.inv)).collect();
        let begun_before = move |at: u64| begun.partition_point(|begin| *begin < at) as i64;
        // Per due, what is left of takers when all that are due by then have theirs.
        let spare: Vec<i64> = dues
            .iter()
            .map(|due| begun_before(*due) - dues.partition_point(|other| other <= due) as i64)
            .collect();
        let mut slack = Slack::new(&spare);
        let mut gone = 0;
        move |at| {
            while left.get(gone).is_some_and(|(inserted, _)| *inserted < at) {
                // It is due now, and no more only later.
                slack.lower(dues.partition_point(|due| *due < left[gone].1));
                gone += 1;
            }
            let later = dues.partition_point(|due| *due < at);
            gone as i64 <= begun_before(at) && slack.least_from(later) >= 0
        }
    }

    /// Steps that prove that the queue cannot have been empty.
    fn core_of_empty(&self, empty: &Span, some_may_stay: bool) -> Vec<u32> {
        let mut core = vec![empty.at];
        if some_may_stay {
            for at in
                (0..self.stays.len()).filter(|at| self.stays[*at].insert.0 < instant(empty.ret))
            {
                core.extend(self.steps_of(at).chain(self.steps_of_due(at)));
            }
            core.extend(self.takers.iter().map(|taker| taker.at));
            core.sort_unstable();
            core.dedup();
            return core;
        }
        // A chain of elements, each of which is surely there when the one before it may be gone.
        let mut covers: Vec<(u64, u64, usize)> = (0..self.stays.len())
            .map(|at| (self.stays[at].insert.1, self.stays[at].remove.0, at))
            .filter(|(begin, end, _)| begin < end)
            .collect();
        covers.sort_unstable();
        let mut covers = covers.into_iter().peekable();
        let (mut at, mut furthest) = (instant(empty.inv) + SPREAD / 2, None);
        while at < instant(empty.ret) {
            while let Some((_, end, element)) = covers.next_if(|cover| cover.0 < at) {
                furthest = furthest.max(Some((end, element)));
            }
            match furthest {
                Some((end, element)) if end > at => {
                    core.extend(self.steps_of(element));
                    at = end.saturating_add(SPREAD / 2);
                }
                _ => return (0..self.steps_count()).collect(),
            }
        }
        core
    }

    fn steps_count(&self) -> u32 {
        let elements = 0..self.stays.len();
        let others = self.elements.empties.iter().chain(&self.takers);
        let last = elements
            .flat_map(|at| self.steps_of(at))
            .chain(others.map(|span| span.at))
            .max();
        last.map_or(0, |last| last + 1)
    }

    /// What nobody is known to have taken, but somebody must have, and by when.
    fn due(&self) -> Vec<(u64, usize)> {
        let mut due: Vec<(u64, usize)> = (0..self.stays.len())
            .filter(|at| !self.known(*at))
            .map(|at| (self.due_by(at), at))
            .filter(|(by, at)| *by < END && self.stays[*at].remove.0 >= *by)
            .collect();
        due.sort_unstable();
        due
    }

    /// By when an element must have come out, also for those who saw the queue empty.
    fn due_by(&self, at: usize) -> u64 {
        let stay = &self.stays[at];
        let later = self
            .empty_at
            .partition_point(|(empty, _)| *empty < stay.insert.1);
        let empty = self.empty_at.get(later).map_or(END, |(empty, _)| *empty);
        stay.due.min(empty)
    }

    /// Finds out whether there are enough takers: the sooner due to the sooner begun.
    fn check_takers(&self, due: &[(u64, usize)]) -> Result<(), Decision> {
        let enough = |(place, (by, _)): &(usize, &(u64, usize))| {
            let taker = self.takers.get(*place);
            taker.is_some_and(|taker| instant(taker.inv) < *by)
        };
        let Some(missing) = due.iter().enumerate().find(|one| !enough(one)) else {
            return Ok(());
        };
        if !self.empty_at.is_empty() {
            return Err(Decision::Open);
        }
        let mut core: Vec<u32> = due[..=missing.0]
            .iter()
            .flat_map(|(_, at)| self.steps_of(*at).chain(self.steps_of_due(*at)))
            .chain(self.takers.iter().map(|taker| taker.at))
            .collect();
        core.sort_unstable();
        core.dedup();
        Err(refused(AnomalyName::OutOfOrder, core))
    }

    /// Gives what is due to the takers, and leaves in the queue what is not due.
    fn assign_takers(&mut self) -> Result<(), Decision> {
        let due = self.due();
        self.check_takers(&due)?;
        for at in 0..self.stays.len() {
            // Who may have taken it did if it was due.
            if !self.known(at) && (self.due_by(at) == END || self.stays[at].taken_by.is_none()) {
                self.stays[at].taken_by = None;
                self.stays[at].remove = (END, END);
            }
        }
        for ((_, at), taker) in due.into_iter().zip(&self.takers) {
            let stay = &mut self.stays[at];
            stay.remove = (instant(taker.inv).max(stay.insert.0), LATE);
            stay.taken_by = Some(taker.at);
        }
        Ok(())
    }

    /// Makes each element come and go before, or come after, each instant at which the queue was
    /// empty.
    fn keep_empty(&mut self) {
        for stay in &mut self.stays {
            let after = self
                .empty_at
                .partition_point(|(empty, _)| *empty < stay.remove.0);
            if let Some((empty, _)) = self.empty_at.get(after) {
                stay.remove.1 = stay.remove.1.min(empty - 1);
                stay.insert.1 = stay.insert.1.min(empty - 1);
            }
            if let Some((empty, _)) = after.checked_sub(1).map(|before| self.empty_at[before]) {
                stay.insert.0 = stay.insert.0.max(empty + 1);
            }
        }
    }

    /// The order of all steps: each as soon as it can be.
    fn order(&self) -> Option<Vec<u32>> {
        let inserts: Vec<(u64, u64)> = self.stays.iter().map(|stay| stay.insert).collect();
        let removes: Vec<(u64, u64)> = self.stays.iter().map(|stay| stay.remove).collect();
        let queue = extend_both(&inserts, &removes)?;
        let (mut inserted, mut removed) = (0, 0);
        // When, and among those at the same time: what is put in before what is taken out.
        let mut timed: Vec<(u64, u8, u32)> = Vec::with_capacity(2 * queue.len());
        for at in queue {
            let stay = &self.stays[at as usize];
            inserted = stay.insert.0.max(inserted);
            timed.push((inserted, 0, self.elements.elements[at as usize].insert.at));
            if let Some(taker) = stay.taken_by {
                removed = stay.remove.0.max(removed).max(inserted);
                timed.push((removed, 1, taker));
            }
        }
        timed.extend(self.empty_at.iter().map(|(empty, at)| (*empty, 0, *at)));
        timed.sort_by_key(|(when, kind, _)| (*when, *kind));
        Some(timed.into_iter().map(|(.., at)| at).collect())
    }
}

fn refused(name: AnomalyName, core: Vec<u32>) -> Decision {
    Decision::Invalid(Refusal { name, core })
}
