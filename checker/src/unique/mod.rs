//! Containers whose elements are unique, judged without search, in `O(n log n)`.
//!
//! A queue, a stack, a set to which each element comes at most once: then a removal names the
//! insertion that it belongs to, and the few ways in which such a history can go wrong are known.
//! [`Elements`] pairs insertions with removals, and finds what is wrong with any container (an
//! element that nobody put in, one that came out twice, or before it was put in); each container
//! adds its own order: [`fifo`], [`ranked`], [`stack`].
//!
//! It is exact: it says [`Decision::Open`] where it cannot tell, and the search decides. What it
//! says is not believed either: an order is validated by the sequential model, and the proof of a
//! violation is made smaller until each operation in it matters.

pub(crate) mod fifo;
mod gaps;
mod order;
pub(crate) mod ranked;
mod slack;
pub(crate) mod stack;
pub(crate) mod stays;

use crate::anomaly::AnomalyName;
use crate::hash::FastMap;
use crate::history::NEVER;
use crate::linearizable::Timed;
use crate::value::Value;

/// What was found without search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It cannot be told this way.
    Open,
    /// Places of the steps in an order that explains every result.
    Valid(Vec<u32>),
    /// No order explains every result.
    Invalid(Refusal),
}

/// Why no order explains every result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its name.
    pub name: AnomalyName,
    /// Places of steps that already contradict each other, whatever the others are.
    pub core: Vec<u32>,
}

/// What a step does to a container.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part<'a> {
    /// Puts this element in.
    Insert(&'a Value),
    /// Takes this element out.
    Remove(&'a Value),
    /// Takes out whatever is next: a removal whose result is not known.
    RemoveAny,
    /// Sees that there is nothing.
    Empty,
}

/// A step: its place, and when it was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// Its place among the steps.
    pub(crate) at: u32,
    pub(crate) inv: u32,
    /// [`NEVER`] if the outcome is unknown.
    pub(crate) ret: u32,
}

/// What became of an element.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Removal {
    /// It was taken out.
    Known(Span),
    /// It may have been taken out by this step, whose outcome is unknown.
    Perhaps(Span),
    /// Nobody says that he took it out, though a [`Elements::takers`] may have.
    None,
}

/// An element that was put in: if the outcome of that is unknown, it was taken out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element {
    pub(crate) insert: Span,
    pub(crate) removal: Removal,
}

/// A history of a container whose elements are unique.
#[derive(Clone, Debug, Default)]
pub(crate) struct Elements {
    pub(crate) elements: Vec<Element>,
    /// Steps that saw that there was nothing.
    pub(crate) empties: Vec<Span>,
    /// Removals of unknown outcome that may have taken any element, or none.
    pub(crate) takers: Vec<Span>,
}

/// Decides a container whose elements are unique: `part` says what each step does, and `container`
/// judges what is right for any container.
pub(crate) fn decide<'a, S>(
    steps: &'a [Timed<'a, S>],
    part: impl Fn(&'a S) -> Part<'a>,
    container: impl FnOnce(&Elements) -> Decision,
) -> Decision {
    match Elements::of(steps, part) {
        Ok(elements) => container(&elements),
        Err(decision) => decision,
    }
}

/// What is known of one value.
#[derive(Default)]
struct Found {
    insert: Option<Span>,
    removal: Option<Span>,
}

impl Elements {
    /// Pairs insertions with removals, unless that already decides, or an element is not unique.
    fn of<'a, S>(
        steps: &'a [Timed<'a, S>],
        part: impl Fn(&'a S) -> Part<'a>,
    ) -> Result<Elements, Decision> {
        let mut numbers: FastMap<&Value, u32> = FastMap::default();
        let mut found: Vec<Found> = Vec::new();
        let mut elements = Elements::default();
        let mut refusal: Option<Refusal> = None;
        let mut refuse = |name, core| {
            refusal.get_or_insert(Refusal { name, core });
        };
        let mut twice: Vec<(usize, u32)> = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            let span = Span {
                at: at as u32,
                inv: step.inv,
                ret: step.ret,
            };
            let (value, inserts) = match part(step.step) {
                Part::Insert(value) => (value, true),
                Part::Remove(value) => (value, false),
                Part::RemoveAny if span.ret == NEVER => {
                    elements.takers.push(span);
                    continue;
                }
                Part::RemoveAny => return Err(Decision::Open),
                Part::Empty => {
                    if span.ret != NEVER {
                        elements.empties.push(span);
                    }
                    continue;
                }
            };
            let number = *numbers.entry(value).or_insert(found.len() as u32) as usize;
            if number == found.len() {
                found.push(Found::default());
            }
            let found = &mut found[number];
            if inserts {
                if found.insert.replace(span).is_some() {
                    return Err(Decision::Open);
                }
                continue;
            }
            match &found.removal {
                Some(first) if first.ret != NEVER && span.ret != NEVER => {
                    twice.push((number, span.at));
                }
                // What surely happened counts; else what could have happened earlier.
                Some(_) if span.ret == NEVER => {}
                _ => found.removal = Some(span),
            }
        }
        for (number, second) in twice {
            let Found { insert, removal } = &found[number];
            let steps = insert.iter().chain(removal).map(|span| span.at);
            refuse(
                AnomalyName::DuplicateElement,
                steps.chain([second]).collect(),
            );
        }
        for Found { insert, removal } in found {
            match (insert, removal) {
                (None, Some(removal)) if removal.ret != NEVER => {
                    refuse(AnomalyName::PhantomElement, vec![removal.at]);
                }
                (Some(insert), Some(removal)) if removal.ret != NEVER => {
                    if removal.ret < insert.inv {
                        refuse(AnomalyName::PhantomElement, vec![insert.at, removal.at]);
                    }
                    let removal = Removal::Known(removal);
                    elements.elements.push(Element { insert, removal });
                }
                // What may not have been put in, and surely did not come out, does not matter:
                // without both, any order is as good.
                (Some(insert), removal) if insert.ret != NEVER => {
                    let removal = removal.map_or(Removal::None, Removal::Perhaps);
                    elements.elements.push(Element { insert, removal });
                }
                _ => {}
            }
        }
        match refusal {
            Some(refusal) => Err(Decision::Invalid(refusal)),
            None => Ok(elements),
        }
    }
}
