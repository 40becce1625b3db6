//! Which life of its data each partition is in.

use std::collections::{BTreeMap, BTreeSet};

use kensho_protocol::ids::{Incarnation, PartitionId};
use serde::{Deserialize, Serialize};

/// How many lives partitions have begun since the node's own was begun: when something of theirs was
/// damaged, they begin another one with nothing (rule R5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Lives {
    /// Of a partition that is not among the others.
    of_any: u32,
    of: BTreeMap<PartitionId, u32>,
}

impl Lives {
    /// The life of a partition's data on a node whose own is `node`.
    pub(crate) fn of(&self, node: Incarnation, partition: PartitionId) -> Incarnation {
        // A node's own is drawn, once a copy of its folder was put back.
        Incarnation(node.0.wrapping_add(self.begun(partition)))
    }

    fn begun(&self, partition: PartitionId) -> u32 {
        self.of.get(&partition).copied().unwrap_or(self.of_any)
    }

    /// All partitions but these begin another one.
    pub(crate) fn begin_anew(&mut self, whole: &BTreeSet<PartitionId>) {
        let kept: Vec<(PartitionId, u32)> = whole.iter().map(|p| (*p, self.begun(*p))).collect();
        for begun in self.of.values_mut() {
            *begun += 1;
        }
        self.of_any += 1;
        self.of.extend(kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_never_comes_again() {
        let mut lives = Lives::default();
        let of = |lives: &Lives, p| lives.of(Incarnation(2), PartitionId(p)).0;
        lives.begin_anew(&BTreeSet::from([PartitionId(1)]));
        assert_eq!([0, 1, 2].map(|p| of(&lives, p)), [3, 2, 3]);
        lives.begin_anew(&BTreeSet::from([PartitionId(0)]));
        assert_eq!([0, 1, 2].map(|p| of(&lives, p)), [3, 3, 4]);
        lives.begin_anew(&BTreeSet::new());
        assert_eq!([0, 1, 2].map(|p| of(&lives, p)), [4, 4, 5]);
    }
}
