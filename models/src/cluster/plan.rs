//! What kind of run a seed stands for: the plan of the replication world, with as many nodes and
//! faults as a cluster needs that has to elect its masters itself.

use std::time::Duration;

use kensho_kernel::data;
use kensho_nemesis::fault::Action;
use kensho_nemesis::schedule::{self, Planned};
use kensho_protocol::coordinator::Birth;
use kensho_protocol::session;
use kensho_protocol::settings::Settings;
use kensho_protocol::table::Identity;
use kensho_workloads::Workload;

use crate::asked_for::Nemesis;
use crate::random::{Random, Stream};
use crate::run::Given;
use crate::world::network::NetworkPlan;
use crate::world::plan::{self, DiskPlan, MS, ProcessorPlan};
use crate::world::table_service::member;

/// The plan of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How many nodes there are.
    pub nodes: usize,
    /// How many of them are members at first (rule M5); the others, the last ones, may join.
    pub founders: usize,
    /// How many partitions there are.
    pub partitions: usize,
    /// By node: its priority in elections.
    pub priorities: Vec<u32>,
    /// What the nodes are told.
    pub settings: Settings,
    /// What the logs of all of a node's replicas may take of its memory, in bytes.
    pub log_memory_bytes: u64,
    /// The log on a disk is to be shortened when it is longer than this, in bytes; `u64::MAX`: whatever it is.
    pub log_bytes: u64,
    /// How many statements of clients may wait at a node.
    pub statements: usize,
    /// What else a data plane takes on.
    pub limits: data::Limits,
    /// How the network behaves.
    pub network: NetworkPlan,
    /// How the disks behave.
    pub disks: DiskPlan,
    /// How the nodes' processes behave.
    pub processors: ProcessorPlan,
    /// The longest time that something takes from one thread of a process to the other.
    pub handover_max_ns: u64,
    /// What clients do.
    pub clients: ClientPlan,
    /// What goes wrong.
    pub faults: FaultPlan,
    /// What goes wrong at planned times.
    pub schedule: Vec<Planned>,
    /// What a workload draws from.
    pub load: LoadPlan,
    /// Until when faults strike; then all is healed.
    pub turbulent_ns: u64,
    /// How long the cluster has to recover after that.
    pub recovery_ns: u64,
    /// A run with more events than this goes round in circles.
    pub events_max: u64,
}

/// What the clients of a run do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientPlan {
    /// How many there are; each has at most one statement open.
    pub count: usize,
    /// The longest pause between two statements.
    pub think_max_ns: u64,
    /// How many of a hundred statements are reads.
    pub reads_percent: u32,
    /// How long a node may try to carry a statement out.
    pub deadline: Duration,
    /// What their sessions are told.
    pub session: session::Settings,
}

/// What a workload draws from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadPlan {
    /// Which workload; `None` where clients play none.
    pub workload: Option<&'static dyn Workload>,
    /// Seed of its choices.
    pub seed: u64,
    /// The mean time from the beginning of one operation to that of the next, whoever performs them.
    pub interval_ns: u64,
}

/// What goes wrong in a run. Rates are mean intervals; `None` leaves a class of faults out (swarm
/// testing, see [`plan`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultPlan {
    /// A process crashes; its node starts again.
    pub crash_every_ns: Option<u64>,
    /// A node says goodbye, stops, and starts again; or all of them do (rule M7).
    pub goodbye_every_ns: Option<u64>,
    /// Nodes find that nobody listens where another one is (rule M8); and where there is nobody, they find it.
    pub false_evidence_every_ns: Option<u64>,
    /// All processes crash at once, and start again at different times.
    pub blackout_every_ns: Option<u64>,
    /// A process is stopped, and continued.
    pub pause_every_ns: Option<u64>,
    /// Links are cut, and mended.
    pub cut_every_ns: Option<u64>,
    /// A node is to become a member.
    pub join_every_ns: Option<u64>,
    /// A node is to be a member no longer.
    pub leave_every_ns: Option<u64>,
    /// A disk is full, and has room again.
    pub fill_every_ns: Option<u64>,
    /// A folder is copied, or put back from an older copy (rule R14).
    pub restore_every_ns: Option<u64>,
    /// A clone of a folder is used for a while (rule R14).
    pub clone_every_ns: Option<u64>,
    /// The disk of this node has no more room when faults end, and gets none.
    pub full_to_the_end: Option<usize>,
    /// The longest time that a fault lasts.
    pub lasts_max_ns: u64,
}

impl Plan {
    /// Draws a plan.
    pub fn draw(given: &Given, random: &mut Random) -> Self {
        let base = plan::Plan::draw(
            &Given {
                nodes: None,
                ..given.clone()
            },
            random,
        );
        let nodes = random.pick(&[1, 2, 3, 3, 3, 3, 4, 5]);
        let nodes = given.nodes.unwrap_or(nodes);
        let heartbeat_ns = base.heartbeat_ns();
        let settings = Settings {
            replicas: random.pick(&[1, 2, 2, 3, 3]).min(nodes),
            ..base.settings
        };
        let settings = Settings {
            min_in_sync: settings.min_in_sync.min(settings.replicas),
            ..settings
        };
        let mut plan = Plan {
            nodes,
            founders: nodes,
            partitions: random.pick(&[1, 2, 3, 5]),
            priorities: (0..nodes).map(|_| random.pick(&[0, 0, 1])).collect(),
            settings,
            log_memory_bytes: base.log_memory_bytes,
            log_bytes: u64::MAX,
            statements: usize::MAX,
            limits: data::Limits {
                checkpoint_interval: match base.disks.checkpoint_entries {
                    0 => Duration::MAX,
                    _ => Duration::from_nanos(heartbeat_ns / 8),
                },
                ..data::Limits::default()
            },
            network: base.network,
            disks: base.disks,
            processors: base.processors,
            handover_max_ns: random.pick(&[0, MS / 10, MS, heartbeat_ns]),
            clients: draw_clients(heartbeat_ns, random),
            faults: draw_faults(heartbeat_ns, random),
            schedule: Vec::new(),
            load: LoadPlan::default(),
            turbulent_ns: random.between(40, 160) * heartbeat_ns,
            recovery_ns: 300 * heartbeat_ns,
            events_max: 1_000_000,
        };
        if let Some(turbulent_ns) = given.turbulent_ns {
            let usual_ns = plan.turbulent_ns.max(1);
            plan.events_max *= turbulent_ns.div_ceil(usual_ns).max(1);
            plan.turbulent_ns = turbulent_ns;
        }
        plan
    }

    /// The same plan with members that come and go, in some runs. It draws from `random` alone, so that
    /// the other runs stay what they are.
    #[must_use]
    pub fn with_changing_members(mut self, random: &mut Random) -> Self {
        if self.nodes == 1 || !random.chance(400_000) {
            return self;
        }
        let heartbeat_ns = self.heartbeat_ns();
        let mut every_ns = |intervals: [u64; 4]| {
            let intervals = random.pick(&intervals);
            (intervals > 0).then_some(intervals * heartbeat_ns)
        };
        self.faults.join_every_ns = every_ns([2, 6, 15, 40]);
        self.faults.leave_every_ns = every_ns([0, 3, 10, 30]);
        let most = u64::try_from(self.nodes).expect("few nodes");
        self.founders = usize::try_from(random.between(1, most)).expect("few nodes");
        self
    }

    /// The same plan with nodes that stop in order, in some runs. It draws from `random` alone, so that
    /// the other runs stay what they are.
    #[must_use]
    pub fn with_goodbyes(mut self, random: &mut Random) -> Self {
        let heartbeats = random.pick(&[0, 0, 4, 10, 25]);
        let every_ns = heartbeats * self.heartbeat_ns();
        self.faults.goodbye_every_ns = (every_ns > 0).then_some(every_ns);
        self
    }

    /// The same plan with connections that are refused, in some runs. It draws from `random` alone, so that
    /// the other runs stay what they are.
    #[must_use]
    pub fn with_evidence(mut self, random: &mut Random) -> Self {
        let heartbeats = random.pick(&[0, 2, 10, 1_000]);
        let every_ns = heartbeats * self.heartbeat_ns();
        self.faults.false_evidence_every_ns = (every_ns > 0).then_some(every_ns);
        self
    }

    /// The same plan with disks that are full for a while, in some runs whose members do not change. It
    /// draws from `random` alone.
    #[must_use]
    pub fn with_full_disks(mut self, random: &mut Random) -> Self {
        if self.faults.join_every_ns.is_none() && random.chance(300_000) {
            let heartbeats = random.pick(&[6, 15, 40]);
            self.faults.fill_every_ns = Some(heartbeats * self.heartbeat_ns());
            // The others can do without it, and it is not the only one to have anything.
            let replicas = self.settings.replicas;
            if replicas > 1 && self.nodes > replicas && random.chance(500_000) {
                self.faults.full_to_the_end = Some(random.index(self.nodes));
            }
        }
        self
    }

    /// The same plan with folders that are copied and put back, in some runs; nodes distrust their disks
    /// there. It draws from `random` alone, so that the other runs stay what they are.
    #[must_use]
    pub fn with_copied_folders(mut self, random: &mut Random) -> Self {
        let heartbeat_ns = self.heartbeat_ns();
        let mut every_ns = |intervals: [u64; 5]| {
            let intervals = random.pick(&intervals);
            (intervals > 0).then_some(intervals * heartbeat_ns)
        };
        self.faults.restore_every_ns = every_ns([0, 0, 0, 3, 10]);
        self.faults.clone_every_ns = every_ns([0, 0, 0, 0, 15]);
        let any = self.faults.restore_every_ns.or(self.faults.clone_every_ns);
        self.settings.distrust_disks = any.is_some();
        self
    }

    /// The same plan with nodes that take on little, in some runs. It draws from `random` alone, so that
    /// the other runs stay what they are. A usual statement takes `statement_bytes`.
    #[must_use]
    pub fn with_busy_nodes(mut self, statement_bytes: usize, random: &mut Random) -> Self {
        let mut some = |choices: [usize; 6]| {
            let count = random.pick(&choices);
            (count > 0).then_some(count * statement_bytes)
        };
        let checkpoints = self.disks.checkpoint_entries > 0;
        if let Some(bytes) = some([0, 0, 0, 4, 20, 100]).filter(|_| checkpoints) {
            self.log_bytes = bytes as u64;
        }
        let limits = &mut self.limits;
        let backlog = some([0, 0, 0, 0, 1, 3]);
        limits.backlog_bytes = backlog.unwrap_or(limits.backlog_bytes);
        let held_back = some([0, 0, 0, 1, 1, 4]);
        limits.held_back_bytes = held_back.unwrap_or(limits.held_back_bytes);
        let put_off = some([0, 0, 0, 1, 3, 10]);
        limits.put_off_bytes = put_off.unwrap_or(limits.put_off_bytes);
        let fresh = some([0, 0, 0, 0, 1, 3]);
        limits.fresh_bytes = fresh.unwrap_or(limits.fresh_bytes);
        self.statements = random.pick(&[2, 4, 100, 100, 100, 100, 100]);
        self
    }

    /// What the data planes are told.
    #[must_use]
    pub fn data(&self) -> data::Settings {
        data::Settings {
            protocol: self.settings,
            statement_deadline: self.clients.deadline,
            statements: self.statements,
            log_memory_bytes: self.log_memory_bytes,
            checkpoint_after_bytes: self.log_bytes,
            limits: self.limits,
        }
    }

    /// Draws a plan for a workload: what it asks for, and faults at planned times, which take the
    /// place of those that strike at random.
    pub fn draw_for_workload(given: &Given, seed: u64) -> Self {
        let mut random = Random::new(seed, Stream::Workload);
        let nodes = random.pick(&[3, 3, 3, 5, 5, 7]);
        let given = Given {
            nodes: Some(given.nodes.unwrap_or(nodes)),
            ..given.clone()
        };
        let base = Plan::draw(&given, &mut Random::new(seed, Stream::Plan));
        let heartbeat_ns = base.heartbeat_ns();
        let turbulent_ns = random.between(100, 400) * heartbeat_ns;
        let turbulent_ns = given.turbulent_ns.unwrap_or(turbulent_ns);
        let load = LoadPlan {
            workload: given.workload,
            seed: random.draw(),
            interval_ns: random.pick(&[2, 5, 20]) * MS,
        };
        let drawn = Nemesis::draw(&mut random);
        let nemesis = given.nemesis.unwrap_or(drawn);
        let schedule = draw_schedule(&nemesis, heartbeat_ns / MS, turbulent_ns / MS, &mut random);
        let pauses = |planned: &Planned| {
            let mut injections = planned.fault.injections.iter();
            injections.any(|injection| injection.action == Action::Pause)
        };
        // A process that stops in the middle of something is a pause, too.
        let stopped_between_ppm = match schedule.iter().any(pauses) {
            true => base.processors.stopped_between_ppm,
            false => 0,
        };
        let takes_data = |planned: &Planned| planned.fault.takes_data();
        // The smallest limits are made for statements of a few bytes, and let nothing but one row of the
        // real tables be under way: a replica that lags behind a busy owner would never catch up.
        let limits = base.settings;
        let settings = Settings {
            append_limit_bytes: limits.append_limit_bytes.max(1_000),
            window_bytes: limits.window_bytes.max(20_000),
            image_chunk_bytes: limits.image_chunk_bytes.max(1_000),
            distrust_disks: schedule.iter().any(takes_data),
            ..limits
        };
        Plan {
            load,
            settings,
            processors: ProcessorPlan {
                stopped_between_ppm,
                ..base.processors
            },
            clients: ClientPlan {
                count: random.pick(&[3, 6, 10]),
                ..base.clients
            },
            faults: FaultPlan {
                lasts_max_ns: base.faults.lasts_max_ns,
                ..FaultPlan::default()
            },
            schedule,
            turbulent_ns,
            ..base
        }
        .bounded()
    }

    /// Far more events than a run of this plan can have, unless it goes round in circles.
    fn bounded(mut self) -> Self {
        let seconds = (self.turbulent_ns + self.recovery_ns) / 1_000_000_000 + 1;
        self.events_max = seconds * (50_000 + 5_000 * self.nodes as u64);
        self
    }

    /// The heartbeat in nanoseconds.
    #[must_use]
    pub fn heartbeat_ns(&self) -> u64 {
        u64::try_from(self.settings.heartbeat.as_nanos()).unwrap_or(u64::MAX)
    }

    /// What each node is told about its cluster.
    #[must_use]
    pub fn birth(&self) -> Birth {
        let identity = Identity {
            cluster: "world".to_owned(),
            partitions: u16::try_from(self.partitions).expect("few partitions"),
            replicas: u8::try_from(self.settings.replicas).expect("few replicas"),
            outcomes: self.settings.outcomes,
        };
        Birth {
            identity,
            members: std::collections::BTreeMap::new(),
        }
    }

    /// The members at first, as a complete roster (rule M5).
    #[must_use]
    pub fn roster(
        &self,
    ) -> std::collections::BTreeMap<kensho_protocol::ids::NodeId, kensho_protocol::table::Member>
    {
        let members = (0..self.founders).map(|node| (member(node).id, member(node)));
        members.collect()
    }
}

/// Long and short faults, and more and less time between them.
fn draw_schedule(
    nemesis: &Nemesis,
    heartbeat_ms: u64,
    until_ms: u64,
    random: &mut Random,
) -> Vec<Planned> {
    let heartbeats = |(least, most): (u64, u64)| (least * heartbeat_ms, most * heartbeat_ms);
    let quiet_ms = heartbeats(random.pick(&[(2, 5), (8, 15), (8, 15)]));
    let settings = schedule::Settings {
        seed: random.draw(),
        heartbeat_ms,
        until_ms,
        lead_ms: quiet_ms.1,
        fault_ms: heartbeats(random.pick(&[(1, 3), (4, 8), (10, 20)])),
        quiet_ms,
        // What cannot be had is not done.
        whole_ms: 0,
    };
    schedule::plan(&settings, nemesis.entries())
}

fn draw_clients(heartbeat_ns: u64, random: &mut Random) -> ClientPlan {
    let heartbeats = |count: u64| Duration::from_nanos(count * heartbeat_ns);
    ClientPlan {
        count: random.index(5) + 1,
        think_max_ns: random.pick(&[MS, 20 * MS, heartbeat_ns]),
        reads_percent: random.pick(&[20, 50, 80]),
        deadline: heartbeats(random.pick(&[1, 10, 100])),
        session: session::Settings {
            failover_timeout: heartbeats(random.pick(&[2, 10, 60])),
            attempt_timeout: heartbeats(random.pick(&[1, 5, 20])),
            probe_interval: heartbeats(1) / 2,
            table_timeout: heartbeats(random.pick(&[1, 5])),
            backoff_min: Duration::from_nanos(random.pick(&[MS / 10, 5 * MS])),
            backoff_max: heartbeats(1),
        },
    }
}

fn draw_faults(heartbeat_ns: u64, random: &mut Random) -> FaultPlan {
    let mut every_ns = |intervals: [u64; 5]| {
        let intervals = random.pick(&intervals);
        (intervals > 0).then_some(intervals * heartbeat_ns)
    };
    FaultPlan {
        crash_every_ns: every_ns([0, 0, 6, 15, 40]),
        goodbye_every_ns: None,
        false_evidence_every_ns: None,
        blackout_every_ns: every_ns([0, 0, 0, 0, 60]),
        pause_every_ns: every_ns([0, 0, 6, 15, 40]),
        cut_every_ns: every_ns([0, 0, 6, 15, 40]),
        join_every_ns: None,
        leave_every_ns: None,
        fill_every_ns: None,
        full_to_the_end: None,
        restore_every_ns: None,
        clone_every_ns: None,
        lasts_max_ns: random.pick(&[heartbeat_ns / 2, 5 * heartbeat_ns, 15 * heartbeat_ns]),
    }
}
