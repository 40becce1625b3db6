//! The invariants of the replication models, looked at after each step.

use kensho_protocol::apply::Apply;
use kensho_protocol::ids::{Epoch, Lsn, NodeId, Position, Token};
use kensho_protocol::log::Log;
use kensho_protocol::replica::Replica;
use kensho_protocol::request::Reply;
use kensho_protocol::settings::Mode;
use kensho_protocol::table::Assignment;

use super::Replication;
use super::state::{Node, Operation, State};
use super::step::request;
use crate::invariants::Invariant;
use crate::register::{Outcome, Registers, decode_value};
use crate::world::disk;
use crate::world::sights::Sight;

impl State {
    fn violate(&mut self, invariant: Invariant) {
        self.violation = self.violation.or(Some(invariant));
    }

    /// What was committed for `epoch`, with all catch-ups that it ever had.
    fn configurations(&self, epoch: Epoch) -> impl Iterator<Item = &Assignment> {
        let tables = self.tables.iter().map(|table| &**table);
        tables.filter(move |table| table.epoch == epoch)
    }
}

impl Replication {
    fn mode(&self) -> Mode {
        self.bounds.settings.mode
    }

    /// The node `id` took a step; `before` is what it was.
    pub(super) fn check_step(&self, state: &mut State, id: NodeId, before: &Node) {
        let node = state.node(id).clone();
        if !promise_order(before, &node) {
            state.violate(Invariant::PromiseOrder);
        }
        let alone = is_alone(&node);
        if !alone && !logs_match(state, id) {
            state.violate(Invariant::LogMatch);
        }
        if let Some(epoch) = node.replica.owned_epoch() {
            self.check_owner(state, id, &node, epoch, alone);
        }
        self.check_disks(state);
        if leases_overlap(state, |node| self.now(state, node)) {
            state.violate(Invariant::OneServer);
        }
    }

    fn check_owner(&self, state: &mut State, id: NodeId, node: &Node, epoch: Epoch, alone: bool) {
        if !alone {
            let entry = (epoch, id, node.life);
            let known = state.entered.iter().find(|(entered, ..)| *entered == epoch);
            match known {
                Some(known) if *known != entry => state.violate(Invariant::OneServer),
                Some(_) => {}
                None => state.entered.push(entry),
            }
        }
        let owner_of = |table: &Assignment| table.owner == id;
        if !state.configurations(epoch).any(owner_of) {
            state.violate(Invariant::CommittedTableOnly);
        }
        if !counts_rightly(state, id, &node.replica, epoch) {
            state.violate(Invariant::CatchUpPowerless);
        }
        let latest = state.served;
        if Replication::is_serving(node) && latest.is_none_or(|(latest, _)| latest < epoch) {
            state.served = Some((epoch, id));
            self.check_successor(state, node, epoch, latest);
        }
    }

    /// An owner begins to serve: durable-ack in semi-sync, async-suffix in async.
    fn check_successor(
        &self,
        state: &mut State,
        node: &Node,
        epoch: Epoch,
        before: Option<(Epoch, NodeId)>,
    ) {
        let log = node.replica.log();
        let kept = common_prefix(&state.settled, log);
        if kept == state.known() {
            return;
        }
        if self.mode() == Mode::SemiSync {
            state.violate(Invariant::DurableAck);
            return;
        }
        let failed_over = before.is_some_and(|(since, owner)| {
            let since = state.tables.iter().filter(|table| table.epoch > since);
            since
                .filter(|table| table.epoch <= epoch)
                .any(|table| table.owner != owner)
        });
        let hole = log
            .position(kept.next())
            .is_some_and(|at| at.epoch != epoch);
        if !failed_over || hole {
            state.violate(Invariant::AsyncSuffix);
        }
        self.saw(Sight::AcknowledgedLost);
        let keep = usize::try_from(kept.0).expect("few entries");
        state.settled.truncate(keep);
        for operation in state.writes.iter_mut().chain(&mut state.reads) {
            if let Operation::Open { known } = operation {
                *known = kept.min(*known);
            }
        }
    }

    /// durable-ack, for all disks that count.
    fn check_disks(&self, state: &mut State) {
        let Some(acknowledged) = state.settled.last().copied() else {
            return;
        };
        if self.mode() == Mode::Async {
            return;
        }
        let missing = state.assignment().in_sync.iter().any(|(member, life)| {
            let safe = &state.node(*member).safe;
            // Nothing is trimmed in these models, so the disk holds the position itself.
            let held = disk::position(safe, acknowledged.lsn);
            safe.incarnation == *life && held != Some(acknowledged)
        });
        if missing {
            state.violate(Invariant::DurableAck);
        }
    }

    /// The table changed.
    pub(super) fn check_table(&self, state: &mut State) {
        self.check_disks(state);
    }

    /// A reply leaves a node.
    pub(super) fn replied(
        &self,
        state: &mut State,
        id: NodeId,
        token: Token,
        reply: &Reply,
        on_lease: bool,
    ) {
        let (Reply::Done { at, .. } | Reply::Answer { at, .. }) = reply else {
            return;
        };
        let node = state.node(id).clone();
        let epoch = node.replica.owned_epoch();
        let superseded = epoch.zip(state.served);
        let superseded = superseded.is_some_and(|(e, (last, other))| e < last && other != id);
        if on_lease && superseded {
            state.violate(Invariant::OneServer);
        }
        if self.mode() == Mode::Async && superseded && matches!(reply, Reply::Answer { .. }) {
            // It was certain before the failover, and may tell of what is lost by now.
            return;
        }
        settle(state, node.replica.log(), *at);
        self.check_disks(state);
        if state
            .served
            .is_some_and(|(_, owner)| owner != state.tables[0].owner)
        {
            self.saw(Sight::ReadAfterFailover);
        }
        match (Replication::operation_of(token), reply) {
            (Ok(write), Reply::Done { at, outcome }) => {
                if let Operation::Open { known } = state.writes[write] {
                    let placed = node.replica.log().get(at.lsn);
                    let id = placed
                        .and_then(|entry| entry.request)
                        .map(|request| request.id);
                    let right = id == Some(request(write));
                    let changed = Outcome::decode(outcome) == Some(Outcome::Changed);
                    if !right || !changed || at.lsn <= known {
                        state.violate(Invariant::Linearizable);
                    }
                    state.writes[write] = Operation::Done;
                }
                if epoch.is_some_and(|epoch| at.epoch < epoch) {
                    self.saw(Sight::AcknowledgedAcrossFailover);
                }
            }
            (Err(read), Reply::Answer { at, answer, .. }) => {
                self.saw(if on_lease {
                    Sight::ReadByLease
                } else {
                    Sight::ReadByBarrier
                });
                if let Operation::Open { known } = state.reads[read] {
                    let expected = value_at(node.replica.log(), at.lsn);
                    if at.lsn < known || decode_value(answer) != Some(expected) {
                        state.violate(Invariant::Linearizable);
                    }
                    state.reads[read] = Operation::Done;
                }
            }
            _ => {}
        }
    }
}

/// An owner whose epoch is not on disk yet says nothing to anybody, and a crash undoes it all.
fn is_alone(node: &Node) -> bool {
    let epoch = node.replica.owned_epoch();
    epoch.is_some_and(|epoch| node.safe.promised < epoch)
}

fn promise_order(before: &Node, now: &Node) -> bool {
    let numbers = |promised: Epoch, log_epoch: Epoch| (promised, log_epoch);
    let disk = numbers(now.safe.promised, now.safe.log_epoch);
    let disk_before = numbers(before.safe.promised, before.safe.log_epoch);
    let memory = numbers(now.replica.promised(), now.replica.log_epoch());
    let memory_before = if now.life == before.life {
        numbers(before.replica.promised(), before.replica.log_epoch())
    } else {
        disk
    };
    // Another life of the data begins anew (rule R5).
    if now.safe.incarnation != before.safe.incarnation {
        return true;
    }
    let leads = |(promised, log_epoch): (Epoch, Epoch)| promised >= log_epoch;
    let rose = |before: (Epoch, Epoch), now: (Epoch, Epoch)| before.0 <= now.0 && before.1 <= now.1;
    leads(disk) && leads(memory) && rose(disk_before, disk) && rose(memory_before, memory)
}

/// The log of `id` matches all others: where two agree on a position, they agree below.
fn logs_match(state: &State, id: NodeId) -> bool {
    let log = state.node(id).replica.log();
    let others = state.nodes.iter().filter(|other| !is_alone(other));
    others
        .map(|other| other.replica.log())
        .all(|other| two_logs_match(log, other))
}

fn two_logs_match(one: &Log, other: &Log) -> bool {
    let lowest = one.base().lsn.max(other.base().lsn);
    let highest = one.end().min(other.end());
    let mut lsns = (lowest.0..=highest.0).rev().map(Lsn);
    let agree = |lsn: &Lsn| one.position(*lsn) == other.position(*lsn);
    lsns.by_ref()
        .skip_while(|lsn| !agree(lsn))
        .all(|lsn| agree(&lsn) && one.get(lsn) == other.get(lsn))
}

/// Whether an owner counts on all of its in-sync set, and besides only on catch-ups.
fn counts_rightly(state: &State, id: NodeId, replica: &Replica<Registers>, epoch: Epoch) -> bool {
    let Some(configuration) = state.configurations(epoch).next() else {
        return true;
    };
    let mut members = configuration.in_sync.keys().filter(|member| **member != id);
    let mut required = replica.required();
    let is_catch_up = |node: NodeId| {
        let mut tables = state.configurations(epoch);
        tables.any(|table| table.catch_ups.contains(&node))
    };
    members.all(|member| replica.required().any(|required| required == *member))
        && required.all(|node| configuration.in_sync.contains_key(&node) || is_catch_up(node))
}

/// Whether an owner may answer by its lease while one of a later epoch serves on another node.
fn leases_overlap(state: &State, now: impl Fn(NodeId) -> kensho_protocol::time::Time) -> bool {
    let Some((latest, server)) = state.served else {
        return false;
    };
    state.nodes.iter().enumerate().any(|(number, node)| {
        let id = crate::world::table_service::node_id(number);
        let older = node
            .replica
            .owned_epoch()
            .is_some_and(|epoch| epoch < latest);
        let leased = node
            .replica
            .lease_until()
            .is_some_and(|until| now(id) < until);
        id != server && older && Replication::is_serving(node) && leased
    })
}

/// How far what clients were told of and a log agree.
fn common_prefix(settled: &[Position], log: &Log) -> Lsn {
    let agree = settled.iter().take_while(|at| log.holds(**at));
    Lsn(agree.count() as u64)
}

/// A client is told of `at`, from this log: one-value-per-lsn and once.
fn settle(state: &mut State, log: &Log, at: Position) {
    if !log.holds(at) {
        state.violate(Invariant::OneValuePerLsn);
        return;
    }
    for lsn in (1..=at.lsn.0).map(Lsn) {
        let (Some(here), Ok(index)) = (log.position(lsn), usize::try_from(lsn.0 - 1)) else {
            continue;
        };
        match state.settled.get(index) {
            Some(told) if *told != here => state.violate(Invariant::OneValuePerLsn),
            Some(_) => {}
            None => state.settled.push(here),
        }
    }
    let entries = || {
        log.above(log.base().lsn)
            .take_while(|entry| entry.at.lsn <= at.lsn)
    };
    let twice = entries().any(|entry| {
        let same = entries().filter(|other| other.request == entry.request);
        entry.request.is_some() && same.count() > 1
    });
    if twice {
        state.violate(Invariant::Once);
    }
}

/// What the register holds after the entry `lsn`.
fn value_at(log: &Log, lsn: Lsn) -> crate::register::Value {
    let mut registers = Registers::default();
    for entry in log
        .above(log.base().lsn)
        .take_while(|entry| entry.at.lsn <= lsn)
    {
        registers.apply(entry.at, &entry.statement);
    }
    registers.get(0)
}
