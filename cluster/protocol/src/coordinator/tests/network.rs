//! Coordinators in virtual time, with a network that can be cut and disks that take their time.
//! Every run checks what must always hold: one master per term, and one chain of committed tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::coordinator::{
    Birth, Coordinator, Event, Message, Note, Output, Refusal, Saved, Standing,
};
use crate::ids::{Epoch, Incarnation, Life, Lsn, NodeId, PartitionId, Position, Term, Ticket};
use crate::outcomes::OutcomeLimits;
use crate::replica::{Held, Trust};
use crate::rule::Rules;
use crate::settings::Settings;
use crate::table::{Assignment, Change, Identity, Member, Stamp, Table, What};
use crate::time::Time;

pub(super) const HEARTBEAT: Duration = Duration::from_millis(100);

/// The chances of a message, per thousand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weather {
    pub(super) lost: u64,
    pub(super) doubled: u64,
    /// Messages take up to this long on top of the normal time, so they overtake each other.
    pub(super) delay_max: Duration,
}

#[derive(Clone, Debug)]
enum Happening {
    Deliver {
        from: NodeId,
        to: NodeId,
        message: Message,
    },
    /// The write is done, unless the node crashed since.
    Written {
        node: NodeId,
        life: u32,
        ticket: Ticket,
        saved: Saved,
    },
    Holds {
        node: NodeId,
        life: u32,
    },
}

struct Node {
    member: Member,
    priority: u32,
    /// What is on its disk.
    saved: Saved,
    /// What runs, if it runs.
    running: Option<Coordinator>,
    /// Counts its starts.
    life: u32,
    /// What its replicas hold.
    held: BTreeMap<PartitionId, Held>,
    service: bool,
    committed: Option<Arc<Table>>,
    /// It belongs to no initial list: it asks these to be made a member.
    joins: Option<BTreeSet<NodeId>>,
}

impl Node {
    /// A node that was never started.
    fn new(id: NodeId, joins: Option<BTreeSet<NodeId>>) -> Self {
        Node {
            member: Member {
                id,
                name: format!("node-{}", id.0),
                client_address: String::new(),
                peer_address: String::new(),
            },
            priority: 0,
            saved: Saved::default(),
            running: None,
            life: 0,
            held: BTreeMap::new(),
            service: false,
            committed: None,
            joins,
        }
    }
}

pub(super) struct Cluster {
    pub(super) now: Time,
    settings: Settings,
    identity: Identity,
    nodes: BTreeMap<NodeId, Node>,
    queue: BTreeMap<(Time, u64), Happening>,
    happenings: u64,
    cut: BTreeSet<(NodeId, NodeId)>,
    pub(super) weather: Weather,
    random: u64,
    /// Who was master of which term.
    pub(super) masters: BTreeMap<Term, NodeId>,
    /// All tables that were ever committed.
    pub(super) chain: BTreeMap<Stamp, Arc<Table>>,
    configurations: BTreeMap<(PartitionId, Epoch), Assignment>,
    pub(super) notes: Vec<(Time, NodeId, Note)>,
    /// Those that stopped in order.
    pub(super) stopped: Vec<NodeId>,
    /// Messages of elections: questions, challenges and the answers to them.
    pub(super) election_messages: u64,
}

pub(super) fn node(n: u32) -> NodeId {
    NodeId(n)
}

impl Cluster {
    /// `nodes` empty nodes, numbered from 1, all of which know each other.
    pub(super) fn new(nodes: u32, seed: u64) -> Self {
        Cluster::with_rules(nodes, seed, Rules::sound())
    }

    pub(super) fn with_rules(nodes: u32, seed: u64, rules: Rules) -> Self {
        let settings = Settings {
            rules,
            ..Settings::with_heartbeat(HEARTBEAT)
        };
        Cluster::with_settings(nodes, seed, settings)
    }

    pub(super) fn with_settings(nodes: u32, seed: u64, settings: Settings) -> Self {
        let identity = Identity {
            cluster: "test".to_owned(),
            partitions: 6,
            replicas: 3,
            outcomes: OutcomeLimits::default(),
        };
        let mut cluster = Cluster {
            now: Time(1_000_000_000),
            settings,
            identity,
            nodes: BTreeMap::new(),
            queue: BTreeMap::new(),
            happenings: 0,
            cut: BTreeSet::new(),
            weather: Weather::default(),
            random: seed,
            masters: BTreeMap::new(),
            chain: BTreeMap::new(),
            configurations: BTreeMap::new(),
            notes: Vec::new(),
            stopped: Vec::new(),
            election_messages: 0,
        };
        for id in (1..=nodes).map(NodeId) {
            cluster.nodes.insert(id, Node::new(id, None));
        }
        for n in 1..=nodes {
            cluster.start(NodeId(n));
        }
        cluster
    }

    /// A cluster that is born and serves.
    pub(super) fn born(nodes: u32, seed: u64) -> Self {
        let mut cluster = Cluster::new(nodes, seed);
        cluster.run_until("birth", Cluster::all_serve);
        cluster
    }

    pub(super) fn ids(&self) -> Vec<NodeId> {
        self.nodes.keys().copied().collect()
    }

    // ---- verbs

    pub(super) fn kill(&mut self, id: NodeId) {
        let node = self.node(id);
        node.running = None;
        node.service = false;
        node.committed = None;
        node.life += 1;
    }

    pub(super) fn start(&mut self, id: NodeId) {
        if let Some(through) = self.node(id).joins.clone() {
            self.start_with_roster(id, BTreeMap::new());
            if self.node(id).saved.accepted.is_none() {
                self.hand(id, Event::Join { through });
            }
            return;
        }
        let members: BTreeMap<NodeId, Member> = self
            .nodes
            .iter()
            .filter(|(_, node)| node.joins.is_none())
            .map(|(id, node)| (*id, node.member.clone()))
            .collect();
        self.start_with_roster(id, members);
    }

    /// A new node starts, and asks `through` to be made a member.
    pub(super) fn join(&mut self, id: NodeId, through: &[NodeId]) {
        let joins = through.iter().copied().collect();
        self.nodes.insert(id, Node::new(id, Some(joins)));
        self.start(id);
    }

    /// Somebody asks the node `at` to see to it that `id` is a member no longer.
    pub(super) fn remove(&mut self, at: NodeId, id: NodeId) {
        self.hand(at, Event::Remove(id));
    }

    /// The owners bring in sync whom the master named, as far as those run.
    pub(super) fn catch_up(&mut self) {
        let table = self.newest().clone();
        for (partition, assignment) in (0..).zip(&table.partitions) {
            for node in &assignment.catch_ups {
                let what = What::Grow(*node, Incarnation(0));
                self.ask(assignment.owner, partition, assignment.epoch, what);
            }
        }
    }

    pub(super) fn start_with_roster(&mut self, id: NodeId, members: BTreeMap<NodeId, Member>) {
        let (settings, now, seed) = (self.settings, self.now, self.draw());
        let birth = Birth {
            identity: self.identity.clone(),
            members,
        };
        let node = self.node(id);
        assert!(node.running.is_none(), "{id:?} runs");
        node.life += 1;
        node.running = Some(Coordinator::new(
            settings,
            node.member.clone(),
            node.priority,
            birth,
            node.saved.clone(),
            Life {
                counter: u64::from(node.life),
                nonce: u128::from(seed),
            },
            seed,
            now,
        ));
        let life = node.life;
        self.at(self.now, Happening::Holds { node: id, life });
    }

    pub(super) fn restart(&mut self, id: NodeId) {
        self.kill(id);
        self.start(id);
    }

    /// Its data are gone, and it is a node that nobody knows.
    pub(super) fn wipe(&mut self, id: NodeId, new: NodeId) {
        self.kill(id);
        let mut node = self.nodes.remove(&id).expect("is there");
        node.member.id = new;
        node.saved = Saved::default();
        node.held.clear();
        self.nodes.insert(new, node);
    }

    pub(super) fn rename_cluster_of(&mut self, id: NodeId, name: &str) {
        let before = std::mem::replace(&mut self.identity.cluster, name.to_owned());
        self.kill(id);
        self.start(id);
        self.identity.cluster = before;
    }

    pub(super) fn set_priority(&mut self, id: NodeId, priority: u32) {
        self.node(id).priority = priority;
        self.restart(id);
    }

    /// Nothing passes from `from` to `to` any more.
    pub(super) fn cut_one_way(&mut self, from: NodeId, to: NodeId) {
        self.cut.insert((from, to));
    }

    pub(super) fn cut(&mut self, a: NodeId, b: NodeId) {
        self.cut_one_way(a, b);
        self.cut_one_way(b, a);
    }

    pub(super) fn isolate(&mut self, id: NodeId) {
        for other in self.ids() {
            if other != id {
                self.cut(id, other);
            }
        }
    }

    pub(super) fn heal(&mut self) {
        self.cut.clear();
    }

    /// Unclean restart: the node's data may have lost something (rule R5).
    pub(super) fn spoil(&mut self, id: NodeId) {
        for held in self.node(id).held.values_mut() {
            held.incarnation = held.incarnation.next();
        }
    }

    pub(super) fn set_held(&mut self, id: NodeId, partition: PartitionId, epoch: u64, end: u64) {
        let held = self.node(id).held.entry(partition).or_insert(Held {
            partition,
            incarnation: Incarnation(0),
            log_epoch: Epoch(0),
            end: Position::default(),
            trust: Trust::Confirmed,
            epoch: Epoch(0),
        });
        held.log_epoch = Epoch(epoch);
        held.end = at(epoch, end);
    }

    /// All nodes say that they hold all partitions.
    pub(super) fn report_all(&mut self) {
        for id in self.ids() {
            for partition in 0..self.identity.partitions {
                self.set_held(id, PartitionId(partition), 1, 5);
            }
        }
    }

    pub(super) fn ask(&mut self, id: NodeId, partition: u16, base: Epoch, what: What) {
        let change = Change {
            partition: PartitionId(partition),
            base,
            what,
        };
        self.hand(id, Event::Ask(change));
    }

    // ---- time

    pub(super) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.now = end;
    }

    /// Runs until `reached`, and says how long it took.
    pub(super) fn run_until(&mut self, what: &str, reached: impl Fn(&Cluster) -> bool) -> Duration {
        let (start, end) = (self.now, self.now + HEARTBEAT * 200);
        while !reached(self) {
            assert!(
                self.step(end),
                "no {what} within {:?}\n{self:#?}",
                HEARTBEAT * 200
            );
        }
        self.now.since(start)
    }

    fn step(&mut self, end: Time) -> bool {
        let timer = self
            .nodes
            .iter()
            .filter_map(|(id, node)| Some((node.running.as_ref()?.deadline()?, *id)))
            .min();
        let queued = self.queue.keys().next().copied();
        let next_timer = timer.map_or(Time::MAX, |(at, _)| at);
        let next_queued = queued.map_or(Time::MAX, |(at, _)| at);
        let next = next_timer.min(next_queued);
        if next > end {
            return false;
        }
        self.now = self.now.max(next);
        if next_queued <= next_timer {
            let (_, happening) = self.queue.pop_first().expect("there is one");
            self.happen(happening);
        } else if let Some((_, id)) = timer {
            self.hand(id, Event::Tick);
        }
        true
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Deliver { from, to, message } => {
                self.hand(to, Event::Message { from, message });
            }
            Happening::Written {
                node,
                life,
                ticket,
                saved,
            } => {
                if self.nodes.get(&node).is_some_and(|n| n.life == life) {
                    self.node(node).saved = saved;
                    self.hand(node, Event::Saved(ticket));
                }
            }
            Happening::Holds { node, life } => {
                let Some(n) = self.nodes.get(&node) else {
                    return;
                };
                if n.life == life {
                    let told = |partition| match &n.committed {
                        Some(table) => table.assignment(partition).epoch,
                        None => Epoch(0),
                    };
                    let held = n.held.values().map(|held| Held {
                        epoch: told(held.partition),
                        ..*held
                    });
                    let held = held.collect();
                    self.hand(node, Event::Holds(held));
                    let at = self.now + self.settings.heartbeat;
                    self.at(at, Happening::Holds { node, life });
                }
            }
        }
    }

    fn at(&mut self, time: Time, happening: Happening) {
        self.happenings += 1;
        self.queue.insert((time, self.happenings), happening);
    }

    pub(super) fn hand(&mut self, id: NodeId, event: Event) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        let Some(coordinator) = &mut node.running else {
            return;
        };
        let mut out = Vec::new();
        let ticked = event == Event::Tick;
        coordinator.handle(now, event, &mut out);
        if ticked {
            assert!(
                coordinator.deadline().is_none_or(|deadline| deadline > now),
                "a tick changes the deadline: {coordinator:#?}"
            );
        }
        for output in out {
            self.carry_out(id, output);
        }
    }

    fn carry_out(&mut self, id: NodeId, output: Output) {
        match output {
            Output::Save { ticket, saved } => {
                let at = self.now + Duration::from_micros(300);
                let life = self.node(id).life;
                let written = Happening::Written {
                    node: id,
                    life,
                    ticket,
                    saved,
                };
                self.at(at, written);
            }
            Output::Send { to, message } => self.transmit(id, to, &message),
            Output::Committed(table) => self.committed(id, table),
            Output::Service(service) => self.node(id).service = service,
            // Its replicas have everything at once.
            Output::HandOver(wishes) => {
                for wish in wishes {
                    let what = What::HandOver(wish.to);
                    self.ask(id, wish.partition.0, wish.epoch, what);
                }
            }
            Output::MayStop => {
                self.stopped.push(id);
                self.kill(id);
            }
            Output::Note(note) => {
                if let Note::BecameMaster { term, .. } = note {
                    let other = self.masters.insert(term, id);
                    assert!(
                        other.is_none(),
                        "{other:?} and {id:?} are masters of {term:?}"
                    );
                }
                self.notes.push((self.now, id, note));
            }
        }
    }

    fn transmit(&mut self, from: NodeId, to: NodeId, message: &Message) {
        if !matches!(
            message,
            Message::Heartbeat { .. } | Message::HeartbeatAck { .. } | Message::Change(_)
        ) {
            self.election_messages += 1;
        }
        if self.cut.contains(&(from, to)) {
            return;
        }
        if self.draw() % 1000 < self.weather.lost {
            return;
        }
        let copies = 1 + u32::from(self.draw() % 1000 < self.weather.doubled);
        for _ in 0..copies {
            let jitter = self.draw() % (self.weather.delay_max.as_nanos() as u64 + 100_000);
            let at = self.now + Duration::from_micros(500) + Duration::from_nanos(jitter);
            let message = message.clone();
            self.at(at, Happening::Deliver { from, to, message });
        }
    }

    /// Invariant table-chain, and what rule M4 demands of each step from epoch to epoch.
    fn committed(&mut self, id: NodeId, table: Arc<Table>) {
        assert!(table.born, "roles follow born tables only");
        let before = self.chain.insert(table.stamp, table.clone());
        if let Some(before) = before {
            assert_eq!(before, table, "two committed tables of one stamp");
        }
        for (partition, assignment) in (0..).map(PartitionId).zip(&table.partitions) {
            let bare = Assignment {
                catch_ups: BTreeSet::new(),
                witnesses: BTreeMap::new(),
                ..assignment.clone()
            };
            let key = (partition, assignment.epoch);
            let before = self.configurations.entry(key).or_insert(bare.clone());
            assert_eq!(
                *before, bare,
                "{partition:?} has two configurations in one epoch"
            );
            // The replicas of the new configuration hold data from now on.
            if assignment.in_sync.contains_key(&id) {
                let end = assignment.epoch.0;
                let node = self.nodes.get_mut(&id).expect("is there");
                let held = node.held.entry(partition).or_insert(Held {
                    partition,
                    incarnation: assignment.in_sync[&id],
                    log_epoch: assignment.epoch,
                    end: at(end, end),
                    trust: Trust::Confirmed,
                    epoch: Epoch(0),
                });
                if held.incarnation == assignment.in_sync[&id] {
                    held.log_epoch = held.log_epoch.max(assignment.epoch);
                    held.end = held.end.max(at(end, end));
                }
            }
        }
        let node = self.node(id);
        if let Some(before) = &node.committed {
            assert!(
                before.stamp < table.stamp,
                "{id:?} was given an older table"
            );
            for (old, new) in before.partitions.iter().zip(&table.partitions) {
                assert!(old.epoch <= new.epoch, "an epoch went back");
            }
        }
        node.committed = Some(table);
        self.check_chain();
    }

    /// In the order of stamps epochs never go back, and no step adds whom no owner asked for.
    fn check_chain(&self) {
        let tables: Vec<_> = self.chain.values().collect();
        for pair in tables.windows(2) {
            for (old, new) in pair[0].partitions.iter().zip(&pair[1].partitions) {
                assert!(old.epoch <= new.epoch, "an epoch went back: {pair:#?}");
                if new.epoch == old.epoch.next() && new.owner != old.owner {
                    let mut clean = old.in_sync.keys().chain(old.witnesses.keys());
                    assert!(clean.any(|node| *node == new.owner), "unclean: {pair:#?}");
                }
            }
        }
    }

    // ---- what can be seen

    fn node(&mut self, id: NodeId) -> &mut Node {
        self.nodes.get_mut(&id).expect("is there")
    }

    pub(super) fn member(&self, id: NodeId) -> Member {
        self.nodes[&id].member.clone()
    }

    pub(super) fn running(&self, id: NodeId) -> Option<&Coordinator> {
        self.nodes[&id].running.as_ref()
    }

    pub(super) fn saved(&self, id: NodeId) -> &Saved {
        &self.nodes[&id].saved
    }

    pub(super) fn serves(&self, id: NodeId) -> bool {
        self.nodes[&id].service
    }

    pub(super) fn table(&self, id: NodeId) -> Option<&Arc<Table>> {
        self.nodes[&id].committed.as_ref()
    }

    pub(super) fn all_serve(&self) -> bool {
        self.nodes.keys().all(|id| self.serves(*id))
    }

    /// The master of the highest term, if it runs and a majority follows it.
    pub(super) fn master(&self) -> Option<NodeId> {
        let follows = |id: &NodeId, master: NodeId| {
            let running = self.running(*id);
            running.is_some_and(|node| node.master() == Some(master))
        };
        let standing = |id: &&NodeId| {
            let running = self.running(**id);
            running.is_some_and(|node| node.standing() == Standing::Master)
        };
        let master = self
            .nodes
            .keys()
            .filter(standing)
            .max_by_key(|id| self.running(**id).map(Coordinator::term))
            .copied()?;
        let followers = self.nodes.keys().filter(|id| follows(id, master)).count();
        (followers > self.nodes.len() / 2).then_some(master)
    }

    pub(super) fn agreed_on_table(&self) -> bool {
        let stamps: BTreeSet<_> = self
            .nodes
            .values()
            .map(|node| node.committed.as_ref().map(|table| table.stamp))
            .collect();
        stamps.len() == 1
    }

    pub(super) fn newest(&self) -> &Arc<Table> {
        self.chain
            .values()
            .next_back()
            .expect("a table is committed")
    }

    pub(super) fn refusals(&self) -> Vec<(NodeId, Refusal)> {
        let refused = |(_, id, note): &(Time, NodeId, Note)| match note {
            Note::TableRefused { why, .. } => Some((*id, why.clone())),
            _ => None,
        };
        self.notes.iter().filter_map(refused).collect()
    }

    pub(super) fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "now {:?}, cut {:?}", self.now, self.cut)?;
        for (id, node) in &self.nodes {
            let Some(running) = &node.running else {
                writeln!(f, "{id:?} is down, saved {:?}", node.saved.term)?;
                continue;
            };
            writeln!(
                f,
                "{id:?} {:?} {:?}, accepted {:?}, committed {:?}, serves {}",
                running.term(),
                running.standing(),
                running.accepted().map(|table| (table.stamp, table.born)),
                running.committed().map(|table| table.stamp),
                node.service,
            )?;
        }
        let last = self.notes.len().saturating_sub(30);
        for (at, id, note) in &self.notes[last..] {
            writeln!(f, "{at:?} {id:?} {note:?}")?;
        }
        Ok(())
    }
}

fn at(epoch: u64, lsn: u64) -> Position {
    Position {
        epoch: Epoch(epoch),
        lsn: Lsn(lsn),
    }
}
