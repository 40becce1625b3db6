//! A deterministic world in memory: nodes with the real state machines, a network, disks, clocks,
//! clients and a nemesis, all in virtual time. One seed draws everything, so that a seed replays a
//! run to the byte.
//!
//! The world obeys the contract that the protocol crate asks of its callers, and uses all the
//! freedom that it leaves: messages may be late, lost, doubled and out of order, processes stop at
//! any moment and crash at any moment, disks keep any beginning of what was not synced.
//!
//! Where to look: `process` runs a node's state machines and carries out what they decide; `master`
//! is the replication world's master; `traffic` is what clients do; `nemesis` is what goes wrong.

use std::sync::Arc;

use kensho_checker::history::Event;
use kensho_protocol::ids::{NodeId, PartitionId, Token};
use kensho_protocol::replica::{Message, Output};
use kensho_protocol::request::Reply;
use kensho_protocol::table::{Change, Table};

pub mod client;
pub mod clock;
pub mod disk;
pub mod journal;
mod master;
mod nemesis;
pub mod network;
pub mod node;
pub mod plan;
mod process;
pub(crate) mod promise;
pub mod schedule;
pub mod sights;
pub mod table_service;
#[cfg(test)]
mod tests;
pub mod trace;
mod traffic;

use client::Client;
use clock::Clock;
use disk::Synced;
use journal::Journal;
use network::Network;
use node::Node;
use plan::Plan;
use schedule::Schedule;
use sights::{Sight, Sometimes};
use table_service::{TableService, first_assignment};
use trace::Trace;

use crate::choice::{Chooser, Kept};
use crate::invariants::Violation;
use crate::invariants::linearizable::Asked;
use crate::invariants::watch::Watch;
use crate::random::{Random, Stream};
use crate::run::{Figures, Given, Run};

pub use master::Master;
pub use nemesis::Fault;

/// Something that is going to happen.
#[derive(Debug)]
pub enum Happening {
    /// A message comes from the partition's replica on another node.
    Peer {
        /// The node it comes to.
        to: usize,
        /// The node it comes from.
        from: usize,
        /// The life in which it was sent.
        life: u32,
        /// The partition.
        partition: PartitionId,
        /// What it says.
        message: Message,
    },
    /// A client's request comes to a node.
    Request {
        /// The node.
        to: usize,
        /// The client's operation.
        operation: OperationId,
        /// The partition.
        partition: PartitionId,
        /// What is asked.
        asked: Asked,
        /// Goes with an update's number.
        as_of: kensho_protocol::ids::Position,
    },
    /// A reply comes to a client.
    Reply {
        /// The client's operation.
        operation: OperationId,
        /// The node it comes from.
        from: usize,
        /// What it says.
        reply: Reply,
    },
    /// A client may have waited for long.
    Patience {
        /// Which client.
        client: usize,
    },
    /// A client goes on: with its operation, or with the next one.
    Again {
        /// Which client.
        client: usize,
    },
    /// A disk has synced.
    Synced {
        /// Whose.
        node: usize,
        /// The life in which the sync was begun.
        life: u32,
        /// For which partition.
        partition: PartitionId,
    },
    /// A process is told that its disk has synced.
    Durable {
        /// Whose.
        node: usize,
        /// The life in which the sync was begun.
        life: u32,
        /// For which partition.
        partition: PartitionId,
        /// What is safe now.
        synced: Synced,
    },
    /// A timer fires.
    Wake {
        /// Whose.
        node: usize,
        /// The life in which it was set.
        life: u32,
        /// For which partition.
        partition: PartitionId,
    },
    /// A batch ends.
    Flush {
        /// Whose.
        node: usize,
        /// The life in which it was begun.
        life: u32,
        /// For which partition.
        partition: PartitionId,
    },
    /// An owner's wish comes to the master.
    Wish {
        /// Who asks.
        from: NodeId,
        /// For what.
        change: Change,
    },
    /// A committed table comes to a node.
    Table {
        /// The node.
        to: usize,
        /// The life of the node that it was sent to.
        life: u32,
        /// The table.
        table: Arc<Table>,
    },
    /// A node loses touch with the quorum, or finds it again (rule R13).
    Service {
        /// The node.
        to: usize,
        /// Whether it is part of a quorum.
        service: bool,
    },
    /// The master looks at the state of things.
    MasterLooks,
    /// A fault strikes.
    Strike(Fault),
    /// A clone of a node's folder is stopped, and the folder itself is used again (rule R14).
    EndClone {
        /// Which node's.
        node: usize,
    },
    /// A node that crashed starts again.
    Start {
        /// Which.
        node: usize,
    },
    /// A stopped process goes on.
    Continue {
        /// Which node's.
        node: usize,
        /// When it stopped.
        since_ns: u64,
    },
    /// Cut links are mended.
    Mend,
    /// Faults end, and recovery begins.
    Calm,
}

impl Happening {
    /// The node whose process it is for, if it is for one.
    fn process(&self) -> Option<usize> {
        match self {
            Happening::Peer { to, .. }
            | Happening::Request { to, .. }
            | Happening::Table { to, .. }
            | Happening::Service { to, .. } => Some(*to),
            Happening::Durable { node, .. }
            | Happening::Wake { node, .. }
            | Happening::Flush { node, .. } => Some(*node),
            _ => None,
        }
    }
}

/// Names an attempt at an operation of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationId {
    /// Which client.
    pub client: usize,
    /// Which of its operations.
    pub number: u32,
    /// Which of the attempts at it.
    pub attempt: u32,
}

impl OperationId {
    /// A token that names the attempt, and no other request: `unique` differs from one to the next.
    fn token(self, unique: u64) -> Token {
        let client = (self.client as u64) << 56;
        let number = u64::from(self.number) << 32;
        let attempt = u64::from(self.attempt) << 24;
        Token(client | number | attempt | unique & 0xff_ffff)
    }

    fn of(token: Token) -> Self {
        let bits = |from: u32, count: u32| token.0 >> from & ((1 << count) - 1);
        OperationId {
            client: usize::try_from(bits(56, 8)).expect("8 bits"),
            number: u32::try_from(bits(32, 24)).expect("24 bits"),
            attempt: u32::try_from(bits(24, 8)).expect("8 bits"),
        }
    }
}

/// See the [module](self).
#[derive(Debug)]
pub struct World {
    plan: Plan,
    now_ns: u64,
    schedule: Schedule<Happening>,
    nodes: Vec<Node>,
    network: Network,
    clients: Vec<Client>,
    master: Master,
    watch: Watch,
    journal: Journal,
    sometimes: Sometimes,
    trace: Trace,
    figures: Figures,
    streams: Streams,
    chooser: Chooser,
    /// By client: the attempt that it waits for, and until when, if its timer runs.
    patience: Vec<Option<(u64, OperationId)>>,
    /// The last value that any client has written.
    last_value: u32,
    /// Distinguishes requests.
    requests: u64,
    /// Faults strike.
    turbulent: bool,
    /// By partition: whether a write was acknowledged since faults stopped.
    written: Vec<bool>,
    recovered: bool,
    /// Reused for the outputs of state machines.
    outputs: Vec<Output>,
}

#[derive(Debug)]
struct Streams {
    network: Random,
    disks: Random,
    clients: Random,
    nemesis: Random,
    master: Random,
    processors: Random,
}

impl World {
    /// A world of this plan.
    #[must_use]
    pub fn of_plan(plan: Plan, chooser: Chooser, seed: u64, trace: Trace) -> Self {
        let stream = |purpose| Random::new(seed, purpose);
        let mut streams = Streams {
            network: stream(Stream::Network),
            disks: stream(Stream::Disks),
            clients: stream(Stream::Clients),
            nemesis: stream(Stream::Nemesis),
            master: stream(Stream::Master),
            processors: stream(Stream::Processors),
        };
        let mut clock = || match plan.processors.drift {
            true => Clock::draw(&mut streams.processors),
            false => Clock::TRUE,
        };
        let nodes: Vec<Node> = (0..plan.nodes)
            .map(|_| Node::new(clock(), plan.partitions, plan.settings.durability))
            .collect();
        let in_sync = if plan.lone_owners {
            1
        } else {
            plan.settings.replicas
        };
        let assignments = (0..plan.partitions).map(|partition| {
            let ring: Vec<usize> = (0..in_sync).map(|n| (partition + n) % plan.nodes).collect();
            first_assignment(&ring)
        });
        let (replicas, rules) = (plan.settings.replicas, plan.settings.rules);
        let service = TableService::new(plan.nodes, replicas, assignments.collect(), rules);
        // The master and the clients have places of their own.
        let (cuttable, places) = (plan.nodes + 1, plan.nodes + 2);
        let network = Network::new(plan.network, cuttable, places, &mut streams.network);
        let clients = plan.clients.count;
        let all_clients = (0..clients)
            .map(|number| Client::new(number, plan.partitions, plan.nodes))
            .collect();
        let mut world = World {
            watch: Watch::new(plan.settings.mode, plan.nodes, plan.partitions),
            journal: Journal::new(plan.clients.count),
            master: Master::new(service, plan.nodes),
            written: vec![false; plan.partitions],
            plan,
            now_ns: 0,
            schedule: Schedule::default(),
            nodes,
            network,
            clients: all_clients,
            sometimes: Sometimes::default(),
            trace,
            figures: Figures::default(),
            streams,
            chooser,
            patience: vec![None; clients],
            last_value: 0,
            requests: 0,
            turbulent: true,
            recovered: false,
            outputs: Vec::new(),
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        self.table_committed();
        for node in 0..self.plan.nodes {
            self.start(node);
        }
        for client in 0..self.clients.len() {
            self.schedule.put(0, Happening::Again { client });
        }
        self.schedule.put(0, Happening::MasterLooks);
        self.plan_strikes();
        self.schedule.put(self.plan.turbulent_ns, Happening::Calm);
    }

    /// linearizable, as a black box. What async lost, clients have seen.
    fn judge_history(&mut self) {
        if self.violation().is_some() || self.figures.lost > 0 {
            return;
        }
        if let Some(verdict) = self.journal.wrong() {
            self.watch
                .report(Violation::HistoryNotLinearizable { verdict });
        }
    }

    /// Something is repeated without an end.
    fn goes_round(&self) -> bool {
        self.figures.events > self.plan.events_max
    }

    fn happen(&mut self, what: Happening) {
        if let Some(node) = what.process()
            && !self.nodes[node].runs()
        {
            return self.hold_back(node, what);
        }
        match what {
            Happening::Peer {
                to,
                from,
                life,
                partition,
                message,
            } => self.peer_message(to, (from, life), partition, message),
            Happening::Request {
                to,
                operation,
                partition,
                asked,
                as_of,
            } => self.request(to, operation, partition, asked, as_of),
            Happening::Reply {
                operation,
                from,
                reply,
            } => self.client_hears(operation, from, &reply),
            Happening::Patience { client } => self.client_impatient(client),
            Happening::Again { client } => self.client_goes_on(client),
            Happening::Synced {
                node,
                life,
                partition,
            } => self.synced(node, life, partition),
            Happening::Durable {
                node,
                life,
                partition,
                synced,
            } => self.durable(node, life, partition, synced),
            Happening::Wake {
                node,
                life,
                partition,
            } => self.wake(node, life, partition),
            Happening::Flush {
                node,
                life,
                partition,
            } => self.end_batch(node, life, partition),
            Happening::Wish { from, change } => self.master_hears(from, &change),
            // A connection to a process ends with that.
            Happening::Table { to, life, table } => {
                if self.nodes[to].life == life {
                    self.table_comes(to, &table);
                }
            }
            Happening::Service { to, service } => self.service_changes(to, service),
            Happening::MasterLooks => self.master_looks(),
            Happening::Strike(fault) => self.strike(fault),
            Happening::EndClone { node } => self.end_clone(node),
            Happening::Start { node } => self.start(node),
            Happening::Continue { node, since_ns } => self.go_on(node, since_ns),
            Happening::Mend => self.network.heal(),
            Happening::Calm => self.calm(),
        }
    }

    fn say(&mut self, line: std::fmt::Arguments<'_>) {
        self.trace.line(self.now_ns, line);
    }
}

impl Run for World {
    type Sight = Sight;
    type Plan = Plan;

    fn new(seed: u64, given: &Given, trace: Trace) -> Self {
        let plan = Plan::draw(given, &mut Random::new(seed, Stream::Plan))
            .with_copied_folders(&mut Random::new(seed, Stream::Folders))
            .with_hand_overs(&mut Random::new(seed, Stream::Goodbyes))
            .with_backup_reads(&mut Random::new(seed, Stream::Backups));
        let chooser = Chooser::new(seed, given.only.clone(), plan.clients.count);
        World::of_plan(plan, chooser, seed, trace)
    }

    fn run(&mut self) {
        let end_ns = self.plan.turbulent_ns + self.plan.recovery_ns;
        while self.violation().is_none() && !self.recovered {
            let next_ns = self.schedule.next_ns();
            let Some(at_ns) = next_ns.filter(|at_ns| *at_ns <= end_ns && !self.goes_round()) else {
                self.report_missing();
                break;
            };
            self.now_ns = at_ns;
            if let Some(what) = self.schedule.take() {
                self.happen(what);
            }
        }
        self.figures.lost = self.watch.lost();
        self.judge_history();
        self.figures.virtual_ns = self.now_ns;
    }

    fn violation(&self) -> Option<&Violation> {
        self.watch.violations().first()
    }

    fn figures(&self) -> Figures {
        self.figures
    }

    fn sometimes(&self) -> &Sometimes {
        &self.sometimes
    }

    fn taken(&self) -> Kept {
        self.chooser.taken()
    }

    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn trace(&self) -> &Trace {
        &self.trace
    }

    fn history(&self) -> &[Event] {
        &[]
    }
}
