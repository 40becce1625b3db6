//! What can happen in a combined model, and what it does.

use kensho_protocol::ids::NodeId;

use super::{Combined, State};
use crate::replication::PARTITION;
use crate::replication::step::survives_without;
use crate::shared::Shared;
use crate::{election, replication};

/// Something that can happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Something happens to a coordinator.
    Coordinator(election::Action),
    /// Something happens to a replica, or a client asks for something.
    Replica(replication::Action),
    /// A replica learns which table its coordinator takes to be committed.
    Learn(NodeId),
    /// A replica's wish reaches its own coordinator.
    Ask(usize),
    /// A node crashes and starts again: its coordinator, and its replica.
    Restart {
        /// Which.
        node: NodeId,
        /// How many of its replica's records that were not synced are there all the same.
        kept: usize,
    },
    /// A node crashes, loses all data of its replica, and starts again with another life of them
    /// (rule R5). What its coordinator had saved is still there.
    Wipe(NodeId),
}

impl Combined {
    /// All coordinators agree on the first table, and its owner serves.
    pub(super) fn first_states(&self) -> Vec<State> {
        let coordinators = self.election.first_states().into_iter();
        let begin = |coordinators| {
            let replicas = Shared::new(self.replication.first_state());
            let coordinators = Shared::new(coordinators);
            let mut state = State {
                coordinators,
                replicas,
            };
            while let Some(next) = self.settling_step(&state) {
                state = next;
            }
            state
        };
        coordinators.map(begin).collect()
    }

    /// The first of what replicas do on their own, when clients want nothing.
    fn settling_step(&self, state: &State) -> Option<State> {
        let mut actions = Vec::new();
        self.enabled(state, &mut actions);
        actions.into_iter().find_map(|action| match action {
            Action::Learn(_)
            | Action::Replica(
                replication::Action::Sync(_) | replication::Action::Deliver { copy: false, .. },
            ) => self.step(state, &action),
            _ => None,
        })
    }

    pub(super) fn enabled(&self, state: &State, actions: &mut Vec<Action>) {
        let (coordinators, replicas) = (&state.coordinators, &state.replicas);
        let mut some = Vec::new();
        election::step::actions(&self.election, coordinators, &mut some);
        // Crashes strike replicas, too, and what is asked for is what replicas ask for.
        let alone = |action: &election::Action| {
            use election::Action as A;
            !matches!(action, A::Restart(_) | A::RestartUncleanly(_) | A::Ask(..))
        };
        actions.extend(some.into_iter().filter(alone).map(Action::Coordinator));
        let mut some = Vec::new();
        self.replication.enabled(replicas, &mut some);
        // The master is not the register of the replication models, but the coordinators' one.
        let alone = |action: &replication::Action| {
            use replication::Action as A;
            !matches!(action, A::Learn { .. } | A::Grant(_))
        };
        actions.extend(some.into_iter().filter(alone).map(Action::Replica));
        if coordinators.left.asks > 0 {
            actions.extend((0..replicas.wishes.len()).map(Action::Ask));
        }
        for node in election::scenario::all(self.election.nodes) {
            let replica = replicas.node(node);
            if state
                .told(node)
                .is_some_and(|told| told != replica.replica.assigned())
            {
                actions.push(Action::Learn(node));
            }
            if coordinators.left.restarts > 0 {
                let kept = 0..=replica.written.len();
                actions.extend(kept.map(|kept| Action::Restart { node, kept }));
            }
            if coordinators.left.unclean_restarts > 0 && survives_without(replicas, node) {
                actions.push(Action::Wipe(node));
            }
        }
    }

    /// The state after `action`; none if nothing changes.
    pub(super) fn step(&self, before: &State, action: &Action) -> Option<State> {
        match action {
            Action::Coordinator(action) => self.coordinate(before, action),
            Action::Replica(action) => self.replicate(before, *action),
            Action::Learn(node) => {
                let told = before.told(*node)?;
                let mut tables = before.replicas.tables.iter();
                // A table that nobody has committed is the business of the coordinators' invariants.
                let table = tables.rposition(|table| **table == *told)?;
                let node = *node;
                self.replicate(before, replication::Action::Learn { node, table })
            }
            Action::Ask(wish) => {
                let wish = before.replicas.wishes[*wish].clone();
                let ask = election::Action::Ask(wish.from, wish.change.clone());
                let asked = self.coordinate(before, &ask)?;
                let mut replicas = replication::State::clone(&asked.replicas);
                replicas.wishes.retain(|other| *other != wish);
                Some(asked.with_replicas(replicas))
            }
            Action::Restart { node, kept } => {
                let restart = election::Action::Restart(*node);
                let restarted = self.coordinate(before, &restart).unwrap_or_else(|| {
                    let mut coordinators = election::State::clone(&before.coordinators);
                    coordinators.left.restarts -= 1;
                    before.with_coordinators(coordinators)
                });
                let (node, kept) = (*node, *kept);
                self.replicate(&restarted, replication::Action::Restart { node, kept })
            }
            Action::Wipe(node) => {
                let restart = election::Action::RestartUncleanly(*node);
                let restarted = self.coordinate(before, &restart)?;
                self.replicate(&restarted, replication::Action::Wipe(*node))
            }
        }
    }

    fn replicate(&self, before: &State, action: replication::Action) -> Option<State> {
        let replicas = self.replication.step(&before.replicas, action)?;
        Some(before.with_replicas(replicas))
    }

    /// Something happens to coordinators. When a majority has a table on disk, it is committed:
    /// from then on data are judged by it.
    fn coordinate(&self, before: &State, action: &election::Action) -> Option<State> {
        let coordinators = election::step::next(&self.election, &before.coordinators, action)?;
        let committed = coordinators.witness.committed();
        let assignment = committed.map(|table| table.assignment(PARTITION).clone());
        let news = assignment.filter(|assignment| assignment != before.replicas.assignment());
        let mut after = before.with_coordinators(coordinators);
        if let Some(assignment) = news {
            let mut replicas = replication::State::clone(&before.replicas);
            self.replication.commit(&mut replicas, assignment);
            after = after.with_replicas(replicas);
        }
        Some(after)
    }
}
