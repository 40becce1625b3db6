//! When each element is surely inside: what unordered queues, priority queues and stacks are judged
//! by, in `O(n log n)`.
//!
//! An element is a [`Stay`]: one put, and one take or none. It is *surely inside* between the return
//! of its put and the invocation of its take. Everything is asked of the *gaps* between two events
//! that follow each other: gap `g` lies after event `g`, an operation can take effect in the gaps
//! `inv..ret`, and a stay *covers* the gaps `put.ret..take.inv`.
//!
//! To leave out an element (its put and its take) never makes a valid history of these containers
//! invalid. So a put of unknown outcome that nobody took from may be left out, and any elements that
//! are wrong among themselves prove the whole history to be.
//!
//! The questions are those of "Efficient Decrease-and-Conquer Linearizability Monitoring" (Lee and
//! Mathur, OOPSLA 2025); the arguments are written down where they are used.

#[cfg(test)]
mod tests;

use super::{Decision, Elements, Refusal, Removal};
use crate::anomaly::AnomalyName;
use crate::history::NEVER;

/// When an operation was invoked and returned, by the order of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) inv: u32,
    /// [`NEVER`] if the outcome is unknown.
    pub(crate) ret: u32,
}

/// One value's stay in a collection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stay {
    pub(crate) put: Span,
    /// Not there if the value was never taken.
    pub(crate) take: Option<Span>,
    /// In a priority queue, the lowest rank comes out first; equal ranks come out in any order.
    pub(crate) rank: i64,
}

/// All that is known of one collection. The positions of events are `0..events`, each used once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stays {
    pub(crate) stays: Vec<Stay>,
    /// Takes that found nothing.
    pub(crate) empties: Vec<Span>,
    pub(crate) events: u32,
}

/// One step of a witness, by the place of the stay or of the empty take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    Put(u32),
    Take(u32),
    Empty(u32),
}

/// A part that fits no order: places of stays and of empty takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Core {
    pub(crate) stays: Vec<u32>,
    pub(crate) empties: Vec<u32>,
}

/// Decides a container by a judge of stays, given each element's rank by the place of its insertion.
///
/// A removal of unknown outcome may have taken any element that is still there. Without such removals
/// everything may be in order as it is; if not, and there is an element that one of them may have
/// taken, it stays open.
pub(crate) fn decide(
    elements: &Elements,
    rank: impl Fn(u32) -> i64,
    judge: fn(&Stays) -> Result<Vec<Move>, Core>,
) -> Decision {
    let mut positions: Vec<u32> = Vec::with_capacity(elements.elements.len() * 4);
    let mut note = |span: &super::Span| {
        positions.push(span.inv);
        positions.extend((span.ret != NEVER).then_some(span.ret));
    };
    for element in &elements.elements {
        note(&element.insert);
        if let Removal::Known(span) = &element.removal {
            note(span);
        }
    }
    elements.empties.iter().for_each(&mut note);
    positions.sort_unstable();
    let event = |position: u32| match position {
        NEVER => NEVER,
        position => positions.partition_point(|one| *one < position) as u32,
    };
    let span = |span: &super::Span| Span {
        inv: event(span.inv),
        ret: event(span.ret),
    };
    let stays = Stays {
        stays: elements
            .elements
            .iter()
            .map(|element| Stay {
                put: span(&element.insert),
                take: match &element.removal {
                    Removal::Known(removal) => Some(span(removal)),
                    Removal::Perhaps(_) | Removal::None => None,
                },
                rank: rank(element.insert.at),
            })
            .collect(),
        empties: elements.empties.iter().map(span).collect(),
        events: positions.len() as u32,
    };
    let removed_at = |stay: u32| match elements.elements[stay as usize].removal {
        Removal::Known(removal) => Some(removal.at),
        Removal::Perhaps(_) | Removal::None => None,
    };
    let put_at = |stay: u32| elements.elements[stay as usize].insert.at;
    match judge(&stays) {
        Ok(moves) => Decision::Valid(
            moves
                .into_iter()
                .filter_map(|one| match one {
                    Move::Put(stay) => Some(put_at(stay)),
                    Move::Take(stay) => removed_at(stay),
                    Move::Empty(at) => Some(elements.empties[at as usize].at),
                })
                .collect(),
        ),
        Err(core) => {
            let perhaps = |element: &super::Element| {
                matches!(element.removal, Removal::Perhaps(_))
                    || !elements.takers.is_empty() && matches!(element.removal, Removal::None)
            };
            if elements.elements.iter().any(perhaps) {
                return Decision::Open;
            }
            let name = match core.empties.is_empty() {
                true => AnomalyName::OutOfOrder,
                false => AnomalyName::EmptyThoughFull,
            };
            let stays = core.stays.iter();
            let steps =
                stays.flat_map(|stay| std::iter::once(put_at(*stay)).chain(removed_at(*stay)));
            let empties = core.empties.iter();
            let empties = empties.map(|at| elements.empties[*at as usize].at);
            // Without those, what is left when something is forgotten could prove too much.
            let takers = elements.takers.iter().map(|taker| taker.at);
            let core = steps.chain(empties).chain(takers).collect();
            Decision::Invalid(Refusal { name, core })
        }
    }
}

impl Stay {
    /// The invocation of its take; the end of all events if there is none.
    pub(super) fn taken(&self, events: u32) -> u32 {
        self.take.map_or(events, |take| take.inv)
    }

    /// The return of its take; never if there is none.
    pub(super) fn gone(&self) -> u32 {
        self.take.map_or(NEVER, |take| take.ret)
    }

    /// The gaps in which it is surely inside.
    pub(super) fn covers(&self, events: u32) -> std::ops::Range<u32> {
        let taken = self.taken(events);
        self.put.ret.min(taken)..taken
    }
}

impl Stays {
    /// The stays that nothing but their puts of unknown outcome speak for: they need not have been.
    pub(super) fn is_idle(stay: &Stay) -> bool {
        stay.put.ret == NEVER && stay.take.is_none()
    }

    /// The stays that cover the gaps `from..=to`, as few as can be; none if they do not.
    pub(super) fn cover(&self, from: u32, to: u32, among: impl Fn(&Stay) -> bool) -> Vec<u32> {
        let mut ranges: Vec<(std::ops::Range<u32>, u32)> = self
            .stays
            .iter()
            .enumerate()
            .filter(|(_, stay)| among(stay))
            .map(|(place, stay)| (stay.covers(self.events), place as u32))
            .filter(|(range, _)| !range.is_empty() && range.start <= to && range.end > from)
            .collect();
        ranges.sort_unstable_by_key(|(range, _)| range.start);
        let mut chain = Vec::new();
        let (mut next, mut reached) = (0, from);
        while reached <= to {
            let mut best: Option<(u32, u32)> = None;
            while let Some((range, place)) = ranges.get(next)
                && range.start <= reached
            {
                best = best.max(Some((range.end, *place)));
                next += 1;
            }
            match best {
                Some((end, place)) if end > reached => {
                    chain.push(place);
                    reached = end;
                }
                _ => return Vec::new(),
            }
        }
        chain
    }
}
