//! Faults strike and end, each as it was planned.

use std::collections::{BTreeMap, BTreeSet};

use kensho_checker::history::{Event, Kind as EventKind, Process};
use kensho_nemesis::fault::{ClientAccess, Shape, Target};
use kensho_nemesis::target::{Chooser, View};
use kensho_nemesis::topology::{self, Endpoint};
use kensho_results::verdict::{FaultOutcome, FaultRecord, InjectionKind, InjectionRecord};
use serde_json::json;

use super::World;
use crate::fault::{Kind, Planned};

/// What became of the faults so far.
#[derive(Debug)]
pub(super) struct Faults {
    planned: usize,
    /// How many have begun.
    begun: usize,
    /// Those that go on.
    open: BTreeSet<usize>,
    records: Vec<FaultRecord>,
}

impl Faults {
    pub(super) fn new(planned: usize) -> Faults {
        Faults {
            planned,
            begun: 0,
            open: BTreeSet::new(),
            records: Vec::new(),
        }
    }

    pub(super) fn begun(&self) -> u64 {
        self.begun as u64
    }

    /// What goes on, in words.
    pub(super) fn present(&self) -> Option<String> {
        let texts: Vec<&str> = self
            .open
            .iter()
            .map(|number| self.records[*number].text.as_str())
            .collect();
        (!texts.is_empty()).then(|| texts.join("; "))
    }

    pub(super) fn into_records(self) -> Vec<FaultRecord> {
        self.records
    }
}

impl World {
    /// Begins and ends what is due.
    pub(super) fn strike(&mut self, now: u64) -> bool {
        if !self.phase.is_main() {
            return false;
        }
        let elapsed = now.saturating_sub(self.origin);
        let due = |number: &usize| self.settings.faults[*number].until_ns <= elapsed;
        let over: Vec<usize> = self.faults.open.iter().copied().filter(due).collect();
        let mut something = !over.is_empty();
        for number in over {
            self.end_fault(now, number);
        }
        while self.faults.begun < self.faults.planned
            && self.settings.faults[self.faults.begun].at_ns <= elapsed
        {
            self.begin_fault(now, self.faults.begun);
            self.faults.begun += 1;
            something = true;
        }
        something
    }

    /// When [`World::strike`] has something to do.
    pub(super) fn next_strike(&self) -> Option<u64> {
        if !self.phase.is_main() {
            return None;
        }
        let planned = &self.settings.faults;
        let next = planned.get(self.faults.begun).map(|fault| fault.at_ns);
        let ends = self
            .faults
            .open
            .iter()
            .map(|number| planned[*number].until_ns);
        let at = ends.chain(next).min()?;
        Some(self.origin + at)
    }

    /// Everything is undone: what goes on ends, whatever was planned.
    pub(super) fn heal_everything(&mut self, now: u64) {
        for number in std::mem::take(&mut self.faults.open) {
            self.faults.open.insert(number);
            self.end_fault(now, number);
        }
    }

    fn health(&self) -> BTreeMap<String, String> {
        let names = self.settings.nodes.iter();
        names
            .zip(&self.nodes)
            .map(|(name, node)| (name.clone(), node.health().to_owned()))
            .collect()
    }

    fn begin_fault(&mut self, now: u64, number: usize) {
        let planned = self.settings.faults[number];
        let at = now.saturating_sub(self.origin);
        let health_before = self.health();
        let (targets, why) = match self.choose(&planned) {
            Ok(targets) => (targets, None),
            Err(why) => (BTreeSet::new(), Some(why)),
        };
        let names: Vec<String> = targets
            .iter()
            .map(|node| self.settings.nodes[*node].clone())
            .collect();
        let mut action = planned.kind.name().to_owned();
        if why.is_none() {
            match planned.kind {
                Kind::Kill => targets.iter().for_each(|node| self.kill_node(*node)),
                Kind::Pause => targets.iter().for_each(|node| self.pause_node(*node)),
                Kind::Partition => {
                    let shape = self.cut(number, &planned, &names);
                    action = format!("partition {}", in_words(shape));
                }
            }
            self.faults.open.insert(number);
        }
        let outcome = match why {
            None => FaultOutcome::Applied,
            Some(_) => FaultOutcome::Skipped,
        };
        let text = format!("{action} {}", names.join(", "))
            .trim_end()
            .to_owned();
        let injection = InjectionRecord {
            kind: Some(match planned.kind {
                Kind::Kill => InjectionKind::Kill,
                Kind::Pause => InjectionKind::Pause,
                Kind::Partition => InjectionKind::Partition,
            }),
            action: action.clone(),
            targets: names.clone(),
            outcome,
            why,
            at_ms: at / 1_000_000,
            owners: Vec::new(),
            master: false,
        };
        let value = json!({"do": "inject", "fault": number,
            "injections": [{"action": action, "targets": names}]});
        self.tell(at, planned.kind, value);
        self.faults.records.push(FaultRecord {
            name: planned.kind.name().to_owned(),
            text,
            targets: names,
            start_ms: at / 1_000_000,
            end_ms: at / 1_000_000,
            outcome,
            injections: vec![injection],
            partition: None,
            owned: Vec::new(),
            health_before,
            health_during: BTreeMap::new(),
            health_after: BTreeMap::new(),
        });
    }

    fn end_fault(&mut self, now: u64, number: usize) {
        if !self.faults.open.remove(&number) {
            return;
        }
        let kind = self.settings.faults[number].kind;
        let at = now.saturating_sub(self.origin);
        let health_during = self.health();
        let targets = self.faults.records[number].targets.clone();
        let of = |name: &String| self.settings.nodes.iter().position(|node| node == name);
        let targets: Vec<usize> = targets.iter().filter_map(of).collect();
        match kind {
            Kind::Kill => {
                for node in targets {
                    if self.nodes[node].is_down() {
                        self.start_node(now, node);
                    }
                }
            }
            Kind::Pause => {
                for node in targets {
                    if self.nodes[node].paused {
                        self.resume_node(now, node);
                    }
                }
            }
            Kind::Partition => self.network.heal(number),
        }
        self.tell(at, kind, json!({"do": "heal", "fault": number}));
        let health_after = self.health();
        let record = &mut self.faults.records[number];
        record.end_ms = at / 1_000_000;
        record.health_during = health_during;
        record.health_after = health_after;
    }

    /// The nodes that a fault is done to: of those to whom it can be done.
    fn choose(&self, planned: &Planned) -> Result<BTreeSet<usize>, String> {
        let suits = |node: &usize| {
            let node = &self.nodes[*node];
            match planned.kind {
                Kind::Partition => true,
                Kind::Kill => !node.is_down(),
                Kind::Pause => !node.is_down() && !node.paused,
            }
        };
        let suitable: Vec<usize> = (0..self.nodes.len()).filter(suits).collect();
        if suitable.is_empty() {
            return Err(format!("no node is left to {}", planned.kind.name()));
        }
        // How many is a matter of the whole cluster, not of those that are left.
        let count = self.nodes.len();
        let count = match planned.target {
            Target::Minority => (count.saturating_sub(1) / 2).max(1),
            Target::Majority => count / 2 + 1,
            Target::All => count,
            _ => 1,
        };
        let view = View {
            nodes: suitable
                .iter()
                .map(|node| self.settings.nodes[*node].clone())
                .collect(),
            ..View::default()
        };
        let mut chooser = Chooser::new(&view, &[], planned.seed);
        let target = if count >= suitable.len() {
            Target::All
        } else {
            planned.target
        };
        let mut chosen = chooser.choose(target)?;
        while chosen.len() > count {
            chosen.pop_last();
        }
        let place = |name: &String| self.settings.nodes.iter().position(|node| node == name);
        Ok(chosen.iter().filter_map(place).collect())
    }

    /// Cuts links; returns the shape, which is a split where the planned one would cut nothing.
    fn cut(&mut self, number: usize, planned: &Planned, targets: &[String]) -> Shape {
        let targets: BTreeSet<String> = targets.iter().cloned().collect();
        let nodes = &self.settings.nodes;
        let place = |end: &Endpoint| match end {
            Endpoint::Node(name) => nodes.iter().position(|node| node == name),
            Endpoint::Clients => None,
        };
        let links = |shape| -> BTreeSet<(usize, usize)> {
            let pairs = topology::cuts(shape, ClientAccess::Kept, nodes, &targets, planned.seed);
            pairs
                .iter()
                .filter_map(|(from, to)| Some((place(from)?, place(to)?)))
                .collect()
        };
        let mut shape = planned.shape.unwrap_or(Shape::Split);
        let mut cut = links(shape);
        if cut.is_empty() {
            shape = Shape::Split;
            cut = links(shape);
        }
        self.network.cut(number, cut);
        shape
    }

    fn tell(&mut self, at: u64, kind: Kind, value: serde_json::Value) {
        let event = Event::invoke(0, at, Process::Nemesis, kind.name());
        self.events.push(Event {
            kind: EventKind::Info,
            value,
            ..event
        });
    }
}

fn in_words(shape: Shape) -> &'static str {
    match shape {
        Shape::Split => "around",
        Shape::Deaf => "of what is sent to",
        Shape::Mute => "of what is sent by",
        Shape::MajorityRing => "into a majority ring, seen from",
        Shape::Bridge => "with the bridge",
        Shape::Apart => "between",
        Shape::Unanswered => "of answers by",
    }
}
