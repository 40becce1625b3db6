//! Orders of writers that are forced: the opposite would close a circle.
//!
//! Who reads a version, and comes after another writer of that object, forces that writer's version
//! to be the earlier one; and who has begun before another writer of an object commits wrote the
//! earlier version of it. Of each chain only the last such writer counts, since those before it are
//! earlier still, so that a round takes as many steps as there are reads times chains.

use super::clocks::Clocks;
use super::edges::Why;
use super::{Polygraph, Shape};
use crate::budget::Deadline;
use crate::hash::FastMap;
use crate::history::NEVER;

pub(super) enum Saturated {
    /// No order is forced that is not there.
    Done(Clocks),
    /// What is known and forced goes in a circle.
    Circle,
    /// The budget ran out when so many orders had been found.
    Undecided { found: usize },
}

/// A writer of an object, by its chain and the place there.
type Member = (u32, u32, u32);

struct Round<'p, 'a> {
    polygraph: &'p Polygraph<'a>,
    clocks: &'p Clocks,
    /// Per object, those of whose versions the order is not known.
    writers: Vec<Vec<Member>>,
    /// Reused.
    candidates: Vec<Member>,
}

/// Adds what is forced, round after round.
pub(super) fn saturate(
    polygraph: &mut Polygraph<'_>,
    deadline: Deadline,
    work: &mut u64,
) -> Saturated {
    // Object, and the transactions that wrote it: the order is there.
    let mut there: FastMap<(u32, u32, u32), ()> = FastMap::default();
    let mut earlier = None;
    for number in 1.. {
        let Some(clocks) = Clocks::of(polygraph, earlier.take(), work) else {
            return Saturated::Circle;
        };
        if *work == 0 || deadline.passed() {
            break;
        }
        let round = Round {
            writers: writers(polygraph, &clocks),
            polygraph,
            clocks: &clocks,
            candidates: Vec::new(),
        };
        let mut found: Vec<(u32, u32, u32)> = Vec::new();
        round.forced(work, |key, before, after| {
            if there.insert((key, before, after), ()).is_none() {
                found.push((key, before, after));
            }
        });
        if found.is_empty() {
            return Saturated::Done(clocks);
        }
        for (key, before, after) in found {
            let dependencies = polygraph.dependencies;
            let versions = dependencies
                .write(before, key)
                .zip(dependencies.write(after, key));
            if let Some((before, after)) = versions {
                polygraph.follow(key, before, after, Why::Forced { round: number });
            }
        }
        earlier = Some(clocks);
    }
    Saturated::Undecided { found: there.len() }
}

/// Per object, who wrote it, by chains; of those whose order is not known.
fn writers(polygraph: &Polygraph<'_>, clocks: &Clocks) -> Vec<Vec<Member>> {
    let dependencies = polygraph.dependencies;
    let keys = 0..dependencies.log.key_count() as u32;
    keys.map(|key| {
        let loose = dependencies.loose.row(key).iter();
        let mut writers: Vec<Member> = loose
            .filter_map(|version| {
                let writer = dependencies.writer(*version);
                let (chain, place) = clocks.place(writer)?;
                Some((chain, place, writer))
            })
            .collect();
        writers.sort_unstable();
        writers
    })
    .collect()
}

impl Round<'_, '_> {
    /// Each order that is forced: the object, who comes first, and who then.
    fn forced(mut self, work: &mut u64, mut each: impl FnMut(u32, u32, u32)) {
        let dependencies = self.polygraph.dependencies;
        for at in 0..dependencies.len() as u32 {
            for read in self.polygraph.reads(at) {
                if read.version != NEVER && dependencies.chain_place(read.version).is_none() {
                    let writer = dependencies.writer(read.version);
                    self.committed_before(at, read.key, work);
                    self.candidates.retain(|(.., one)| *one != writer);
                    let candidates = std::mem::take(&mut self.candidates);
                    for one in &candidates {
                        if !self.comes_before(*one, writer) {
                            each(read.key, one.2, writer);
                        }
                    }
                    self.candidates = candidates;
                }
            }
        }
        for key in 0..dependencies.log.key_count() as u32 {
            for version in dependencies.loose.row(key) {
                let writer = dependencies.writer(*version);
                self.begun_before(writer, key, work);
                for (.., one) in &self.candidates {
                    each(key, *one, writer);
                }
            }
        }
    }

    /// Finds the last writer of an object in each chain that is committed before a transaction
    /// begins, and of these those that are before no other one.
    fn committed_before(&mut self, at: u32, key: u32, work: &mut u64) {
        let node = self.polygraph.begin(at);
        self.last_of_each_chain(at, key, work, |clocks, chain| clocks.committed(node, chain));
    }

    /// Finds the last writer of an object in each chain that must have written an earlier version
    /// than this one, and of these those that are before no other one.
    fn begun_before(&mut self, at: u32, key: u32, work: &mut u64) {
        let node = self.polygraph.commit(at);
        match self.polygraph.shape {
            Shape::Prefix => {
                self.last_of_each_chain(at, key, work, |clocks, chain| {
                    clocks.committed(node, chain)
                });
            }
            _ => self.last_of_each_chain(at, key, work, |clocks, chain| clocks.begun(node, chain)),
        }
    }

    fn last_of_each_chain(
        &mut self,
        at: u32,
        key: u32,
        work: &mut u64,
        count: impl Fn(&Clocks, u32) -> u32,
    ) {
        let own = self.clocks.place(at);
        self.candidates.clear();
        let mut rest = &self.writers[key as usize][..];
        while let Some((chain, ..)) = rest.first().copied() {
            let size = rest.partition_point(|(other, ..)| *other == chain);
            let (group, others) = rest.split_at(size);
            rest = others;
            *work = work.saturating_sub(1);
            let end = match own {
                // A transaction is not before itself.
                Some((own, place)) if own == chain => place.min(count(self.clocks, chain)),
                _ => count(self.clocks, chain),
            };
            let before = group.partition_point(|(_, place, _)| *place < end);
            if let Some(last) = group[..before].last() {
                self.candidates.push(*last);
            }
        }
        // Where many are left, one that comes before another one says nothing.
        let all = std::mem::take(&mut self.candidates);
        let mut kept: Vec<Member> = Vec::with_capacity(all.len().min(4));
        for one in all {
            if kept.iter().any(|other| self.comes_before(one, other.2)) {
                continue;
            }
            kept.retain(|other| !self.comes_before(*other, one.2));
            kept.push(one);
        }
        *work = work.saturating_sub(kept.len() as u64);
        self.candidates = kept;
    }

    /// Whether it follows from the edges that one writer comes before another one.
    fn comes_before(&self, (chain, place, one): Member, other: u32) -> bool {
        let node = self.polygraph.after_write(other);
        one != other && self.clocks.committed(node, chain) > place
    }
}
