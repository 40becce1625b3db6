//! Faults at planned times: a schedule of the nemesis's catalogue, done to the nodes of a cluster.
//!
//! What a process and a network suffer here is what the harness does to real ones, but for two
//! things: a killed node loses what it had not synced, as if its machine had died; and what is sent
//! over a cut link is lost, as if its connection had been closed, whatever the plan says of healing.

use std::collections::BTreeSet;

use kensho_nemesis::fault::{Action, ClientAccess, Shape, Target};
use kensho_nemesis::schedule::Planned;
use kensho_nemesis::target::{Chooser, Roles, View};
use kensho_nemesis::topology::{Endpoint, cuts};
use kensho_protocol::coordinator::Standing;
use serde_json::{Value, json};

use super::load::Load;
use super::{Cluster, Happening};
use crate::world::node::Condition;
use crate::world::plan::MS;
use crate::world::table_service::{member, number_of};

/// How long a process takes to start.
const RESTART_MS: u64 = 20;

/// The name of a planned fault, as the catalogue has it.
fn name_of(planned: &Planned) -> &'static str {
    let entries = kensho_nemesis::catalogue::CATALOGUE.iter();
    let entry = entries.into_iter().find(|e| e.name == planned.fault.name);
    entry.map_or("fault", |entry| entry.name)
}

impl<L: Load> Cluster<L> {
    /// All faults of the plan will begin and end at their times from now on.
    pub(super) fn plan_faults(&mut self) {
        for (fault, planned) in self.plan.schedule.iter().enumerate() {
            let (start_ns, end_ns) = (planned.start_ms * MS, planned.end_ms * MS);
            let begin = Happening::Begin { fault };
            self.schedule.put(self.now_ns + start_ns, begin);
            let undo = Happening::Undo { fault };
            self.schedule.put(self.now_ns + end_ns, undo);
        }
    }

    /// Draws the nodes that a fault hits, and does to them what is done at once.
    pub(super) fn begin_fault(&mut self, fault: usize) {
        let planned = self.plan.schedule[fault].clone();
        let name = name_of(&planned);
        // Which of its class it is counts; when it is due and whom it hits is in the plan.
        self.chooser.next_strike(name);
        if !self.turbulent || !self.chooser.strikes(name) {
            return;
        }
        if self.trace.is_kept() {
            let number = self.chooser.number(name);
            self.say(format_args!("fault: {name} {number}"));
        }
        self.figures.faults += 1;
        self.fault = Some(fault);
        let view = self.view_of_nemesis();
        let injections = &planned.fault.injections;
        let targets: Vec<Target> = injections.iter().map(|i| i.target).collect();
        let mut chooser = Chooser::new(&view, &targets, planned.seed);
        let mut done: Vec<Value> = Vec::new();
        for (injection, wanted) in injections.iter().enumerate() {
            let after_ms = wanted.after_ms;
            done.push(match chooser.choose(wanted.target) {
                Ok(names) => {
                    let hit = |node: &usize| names.contains(&view.nodes[*node]);
                    let targets: Vec<usize> = (0..self.plan.nodes).filter(hit).collect();
                    let inject = Happening::Inject {
                        fault,
                        injection,
                        targets,
                    };
                    self.schedule.put(self.now_ns + after_ms * MS, inject);
                    json!({"action": wanted.action, "after_ms": after_ms, "targets": names})
                }
                Err(why) => {
                    self.say(format_args!("nothing is done: {why}"));
                    json!({"action": wanted.action, "after_ms": after_ms, "skipped": why})
                }
            });
        }
        let told = json!({"do": "inject", "fault": fault, "injections": done});
        self.load.note_fault(self.now_ns, name, told);
    }

    /// Does something to some nodes.
    pub(super) fn inject(&mut self, fault: usize, injection: usize, targets: &[usize]) {
        let planned = &self.plan.schedule[fault];
        let end_ns = self.fault_origin_ns + planned.end_ms * MS;
        let (action, seed) = (planned.fault.injections[injection].action, planned.seed);
        if !self.turbulent || self.now_ns >= end_ns {
            return;
        }
        match action {
            Action::Kill => {
                for node in targets {
                    if self.nodes[*node].is_up() {
                        self.crash(*node);
                    }
                }
            }
            Action::Restart => {
                for node in targets.iter().copied() {
                    if self.nodes[node].is_up() {
                        self.crash(node);
                        let start = Happening::Start { node };
                        self.schedule.put(self.now_ns + RESTART_MS * MS, start);
                    }
                }
            }
            Action::Pause => {
                for node in targets {
                    self.stop(*node, end_ns - self.now_ns);
                }
            }
            Action::FillDisk => {
                for node in targets {
                    self.fill(*node);
                }
            }
            Action::Partition { shape, clients, .. } => {
                self.cut_links(shape, clients, targets, seed);
            }
        }
    }

    fn cut_links(&mut self, shape: Shape, clients: ClientAccess, targets: &[usize], seed: u64) {
        let names: Vec<String> = (0..self.plan.nodes).map(|n| member(n).name).collect();
        let hit: BTreeSet<String> = targets.iter().map(|node| names[*node].clone()).collect();
        let place = |name: &String| names.iter().position(|other| other == name);
        let clients_place = self.plan.nodes;
        let answers_only = shape == Shape::Unanswered;
        for (from, to) in cuts(shape, clients, &names, &hit, seed) {
            match (from, to) {
                (Endpoint::Node(from), Endpoint::Node(to)) => {
                    if let Some((from, to)) = place(&from).zip(place(&to)) {
                        self.network.cut(from, to);
                    }
                }
                // Clients open the connections that their answers come on.
                (Endpoint::Clients, Endpoint::Node(node)) => {
                    if let Some(node) = place(&node) {
                        self.network.cut(node, clients_place);
                        if !answers_only {
                            self.network.cut(clients_place, node);
                        }
                    }
                }
                (_, Endpoint::Clients) => {}
            }
        }
        self.say(format_args!(
            "{shape:?} around {hit:?}, clients {clients:?}"
        ));
    }

    /// All that a fault did is undone: killed nodes start, cut links are mended, disks have room. (Paused processes go
    /// on by themselves.)
    pub(super) fn undo_fault(&mut self, fault: usize) {
        if !self.turbulent || self.fault.take() != Some(fault) {
            return;
        }
        let name = name_of(&self.plan.schedule[fault]);
        self.say(format_args!("fault ends: {name}"));
        self.network.heal();
        for node in 0..self.plan.nodes {
            self.make_room(node);
            if matches!(self.nodes[node].condition, Condition::Down) {
                self.start(node);
            }
        }
        let told = json!({"do": "heal", "fault": fault});
        self.load.note_fault(self.now_ns, name, told);
    }

    /// What is known of the cluster by somebody who sees all of it.
    fn view_of_nemesis(&self) -> View {
        let masters = (0..self.plan.nodes).filter_map(|node| {
            let coordinator = self.nodes[node].coordinator()?;
            let is_master = coordinator.standing() == Standing::Master;
            is_master.then(|| (coordinator.term(), member(node).name))
        });
        let partitions = self.tables.last().map(|table| {
            let numbered = (0..).zip(&table.partitions);
            let roles = numbered.map(|(id, assignment)| {
                let backups = assignment
                    .in_sync
                    .keys()
                    .filter(|n| **n != assignment.owner);
                Roles {
                    id,
                    owner: member(number_of(assignment.owner)).name,
                    backups: backups.map(|n| member(number_of(*n)).name).collect(),
                }
            });
            roles.collect()
        });
        View {
            nodes: (0..self.plan.nodes).map(|node| member(node).name).collect(),
            master: masters.max().map(|(_, name)| name),
            partitions: partitions.unwrap_or_default(),
        }
    }
}
