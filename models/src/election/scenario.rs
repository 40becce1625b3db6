//! The configurations that are explored. Each is small, and has in it what one group of rules is
//! about.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kensho_protocol::coordinator::{Birth, Coordinator, Event, Message, Saved};
use kensho_protocol::ids::{
    Epoch, Incarnation, Life, Lsn, NodeId, PartitionId, Position, Revision, Term, Ticket,
};
use kensho_protocol::outcomes::OutcomeLimits;
use kensho_protocol::replica::{Held, Trust};
use kensho_protocol::rule::Rules;
use kensho_protocol::settings::{Levelling, Settings};
use kensho_protocol::table::{Assignment, Identity, Member, Stamp, Table};
use kensho_protocol::time::Time;

use super::invariants::Witness;
use super::sight::Sights;
use super::state::{Node, State};
use super::step;
use crate::shared::Shared;
use crate::world::table_service::FIRST_LIFE;

/// Where all clocks stand in every state.
pub(super) const ORIGIN: Time = Time(1_000_000_000_000);
pub(super) const HEARTBEAT: Duration = Duration::from_secs(1);

/// How often things may still happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Crashes with a restart.
    pub restarts: u8,
    /// Restarts after which data may be lacking.
    pub unclean_restarts: u8,
    /// Messages that arrive twice.
    pub duplicates: u8,
    /// Deadlines that are noticed.
    pub ticks: u8,
    /// Deadlines that are noticed late.
    pub pauses: u8,
    /// Changes that owners ask for.
    pub asks: u8,
    /// Nodes that ask to be made members.
    pub joins: u8,
    /// Members that are to be members no longer.
    pub removals: u8,
    /// Partitions that a person wishes another node to own.
    pub moves: u8,
}

impl Budget {
    /// Nothing but messages and terms.
    pub const NONE: Budget = Budget {
        restarts: 0,
        unclean_restarts: 0,
        duplicates: 0,
        ticks: 0,
        pauses: 0,
        asks: 0,
        joins: 0,
        removals: 0,
        moves: 0,
    };
}

/// When a write is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// At once: a crash falls between two events.
    AtOnce,
    /// At some later time, in order: a crash loses those that are not done.
    Later,
}

/// Whose deadlines may come. Where a node has none, whatever a deadline would bring about is either
/// chosen freely or left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timers {
    /// Candidates give up waiting for an answer.
    Candidates,
    /// The same, and masters send heartbeats and count nodes as failed.
    Masters,
    /// This node misses the master, and asks the others whether they do. No term is begun otherwise.
    Questions(NodeId),
}

/// What a model begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// Nobody has a table; all know the initial list (rule M5).
    Birth,
    /// All nodes just started, and found this on their disks: the first table's configuration of the
    /// one partition in revision 2, and for the nodes named here a newer one in revision 3.
    Restarted {
        /// Those that have accepted one more table: a majority of them has committed it.
        ahead: Vec<BTreeSet<NodeId>>,
    },
    /// The strongest node is master, and everybody knows its table. The one partition has the
    /// configuration of one of these.
    Settled(Vec<Assignment>),
}

/// A model of election and table register.
#[derive(Clone, Debug)]
pub struct Election {
    /// What it begins with.
    pub scenario: Scenario,
    /// How many nodes, numbered from 1; later ones are stronger.
    pub nodes: u32,
    /// How many of them, the last ones, are no members at first. (All are where there is a birth.)
    pub outside: u32,
    /// No node begins a term above this one. Nodes that just started are in term 1, settled ones in
    /// term 2.
    pub term_max: Term,
    /// How often things may happen.
    pub budget: Budget,
    /// When writes are done.
    pub writes: Writes,
    /// Whose deadlines may come.
    pub timers: Timers,
    /// Whether anybody may ask for a change of a partition, not only its owner.
    pub strangers_ask: bool,
    /// How many nodes should hold the partition, if there are so many.
    pub replicas: u32,
    /// Which rules hold.
    pub rules: Rules,
    /// What was seen while exploring.
    pub sights: Arc<Sights>,
}

pub(crate) fn all(nodes: u32) -> BTreeSet<NodeId> {
    (1..=nodes).map(NodeId).collect()
}

/// The configuration of the first epoch with these nodes in sync, the first of them as owner.
pub(super) fn first(in_sync: &[u32], catch_ups: &[u32]) -> Assignment {
    Assignment {
        epoch: Epoch(1),
        owner: NodeId(in_sync[0]),
        in_sync: in_sync.iter().map(|n| (NodeId(*n), FIRST_LIFE)).collect(),
        catch_ups: catch_ups.iter().map(|n| NodeId(*n)).collect(),
        witnesses: BTreeMap::new(),
    }
}

impl Election {
    /// The tournament and what a new master does first: rules M1 and M2, with crashes between
    /// events.
    #[must_use]
    pub fn tournament() -> Self {
        Election {
            scenario: Scenario::Restarted {
                ahead: vec![BTreeSet::new()],
            },
            nodes: 3,
            outside: 0,
            term_max: Term(2),
            budget: Budget {
                restarts: 1,
                duplicates: 1,
                ticks: 1,
                ..Budget::default()
            },
            writes: Writes::AtOnce,
            timers: Timers::Candidates,
            strangers_ask: false,
            replicas: 3,
            rules: Rules::sound(),
            sights: Arc::default(),
        }
    }

    /// Tables that only some have accepted, and masters that follow each other: rule M2.
    #[must_use]
    pub fn register() -> Self {
        Election {
            scenario: Scenario::Restarted {
                ahead: vec![
                    BTreeSet::from([NodeId(1)]),
                    BTreeSet::from([NodeId(1), NodeId(2)]),
                ],
            },
            budget: Budget::default(),
            term_max: Term(3),
            ..Election::tournament()
        }
    }

    /// A crash loses what was not written: rules M1 and M2.
    #[must_use]
    pub fn lost_writes() -> Self {
        Election {
            writes: Writes::Later,
            budget: Budget {
                restarts: 1,
                ..Budget::default()
            },
            ..Election::tournament()
        }
    }

    /// Owners' changes and failovers under one master: rules M3 and M4.
    #[must_use]
    pub fn changes() -> Self {
        Election {
            scenario: Scenario::Settled(vec![first(&[2, 1], &[]), first(&[2], &[1])]),
            term_max: Term(2),
            budget: Budget {
                duplicates: 1,
                ticks: 1,
                pauses: 1,
                asks: 2,
                ..Budget::default()
            },
            timers: Timers::Masters,
            ..Election::tournament()
        }
    }

    /// A change of the table under one master meets the election of the next: rules M1 to M3.
    #[must_use]
    pub fn handover() -> Self {
        Election {
            scenario: Scenario::Settled(vec![first(&[2, 1], &[])]),
            term_max: Term(3),
            budget: Budget {
                asks: 1,
                restarts: 1,
                ..Budget::default()
            },
            ..Election::tournament()
        }
    }

    /// Data that may have lost something: rules M4 and R5.
    #[must_use]
    pub fn unclean() -> Self {
        Election {
            scenario: Scenario::Settled(vec![first(&[2, 1], &[])]),
            budget: Budget {
                unclean_restarts: 1,
                ticks: 1,
                pauses: 1,
                ..Budget::default()
            },
            ..Election::changes()
        }
    }

    /// A new master finds that of an in-sync set one node may have lost something, and the other is
    /// silent: rule R5.
    #[must_use]
    pub fn survivors() -> Self {
        Election {
            budget: Budget {
                unclean_restarts: 1,
                ticks: 1,
                pauses: 1,
                ..Budget::default()
            },
            timers: Timers::Masters,
            ..Election::tournament()
        }
    }

    /// Changes for which anybody may ask. No correct node does so: since an epoch belongs to
    /// one owner, who names the present epoch and takes itself for the owner is the owner.
    #[must_use]
    pub fn strangers() -> Self {
        Election {
            strangers_ask: true,
            ..Election::changes()
        }
    }

    /// One node's clock runs ahead, or its link is broken: rule M1, "no disturbance". Nothing else
    /// fails.
    #[must_use]
    pub fn disturbance() -> Self {
        Election {
            scenario: Scenario::Settled(vec![first(&[2, 1], &[])]),
            term_max: Term(3),
            budget: Budget {
                ticks: 4,
                ..Budget::default()
            },
            timers: Timers::Questions(NodeId(2)),
            ..Election::tournament()
        }
    }

    /// A node joins while masters follow each other: rule M2.
    #[must_use]
    pub fn joining() -> Self {
        Election {
            scenario: Scenario::Settled(vec![first(&[2], &[])]),
            outside: 1,
            term_max: Term(3),
            budget: Budget {
                joins: 1,
                restarts: 1,
                ..Budget::default()
            },
            ..Election::tournament()
        }
    }

    /// A node alone gets company: rule M2. One that counts by the members before would count itself.
    #[must_use]
    pub fn company() -> Self {
        Election {
            scenario: Scenario::Settled(vec![first(&[1], &[])]),
            nodes: 2,
            ..Election::joining()
        }
    }

    /// Members leave while masters follow each other: rule M2. The first master has the data.
    #[must_use]
    pub fn leaving() -> Self {
        Election {
            scenario: Scenario::Settled(vec![first(&[3], &[])]),
            term_max: Term(3),
            budget: Budget {
                removals: 2,
                ..Budget::default()
            },
            ..Election::tournament()
        }
    }

    /// The same, but another member than the first master has the data, so that the master can leave.
    #[must_use]
    pub fn resigning() -> Self {
        Election {
            scenario: Scenario::Settled(vec![first(&[2], &[])]),
            ..Election::leaving()
        }
    }

    /// A node joins and another one leaves, of more members: rule M2.
    #[must_use]
    pub fn membership() -> Self {
        Election {
            scenario: Scenario::Settled(vec![first(&[3], &[])]),
            nodes: 4,
            outside: 1,
            term_max: Term(3),
            budget: Budget {
                joins: 1,
                removals: 1,
                ..Budget::default()
            },
            ..Election::tournament()
        }
    }

    /// A partition is moved to a node without a copy while masters follow each other: rules M9 and R15.
    /// Nobody fails, so that no copy may be missing at any time.
    #[must_use]
    pub fn moving() -> Self {
        Election {
            scenario: Scenario::Settled(vec![first(&[2, 1], &[])]),
            replicas: 2,
            term_max: Term(3),
            budget: Budget {
                moves: 1,
                asks: 1,
                ..Budget::default()
            },
            ..Election::tournament()
        }
    }

    /// The birth of a cluster: rule M5.
    #[must_use]
    pub fn birth() -> Self {
        Election {
            scenario: Scenario::Birth,
            term_max: Term(2),
            budget: Budget {
                restarts: 1,
                ..Budget::default()
            },
            ..Election::tournament()
        }
    }

    /// The same with this budget.
    #[must_use]
    pub fn with_budget(self, budget: Budget) -> Self {
        Election { budget, ..self }
    }

    /// The same, where no term above this one begins.
    #[must_use]
    pub fn up_to(self, term: u64) -> Self {
        Election {
            term_max: Term(term),
            ..self
        }
    }

    /// The same with `rules`.
    #[must_use]
    pub fn with_rules(self, rules: Rules) -> Self {
        Election { rules, ..self }
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            replace_after: HEARTBEAT * 100,
            levelling: Levelling::paused(),
            rules: self.rules,
            ..Settings::with_heartbeat(HEARTBEAT)
        }
    }

    fn identity(&self) -> Identity {
        Identity {
            cluster: String::new(),
            partitions: 1,
            replicas: u8::try_from(self.nodes.min(self.replicas)).expect("few"),
            outcomes: OutcomeLimits::default(),
        }
    }

    /// Those that are members at first.
    pub(super) fn first_members(&self) -> BTreeSet<NodeId> {
        all(self.nodes - self.outside)
    }

    fn members(&self) -> BTreeMap<NodeId, Member> {
        let ids = self.first_members().into_iter();
        ids.map(|id| (id, member(id))).collect()
    }

    /// What `id` says when it asks to be made a member.
    pub(super) fn request(&self, id: NodeId) -> Message {
        Message::Join {
            member: member(id),
            identity: self.identity(),
        }
    }

    fn table(&self, revision: u64, assignment: Assignment) -> Arc<Table> {
        Arc::new(Table {
            stamp: Stamp {
                term: Term(1),
                revision: Revision(revision),
                life: Life::default(),
            },
            born: true,
            identity: self.identity(),
            members: self.members(),
            partitions: vec![assignment],
            levelling: Levelling::paused(),
        })
    }

    /// A coordinator that starts, with what its replicas hold.
    pub(super) fn start(&self, id: NodeId, saved: &Saved, incarnation: Incarnation) -> Coordinator {
        let birth = Birth {
            identity: self.identity(),
            members: match self.scenario {
                Scenario::Birth => self.members(),
                Scenario::Restarted { .. } | Scenario::Settled(_) => BTreeMap::new(),
            },
        };
        let settings = self.settings();
        // No disk goes back in time here, so that one life stands for all.
        let life = Life::default();
        let found = saved.clone();
        let mut node = Coordinator::new(settings, member(id), 0, birth, found, life, 0, ORIGIN);
        let mut out = Vec::new();
        let held = held(&self.scenario, id, incarnation);
        node.handle(ORIGIN, Event::Holds(held), &mut out);
        let through = self.first_members();
        if !through.contains(&id) && saved.accepted.is_none() {
            node.handle(ORIGIN, Event::Join { through }, &mut out);
        }
        assert!(out.is_empty(), "a start alone does nothing: {out:?}");
        node
    }

    fn state(&self, saved: &BTreeMap<NodeId, Saved>) -> State {
        let node = |(id, saved): (&NodeId, &Saved)| {
            Shared::new(Node {
                running: self.start(*id, saved, FIRST_LIFE),
                written: None,
                writing: Vec::<(Ticket, Saved)>::new(),
                incarnation: FIRST_LIFE,
            })
        };
        let mut witness = Witness::default();
        if self.budget.moves > 0 {
            witness.nobody_fails();
        }
        for (id, saved) in saved {
            if let Some(table) = &saved.accepted {
                witness.was_born(table);
                witness.has_on_disk(*id, table);
            }
        }
        State {
            nodes: saved.iter().map(node).collect(),
            flying: Vec::new(),
            left: self.budget,
            witness: Shared::new(witness),
        }
    }

    /// The states that exploration begins with.
    pub(crate) fn first_states(&self) -> Vec<State> {
        let found = |table: &Arc<Table>| Saved {
            term: Term(1),
            accepted: Some(table.clone()),
        };
        let everybody = |saved: &Saved| -> BTreeMap<NodeId, Saved> {
            let members = self.first_members();
            let found = |id| match members.contains(&id) {
                true => (id, saved.clone()),
                false => (id, Saved::default()),
            };
            all(self.nodes).into_iter().map(found).collect()
        };
        match &self.scenario {
            Scenario::Birth => vec![self.state(&everybody(&Saved::default()))],
            Scenario::Restarted { ahead } => {
                let before = first(&[2, 1], &[]);
                let old = self.table(2, before.clone());
                let after = Assignment {
                    epoch: Epoch(2),
                    in_sync: BTreeMap::from([(NodeId(2), FIRST_LIFE)]),
                    witnesses: BTreeMap::from([(
                        NodeId(1),
                        kensho_protocol::table::Witness {
                            life: FIRST_LIFE,
                            until: Epoch(1),
                        },
                    )]),
                    ..before
                };
                let new = self.table(3, after);
                let begin = |ahead: &BTreeSet<NodeId>| {
                    let mut saved = everybody(&found(&old));
                    let mut state = self.state(&saved);
                    for id in ahead {
                        saved.insert(*id, found(&new));
                    }
                    let mut witness = (*state.witness).clone();
                    state = self.state(&saved);
                    for id in ahead {
                        witness.has_on_disk(*id, &new);
                    }
                    state.witness = Shared::new(witness);
                    state
                };
                ahead.iter().map(begin).collect()
            }
            Scenario::Settled(assignments) => {
                let settle = |assignment: &Assignment| {
                    let table = self.table(2, assignment.clone());
                    step::settle(self, self.state(&everybody(&found(&table))))
                };
                assignments.iter().map(settle).collect()
            }
        }
    }
}

fn member(id: NodeId) -> Member {
    Member {
        id,
        // A name belongs to one node.
        name: format!("{id:?}"),
        client_address: String::new(),
        peer_address: String::new(),
    }
}

/// What a node's replica holds: every node that the scenario names as in sync has data. A
/// coordinator needs it to choose an owner; how far logs reach makes no difference to what is
/// checked here.
fn held(scenario: &Scenario, id: NodeId, incarnation: Incarnation) -> Vec<Held> {
    let holds = match scenario {
        Scenario::Birth => false,
        Scenario::Restarted { .. } => id != NodeId(3),
        Scenario::Settled(assignments) => assignments
            .iter()
            .any(|a| a.in_sync.contains_key(&id) || a.catch_ups.contains(&id)),
    };
    let held = Held {
        partition: PartitionId(0),
        incarnation,
        log_epoch: Epoch(1),
        end: Position {
            epoch: Epoch(1),
            lsn: Lsn(1),
        },
        trust: Trust::Confirmed,
        // Whatever it is that the table says, it knows.
        epoch: Epoch(u64::MAX),
    };
    if holds { vec![held] } else { Vec::new() }
}
