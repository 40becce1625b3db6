//! Which replica a read is sent to that any of them may answer (rule R16).

use std::collections::BTreeMap;
use std::time::Duration;

use super::directory::Address;
use super::random::Random;
use super::statement::Preference;

/// How soon nodes have answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Latencies {
    usual: BTreeMap<Address, Duration>,
}

/// A new measurement counts this much less than what was known, so that a pause is not taken for a
/// distance.
const WEIGHT: u32 = 8;

impl Latencies {
    /// `node` has answered after so long.
    pub(super) fn note(&mut self, node: &Address, took: Duration) {
        match self.usual.get_mut(node) {
            Some(usual) => *usual = (*usual * (WEIGHT - 1) + took) / WEIGHT,
            None => {
                self.usual.insert(node.clone(), took);
            }
        }
    }

    /// `node` failed to answer, so that another one is nearer for the time being.
    pub(super) fn failed(&mut self, node: &Address) {
        self.note(node, Duration::from_secs(1));
    }

    /// One of `replicas`; not `avoid`, unless there is no other. One that was never asked is as near as can
    /// be, so that each is.
    pub(super) fn choose<'a>(
        &self,
        preference: Preference,
        replicas: &[&'a Address],
        avoid: Option<&Address>,
        random: &mut Random,
    ) -> Option<&'a Address> {
        let others: Vec<&Address> = (replicas.iter().copied())
            .filter(|node| Some(*node) != avoid)
            .collect();
        let among = if others.is_empty() {
            replicas
        } else {
            &others[..]
        };
        let drawn = random.draw_below(among.len() as u64);
        match preference {
            Preference::Any => among.get(usize::try_from(drawn).unwrap_or(0)).copied(),
            Preference::Nearest => {
                let usual = |node: &&Address| self.usual.get(*node).copied().unwrap_or_default();
                among.iter().copied().min_by_key(usual)
            }
        }
    }
}
