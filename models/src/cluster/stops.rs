//! What clients notice of nodes that stop in order (rule M7), and of a node that alone finds another one gone
//! (rule M8): in virtual time, where nothing else goes wrong, so that waits can be bounded.

use std::time::Duration;

use kensho_protocol::ids::Token;
use kensho_protocol::rule::Rules;
use kensho_protocol::settings::{Levelling, Mode, Settings};

use super::Cluster;
use super::plan::{FaultPlan, Plan};
use super::swarm::Swarm;
use crate::choice::Chooser;
use crate::random::{Random, Stream};
use crate::run::Given;
use crate::world::network::NetworkPlan;
use crate::world::plan::{DiskPlan, ProcessorPlan};
use crate::world::trace::Trace;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;
/// No write waits longer at a stop. To miss the node that stopped would take 300 times as long.
const BOUND_NS: u64 = 50 * MS;
const NODES: usize = 3;

/// Three nodes that fail in no way, at the default heartbeat, on quick disks and a quick network.
fn plan(seed: u64, rules: Rules) -> Plan {
    let drawn = Plan::draw(&Given::default(), &mut Random::new(seed, Stream::Plan));
    let heartbeat = Duration::from_secs(5);
    let settings = Settings {
        mode: Mode::SemiSync,
        levelling: Levelling::paused(),
        rules,
        ..Settings::with_heartbeat(heartbeat)
    };
    let mut plan = Plan {
        nodes: NODES,
        founders: NODES,
        partitions: 5,
        priorities: vec![0; NODES],
        settings,
        network: NetworkPlan {
            delay_min_ns: MS / 10,
            delay_max_ns: MS / 2,
            loss_ppm: 0,
            duplicate_ppm: 0,
            slow_ppm: 0,
            slow_max_ns: 0,
            in_order: true,
        },
        disks: DiskPlan {
            sync_min_ns: MS / 5,
            sync_max_ns: MS,
            slow_ppm: 0,
            slow_max_ns: 0,
            checkpoint_entries: 0,
        },
        processors: ProcessorPlan {
            batch_ns: 0,
            timer_late_max_ns: MS / 10,
            drift: false,
            stopped_between_ppm: 0,
        },
        handover_max_ns: MS / 10,
        faults: FaultPlan {
            lasts_max_ns: SECOND,
            ..FaultPlan::default()
        },
        turbulent_ns: 600 * SECOND,
        events_max: u64::MAX,
        ..drawn
    };
    plan.clients.count = 5;
    plan.clients.think_max_ns = 20 * MS;
    plan.clients.reads_percent = 0;
    plan.clients.deadline = Duration::from_secs(10);
    let session = &mut plan.clients.session;
    session.failover_timeout = Duration::from_secs(60);
    session.attempt_timeout = Duration::from_secs(10);
    // Who asks a node that has stopped is not refused here, as a process would be that is gone.
    session.table_timeout = Duration::from_millis(5);
    session.backoff_min = Duration::from_millis(1);
    session.backoff_max = Duration::from_millis(20);
    plan
}

/// A run, and how long writes wait in it.
struct Watched {
    cluster: Cluster<Swarm>,
    /// By client: when its open statement began.
    open: Vec<Option<(Token, u64)>>,
    longest_ns: u64,
}

impl Watched {
    fn new(seed: u64, rules: Rules) -> Self {
        let plan = plan(seed, rules);
        let clients = plan.clients.count;
        let chooser = Chooser::new(seed, None, clients);
        Watched {
            cluster: Cluster::of_plan(plan, chooser, seed, Trace::default()),
            open: vec![None; clients],
            longest_ns: 0,
        }
    }

    fn step(&mut self) {
        let next_ns = self.cluster.schedule.next_ns();
        self.cluster.now_ns = next_ns.expect("something is going to happen");
        if let Some(what) = self.cluster.schedule.take() {
            self.cluster.happen(what);
        }
        let now_ns = self.cluster.now_ns;
        for (client, open) in self.open.iter_mut().enumerate() {
            let statement = self.cluster.load.open_statement(client);
            if open.map(|(statement, _)| statement) == statement {
                continue;
            }
            if let Some((_, began_ns)) = open.take() {
                self.longest_ns = self.longest_ns.max(now_ns - began_ns);
            }
            *open = statement.map(|statement| (statement, now_ns));
        }
        assert_eq!(self.cluster.first_violation(), None);
    }

    fn run_for(&mut self, time_ns: u64) {
        let end_ns = self.cluster.now_ns + time_ns;
        while self.cluster.now_ns < end_ns {
            self.step();
        }
    }

    /// Goes on until all is whole; nothing was said to happen later.
    fn run_until_whole(&mut self, node: usize) {
        let limit_ns = self.cluster.now_ns + 60 * SECOND;
        while !(self.cluster.nodes[node].runs() && self.is_whole()) {
            assert!(self.cluster.now_ns < limit_ns, "node {node} is not back");
            self.run_for(10 * MS);
        }
    }

    fn is_whole(&self) -> bool {
        let whole = |table: &std::sync::Arc<kensho_protocol::table::Table>| {
            table.partitions.iter().all(|a| a.in_sync.len() == NODES)
        };
        self.cluster.tables.last().is_some_and(whole) && self.cluster.has_one_master()
    }

    /// A cluster that serves.
    fn begun(seed: u64, rules: Rules) -> Self {
        let mut watched = Watched::new(seed, rules);
        let limit_ns = 60 * SECOND;
        while !watched.is_whole() {
            assert!(watched.cluster.now_ns < limit_ns, "it does not begin");
            watched.run_for(10 * MS);
        }
        watched.run_for(SECOND);
        watched.longest_ns = 0;
        watched
    }
}

/// The longest wait while all nodes stop in order, one after the other, and come back.
fn longest_wait_ns(seed: u64, rules: Rules) -> u64 {
    let mut watched = Watched::begun(seed, rules);
    let master = |watched: &Watched| {
        let nodes = (0..NODES).find(|node| watched.cluster.nodes[*node].is_master());
        nodes.expect("there is a master")
    };
    // The first master comes last, and another one of its followers once more.
    let first = master(&watched);
    for node in (0..NODES).filter(|node| *node != first).chain([first]) {
        let cluster = &mut watched.cluster;
        cluster.hand_to_control(node, kensho_kernel::control::Input::Goodbye);
        let limit_ns = cluster.now_ns + 20 * SECOND;
        while watched.cluster.nodes[node].runs() {
            assert!(watched.cluster.now_ns < limit_ns, "node {node} goes on");
            watched.step();
        }
        watched.run_until_whole(node);
        watched.run_for(SECOND);
    }
    watched.longest_ns
}

#[test]
fn no_write_waits_until_a_node_that_stopped_would_be_missed() {
    for seed in 0..10 {
        let longest_ns = longest_wait_ns(seed, Rules::sound());
        assert!(longest_ns <= BOUND_NS, "seed {seed}: {longest_ns} ns");
    }
}

/// One node finds that nobody listens at another one, again and again; how many are out of in-sync sets then.
fn detached(seed: u64, rules: Rules) -> usize {
    let mut watched = Watched::begun(seed, rules);
    let master = (0..NODES).find(|node| watched.cluster.nodes[*node].is_master());
    let at = master.expect("there is a master");
    let of = (at + 1) % NODES;
    let mut least = NODES;
    for _ in 0..200 {
        watched.cluster.find_nobody(at, of);
        watched.run_for(5 * MS);
        let table = watched.cluster.tables.last().expect("a table");
        let copies = table.partitions.iter().map(|a| a.in_sync.len()).min();
        least = least.min(copies.expect("partitions"));
    }
    NODES - least
}

#[test]
fn the_word_of_one_detaches_nobody() {
    for seed in 0..10 {
        assert_eq!(detached(seed, Rules::sound()), 0, "seed {seed}");
    }
}

#[cfg(feature = "break-rules")]
mod broken {
    use super::*;
    use crate::broken::rules;
    use kensho_protocol::rule::Rule;

    #[test]
    fn a_node_that_stops_without_handing_over_makes_writes_wait() {
        let rules = rules(Some(Rule::StopAtOnce));
        let longest_ns = (0..3).map(|seed| longest_wait_ns(seed, rules)).max();
        assert!(longest_ns > Some(BOUND_NS), "{longest_ns:?}");
    }

    #[test]
    fn a_master_that_takes_its_own_word_for_enough_detaches_who_is_there() {
        let rules = rules(Some(Rule::SuspectAlone));
        assert!((0..3).any(|seed| detached(seed, rules) > 0));
    }
}
