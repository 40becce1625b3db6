//! Faults at planned times: a schedule of the nemesis's catalogue, done to the nodes of a cluster.
//!
//! What a process and a network suffer here is what the harness does to real ones, but for two
//! things: a killed node loses what it had not synced, as if its machine had died; and what is sent
//! over a cut link is lost, as if its connection had been closed, whatever the plan says of healing.

use std::collections::BTreeSet;

use kensho_nemesis::fault::{Action, Shape, Target};
use kensho_nemesis::target::{Chooser, Roles, View};
use kensho_nemesis::topology::{Endpoint, Pair, around, cuts};
use kensho_protocol::coordinator::Standing;
use serde_json::{Value, json};

use super::load::Load;
use super::{Cluster, Happening};
use crate::world::node::Condition;
use crate::world::plan::MS;
use crate::world::table_service::{member, number_of};

/// How long a process takes to start.
const RESTART_MS: u64 = 20;

/// What a fault has done, by which it is undone. (Paused processes go on by themselves.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// These nodes crashed.
    Crashed(Vec<usize>),
    /// Each of these directions was cut once.
    Cut(Vec<(usize, usize)>),
    /// Each of these directions takes so much longer.
    Slowed(Vec<(usize, usize)>, u64),
    /// The disks of these nodes are full.
    Filled(Vec<usize>),
    /// These nodes work on clones of their folders.
    Cloned(Vec<usize>),
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
        let name = planned.fault.name;
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
        self.ongoing.insert(fault, Vec::new());
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
        let effect = match action {
            Action::Kill => Some(Effect::Crashed(self.crash_all(targets))),
            Action::Restart => {
                for node in self.crash_all(targets) {
                    let start = Happening::Start { node };
                    self.schedule.put(self.now_ns + RESTART_MS * MS, start);
                }
                None
            }
            Action::Pause => {
                for node in targets {
                    self.stop(*node, end_ns - self.now_ns);
                }
                None
            }
            Action::FillDisk => {
                for node in targets {
                    self.fill(*node);
                }
                Some(Effect::Filled(targets.to_vec()))
            }
            Action::CopyFolder => {
                for node in targets {
                    self.copy_folder(*node);
                }
                None
            }
            Action::RestoreFolder => {
                for node in targets {
                    self.put_back_and_start(*node);
                }
                None
            }
            Action::CloneFolder => {
                for node in targets {
                    self.begin_clone(*node);
                }
                Some(Effect::Cloned(targets.to_vec()))
            }
            Action::LoseFolder => unreachable!("nobody can ask for it here"),
            Action::Partition { shape, clients, .. } => {
                let (names, hit) = self.names_of(targets);
                let pairs = cuts(shape, clients, &names, &hit, seed);
                let links = self.directions(&names, &pairs, shape != Shape::Unanswered);
                for (from, to) in &links {
                    self.network.cut(*from, *to);
                }
                self.say(format_args!(
                    "{shape:?} around {hit:?}, clients {clients:?}"
                ));
                Some(Effect::Cut(links))
            }
            Action::Delay { delay_ms, clients } => {
                let (names, hit) = self.names_of(targets);
                let pairs = around(clients, &names, &hit);
                let links = self.directions(&names, &pairs, true);
                for (from, to) in &links {
                    self.network.slow_down(*from, *to, delay_ms * MS);
                }
                self.say(format_args!(
                    "{delay_ms} ms more around {hit:?}, clients {clients:?}"
                ));
                Some(Effect::Slowed(links, delay_ms * MS))
            }
        };
        if let (Some(effect), Some(effects)) = (effect, self.ongoing.get_mut(&fault)) {
            effects.push(effect);
        }
    }

    /// Those of `targets` crash that are up; gives them.
    fn crash_all(&mut self, targets: &[usize]) -> Vec<usize> {
        let up = targets.iter().filter(|node| self.nodes[**node].is_up());
        let up: Vec<usize> = up.copied().collect();
        for node in &up {
            self.crash(*node);
        }
        up
    }

    /// The names of all nodes, and those of `targets`.
    fn names_of(&self, targets: &[usize]) -> (Vec<String>, BTreeSet<String>) {
        let names: Vec<String> = (0..self.plan.nodes).map(|n| member(n).name).collect();
        let hit = targets.iter().map(|node| names[*node].clone()).collect();
        (names, hit)
    }

    /// The directions of the network that links are made of. Clients open the connections on which
    /// their answers come: of a link from clients, what nodes answer always counts, and what clients
    /// ask only where `asked` says so.
    fn directions(
        &self,
        names: &[String],
        pairs: &BTreeSet<Pair>,
        asked: bool,
    ) -> Vec<(usize, usize)> {
        let place = |name: &String| names.iter().position(|other| other == name);
        let clients = self.plan.nodes;
        let mut directions = Vec::new();
        for pair in pairs {
            match pair {
                (Endpoint::Node(from), Endpoint::Node(to)) => {
                    directions.extend(place(from).zip(place(to)));
                }
                (Endpoint::Clients, Endpoint::Node(node)) => {
                    if let Some(node) = place(node) {
                        directions.push((node, clients));
                        directions.extend(asked.then_some((clients, node)));
                    }
                }
                (_, Endpoint::Clients) => {}
            }
        }
        directions
    }

    /// What a fault did is undone, and what others did goes on.
    pub(super) fn undo_fault(&mut self, fault: usize) {
        let Some(effects) = self.ongoing.remove(&fault) else {
            return;
        };
        if !self.turbulent {
            return;
        }
        let name = self.plan.schedule[fault].fault.name;
        self.say(format_args!("fault ends: {name}"));
        let filled_by_others: BTreeSet<usize> = (self.ongoing.values().flatten())
            .filter_map(|effect| match effect {
                Effect::Filled(nodes) => Some(nodes),
                Effect::Crashed(_) | Effect::Cut(_) | Effect::Slowed(..) | Effect::Cloned(_) => {
                    None
                }
            })
            .flatten()
            .copied()
            .collect();
        for effect in effects {
            match effect {
                Effect::Crashed(nodes) => {
                    for node in nodes {
                        if matches!(self.nodes[node].condition, Condition::Down) {
                            self.start(node);
                        }
                    }
                }
                Effect::Cut(links) => {
                    for (from, to) in links {
                        self.network.mend(from, to);
                    }
                }
                Effect::Slowed(links, delay_ns) => {
                    for (from, to) in links {
                        self.network.speed_up(from, to, delay_ns);
                    }
                }
                Effect::Cloned(nodes) => {
                    for node in nodes {
                        self.end_clone(node);
                    }
                }
                Effect::Filled(nodes) => {
                    for node in nodes {
                        if !filled_by_others.contains(&node) {
                            self.make_room(node);
                        }
                    }
                }
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
