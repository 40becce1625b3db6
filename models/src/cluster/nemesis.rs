//! What goes wrong, and when it ends.

use kensho_kernel::control::Input;

use super::clients::Ending;
use super::folder::Folder;
use super::load::Load;
use super::sights::Sight;
use super::{Cluster, Happening};
use crate::invariants::Violation;
use crate::world::node::Condition;
use crate::world::table_service::{member, node_id, number_of, partition_id};

/// A class of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A process crashes; its node starts again.
    Crash,
    /// A node, or all of them, are to stop in order, and start again.
    Goodbye,
    /// Some nodes find that nobody listens where another one was, which is there.
    FalseEvidence,
    /// All processes crash at once.
    Blackout,
    /// A process is stopped, and continued.
    Pause,
    /// Links are cut, and mended.
    Cut,
    /// A node is to become a member.
    Join,
    /// A node is to be a member no longer.
    Leave,
    /// A disk is full, and has room again.
    Fill,
    /// A folder is copied, or put back from an older copy.
    RestoreOlderFolder,
    /// A clone of a folder takes its place for a while.
    CloneFolder,
}

impl Fault {
    const ALL: [Fault; 11] = [
        Fault::Crash,
        Fault::Goodbye,
        Fault::FalseEvidence,
        Fault::Blackout,
        Fault::Pause,
        Fault::Cut,
        Fault::Join,
        Fault::Leave,
        Fault::Fill,
        Fault::RestoreOlderFolder,
        Fault::CloneFolder,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Fault::Crash => "crash",
            Fault::Goodbye => "goodbye",
            Fault::FalseEvidence => "false-evidence",
            Fault::Blackout => "blackout",
            Fault::Pause => "pause",
            Fault::Cut => "cut",
            Fault::Join => "join",
            Fault::Leave => "leave",
            Fault::Fill => "fill",
            Fault::RestoreOlderFolder => "restore-older-folder",
            Fault::CloneFolder => "clone-folder",
        }
    }
}

impl<L: Load> Cluster<L> {
    /// A node starts from what is on its disk.
    pub(super) fn start(&mut self, node: usize) {
        if self.nodes[node].is_up() {
            return;
        }
        self.say(format_args!("{:?} starts", node_id(node)));
        self.nodes[node].condition = Condition::Running;
        self.start_data(node);
        self.start_control(node);
        if !self.nodes[node].room {
            self.tell_room(node);
        }
    }

    /// A node's process is gone, with all that was in memory.
    pub(super) fn crash(&mut self, node: usize) {
        self.say(format_args!("{:?} crashes", node_id(node)));
        if self.plan.faults.false_evidence_every_ns.is_some() {
            for at in (0..self.plan.nodes).filter(|at| *at != node) {
                self.look_for_listener(at, node);
            }
        }
        let lost = self.nodes[node].saving > 0;
        for attempt in self.nodes[node].lose_memory() {
            self.answer_client(node, attempt, Ending::Lost);
        }
        match self.nodes[node].folder.take() {
            Some(folder) => self.cut_power(node, folder),
            None => self.crash_disks(node),
        }
        for number in 0..self.plan.partitions {
            let partition = partition_id(number);
            let safe = self.nodes[node].disks[number].safe();
            self.watch.disk_changed(partition, node_id(node), safe);
            self.watch.stopped(partition, node_id(node));
        }
        if lost {
            self.sometimes.saw(Sight::SavedLost);
        }
        // Whatever brought them down, one fault or several.
        if !self.nodes.iter().any(super::node::Node::is_up) {
            self.sometimes.saw(Sight::Blackout);
        }
        self.table_on_disk(node);
    }

    /// Of what was not synced, each disk keeps some beginning.
    fn crash_disks(&mut self, node: usize) {
        for number in 0..self.plan.partitions {
            let disk = &mut self.nodes[node].disks[number];
            let written = disk.unsafe_writes();
            match disk.crash(&mut self.streams.disks) {
                Ok(kept) if kept < written => self.sometimes.saw(Sight::RecordsLost),
                Ok(_) => {}
                Err(_) => self.report_disorder(node, partition_id(number)),
            }
        }
        self.nodes[node].control_disk.crash(&mut self.streams.disks);
    }

    /// The same, as the storage finds it in its files.
    fn cut_power(&mut self, node: usize, mut folder: Folder) {
        let saving = self.nodes[node].control_disk.next();
        let found = match folder.crash(saving, &mut self.streams.disks) {
            Ok(found) => found,
            Err(error) => return self.report_failed_storage(node, &error),
        };
        let this = &mut self.nodes[node];
        this.folder = Some(folder);
        let mut forgotten = Vec::new();
        for (number, (recovered, kept)) in found.replicas.into_iter().enumerate() {
            let disk = &mut this.disks[number];
            if kept < disk.unsafe_writes() {
                self.sometimes.saw(Sight::RecordsLost);
            }
            if !disk.crash_to(recovered, kept) {
                forgotten.push(Some(partition_id(number)));
            }
        }
        if !this.control_disk.crash_to(found.saved) {
            forgotten.push(None);
        }
        for partition in forgotten {
            let node = node_id(node);
            self.watch
                .report(Violation::StorageForgot { node, partition });
        }
    }

    /// One node, or several, find that nobody listens where `node` is.
    fn strike_false_evidence(&mut self, node: usize) {
        let several = self.streams.nemesis.chance(300_000);
        for at in 0..self.plan.nodes {
            if at != node && (several || self.streams.nemesis.chance(300_000)) {
                self.sometimes.saw(Sight::FalseEvidence);
                self.find_nobody(at, node);
            }
        }
    }

    pub(super) fn find_nobody(&mut self, at: usize, node: usize) {
        if self.nodes[at].runs() {
            let name = member(node).name;
            self.hand_to_control(at, Input::NobodyListens(name));
        }
    }

    /// The connection to a process that is gone was refused; it is tried again and again.
    pub(super) fn look_who_listens(&mut self, at: usize, node: usize) {
        let reaches = !self.network.is_cut(at, node) && !self.network.is_cut(node, at);
        if self.nodes[node].is_up() || !self.turbulent {
            return;
        }
        if reaches {
            self.find_nobody(at, node);
        }
        self.look_for_listener(at, node);
    }

    fn look_for_listener(&mut self, at: usize, node: usize) {
        let wait_ns = self.streams.processors.below(self.plan.heartbeat_ns());
        let finds = Happening::NobodyListens { at, node };
        self.schedule.put(self.now_ns + wait_ns + 1, finds);
    }

    /// A node is told to stop in order, or all of them are.
    fn strike_goodbye(&mut self, first: usize) {
        let all = self.streams.nemesis.chance(150_000);
        let told = match all {
            true => 0..self.plan.nodes,
            false => first..first + 1,
        };
        for node in told {
            if self.nodes[node].runs() {
                self.hand_to_control(node, Input::Goodbye);
            }
        }
    }

    /// Nothing is left to be done before the node stops. What it has written and not synced, it need not
    /// have acknowledged.
    pub(super) fn stop_in_order(&mut self, node: usize, life: u32) {
        if self.nodes[node].life != life || !self.nodes[node].is_up() {
            return;
        }
        self.sometimes.saw(Sight::StoppedInOrder);
        self.crash(node);
        let lasts_ns = match self.turbulent {
            true => self.lasts_ns(),
            false => 0,
        };
        let at_ns = self.now_ns + lasts_ns;
        self.schedule.put(at_ns, Happening::Start { node });
    }

    /// A process stops where it is.
    pub(super) fn stop(&mut self, node: usize, length_ns: u64) {
        if !self.nodes[node].runs() {
            return;
        }
        self.say(format_args!("{:?} stops", node_id(node)));
        let since_ns = self.now_ns;
        self.nodes[node].condition = Condition::stopped(since_ns);
        let goes_on = Happening::Continue { node, since_ns };
        self.schedule.put(since_ns + length_ns, goes_on);
    }

    /// A stopped process goes on: with what it was about to do, then with what came meanwhile. What
    /// others said is heard before anybody is judged silent, as in the real node.
    pub(super) fn go_on(&mut self, node: usize, since_ns: u64) {
        let is_it = matches!(&self.nodes[node].condition,
            Condition::Stopped(stopped) if stopped.since_ns == since_ns);
        if !is_it {
            return;
        }
        self.say(format_args!("{:?} goes on", node_id(node)));
        let before = std::mem::replace(&mut self.nodes[node].condition, Condition::Running);
        let Condition::Stopped(stopped) = before else {
            return;
        };
        self.carry_out(node, stopped.decided);
        let (timers, others): (Vec<_>, Vec<_>) = stopped
            .backlog
            .into_iter()
            .partition(|what| matches!(what, Happening::ControlWake { .. }));
        for what in others.into_iter().chain(timers) {
            self.happen(what);
        }
    }

    fn mean_interval_ns(&self, fault: Fault) -> Option<u64> {
        let faults = &self.plan.faults;
        match fault {
            Fault::Crash => faults.crash_every_ns,
            Fault::Goodbye => faults.goodbye_every_ns,
            Fault::FalseEvidence => faults.false_evidence_every_ns,
            Fault::Blackout => faults.blackout_every_ns,
            Fault::Pause => faults.pause_every_ns,
            Fault::Cut => faults.cut_every_ns,
            Fault::Join => faults.join_every_ns,
            Fault::Leave => faults.leave_every_ns,
            Fault::Fill => faults.fill_every_ns,
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

    fn lasts_ns(&mut self) -> u64 {
        let longest_ns = self.plan.faults.lasts_max_ns;
        self.streams.nemesis.below(longest_ns + 1)
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
        let node = self.target();
        let lasts_ns = self.lasts_ns();
        let end_ns = self.now_ns + lasts_ns;
        match fault {
            Fault::Crash if self.nodes[node].is_up() => {
                self.crash(node);
                self.schedule.put(end_ns, Happening::Start { node });
            }
            Fault::Crash => {}
            Fault::Goodbye => self.strike_goodbye(node),
            Fault::FalseEvidence => self.strike_false_evidence(node),
            Fault::Blackout => self.strike_all(),
            Fault::Pause => self.stop(node, lasts_ns),
            Fault::Cut => {
                self.strike_cut(node);
                self.schedule.put(end_ns, Happening::Mend);
            }
            Fault::Join => self.strike_join(),
            Fault::Leave => self.strike_leave(node),
            Fault::Fill => self.strike_fill(node, end_ns),
            Fault::RestoreOlderFolder => self.strike_restore(node, end_ns),
            Fault::CloneFolder => self.strike_clone(node, end_ns),
        }
    }

    /// Nodes that are no members are to become some: one, or all at once.
    fn strike_join(&mut self) {
        let Some(table) = self.tables.last() else {
            return;
        };
        let outside = |node: &usize| !table.members.contains_key(&node_id(*node));
        let mut outside: Vec<usize> = (0..self.plan.nodes).filter(outside).collect();
        let random = &mut self.streams.nemesis;
        if !outside.is_empty() && random.chance(500_000) {
            outside = vec![outside[random.index(outside.len())]];
        }
        for node in outside {
            self.nodes[node].joins = true;
            if self.nodes[node].runs() {
                self.ask_to_join(node);
            }
        }
    }

    /// Nodes are to be members no longer: one, or two at once. Any node may be told so.
    fn strike_leave(&mut self, first: usize) {
        let nodes = self.plan.nodes;
        let random = &mut self.streams.nemesis;
        let count = 1 + usize::from(random.chance(500_000));
        let told = random.index(nodes);
        if !self.nodes[told].runs() {
            return;
        }
        for node in (first..first + count).map(|node| node % nodes) {
            self.nodes[node].joins = false;
            self.hand_to_control(told, Input::Remove(node_id(node)));
        }
    }

    fn strike_all(&mut self) {
        for node in 0..self.plan.nodes {
            if self.nodes[node].is_up() {
                self.crash(node);
                let at_ns = self.now_ns + self.lasts_ns();
                self.schedule.put(at_ns, Happening::Start { node });
            }
        }
    }

    /// A disk is full, or all of them at once.
    fn strike_fill(&mut self, first: usize, end_ns: u64) {
        let all = self.streams.nemesis.chance(200_000);
        let filled = match all {
            true => 0..self.plan.nodes,
            false => first..first + 1,
        };
        for node in filled {
            self.fill(node);
            self.schedule.put(end_ns, Happening::MakeRoom { node });
        }
    }

    /// No file on a node's disk can grow any more. Where there are files, the node learns that when it
    /// asks for room; else at once.
    pub(super) fn fill(&mut self, node: usize) {
        self.say(format_args!("the disk of {:?} is full", node_id(node)));
        match &mut self.nodes[node].folder {
            Some(folder) => folder.fill(),
            None => self.notice_room(node, false),
        }
    }

    /// A node's disk has room, if it had none.
    pub(super) fn make_room(&mut self, node: usize) {
        let room = match &mut self.nodes[node].folder {
            Some(folder) => folder.make_room(),
            None => Ok(true),
        };
        match room {
            Ok(room) => self.notice_room(node, room),
            Err(error) => self.report_failed_storage(node, &error),
        }
    }

    /// Often the master, or the owner of a partition; they have most to lose.
    fn target(&mut self) -> usize {
        let master = (0..self.plan.nodes).find(|node| self.nodes[*node].is_master());
        let random = &mut self.streams.nemesis;
        let partition = partition_id(random.index(self.plan.partitions));
        let any = random.index(self.plan.nodes);
        let owner = self.tables.last().map(|t| t.assignment(partition).owner);
        match random.below(3) {
            0 => master.unwrap_or(any),
            1 => owner.map_or(any, number_of),
            _ => any,
        }
    }

    fn strike_cut(&mut self, node: usize) {
        let random = &mut self.streams.nemesis;
        let shape = random.below(7);
        let sides = random.draw();
        let other = random.index(self.plan.nodes);
        self.say(format_args!("cut {shape} around {:?}", node_id(node)));
        match shape {
            0 | 1 => self.network.isolate(node, true, true),
            2 => self.network.isolate(node, true, false),
            3 => self.network.isolate(node, false, true),
            4 => self.network.halve(|place| side(sides, place)),
            5 => self.network.cut(node, other),
            // All see this node, and nobody else: a bridge.
            _ => {
                for from in (0..self.plan.nodes).filter(|from| *from != node) {
                    for to in (0..self.plan.nodes).filter(|to| *to != node) {
                        if from != to && side(sides, from) != side(sides, to) {
                            self.network.cut(from, to);
                        }
                    }
                }
            }
        }
    }

    /// Faults end: all is healed, and the cluster has to recover.
    pub(super) fn calm(&mut self) {
        self.say(format_args!("faults end"));
        self.turbulent = false;
        self.network.calm();
        for node in 0..self.plan.nodes {
            match self.plan.faults.full_to_the_end {
                Some(full) if full == node => self.fill(node),
                _ => self.make_room(node),
            }
            match &self.nodes[node].condition {
                Condition::Running => {}
                Condition::Stopped(stopped) => {
                    let since_ns = stopped.since_ns;
                    self.go_on(node, since_ns);
                }
                Condition::Down => self.start(node),
            }
        }
        L::calm(self);
    }

    /// All nodes are to be members in the end, so that there are enough for every setting. Who was still
    /// to leave when faults ended may have left since.
    pub(super) fn bring_all_back(&mut self) {
        let Some(table) = self.tables.last().cloned() else {
            return;
        };
        let outside = |node: &usize| !table.members.contains_key(&node_id(*node));
        for node in (0..self.plan.nodes).filter(outside) {
            self.nodes[node].joins = true;
            self.ask_to_join(node);
        }
    }
}

/// On which side a place is of a cluster in two parts. (Beyond 64 places, sides repeat.)
fn side(sides: u64, place: usize) -> bool {
    sides >> (place % 64) & 1 == 1
}
