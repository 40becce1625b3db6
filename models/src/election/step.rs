//! What happens when something happens.

use kensho_protocol::coordinator::{Event, Message, Note, Output, Saved};
use kensho_protocol::ids::{NodeId, PartitionId};
use kensho_protocol::rule::Rules;
use kensho_protocol::table::{Change, What};
use kensho_protocol::time::Time;

use super::action::Action;
use super::scenario::{Election, HEARTBEAT, ORIGIN, Timers, Writes, all};
use super::sight::Sight;
use super::state::{Envelope, Node, Shared, State, index};

/// A state that is being changed by one action.
struct Step<'a> {
    model: &'a Election,
    state: State,
    witness: super::invariants::Witness,
}

/// What may happen next.
pub(super) fn actions(model: &Election, state: &State, actions: &mut Vec<Action>) {
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
        if free && node.running.term() < model.term_max {
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
    }
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
fn is_idle(model: &Election, node: &Node, message: &Message) -> bool {
    if model.rules != Rules::sound() || !node.writing.is_empty() {
        return false;
    }
    let running = &node.running;
    let (now, taking_part) = (running.term(), running.is_candidate());
    let reigns = running.master() == Some(running.id());
    match message {
        // One that is too late is answered with the present term; whether the sender learns of it
        // so, or begins it, is the same.
        Message::Challenge { term, .. } | Message::Heartbeat { term, .. } => *term < now,
        Message::HigherTerm { term } | Message::Begin { term } => *term <= now,
        Message::Yield { term, tokens } => {
            let passed_on = running.yielded_to().is_some() && !tokens.is_empty();
            *term < now || !(taking_part || passed_on)
        }
        Message::Redirect { term, .. } => *term < now || !taking_part,
        Message::HeartbeatAck { term, .. } => *term < now || !reigns,
        Message::Missed(_) | Message::MissedAnswer { .. } | Message::Change(_) => false,
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
pub(super) fn next(model: &Election, before: &State, action: &Action) -> Option<State> {
    let mut step = Step {
        model,
        state: before.clone(),
        witness: (*before.witness).clone(),
    };
    match action {
        Action::Deliver(envelope) => step.deliver(envelope),
        Action::DeliverTwice(envelope) => {
            step.state.left.duplicates -= 1;
            step.deliver(envelope);
        }
        Action::Written(id) => step.write_oldest(*id),
        Action::Raise(id) => step.raise(*id),
        Action::Tick(id) => {
            step.state.left.ticks -= 1;
            step.tick(*id, ORIGIN);
        }
        Action::Pause(id) => {
            step.state.left.pauses -= 1;
            step.tick(*id, ORIGIN + HEARTBEAT * 5 / 2);
        }
        Action::Restart(id) => {
            step.state.left.restarts -= 1;
            step.restart(*id);
        }
        Action::RestartUncleanly(id) => {
            step.state.left.unclean_restarts -= 1;
            step.change(*id, |node| node.incarnation = node.incarnation.next());
            step.restart(*id);
        }
        Action::Ask(id, change) => {
            step.state.left.asks -= 1;
            step.witness.asked(*id, change);
            step.look_at_change(*id, *id, change);
            step.hand(*id, ORIGIN, Event::Ask(change.clone()));
        }
    }
    let mut after = step.state;
    after.witness = if step.witness == *before.witness {
        before.witness.clone()
    } else {
        Shared::new(step.witness)
    };
    if after.nodes == before.nodes
        && after.flying == before.flying
        && after.witness == before.witness
    {
        return None;
    }
    if let Action::Deliver(envelope) = action {
        after.land(envelope);
    }
    let State { flying, nodes, .. } = &mut after;
    flying.retain(|e| !is_idle(model, &nodes[index(e.to)], &e.message));
    Some(after)
}

/// Lets the strongest node become master, and everybody learn of it.
pub(super) fn settle(model: &Election, mut state: State) -> State {
    let strongest = NodeId(model.nodes);
    let raised = next(model, &state, &Action::Raise(strongest));
    state = raised.expect("a term begins");
    while let Some(envelope) = state.flying.first().cloned() {
        let action = Action::Deliver(envelope.clone());
        state = next(model, &state, &action).unwrap_or_else(|| {
            let mut state = state.clone();
            state.land(&envelope);
            state
        });
    }
    for node in &state.nodes {
        assert_eq!(node.running.master(), Some(strongest), "{node:#?}");
        assert!(node.running.committed().is_some(), "{node:#?}");
    }
    state
}

impl Step<'_> {
    fn deliver(&mut self, envelope: &Envelope) {
        let Envelope { from, to, message } = envelope.clone();
        match &message {
            Message::HeartbeatAck {
                held: Some(held), ..
            } => self.witness.reported(to, from, held),
            Message::Change(change) => self.look_at_change(to, from, change),
            _ => {}
        }
        self.hand(to, ORIGIN, Event::Message { from, message });
    }

    fn look_at_change(&self, master: NodeId, from: NodeId, change: &Change) {
        let node = &self.state.node(master).running;
        let reigns = node.master() == Some(master);
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

    fn raise(&mut self, id: NodeId) {
        let term = self.state.node(id).running.term().next();
        let other = all(self.model.nodes).into_iter().find(|other| *other != id);
        let from = other.expect("there are several nodes");
        let message = Message::Begin { term };
        self.hand(id, ORIGIN, Event::Message { from, message });
    }

    /// The node looks at its clock when its deadline has come, and not before `earliest`.
    fn tick(&mut self, id: NodeId, earliest: Time) {
        let deadline = self.state.node(id).running.deadline();
        let now = deadline.expect("there is a deadline").max(earliest);
        self.hand(id, now, Event::Tick);
    }

    fn restart(&mut self, id: NodeId) {
        self.witness.restarted(id);
        let model = self.model;
        self.change(id, |node| {
            node.writing.clear();
            node.running = model.start(id, &node.saved, node.incarnation);
        });
    }

    fn write_oldest(&mut self, id: NodeId) {
        let (ticket, saved) = self.state.node(id).writing[0].clone();
        self.change(id, |node| {
            node.writing.remove(0);
        });
        self.on_disk(id, saved);
        self.hand(id, ORIGIN, Event::Saved(ticket));
    }

    fn on_disk(&mut self, id: NodeId, saved: Saved) {
        if let Some(table) = &saved.accepted {
            let before = self.state.node(id).saved.accepted.clone();
            if before.as_ref() != Some(table) {
                let news = self.witness.accepted(id, before.as_deref(), table);
                for sight in news {
                    self.model.sights.see(sight);
                }
            }
        }
        self.change(id, |node| node.saved = saved);
    }

    fn change(&mut self, id: NodeId, change: impl FnOnce(&mut Node)) {
        let mut node = self.state.node(id).clone();
        change(&mut node);
        self.state.nodes[index(id)] = Shared::new(node);
    }

    /// Hands `event` to a node, and carries out what comes of it.
    fn hand(&mut self, id: NodeId, now: Time, event: Event) {
        let mut events = vec![event];
        let mut running = self.state.node(id).running.clone();
        while let Some(event) = events.pop() {
            let (votes, notice) = match &event {
                Event::Message { message, .. } => (
                    matches!(message, Message::Yield { .. }),
                    matches!(message, Message::Heartbeat { proposal: None, .. }),
                ),
                _ => (false, false),
            };
            let mut out = Vec::new();
            running.handle(now, event, &mut out);
            for output in out {
                match output {
                    Output::Save { ticket, saved } if self.model.writes == Writes::AtOnce => {
                        self.on_disk(id, saved);
                        events.push(Event::Saved(ticket));
                    }
                    Output::Save { ticket, saved } => {
                        self.change(id, |node| node.writing.push((ticket, saved)));
                    }
                    Output::Send { to, message } => {
                        if votes && matches!(message, Message::Yield { .. }) {
                            self.model.sights.see(Sight::VoteForwarded);
                        }
                        // Where no time passes for masters, that a node was heard is no news.
                        let news = !notice || self.model.timers != Timers::Candidates;
                        if news {
                            self.send(id, to, message);
                        }
                    }
                    Output::Committed(table) => self.witness.announced(id, &table),
                    Output::Service(_) => {}
                    Output::Note(note) => self.look_at_note(id, &note),
                }
            }
        }
        running.rebase(now, ORIGIN);
        if running != self.state.node(id).running {
            self.change(id, |node| node.running = running);
        }
        let term = self.state.node(id).running.term();
        if matches!(self.model.timers, Timers::Questions(_)) {
            self.witness.in_term(term, self.model.nodes);
        }
    }

    fn send(&mut self, from: NodeId, to: NodeId, message: Message) {
        let question = matches!(message, Message::Missed(_) | Message::MissedAnswer { .. });
        if !question || matches!(self.model.timers, Timers::Questions(_)) {
            self.state.launch(Envelope { from, to, message });
        }
    }

    fn look_at_note(&mut self, id: NodeId, note: &Note) {
        match note {
            Note::BecameMaster { term, .. } => {
                self.witness.won(*term, id);
                self.model.sights.see(Sight::MasterElected);
                if self.state.left.restarts < self.model.budget.restarts {
                    self.model.sights.see(Sight::MasterElectedAfterRestart);
                }
            }
            Note::MasterMissed { .. } | Note::QuorumLost { .. } => self.witness.missed(id),
            _ => {}
        }
    }
}
