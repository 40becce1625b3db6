//! Which faults strike and which operations clients begin. A seed draws them all; for a run that is
//! to be understood, most can be left out.
//!
//! Each fault and each operation draws from a stream of its own, so that leaving one out changes
//! nothing about the others, except by what it did.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::random::{Random, Stream};

/// A fault: of its class, the one with this number, from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Strike {
    /// The class of faults.
    pub fault: String,
    /// Which of them.
    pub number: u32,
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.fault, self.number)
    }
}

/// An operation that a client begins while faults strike: of its client, the one with this number,
/// from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begun {
    /// Which client.
    pub client: usize,
    /// Which of its operations.
    pub number: u32,
}

impl fmt::Display for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "operation {} of client {}", self.number, self.client)
    }
}

/// The faults and operations of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// The faults that strike.
    pub faults: BTreeSet<Strike>,
    /// The operations that clients begin before faults end. (Those after it show whether the cluster
    /// has recovered.)
    pub operations: BTreeSet<Begun>,
}

/// Chooses the faults and operations of one run.
#[derive(Clone, Debug)]
pub struct Chooser {
    seed: u64,
    /// All others are left out; `None`: nothing is.
    only: Option<Arc<Kept>>,
    /// By class of faults, how often it was due.
    struck: BTreeMap<&'static str, u32>,
    /// By client, how many operations were due.
    begun: Vec<u32>,
    /// What was not left out, in the order in which it was due.
    struck_taken: Vec<(&'static str, u32)>,
    begun_taken: Vec<Begun>,
}

impl Chooser {
    /// Chooses for the run `seed`.
    #[must_use]
    pub fn new(seed: u64, only: Option<Arc<Kept>>, clients: usize) -> Self {
        Chooser {
            seed,
            only,
            struck: BTreeMap::new(),
            begun: vec![0; clients],
            struck_taken: Vec::new(),
            begun_taken: Vec::new(),
        }
    }

    /// What the next strike of the class `fault` draws from: first how long it is until then.
    pub fn next_strike(&mut self, fault: &'static str) -> Random {
        *self.struck.entry(fault).or_default() += 1;
        self.stream(fault)
    }

    /// What the strike that is due draws from when it strikes.
    #[must_use]
    pub fn this_strike(&self, fault: &'static str) -> Random {
        let mut random = self.stream(fault);
        // The first draw said when it is due.
        random.draw();
        random
    }

    /// Which of its class the strike is that was drawn last.
    #[must_use]
    pub fn number(&self, fault: &'static str) -> u32 {
        self.struck.get(fault).copied().unwrap_or_default()
    }

    fn stream(&self, fault: &'static str) -> Random {
        // A class is told from the others by its name, so that another class more changes none.
        let class = fault.bytes().fold(0, |class: u64, byte| {
            class.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        let place = class << 32 | u64::from(self.number(fault));
        Random::nth(self.seed, Stream::Nemesis, place)
    }

    /// The strike that was drawn last of the class `fault` is due; true unless it is left out.
    pub fn strikes(&mut self, fault: &'static str) -> bool {
        let number = self.number(fault);
        let only = self.only.as_ref();
        let strikes = only.is_none_or(|only| only.faults.contains(&strike(fault, number)));
        if strikes {
            self.struck_taken.push((fault, number));
        }
        strikes
    }

    /// What the next operation of `client` draws from; none if it is left out. Only what is begun while
    /// faults strike can be left out.
    pub fn begins(&mut self, client: usize, turbulent: bool) -> Option<Random> {
        self.begun[client] += 1;
        let number = self.begun[client];
        let begun = Begun { client, number };
        if turbulent {
            let only = self.only.as_ref();
            if only.is_some_and(|only| !only.operations.contains(&begun)) {
                return None;
            }
            self.begun_taken.push(begun);
        }
        let place = (client as u64) << 32 | u64::from(number);
        Some(Random::nth(self.seed, Stream::Clients, place))
    }

    /// What has struck and begun so far.
    #[must_use]
    pub fn taken(&self) -> Kept {
        let faults = self.struck_taken.iter();
        Kept {
            faults: faults
                .map(|(fault, number)| strike(fault, *number))
                .collect(),
            operations: self.begun_taken.iter().copied().collect(),
        }
    }
}

fn strike(fault: &str, number: u32) -> Strike {
    Strike {
        fault: fault.to_owned(),
        number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaving_one_out_changes_nothing_about_the_others() {
        let mut all = Chooser::new(7, None, 2);
        let drawn: Vec<u64> = (0..4)
            .map(|_| {
                let mut random = all.next_strike("crash");
                assert!(all.strikes("crash"));
                random.draw()
            })
            .collect();
        let mut only = all.taken();
        only.faults.pop_first();
        let mut some = Chooser::new(7, Some(Arc::new(only.clone())), 2);
        for (number, drawn) in drawn.iter().enumerate() {
            assert_eq!(some.next_strike("crash").draw(), *drawn);
            assert_eq!(some.strikes("crash"), number > 0);
        }
        assert_eq!(some.taken(), only);
        assert!(some.begins(1, true).is_none());
        assert!(some.begins(1, false).is_some());
        assert!(all.begins(1, true).is_some());
    }
}
