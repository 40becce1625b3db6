//! Text or lists to which different parts are written: decided without search.
//!
//! A get then names what was written before it, in its order; so it is a register on which an
//! append is a compare-and-set from what was there before it to what it left. An append that
//! nobody saw can have come wherever nobody looked: it is a write of a value that nobody read.
//! [`Zones`] decide that in `O(n log n)`.
//!
//! Where the same part was appended more than once, each way in which the appends can be those
//! that were seen is tried, if the ways are few.

use super::KeyValueStep;
use super::sequences::Sequences;
use super::trie::{Candidates, Trie};
use crate::anomaly::AnomalyName;
use crate::history::{Datum, NEVER};
use crate::linearizable::{Decision, Misfit, Refusal, Timed};
use crate::register::access::{Access, Effect};
use crate::register::zones::{Conflict, Judgement, NONE, Online, Zones};
use crate::value::Value;
use std::collections::BTreeSet;

/// How many ways are tried.
const WAYS_MAX: usize = 64;

/// The number of the initial state; the others are those of what was seen last, plus one.
const INITIAL: u32 = 0;

/// Decides the steps of one key.
pub(super) fn decide<'a>(initial: &'a Value, steps: &'a [Timed<'a, KeyValueStep>]) -> Decision {
    let Some(sequences) = Sequences::new(initial, steps) else {
        return Decision::Open;
    };
    let chains = Chains {
        steps,
        trie: Trie::default(),
        sequences,
    };
    chains.decide().unwrap_or_else(Decision::Invalid)
}

/// What contradicts each other, if everything was written in one way.
struct Clash {
    refusal: Refusal,
    members: Vec<u32>,
}

struct Chains<'a> {
    steps: &'a [Timed<'a, KeyValueStep>],
    sequences: Sequences<'a>,
    trie: Trie,
}

impl<'a> Chains<'a> {
    fn decide(mut self) -> Result<Decision, Refusal> {
        let steps = self.steps;
        // Per get the state that it saw.
        let mut states = vec![INITIAL; steps.len()];
        for (at, step) in steps.iter().enumerate() {
            if let (KeyValueStep::Get(seen), true) = (step.step, step.ret != NEVER) {
                let refuse = |_| Refusal {
                    name: AnomalyName::PhantomRead,
                    core: vec![at as u32],
                };
                let new = self.sequences.cut(seen).map_err(refuse)?;
                let sequence = self.sequences.parts(..new.end);
                states[at] = self.trie.add(sequence, new.start, at as u32, step.ret);
            }
        }
        let candidates = match self.trie.candidates(&self.sequences, steps) {
            Ok(candidates) => candidates,
            Err(None) => return Ok(Decision::Open),
            Err(Some((name, nodes))) => {
                let seen_by = nodes.into_iter().map(|node| self.trie.seen_by(node));
                let core = self.core(seen_by.collect(), &[]);
                return Err(Refusal { name, core });
            }
        };
        let mut tries = WAYS_MAX;
        let mut fixed = vec![None; candidates.groups.len()];
        self.decide_all(&states, &candidates, &mut fixed, &mut tries)
    }

    /// Decides all ways that agree with those that are fixed. A conflict in which no step has a
    /// choice holds in each of them; else only those choices are tried that it is about.
    fn decide_all(
        &self,
        states: &[u32],
        candidates: &Candidates,
        fixed: &mut [Option<usize>],
        tries: &mut usize,
    ) -> Result<Decision, Refusal> {
        if *tries == 0 {
            return Ok(Decision::Open);
        }
        *tries -= 1;
        let Clash { refusal, members } = match self.decide_way(states, &candidates.steps_of(fixed))
        {
            Ok(decision) => return Ok(decision),
            Err(clash) => clash,
        };
        let open = |group: &usize| fixed[*group].is_none();
        let Some(group) = candidates.groups_of(&members).find(open) else {
            return Err(refusal);
        };
        // Together they are a proof only if there is no other choice.
        let mut core = candidates.groups[group].writers.clone();
        for way in 0..candidates.groups[group].ways.len() {
            fixed[group] = Some(way);
            let decided = self.decide_all(states, candidates, fixed, tries);
            fixed[group] = None;
            match decided {
                Ok(decision) => return Ok(decision),
                Err(refusal) => core.extend(refusal.core),
            }
        }
        core.sort_unstable();
        core.dedup();
        Err(Refusal { core, ..refusal })
    }

    /// Decides, if each state was written by this step.
    fn decide_way(&self, states: &[u32], written: &[u32]) -> Result<Decision, Clash> {
        let mut own = vec![NONE; self.steps.len()];
        for (node, step) in written.iter().enumerate() {
            own[*step as usize] = node as u32;
        }
        let mut accesses = Vec::with_capacity(self.steps.len());
        for (at, step) in self.steps.iter().enumerate() {
            // What nobody saw has a state of its own.
            let node = own[at];
            let unseen = written.len() as u32 + at as u32 + 1;
            let state = datum(if node == NONE { unseen } else { node + 1 });
            let effect = match step.step {
                KeyValueStep::Get(_) if step.ret == NEVER => continue,
                KeyValueStep::Get(_) => Effect::Read(datum(states[at])),
                KeyValueStep::Append(_) if node != NONE => {
                    Effect::Cas(datum(self.trie.before(node)), state)
                }
                KeyValueStep::Append(_) | KeyValueStep::Put(_) => Effect::Write(state),
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
            Judgement::Invalid(conflict) => {
                let members = members(&conflict).map(|at| accesses[at as usize].place);
                let members: Vec<u32> = members.collect();
                let core = self.core(members.iter().copied().collect(), &own);
                let name = name(&conflict, &accesses);
                let refusal = Refusal { name, core };
                Err(Clash { refusal, members })
            }
        }
    }

    /// These steps, with those who saw what they wrote, and those who wrote what they saw.
    fn core(&self, mut core: BTreeSet<u32>, own: &[u32]) -> Vec<u32> {
        let seen_by = |at: &u32| match own.get(*at as usize) {
            None | Some(&NONE) => None,
            Some(node) => Some(self.trie.seen_by(*node)),
        };
        let saw: Vec<u32> = core.iter().filter_map(seen_by).collect();
        core.extend(saw);
        let gets: Vec<u32> = core
            .iter()
            .copied()
            .filter(|at| matches!(self.steps[*at as usize].step, KeyValueStep::Get(_)))
            .collect();
        for get in gets {
            for label in self.trie.path(get) {
                let label = &self.sequences.labels[label as usize];
                core.extend(label.puts.iter().chain(&label.appends));
            }
        }
        core.into_iter().collect()
    }
}

/// All violations, those that returned first first, if each part was written only once.
pub(super) fn misfits<'a>(
    initial: &'a Value,
    steps: &'a [Timed<'a, KeyValueStep>],
) -> Option<Vec<Misfit>> {
    let sequences = Sequences::new(initial, steps)?;
    let once = |label: &super::sequences::Label| label.puts.len() + label.appends.len() == 1;
    let all_once = sequences.labels.iter().all(once);
    all_once.then(|| Misfits::new(sequences, steps).find())
}

/// Follows the returns of a key of which each part was written once.
struct Misfits<'a> {
    steps: &'a [Timed<'a, KeyValueStep>],
    sequences: Sequences<'a>,
    /// Per label the state before it, if somebody saw that.
    before: Vec<Option<u32>>,
}

impl<'a> Misfits<'a> {
    fn new(sequences: Sequences<'a>, steps: &'a [Timed<'a, KeyValueStep>]) -> Self {
        Misfits {
            steps,
            before: vec![None; sequences.labels.len()],
            sequences,
        }
    }

    fn find(mut self) -> Vec<Misfit> {
        let steps = self.steps;
        let access = |(at, step): (usize, &Timed<'_, KeyValueStep>)| Access {
            effect: match step.step {
                KeyValueStep::Get(_) => Effect::Read(Datum::NIL),
                _ => Effect::Write(Datum::NIL),
            },
            inv: step.inv,
            ret: step.ret,
            place: at as u32,
        };
        let accesses: Vec<Access> = steps.iter().enumerate().map(access).collect();
        let mut seen_written = vec![(NONE, NONE); steps.len()];
        for (number, label) in self.sequences.labels.iter().enumerate() {
            for step in label.puts.iter().chain(&label.appends) {
                seen_written[*step as usize].1 = number as u32 + 1;
            }
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
                    let step = self.sequences.labels[number as usize].appends[0];
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
            Err(_) => return Err(AnomalyName::PhantomRead),
        };
        let mut state = INITIAL;
        let mut parts = BTreeSet::new();
        for number in sequence {
            if !parts.insert(number) {
                return Err(AnomalyName::DuplicateEffect);
            }
            let append = self.sequences.labels[number as usize].appends.first();
            let before = &mut self.before[number as usize];
            match (append, *before) {
                (None, _) => {}
                (Some(_), Some(before)) if before != state => {
                    return Err(AnomalyName::IncompatibleOrder);
                }
                (Some(_), Some(_)) => {}
                (Some(append), None) => {
                    *before = Some(state);
                    online.relink(*append, state);
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
        Conflict::Blocks { a, b, c, d } => match (reads(*d), reads(*b)) {
            (true, _) if reads(*c) => AnomalyName::NewOldInversion,
            (false, true) if reads(*a) => AnomalyName::NewOldInversion,
            (true, _) | (_, true) => AnomalyName::StaleRead,
            (false, false) => AnomalyName::NotLinearizable,
        },
    }
}
