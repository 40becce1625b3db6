//! Small measurements with round figures, for tests.

use std::collections::BTreeMap;

use super::Source;
use super::source::{ElectionPoint, ElectionRounds, ElectionSeries, ElectionSet, FailoverTimes};
use crate::bench::absence::{Absence, Latency, Phase, Row};
use crate::bench::catch_up::{CatchUp, CatchUpSet, Phases};
use crate::bench::loss::{LossAtKill, LossSeries, LossSet};
use crate::bench::outage::{Outage, OutageSet};
use crate::bench::{BenchSet, Contestant, Experiment, LoadRecord, Round};
use crate::run::Host;

fn host() -> Host {
    Host {
        system: "linux 6.1".to_string(),
        processors: 2,
        memory_bytes: 24_000_000_000,
        disk: "ext4 on /dev/vda".to_string(),
    }
}

fn contestant(name: &str, replication: &str, durability: &str, rate: f64) -> Contestant {
    let round = |share: f64| Round {
        operations: (rate * share) as u64,
        errors: 0,
        seconds: 1.0,
        client_cpu_seconds: 0.4,
        server_cpu_seconds: 0.8,
    };
    Contestant {
        name: name.to_string(),
        text: String::new(),
        replication: Some(replication.to_string()),
        durability: Some(durability.to_string()),
        batch_rows: 1,
        rounds: [0.8, 1.0, 1.2].map(round).to_vec(),
        latency_us: vec![
            (0.0, 400.0),
            (0.5, 800.0),
            (0.9, 1_500.0),
            (0.99, 3_000.0),
            (0.9999, 20_000.0),
            (1.0, 30_000.0),
        ],
    }
}

fn experiment(name: &str, connections: usize, contestants: Vec<Contestant>) -> Experiment {
    Experiment {
        name: name.to_string(),
        load: LoadRecord {
            connections,
            rate: None,
            mix: "put".to_string(),
            keys: "uniform".to_string(),
            value_bytes: 100,
            records: 10_000,
        },
        window_ms: 1_000,
        contestants,
    }
}

pub(crate) fn bench_set() -> BenchSet {
    let mut experiments: Vec<Experiment> = [1, 4, 16, 64, 128]
        .into_iter()
        .map(|connections: usize| {
            let rate = 40_000.0 * (connections as f64 / 64.0).min(1.0).powf(0.4);
            let modes = [
                ("none", 1.0),
                ("async", 0.85),
                ("semi-sync", 0.7),
                ("semi-sync, 2 backups", 0.5),
            ];
            let contestants =
                modes.map(|(name, share)| contestant(name, name, "delayed", rate * share));
            experiment(
                &format!("connections {connections}"),
                connections,
                contestants.to_vec(),
            )
        })
        .collect();
    let both = ["none", "async", "semi-sync"].into_iter().flat_map(|name| {
        let of =
            |durability, rate| contestant(&format!("{name}, {durability}"), name, durability, rate);
        [of("delayed", 40_000.0), of("sync", 24_000.0)]
    });
    experiments.push(experiment("durability", 64, both.collect()));
    let mut batched = contestant("batches of 100", "none", "delayed", 1_000_000.0);
    batched.batch_rows = 100;
    let batches = vec![
        contestant("single puts", "none", "delayed", 40_000.0),
        batched,
    ];
    experiments.push(experiment("batches", 64, batches));
    BenchSet {
        command: "kensho bench --suite standard".to_string(),
        began: "2026-01-02T03:04:05Z".to_string(),
        host: host(),
        experiments,
    }
}

/// One of each kind.
pub(super) fn sources() -> Vec<Source> {
    let times = |each_ms: &[f64]| FailoverTimes {
        each_ms: each_ms.to_vec(),
    };
    let failover = BTreeMap::from([
        ("master".to_string(), times(&[400.0, 450.0, 500.0])),
        ("owner".to_string(), times(&[300.0, 350.0, 380.0])),
        (
            "owner and master".to_string(),
            times(&[500.0, 550.0, 600.0]),
        ),
    ]);
    let row = |answered| Row {
        answered,
        errors: 0,
        latency: Latency {
            p50_ms: 0.5,
            p99_ms: 4.0,
            max_ms: 9.0,
        },
    };
    let phase = |p99_ms| Phase {
        per_second: 1_950.0,
        errors: 0,
        latency: Latency {
            p50_ms: 1.25,
            p99_ms,
            max_ms: 90.0,
        },
    };
    let catch_up = CatchUp {
        text: "3 nodes that all hold every partition, semi-sync, 40 MB of rows".to_string(),
        absence: Absence {
            rate: 2_000.0,
            interval_ms: 100,
            rows: vec![row(200); 100],
            killed_ms: 2_000,
            started_ms: 5_000,
            whole_ms: 7_500,
        },
        images: 16,
        image_bytes: 42_000_000,
        phases: Phases {
            before: phase(4.0),
            away: phase(5.0),
            catching_up: phase(36.0),
            after: phase(4.0),
        },
    };
    let mut rows = vec![row(200); 100];
    rows[30..34].fill(Row::default());
    rows[34].latency.max_ms = 420.0;
    let outage = Outage {
        victim: "owner".to_string(),
        text: "3 nodes, 2 replicas, semi-sync".to_string(),
        absence: Absence {
            rate: 2_000.0,
            interval_ms: 100,
            rows,
            killed_ms: 3_000,
            started_ms: 6_000,
            whole_ms: 7_500,
        },
        caught_up_bytes: 3_000_000,
    };
    let kill = |lost, lag_ms| LossAtKill {
        link_delay_ms: lag_ms,
        acknowledged_per_second: 5_000.0,
        asked: 4_000,
        lost,
        lag_ms,
    };
    let series = |mode: &str, kills: &[LossAtKill]| LossSeries {
        mode: mode.to_string(),
        kills: kills.to_vec(),
    };
    let point = |nodes: f64| ElectionPoint {
        nodes,
        rounds: ElectionRounds {
            mean: 2.0 * nodes.log2(),
            p99: 3.0 * nodes.log2(),
        },
    };
    let election = |name: &str| ElectionSeries {
        name: name.to_string(),
        points: [2.0, 4.0, 8.0, 16.0].map(point).to_vec(),
    };
    vec![
        Source::Bench(bench_set()),
        Source::Failover(failover),
        Source::Outage(OutageSet {
            command: "kensho outage".to_string(),
            host: host(),
            outages: vec![outage],
        }),
        Source::CatchUp(Box::new(CatchUpSet {
            command: "kensho catch-up".to_string(),
            host: host(),
            catch_up,
        })),
        Source::Loss(LossSet {
            command: "kensho loss".to_string(),
            host: host(),
            series: vec![
                series("async", &[kill(0, 0.0), kill(12, 5.0), kill(40, 10.0)]),
                series("semi-sync", &[kill(0, 0.0), kill(0, 0.0)]),
            ],
        }),
        Source::Election(ElectionSet {
            command: "kensho-models election".to_string(),
            series: vec![election("no loss"), election("5 % loss")],
        }),
    ]
}
