//! The order of versions of registers whose every writer read what it replaced: each version then
//! names the one before it, and nothing is left to search.

use super::dependencies::{external_reads, happened};
use super::log::{Log, Step};
use crate::history::NEVER;

/// What is known of the versions of each register.
pub(super) struct Updates {
    /// Per register, all its versions in their order; none if its writers do not tell it.
    pub(super) chains: Vec<Vec<u32>>,
    /// Whether all versions that were read are in chains.
    pub(super) are_complete: bool,
}

/// What came before a version whose writer saw the initial state.
const INITIAL: u32 = NEVER;
/// The same of one who saw nothing there.
const UNTOLD: u32 = NEVER - 2;
/// Of a version that is not there, or not the last one that its transaction wrote.
const ABSENT: u32 = NEVER - 1;

impl Updates {
    pub(super) fn none(log: &Log<'_>) -> Updates {
        Updates {
            chains: vec![Vec::new(); log.key_count()],
            are_complete: false,
        }
    }

    pub(super) fn of(log: &Log<'_>) -> Updates {
        let happened = happened(log, &[]);
        let mut before = vec![ABSENT; log.version_count()];
        let mut counts = vec![0; log.key_count()];
        // Registers of which some writer saw several versions, or one that cannot be.
        let mut is_torn = vec![false; log.key_count()];
        for at in (0..log.len() as u32).filter(|at| happened[*at as usize]) {
            for step in log.steps(at) {
                if let Step::Write { key, version } = *step
                    && log.writer(version) == Some(at)
                    && !log.is_intermediate(version)
                    && before[version as usize] == ABSENT
                {
                    before[version as usize] = UNTOLD;
                    counts[key as usize] += 1;
                }
            }
        }
        let mut read = vec![false; log.version_count()];
        for at in (0..log.len() as u32).filter(|at| log.committed(*at)) {
            external_reads(log, at, |_, version| {
                if let Some(read) = read.get_mut(version as usize) {
                    *read = true;
                }
            });
            super::rw_register::updates(log, at, |key, seen, version| {
                let before = &mut before[version as usize];
                if *before == UNTOLD {
                    *before = seen;
                } else if *before != seen {
                    is_torn[key as usize] = true;
                }
            });
        }
        let mut after = vec![NEVER; log.version_count()];
        let mut first = vec![NEVER; log.key_count()];
        for version in 0..log.version_count() as u32 {
            let key = log.key_of(version);
            let place = match before[version as usize] {
                ABSENT => continue,
                INITIAL | UNTOLD => &mut first[key as usize],
                seen => &mut after[seen as usize],
            };
            if std::mem::replace(place, version) != NEVER {
                is_torn[key as usize] = true;
            }
        }
        let mut chains = vec![Vec::new(); log.key_count()];
        for key in (0..log.key_count()).filter(|key| !is_torn[*key]) {
            let mut chain = Vec::new();
            let mut next = first[key];
            while next != NEVER {
                chain.push(next);
                next = after[next as usize];
            }
            // (If not all are there, the others go in a circle, or follow what cannot be.)
            if chain.len() == counts[key] {
                chains[key] = chain;
            }
        }
        let told = |version: &u32| !chains[log.key_of(*version) as usize].is_empty();
        let mut all_read = (0..log.version_count() as u32).filter(|at| read[*at as usize]);
        Updates {
            are_complete: all_read.all(|version| told(&version)),
            chains,
        }
    }
}
