//! Whole clusters in a deterministic world: real coordinators that elect their masters and make the
//! partition table, real replicas of several partitions, and clients with real sessions, wired as
//! the node wires them. One seed draws everything, so that a seed replays a run to the byte.
//!
//! The replication [`world`](crate::world) replaces election and table by one atomic register, and
//! finds what is wrong with replicas much faster; the [`election`](crate::election) model explores
//! the register alone, to its end. This one shows that the two fit together: that what coordinators
//! decide is what replicas rely on, and that a cluster recovers by itself.
//!
//! Where to look: `control` and `data` drive the two planes of a node, in the order in which the
//! threads of the real node do; `clients` drives the sessions; [`load`] says what they ask for, which
//! [`swarm`] draws and [`play`] takes from a workload of the harness; `tables` knows what is
//! committed; `nemesis` is what goes wrong, and `schedule` what goes wrong at planned times;
//! `recovery` is what must come of it in the end.

use std::collections::BTreeMap;
use std::sync::Arc;

use kensho_checker::history::Event;
use kensho_kernel::Report;
use kensho_kernel::data::{Input, Output};
use kensho_protocol::coordinator;
use kensho_protocol::ids::{PartitionId, Position, Ticket};
use kensho_protocol::replica;
use kensho_protocol::session::{Address, Directory, Session};

mod clients;
mod control;
mod data;
mod folder;
mod folders;
pub mod load;
mod log;
mod nemesis;
pub mod node;
pub mod plan;
pub mod play;
mod recovery;
mod schedule;
pub mod sights;
#[cfg(test)]
mod stops;
pub mod swarm;
pub(crate) mod tables;
#[cfg(test)]
mod tests;

use crate::choice::{Chooser, Kept};
use crate::invariants::Violation;
use crate::invariants::watch::Watch;
use crate::random::{Random, Stream};
use crate::run::{Figures, Given, Run};
use crate::world::clock::Clock;
use crate::world::disk::Synced;
use crate::world::network::Network;
use crate::world::node::Condition;
use crate::world::schedule::Schedule;
use crate::world::table_service::{member, node_id};
use crate::world::trace::Trace;

use clients::Client;
use folder::Folder;
use load::Load;
use node::{Node, Waiting};
use plan::Plan;
use schedule::Effect;
use sights::{Sight, Sometimes};
use swarm::Swarm;
use tables::Tables;

pub use clients::{Attempt, Ending, Request};
pub use nemesis::Fault;

/// Something that is going to happen.
#[derive(Debug)]
pub enum Happening {
    /// A message comes from another node's coordinator.
    Control {
        /// The node it comes to.
        to: usize,
        /// The node it comes from.
        from: usize,
        /// What it says.
        message: coordinator::Message,
    },
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
        message: replica::Message,
    },
    /// A client's request comes to a node.
    Request {
        /// The node.
        to: usize,
        /// Whose.
        attempt: Attempt,
        /// The partition.
        partition: PartitionId,
        /// What is asked.
        request: Request,
        /// Goes with an update's number.
        as_of: Position,
    },
    /// A client's attempt ends.
    Answer {
        /// Whose.
        attempt: Attempt,
        /// How.
        ending: Ending,
    },
    /// A client asks a node for its table.
    TableWanted {
        /// The node.
        to: usize,
        /// The client.
        client: usize,
    },
    /// A node's table comes to a client.
    TableTold {
        /// The node.
        from: usize,
        /// The client.
        client: usize,
        /// The table, if the node has one.
        directory: Option<Arc<Directory>>,
    },
    /// A client's timer fires.
    ClientWake {
        /// Whose.
        client: usize,
    },
    /// A client begins its next statement.
    Think {
        /// Which client.
        client: usize,
    },
    /// A disk has synced a replica's records.
    Synced {
        /// Whose.
        node: usize,
        /// The life in which the sync was begun.
        life: u32,
        /// For which partition.
        partition: PartitionId,
    },
    /// The data plane is told that its disk has synced.
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
    /// A disk has synced what a coordinator wrote.
    ControlSynced {
        /// Whose.
        node: usize,
        /// The life in which it was written.
        life: u32,
    },
    /// The control plane is told that its disk has synced.
    Saved {
        /// Whose.
        node: usize,
        /// The life in which it was written.
        life: u32,
        /// What is safe now.
        ticket: Ticket,
    },
    /// A coordinator's timer fires.
    ControlWake {
        /// Whose.
        node: usize,
        /// The life in which it was set.
        life: u32,
    },
    /// The data plane's timer fires.
    DataWake {
        /// Whose.
        node: usize,
        /// The life in which it was set.
        life: u32,
    },
    /// A batch of the data plane ends.
    Flush {
        /// Whose.
        node: usize,
        /// The life in which it was begun.
        life: u32,
    },
    /// The data plane looks at what the coordinator shows.
    View {
        /// Whose.
        node: usize,
        /// The life in which it was shown.
        life: u32,
    },
    /// The coordinator hears from the data plane.
    Report {
        /// Whose.
        node: usize,
        /// The life in which it was said.
        life: u32,
        /// What.
        report: Report,
    },
    /// What a data plane was about to be handed when its process was stopped.
    Late {
        /// Whose.
        node: usize,
        /// The life in which that was.
        life: u32,
        /// What.
        input: Input<Waiting>,
    },
    /// A node looks who answers (rule M5).
    Meet {
        /// Which.
        node: usize,
        /// The life in which it began to look.
        life: u32,
    },
    /// A fault strikes.
    Strike(Fault),
    /// A planned fault begins.
    Begin {
        /// Which of the schedule.
        fault: usize,
    },
    /// Something of a planned fault is done to nodes.
    Inject {
        /// Which of the schedule.
        fault: usize,
        /// Which of its injections.
        injection: usize,
        /// The nodes.
        targets: Vec<usize>,
    },
    /// A planned fault is undone.
    Undo {
        /// Which of the schedule.
        fault: usize,
    },
    /// A folder is put back from a copy.
    PutBack {
        /// Which node's.
        node: usize,
    },
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
    /// A node finds that nobody listens where another one was (rule M8).
    NobodyListens {
        /// Who finds that.
        at: usize,
        /// Where.
        node: usize,
    },
    /// A node that said goodbye may stop (rule M7).
    StopInOrder {
        /// Which.
        node: usize,
        /// The life that ends.
        life: u32,
    },
    /// A disk that was full has room again.
    MakeRoom {
        /// Which node's.
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
    /// Somebody looks whether the cluster has recovered.
    Look,
}

/// See the [module](self).
#[derive(Debug)]
pub struct Cluster<L: Load = Swarm> {
    plan: Plan,
    now_ns: u64,
    schedule: Schedule<Happening>,
    nodes: Vec<Node<L::Data>>,
    /// Where clients reach the nodes.
    addresses: Vec<Address>,
    network: Network,
    clients: Vec<Client>,
    load: L,
    tables: Tables,
    watch: Watch,
    /// What went wrong with masters and tables.
    violations: Vec<Violation>,
    sometimes: Sometimes,
    trace: Trace,
    figures: Figures,
    streams: Streams,
    chooser: Chooser,
    /// Faults strike.
    turbulent: bool,
    /// By partition: whether a write was acknowledged since faults stopped.
    written: Vec<bool>,
    recovered: bool,
    /// When the time of the run is over.
    end_ns: u64,
    /// From when on the times of planned faults count.
    fault_origin_ns: u64,
    /// The planned faults that go on, and what each has done.
    ongoing: BTreeMap<usize, Vec<Effect>>,
    /// Reused for the what data planes give out.
    outputs: Vec<Output>,
}

#[derive(Debug)]
struct Streams {
    network: Random,
    disks: Random,
    clients: Random,
    nemesis: Random,
    processors: Random,
}

impl<L: Load> Cluster<L> {
    /// A cluster of this plan.
    #[must_use]
    pub fn of_plan(plan: Plan, chooser: Chooser, seed: u64, trace: Trace) -> Self {
        let stream = |purpose| Random::new(seed, purpose);
        let mut streams = Streams {
            network: stream(Stream::Network),
            disks: stream(Stream::Disks),
            clients: stream(Stream::Clients),
            nemesis: stream(Stream::Nemesis),
            processors: stream(Stream::Processors),
        };
        let mut clock = || match plan.processors.drift {
            true => Clock::draw(&mut streams.processors),
            false => Clock::TRUE,
        };
        let nodes: Vec<Node<L::Data>> = (0..plan.nodes)
            .map(|_| Node::new(clock(), plan.partitions))
            .collect();
        let addresses: Vec<Address> = (0..plan.nodes)
            .map(|node| Address::from(member(node).client_address))
            .collect();
        // The clients have a place of their own, and reach everybody.
        let (cuttable, places) = (plan.nodes, plan.nodes + 1);
        let network = Network::new(plan.network, cuttable, places, &mut streams.network);
        let clients = (0..plan.clients.count)
            .map(|client| {
                let settings = L::session(&plan, client);
                let session = Session::new(settings, addresses.clone(), streams.clients.draw());
                Client::new(session)
            })
            .collect();
        let mut cluster = Cluster {
            watch: Watch::new(plan.settings.mode, plan.nodes, plan.partitions),
            written: vec![false; plan.partitions],
            load: L::new(&plan),
            plan,
            now_ns: 0,
            schedule: Schedule::default(),
            nodes,
            addresses,
            network,
            clients,
            tables: Tables::default(),
            violations: Vec::new(),
            sometimes: Sometimes::default(),
            trace,
            figures: Figures::default(),
            streams,
            chooser,
            turbulent: true,
            recovered: false,
            end_ns: u64::MAX,
            fault_origin_ns: 0,
            ongoing: BTreeMap::new(),
            outputs: Vec::new(),
        };
        if L::FILES {
            cluster.make_folders();
        }
        cluster.begin();
        cluster
    }

    fn make_folders(&mut self) {
        let identity = self.plan.birth().identity;
        for number in 0..self.plan.nodes {
            match Folder::new(identity.clone(), node_id(number)) {
                Ok(folder) => self.nodes[number].folder = Some(folder),
                Err(error) => self.report_failed_storage(number, &error),
            }
        }
    }

    fn begin(&mut self) {
        for node in 0..self.plan.nodes {
            let longest_ns = self.plan.heartbeat_ns();
            let at_ns = self.streams.processors.below(longest_ns);
            self.schedule.put(at_ns, Happening::Start { node });
        }
        L::begin(self);
    }

    /// The first thing that went wrong.
    fn first_violation(&self) -> Option<&Violation> {
        self.violations.first().or(self.watch.violations().first())
    }

    /// Something is repeated without an end.
    fn goes_round(&self) -> bool {
        self.figures.events > self.plan.events_max
    }

    fn happen(&mut self, what: Happening) {
        let Some(what) = self.hold_back(what) else {
            return;
        };
        match what {
            Happening::Control { to, from, message } => self.control_message(to, from, message),
            Happening::Peer {
                to,
                from,
                life,
                partition,
                message,
            } => {
                // As a node refuses the connection of a process that another one has taken the place of.
                if self.nodes[to].takes_from(from, life) {
                    self.data_message(to, from, (partition, message));
                }
            }
            Happening::Request {
                to,
                attempt,
                partition,
                request,
                as_of,
            } => self.request(to, attempt, (partition, request), as_of),
            Happening::Answer { attempt, ending } => self.client_hears(attempt, ending),
            Happening::TableWanted { to, client } => self.table_wanted(to, client),
            Happening::TableTold {
                from,
                client,
                directory,
            } => self.table_told(client, from, directory),
            Happening::ClientWake { client } => self.client_wake(client),
            Happening::Think { client } => L::think(self, client),
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
            Happening::ControlSynced { node, life } => self.control_synced(node, life),
            Happening::Saved { node, life, ticket } => self.saved(node, life, ticket),
            Happening::ControlWake { node, life } => self.control_wake(node, life),
            Happening::DataWake { node, life } => self.data_wake(node, life),
            Happening::Flush { node, life } => self.finish_batch(node, life),
            Happening::View { node, life } => self.follow(node, life),
            Happening::Report { node, life, report } => self.report(node, life, report),
            Happening::Late { node, life, input } => {
                if self.nodes[node].life == life {
                    self.hand_in(node, input);
                }
            }
            Happening::Meet { node, life } => self.meet(node, life),
            Happening::Strike(fault) => self.strike(fault),
            Happening::Begin { fault } => self.begin_fault(fault),
            Happening::Inject {
                fault,
                injection,
                targets,
            } => self.inject(fault, injection, &targets),
            Happening::Undo { fault } => self.undo_fault(fault),
            Happening::PutBack { node } => self.put_back_and_start(node),
            Happening::EndClone { node } => self.end_clone(node),
            Happening::Start { node } => self.start(node),
            Happening::StopInOrder { node, life } => self.stop_in_order(node, life),
            Happening::NobodyListens { at, node } => self.look_who_listens(at, node),
            Happening::MakeRoom { node } => self.make_room(node),
            Happening::Continue { node, since_ns } => self.go_on(node, since_ns),
            Happening::Mend => self.network.heal(),
            Happening::Calm => self.calm(),
            Happening::Look => self.look_for_recovery(),
        }
    }

    /// Lets through what can happen now. What is for a stopped process waits; what is for one that
    /// is gone is lost, and a client that asked it is told so by the operating system.
    fn hold_back(&mut self, what: Happening) -> Option<Happening> {
        let node = match &what {
            Happening::Control { to, .. }
            | Happening::Peer { to, .. }
            | Happening::Request { to, .. }
            | Happening::TableWanted { to, .. } => *to,
            Happening::Durable { node, .. }
            | Happening::Saved { node, .. }
            | Happening::ControlWake { node, .. }
            | Happening::DataWake { node, .. }
            | Happening::Flush { node, .. }
            | Happening::View { node, .. }
            | Happening::Report { node, .. }
            | Happening::Late { node, .. }
            | Happening::StopInOrder { node, .. }
            | Happening::Meet { node, .. } => *node,
            _ => return Some(what),
        };
        match &mut self.nodes[node].condition {
            Condition::Running => Some(what),
            Condition::Stopped(stopped) => {
                stopped.backlog.push_back(what);
                None
            }
            Condition::Down => {
                self.nobody_listens(&what);
                None
            }
        }
    }

    fn say(&mut self, line: std::fmt::Arguments<'_>) {
        self.trace.line(self.now_ns, line);
    }
}

impl<L: Load> Run for Cluster<L> {
    type Sight = Sight;
    type Plan = Plan;

    fn new(seed: u64, given: &Given, trace: Trace) -> Self {
        let plan = L::plan(given, seed);
        let chooser = Chooser::new(seed, given.only.clone(), plan.clients.count);
        Cluster::of_plan(plan, chooser, seed, trace)
    }

    fn run(&mut self) {
        while !self.recovered && (self.first_violation().is_none() || L::goes_on(self)) {
            let next_ns = self.schedule.next_ns();
            let Some(at_ns) = next_ns.filter(|at_ns| *at_ns <= self.end_ns && !self.goes_round())
            else {
                self.report_missing();
                break;
            };
            self.now_ns = at_ns;
            if let Some(what) = self.schedule.take() {
                self.happen(what);
            }
        }
        self.figures.lost = self.watch.lost();
        L::judge(self);
        self.figures.virtual_ns = self.now_ns;
    }

    fn violation(&self) -> Option<&Violation> {
        self.first_violation()
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
        self.load.history()
    }
}
