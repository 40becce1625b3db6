//! Which results of a key are violations, in the order in which they came.
//!
//! Zones are kept up while operations return, one after the other. A result that fits no order,
//! given all that returned before it, is a violation; it is then forgotten (the read did not
//! happen, the write may happen at any later time), so that each violation is counted once, and
//! what follows from it is not. `O(n log n)`.

use super::super::access::{Access, Effect};
use super::{Conflict, INITIAL, NONE, Zones};
use crate::history::NEVER;

/// A result that fits no order, given all that returned before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// The access, by its place in the slice.
    pub(crate) access: u32,
    /// What it contradicts.
    pub(crate) conflict: Conflict,
}

/// What is known of a value.
#[derive(Clone, Copy)]
struct Seen {
    /// The access that wrote it, once it was invoked.
    writer: u32,
    /// Its block and its stage there, once somebody saw it, or its writer returned.
    block: u32,
    stage: u32,
    /// The cas that replaced it.
    next: u32,
}

/// From the first return of a block to its last invocation.
#[derive(Clone, Copy)]
struct Zone {
    ret: u32,
    ret_at: u32,
    inv: u32,
    inv_at: u32,
    /// Its place in [`Online::last`]: that of its first return.
    slot: usize,
}

/// That of a block of which nothing is known.
const NOWHERE: Zone = Zone {
    ret: NEVER,
    ret_at: NONE,
    inv: 0,
    inv_at: NONE,
    slot: usize::MAX,
};

impl Zone {
    fn begin_at(&mut self, inv: u32, at: u32) {
        if self.inv_at == NONE || inv > self.inv {
            (self.inv, self.inv_at) = (inv, at);
        }
    }

    fn end_at(&mut self, ret: u32, at: u32, slot: usize) {
        if ret < self.ret {
            (self.ret, self.ret_at, self.slot) = (ret, at, slot);
        }
    }
}

/// What is known of a block.
struct Block {
    zone: Zone,
    stages: u32,
    /// Per stage the first return in it or after it; only the first few have one.
    first_returns: Vec<(u32, u32)>,
}

impl Block {
    fn new(zone: Zone) -> Block {
        Block {
            zone,
            stages: 0,
            first_returns: Vec::new(),
        }
    }

    fn returned(&mut self, stage: u32, ret: u32, at: u32) {
        let stage = stage as usize;
        if self.first_returns.len() <= stage {
            self.first_returns.resize(stage + 1, (NEVER, NONE));
        }
        for first in self.first_returns[..=stage].iter_mut().rev() {
            if first.0 <= ret {
                break;
            }
            *first = (ret, at);
        }
    }
}

/// Zones of one key, kept up while operations return.
pub(crate) struct Online<'a> {
    accesses: &'a [Access],
    /// Per access the number of the value seen and of the value written; zero is the initial one.
    seen_written: Vec<(u32, u32)>,
    values: Vec<Seen>,
    blocks: Vec<Block>,
    /// All returns, in their order.
    returns: Vec<u32>,
    /// How many of them were taken into account, or found to be violations.
    completed: usize,
    invoked: usize,
    /// The last invocation of each block: at the place of the return that was its first, plus one.
    last: Maxima,
}

impl Zones {
    /// After [`super::Judgement::Invalid`]: all violations, those that returned first first. Says
    /// also whether these are all: where values repeat, only what nobody ever wrote is found.
    pub(crate) fn violations(&self, accesses: &[Access]) -> (Vec<Misfit>, bool) {
        let values = self.values.len();
        let mut online = Online::new(accesses, self.seen_written.clone(), values);
        if self.written_twice && self.second_writer_matters() {
            let nobody = |at: &u32| {
                let (seen, _) = self.seen_written[*at as usize];
                seen != NONE && seen != INITIAL && self.values[seen as usize].writer == NONE
            };
            let returns = online.returns.into_iter();
            let phantoms = returns.filter(nobody).map(|access| Misfit {
                access,
                conflict: Conflict::Phantom { reader: access },
            });
            return (phantoms.collect(), false);
        }
        let mut found = Vec::new();
        while let Some(access) = online.next() {
            if let Err(conflict) = online.complete(access) {
                let conflict = self.with_late_writer(conflict, access);
                found.push(Misfit { access, conflict });
            }
        }
        (found, true)
    }

    /// What nobody had written yet, but somebody did later, came from the future.
    fn with_late_writer(&self, conflict: Conflict, access: u32) -> Conflict {
        let Conflict::Phantom { reader } = conflict else {
            return conflict;
        };
        let (seen, _) = self.seen_written[reader as usize];
        match self.values[seen as usize].writer {
            NONE => conflict,
            earlier => Conflict::Order {
                earlier,
                later: access,
            },
        }
    }
}

impl<'a> Online<'a> {
    /// Nothing has happened yet. The accesses are in the order of their invocations.
    pub(crate) fn new(
        accesses: &'a [Access],
        seen_written: Vec<(u32, u32)>,
        values: usize,
    ) -> Self {
        let mut returns: Vec<u32> = (0..accesses.len() as u32)
            .filter(|at| accesses[*at as usize].ret != NEVER)
            .collect();
        returns.sort_unstable_by_key(|at| accesses[*at as usize].ret);
        let nothing = Seen {
            writer: NONE,
            block: NONE,
            stage: 0,
            next: NONE,
        };
        let mut all = vec![nothing; values];
        all[INITIAL as usize].block = 0;
        Online {
            accesses,
            seen_written,
            values: all,
            blocks: vec![Block {
                stages: 1,
                ..Block::new(Zone {
                    ret: 0,
                    slot: 0,
                    ..NOWHERE
                })
            }],
            last: Maxima::new(returns.len() + 1),
            returns,
            completed: 0,
            invoked: 0,
        }
    }

    /// The access that returns next; those that were invoked before are known now.
    pub(crate) fn next(&mut self) -> Option<u32> {
        let access = *self.returns.get(self.completed)?;
        self.completed += 1;
        let ret = self.accesses[access as usize].ret;
        while let Some(next) = self
            .accesses
            .get(self.invoked)
            .filter(|next| next.inv < ret)
        {
            let writes = !matches!(next.effect, Effect::Read(_) | Effect::NotValue(_));
            let (_, written) = self.seen_written[self.invoked];
            if writes && self.values[written as usize].writer == NONE {
                self.values[written as usize].writer = self.invoked as u32;
            }
            self.invoked += 1;
        }
        Some(access)
    }

    /// What a write was thought to see and write, and from now on is: a plain write that turns out
    /// to have continued a value, or the other way round. Its own block, if it has one, is joined
    /// to that of the value when a result needs it.
    pub(crate) fn relink(&mut self, access: u32, seen: u32) {
        self.seen_written[access as usize].0 = seen;
    }

    /// Takes the result of the access that returned last into account, unless it contradicts what
    /// is known.
    pub(crate) fn complete(&mut self, at: u32) -> Result<(), Conflict> {
        let access = self.accesses[at as usize];
        let (seen, written) = self.seen_written[at as usize];
        let value = match access.effect {
            Effect::Read(_) => seen,
            Effect::Write(_) | Effect::Cas(..) => written,
            Effect::NotValue(_) => return Ok(()),
        };
        let chain = self.chain(value, at)?;
        let begins = chain
            .last()
            .is_some_and(|writer| self.seen_written[*writer as usize].0 == NONE);
        let number = match chain.last() {
            // A plain write that nobody knew of begins a block.
            Some(_) if begins => self.blocks.len(),
            Some(writer) => self.block_of(self.seen_written[*writer as usize].0),
            None => self.block_of(value),
        };
        let mut zone = self.blocks.get(number).map_or(NOWHERE, |block| block.zone);
        // What takes its place: the zone of the block, and those of writers that returned before
        // anybody knew what they continued.
        let mut replaced = vec![zone];
        for one in chain.iter().rev() {
            if let Some(own) = self.own_block(*one) {
                if own.zone.ret < zone.inv {
                    return Err(Conflict::Order {
                        earlier: zone.inv_at,
                        later: own.zone.ret_at,
                    });
                }
                replaced.push(own.zone);
                zone.end_at(own.zone.ret, own.zone.ret_at, own.zone.slot);
            }
            zone.begin_at(self.accesses[*one as usize].inv, *one);
        }
        zone.begin_at(access.inv, at);
        zone.end_at(access.ret, at, self.completed);
        if chain.is_empty() {
            let after = self.values[value as usize].stage as usize + 1;
            if let Some((ret, later)) = self.blocks[number].first_returns.get(after)
                && *ret < access.inv
            {
                return Err(Conflict::Order {
                    earlier: at,
                    later: *later,
                });
            }
        }
        replaced.retain(|zone| zone.slot != NOWHERE.slot);
        for zone in &replaced {
            self.last.set(zone.slot, 0);
        }
        // The blocks whose first return came before this one's last invocation.
        let returned = &self.returns[..self.completed];
        let end = 1 + returned.partition_point(|at| self.accesses[*at as usize].ret < zone.inv);
        if let Some(other) = self.last.above(zone.ret, end) {
            for zone in &replaced {
                self.last.set(zone.slot, zone.inv);
            }
            return Err(self.contradiction(zone, other));
        }
        self.last.set(zone.slot, zone.inv);
        if begins {
            self.blocks.push(Block::new(zone));
        }
        self.blocks[number].zone = zone;
        for writer in chain.iter().rev() {
            let own = self.own_block(*writer).map(|own| own.zone);
            let (seen, written) = self.seen_written[*writer as usize];
            if seen != NONE {
                self.values[seen as usize].next = *writer;
            }
            let block = &mut self.blocks[number];
            let value = &mut self.values[written as usize];
            (value.block, value.stage) = (number as u32, block.stages);
            block.stages += 1;
            if let Some(own) = own {
                block.returned(value.stage, own.ret, own.ret_at);
            }
        }
        let stage = self.values[value as usize].stage;
        self.blocks[number].returned(stage, access.ret, at);
        Ok(())
    }

    fn block_of(&self, value: u32) -> usize {
        self.values[value as usize].block as usize
    }

    /// The block that a write began when it returned, though now it continues a value.
    fn own_block(&self, write: u32) -> Option<&Block> {
        let (_, written) = self.seen_written[write as usize];
        self.blocks.get(self.block_of(written))
    }

    /// Whether a value has its place, as far as is known.
    fn is_placed(&self, value: u32) -> bool {
        let Seen {
            writer,
            block,
            stage,
            ..
        } = self.values[value as usize];
        block != NONE
            && (stage > 0 || value == INITIAL || self.seen_written[writer as usize].0 == NONE)
    }

    /// That of a zone with the one at a slot.
    fn contradiction(&self, zone: Zone, slot: usize) -> Conflict {
        let other = match slot.checked_sub(1) {
            None => INITIAL as usize,
            Some(place) => match self.seen_written[self.returns[place] as usize] {
                (seen, NONE) => self.block_of(seen),
                (_, written) => self.block_of(written),
            },
        };
        let other = self.blocks[other].zone;
        let [x, y] = if other.ret_at == NONE {
            [other, zone]
        } else {
            [zone, other]
        };
        Conflict::Blocks {
            a: x.ret_at,
            b: y.inv_at,
            c: y.ret_at,
            d: x.inv_at,
        }
    }

    /// The writers that must have happened for this value to be there, and of whom nobody knew
    /// that yet: the last one first.
    fn chain(&self, value: u32, at: u32) -> Result<Vec<u32>, Conflict> {
        let mut chain = Vec::new();
        let (mut value, mut reader) = (value, at);
        while !self.is_placed(value) {
            let writer = self.values[value as usize].writer;
            if writer == NONE {
                return Err(Conflict::Phantom { reader });
            }
            if let Some(place) = chain.iter().position(|other| *other == writer) {
                let members = chain[place..].iter().rev().copied().collect();
                return Err(Conflict::CasCycle { members });
            }
            chain.push(writer);
            let (seen, _) = self.seen_written[writer as usize];
            if seen == NONE {
                return Ok(chain);
            }
            (value, reader) = (seen, writer);
        }
        if let Some(cas) = chain.last() {
            let first = self.values[value as usize].next;
            if first != NONE {
                return Err(Conflict::LostUpdate {
                    first,
                    second: *cas,
                });
            }
        }
        Ok(chain)
    }
}

/// A row of numbers, of which the first that is above another one is looked for.
struct Maxima {
    width: usize,
    nodes: Vec<u32>,
}

impl Maxima {
    fn new(count: usize) -> Maxima {
        let width = count.next_power_of_two();
        Maxima {
            width,
            nodes: vec![0; 2 * width],
        }
    }

    fn set(&mut self, place: usize, number: u32) {
        let mut node = place + self.width;
        self.nodes[node] = number;
        while node > 1 {
            node /= 2;
            let largest = self.nodes[2 * node].max(self.nodes[2 * node + 1]);
            if self.nodes[node] == largest {
                break;
            }
            self.nodes[node] = largest;
        }
    }

    /// The first place below `end` whose number is above this one.
    fn above(&self, number: u32, end: usize) -> Option<usize> {
        self.within(1, 0, self.width, number, end)
    }

    fn within(
        &self,
        node: usize,
        from: usize,
        to: usize,
        number: u32,
        end: usize,
    ) -> Option<usize> {
        if from >= end || self.nodes[node] <= number {
            return None;
        }
        if to == from + 1 {
            return Some(from);
        }
        let middle = (from + to) / 2;
        self.within(2 * node, from, middle, number, end)
            .or_else(|| self.within(2 * node + 1, middle, to, number, end))
    }
}
