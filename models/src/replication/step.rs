//! What can happen in a replication model, and what it does.

use bytes::Bytes;
use kensho_protocol::ids::{ClientId, Epoch, Lsn, NodeId, Position, Sequence, Token};
use kensho_protocol::record::{Record, Recovered};
use kensho_protocol::replica::{Event, Note, Output, Replica, RoleKind};
use kensho_protocol::request::{Digest, Execute, Numbered, Read, ReadFrom, RequestId};
use kensho_protocol::rule::Rule;
use kensho_protocol::table::{Assignment, What};
use kensho_protocol::time::Time;

use super::Replication;
use super::idle::Chance;
use super::state::{Envelope, Node, Operation, PARTITION, State, Used, Wish, empty_disk, index};
use crate::register::{Registers, Statement, Value, query};
use crate::shared::Shared;
use crate::world::sights::Sight;
use crate::world::table_service::{TableService, first_assignment, node_id};

/// Clocks begin here, so that nothing is confused with "never".
const BEGINNING: Time = Time(1_000_000);

/// All that clients do is about this register.
const KEY: u8 = 0;

/// Reads have tokens from here on.
const FIRST_READ: u64 = 100;

/// Something that can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A message arrives; a second copy may stay under way.
    Deliver {
        /// Which, in the state's network.
        message: usize,
        /// Whether a copy stays.
        copy: bool,
    },
    /// A node's disk has synced all that was written.
    Sync(NodeId),
    /// A node crashes and starts again.
    Restart {
        /// Which.
        node: NodeId,
        /// How many of the records that were not synced are there all the same.
        kept: usize,
    },
    /// A node loses all its data, and starts again with another life of them (rule R5).
    Wipe(NodeId),
    /// A node sees a committed table.
    Learn {
        /// Which node.
        node: NodeId,
        /// Which table.
        table: usize,
    },
    /// A wish reaches the master.
    Grant(usize),
    /// The same, and whoever asks leaves the in-sync set (rule M7).
    GrantAndPart(usize),
    /// The master's wish that the owner hands over comes to a node.
    HandOver {
        /// The owner.
        node: NodeId,
        /// The next one.
        to: NodeId,
    },
    /// The master fails the partition over.
    FailOver {
        /// The new owner.
        to: NodeId,
        /// Whether the old one stays in sync as far as the table is concerned.
        keep: bool,
    },
    /// The master names a catch-up.
    Name(NodeId),
    /// A client's update comes to a node, for the first time or again.
    Write {
        /// Which update.
        write: usize,
        /// Which node.
        node: NodeId,
    },
    /// A client's read comes to a node.
    Read {
        /// Which read.
        read: usize,
        /// Which node.
        node: NodeId,
    },
    /// Time passes for all.
    Pass,
    /// A node's timer fires.
    Tick(NodeId),
}

/// What a node has become by an event, and what it decided.
struct Reaction {
    id: NodeId,
    node: Node,
    outputs: Vec<Output>,
}

impl Replication {
    pub(crate) fn first_state(&self) -> State {
        let bounds = &self.bounds;
        let first = first_assignment(&bounds.in_sync);
        let (replicas, rules) = (bounds.settings.replicas, bounds.settings.rules);
        let service = TableService::new(bounds.nodes, replicas, vec![first.clone()], rules);
        let nodes = (0..bounds.nodes).map(|number| {
            let safe = empty_disk();
            Shared::new(Node {
                replica: self.start(node_id(number), safe.clone(), BEGINNING),
                safe,
                written: std::collections::VecDeque::new(),
                life: 0,
            })
        });
        State {
            nodes: nodes.collect(),
            network: Vec::new(),
            wishes: Vec::new(),
            service,
            tables: vec![Shared::new(first)],
            writes: vec![Operation::Idle; bounds.writes],
            reads: vec![Operation::Idle; bounds.reads],
            settled: Vec::new(),
            entered: Vec::new(),
            served: None,
            used: Used::default(),
            violation: None,
        }
    }

    fn start(&self, node: NodeId, safe: Recovered, now: Time) -> Replica<Registers> {
        let settings = self.bounds.settings;
        let replica = Replica::recover(node, PARTITION, settings, safe, now);
        let mut replica = replica.expect("a model's disk is sound");
        // Nothing in these models takes a node out of the quorum.
        replica.handle(now, Event::Service(true), &mut Vec::new());
        replica
    }

    /// What a node's clock shows.
    pub(super) fn now(&self, state: &State, node: NodeId) -> Time {
        let step_ns = self.bounds.rates_ns[index(node)];
        Time(BEGINNING.0 + u64::from(state.used.passes) * step_ns)
    }

    pub(crate) fn enabled(&self, state: &State, actions: &mut Vec<Action>) {
        let (bounds, used) = (&self.bounds, &state.used);
        for message in 0..state.network.len() {
            let copy = false;
            actions.push(Action::Deliver { message, copy });
            if used.doubled < bounds.doubled {
                let copy = true;
                actions.push(Action::Deliver { message, copy });
            }
        }
        actions.extend((0..state.wishes.len()).map(Action::Grant));
        for (number, wish) in state.wishes.iter().enumerate() {
            if matches!(wish.change.what, What::HandOver(_)) {
                actions.push(Action::GrantAndPart(number));
            }
        }
        for number in 0..bounds.nodes {
            let id = node_id(number);
            self.enabled_at(state, id, actions);
            let assignment = state.assignment();
            let member = assignment.in_sync.contains_key(&id);
            if used.failovers < bounds.failovers && member && id != assignment.owner {
                actions.push(Action::FailOver {
                    to: id,
                    keep: false,
                });
                actions.push(Action::FailOver { to: id, keep: true });
            }
            if used.handovers < bounds.handovers && member && id != assignment.owner {
                let node = assignment.owner;
                actions.push(Action::HandOver { node, to: id });
            }
            let free = !member && !assignment.catch_ups.contains(&id);
            if used.named < bounds.named && free {
                actions.push(Action::Name(id));
            }
        }
        if used.passes < bounds.passes {
            actions.push(Action::Pass);
        }
    }

    fn enabled_at(&self, state: &State, id: NodeId, actions: &mut Vec<Action>) {
        let (bounds, used) = (&self.bounds, &state.used);
        let node = state.node(id);
        if !node.written.is_empty() {
            actions.push(Action::Sync(id));
        }
        if used.crashes < bounds.crashes {
            let kept = 0..=node.written.len();
            actions.extend(kept.map(|kept| Action::Restart { node: id, kept }));
        }
        if used.wipes < bounds.wipes && survives_without(state, id) {
            actions.push(Action::Wipe(id));
        }
        let newest = state.tables.len() - 1;
        let oldest = if bounds.stale_tables { 0 } else { newest };
        for table in oldest..=newest {
            if bounds.stale_tables || node.replica.assigned() != &*state.tables[table] {
                actions.push(Action::Learn { node: id, table });
            }
        }
        if node
            .replica
            .deadline()
            .is_some_and(|due| due <= self.now(state, id))
        {
            actions.push(Action::Tick(id));
        }
        // Anybody else would say that it does not serve.
        if !node.replica.serves() {
            return;
        }
        let next = state
            .writes
            .iter()
            .position(|write| *write == Operation::Idle);
        for (write, operation) in state.writes.iter().enumerate() {
            let again =
                matches!(operation, Operation::Open { .. }) && used.retries < bounds.retries;
            if again || Some(write) == next {
                actions.push(Action::Write { write, node: id });
            }
        }
        // A read that can be stale is one that is asked when something is known.
        let next = state.reads.iter().position(|read| *read == Operation::Idle);
        if let Some(read) = next.filter(|_| state.known() > Lsn(0)) {
            actions.push(Action::Read { read, node: id });
        }
    }

    /// The state after `action`; none if nothing changes.
    pub(crate) fn step(&self, before: &State, action: Action) -> Option<State> {
        let reaction = match event_of(before, action) {
            Some((id, event)) => Some(self.react(before, id, event)?),
            None => None,
        };
        let mut state = before.clone();
        match action {
            Action::Deliver { copy: true, .. } => state.used.doubled += 1,
            Action::Deliver { message, .. } => {
                state.network.remove(message);
            }
            Action::Sync(node) => self.sync(&mut state, node),
            Action::Restart { node, kept } => self.restart(&mut state, node, kept),
            Action::Wipe(node) => self.wipe(&mut state, node),
            Action::Learn { .. } | Action::Tick(_) => {}
            Action::Grant(wish) => self.grant(&mut state, wish, false)?,
            Action::GrantAndPart(wish) => self.grant(&mut state, wish, true)?,
            Action::HandOver { .. } => state.used.handovers += 1,
            Action::FailOver { to, keep } => {
                state.used.failovers += 1;
                let assignment = state.assignment();
                let without = [assignment.owner].into_iter().filter(|_| !keep).collect();
                let incarnation = state.node(to).safe.incarnation;
                let to = (to, incarnation);
                state.service.fail_over(PARTITION, to, &without).ok()?;
                self.table_committed(&mut state);
            }
            Action::Name(node) => {
                state.used.named += 1;
                state.service.name_catch_up(PARTITION, node);
                self.table_committed(&mut state);
            }
            Action::Write { write, .. } => {
                if let Operation::Open { .. } = state.writes[write] {
                    state.used.retries += 1;
                } else {
                    let known = state.known();
                    state.writes[write] = Operation::Open { known };
                }
            }
            Action::Read { read, .. } => {
                let known = state.known();
                state.reads[read] = Operation::Open { known };
            }
            Action::Pass => state.used.passes += 1,
        }
        if let Some(Reaction { id, node, outputs }) = reaction {
            self.put_back(&mut state, id, node, outputs);
        }
        Some(state)
    }

    /// What a node's replica does with an event; none if that changes nothing. Many events change
    /// nothing, so that a state is copied only when this is known.
    fn react(&self, state: &State, id: NodeId, event: Event) -> Option<Reaction> {
        let now = self.now(state, id);
        let before = &state.nodes[index(id)];
        let chance = Chance::new(before, now, &event);
        if self.idle.knows(chance) {
            return None;
        }
        let mut node = Node::clone(before);
        let mut outputs = Vec::new();
        node.replica.handle(now, event, &mut outputs);
        node.replica.flush(now, &mut outputs);
        if outputs.is_empty() && node == **before {
            self.idle.learn(chance);
            return None;
        }
        Some(Reaction { id, node, outputs })
    }

    /// A node has taken a step: what it decided is done, and everything is checked.
    fn put_back(&self, state: &mut State, id: NodeId, mut node: Node, outputs: Vec<Output>) {
        let mut replies = Vec::new();
        for output in outputs {
            match output {
                Output::Persist { ticket, record } => node.written.push_back((ticket, record)),
                Output::Send { to, message } => state.send(Envelope {
                    from: id,
                    to,
                    message,
                }),
                Output::Ask(change) => state.wish(Wish { from: id, change }),
                Output::Reply {
                    token,
                    reply,
                    not_after,
                } => {
                    replies.push((token, reply, not_after.is_some()));
                }
                Output::CutOff { .. } => {}
                Output::Note(note) => self.note(&note, state),
                Output::RolledBack(incarnation) => node.safe.incarnation = incarnation,
            }
        }
        let before = std::mem::replace(&mut state.nodes[index(id)], Shared::new(node));
        if !self.bounds.settings.rules.broken(Rule::AckAnyEpoch) {
            state.forget_answers(id);
        }
        self.check_step(state, id, &before);
        for (token, reply, on_lease) in replies {
            self.replied(state, id, token, &reply, on_lease);
        }
    }

    fn note(&self, note: &Note, state: &State) {
        match note {
            Note::TailCut { entries: 1.., .. } => self.saw(Sight::TailCut),
            Note::ImageInstalled { .. } => self.saw(Sight::ImageInstalled),
            Note::Serving { epoch } if state.served.is_some_and(|(last, _)| last < *epoch) => {
                self.saw(Sight::FailoverServed);
            }
            _ => {}
        }
    }

    fn sync(&self, state: &mut State, id: NodeId) {
        let now = self.now(state, id);
        let mut node = Node::clone(&state.nodes[index(id)]);
        let mut last = None;
        while let Some((ticket, record)) = node.written.pop_front() {
            node.safe.replay(record).expect("records follow each other");
            last = Some(ticket);
        }
        let mut outputs = Vec::new();
        if let Some(ticket) = last {
            node.replica
                .handle(now, Event::Durable(ticket), &mut outputs);
            node.replica.flush(now, &mut outputs);
        }
        self.put_back(state, id, node, outputs);
    }

    fn restart(&self, state: &mut State, id: NodeId, kept: usize) {
        state.used.crashes += 1;
        let mut node = Node::clone(&state.nodes[index(id)]);
        if kept < node.written.len() {
            self.saw(Sight::RecordsLost);
        }
        let survivors: Vec<Record> = node.written.drain(..).take(kept).map(|(_, r)| r).collect();
        for record in survivors {
            node.safe.replay(record).expect("records follow each other");
        }
        node.life += 1;
        // No disk goes back in time here (rule R14), so that one life stands for all: who compares with
        // whom after a start is left to the simulated worlds, which have such disks.
        node.replica = self.start(id, node.safe.clone(), self.now(state, id));
        self.put_back(state, id, node, Vec::new());
    }

    fn wipe(&self, state: &mut State, id: NodeId) {
        state.used.wipes += 1;
        let mut node = Node::clone(&state.nodes[index(id)]);
        node.written.clear();
        node.safe = Recovered::empty(node.safe.incarnation.next());
        node.life += 1;
        node.replica = self.start(id, node.safe.clone(), self.now(state, id));
        self.put_back(state, id, node, Vec::new());
    }

    fn grant(&self, state: &mut State, wish: usize, parts: bool) -> Option<()> {
        let wish = state.wishes.remove(wish);
        state.service.ask(wish.from, &wish.change).ok()?;
        if parts {
            state.service.part(PARTITION, wish.from);
        }
        self.saw(match wish.change.what {
            What::Shrink(_) => Sight::ShrinkFinished,
            What::Grow(..) => Sight::GrowthFinished,
            What::Renew => Sight::RenewFinished,
            What::HandOver(_) => Sight::HandOverFinished,
        });
        self.table_committed(state);
        Some(())
    }

    /// A master that is not part of this model has committed `assignment`.
    pub(crate) fn commit(&self, state: &mut State, assignment: Assignment) {
        let before = state.assignment();
        if before.owner == assignment.owner && before.in_sync == assignment.in_sync {
            self.saw(Sight::RenewFinished);
        }
        state.service.set(PARTITION, assignment);
        self.table_committed(state);
    }

    /// The master's table is another one. Wishes that start from an older epoch will never come true.
    fn table_committed(&self, state: &mut State) {
        let assignment = state.assignment().clone();
        let epoch: Epoch = assignment.epoch;
        if !self.bounds.settings.rules.broken(Rule::NoCas) {
            state.wishes.retain(|wish| wish.change.base >= epoch);
        }
        state.tables.push(Shared::new(assignment));
        self.check_table(state);
    }

    /// Which operation a token names.
    pub(super) fn operation_of(token: Token) -> Result<usize, usize> {
        let number = |number: u64| usize::try_from(number).expect("few operations");
        match token.0.checked_sub(FIRST_READ) {
            None => Ok(number(token.0)),
            Some(read) => Err(number(read)),
        }
    }

    /// Whether the owner serves at all.
    pub(super) fn is_serving(node: &Node) -> bool {
        node.replica.role() == RoleKind::Serving
    }
}

/// The event that an action hands to a node's replica, if that is what it does.
fn event_of(state: &State, action: Action) -> Option<(NodeId, Event)> {
    match action {
        Action::Deliver { message, .. } => {
            let envelope = &state.network[message];
            let (from, message) = (envelope.from, envelope.message.clone());
            Some((envelope.to, Event::Message { from, message }))
        }
        Action::Learn { node, table } => {
            let assignment = Assignment::clone(&state.tables[table]);
            Some((node, Event::Assign(assignment)))
        }
        Action::Write { write, node } => {
            let event = Event::Execute(Execute {
                token: Token(write as u64),
                request: Some(Numbered {
                    id: request(write),
                    digest: Digest::of(&[&statement(write)]),
                }),
                as_of: Position::default(),
                statement: statement(write),
                deadline: Time::MAX,
            });
            Some((node, event))
        }
        Action::Read { read, node } => {
            let event = Event::Read(Read {
                token: Token(FIRST_READ + read as u64),
                query: query(KEY),
                from: ReadFrom::Owner,
                seen: Position::default(),
                deadline: Time::MAX,
            });
            Some((node, event))
        }
        Action::Tick(node) => Some((node, Event::Tick)),
        Action::HandOver { node, to } => {
            let epoch = state.assignment().epoch;
            Some((node, Event::HandOver { epoch, to }))
        }
        Action::Sync(_)
        | Action::Restart { .. }
        | Action::Wipe(_)
        | Action::Grant(_)
        | Action::GrantAndPart(_)
        | Action::FailOver { .. }
        | Action::Name(_)
        | Action::Pass => None,
    }
}

/// Whether some other member of the in-sync set still has the data that it was recorded with. Without
/// that nothing could be promised.
pub(crate) fn survives_without(state: &State, id: NodeId) -> bool {
    let mut others = state.assignment().in_sync.iter();
    others.any(|(other, life)| *other != id && state.node(*other).safe.incarnation == *life)
}

/// The number of the update `write`.
pub(super) fn request(write: usize) -> RequestId {
    RequestId {
        client: ClientId(write as u64 + 1),
        sequence: Sequence(1),
    }
}

/// What the update `write` writes: a value of its own.
fn statement(write: usize) -> Bytes {
    let value = Value::try_from(write + 1).expect("few updates");
    Statement::Write { key: KEY, value }.encode()
}
