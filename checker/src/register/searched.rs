//! Registers for engine E2: used where values repeat, or where a failed cas only says what it did
//! not see.

use super::access::{Access, Effect};
use super::minimal::drop_unseen;
use crate::budget::Deadline;
use crate::hash::FastMap;
use crate::history::{Datum, NEVER};
use crate::search::{Found, ILLEGAL, Machine, Nature, Step, search};

/// What a class of steps does, with values as numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Class {
    Read(u32),
    Write(u32),
    Cas(u32, u32),
    NotValue(u32),
}

struct Register {
    classes: Vec<Class>,
    /// Per value the last invocation of a step that could see it.
    seen_until: Vec<u32>,
}

/// The number of the initial value, and of every value that nobody ever looks for.
const INITIAL: u32 = 0;
const OTHER: u32 = 1;

impl Machine for Register {
    fn initial(&self) -> u32 {
        INITIAL
    }

    #[inline]
    fn apply(&mut self, state: u32, class: u32) -> u32 {
        match self.classes[class as usize] {
            Class::Write(written) => written,
            Class::Read(seen) if seen == state => state,
            Class::Cas(seen, written) if seen == state => written,
            Class::NotValue(unseen) if unseen != state => state,
            _ => ILLEGAL,
        }
    }

    #[inline]
    fn nature(&self, class: u32) -> Nature {
        match self.classes[class as usize] {
            Class::Read(_) | Class::NotValue(_) => Nature::Look,
            Class::Write(_) => Nature::Blind,
            Class::Cas(seen, written) if seen == written => Nature::Look,
            Class::Cas(..) => Nature::Change,
        }
    }

    fn seen_until(&self, state: u32) -> u32 {
        self.seen_until.get(state as usize).copied().unwrap_or(0)
    }
}

/// What the search found of a key; accesses are named by their place in the slice.
pub(crate) fn find(
    accesses: &[Access],
    initial: Datum,
    deadline: Deadline,
    bytes_max: usize,
) -> Found {
    let mut kept = accesses.to_vec();
    for (at, access) in kept.iter_mut().enumerate() {
        access.place = at as u32;
    }
    drop_unseen(&mut kept);
    let (mut register, steps) = prepare(&kept, initial);
    match search(&mut register, &steps, deadline, bytes_max) {
        Found::Valid(order) => Found::Valid(
            order
                .into_iter()
                .map(|at| kept[at as usize].place)
                .collect(),
        ),
        Found::Invalid { stuck } => Found::Invalid {
            stuck: kept[stuck as usize].place,
        },
        Found::OutOfBudget {
            why,
            explained,
            stuck,
        } => Found::OutOfBudget {
            why,
            explained,
            stuck: kept[stuck as usize].place,
        },
    }
}

fn prepare(accesses: &[Access], initial: Datum) -> (Register, Vec<Step>) {
    let mut numbers: FastMap<Datum, u32> = FastMap::default();
    numbers.insert(initial, INITIAL);
    let mut seen_until = vec![0, 0];
    let mut not_value_until = 0;
    for access in accesses {
        let (Effect::Read(value) | Effect::Cas(value, _) | Effect::NotValue(value)) = access.effect
        else {
            continue;
        };
        let next = numbers.len() as u32 + 1;
        let number = *numbers.entry(value).or_insert(next);
        if number == next {
            seen_until.push(0);
        }
        match access.effect {
            Effect::NotValue(_) => not_value_until = access.inv,
            // An unknown one can come at any time after its invocation.
            _ if access.ret == NEVER => seen_until[number as usize] = NEVER,
            _ => seen_until[number as usize] = seen_until[number as usize].max(access.inv),
        }
    }
    for until in &mut seen_until {
        *until = (*until).max(not_value_until);
    }
    let number = |value: Datum| numbers.get(&value).copied().unwrap_or(OTHER);
    let mut classes = Vec::new();
    let mut class_numbers: FastMap<Class, u32> = FastMap::default();
    let steps = accesses
        .iter()
        .map(|access| {
            let class = match access.effect {
                Effect::Read(seen) => Class::Read(number(seen)),
                Effect::Write(written) => Class::Write(number(written)),
                Effect::Cas(seen, written) => Class::Cas(number(seen), number(written)),
                Effect::NotValue(unseen) => Class::NotValue(number(unseen)),
            };
            let class = *class_numbers.entry(class).or_insert_with(|| {
                classes.push(class);
                classes.len() as u32 - 1
            });
            Step {
                class,
                inv: access.inv,
                ret: access.ret,
            }
        })
        .collect();
    (
        Register {
            classes,
            seen_until,
        },
        steps,
    )
}
