//! What goes wrong, and when it ends.

use kensho_protocol::ids::{NodeId, PartitionId};
use kensho_protocol::record::Recovered;
use kensho_protocol::replica::RoleKind;
use kensho_protocol::settings::Durability;

use super::node::Condition;
use super::sights::Sight;
use super::table_service::{node_id, number_of, partition_id};
use super::{Happening, World, disk, promise};
use crate::invariants::Violation;
use crate::invariants::recovers::{self, Final};

/// A class of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A process crashes; its node starts again.
    Crash,
    /// A process is stopped, and continued.
    Pause,
    /// Links are cut, and mended.
    Cut,
    /// A partition is failed over for no reason.
    Failover,
    /// The master wishes that an owner hands over.
    HandOver,
    /// A node loses touch with the quorum for a while.
    Service,
    /// A catch-up is dismissed for no reason.
    Dismiss,
    /// A disk loses everything, and its node begins anew.
    Wipe,
    /// A folder is copied, or put back from an older copy.
    RestoreOlderFolder,
    /// A clone of a folder takes its place for a while.
    CloneFolder,
}

impl Fault {
    const ALL: [Fault; 10] = [
        Fault::Crash,
        Fault::Pause,
        Fault::Cut,
        Fault::Failover,
        Fault::HandOver,
        Fault::Service,
        Fault::Dismiss,
        Fault::Wipe,
        Fault::RestoreOlderFolder,
        Fault::CloneFolder,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Fault::Crash => "crash",
            Fault::Pause => "pause",
            Fault::Cut => "cut",
            Fault::Failover => "failover",
            Fault::HandOver => "hand-over",
            Fault::Service => "service",
            Fault::Dismiss => "dismiss",
            Fault::Wipe => "wipe",
            Fault::RestoreOlderFolder => "restore-older-folder",
            Fault::CloneFolder => "clone-folder",
        }
    }
}

impl World {
    fn mean_interval_ns(&self, fault: Fault) -> Option<u64> {
        let faults = &self.plan.faults;
        match fault {
            Fault::Crash => faults.crash_every_ns,
            Fault::Pause => faults.pause_every_ns,
            Fault::Cut => faults.cut_every_ns,
            Fault::Failover => faults.failover_every_ns,
            Fault::HandOver => faults.hand_over_every_ns,
            Fault::Service => faults.service_every_ns,
            Fault::Dismiss => faults.dismiss_every_ns,
            Fault::Wipe => faults.wipe_every_ns,
            Fault::RestoreOlderFolder => faults.restore_every_ns,
            Fault::CloneFolder => faults.clone_every_ns,
        }
    }

    /// The first strike of each class.
    pub(super) fn plan_strikes(&mut self) {
        for fault in Fault::ALL {
            self.plan_strike(fault);
        }
    }

    fn plan_strike(&mut self, fault: Fault) {
        if let Some(mean_ns) = self.mean_interval_ns(fault) {
            let mut random = self.chooser.next_strike(fault.name());
            let wait_ns = random.below(2 * mean_ns) + 1;
            let strike = Happening::Strike(fault);
            self.schedule.put(self.now_ns + wait_ns, strike);
        }
    }

    pub(super) fn strike(&mut self, fault: Fault) {
        if !self.turbulent {
            return;
        }
        let strikes = self.chooser.strikes(fault.name());
        let number = self.chooser.number(fault.name());
        self.streams.nemesis = self.chooser.this_strike(fault.name());
        self.plan_strike(fault);
        if !strikes {
            return;
        }
        if self.trace.is_kept() {
            self.say(format_args!("fault: {} {number}", fault.name()));
        }
        self.figures.faults += 1;
        let partition = partition_id(self.streams.nemesis.index(self.plan.partitions));
        let node = self.target(partition);
        let lasts_ns = self
            .streams
            .nemesis
            .below(self.plan.faults.lasts_max_ns + 1);
        let end_ns = self.now_ns + lasts_ns;
        match fault {
            Fault::Crash => self.strike_crash(node, end_ns),
            Fault::Pause => self.stop(node, lasts_ns),
            Fault::Cut => {
                self.strike_cut(node);
                self.schedule.put(end_ns, Happening::Mend);
            }
            Fault::Failover => self.fail_over(partition),
            Fault::HandOver => self.wish_hand_over(partition),
            Fault::Service => {
                if self.trace.is_kept() {
                    self.say(format_args!("{:?} loses touch", node_id(node)));
                }
                for (at_ns, service) in [(self.now_ns, false), (end_ns, true)] {
                    let to = node;
                    self.schedule.put(at_ns, Happening::Service { to, service });
                }
            }
            Fault::Dismiss => self.dismiss_some_catch_up(partition),
            Fault::Wipe => self.strike_wipe(node, end_ns),
            Fault::RestoreOlderFolder => self.strike_restore(node, end_ns),
            Fault::CloneFolder => self.strike_clone(node, end_ns),
        }
    }

    /// Often the owner of the partition; it has most to lose.
    fn target(&mut self, partition: PartitionId) -> usize {
        let owner = self.master.service().assignment(partition).owner;
        let random = &mut self.streams.nemesis;
        match random.chance(500_000) {
            true => number_of(owner),
            false => random.index(self.plan.nodes),
        }
    }

    fn strike_crash(&mut self, node: usize, end_ns: u64) {
        if !self.nodes[node].is_up() || self.would_lose_data(node) {
            return;
        }
        self.crash(node);
        self.schedule.put(end_ns, Happening::Start { node });
        let both_down = (0..self.plan.partitions).any(|number| {
            let assignment = self.master.service().assignment(partition_id(number));
            let down = |node: usize| !self.nodes[node].is_up();
            let members = assignment.in_sync.keys();
            let count = members.filter(|member| down(number_of(**member))).count();
            down(number_of(assignment.owner)) && count > 1
        });
        if both_down {
            self.sometimes.saw(Sight::OwnerAndBackupDown);
        }
    }

    /// Whether a crash may take what nobody else certainly has (durability `delayed`): that is for an
    /// operator to know of, and not for clients to be surprised by.
    fn would_lose_data(&self, node: usize) -> bool {
        let mut partitions = (0..self.plan.partitions).map(partition_id);
        self.plan.settings.durability == Durability::Delayed
            && partitions.any(|partition| !self.survives_without(partition, node_id(node)))
    }

    /// Only where each partition keeps a clean copy elsewhere: more than that, nobody promises.
    fn strike_wipe(&mut self, node: usize, end_ns: u64) {
        let partitions = || (0..self.plan.partitions).map(partition_id);
        let is_last = |partition| !self.survives_without(partition, node_id(node));
        if !self.nodes[node].is_up() || partitions().any(is_last) {
            return;
        }
        let owns = |partition| self.master.service().assignment(partition).owner == node_id(node);
        if partitions().any(owns) {
            self.sometimes.saw(Sight::OwnerDataLost);
        }
        self.sometimes.saw(Sight::DataLost);
        self.crash(node);
        self.say(format_args!("{:?} loses its data", node_id(node)));
        for number in 0..self.plan.partitions {
            self.nodes[node].hosted[number].disk.wipe();
            self.watch.wiped(partition_id(number), node_id(node));
        }
        self.schedule.put(end_ns, Happening::Start { node });
    }

    /// Copies a folder; or puts it back from the copy that was made before, where each partition keeps
    /// elsewhere what it needs.
    fn strike_restore(&mut self, node: usize, end_ns: u64) {
        let again = self.streams.nemesis.chance(300_000);
        let Some(copy) = self.nodes[node].copy.clone().filter(|_| !again) else {
            if self.nodes[node].is_up() {
                self.nodes[node].copy = Some(self.nodes[node].folder());
            }
            return;
        };
        if !self.may_go_back(node) {
            return;
        }
        self.sometimes.saw(Sight::FolderPutBack);
        self.crash(node);
        self.put_back(node, copy);
        self.schedule.put(end_ns, Happening::Start { node });
    }

    /// A process works on a copy of a folder, of now or of some time ago, in the place of the node; then the
    /// node goes on from its own folder. (Both at once are refused by those that they connect to.)
    fn strike_clone(&mut self, node: usize, end_ns: u64) {
        if !self.may_go_back(node) || self.nodes[node].original.is_some() {
            return;
        }
        self.sometimes.saw(Sight::FolderCloned);
        let older = self.nodes[node].copy.clone();
        let older = older.filter(|_| self.streams.nemesis.chance(500_000));
        self.crash(node);
        let original = self.nodes[node].folder();
        let clone = older.unwrap_or_else(|| original.clone());
        self.nodes[node].original = Some(original);
        self.put_back(node, clone);
        self.start(node);
        self.schedule.put(end_ns, Happening::EndClone { node });
    }

    pub(super) fn end_clone(&mut self, node: usize) {
        if !self.turbulent || self.nodes[node].original.is_none() || !self.may_go_back(node) {
            // Nobody has noticed: the clone is the node from now on.
            self.nodes[node].original = None;
            return;
        }
        let original = self.nodes[node].original.take();
        self.crash(node);
        self.put_back(node, original.expect("it is there"));
        self.start(node);
    }

    fn may_go_back(&self, node: usize) -> bool {
        let mut partitions = (0..self.plan.partitions).map(partition_id);
        self.nodes[node].is_up()
            && partitions.all(|partition| self.survives_without(partition, node_id(node)))
    }

    fn put_back(&mut self, node: usize, copy: Vec<Recovered>) {
        self.say(format_args!("{:?} is put back in time", node_id(node)));
        for (number, recovered) in copy.into_iter().enumerate() {
            let partition = partition_id(number);
            self.nodes[node].hosted[number].disk.put_back(recovered);
            self.watch.put_back(partition, node_id(node));
            let safe = self.nodes[node].hosted[number].disk.safe();
            self.watch.disk_changed(partition, node_id(node), safe);
            self.watch.stopped(partition, node_id(node));
        }
    }

    /// Whether the table, and any that its owner has asked for, counts on clean data elsewhere.
    fn survives_without(&self, partition: PartitionId, node: NodeId) -> bool {
        let assignment = self.master.service().assignment(partition);
        let disk = |node: NodeId| self.nodes[number_of(node)].hosted(partition).disk.safe();
        let kept = |node: NodeId| {
            let clean = assignment.recorded(node) == Some(disk(node).incarnation);
            clean && !self.watch.is_put_back(node)
        };
        let entered = self.watch.entered(partition);
        promise::covers(assignment, entered, node, kept)
    }

    fn strike_cut(&mut self, node: usize) {
        let random = &mut self.streams.nemesis;
        let shape = random.below(6);
        let sides = random.draw();
        let other = random.index(self.plan.nodes + 1);
        if self.trace.is_kept() {
            self.say(format_args!("cut {shape} around {:?}", node_id(node)));
        }
        match shape {
            0 | 1 => self.network.isolate(node, true, true),
            2 => self.network.isolate(node, true, false),
            3 => self.network.isolate(node, false, true),
            4 => self.network.halve(|place| sides >> place & 1 == 1),
            _ => self.network.cut(node, other),
        }
    }

    /// Faults end: all is healed, and the cluster has to recover.
    pub(super) fn calm(&mut self) {
        self.say(format_args!("faults end"));
        self.turbulent = false;
        self.network.calm();
        self.plan.clients = self.plan.clients.patient(self.plan.heartbeat_ns());
        for node in 0..self.plan.nodes {
            match &self.nodes[node].condition {
                Condition::Running => {}
                Condition::Stopped(stopped) => {
                    let since_ns = stopped.since_ns;
                    self.go_on(node, since_ns);
                }
                Condition::Down => self.start(node),
            }
            self.service_changes(node, true);
        }
    }

    /// Whether the cluster has recovered by now.
    pub(super) fn look_for_recovery(&mut self) {
        self.recovered = self.first_missing().is_none();
    }

    fn first_missing(&self) -> Option<recovers::Missing> {
        (0..self.plan.partitions).find_map(|number| {
            let partition = partition_id(number);
            let assignment = self.master.service().assignment(partition);
            let replicas: Vec<Final> = (0..self.plan.nodes)
                .filter_map(|node| {
                    let hosted = self.nodes[node].hosted(partition);
                    let replica = hosted.replica.as_ref()?;
                    let epoch = replica.owned_epoch();
                    let current = epoch == Some(assignment.epoch);
                    Some(Final {
                        in_sync: assignment.in_sync.contains_key(&node_id(node)),
                        serves: current && replica.serves() && replica.role() == RoleKind::Serving,
                        end: (disk::end(hosted.disk.safe()), replica.commit()),
                    })
                })
                .collect();
            let wanted = self.plan.settings.replicas;
            recovers::missing(partition, &replicas, wanted, self.written[number])
        })
    }

    /// The time to recover is over.
    pub(super) fn report_missing(&mut self) {
        if self.goes_round() {
            let missing = "an end of the messages".to_owned();
            self.watch.report(Violation::NotRecovered { missing });
        }
        if let Some(missing) = self.first_missing() {
            let missing = format!("{missing:?}");
            self.watch.report(Violation::NotRecovered { missing });
        }
    }
}
