//! The suites: which experiments answer which question, and how long each may take.

use std::time::Duration;

use super::contestant::{Replication, Subject};
use super::etcd;
use super::experiment::{Entry, Experiment};
use super::generator::Load;
use super::mix::Mix;
use crate::system::kensho::Durability;

/// A set of experiments, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Suite {
    /// Everything that charts are made of: about ten minutes
    Standard,
    /// The same questions with a few short windows: about a minute, and noisy
    Quick,
}

/// How long and how often.
struct Size {
    connections: &'static [usize],
    window: Duration,
    warm_up: Duration,
    rounds: usize,
}

/// Puts begun per second where latency is measured: about half of what the slowest mode can do.
const OPEN_RATE: f64 = 3_000.0;
const FULL: usize = 64;
const BATCH_ROWS: u64 = 100;

impl Suite {
    /// Its experiments, in the order in which the fewest clusters are started anew.
    pub fn experiments(self, seed: u64) -> Vec<Experiment> {
        let size = match self {
            Suite::Standard => Size {
                connections: &[1, 4, 16, 64, 128],
                window: Duration::from_secs(1),
                warm_up: Duration::from_millis(200),
                rounds: 10,
            },
            Suite::Quick => Size {
                connections: &[1, 16, 64],
                window: Duration::from_millis(300),
                warm_up: Duration::from_millis(100),
                rounds: 3,
            },
        };
        let mut all = vec![durability(&size, seed)];
        all.extend(
            size.connections
                .iter()
                .map(|&count| connections(&size, count, seed)),
        );
        all.push(open_loop(&size, seed));
        all.push(batches(&size, seed));
        let mixes: &[Mix] = match self {
            Suite::Standard => &[Mix::A, Mix::B, Mix::C, Mix::D, Mix::E, Mix::F],
            Suite::Quick => &[Mix::A],
        };
        all.extend(mixes.iter().map(|&mix| ycsb(&size, mix, seed)));
        if etcd::is_installed() {
            all.push(beside_etcd(&size, seed));
        }
        all
    }
}

fn puts(connections: usize, seed: u64) -> Load {
    Load {
        connections,
        rate: None,
        mix: Mix::Put,
        keys: Mix::Put.keys(),
        value_bytes: 100,
        records: 10_000,
        seed,
    }
}

fn experiment(size: &Size, name: String, load: Load, entries: Vec<Entry>) -> Experiment {
    Experiment {
        name,
        load,
        warm_up: size.warm_up,
        window: size.window,
        rounds: size.rounds,
        entries,
    }
}

fn cluster(replication: Replication, durability: Durability) -> Entry {
    Entry {
        name: replication.name().to_string(),
        subject: Subject::Cluster {
            replication,
            durability,
            nodes: 2,
        },
        batch_rows: 1,
    }
}

fn delayed(replications: &[Replication]) -> Vec<Entry> {
    replications
        .iter()
        .map(|&replication| cluster(replication, Durability::Delayed))
        .collect()
}

const MODES: [Replication; 4] = [
    Replication::None,
    Replication::Async,
    Replication::SemiSync,
    Replication::SemiSync2,
];

fn connections(size: &Size, count: usize, seed: u64) -> Experiment {
    let mut entries = delayed(&MODES);
    if count == FULL {
        entries.push(Entry {
            name: "echo".to_string(),
            subject: Subject::Echo,
            batch_rows: 1,
        });
    }
    experiment(
        size,
        format!("connections {count}"),
        puts(count, seed),
        entries,
    )
}

fn open_loop(size: &Size, seed: u64) -> Experiment {
    let load = Load {
        rate: Some(OPEN_RATE),
        ..puts(FULL, seed)
    };
    experiment(size, "open loop".to_string(), load, delayed(&MODES))
}

fn durability(size: &Size, seed: u64) -> Experiment {
    let modes = [Replication::None, Replication::Async, Replication::SemiSync];
    let both = modes.into_iter().flat_map(|replication| {
        [Durability::Delayed, Durability::Sync].map(|durability| {
            let mut entry = cluster(replication, durability);
            entry.name = format!("{}, {}", replication.name(), durability.name());
            entry
        })
    });
    experiment(
        size,
        "durability".to_string(),
        puts(FULL, seed),
        both.collect(),
    )
}

fn batches(size: &Size, seed: u64) -> Experiment {
    let single = cluster(Replication::None, Durability::Delayed);
    let entries = vec![
        Entry {
            name: "single puts".to_string(),
            ..single.clone()
        },
        Entry {
            name: format!("batches of {BATCH_ROWS}"),
            batch_rows: BATCH_ROWS,
            ..single
        },
    ];
    experiment(size, "batches".to_string(), puts(FULL, seed), entries)
}

fn ycsb(size: &Size, mix: Mix, seed: u64) -> Experiment {
    let load = Load {
        mix,
        keys: mix.keys(),
        ..puts(FULL, seed)
    };
    let modes = [Replication::None, Replication::Async, Replication::SemiSync];
    experiment(size, format!("ycsb {}", mix.name()), load, delayed(&modes))
}

fn beside_etcd(size: &Size, seed: u64) -> Experiment {
    let etcd = Entry {
        name: "etcd".to_string(),
        subject: Subject::Etcd,
        batch_rows: 1,
    };
    let kensho = cluster(Replication::SemiSync2, Durability::Sync);
    experiment(
        size,
        "etcd".to_string(),
        puts(FULL, seed),
        vec![etcd, kensho],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_stay_within_their_time() {
        for (suite, limit) in [(Suite::Standard, 11 * 60), (Suite::Quick, 60)] {
            let experiments = suite.experiments(1);
            let load: Duration = experiments
                .iter()
                .map(|one| {
                    (one.window + one.warm_up)
                        * u32::try_from(one.rounds * one.entries.len()).unwrap()
                })
                .sum();
            assert!(load < Duration::from_secs(limit), "{suite:?}: {load:?}");
        }
    }

    #[test]
    fn names_are_unique() {
        let experiments = Suite::Standard.experiments(1);
        let mut names: Vec<&str> = experiments.iter().map(|one| one.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), experiments.len());
        for experiment in &experiments {
            let mut names: Vec<&str> = experiment
                .entries
                .iter()
                .map(|entry| entry.name.as_str())
                .collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), experiment.entries.len(), "{}", experiment.name);
        }
    }
}
