//! Which operation comes next: the mix and the keys, with the records that exist by now.

use std::collections::BTreeSet;

use fastrand::Rng;

use super::keys::{Distribution, Keys};
use super::mix::{Kind, Mix};

/// What load is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// How many operations are under way at most.
    pub connections: usize,
    /// Operations begun per second whatever their latency (an open loop); none for as many as the
    /// connections can do (a closed loop).
    pub rate: Option<f64>,
    /// What operations.
    pub mix: Mix,
    /// On which records.
    pub keys: Distribution,
    /// Bytes of a row's value.
    pub value_bytes: usize,
    /// Rows that exist from the beginning.
    pub records: u64,
    /// Where all draws begin.
    pub seed: u64,
}

/// One operation, and the record that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) kind: Kind,
    pub(super) record: u64,
}

/// Draws operations. Reads are drawn only of records that are known to be there.
#[derive(Debug)]
pub(super) struct Generator {
    mix: Mix,
    keys: Keys,
    random: Rng,
    next_insert: u64,
    inserting: BTreeSet<u64>,
}

impl Generator {
    pub(super) fn new(load: &Load) -> Generator {
        Generator {
            mix: load.mix,
            keys: Keys::new(load.keys, load.records),
            random: Rng::with_seed(load.seed),
            next_insert: load.records,
            inserting: BTreeSet::new(),
        }
    }

    pub(super) fn draw(&mut self) -> Operation {
        let kind = self.mix.draw(&mut self.random);
        if kind == Kind::Insert {
            let record = self.next_insert;
            self.next_insert += 1;
            self.inserting.insert(record);
            return Operation { kind, record };
        }
        let there = self.inserting.first().copied().unwrap_or(self.next_insert);
        let record = self.keys.draw(there.max(1), &mut self.random);
        Operation { kind, record }
    }

    /// An operation ended well.
    pub(super) fn done(&mut self, operation: Operation) {
        if operation.kind == Kind::Insert {
            self.inserting.remove(&operation.record);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_only_after_its_insert_has_ended() {
        let load = Load {
            connections: 4,
            rate: None,
            mix: Mix::D,
            keys: Distribution::Latest,
            value_bytes: 10,
            records: 10,
            seed: 1,
        };
        let mut generator = Generator::new(&load);
        let mut inserts = Vec::new();
        while inserts.len() < 3 {
            let operation = generator.draw();
            if operation.kind == Kind::Insert {
                inserts.push(operation);
            } else {
                assert!(operation.record < 10);
            }
        }
        assert_eq!([10, 11, 12], [0, 1, 2].map(|n: usize| inserts[n].record));
        // The youngest has ended, and an older one has not.
        generator.done(inserts[2]);
        let mut reads = |bound: u64| {
            let drawn: Vec<Operation> = (0..500).map(|_| generator.draw()).collect();
            for operation in &drawn {
                generator.done(*operation);
            }
            let reads = drawn
                .iter()
                .filter(|operation| operation.kind == Kind::Read);
            reads.map(|operation| operation.record).max().unwrap() < bound
        };
        assert!(reads(10));
        generator.done(inserts[0]);
        generator.done(inserts[1]);
        let mut seen = (0..500).map(|_| generator.draw());
        assert!(seen.any(|operation| operation.kind == Kind::Read && operation.record > 12));
    }
}
