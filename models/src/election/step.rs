//! What happens when something happens.

use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};

use kensho_protocol::coordinator::{Event, Message, Note, Output, Saved, Standing, Wish};
use kensho_protocol::ids::{NodeId, PartitionId};
use kensho_protocol::rule::Rules;
use kensho_protocol::table::{Change, What};
use kensho_protocol::time::Time;

use super::action::Action;
use super::invariants::Witness;
use super::scenario::{Budget, Election, HEARTBEAT, ORIGIN, Timers, Writes, all};
use super::sight::Sight;
use super::state::{Envelope, Node, State, index};
use crate::shared::Shared;
use crate::world::table_service::FIRST_LIFE;

/// One action, which changes one node.
struct Step<'a> {
    model: &'a Election,
    before: &'a State,
    id: NodeId,
    node: Node,
    sent: Vec<Envelope>,
    left: Budget,
    witness: Cow<'a, Witness>,
}

/// What may happen next.
pub(crate) fn actions(model: &Election, state: &State, actions: &mut Vec<Action>) {
    if state.witness.violation().is_some() {
        return;
    }
    for envelope in &state.flying {
        actions.push(Action::Deliver(envelope.clone()));
        if state.left.duplicates > 0 {
            actions.push(Action::DeliverTwice(envelope.clone()));
        }
    }
    for id in all(model.nodes) {
        let node = state.node(id);
        if !node.writing.is_empty() {
            actions.push(Action::Written(id));
        }
        let free = !matches!(model.timers, Timers::Questions(_));
        if free && node.running.term() < model.term_max && may_raise(model, node) {
            actions.push(Action::Raise(id));
        }
        if has_timer(model, node) {
            if state.left.ticks > 0 {
                actions.push(Action::Tick(id));
            }
            if state.left.pauses > 0 {
                actions.push(Action::Pause(id));
            }
        }
        if state.left.restarts > 0 {
            actions.push(Action::Restart(id));
        }
        if state.left.unclean_restarts > 0 {
            actions.push(Action::RestartUncleanly(id));
        }
        if state.left.asks > 0 {
            let changes = changes(model, state, id);
            actions.extend(changes.into_iter().map(|change| Action::Ask(id, change)));
        }
        ask_for_members(model, state, id, actions);
    }
}

/// Requests for other members come to masters at any time: who passes them on makes no difference.
fn ask_for_members(model: &Election, state: &State, master: NodeId, actions: &mut Vec<Action>) {
    let running = &state.node(master).running;
    let Some(table) = running.accepted() else {
        return;
    };
    if running.standing() != Standing::Master {
        return;
    }
    for node in all(model.nodes) {
        let member = table.members.contains_key(&node);
        if !member && state.left.joins > 0 && state.node(node).running.accepted().is_none() {
            actions.push(Action::AskToJoin { master, node });
        }
        if member && state.left.removals > 0 {
            actions.push(Action::AskToRemove { master, node });
        }
        if member && state.left.moves > 0 {
            actions.push(Action::Move { master, to: node });
        }
    }
}

/// Whether the node may begin a term: it takes part, and somebody else does or it knows no master.
fn may_raise(model: &Election, node: &Node) -> bool {
    let alone = others(model, node).next().is_none();
    let electing = node.running.standing() == Standing::Electing;
    takes_part(model, node) && (electing || !alone)
}

/// The other members that the node knows.
fn others(model: &Election, node: &Node) -> impl Iterator<Item = NodeId> {
    let id = node.running.id();
    let members = match node.running.accepted() {
        Some(table) => table.members.keys().copied().collect(),
        None => model.first_members(),
    };
    members.into_iter().filter(move |other| *other != id)
}

/// Whether the node is a member, or has a table without itself that may not be committed.
fn takes_part(model: &Election, node: &Node) -> bool {
    let running = &node.running;
    let id = running.id();
    let Some(accepted) = running.accepted() else {
        return model.first_members().contains(&id);
    };
    let committed = running.committed().map(|table| table.stamp);
    accepted.members.contains_key(&id) || committed < Some(accepted.stamp)
}

fn has_timer(model: &Election, node: &Node) -> bool {
    let node = &node.running;
    let waits = node.contacted().is_some();
    let reigns = node.master() == Some(node.id());
    let matters = match model.timers {
        Timers::Candidates => waits,
        Timers::Masters => waits || reigns,
        Timers::Questions(id) => node.id() == id,
    };
    matters && node.deadline().is_some()
}

/// Whether delivering `message` to `node` has no effect, now and for ever. Such messages are taken
/// out of flight, so that states do not differ by them: a message may get lost at any time.
fn is_idle(model: &Election, left: Budget, node: &Node, envelope: &Envelope) -> bool {
    let Envelope { from, message, .. } = envelope;
    if model.rules != Rules::sound() || !node.writing.is_empty() {
        return false;
    }
    let running = &node.running;
    let (now, taking_part) = (running.term(), running.is_candidate());
    let reigns = running.master() == Some(running.id());
    match message {
        // One that is too late is answered with the present term; whether the sender learns of it
        // so, or begins it, is the same.
        Message::Challenge { term, .. } => *term < now,
        Message::Heartbeat {
            term,
            committed,
            proposal,
            ..
        } => {
            let follows = running.master().is_some_and(|master| master == *from);
            let known = running.committed().is_some_and(|t| t.stamp >= *committed);
            let notice = model.timers == Timers::Candidates && proposal.is_none();
            // A restarted node would have to be told again.
            let stays = left.restarts == 0 && left.unclean_restarts == 0;
            *term < now || (*term == now && notice && follows && known && stays)
        }
        Message::HigherTerm { term } => *term <= now,
        Message::Begin { term, absent } => {
            *term < now || (*term == now && (absent.is_empty() || !taking_part))
        }
        Message::Yield { term, tokens } => {
            let passed_on = running.yielded_to().is_some() && !tokens.is_empty();
            *term < now || !(taking_part || passed_on)
        }
        Message::Redirect { term, .. } => *term < now || !taking_part,
        Message::HeartbeatAck { term, .. } | Message::Room { term, .. } => *term < now || !reigns,
        Message::Dismissed(table) => {
            let known = running.accepted().map(|accepted| accepted.stamp);
            known.is_some_and(|known| known >= table.stamp)
        }
        Message::Missed(_)
        | Message::MissedAnswer { .. }
        | Message::Change(_)
        | Message::Join { .. }
        | Message::Remove(_)
        | Message::NotTaken(_)
        | Message::Recall { .. }
        | Message::Recalled { .. }
        | Message::Goodbye { .. }
        | Message::NobodyListens { .. }
        | Message::Parting { .. }
        | Message::Wishes { .. }
        | Message::Level(_)
        | Message::Move { .. } => false,
    }
}

/// What the node's replica may ask for, as far as it knows itself to be owner.
fn changes(model: &Election, state: &State, id: NodeId) -> Vec<Change> {
    let Some(table) = state.node(id).running.committed() else {
        return Vec::new();
    };
    let partition = PartitionId(0);
    let assignment = table.assignment(partition);
    if assignment.owner != id && !model.strangers_ask {
        return Vec::new();
    }
    let grow = assignment
        .catch_ups
        .iter()
        .map(|node| What::Grow(*node, state.node(*node).incarnation));
    let shrink = assignment
        .in_sync
        .keys()
        .filter(|node| **node != assignment.owner)
        .map(|node| What::Shrink([*node].into()));
    [What::Renew]
        .into_iter()
        .chain(grow)
        .chain(shrink)
        .map(|what| Change {
            partition,
            base: assignment.epoch,
            what,
        })
        .collect()
}

/// The state after `action`; `None` if it changes nothing but what is left of the budget, or if a
/// message arrives that changes nothing: it might as well stay in flight.
pub(crate) fn next(model: &Election, before: &State, action: &Action) -> Option<State> {
    let id = action.node();
    let mut step = Step {
        model,
        before,
        id,
        node: before.node(id).clone(),
        sent: Vec::new(),
        left: before.left,
        witness: Cow::Borrowed(&before.witness),
    };
    match action {
        Action::Deliver(envelope) => step.deliver(envelope),
        Action::DeliverTwice(envelope) => {
            step.left.duplicates -= 1;
            step.deliver(envelope);
        }
        Action::Written(_) => step.write_oldest(),
        Action::Raise(_) => step.raise(),
        Action::Tick(_) => {
            step.left.ticks -= 1;
            step.tick(ORIGIN);
        }
        Action::Pause(_) => {
            step.left.pauses -= 1;
            step.tick(ORIGIN + HEARTBEAT * 5 / 2);
        }
        Action::Restart(_) => {
            step.left.restarts -= 1;
            step.restart();
        }
        Action::RestartUncleanly(_) => {
            step.left.unclean_restarts -= 1;
            step.node.incarnation = step.node.incarnation.next();
            step.restart();
        }
        Action::Ask(_, change) => {
            step.left.asks -= 1;
            step.witness.to_mut().asked(id, change);
            step.look_at_change(id, change);
            step.hand(ORIGIN, Event::Ask(change.clone()));
        }
        Action::AskToJoin { node, .. } => {
            step.left.joins -= 1;
            let (from, message) = (*node, model.request(*node));
            step.hand(ORIGIN, Event::Message { from, message });
        }
        Action::AskToRemove { node, .. } => {
            step.left.removals -= 1;
            step.hand(ORIGIN, Event::Remove(*node));
        }
        Action::Move { to, .. } => {
            step.left.moves -= 1;
            let (partition, to) = (PartitionId(0), *to);
            step.hand(ORIGIN, Event::Move { partition, to });
        }
    }
    step.finish(action)
}

/// Lets the strongest node become master, and everybody learn of it.
pub(super) fn settle(model: &Election, mut state: State) -> State {
    let members = model.first_members();
    let strongest = *members.last().expect("there are members");
    let raised = next(model, &state, &Action::Raise(strongest));
    state = raised.expect("a term begins");
    // What says that a table is committed is of use to those only that have it: it comes last.
    let comes_last = |envelope: &&Shared<Envelope>| {
        let notice = matches!(envelope.message, Message::Heartbeat { proposal: None, .. });
        (notice, envelope.from, envelope.to)
    };
    while let Some(envelope) = state.flying.iter().min_by_key(comes_last).cloned() {
        let action = Action::Deliver(envelope.clone());
        state = next(model, &state, &action).unwrap_or_else(|| {
            let mut state = state.clone();
            state.land(&envelope);
            state
        });
    }
    for node in members.iter().map(|id| state.node(*id)) {
        assert_eq!(node.running.master(), Some(strongest), "{node:#?}");
        assert!(node.running.committed().is_some(), "{node:#?}");
    }
    state
}

impl Step<'_> {
    /// The state after the action, if it is another one.
    fn finish(self, action: &Action) -> Option<State> {
        let Step { model, before, .. } = self;
        let mut changed = self.node != *before.nodes[index(self.id)];
        if !changed && self.sent.is_empty() && matches!(self.witness, Cow::Borrowed(_)) {
            return None;
        }
        let mut after = before.clone();
        if changed {
            after.nodes[index(self.id)] = Shared::new(self.node);
        }
        for envelope in self.sent {
            changed |= after.launch(envelope);
        }
        if let Cow::Owned(witness) = self.witness {
            let witness = Shared::new(witness);
            changed |= witness != before.witness;
            after.witness = witness;
        }
        if !changed {
            return None;
        }
        after.left = self.left;
        if let Action::Deliver(envelope) = action {
            after.land(envelope);
        }
        let State {
            flying,
            nodes,
            left,
            ..
        } = &mut after;
        flying.retain(|e| !is_idle(model, *left, &nodes[index(e.to)], e));
        Some(after)
    }

    fn deliver(&mut self, envelope: &Envelope) {
        let Envelope { from, message, .. } = envelope.clone();
        match &message {
            Message::HeartbeatAck {
                held: Some(held), ..
            } if held.iter().any(|held| held.incarnation > FIRST_LIFE) => {
                self.witness.to_mut().reported(self.id, from, held);
            }
            Message::Change(change) => self.look_at_change(from, change),
            _ => {}
        }
        self.hand(ORIGIN, Event::Message { from, message });
    }

    fn look_at_change(&self, from: NodeId, change: &Change) {
        let node = &self.node.running;
        let reigns = node.master() == Some(self.id);
        let Some(table) = node.committed().filter(|_| reigns) else {
            return;
        };
        let now = table.assignment(change.partition);
        if now.epoch > change.base {
            self.model.sights.see(Sight::ChangeTooLate);
            if now.owner != from {
                self.model.sights.see(Sight::FailoverBeatChange);
            }
        }
    }

    fn raise(&mut self) {
        let term = self.node.running.term().next();
        let Some(from) = others(self.model, &self.node).next() else {
            // A majority by itself needs to ask nobody.
            return self.tick(ORIGIN);
        };
        let message = Message::Begin {
            term,
            absent: BTreeSet::new(),
        };
        self.hand(ORIGIN, Event::Message { from, message });
    }

    /// The node looks at its clock when its deadline has come, and not before `earliest`.
    fn tick(&mut self, earliest: Time) {
        let deadline = self.node.running.deadline();
        let now = deadline.expect("there is a deadline").max(earliest);
        self.hand(now, Event::Tick);
    }

    fn restart(&mut self) {
        self.witness.to_mut().restarted(self.id);
        let saved = self.node.saved().clone();
        self.node.written = None;
        self.node.writing.clear();
        self.node.running = self.model.start(self.id, &saved, self.node.incarnation);
    }

    fn write_oldest(&mut self) {
        let (ticket, saved) = self.node.writing.remove(0);
        self.see_write(&saved);
        self.node.written = (!self.node.writing.is_empty()).then_some(saved);
        self.hand(ORIGIN, Event::Saved(ticket));
    }

    /// The node's disk gets a new content.
    fn see_write(&mut self, saved: &Saved) {
        let Some(table) = &saved.accepted else {
            return;
        };
        let before = self.before.node(self.id).saved().accepted.as_ref();
        if before != Some(table) {
            let witness = self.witness.to_mut();
            for sight in witness.accepted(self.id, before.map(|table| &**table), table) {
                self.model.sights.see(sight);
            }
        }
    }

    /// Hands `event` to the node, and carries out what comes of it.
    fn hand(&mut self, now: Time, event: Event) {
        let (votes, notice) = match &event {
            Event::Message { message, .. } => (
                matches!(message, Message::Yield { .. }),
                matches!(message, Message::Heartbeat { proposal: None, .. }),
            ),
            _ => (false, false),
        };
        let mut next = VecDeque::from([event]);
        while let Some(event) = next.pop_front() {
            let before = self.node.running.saved().clone();
            let mut out = Vec::new();
            self.node.running.handle(now, event, &mut out);
            for output in out {
                match output {
                    Output::Save { ticket, saved } if self.model.writes == Writes::AtOnce => {
                        self.see_write(&saved);
                        next.push_front(Event::Saved(ticket));
                    }
                    Output::Save { ticket, saved } => {
                        self.node.written.get_or_insert_with(|| before.clone());
                        self.node.writing.push((ticket, saved));
                    }
                    Output::Send { to, message } => {
                        if votes && matches!(message, Message::Yield { .. }) {
                            self.model.sights.see(Sight::VoteForwarded);
                        }
                        // Where no time passes for masters, that a node was heard is no news.
                        let news = !notice || self.model.timers != Timers::Candidates;
                        if news {
                            self.send(to, message);
                        }
                    }
                    Output::Committed(table) => self.witness.to_mut().announced(self.id, &table),
                    Output::HandOver(wishes) => {
                        next.extend(wishes.iter().map(|wish| self.hands_over(*wish)));
                    }
                    Output::Service(_) | Output::MayStop => {}
                    Output::Note(note) => self.look_at_note(&note),
                }
            }
        }
        self.node.running.rebase(now, ORIGIN);
        if matches!(self.model.timers, Timers::Questions(_)) {
            let term = self.node.running.term();
            self.witness.to_mut().in_term(term, self.model.nodes);
        }
    }

    /// The owner has committed all that it was told, and asks for its end (rule R15).
    fn hands_over(&mut self, wish: Wish) -> Event {
        let change = Change {
            partition: wish.partition,
            base: wish.epoch,
            what: What::HandOver(wish.to),
        };
        self.witness.to_mut().asked(self.id, &change);
        Event::Ask(change)
    }

    fn send(&mut self, to: NodeId, message: Message) {
        let question = matches!(message, Message::Missed(_) | Message::MissedAnswer { .. });
        if !question || matches!(self.model.timers, Timers::Questions(_)) {
            let from = self.id;
            self.sent.push(Envelope { from, to, message });
        }
    }

    fn look_at_note(&mut self, note: &Note) {
        match note {
            Note::BecameMaster { term, .. } => {
                self.witness.to_mut().won(*term, self.id);
                self.model.sights.see(Sight::MasterElected);
                let first = self.model.first_members();
                let accepted = self.node.running.accepted();
                if accepted.is_some_and(|table| !table.members.keys().eq(&first)) {
                    self.model.sights.see(Sight::ElectedByOtherMembers);
                }
                if self.left.restarts < self.model.budget.restarts {
                    self.model.sights.see(Sight::MasterElectedAfterRestart);
                }
            }
            Note::MasterMissed { .. } | Note::QuorumLost { .. } => {
                self.witness.to_mut().missed(self.id);
            }
            _ => {}
        }
    }
}
