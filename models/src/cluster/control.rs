//! Drives the control plane of a node: the machine that ships, with a simulated disk and network around
//! it. It does what the real node's control thread does, and nothing more.

use std::collections::BTreeSet;
use std::sync::Arc;

use kensho_kernel::control::{ControlPlane, Input, Output};
use kensho_kernel::{Report, View};
use kensho_protocol::coordinator::plan::Step;
use kensho_protocol::coordinator::{Coordinator, Message, Note, Saved};
use kensho_protocol::ids::{NodeId, Ticket};
use kensho_protocol::table::{Change, Table, What};

use super::load::Load;
use super::node::Control;
use super::sights::Sight;
use super::{Cluster, Happening};
use crate::world::table_service::{member, node_id, number_of};

impl<L: Load> Cluster<L> {
    /// The control plane starts from what is on the node's disk.
    pub(super) fn start_control(&mut self, node: usize) {
        let seed = self.streams.processors.draw();
        let founds = node < self.plan.founders;
        let this = &mut self.nodes[node];
        let coordinator = Coordinator::new(
            self.plan.settings,
            member(node),
            self.plan.priorities[node],
            self.plan.birth(),
            this.control_disk.safe().clone(),
            // All of a node's disk is of one life.
            this.disks[0].safe().life,
            seed,
            this.clock.read(self.now_ns),
        );
        let initial = (0..self.plan.founders).map(|founder| member(founder).name);
        let initial: BTreeSet<String> = match founds {
            true => initial.collect(),
            false => BTreeSet::new(),
        };
        this.control = Some(Control {
            plane: ControlPlane::new(
                coordinator,
                member(node),
                initial,
                self.plan.settings.rules,
                None,
            ),
            view: View::default(),
            view_shown: false,
            met: [node].into(),
            wake_ns: u64::MAX,
        });
        let life = this.life;
        if founds {
            self.hand_to_control(node, Input::Found);
            let look = Happening::Meet { node, life };
            self.schedule.put(self.now_ns, look);
        }
        self.set_control_timer(node);
        if self.nodes[node].joins {
            self.ask_to_join(node);
        }
    }

    /// A node is told to become a member, and of whom it may ask that; all of them answer it.
    pub(super) fn ask_to_join(&mut self, node: usize) {
        let names = (0..self.plan.nodes).map(|other| member(other).name);
        for other in 0..self.plan.nodes {
            self.meet_one(node, other);
        }
        self.hand_to_control(node, Input::Join(names.collect()));
    }

    fn meet_one(&mut self, node: usize, other: usize) {
        let control = self.nodes[node].control.as_mut();
        if control.is_some_and(|control| control.met.insert(other)) {
            self.hand_to_control(node, Input::Met(member(other)));
        }
    }

    /// Nodes find out who answers at the addresses of the initial list (rule M5).
    pub(super) fn meet(&mut self, node: usize, life: u32) {
        if self.nodes[node].life != life {
            return;
        }
        let answers = |other: usize| {
            let whole = !self.network.is_cut(node, other) && !self.network.is_cut(other, node);
            self.nodes[other].runs() && whole
        };
        let founders = 0..self.plan.founders;
        let answering: Vec<usize> = founders.clone().filter(|n| answers(*n)).collect();
        for other in answering {
            self.meet_one(node, other);
        }
        let control = self.nodes[node].control.as_ref();
        let met = |control: &Control| founders.clone().all(|n| control.met.contains(&n));
        if control.is_some_and(|control| !met(control)) {
            let wait_ns = self.streams.processors.below(self.plan.heartbeat_ns()) + 1;
            let again = Happening::Meet { node, life };
            self.schedule.put(self.now_ns + wait_ns, again);
        }
    }

    /// Hands something to a control plane, and carries out what it decides.
    pub(super) fn hand_to_control(&mut self, node: usize, input: Input) {
        let now = self.nodes[node].clock.read(self.now_ns);
        if self.trace.is_kept() {
            self.say(format_args!("{:?} <- {input:?}", node_id(node)));
        }
        self.figures.events += 1;
        let Some(control) = &mut self.nodes[node].control else {
            return;
        };
        let mut outputs = Vec::new();
        control.plane.handle(now, input, &mut outputs);
        control.plane.flush(&mut outputs);
        for output in outputs {
            if self.trace.is_kept() {
                self.say(format_args!("{:?} -> {output:?}", node_id(node)));
            }
            self.carry_out_control(node, output);
        }
        self.set_control_timer(node);
    }

    fn carry_out_control(&mut self, node: usize, output: Output) {
        match output {
            Output::Save { ticket, saved } => self.save(node, ticket, saved),
            Output::Send { to, message } => self.send_control(node, number_of(to), message),
            Output::Show(view) => self.show(node, view),
            Output::Note(note) => self.control_notes(node, &note),
        }
    }

    fn control_notes(&mut self, node: usize, note: &Note) {
        match note {
            Note::BecameMaster { term, .. } => {
                let first = self.tables.is_unborn();
                self.tables.won(node_id(node), *term, &mut self.violations);
                self.sometimes.saw(match first {
                    true => Sight::FirstMaster,
                    false => Sight::LaterMaster,
                });
            }
            Note::QuorumLost { .. } => self.sometimes.saw(Sight::MasterResigned),
            Note::FollowerReturned { .. } => self.sometimes.saw(Sight::FollowerReturned),
            Note::Abdicated { .. } => self.sometimes.saw(Sight::Abdicated),
            Note::Levels(Step::Drop { .. }) => self.sometimes.saw(Sight::CopyGivenUp),
            Note::Levels(_) => self.sometimes.saw(Sight::CopyMoves),
            Note::MemberKept { .. } => self.sometimes.saw(Sight::MemberKept),
            Note::PartitionUnavailable { .. } => self.sometimes.saw(Sight::Unavailable),
            _ => {}
        }
    }

    /// Changes what the data plane may see; it looks a little later.
    fn show(&mut self, node: usize, view: View) {
        let wait_ns = self.handover_ns();
        let life = self.nodes[node].life;
        let Some(control) = &mut self.nodes[node].control else {
            return;
        };
        let before = std::mem::replace(&mut control.view, view);
        let view = control.view.clone();
        if !std::mem::replace(&mut control.view_shown, true) {
            let look = Happening::View { node, life };
            self.schedule.put(self.now_ns + wait_ns, look);
        }
        if view.may_stop && !before.may_stop {
            let stop = Happening::StopInOrder { node, life };
            self.schedule.put(self.now_ns, stop);
        }
        if before.service && !view.service {
            self.sometimes.saw(Sight::ServiceStopped);
        }
        let stamp = |view: &View| view.table.as_ref().map(|table| table.stamp);
        let is_new = stamp(&view) != stamp(&before);
        if let Some(table) = view.table.as_ref().filter(|_| is_new) {
            let (id, last) = (node_id(node), self.tables.last().cloned());
            if self.tables.given_out(id, table, &mut self.violations) {
                self.table_committed(last.as_ref(), table);
            }
        }
    }

    /// How long something takes from one thread to the other.
    pub(super) fn handover_ns(&mut self) -> u64 {
        let longest_ns = self.plan.handover_max_ns;
        self.streams.processors.below(longest_ns + 1)
    }

    fn send_control(&mut self, from: usize, to: usize, message: Message) {
        self.figures.messages += 1;
        let random = &mut self.streams.network;
        let arrivals = self.network.send(from, to, self.now_ns, random);
        if let Some(at_ns) = arrivals.second_ns {
            let message = message.clone();
            let again = Happening::Control { to, from, message };
            self.schedule.put(at_ns, again);
        }
        if let Some(at_ns) = arrivals.first_ns {
            let first = Happening::Control { to, from, message };
            self.schedule.put(at_ns, first);
        }
    }

    pub(super) fn report(&mut self, node: usize, life: u32, report: Report) {
        if self.nodes[node].life != life {
            return;
        }
        if let Report::Ask(change) = &report {
            self.note_asked(node, change);
        }
        self.hand_to_control(node, Input::Report(report));
    }

    fn note_asked(&mut self, node: usize, change: &Change) {
        let Some(table) = self.tables.last() else {
            return;
        };
        let now = table.assignment(change.partition);
        let too_late = now.epoch > change.base && now.owner != node_id(node);
        if matches!(change.what, What::HandOver(_)) {
            self.sometimes.saw(Sight::HandedOver);
        }
        if too_late && matches!(change.what, What::Shrink(_)) {
            self.sometimes.saw(Sight::ShrinkLostToFailover);
        }
    }

    pub(super) fn control_message(&mut self, to: usize, from: usize, message: Message) {
        let from = node_id(from);
        self.hand_to_control(to, Input::Message { from, message });
    }

    fn set_control_timer(&mut self, node: usize) {
        let late_max_ns = self.plan.processors.timer_late_max_ns;
        let this = &mut self.nodes[node];
        let Some(control) = &mut this.control else {
            return;
        };
        let deadline = control.plane.deadline();
        let Some(due_ns) = deadline.and_then(|at| this.clock.when_it_shows(at)) else {
            return;
        };
        if due_ns < control.wake_ns {
            let late_ns = self.streams.processors.below(late_max_ns + 1);
            // A timer never fires at once: a loop of timers would be a loop in no time.
            let at_ns = due_ns.max(self.now_ns + 1_000) + late_ns;
            if at_ns < control.wake_ns {
                control.wake_ns = at_ns;
                let life = this.life;
                self.schedule
                    .put(at_ns, Happening::ControlWake { node, life });
            }
        }
    }

    pub(super) fn control_wake(&mut self, node: usize, life: u32) {
        let this = &mut self.nodes[node];
        let now = this.clock.read(self.now_ns);
        let Some(control) = &mut this.control else {
            return;
        };
        if this.life != life || control.wake_ns > self.now_ns {
            return;
        }
        control.wake_ns = u64::MAX;
        if control.plane.deadline().is_some_and(|due| due <= now) {
            self.hand_to_control(node, Input::Tick);
        } else {
            self.set_control_timer(node);
        }
    }

    fn save(&mut self, node: usize, ticket: Ticket, saved: Saved) {
        let this = &mut self.nodes[node];
        this.control_disk.write(ticket, saved);
        this.saving += 1;
        if this.saving == 1 {
            self.sync_control(node);
        }
    }

    fn sync_control(&mut self, node: usize) {
        let takes_ns = self.sync_takes_ns();
        let life = self.nodes[node].life;
        let synced = Happening::ControlSynced { node, life };
        self.schedule.put(self.now_ns + takes_ns, synced);
    }

    /// The oldest write of a coordinator is safe. The disk works on while the process is stopped.
    pub(super) fn control_synced(&mut self, node: usize, life: u32) {
        let this = &mut self.nodes[node];
        if this.life != life {
            return;
        }
        if let (Some(folder), Some(next)) = (&mut this.folder, this.control_disk.next()) {
            match folder.save(next) {
                Err(error) if error.is_full() => {
                    let again = Happening::ControlSynced { node, life };
                    let at_ns = self.now_ns + self.room_asked_after_ns();
                    return self.schedule.put(at_ns, again);
                }
                Err(error) => self.report_failed_storage(node, &error),
                Ok(()) => {}
            }
        }
        let this = &mut self.nodes[node];
        let Some(ticket) = this.control_disk.end_sync() else {
            return;
        };
        this.saving -= 1;
        let more = this.saving > 0;
        self.table_on_disk(node);
        self.happen(Happening::Saved { node, life, ticket });
        if more {
            self.sync_control(node);
        }
    }

    pub(super) fn saved(&mut self, node: usize, life: u32, ticket: Ticket) {
        if self.nodes[node].life == life {
            self.hand_to_control(node, Input::Saved(ticket));
        }
    }

    /// The invariants look at the table on a node's disk: a majority of such disks commits it.
    pub(super) fn table_on_disk(&mut self, node: usize) {
        let accepted = self.nodes[node].control_disk.safe().accepted.clone();
        let Some(table) = accepted else {
            return;
        };
        let before = self.tables.last().cloned();
        if !self
            .tables
            .on_disk(node_id(node), &table, &mut self.violations)
        {
            return;
        }
        self.table_committed(before.as_ref(), &table);
    }

    fn table_committed(&mut self, before: Option<&Arc<Table>>, table: &Arc<Table>) {
        if self.trace.is_kept() {
            let text = format!("{:?} is committed: {:?}", table.stamp, table.partitions);
            self.say(format_args!("{text}"));
        }
        self.note_committed(before, table);
        let nodes = &self.nodes;
        let disk = |node: NodeId, partition| nodes[number_of(node)].disk(partition).safe();
        self.watch.committed(table, disk);
    }

    fn note_committed(&mut self, before: Option<&Arc<Table>>, table: &Arc<Table>) {
        let Some(before) = before else {
            return;
        };
        if before.stamp.term < table.stamp.term && before.partitions == table.partitions {
            self.sometimes.saw(Sight::TableRecommitted);
        }
        if before.members.len() < table.members.len() {
            self.sometimes.saw(Sight::MemberAdded);
        }
        for gone in before.members.keys() {
            if !table.members.contains_key(gone) {
                let was_master = self.nodes[number_of(*gone)].is_master();
                self.sometimes.saw(match was_master {
                    true => Sight::MasterRemoved,
                    false => Sight::MemberRemoved,
                });
            }
        }
        for (before, now) in before.partitions.iter().zip(&table.partitions) {
            if before.owner != now.owner {
                self.sometimes.saw(Sight::OwnerReplaced);
            } else if before.in_sync.len() < now.in_sync.len() {
                self.sometimes.saw(Sight::GrowthFinished);
            } else if before.in_sync.len() > now.in_sync.len() {
                self.sometimes.saw(Sight::ShrinkFinished);
            } else if before.epoch < now.epoch {
                self.sometimes.saw(Sight::RenewFinished);
            }
        }
    }
}
