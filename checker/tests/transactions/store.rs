//! A simulated store of registers whose transactions read from snapshots that may be old, and the
//! history of a run as Plume writes it: session by session, so that nothing tells what happened
//! when.

use kensho_checker::generate::Random;
use std::fmt::Write;

/// What the store sees to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// All that is read is still there when who wrote something commits.
    Serializable,
    /// Nobody else has written meanwhile what is written.
    Snapshot,
    /// Each reads from a snapshot; nothing else.
    Prefix,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipe {
    pub(crate) transactions: usize,
    pub(crate) sessions: usize,
    pub(crate) keys: usize,
    /// At most so many in each.
    pub(crate) steps: usize,
    /// How many writes of ten are of a key that was read before.
    pub(crate) updates_of_ten: usize,
    pub(crate) isolation: Isolation,
    /// A snapshot is at most so many commits old.
    pub(crate) lag: usize,
    /// Whether it holds at least what its session has seen or written.
    pub(crate) in_sessions: bool,
    pub(crate) seed: u64,
}

pub(crate) const TYPICAL: Recipe = Recipe {
    transactions: 3_000,
    sessions: 20,
    keys: 200,
    steps: 6,
    updates_of_ten: 5,
    isolation: Isolation::Serializable,
    lag: 30,
    in_sessions: true,
    seed: 1,
};

/// Steps of a transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Read(usize),
    /// Of a key, as it was at another time.
    ReadAsOf(usize, usize),
    Write(usize),
}

/// A store and all that it did.
pub(crate) struct Store {
    /// Per key, its values since which commit.
    versions: Vec<Vec<(usize, u64)>>,
    commits: usize,
    next_value: u64,
    next_transaction: u64,
    /// Per session, its lines, and the last commit that it knows of.
    sessions: Vec<(String, usize)>,
}

impl Store {
    pub(crate) fn new(sessions: usize, keys: usize) -> Store {
        Store {
            versions: vec![vec![(0, 0)]; keys],
            commits: 0,
            next_value: 0,
            next_transaction: 0,
            sessions: vec![(String::new(), 0); sessions],
        }
    }

    /// What happened, session by session.
    pub(crate) fn text(&self) -> String {
        self.sessions.iter().map(|(lines, _)| &lines[..]).collect()
    }

    pub(crate) fn commits(&self) -> usize {
        self.commits
    }

    fn value(&self, key: usize, snapshot: usize) -> u64 {
        let versions = &self.versions[key];
        let count = versions.partition_point(|(since, _)| *since <= snapshot);
        versions[count - 1].1
    }

    /// Whether a key has a version that is newer than a snapshot.
    fn is_new(&self, key: usize, snapshot: usize) -> bool {
        self.versions[key].last().unwrap().0 > snapshot
    }

    /// Runs a transaction on a snapshot whatever comes of it.
    pub(crate) fn run(&mut self, session: usize, snapshot: usize, steps: &[Step]) {
        let mut own: Vec<(usize, u64)> = Vec::new();
        self.next_transaction += 1;
        let mut lines = String::new();
        for step in steps {
            let (name, key, value) = match *step {
                Step::Read(key) => {
                    let mine = own.iter().rev().find(|(other, _)| *other == key);
                    let value = mine.map_or_else(|| self.value(key, snapshot), |(_, value)| *value);
                    ('r', key, value)
                }
                Step::ReadAsOf(key, snapshot) => ('r', key, self.value(key, snapshot)),
                Step::Write(key) => {
                    self.next_value += 1;
                    own.push((key, self.next_value));
                    ('w', key, self.next_value)
                }
            };
            let transaction = self.next_transaction;
            writeln!(lines, "{name}({key},{value},{session},{transaction})").unwrap();
        }
        self.sessions[session].0.push_str(&lines);
        let known = &mut self.sessions[session].1;
        *known = (*known).max(snapshot);
        if own.is_empty() {
            return;
        }
        self.commits += 1;
        self.sessions[session].1 = self.commits;
        let mut keys: Vec<usize> = own.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let last = own.iter().rev().find(|(other, _)| *other == key).unwrap();
            self.versions[key].push((self.commits, last.1));
        }
    }
}

/// Runs so many transactions of a recipe.
pub(crate) fn work(store: &mut Store, recipe: &Recipe, transactions: usize, random: &mut Random) {
    for _ in 0..transactions {
        let session = random.below(recipe.sessions);
        let mut steps: Vec<Step> = Vec::new();
        for _ in 0..1 + random.below(recipe.steps) {
            let key = random.below(recipe.keys);
            if random.below(2) == 0 {
                if random.below(10) < recipe.updates_of_ten {
                    steps.push(Step::Read(key));
                }
                steps.push(Step::Write(key));
            } else {
                steps.push(Step::Read(key));
            }
        }
        let mut snapshot = store.commits().saturating_sub(random.below(recipe.lag + 1));
        if recipe.in_sessions {
            snapshot = snapshot.max(store.sessions[session].1);
        }
        let writes = steps.iter().any(|step| matches!(step, Step::Write(_)));
        let conflicts = steps.iter().any(|step| match (*step, recipe.isolation) {
            (Step::Write(key), Isolation::Serializable | Isolation::Snapshot) => {
                store.is_new(key, snapshot)
            }
            (Step::Read(key), Isolation::Serializable) => writes && store.is_new(key, snapshot),
            _ => false,
        });
        if conflicts {
            snapshot = store.commits();
        }
        store.run(session, snapshot, &steps);
    }
}

/// Runs a recipe, with something that is done in the middle.
pub(crate) fn run(recipe: &Recipe, between: impl FnOnce(&mut Store)) -> Store {
    let mut random = Random::new(recipe.seed);
    let mut store = Store::new(recipe.sessions, recipe.keys);
    work(&mut store, recipe, recipe.transactions / 2, &mut random);
    between(&mut store);
    work(&mut store, recipe, recipe.transactions / 2, &mut random);
    store
}
