//! Random faults. The network checks after each step that there is one master per term and one chain
//! of tables; here everything that may happen happens at random, and in the end all must recover.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::network::{Cluster, HEARTBEAT, Weather};
use crate::ids::NodeId;
use crate::table::What;

#[derive(Clone, Debug)]
enum Fault {
    Kill(u32),
    Start(u32),
    Restart(u32),
    Cut(u32, u32),
    CutOneWay(u32, u32),
    Isolate(u32),
    Heal,
    Spoil(u32),
    Shrink(u16, u32),
    Grow(u16),
    Renew(u16),
}

fn fault() -> impl Strategy<Value = Fault> {
    let node = 0..5_u32;
    let partition = 0..6_u16;
    prop_oneof![
        2 => node.clone().prop_map(Fault::Kill),
        4 => node.clone().prop_map(Fault::Start),
        4 => node.clone().prop_map(Fault::Restart),
        2 => (node.clone(), node.clone()).prop_map(|(a, b)| Fault::Cut(a, b)),
        2 => (node.clone(), node.clone()).prop_map(|(a, b)| Fault::CutOneWay(a, b)),
        2 => node.clone().prop_map(Fault::Isolate),
        3 => Just(Fault::Heal),
        1 => node.clone().prop_map(Fault::Spoil),
        2 => (partition.clone(), node).prop_map(|(p, n)| Fault::Shrink(p, n)),
        2 => partition.clone().prop_map(Fault::Grow),
        2 => partition.prop_map(Fault::Renew),
    ]
}

fn weather() -> impl Strategy<Value = Weather> {
    (0..300_u64, 0..300_u64, 0..120_u64).prop_map(|(lost, doubled, delay)| Weather {
        lost,
        doubled,
        delay_max: Duration::from_millis(delay),
    })
}

fn apply(cluster: &mut Cluster, nodes: u32, fault: &Fault) {
    let id = |n: u32| NodeId(n % nodes + 1);
    match *fault {
        Fault::Kill(n) => cluster.kill(id(n)),
        Fault::Start(n) => {
            if cluster.running(id(n)).is_none() {
                cluster.start(id(n));
            }
        }
        Fault::Restart(n) => cluster.restart(id(n)),
        Fault::Cut(a, b) => cluster.cut(id(a), id(b)),
        Fault::CutOneWay(a, b) => cluster.cut_one_way(id(a), id(b)),
        Fault::Isolate(n) => cluster.isolate(id(n)),
        Fault::Heal => cluster.heal(),
        Fault::Spoil(n) => {
            cluster.kill(id(n));
            cluster.spoil(id(n));
            cluster.start(id(n));
        }
        Fault::Shrink(p, n) => ask(cluster, p, |_| Some(What::Shrink(BTreeSet::from([id(n)])))),
        Fault::Renew(p) => ask(cluster, p, |_| Some(What::Renew)),
        Fault::Grow(p) => ask(cluster, p, |a| {
            let node = a.catch_ups.first()?;
            Some(What::Grow(*node, crate::ids::Incarnation(0)))
        }),
    }
}

/// Every node that takes itself for the owner asks, as it would by what it knows.
fn ask(
    cluster: &mut Cluster,
    partition: u16,
    what: impl Fn(&crate::table::Assignment) -> Option<What>,
) {
    for id in cluster.ids() {
        let Some(table) = cluster.table(id).cloned() else {
            continue;
        };
        let assignment = table.assignment(crate::ids::PartitionId(partition));
        if assignment.owner == id
            && let Some(what) = what(assignment)
        {
            cluster.ask(id, partition, assignment.epoch, what);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn faults_never_make_two_masters_or_two_tables_and_pass(
        nodes in 2..=5_u32,
        seed in any::<u64>(),
        weather in weather(),
        faults in proptest::collection::vec((fault(), 0..600_u64), 0..40),
    ) {
        let mut cluster = Cluster::new(nodes, seed);
        cluster.weather = weather;
        cluster.run_for(HEARTBEAT * 5);
        for (fault, pause) in &faults {
            apply(&mut cluster, nodes, fault);
            cluster.run_for(Duration::from_millis(*pause));
        }
        cluster.weather = Weather::default();
        cluster.heal();
        for id in cluster.ids() {
            if cluster.running(id).is_none() {
                cluster.start(id);
            }
        }
        cluster.run_until("recovery", |c| c.all_serve() && c.agreed_on_table());
        cluster.run_for(HEARTBEAT * 10);
        let terms = cluster.masters.len();
        cluster.run_for(HEARTBEAT * 20);
        prop_assert_eq!(cluster.masters.len(), terms, "peace");
    }
}
