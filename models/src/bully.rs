//! How an election grows with the number of nodes (requirement A2): coordinators alone, all of which
//! have missed their master, in virtual time. What must hold is checked elsewhere; this measures.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use kensho_protocol::coordinator::{
    Birth, Coordinator, Event, Message, Note, Output, Saved, Standing,
};
use kensho_protocol::ids::{Life, NodeId, Revision, Term};
use kensho_protocol::outcomes::OutcomeLimits;
use kensho_protocol::settings::{Levelling, Settings};
use kensho_protocol::table::{Identity, Member, Stamp, Table};
use kensho_protocol::time::Time;

use crate::random::{Random, Stream};

const HEARTBEAT: Duration = Duration::from_millis(100);
/// A message takes between half of this and one and a half times this.
const DELAY_NS: u64 = 1_000_000;
/// An election that has not ended by then counts as one that never ends.
const LIMIT: Duration = Duration::from_secs(60);

/// The circumstances of an election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circumstances {
    /// Members of the cluster.
    pub nodes: u32,
    /// How many of them are dead.
    pub dead: u32,
    /// Of a million messages, so many get lost.
    pub lost_per_million: u32,
}

impl Circumstances {
    /// All nodes live, and nothing gets lost.
    #[must_use]
    pub fn calm(nodes: u32) -> Self {
        Circumstances {
            nodes,
            dead: 0,
            lost_per_million: 0,
        }
    }

    /// As many nodes are dead as a cluster survives: a bare majority lives.
    #[must_use]
    pub fn half_dead(nodes: u32) -> Self {
        Circumstances {
            dead: (nodes - 1) / 2,
            ..Circumstances::calm(nodes)
        }
    }

    /// Five messages of a hundred get lost.
    #[must_use]
    pub fn lossy(nodes: u32) -> Self {
        Circumstances {
            lost_per_million: 50_000,
            ..Circumstances::calm(nodes)
        }
    }
}

/// What an election took, from the first question until all living nodes follow the new master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Election {
    /// How many nodes the winner contacted, one after the other.
    pub rounds: u32,
    /// How many terms were begun; the last one was won.
    pub terms: u64,
    /// Messages of the tournament: challenges and the answers to them.
    pub contest_messages: u64,
    /// All messages but heartbeats: also the questions whether the master was missed, the answers,
    /// and the opening of the term.
    pub messages: u64,
    /// From the first question until somebody had won.
    pub took: Duration,
}

/// Lets the living nodes of a cluster elect a master; `None` if they did not within a minute of
/// virtual time.
#[must_use]
pub fn elect(circumstances: Circumstances, seed: u64) -> Option<Election> {
    let mut world = World::new(circumstances, seed);
    let mut won = None;
    while let Some(now) = world.step() {
        if now.since(Time(0)) > LIMIT {
            return None;
        }
        if let (Some((time, rounds)), true) = (world.won, world.all_follow()) {
            won = Some((time, rounds));
            break;
        }
    }
    let (time, rounds) = won?;
    Some(Election {
        rounds,
        terms: world.highest.0 - 1,
        contest_messages: world.contest_messages,
        messages: world.messages,
        took: time.since(world.first_question.unwrap_or(time)),
    })
}

struct Delivery {
    from: NodeId,
    to: NodeId,
    message: Message,
}

struct World {
    nodes: BTreeMap<NodeId, Coordinator>,
    /// When each node wants to be woken; entries that are no longer right are skipped.
    alarms: BinaryHeap<Reverse<(Time, NodeId)>>,
    order: BinaryHeap<Reverse<(Time, usize)>>,
    deliveries: Vec<Option<Delivery>>,
    random: Random,
    lost_per_million: u32,
    followers: u32,
    outputs: Vec<Output>,
    first_question: Option<Time>,
    won: Option<(Time, u32)>,
    highest: Term,
    contest_messages: u64,
    messages: u64,
}

impl World {
    fn new(circumstances: Circumstances, seed: u64) -> Self {
        let settings = Settings::with_heartbeat(HEARTBEAT);
        let table = Arc::new(table_of(circumstances.nodes));
        let saved = Saved {
            term: table.stamp.term,
            accepted: Some(Arc::clone(&table)),
        };
        let mut world = World {
            nodes: BTreeMap::new(),
            alarms: BinaryHeap::new(),
            order: BinaryHeap::new(),
            deliveries: Vec::new(),
            random: Random::new(seed, Stream::Network),
            lost_per_million: circumstances.lost_per_million,
            followers: 0,
            outputs: Vec::new(),
            first_question: None,
            won: None,
            highest: table.stamp.term,
            contest_messages: 0,
            messages: 0,
        };
        let mut living: Vec<&Member> = table.members.values().collect();
        let mut nemesis = Random::new(seed, Stream::Nemesis);
        for _ in 0..circumstances.dead {
            living.swap_remove(nemesis.index(living.len()));
        }
        for member in living {
            let birth = Birth {
                identity: table.identity.clone(),
                members: BTreeMap::new(),
            };
            let node = Coordinator::new(
                settings,
                member.clone(),
                0,
                birth,
                saved.clone(),
                Life::default(),
                seed,
                Time(0),
            );
            if let Some(deadline) = node.deadline() {
                world.alarms.push(Reverse((deadline, member.id)));
            }
            world.nodes.insert(member.id, node);
        }
        world
    }

    /// Lets the next thing happen, and says when it did.
    fn step(&mut self) -> Option<Time> {
        let alarm = self.alarms.peek().map(|Reverse((time, _))| *time);
        let delivery = self.order.peek().map(|Reverse((time, _))| *time);
        if delivery.is_some_and(|at| alarm.is_none_or(|alarm| at <= alarm)) {
            let Reverse((now, index)) = self.order.pop()?;
            let Delivery { from, to, message } = self.deliveries[index].take()?;
            self.handle(now, to, Event::Message { from, message });
            return Some(now);
        }
        let Reverse((now, id)) = self.alarms.pop()?;
        let due = self.nodes[&id].deadline().is_some_and(|due| due <= now);
        if due {
            self.handle(now, id, Event::Tick);
        }
        Some(now)
    }

    fn handle(&mut self, now: Time, id: NodeId, event: Event) {
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        let followed = matches!(node.standing(), Standing::Follower(_));
        let alarm = node.deadline();
        let mut outputs = std::mem::take(&mut self.outputs);
        node.handle(now, event, &mut outputs);
        let mut done = 0;
        while done < outputs.len() {
            // Disks take no time here.
            if let Output::Save { ticket, .. } = outputs[done] {
                node.handle(now, Event::Saved(ticket), &mut outputs);
            }
            done += 1;
        }
        self.highest = self.highest.max(node.term());
        let follows = matches!(node.standing(), Standing::Follower(_));
        self.followers += u32::from(follows);
        self.followers -= u32::from(followed);
        if let Some(deadline) = node.deadline().filter(|_| node.deadline() != alarm) {
            self.alarms.push(Reverse((deadline.max(now), id)));
        } else if let Some(deadline) = alarm.filter(|alarm| *alarm <= now) {
            self.alarms.push(Reverse((deadline.max(now), id)));
        }
        for output in outputs.drain(..) {
            match output {
                Output::Send { to, message } => self.send(now, id, to, message),
                Output::Note(Note::BecameMaster { rounds, .. }) => self.won = Some((now, rounds)),
                _ => {}
            }
        }
        self.outputs = outputs;
    }

    fn send(&mut self, now: Time, from: NodeId, to: NodeId, message: Message) {
        match message {
            Message::Challenge { .. } | Message::Yield { .. } | Message::Redirect { .. } => {
                self.contest_messages += 1;
                self.messages += 1;
            }
            Message::Missed(_)
            | Message::MissedAnswer { .. }
            | Message::Begin { .. }
            | Message::HigherTerm { .. } => {
                self.first_question.get_or_insert(now);
                self.messages += 1;
            }
            Message::Heartbeat { .. }
            | Message::HeartbeatAck { .. }
            | Message::Change(_)
            | Message::Join { .. }
            | Message::Remove(_)
            | Message::Dismissed(_)
            | Message::NotTaken(_)
            | Message::Recall { .. }
            | Message::Recalled { .. }
            | Message::Goodbye { .. }
            | Message::NobodyListens { .. }
            | Message::Parting { .. }
            | Message::Wishes { .. }
            | Message::Level(_)
            | Message::Move { .. }
            | Message::Room { .. } => {}
        }
        if self.random.chance(self.lost_per_million) {
            return;
        }
        let delay = Duration::from_nanos(self.random.between(DELAY_NS / 2, DELAY_NS * 3 / 2));
        self.order
            .push(Reverse((now + delay, self.deliveries.len())));
        self.deliveries.push(Some(Delivery { from, to, message }));
    }

    /// Whether the living nodes have a master, and all others follow it.
    fn all_follow(&self) -> bool {
        self.followers as usize + 1 == self.nodes.len()
            && self
                .nodes
                .values()
                .any(|n| n.standing() == Standing::Master)
    }
}

/// The table of a born cluster whose master is gone.
fn table_of(nodes: u32) -> Table {
    let members = (1..=nodes).map(|n| Member {
        id: NodeId(n),
        name: String::new(),
        client_address: String::new(),
        peer_address: String::new(),
    });
    Table {
        stamp: Stamp {
            term: Term(1),
            revision: Revision(1),
            life: Life::default(),
        },
        born: true,
        identity: Identity {
            cluster: "bully".to_owned(),
            partitions: 0,
            replicas: 1,
            outcomes: OutcomeLimits::default(),
        },
        members: members.map(|member| (member.id, member)).collect(),
        partitions: Vec::new(),
        levelling: Levelling::paused(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(circumstances: Circumstances, figure: impl Fn(&Election) -> f64) -> f64 {
        let elections: Vec<Election> = (0..20)
            .map(|seed| elect(circumstances, seed).expect("a majority lives"))
            .collect();
        elections.iter().map(figure).sum::<f64>() / elections.len() as f64
    }

    #[test]
    fn the_same_seed_is_the_same_election() {
        let lossy = Circumstances::lossy(16);
        assert_eq!(elect(lossy, 3), elect(lossy, 3));
        assert_ne!(elect(lossy, 3), elect(lossy, 4));
    }

    #[test]
    fn rounds_follow_the_logarithm_and_messages_the_number_of_nodes() {
        let rounds = |nodes| mean(Circumstances::calm(nodes), |e| f64::from(e.rounds));
        let (few, many) = (rounds(8), rounds(128));
        // Sixteen times the nodes are four doublings.
        assert!(many - few < 4.0 * 2.0, "{few} rounds of 8, {many} of 128");
        let messages = |nodes| mean(Circumstances::calm(nodes), |e| e.messages as f64);
        let ratio = messages(128) / messages(8);
        assert!(ratio < 16.0 * 1.5, "{ratio} times the messages");
    }

    #[test]
    fn a_bare_majority_elects_and_less_does_not() {
        let bare = Circumstances::half_dead(9);
        assert!(elect(bare, 1).is_some());
        let fewer = Circumstances {
            dead: bare.dead + 1,
            ..bare
        };
        assert!(elect(fewer, 1).is_none());
    }
}
