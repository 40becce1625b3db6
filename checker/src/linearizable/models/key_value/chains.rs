//! Text or lists to which each part is written once: decided without search.
//!
//! A get then names all who wrote what it saw, in their order; so it is a register on which an
//! append is a compare-and-set from what was there before it to what it left. An append that
//! nobody saw can have come wherever nobody looked: it is a write of a value that nobody read.
//! [`Zones`] decide that in `O(n log n)`.

use super::KeyValueStep;
use super::sequences::{Sequences, Unreadable};
use crate::anomaly::AnomalyName;
use crate::history::{Datum, NEVER};
use crate::linearizable::{Decision, Misfit, Refusal, Timed};
use crate::register::access::{Access, Effect};
use crate::register::zones::{Conflict, Judgement, NONE, Online, Zones};
use crate::value::Value;
use std::collections::BTreeSet;

struct Chains<'a> {
    steps: &'a [Timed<'a, KeyValueStep>],
    sequences: Sequences<'a>,
    /// Per part that was written: the state before it, if somebody saw that, and who did; and who
    /// saw the part.
    before: Vec<Option<u32>>,
    before_by: Vec<u32>,
    seen_by: Vec<u32>,
}

/// The number of the initial state; the others are those of what was written last, plus one.
const INITIAL: u32 = 0;

/// Decides the steps of one key.
pub(super) fn decide<'a>(initial: &'a Value, steps: &'a [Timed<'a, KeyValueStep>]) -> Decision {
    match Chains::new(initial, steps) {
        None => Decision::Open,
        Some(mut chains) => chains.decide().unwrap_or_else(Decision::Invalid),
    }
}

/// All violations, those that returned first first, if values can be cut in only one way.
pub(super) fn misfits<'a>(
    initial: &'a Value,
    steps: &'a [Timed<'a, KeyValueStep>],
) -> Option<Vec<Misfit>> {
    Some(Chains::new(initial, steps)?.misfits())
}

impl<'a> Chains<'a> {
    fn new(initial: &'a Value, steps: &'a [Timed<'a, KeyValueStep>]) -> Option<Self> {
        let sequences = Sequences::new(initial, steps)?;
        let count = sequences.written.len();
        Some(Chains {
            steps,
            sequences,
            before: vec![None; count],
            before_by: vec![NONE; count],
            seen_by: vec![NONE; count],
        })
    }

    fn decide(&mut self) -> Result<Decision, Refusal> {
        let steps = self.steps;
        let mut states = vec![INITIAL; steps.len()];
        for (at, step) in steps.iter().enumerate() {
            if let (KeyValueStep::Get(seen), true) = (step.step, step.ret != NEVER) {
                states[at] = self.read(at as u32, seen)?;
            }
        }
        for (number, written) in self.sequences.written.iter().enumerate() {
            states[written.step as usize] = number as u32 + 1;
        }
        let mut accesses = Vec::with_capacity(steps.len());
        for (at, step) in steps.iter().enumerate() {
            let state = datum(states[at]);
            let effect = match step.step {
                KeyValueStep::Get(_) if step.ret == NEVER => continue,
                KeyValueStep::Get(_) => Effect::Read(state),
                KeyValueStep::Put(_) => Effect::Write(state),
                KeyValueStep::Append(_) => match self.before[states[at] as usize - 1] {
                    Some(before) => Effect::Cas(datum(before), state),
                    None => Effect::Write(state),
                },
            };
            accesses.push(Access {
                effect,
                inv: step.inv,
                ret: step.ret,
                place: at as u32,
            });
        }
        let mut zones = Zones::default();
        match zones.judge(&accesses, datum(INITIAL)) {
            Judgement::NotExact => Ok(Decision::Open),
            Judgement::Valid => {
                let order = zones.witness(&accesses).into_iter();
                let places = order.map(|at| accesses[at as usize].place);
                Ok(Decision::Valid(places.collect()))
            }
            Judgement::Invalid(conflict) => Err(Refusal {
                name: name(&conflict, &accesses),
                core: self.core(members(&conflict).map(|at| accesses[at as usize].place)),
            }),
        }
    }

    /// The state that a get saw; what came before what is told by the first who saw it.
    fn read(&mut self, at: u32, seen: &'a Value) -> Result<u32, Refusal> {
        let refuse = |name, core| Refusal { name, core };
        let new = match self.sequences.cut(seen) {
            Ok(new) => new,
            Err(Unreadable::Phantom) => {
                return Err(refuse(AnomalyName::PhantomRead, vec![at]));
            }
            Err(Unreadable::Twice(number)) => {
                let twice = self.sequences.written[number as usize].step;
                return Err(refuse(AnomalyName::DuplicateEffect, vec![twice, at]));
            }
        };
        let sequence = self.sequences.parts(..new.end);
        // What it has in common with another one was looked at there.
        let mut state = sequence[..new.start]
            .last()
            .map_or(INITIAL, |number| number + 1);
        let mut other = None;
        for number in &sequence[new] {
            let place = *number as usize;
            if self.seen_by[place] == NONE {
                self.seen_by[place] = at;
            }
            if !self.sequences.written[place].puts {
                match self.before[place] {
                    None => {
                        self.before[place] = Some(state);
                        self.before_by[place] = at;
                    }
                    Some(before) if before != state => {
                        other = other.or(Some(self.before_by[place]));
                    }
                    Some(_) => {}
                }
            }
            state = number + 1;
        }
        match other {
            Some(other) => Err(refuse(
                AnomalyName::IncompatibleOrder,
                self.core([other, at].into_iter()),
            )),
            None => Ok(state),
        }
    }

    /// These steps, with those who saw what they wrote, and those who wrote what they saw.
    fn core(&mut self, members: impl Iterator<Item = u32>) -> Vec<u32> {
        let mut core: BTreeSet<u32> = members.collect();
        let mut gets = Vec::new();
        for at in &core {
            match self.steps[*at as usize].step {
                KeyValueStep::Get(_) => gets.push(*at),
                _ => {
                    let written = &self.sequences.written;
                    let number = written.partition_point(|written| written.step < *at);
                    gets.extend([self.seen_by[number]].into_iter().filter(|by| *by != NONE));
                }
            }
        }
        for at in gets {
            core.insert(at);
            if let KeyValueStep::Get(seen) = self.steps[at as usize].step {
                let sequence = self.sequences.sequence(seen).unwrap_or_default().to_vec();
                let written = sequence.iter().map(|number| *number as usize);
                core.extend(written.map(|number| self.sequences.written[number].step));
            }
        }
        core.into_iter().collect()
    }

    fn misfits(mut self) -> Vec<Misfit> {
        let steps = self.steps;
        let accesses: Vec<Access> = steps
            .iter()
            .enumerate()
            .map(|(at, step)| Access {
                effect: match step.step {
                    KeyValueStep::Get(_) => Effect::Read(Datum::NIL),
                    _ => Effect::Write(Datum::NIL),
                },
                inv: step.inv,
                ret: step.ret,
                place: at as u32,
            })
            .collect();
        let mut seen_written = vec![(NONE, NONE); steps.len()];
        for (number, written) in self.sequences.written.iter().enumerate() {
            seen_written[written.step as usize].1 = number as u32 + 1;
        }
        let mut online = Online::new(&accesses, seen_written, self.before.len() + 1);
        let mut misfits = Vec::new();
        while let Some(at) = online.next() {
            let mut linked = Vec::new();
            let found = match steps[at as usize].step {
                KeyValueStep::Get(seen) => self.link(&mut online, at, seen, &mut linked),
                _ => Ok(()),
            };
            let found = found.and_then(|()| {
                let named = |conflict| name(&conflict, &accesses);
                online.complete(at).map_err(named)
            });
            if let Err(name) = found {
                misfits.push(Misfit { at, name });
                for number in linked {
                    self.before[number as usize] = None;
                    let step = self.sequences.written[number as usize].step;
                    online.relink(step, NONE);
                }
            }
        }
        misfits
    }

    /// Takes from what a get saw what each append in it continued, and what the get itself saw.
    fn link(
        &mut self,
        online: &mut Online<'_>,
        at: u32,
        seen: &'a Value,
        linked: &mut Vec<u32>,
    ) -> Result<(), AnomalyName> {
        let sequence = match self.sequences.sequence(seen) {
            Ok(sequence) => sequence.to_vec(),
            Err(Unreadable::Phantom) => return Err(AnomalyName::PhantomRead),
            Err(Unreadable::Twice(_)) => return Err(AnomalyName::DuplicateEffect),
        };
        let mut state = INITIAL;
        for number in sequence {
            let written = self.sequences.written[number as usize];
            let before = &mut self.before[number as usize];
            match before {
                _ if written.puts => {}
                Some(before) if *before != state => return Err(AnomalyName::IncompatibleOrder),
                Some(_) => {}
                None => {
                    *before = Some(state);
                    online.relink(written.step, state);
                    linked.push(number);
                }
            }
            state = number + 1;
        }
        online.relink(at, state);
        Ok(())
    }
}

fn datum(state: u32) -> Datum {
    Datum::small(i64::from(state)).unwrap_or(Datum::NIL)
}

fn members(conflict: &Conflict) -> impl Iterator<Item = u32> + use<> {
    let members = match conflict {
        Conflict::Phantom { reader } => vec![*reader],
        Conflict::LostUpdate { first, second } => vec![*first, *second],
        Conflict::CasCycle { members } => members.clone(),
        Conflict::Order { earlier, later } => vec![*earlier, *later],
        Conflict::Blocks { a, b, c, d } => vec![*a, *b, *c, *d],
    };
    members.into_iter().filter(|at| *at != NONE)
}

fn name(conflict: &Conflict, accesses: &[Access]) -> AnomalyName {
    let reads = |at: u32| at != NONE && matches!(accesses[at as usize].effect, Effect::Read(_));
    match conflict {
        Conflict::LostUpdate { .. } | Conflict::CasCycle { .. } => AnomalyName::IncompatibleOrder,
        Conflict::Phantom { .. } => AnomalyName::ReadFromTheFuture,
        Conflict::Order { earlier, .. } if reads(*earlier) => AnomalyName::StaleRead,
        Conflict::Order { .. } => AnomalyName::ReadFromTheFuture,
        Conflict::Blocks { b, c, d, a } => match (reads(*d), reads(*b)) {
            (true, _) if reads(*c) => AnomalyName::NewOldInversion,
            (false, true) if reads(*a) => AnomalyName::NewOldInversion,
            (true, _) | (_, true) => AnomalyName::StaleRead,
            (false, false) => AnomalyName::NotLinearizable,
        },
    }
}
