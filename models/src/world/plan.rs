//! What kind of run a seed stands for: sizes, settings, timings, and which classes of faults strike.
//!
//! Swarm testing (Groce et al., ISSTA 2012): each run leaves some classes of faults out altogether,
//! since a fault that strikes all the time hides what others would bring to light.

use std::time::Duration;

use kensho_protocol::outcomes::OutcomeLimits;
use kensho_protocol::settings::{Durability, Mode, Settings};

use super::network::NetworkPlan;
use crate::random::{Random, Stream};
use crate::run::Given;

/// One millisecond in nanoseconds.
pub const MS: u64 = 1_000_000;

/// The plan of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How many nodes there are.
    pub nodes: usize,
    /// How many partitions there are.
    pub partitions: usize,
    /// Whether a partition begins with its owner alone in sync, and grows.
    pub lone_owners: bool,
    /// What the nodes are told.
    pub settings: Settings,
    /// What the logs of all of a node's replicas may take of its memory, in bytes.
    pub log_memory_bytes: u64,
    /// How the network behaves.
    pub network: NetworkPlan,
    /// How the disks behave.
    pub disks: DiskPlan,
    /// How the nodes' processes behave.
    pub processors: ProcessorPlan,
    /// What clients do.
    pub clients: ClientPlan,
    /// What goes wrong.
    pub faults: FaultPlan,
    /// Until when clients ask and faults strike; then all is healed.
    pub turbulent_ns: u64,
    /// How long the cluster has to recover after that.
    pub recovery_ns: u64,
    /// A run with more events than this goes round in circles.
    pub events_max: u64,
}

/// How the disks of a run behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskPlan {
    /// The shortest time a sync takes.
    pub sync_min_ns: u64,
    /// The longest time a sync takes when nothing is wrong.
    pub sync_max_ns: u64,
    /// How many of a million syncs take much longer.
    pub slow_ppm: u32,
    /// At most how much longer.
    pub slow_max_ns: u64,
    /// A checkpoint is made about every so many entries; 0: never.
    pub checkpoint_entries: u64,
}

impl DiskPlan {
    /// How long the next sync takes. Only while faults strike, one takes much longer now and then.
    pub fn sync_takes_ns(&self, turbulent: bool, random: &mut Random) -> u64 {
        let usual_ns = random.between(self.sync_min_ns, self.sync_max_ns);
        if turbulent && random.chance(self.slow_ppm) {
            usual_ns + random.below(self.slow_max_ns + 1)
        } else {
            usual_ns
        }
    }
}

/// How the processes of a run behave when nothing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessorPlan {
    /// What comes within so long is handled as one batch; 0: one by one.
    pub batch_ns: u64,
    /// A timer fires at most so late.
    pub timer_late_max_ns: u64,
    /// Whether clocks differ and drift, within what the settings allow for.
    pub drift: bool,
    /// How many of a million times a process is stopped after it decided what to do, and before it
    /// does it (rule R10: a lease is looked at after the value was read).
    pub stopped_between_ppm: u32,
}

/// What the clients of a run do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientPlan {
    /// How many there are; each has at most one operation open.
    pub count: usize,
    /// The longest pause between two operations.
    pub think_max_ns: u64,
    /// How long a client waits for an answer before it asks again.
    pub patience_ns: u64,
    /// How often it asks in all before it gives up.
    pub attempts: u32,
    /// How many of a hundred operations are reads.
    pub reads_percent: u32,
    /// How many of a hundred reads any replica may answer (rule R16).
    pub backup_reads_percent: u32,
    /// How many of a million updates have no number, so that they cannot be retried (rule R11).
    pub unnumbered_ppm: u32,
    /// How long a node may try to carry a statement out.
    pub deadline: Duration,
}

impl ClientPlan {
    /// The same clients, that write only, and that don't give up.
    #[must_use]
    pub fn patient(self, heartbeat_ns: u64) -> Self {
        ClientPlan {
            think_max_ns: heartbeat_ns,
            patience_ns: 10 * heartbeat_ns,
            attempts: 20,
            reads_percent: 0,
            unnumbered_ppm: 0,
            deadline: Duration::from_nanos(10 * heartbeat_ns),
            ..self
        }
    }
}

/// What goes wrong in a run. Rates are mean intervals; `None` leaves a class of faults out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultPlan {
    /// A process crashes; its node starts again.
    pub crash_every_ns: Option<u64>,
    /// A process is stopped, and continued.
    pub pause_every_ns: Option<u64>,
    /// Links are cut, and mended.
    pub cut_every_ns: Option<u64>,
    /// The master fails a partition over though nothing is wrong with its owner.
    pub failover_every_ns: Option<u64>,
    /// The master wishes that an owner hands over (rule R15).
    pub hand_over_every_ns: Option<u64>,
    /// A node loses touch with the quorum for a while (rule R13).
    pub service_every_ns: Option<u64>,
    /// A catch-up is dismissed.
    pub dismiss_every_ns: Option<u64>,
    /// A disk loses everything, and its node begins anew (rule R5).
    pub wipe_every_ns: Option<u64>,
    /// A folder is copied, or put back from an older copy (rule R14).
    pub restore_every_ns: Option<u64>,
    /// A clone of a folder is used for a while (rule R14).
    pub clone_every_ns: Option<u64>,
    /// The longest time that a fault lasts.
    pub lasts_max_ns: u64,
    /// Whether nodes may see committed tables late, twice and out of order.
    pub stale_tables: bool,
}

impl Plan {
    /// Draws a plan.
    pub fn draw(given: &Given, random: &mut Random) -> Self {
        let heartbeat_ns = 100 * MS;
        let nodes = random.pick(&[2, 3, 3, 3, 4, 5]);
        let nodes = given.nodes.unwrap_or(nodes);
        let replicas = random.pick(&[2, 3, 3, 4]).min(nodes);
        let mode = random.pick(&[Mode::SemiSync, Mode::Async]);
        let mode = given.mode.unwrap_or(mode);
        // Small messages and no limit to what is under way would, on a network that reorders, show
        // nothing but that it is a bad idea: of a thousand messages, a few come in order.
        let small_messages = random.chance(300_000);
        let mut limits = Random::new(random.clone().draw(), Stream::Limits);
        let settings = Settings {
            mode,
            durability: given.durability,
            replicas,
            min_in_sync: if random.chance(150_000) {
                2.min(replicas)
            } else {
                1
            },
            grow_gap_entries: random.pick(&[0, 1, 3, 10]),
            replace_after: Duration::from_nanos(random.pick(&[0, 5, 60]) * heartbeat_ns),
            log_retention_bytes: random.pick(&[0, 400, 2_700, 130_000]),
            append_limit_bytes: if small_messages {
                random.pick(&[1, 20])
            } else {
                1 << 20
            },
            window_bytes: if small_messages {
                random.pick(&[1, 30, 200])
            } else {
                random.pick(&[1, 200, 8 << 20])
            },
            image_chunk_bytes: random.pick(&[9, 40, 256 << 10]),
            outcomes: OutcomeLimits {
                per_client: random.pick(&[1, 2, 32]),
                clients: random.pick(&[2, 10_000]),
                bytes: limits.pick(&[1_500, 6_000, 2 << 20]),
            },
            log_spare_bytes: limits.pick(&[0, 400, 512 << 10]),
            rules: given.rules,
            ..Settings::with_heartbeat(Duration::from_nanos(heartbeat_ns))
        };
        Plan {
            nodes,
            partitions: random.pick(&[1, 1, 2]),
            lone_owners: random.chance(250_000),
            settings,
            log_memory_bytes: limits.pick(&[1_000, 5_000, 256 << 20]),
            network: draw_network(heartbeat_ns, random),
            disks: draw_disks(heartbeat_ns, random),
            processors: ProcessorPlan {
                batch_ns: random.pick(&[0, 0, MS / 10, 5 * MS]),
                timer_late_max_ns: random.pick(&[0, MS, heartbeat_ns / 2]),
                drift: random.chance(500_000),
                stopped_between_ppm: random.pick(&[0, 0, 200, 2_000]),
            },
            clients: draw_clients(heartbeat_ns, random),
            faults: draw_faults(heartbeat_ns, random),
            turbulent_ns: random.between(20, 80) * heartbeat_ns,
            // Who gets one entry at a time, over a network that reorders, hardly gains on an owner that goes on.
            recovery_ns: 600 * heartbeat_ns,
            events_max: 300_000,
        }
        .lasting(given)
    }

    /// The same plan with owners that hand over, in some runs. It draws from `random` alone, so that the
    /// other runs stay what they are.
    #[must_use]
    pub fn with_hand_overs(mut self, random: &mut Random) -> Self {
        let heartbeats = random.pick(&[0, 1, 0, 4, 15]);
        let every_ns = heartbeats * self.heartbeat_ns();
        self.faults.hand_over_every_ns = (every_ns > 0).then_some(every_ns);
        self
    }

    /// The same plan with reads from backups, in some runs. It draws from `random` alone, so that the other
    /// runs stay what they are.
    #[must_use]
    pub fn with_backup_reads(mut self, random: &mut Random) -> Self {
        self.clients.backup_reads_percent = random.pick(&[0, 0, 50, 90]);
        self
    }

    /// The same plan with folders that are copied and put back, in some runs. It draws from `random`
    /// alone, so that the other runs stay what they are.
    #[must_use]
    pub fn with_copied_folders(mut self, random: &mut Random) -> Self {
        let heartbeat_ns = self.heartbeat_ns();
        let mut every_ns = |intervals: [u64; 5]| {
            let intervals = random.pick(&intervals);
            (intervals > 0).then_some(intervals * heartbeat_ns)
        };
        // Where durability is delayed, a crash elsewhere takes as much as this.
        if self.settings.durability == Durability::Sync {
            self.faults.restore_every_ns = every_ns([0, 0, 0, 2, 6]);
            self.faults.clone_every_ns = every_ns([0, 0, 0, 0, 8]);
        }
        // A disk that is lost meanwhile would be one too many.
        let faults = &mut self.faults;
        if faults.restore_every_ns.or(faults.clone_every_ns).is_some() {
            faults.wipe_every_ns = None;
        }
        // Otherwise those that are there go on, and say so, without one that has kept everything.
        let take_data = [
            faults.restore_every_ns,
            faults.clone_every_ns,
            faults.wipe_every_ns,
        ];
        self.settings.distrust_disks = take_data.iter().any(Option::is_some)
            || self.settings.durability == Durability::Delayed;
        self
    }

    fn lasting(mut self, given: &Given) -> Self {
        if let Some(turbulent_ns) = given.turbulent_ns {
            let usual_ns = self.turbulent_ns.max(1);
            self.events_max *= turbulent_ns.div_ceil(usual_ns).max(1);
            self.turbulent_ns = turbulent_ns;
            // Who was away for minutes is far behind; one entry at a time it would never catch up
            // with an owner that goes on.
            let settings = &mut self.settings;
            settings.append_limit_bytes = settings.append_limit_bytes.max(1_000);
            settings.window_bytes = settings.window_bytes.max(20_000);
        }
        self
    }

    /// The heartbeat in nanoseconds.
    #[must_use]
    pub fn heartbeat_ns(&self) -> u64 {
        u64::try_from(self.settings.heartbeat.as_nanos()).unwrap_or(u64::MAX)
    }
}

fn draw_network(heartbeat_ns: u64, random: &mut Random) -> NetworkPlan {
    NetworkPlan {
        delay_min_ns: MS / 10,
        delay_max_ns: random.pick(&[MS / 5, 2 * MS, 20 * MS]),
        loss_ppm: random.pick(&[0, 0, 10_000, 200_000]),
        duplicate_ppm: random.pick(&[0, 0, 20_000, 200_000]),
        slow_ppm: random.pick(&[0, 10_000, 200_000]),
        slow_max_ns: random.pick(&[heartbeat_ns / 2, 4 * heartbeat_ns, 20 * heartbeat_ns]),
        in_order: random.chance(300_000),
    }
}

fn draw_disks(heartbeat_ns: u64, random: &mut Random) -> DiskPlan {
    DiskPlan {
        sync_min_ns: MS / 20,
        sync_max_ns: random.pick(&[MS / 10, 3 * MS, 30 * MS]),
        slow_ppm: random.pick(&[0, 0, 20_000]),
        slow_max_ns: 5 * heartbeat_ns,
        checkpoint_entries: random.pick(&[0, 3, 10, 50]),
    }
}

fn draw_clients(heartbeat_ns: u64, random: &mut Random) -> ClientPlan {
    ClientPlan {
        count: random.index(5) + 1,
        think_max_ns: random.pick(&[MS, 20 * MS, heartbeat_ns]),
        patience_ns: random.pick(&[heartbeat_ns / 2, 2 * heartbeat_ns, 10 * heartbeat_ns]),
        attempts: random.pick(&[1, 5, 20]),
        reads_percent: random.pick(&[20, 50, 80]),
        backup_reads_percent: 0,
        unnumbered_ppm: random.pick(&[0, 0, 100_000]),
        deadline: Duration::from_nanos(random.pick(&[1, 10, 100]) * heartbeat_ns),
    }
}

fn draw_faults(heartbeat_ns: u64, random: &mut Random) -> FaultPlan {
    let mut every_ns = || {
        let intervals = random.pick(&[0, 0, 3, 8, 20]);
        (intervals > 0).then_some(intervals * heartbeat_ns)
    };
    FaultPlan {
        crash_every_ns: every_ns(),
        pause_every_ns: every_ns(),
        cut_every_ns: every_ns(),
        failover_every_ns: every_ns(),
        hand_over_every_ns: None,
        service_every_ns: every_ns(),
        dismiss_every_ns: every_ns(),
        wipe_every_ns: every_ns(),
        restore_every_ns: None,
        clone_every_ns: None,
        lasts_max_ns: random.pick(&[heartbeat_ns / 2, 5 * heartbeat_ns, 15 * heartbeat_ns]),
        stale_tables: random.chance(500_000),
    }
}
