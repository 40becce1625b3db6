//! Independent objects are judged independently, on all processors, the largest first.
//!
//! A history of many objects is linearizable iff that of each is (Herlihy and Wing, 1990); that
//! turns one large problem into many small ones.

use crate::history::{History, NEVER};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The operations of a history by key.
pub(crate) struct Groups {
    /// Places in the history, those of one key together, in the order of invocation.
    places: Vec<u32>,
    /// Per key with operations: the key and the range in `places`.
    ranges: Vec<(u32, std::ops::Range<usize>)>,
}

impl Groups {
    /// Groups all operations by their keys.
    pub(crate) fn of(history: &History) -> Groups {
        let keys = history.key_count();
        let slot = |key: u32| if key == NEVER { keys } else { key as usize };
        let mut starts = vec![0_usize; keys + 2];
        for operation in &history.operations {
            starts[slot(operation.key) + 1] += 1;
        }
        for key in 0..=keys {
            starts[key + 1] += starts[key];
        }
        let ends = starts.clone();
        let mut next = starts;
        let mut places = vec![0; history.operations.len()];
        for (place, operation) in history.operations.iter().enumerate() {
            let next = &mut next[slot(operation.key)];
            places[*next] = place as u32;
            *next += 1;
        }
        let ranges = (0..=keys)
            .map(|key| {
                (
                    if key == keys { NEVER } else { key as u32 },
                    ends[key]..ends[key + 1],
                )
            })
            .filter(|(_, range)| !range.is_empty())
            .collect();
        Groups { places, ranges }
    }

    /// Each key with the places of its operations.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &[u32])> {
        self.ranges
            .iter()
            .map(|(key, range)| (*key, &self.places[range.clone()]))
    }
}

/// Calls `judge` once for each key, on several threads each with its own memory (made by
/// `memory`), and returns what it found in the order of the keys.
pub(crate) fn each_key<M, T: Send>(
    groups: &Groups,
    threads: usize,
    memory: impl Fn() -> M + Sync,
    judge: impl Fn(&mut M, u32, &[u32]) -> T + Sync,
) -> Vec<T> {
    let mut largest_first: Vec<usize> = (0..groups.ranges.len()).collect();
    largest_first.sort_by_key(|at| std::cmp::Reverse(groups.ranges[*at].1.len()));
    let threads = match threads {
        // To ask for their number takes longer than to judge a small history.
        _ if groups.ranges.len() < 2 => 1,
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    }
    .min(groups.ranges.len().max(1));
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::with_capacity(groups.ranges.len()));
    let work = || {
        let mut memory = memory();
        let mut mine = Vec::new();
        while let Some(at) = largest_first.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (key, range) = &groups.ranges[*at];
            mine.push((*at, judge(&mut memory, *key, &groups.places[range.clone()])));
        }
        found
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .extend(mine);
    };
    if threads == 1 {
        work();
    } else {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(work);
            }
        });
    }
    let mut found = found
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, found)| found).collect()
}
