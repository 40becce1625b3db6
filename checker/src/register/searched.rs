//! Registers for engine E2: used where values repeat, or where a failed cas only says what it did
//! not see.

use super::access::{Access, Effect};
use super::minimal::drop_unseen;
use super::values::Values;
use crate::budget::Effort;
use crate::history::{Datum, NEVER};
use crate::search::{Found, ILLEGAL, Machine, Nature, Step, search};

/// What a class of steps does, with values as numbers, so that no question about it is a branch:
/// histories are too random for branches to be foreseen.
#[derive(Clone, Copy)]
struct Class {
    /// The value that it speaks of, where it sees anything.
    seen: u32,
    /// The value that it leaves, or [`SAME`].
    written: u32,
    /// Bit 0: it fits where another value is than `seen`; bit 1: it fits where `seen` is.
    fits: u8,
    nature: Nature,
}

/// The state stays as it is.
const SAME: u32 = u32::MAX - 1;

impl Class {
    fn of(effect: Effect, seen: u32, written: u32) -> Class {
        let (fits, written, nature) = match effect {
            Effect::Read(_) => (0b10, SAME, Nature::Look),
            Effect::NotValue(_) => (0b01, SAME, Nature::Look),
            Effect::Write(_) => (0b11, written, Nature::Blind),
            Effect::Cas(..) if seen == written => (0b10, SAME, Nature::Look),
            Effect::Cas(..) => (0b10, written, Nature::Change),
        };
        let seen = if nature == Nature::Blind { 0 } else { seen };
        Class {
            seen,
            written,
            fits,
            nature,
        }
    }

    /// Different for classes that differ; there are less than 2^31 values.
    fn bits(self) -> u64 {
        u64::from(self.fits) | u64::from(self.seen) << 2 | u64::from(self.written) << 33
    }
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
        let class = self.classes[class as usize];
        let fits = class.fits >> u8::from(class.seen == state) & 1 == 1;
        let after = if class.written == SAME {
            state
        } else {
            class.written
        };
        if fits { after } else { ILLEGAL }
    }

    #[inline]
    fn nature(&self, class: u32) -> Nature {
        self.classes[class as usize].nature
    }

    fn seen_until(&self, state: u32) -> u32 {
        self.seen_until.get(state as usize).copied().unwrap_or(0)
    }
}

/// What the search found of a key; accesses are named by their place in the slice.
pub(crate) fn find(accesses: &[Access], initial: Datum, effort: &mut Effort) -> Found {
    let mut kept = accesses.to_vec();
    for (at, access) in kept.iter_mut().enumerate() {
        access.place = at as u32;
    }
    drop_unseen(&mut kept);
    let (mut register, steps) = prepare(&kept, initial);
    match search(&mut register, &steps, effort) {
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

/// Room for so many different values is made in the beginning, and for some more classes; often
/// that is enough.
const FEW: usize = 16;

fn prepare(accesses: &[Access], initial: Datum) -> (Register, Vec<Step>) {
    let mut values = Values::default();
    values.reset(FEW);
    values.number(initial);
    // The numbers of the values of each access; per value its state.
    let mut numbered = Vec::with_capacity(accesses.len());
    let mut states = Vec::with_capacity(FEW);
    states.push(INITIAL);
    let mut seen_until = Vec::with_capacity(FEW);
    seen_until.extend([0, 0]);
    let mut not_value_until = 0;
    for access in accesses {
        let (seen, written) = match access.effect {
            Effect::Read(seen) | Effect::NotValue(seen) => (Some(seen), None),
            Effect::Write(written) => (None, Some(written)),
            Effect::Cas(seen, written) => (Some(seen), Some(written)),
        };
        let mut number = |value: Datum| {
            let number = values.number(value);
            if number as usize == states.len() {
                states.push(OTHER);
            }
            number
        };
        let (seen, written) = (seen.map(&mut number), written.map_or(0, &mut number));
        numbered.push((seen.unwrap_or(0), written));
        let Some(seen) = seen else {
            continue;
        };
        let state = &mut states[seen as usize];
        if *state == OTHER {
            *state = seen_until.len() as u32;
            seen_until.push(0);
        }
        let until = &mut seen_until[*state as usize];
        match access.effect {
            Effect::NotValue(_) => not_value_until = access.inv,
            // An unknown one can come at any time after its invocation.
            _ if access.ret == NEVER => *until = NEVER,
            _ => *until = (*until).max(access.inv),
        }
    }
    for until in &mut seen_until {
        *until = (*until).max(not_value_until);
    }
    let mut classes = Vec::with_capacity(FEW * 4);
    let mut class_numbers = Values::default();
    class_numbers.reset(FEW * 4);
    let mut steps = Vec::with_capacity(accesses.len());
    for (access, (seen, written)) in accesses.iter().zip(numbered) {
        let (seen, written) = (states[seen as usize], states[written as usize]);
        let class = Class::of(access.effect, seen, written);
        let number = class_numbers.number_of_bits(class.bits());
        if number as usize == classes.len() {
            classes.push(class);
        }
        steps.push(Step {
            class: number,
            inv: access.inv,
            ret: access.ret,
        });
    }
    (
        Register {
            classes,
            seen_until,
        },
        steps,
    )
}
