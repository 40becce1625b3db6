//! Answering clients: updates exactly once (rule R11), reads by barrier or lease (R9, R10).

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::lineage::Standing;
use super::{Output, Replica, Role};
use crate::apply::Apply;
use crate::ids::{Lsn, Position, Token};
use crate::log::Entry;
use crate::outcomes::Known;
use crate::request::{Execute, Read, Refusal, Reply, RequestId, Source};
use crate::rule::Rule;
use crate::settings::Mode;
use crate::time::Time;

/// The clients that wait for an owner's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Waiting {
    /// In the order of the entries that they wait for.
    updates: VecDeque<Update>,
    /// In the order of their barriers.
    reads: VecDeque<BarrierRead>,
    /// Requests in the log that are not executed yet. Once they are, the outcomes know them.
    open: BTreeMap<RequestId, Lsn>,
    /// No caller gives up before this.
    deadline: Option<Time>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Update {
    lsn: Lsn,
    /// Where it stands, and what its callers are told.
    executed: Option<(Position, Bytes)>,
    /// Who waits for it. Hardly ever are there others, and the first one needs no room of its own.
    first: Option<Caller>,
    others: Vec<Caller>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Caller {
    token: Token,
    deadline: Time,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct BarrierRead {
    barrier: u64,
    read: Read,
}

impl Update {
    fn of(lsn: Lsn) -> Self {
        Update {
            lsn,
            executed: None,
            first: None,
            others: Vec::new(),
        }
    }

    fn callers(&self) -> impl Iterator<Item = Caller> {
        self.first.into_iter().chain(self.others.iter().copied())
    }

    fn add(&mut self, caller: Caller) {
        match self.first {
            None => self.first = Some(caller),
            Some(_) => self.others.push(caller),
        }
    }

    fn retain(&mut self, mut keep: impl FnMut(&Caller) -> bool) {
        self.first = self.first.filter(|caller| keep(caller));
        self.others.retain(|caller| keep(caller));
        if self.first.is_none() && !self.others.is_empty() {
            self.first = Some(self.others.remove(0));
        }
    }
}

impl Waiting {
    /// An entry of the log was not executed yet.
    pub(super) fn note_request(&mut self, entry: &Entry) {
        if let Some(request) = entry.request {
            self.open.insert(request.id, entry.at.lsn);
        }
    }

    pub(super) fn deadline(&self) -> Time {
        self.deadline.unwrap_or(Time::MAX)
    }

    fn until(&mut self, deadline: Time) {
        self.deadline = Some(self.deadline().min(deadline));
    }

    fn update(&mut self, lsn: Lsn, caller: Caller, executed: Option<(Position, Bytes)>) {
        let update = match self.updates.binary_search_by_key(&lsn, |update| update.lsn) {
            Ok(place) => &mut self.updates[place],
            Err(place) => {
                self.updates.insert(place, Update::of(lsn));
                &mut self.updates[place]
            }
        };
        update.add(caller);
        update.executed = update.executed.take().or(executed);
        self.until(caller.deadline);
    }

    /// An entry was executed, which led to `state`; whoever waits for it gets this outcome.
    pub(super) fn executed<A: Apply>(&mut self, state: &A, entry: &Entry, outcome: Bytes) {
        if let Some(request) = entry.request {
            self.open.remove(&request.id);
        }
        let at = entry.at;
        let place = self
            .updates
            .binary_search_by_key(&at.lsn, |update| update.lsn);
        if let Ok(place) = place {
            self.updates[place].executed = Some((at, state.tell(&entry.statement, outcome)));
        }
    }

    /// The first update, if its entry is at `done` or below.
    fn pop_done(&mut self, done: Lsn) -> Option<Update> {
        self.updates.front().filter(|first| first.lsn <= done)?;
        self.updates.pop_front()
    }

    /// Tells those whose deadline has come that they will not learn more.
    pub(super) fn expire(&mut self, now: Time, out: &mut Vec<Output>) {
        if now < self.deadline() {
            return;
        }
        let mut deadline = None;
        let mut keep = |token: Token, due: Time, refusal: Refusal| {
            if due > now {
                deadline = Some(deadline.map_or(due, |first: Time| first.min(due)));
                return true;
            }
            out.push(Output::refuse(token, refusal));
            false
        };
        for update in &mut self.updates {
            update.retain(|c| keep(c.token, c.deadline, Refusal::OutcomeUnknown));
        }
        self.reads
            .retain(|r| keep(r.read.token, r.read.deadline, Refusal::TimedOut));
        self.deadline = deadline;
    }

    /// R13: tells everybody who waits that the answer will not come from here. What is in the log
    /// may still take effect.
    pub(super) fn abandon(&mut self, reads: Refusal, out: &mut Vec<Output>) {
        for update in std::mem::take(&mut self.updates) {
            let callers = update.callers();
            out.extend(callers.map(|caller| Output::refuse(caller.token, Refusal::OutcomeUnknown)));
        }
        let waiting = std::mem::take(&mut self.reads).into_iter();
        out.extend(waiting.map(|waiting| Output::refuse(waiting.read.token, reads)));
        self.deadline = None;
    }
}

impl Output {
    /// Tells a client why it gets no other answer.
    pub(super) fn refuse(token: Token, refusal: Refusal) -> Output {
        Output::Reply {
            token,
            reply: Reply::Refused(refusal),
            not_after: None,
        }
    }
}

impl<A: Apply> Replica<A> {
    pub(super) fn set_service(&mut self, service: bool, out: &mut Vec<Output>) {
        self.service = service;
        if let (Role::Owner(owner), false) = (&mut self.role, service) {
            owner.waiting.abandon(Refusal::NotServing, out);
            if let Some(mut ending) = owner.ending.take() {
                ending.abandon(Refusal::NotServing, out);
            }
        }
    }

    /// Why no client can be served at the moment.
    fn hindrance(&self) -> Option<Refusal> {
        match &self.role {
            Role::Follower(_) => Some(Refusal::NotOwner),
            Role::Owner(owner) if self.service && owner.synced() => None,
            Role::Owner(_) | Role::Comparing(_) | Role::Entering(_) | Role::Renewing(_) => {
                Some(Refusal::NotServing)
            }
        }
    }

    pub(super) fn execute(&mut self, execute: Execute, out: &mut Vec<Output>) {
        let Execute {
            token,
            request,
            as_of,
            statement,
            deadline,
        } = execute;
        if let Some(refusal) = self.hindrance() {
            out.push(Output::refuse(token, refusal));
            return;
        }
        let Role::Owner(owner) = &mut self.role else {
            return;
        };
        let caller = Caller { token, deadline };
        // R11: what is in the log, or was executed from it, is never appended again.
        let once = request.filter(|_| !self.settings.rules.broken(Rule::RetryAppliedTwice));
        if let Some(request) = once {
            if let Some(lsn) = owner.waiting.open.get(&request.id).copied() {
                let same = |entry: &Entry| entry.request == Some(request);
                if self.log.get(lsn).is_none_or(same) {
                    owner.waiting.update(lsn, caller, None);
                } else {
                    out.push(Output::refuse(token, Refusal::NumberUsed));
                }
                return;
            }
            let state = &self.data.state;
            match self.data.outcomes.look_up(request, as_of) {
                Known::Other(_) => {
                    out.push(Output::refuse(token, Refusal::NumberUsed));
                    return;
                }
                Known::Done(at, outcome) if at.lsn <= self.data.commit => {
                    let outcome = state.tell(&statement, outcome);
                    let reply = Reply::Done { at, outcome };
                    out.push(Output::Reply {
                        token,
                        reply,
                        not_after: None,
                    });
                    return;
                }
                Known::Done(at, outcome) => {
                    let outcome = state.tell(&statement, outcome);
                    owner.waiting.update(at.lsn, caller, Some((at, outcome)));
                    return;
                }
                Known::Forgotten => {
                    let now = self.log.position(self.data.applied);
                    let refusal = Refusal::OutcomeForgotten {
                        now: now.unwrap_or_default(),
                    };
                    out.push(Output::refuse(token, refusal));
                    return;
                }
                Known::New => {}
            }
        }
        // R15: what comes of it shows soon.
        if let Some(ending) = &mut owner.ending {
            return ending.hold(Execute {
                token,
                request,
                as_of,
                statement,
                deadline,
            });
        }
        if !self.room {
            out.push(Output::refuse(token, Refusal::NoRoom));
            return;
        }
        if self.assigned.in_sync.len() < self.settings.min_in_sync {
            out.push(Output::refuse(token, Refusal::TooFewInSync));
            return;
        }
        let full = self.log.uncommitted_bytes() >= self.settings.uncommitted_limit_bytes;
        if full || self.log.end().0 - self.data.commit.0 >= self.settings.uncommitted_limit_entries
        {
            out.push(Output::refuse(token, Refusal::Overloaded));
            return;
        }
        let at = Position {
            epoch: owner.epoch(),
            lsn: self.log.end().next(),
        };
        let entry = Entry {
            at,
            request,
            statement,
        };
        owner.waiting.note_request(&entry);
        owner.waiting.update(at.lsn, caller, None);
        self.log.push(entry);
    }

    pub(super) fn read(&mut self, now: Time, read: Read, out: &mut Vec<Output>) {
        if matches!(self.role, Role::Follower(_)) {
            return self.read_as_backup(now, read, out);
        }
        if let Some(refusal) = self.hindrance() {
            out.push(Output::refuse(read.token, refusal));
            return;
        }
        let rules = self.settings.rules;
        let Role::Owner(owner) = &mut self.role else {
            return;
        };
        // R10: as long as everybody who may have to say so stands by this owner, its state is the
        // newest there is.
        let lease = owner.lease_until(rules);
        if now < lease {
            out.push(self.answer_read(&read, Some(lease)));
            return;
        }
        let barrier = owner.barrier_for_read();
        owner.waiting.until(read.deadline);
        owner.waiting.reads.push_back(BarrierRead { barrier, read });
    }

    fn answer_read(&self, read: &Read, lease: Option<Time>) -> Output {
        if let Some(refusal) = self.lacks_as_owner(read.seen) {
            return Output::refuse(read.token, refusal);
        }
        let at = self.log.position(self.data.applied).unwrap_or_default();
        let answer = self.data.state.read(&read.query);
        let not_after = lease.filter(|lease| *lease < Time::MAX);
        Output::Reply {
            token: read.token,
            reply: Reply::Answer {
                at,
                answer,
                source: Source::Owner,
            },
            not_after,
        }
    }

    /// R16: why the owner, who shows all that was acknowledged, does not show what a session has seen.
    fn lacks_as_owner(&self, seen: Position) -> Option<Refusal> {
        let shown = self.log.position(seen.lsn) == Some(seen) && seen.lsn <= self.data.applied;
        if seen == Position::default() || shown {
            return None;
        }
        match self.standing(seen) {
            Standing::Held => None,
            Standing::Lost => Some(Refusal::SeenLost),
            // An entry that it holds it is about to show; of a later owner's it knows nothing.
            Standing::Ahead if self.log.holds(seen) || seen.epoch > self.promised => {
                Some(Refusal::NotServing)
            }
            Standing::Ahead => Some(Refusal::SeenLost),
        }
    }

    /// Executes the log up to `lsn`, and keeps the outcomes for those who wait for them.
    pub(super) fn execute_up_to(&mut self, lsn: Lsn) {
        let Role::Owner(owner) = &mut self.role else {
            return;
        };
        let data = &mut self.data;
        for entry in self
            .log
            .above(data.applied)
            .take_while(|entry| entry.at.lsn <= lsn)
        {
            let outcome = data.apply(entry);
            owner.waiting.executed(&data.state, entry, outcome);
        }
    }

    /// Answers everybody whose answer is certain by now.
    pub(super) fn answer(&mut self, now: Time, out: &mut Vec<Output>) {
        let settings = self.settings;
        let durable_end = self.durable_end();
        let Role::Owner(owner) = &self.role else {
            return;
        };
        if !owner.synced() || !self.service {
            return;
        }
        let lease = owner.lease_until(settings.rules);
        let commit = self.data.commit;
        // R12: semi-sync shows committed state only; async runs ahead, as far as its own disk holds.
        let (visible, done) = match settings.mode {
            Mode::SemiSync if settings.rules.broken(Rule::DirtyRead) => (self.log.end(), commit),
            Mode::SemiSync => (commit, commit),
            Mode::Async => {
                let sent = durable_end.min(owner.sent_to_all(now, &settings));
                // R10: an async reply leaves only under a valid lease.
                let leased = now < lease || settings.rules.broken(Rule::AsyncWithoutLease);
                (durable_end, if leased { commit.max(sent) } else { commit })
            }
        };
        self.execute_up_to(visible);
        let Role::Owner(owner) = &mut self.role else {
            return;
        };
        while let Some(update) = owner.waiting.pop_done(done) {
            let Some((at, outcome)) = &update.executed else {
                continue;
            };
            let relies_on_lease = update.lsn > commit && lease < Time::MAX;
            let unleased = settings.rules.broken(Rule::AsyncWithoutLease);
            let not_after = (relies_on_lease && !unleased).then_some(lease);
            out.extend(update.callers().map(|caller| {
                let reply = Reply::Done {
                    at: *at,
                    outcome: outcome.clone(),
                };
                Output::Reply {
                    token: caller.token,
                    reply,
                    not_after,
                }
            }));
        }
        self.answer_reads(now, lease, out);
    }

    fn answer_reads(&mut self, now: Time, lease: Time, out: &mut Vec<Output>) {
        loop {
            let Role::Owner(owner) = &mut self.role else {
                return;
            };
            // R9: everybody has answered a question sent after the read arrived.
            let passed = owner.barrier_passed(self.settings.rules);
            let certain = |read: &BarrierRead| read.barrier <= passed || now < lease;
            if !owner.waiting.reads.front().is_some_and(certain) {
                return;
            }
            let Some(BarrierRead { barrier, read }) = owner.waiting.reads.pop_front() else {
                return;
            };
            let lease = (barrier > passed).then_some(lease);
            out.push(self.answer_read(&read, lease));
        }
    }
}
