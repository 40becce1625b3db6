//! Guesses in which order transactions were committed: a store is simulated that runs them one after
//! the other, each as soon as it finds what it read, and not before everybody has read what it
//! replaces. Where several can go on, the one that ended first does.
//!
//! It is a guess only. Where nothing can go on, someone goes on all the same.

use super::dependencies::{Dependencies, Read};
use super::rows::Rows;
use super::rules::Rule;
use crate::history::NEVER;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

/// What a transaction does next: take its snapshot, or commit.
const SNAPSHOT: u8 = 0;
const COMMIT: u8 = 1;
const DONE: u8 = 2;

pub(super) struct Schedule<'a> {
    dependencies: &'a Dependencies<'a>,
    /// Whether a transaction reads and commits at the same moment.
    at_once: bool,
    /// Per object, the version that the store holds.
    current: Vec<u32>,
    /// Per version, and then per object for its initial state, how many have still to read it.
    readers: Vec<u32>,
    /// Per object, who took a snapshot and has still to write it.
    writing: Vec<u32>,
    /// Per object, who waits for something to change there.
    waiting: Vec<Vec<u32>>,
    /// All who wait, by rank.
    blocked: BTreeSet<(u32, u32)>,
    phases: Vec<u8>,
    ready: BinaryHeap<Reverse<(u32, u32)>>,
    spans: &'a [(u32, u32)],
}

/// When each node did what, in counted steps.
pub(super) struct Moments {
    pub(super) snapshots: Vec<u32>,
    pub(super) commits: Vec<u32>,
}

/// An order of commits that agrees with `known` and `assumed`; none if these go in a circle.
pub(super) fn guess(
    dependencies: &Dependencies<'_>,
    rule: Rule,
    known: &Rows<u32>,
    assumed: &Rows<u32>,
    spans: &[(u32, u32)],
) -> Option<Moments> {
    let log = dependencies.log;
    let versions = log.version_count();
    let mut readers = vec![0; versions + log.key_count()];
    for read in dependencies.reads.items() {
        readers[place(versions, *read)] += 1;
    }
    let schedule = Schedule {
        dependencies,
        at_once: matches!(rule, Rule::Serializable | Rule::UpdateSerializable),
        current: vec![NEVER; log.key_count()],
        readers,
        writing: vec![NEVER; log.key_count()],
        waiting: vec![Vec::new(); log.key_count()],
        blocked: BTreeSet::new(),
        phases: vec![SNAPSHOT; known.len()],
        ready: BinaryHeap::new(),
        spans,
    };
    schedule.run(known, assumed)
}

fn place(versions: usize, read: Read) -> usize {
    match read.version {
        NEVER => versions + read.key as usize,
        version => version as usize,
    }
}

impl Schedule<'_> {
    fn run(mut self, known: &Rows<u32>, assumed: &Rows<u32>) -> Option<Moments> {
        let nodes = known.len();
        let mut open = vec![0_u32; nodes];
        for to in known.items().iter().chain(assumed.items()) {
            open[*to as usize] += 1;
        }
        for node in (0..nodes as u32).filter(|node| open[*node as usize] == 0) {
            self.ready.push(Reverse((self.rank(node), node)));
        }
        let mut snapshots = vec![NEVER; nodes];
        let mut commits = vec![NEVER; nodes];
        let (mut moment, mut done) = (0, 0);
        while done < nodes {
            let node = match self.ready.pop() {
                Some(Reverse((_, node))) => match self.obstacle(node) {
                    None => node,
                    Some(key) => {
                        self.waiting[key as usize].push(node);
                        self.blocked.insert((self.rank(node), node));
                        continue;
                    }
                },
                None => {
                    let (rank, node) = *self.blocked.first()?;
                    self.blocked.remove(&(rank, node));
                    node
                }
            };
            let finished = self.step(node);
            let snapshot = &mut snapshots[node as usize];
            *snapshot = (*snapshot).min(moment);
            moment += 1;
            if !finished {
                self.ready.push(Reverse((self.rank(node), node)));
                continue;
            }
            commits[node as usize] = moment;
            moment += 1;
            done += 1;
            let assumed: &[u32] = match (node as usize) < assumed.len() {
                true => assumed.row(node),
                false => &[],
            };
            for to in known.row(node).iter().chain(assumed) {
                open[*to as usize] -= 1;
                if open[*to as usize] == 0 {
                    self.ready.push(Reverse((self.rank(*to), *to)));
                }
            }
        }
        Some(Moments { snapshots, commits })
    }

    /// When a node's next step is due: a snapshot when the transaction began, a commit when it ended.
    /// Points in time do not wait.
    fn rank(&self, node: u32) -> u32 {
        match self.spans.get(node as usize) {
            None => 0,
            Some((begin, NEVER)) => *begin + 1,
            Some((begin, _)) if !self.at_once && self.phases[node as usize] == SNAPSHOT => {
                *begin + 1
            }
            Some((_, end)) => *end + 1,
        }
    }

    /// An object that is not yet as the next step of a node needs it.
    fn obstacle(&self, node: u32) -> Option<u32> {
        let dependencies = self.dependencies;
        if node as usize >= dependencies.len() {
            return None;
        }
        let versions = dependencies.log.version_count();
        let reads = dependencies.reads.row(node);
        let writes = dependencies.writes.row(node);
        if self.phases[node as usize] == SNAPSHOT {
            let unlike = reads
                .iter()
                .find(|read| self.current[read.key as usize] != read.version);
            if let Some(read) = unlike {
                return Some(read.key);
            }
            let taken = writes
                .iter()
                .find(|write| !self.at_once && self.writing[write.key as usize] != NEVER);
            if let Some(write) = taken {
                return Some(write.key);
            }
            if !self.at_once {
                return None;
            }
        }
        // All others must have read what is replaced.
        let unread = writes.iter().find(|write| {
            let read = Read {
                key: write.key,
                version: self.current[write.key as usize],
            };
            let own = match self.phases[node as usize] {
                SNAPSHOT => reads.iter().filter(|other| **other == read).count() as u32,
                _ => 0,
            };
            self.readers[place(versions, read)] > own
        });
        unread.map(|write| write.key)
    }

    /// Does the next step of a node; whether it was the last.
    fn step(&mut self, node: u32) -> bool {
        let dependencies = self.dependencies;
        if node as usize >= dependencies.len() {
            return true;
        }
        let versions = dependencies.log.version_count();
        let writes = dependencies.writes.row(node);
        if self.phases[node as usize] == SNAPSHOT {
            for read in dependencies.reads.row(node) {
                let left = &mut self.readers[place(versions, *read)];
                *left -= 1;
                if *left == 0 {
                    self.wake(read.key);
                }
            }
            self.phases[node as usize] = COMMIT;
            if !self.at_once && !writes.is_empty() {
                for write in writes {
                    self.writing[write.key as usize] = node;
                }
                return false;
            }
        }
        for write in writes {
            self.current[write.key as usize] = write.version;
            if self.writing[write.key as usize] == node {
                self.writing[write.key as usize] = NEVER;
            }
            self.wake(write.key);
        }
        self.phases[node as usize] = DONE;
        true
    }

    /// Something has changed at an object.
    fn wake(&mut self, key: u32) {
        for node in std::mem::take(&mut self.waiting[key as usize]) {
            let rank = self.rank(node);
            if self.blocked.remove(&(rank, node)) {
                self.ready.push(Reverse((rank, node)));
            }
        }
    }
}
