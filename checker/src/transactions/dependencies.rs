//! What depends on what: which version each transaction read, and what is known of the order of
//! versions.

use super::log::{Fate, Log, Step};
use super::rows::Rows;
use crate::history::NEVER;

/// A read of a version that another transaction made, or of the initial state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) key: u32,
    /// [`NEVER`] for the initial state.
    pub(super) version: u32,
}

/// The last version that a transaction made of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Write {
    pub(super) key: u32,
    pub(super) version: u32,
}

/// Two versions of an object of which the first is surely the earlier one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Precedence {
    pub(super) key: u32,
    pub(super) before: u32,
    pub(super) after: u32,
}

/// What is known of the order of versions.
#[derive(Default)]
pub(super) struct KnownOrder {
    /// Per object, versions in their order, as far as it is known from the beginning on.
    pub(super) chains: Vec<Vec<u32>>,
    /// Single pairs.
    pub(super) pairs: Vec<Precedence>,
    /// Objects of which nothing can be said, since their reads contradict each other.
    pub(super) torn: Vec<bool>,
    /// Whether all versions that were read are in chains.
    pub(super) chains_are_complete: bool,
    /// Whether what a transaction writes comes after what it had read there.
    pub(super) writes_follow_reads: bool,
}

/// Who read and wrote what, of those that happened.
pub(super) struct Dependencies<'a> {
    pub(super) log: &'a Log<'a>,
    /// Whether a transaction surely happened: it succeeded, or someone saw what it wrote.
    pub(super) happened: Vec<bool>,
    /// Per transaction, what it read and had not written itself before, in that order.
    pub(super) reads: Rows<Read>,
    /// Per transaction, what it wrote, by object.
    pub(super) writes: Rows<Write>,
    /// Per object, versions whose order is known: nothing comes before or between them.
    pub(super) chains: Rows<u32>,
    /// Per object, versions that come after the chain, in an order that is not known.
    pub(super) loose: Rows<u32>,
    /// Further pairs of versions whose order is known.
    pub(super) pairs: Vec<Precedence>,
    /// Whether all versions that were read are in chains.
    pub(super) chains_are_complete: bool,
    writes_follow_reads: bool,
    /// The place of each version in its chain, [`NEVER`] if it is in none.
    chain_place: Vec<u32>,
}

impl<'a> Dependencies<'a> {
    pub(super) fn of(log: &'a Log<'a>, known: KnownOrder) -> Self {
        let happened = happened(log, &known.chains);
        let torn = |key: u32| known.torn.get(key as usize).copied().unwrap_or(false);
        let reads = Rows::collect(log.len(), |add| {
            for at in (0..log.len() as u32).filter(|at| log.committed(*at)) {
                external_reads(log, at, |key, version| {
                    let sound = version == NEVER
                        || !log.is_intermediate(version)
                            && log
                                .writer(version)
                                .is_some_and(|writer| writer != at && happened[writer as usize]);
                    if sound && !torn(key) {
                        add(at, Read { key, version });
                    }
                });
            }
        });
        let writes = Rows::collect(log.len(), |add| {
            for at in (0..log.len() as u32).filter(|at| happened[*at as usize]) {
                for step in log.steps(at) {
                    if let Step::Write { key, version } = *step
                        && log.writer(version) == Some(at)
                        && !log.is_intermediate(version)
                        && !torn(key)
                    {
                        add(at, Write { key, version });
                    }
                }
            }
        });
        let writes = sorted(writes, log);
        let mut chain_place = vec![NEVER; log.version_count()];
        let chains = Rows::collect(log.key_count(), |add| {
            for (key, chain) in known.chains.iter().enumerate() {
                for version in chain {
                    add(key as u32, *version);
                }
            }
        });
        for key in 0..log.key_count() as u32 {
            for (place, version) in chains.row(key).iter().enumerate() {
                chain_place[*version as usize] = place as u32;
            }
        }
        let loose = Rows::collect(log.key_count(), |add| {
            for write in writes.items() {
                if chain_place[write.version as usize] == NEVER {
                    add(write.key, write.version);
                }
            }
        });
        Dependencies {
            log,
            happened,
            reads,
            writes,
            chains,
            loose,
            pairs: known.pairs,
            chains_are_complete: known.chains_are_complete,
            writes_follow_reads: known.writes_follow_reads,
            chain_place,
        }
    }

    /// How many transactions there are, those that did not happen included.
    pub(super) fn len(&self) -> usize {
        self.log.len()
    }

    /// Who made a version; for versions that happened.
    pub(super) fn writer(&self, version: u32) -> u32 {
        self.log.writer(version).unwrap_or(NEVER)
    }

    /// What a transaction wrote to an object, if it did.
    pub(super) fn write(&self, at: u32, key: u32) -> Option<u32> {
        let row = self.writes.row(at);
        let place = row.binary_search_by_key(&key, |write| write.key).ok()?;
        Some(row[place].version)
    }

    /// The place of a version in its object's chain, if it is there.
    pub(super) fn chain_place(&self, version: u32) -> Option<usize> {
        let place = self.chain_place[version as usize];
        (place != NEVER).then_some(place as usize)
    }

    /// The versions that surely come after this one and of which any may be the next: the next one
    /// of the chain, or those that come after it. `version` is [`NEVER`] for the initial state.
    pub(super) fn following(&self, key: u32, version: u32) -> &[u32] {
        let chain = self.chains.row(key);
        let next = match version {
            NEVER => 0,
            version => match self.chain_place(version) {
                Some(place) => place + 1,
                None => return &[],
            },
        };
        match chain.get(next..=next) {
            Some(next) => next,
            None => self.loose.row(key),
        }
    }

    /// What a transaction read and then wrote, if the one surely follows the other.
    pub(super) fn replaced(&self, at: u32) -> impl Iterator<Item = Read> {
        let reads = match self.writes_follow_reads {
            true => self.reads.row(at),
            false => &[],
        };
        let written = move |read: &&Read| self.write(at, read.key).is_some();
        reads.iter().filter(written).copied()
    }

    /// Whether a transaction wrote anything.
    pub(super) fn updates(&self, at: u32) -> bool {
        !self.writes.row(at).is_empty()
    }
}

/// The objects and versions that a transaction read before it wrote them.
pub(super) fn external_reads(log: &Log<'_>, at: u32, mut each: impl FnMut(u32, u32)) {
    let steps = log.steps(at);
    for (place, step) in steps.iter().enumerate() {
        let (key, version) = match *step {
            Step::Read { key, version } => (key, version),
            Step::ReadList { key, view } => (key, log.views[view as usize].version),
            Step::Write { .. } | Step::Unread => continue,
        };
        let own = steps[..place]
            .iter()
            .any(|before| matches!(before, Step::Write { key: other, .. } if *other == key));
        if !own {
            each(key, version);
        }
    }
}

/// Who surely happened: it succeeded, or someone saw what it wrote, or these versions of its.
pub(super) fn happened(log: &Log<'_>, known: &[Vec<u32>]) -> Vec<bool> {
    let mut happened: Vec<bool> = (0..log.len() as u32).map(|at| log.committed(at)).collect();
    let mut see = |version: u32| {
        if version != NEVER
            && let Some(writer) = log.writer(version)
            && log.fate(writer) == Fate::Unknown
        {
            happened[writer as usize] = true;
        }
    };
    for at in (0..log.len() as u32).filter(|at| log.committed(*at)) {
        for step in log.steps(at) {
            match *step {
                Step::Read { version, .. } => see(version),
                Step::ReadList { view, .. } => see(log.views[view as usize].version),
                _ => {}
            }
        }
    }
    for version in known.iter().flatten() {
        see(*version);
    }
    happened
}

/// The same, each row by object.
fn sorted(writes: Rows<Write>, log: &Log<'_>) -> Rows<Write> {
    let in_order = |row: &[Write]| row.windows(2).all(|pair| pair[0].key < pair[1].key);
    if (0..log.len() as u32).all(|at| in_order(writes.row(at))) {
        return writes;
    }
    Rows::collect(log.len(), |add| {
        let mut row: Vec<Write> = Vec::new();
        for at in 0..log.len() as u32 {
            row.clear();
            row.extend_from_slice(writes.row(at));
            row.sort_unstable_by_key(|write| write.key);
            row.dedup();
            for write in &row {
                add(at, *write);
            }
        }
    })
}
