//! Engine E1: judges one register by zones, exactly, in `O(n log n)`.
//!
//! From P. Gibbons and E. Korach, "Testing shared memories" (SIAM J. Comput. 26(4), 1997),
//! section 4.1 (each read names its write), extended with compare-and-set chains and with
//! operations of unknown outcome, which cost nothing here.
//!
//! It is exact if each value is written at most once and is never the initial one, and if no
//! operation says only what it did *not* see. Otherwise it says [`Judgement::NotExact`].
//!
//! A *block* is a plain write (or the initial value) with the chain of compare-and-sets that
//! starts from it and all reads of their values; nothing else can come between. Its *zone* spans
//! from the earliest return to the latest invocation in it: *forward* if the return comes first
//! (then the register held the block's values during all of it), else *backward* (then there is
//! an instant at which the whole block can happen at once). A history is linearizable iff no two
//! forward zones overlap and no backward zone lies within a forward one.

mod conflicts;
mod settled;
mod violations;

pub(crate) use settled::Horizon;
pub(crate) use violations::Online;

use super::access::{Access, Effect};
use super::values::Values;
use crate::history::{Datum, NEVER};

/// No access, no value.
pub(crate) const NONE: u32 = u32::MAX;

/// What zones say of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// Linearizable; [`Zones::witness`] has the order.
    Valid,
    /// Not linearizable.
    Invalid(Conflict),
    /// This engine cannot tell.
    NotExact,
}

/// Why a key is not linearizable; accesses are named by their place in the slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// It saw a value that nobody wrote.
    Phantom { reader: u32 },
    /// Both replaced the same value, which was written once.
    LostUpdate { first: u32, second: u32 },
    /// Each expected what the one before it set.
    CasCycle { members: Vec<u32> },
    /// `later` returned before `earlier` was invoked, though the values that they saw and wrote
    /// put them the other way round within one block.
    Order { earlier: u32, later: u32 },
    /// Two blocks that must each come before the other: `a` returned before `b` was invoked, and
    /// `c` before `d`, where `a` and `d` are of the one block and `b` and `c` of the other.
    /// `a` is [`NONE`] if its block began with the initial value.
    Blocks { a: u32, b: u32, c: u32, d: u32 },
}

#[derive(Clone, Copy)]
struct ValueState {
    /// The access that wrote it.
    writer: u32,
    /// The cas that replaced it.
    next: u32,
    /// The read that was invoked last, and when.
    read_inv: u32,
    read_inv_at: u32,
    /// The read that returned first, and when.
    read_ret: u32,
    read_ret_at: u32,
    /// Whether a block reaches it.
    reached: bool,
    /// Its stage within the whole witness.
    stage: u32,
    seen: bool,
    written_twice: bool,
}

const NEW_VALUE: ValueState = ValueState {
    writer: NONE,
    next: NONE,
    read_inv: 0,
    read_inv_at: NONE,
    read_ret: NEVER,
    read_ret_at: NONE,
    reached: false,
    stage: NONE,
    seen: false,
    written_twice: false,
};

#[derive(Clone, Copy)]
struct Block {
    head: u32,
    ret: u32,
    ret_at: u32,
    inv: u32,
    inv_at: u32,
}

impl Block {
    fn forward(&self) -> bool {
        self.ret < self.inv
    }
}

/// The engine with its memory, which is reused from key to key.
#[derive(Default)]
pub(crate) struct Zones {
    numbering: Values,
    values: Vec<ValueState>,
    /// Per access the number of the value seen and of the value written.
    seen_written: Vec<(u32, u32)>,
    happened: Vec<bool>,
    blocks: Vec<Block>,
    /// Blocks in the order of the witness: start of the zone, number of the block.
    order: Vec<u64>,
    counts: Vec<u32>,
    /// The first conflict within a block.
    disorder: Option<Conflict>,
    written_twice: bool,
}

/// The number of the initial value.
const INITIAL: u32 = 0;

impl Zones {
    /// Judges the accesses of one key, given in the order of their invocations.
    pub(crate) fn judge(&mut self, accesses: &[Access], initial: Datum) -> Judgement {
        if !self.number_values(accesses, initial) {
            return Judgement::NotExact;
        }
        if let Err(conflict) = self.find_happened(accesses) {
            return Judgement::Invalid(conflict);
        }
        if self.written_twice && self.second_writer_matters() {
            return Judgement::NotExact;
        }
        match self.build_blocks(accesses) {
            Err(conflict) => Judgement::Invalid(conflict),
            Ok(()) => match (self.first_overlap(), self.disorder.take()) {
                (_, Some(conflict)) => Judgement::Invalid(conflict),
                (None, None) => Judgement::Valid,
                (Some((x, y)), None) => Judgement::Invalid(self.blocks_conflict(x, y)),
            },
        }
    }

    /// Whether an access must have happened, or did: after [`Zones::judge`].
    pub(crate) fn happened(&self, access: usize) -> bool {
        self.happened[access]
    }

    /// Numbers the values and finds the writer of each; says whether the engine is exact here.
    fn number_values(&mut self, accesses: &[Access], initial: Datum) -> bool {
        self.written_twice = false;
        self.numbering.reset(accesses.len() / 2);
        self.values.clear();
        self.values.push(NEW_VALUE);
        self.numbering.number(initial);
        self.seen_written.clear();
        self.seen_written.reserve(accesses.len());
        for (at, access) in accesses.iter().enumerate() {
            let at = at as u32;
            let pair = match access.effect {
                Effect::Read(seen) => {
                    let seen = self.value(seen);
                    let value = &mut self.values[seen as usize];
                    value.seen = true;
                    if value.read_inv_at == NONE || access.inv > value.read_inv {
                        (value.read_inv, value.read_inv_at) = (access.inv, at);
                    }
                    if access.ret < value.read_ret {
                        (value.read_ret, value.read_ret_at) = (access.ret, at);
                    }
                    (seen, NONE)
                }
                Effect::Write(written) => (NONE, self.value(written)),
                Effect::Cas(seen, written) => (self.value(seen), self.value(written)),
                Effect::NotValue(_) => return false,
            };
            if pair.1 != NONE {
                if pair.1 == INITIAL {
                    return false;
                }
                let value = &mut self.values[pair.1 as usize];
                if value.writer == NONE {
                    value.writer = at;
                } else {
                    value.written_twice = true;
                    self.written_twice = true;
                }
            }
            self.seen_written.push(pair);
        }
        true
    }

    #[inline]
    fn value(&mut self, datum: Datum) -> u32 {
        let number = self.numbering.number(datum);
        if number as usize == self.values.len() {
            self.values.push(NEW_VALUE);
        }
        number
    }

    /// Finds the operations of unknown outcome that must have happened: those whose value was
    /// seen, and those whose value was expected by one of them.
    fn find_happened(&mut self, accesses: &[Access]) -> Result<(), Conflict> {
        self.happened.clear();
        self.happened
            .extend(accesses.iter().map(|access| access.ret != NEVER));
        for (at, access) in accesses.iter().enumerate() {
            let (seen, _) = self.seen_written[at];
            if access.ret == NEVER || seen == NONE || seen == INITIAL {
                continue;
            }
            let mut reader = at as u32;
            let mut value = seen;
            loop {
                let state = &mut self.values[value as usize];
                state.seen = true;
                if state.written_twice {
                    break; // nobody knows which of them was seen, and the search will decide
                }
                let writer = state.writer;
                if writer == NONE {
                    return Err(Conflict::Phantom { reader });
                }
                if std::mem::replace(&mut self.happened[writer as usize], true) {
                    break;
                }
                (reader, value) = (writer, self.seen_written[writer as usize].0);
                if value == NONE || value == INITIAL {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Unknown writes of a value that nobody saw need not have happened, however many they are.
    fn second_writer_matters(&self) -> bool {
        self.values
            .iter()
            .any(|value| value.written_twice && value.seen)
            || self
                .seen_written
                .iter()
                .zip(&self.happened)
                .any(|((_, written), happened)| {
                    *happened && *written != NONE && self.values[*written as usize].written_twice
                })
    }

    /// Follows each chain from its head, and finds each block's zone.
    fn build_blocks(&mut self, accesses: &[Access]) -> Result<(), Conflict> {
        let mut chained = 0;
        for at in 0..accesses.len() {
            let (seen, written) = self.seen_written[at];
            if seen == NONE || written == NONE || !self.happened[at] {
                continue;
            }
            chained += 1;
            let value = &mut self.values[seen as usize];
            if value.next != NONE {
                return Err(Conflict::LostUpdate {
                    first: value.next,
                    second: at as u32,
                });
            }
            value.next = at as u32;
        }
        self.blocks.clear();
        self.disorder = None;
        let mut found = self.build_block(accesses, INITIAL);
        for value in 1..self.values.len() as u32 {
            let writer = self.values[value as usize].writer;
            if writer != NONE
                && self.happened[writer as usize]
                && self.seen_written[writer as usize].0 == NONE
            {
                found += self.build_block(accesses, value);
            }
        }
        if found < chained {
            return Err(self.cas_cycle());
        }
        Ok(())
    }

    /// Builds the block that begins with this value, and returns how many cas it has.
    fn build_block(&mut self, accesses: &[Access], head: u32) -> u32 {
        let mut block = Block {
            head,
            ret: NEVER,
            ret_at: NONE,
            inv: 0,
            inv_at: NONE,
        };
        if head == INITIAL {
            block.ret = 0;
        }
        let mut value = head;
        let mut length = 0;
        loop {
            let state = &mut self.values[value as usize];
            state.reached = true;
            let (writer, next) = (state.writer, state.next);
            let (read_inv, read_inv_at) = (state.read_inv, state.read_inv_at);
            let (read_ret, read_ret_at) = (state.read_ret, state.read_ret_at);
            if writer != NONE && value != INITIAL {
                let access = &accesses[writer as usize];
                if access.ret < block.inv && self.disorder.is_none() {
                    self.disorder = Some(Conflict::Order {
                        earlier: block.inv_at,
                        later: writer,
                    });
                }
                if access.ret < block.ret {
                    (block.ret, block.ret_at) = (access.ret, writer);
                }
                if block.inv_at == NONE || access.inv > block.inv {
                    (block.inv, block.inv_at) = (access.inv, writer);
                }
            }
            if read_inv_at != NONE {
                if read_ret < block.inv && self.disorder.is_none() {
                    self.disorder = Some(Conflict::Order {
                        earlier: block.inv_at,
                        later: read_ret_at,
                    });
                }
                if read_ret < block.ret {
                    (block.ret, block.ret_at) = (read_ret, read_ret_at);
                }
                if block.inv_at == NONE || read_inv > block.inv {
                    (block.inv, block.inv_at) = (read_inv, read_inv_at);
                }
            }
            if next == NONE {
                break;
            }
            length += 1;
            value = self.seen_written[next as usize].1;
        }
        self.blocks.push(block);
        length
    }

    /// The circle of cas that no head reaches.
    fn cas_cycle(&self) -> Conflict {
        let start = (0..self.happened.len()).find(|at| {
            let (seen, written) = self.seen_written[*at];
            self.happened[*at]
                && seen != NONE
                && written != NONE
                && !self.values[written as usize].reached
        });
        // Walking back from any unreached cas leads into the circle: each value has a writer.
        let mut visited = vec![false; self.happened.len()];
        let mut at = start.unwrap_or_default() as u32;
        while !std::mem::replace(&mut visited[at as usize], true) {
            at = self.values[self.seen_written[at as usize].0 as usize].writer;
        }
        let mut members = vec![at];
        let mut before = self.values[self.seen_written[at as usize].0 as usize].writer;
        while before != at {
            members.push(before);
            before = self.values[self.seen_written[before as usize].0 as usize].writer;
        }
        members.reverse();
        Conflict::CasCycle { members }
    }

    /// Sorts the zones by their beginnings; the first two that contradict each other, if any,
    /// the forward one first.
    fn first_overlap(&mut self) -> Option<(usize, usize)> {
        self.order.clear();
        self.order.extend(
            self.blocks
                .iter()
                .enumerate()
                .map(|(number, block)| u64::from(block.ret.min(block.inv)) << 32 | number as u64),
        );
        self.order.sort_unstable();
        let mut forward: Option<usize> = None;
        for entry in &self.order {
            let number = (*entry & u64::from(u32::MAX)) as usize;
            let block = &self.blocks[number];
            if let Some(before) = forward
                && self.contradict(before, number)
            {
                return Some((before, number));
            }
            if block.forward() {
                forward = Some(number);
            }
        }
        None
    }

    /// Whether each of two blocks must come before the other.
    fn contradict(&self, x: usize, y: usize) -> bool {
        let (x, y) = (&self.blocks[x], &self.blocks[y]);
        x.ret < y.inv && y.ret < x.inv
    }

    fn blocks_conflict(&self, x: usize, y: usize) -> Conflict {
        let (x, y) = (&self.blocks[x], &self.blocks[y]);
        Conflict::Blocks {
            a: x.ret_at,
            b: y.inv_at,
            c: y.ret_at,
            d: x.inv_at,
        }
    }

    /// After [`Judgement::Valid`]: the order of the accesses that happened.
    pub(crate) fn witness(&mut self, accesses: &[Access]) -> Vec<u32> {
        let mut stage = 0;
        for place in 0..self.order.len() {
            let number = (self.order[place] & u64::from(u32::MAX)) as usize;
            let mut value = self.blocks[number].head;
            loop {
                let state = &mut self.values[value as usize];
                state.stage = stage;
                stage += 2;
                if state.next == NONE {
                    break;
                }
                value = self.seen_written[state.next as usize].1;
            }
        }
        // Counting sort by stage: the writer, then the readers in the order of invocation.
        self.counts.clear();
        self.counts.resize(stage as usize + 1, 0);
        let stage_of = |values: &[ValueState], pair: (u32, u32)| match pair {
            (seen, NONE) => values[seen as usize].stage + 1,
            (_, written) => values[written as usize].stage,
        };
        for at in 0..accesses.len() {
            if self.happened[at] {
                self.counts[stage_of(&self.values, self.seen_written[at]) as usize + 1] += 1;
            }
        }
        let mut total = 0;
        for count in &mut self.counts {
            total += *count;
            *count = total;
        }
        let mut order = vec![0; total as usize];
        for at in 0..accesses.len() {
            if self.happened[at] {
                let next = &mut self.counts[stage_of(&self.values, self.seen_written[at]) as usize];
                order[*next as usize] = at as u32;
                *next += 1;
            }
        }
        order
    }
}
