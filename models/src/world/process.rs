//! A node's process: hands events to its replicas, and carries out what they decide.

use kensho_protocol::ids::{Incarnation, Lsn, PartitionId, Token};
use kensho_protocol::replica::{Event, LogMemory, Message, Note, Output, Replica};
use kensho_protocol::request::{ReadFrom, Refusal, Reply, Source};
use kensho_protocol::rule::Rule;
use kensho_protocol::settings::Settings;
use kensho_protocol::time::Time;

use super::client::Operation;
use super::disk::{Synced, Written};
use super::node::nonce;
use super::node::{Condition, Decided};
use super::sights::Sight;
use super::table_service::{node_id, number_of, partition_id};
use super::{Happening, OperationId, World};
use crate::invariants::Violation;
use crate::invariants::backup_prefix::Owed;
use crate::invariants::linearizable::{Asked, Origin};
use crate::invariants::watch::Leaving;

impl World {
    /// What is for a stopped process waits; what is for one that is gone is lost.
    pub(super) fn hold_back(&mut self, node: usize, what: Happening) {
        if let Condition::Stopped(stopped) = &mut self.nodes[node].condition {
            stopped.backlog.push_back(what);
        }
    }

    /// A node starts from what is on its disk.
    pub(super) fn start(&mut self, node: usize) {
        if self.nodes[node].is_up() {
            return;
        }
        self.say(format_args!("{:?} starts", node_id(node)));
        let now = self.nodes[node].clock.read(self.now_ns);
        self.nodes[node].condition = Condition::Running;
        for number in 0..self.plan.partitions {
            let partition = partition_id(number);
            let nonce = nonce(node, self.nodes[node].life);
            let hosted = &mut self.nodes[node].hosted[number];
            hosted.disk.start(nonce);
            let recovered = hosted.disk.safe().clone();
            let settings = self.plan.settings;
            match Replica::recover(node_id(node), partition, settings, recovered, now) {
                Ok(replica) => hosted.replica = Some(replica),
                Err(_) => self.watch.report(Violation::RecordsOutOfOrder {
                    partition,
                    node: node_id(node),
                }),
            }
            self.after_step(node, partition);
        }
        self.tell(node);
    }

    /// A node's process is gone, with all that was in memory.
    pub(super) fn crash(&mut self, node: usize) {
        self.say(format_args!("{:?} crashes", node_id(node)));
        self.nodes[node].life += 1;
        self.nodes[node].condition = Condition::Down;
        self.nodes[node].stamp = kensho_protocol::table::Stamp::default();
        self.nodes[node].heard.clear();
        for number in 0..self.plan.partitions {
            let partition = partition_id(number);
            let hosted = &mut self.nodes[node].hosted[number];
            hosted.lose_memory();
            let written = hosted.disk.unsafe_writes();
            let kept = hosted.disk.crash(&mut self.streams.disks);
            match kept {
                Ok(kept) if kept < written => self.sometimes.saw(Sight::RecordsLost),
                Ok(_) => {}
                Err(_) => self.watch.report(Violation::RecordsOutOfOrder {
                    partition,
                    node: node_id(node),
                }),
            }
            let safe = self.nodes[node].hosted[number].disk.safe();
            self.watch.disk_changed(partition, node_id(node), safe);
            self.watch.stopped(partition, node_id(node));
        }
    }

    /// A process stops where it is.
    pub(super) fn stop(&mut self, node: usize, length_ns: u64) {
        if !self.nodes[node].runs() {
            return;
        }
        self.say(format_args!("{:?} stops", node_id(node)));
        let since_ns = self.now_ns;
        self.nodes[node].condition = Condition::stopped(since_ns);
        let goes_on = Happening::Continue { node, since_ns };
        self.schedule.put(since_ns + length_ns, goes_on);
    }

    /// A stopped process goes on: first with what it was about to do, then with what came meanwhile.
    pub(super) fn go_on(&mut self, node: usize, since_ns: u64) {
        let is_it = matches!(&self.nodes[node].condition,
            Condition::Stopped(stopped) if stopped.since_ns == since_ns);
        if !is_it {
            return;
        }
        self.say(format_args!("{:?} goes on", node_id(node)));
        let before = std::mem::replace(&mut self.nodes[node].condition, Condition::Running);
        let Condition::Stopped(stopped) = before else {
            return;
        };
        if self.plan.settings.rules.broken(Rule::LeaseClockStops) {
            let clock = &mut self.nodes[node].clock;
            let stood = clock.read(self.now_ns).since(clock.read(since_ns));
            clock.stand_still(u64::try_from(stood.as_nanos()).unwrap_or(0));
            for hosted in &mut self.nodes[node].hosted {
                hosted.forget_due();
            }
        }
        self.carry_out(node, stopped.decided.into_iter());
        for what in stopped.backlog {
            self.happen(what);
        }
    }

    /// Hands an event to a replica.
    pub(super) fn hand_in(&mut self, node: usize, partition: PartitionId, event: Event) {
        let now = self.nodes[node].clock.read(self.now_ns);
        if self.trace.is_kept() {
            self.say(format_args!(
                "{:?} {partition:?} <- {event:?}",
                node_id(node)
            ));
        }
        let hosted = &mut self.nodes[node].hosted[usize::from(partition.0)];
        let Some(replica) = &mut hosted.replica else {
            return;
        };
        replica.handle(now, event, &mut self.outputs);
        let batch_ns = self.plan.processors.batch_ns;
        if batch_ns == 0 {
            self.watch.handed(node_id(node), replica);
            replica.flush(now, &mut self.outputs);
            self.after_step(node, partition);
            self.act(node, partition);
        } else {
            hosted.put_off(partition, &mut self.outputs);
            let begins = !std::mem::replace(&mut hosted.batch, true);
            self.after_step(node, partition);
            if begins {
                let life = self.nodes[node].life;
                let at_ns = self.now_ns + self.streams.processors.below(batch_ns + 1);
                let flush = Happening::Flush {
                    node,
                    life,
                    partition,
                };
                self.schedule.put(at_ns, flush);
            }
        }
    }

    /// Everything of a batch has been handed in.
    pub(super) fn end_batch(&mut self, node: usize, life: u32, partition: PartitionId) {
        let this = &mut self.nodes[node];
        let now = this.clock.read(self.now_ns);
        let hosted = &mut this.hosted[usize::from(partition.0)];
        let Some(replica) = hosted.replica.as_mut().filter(|_| this.life == life) else {
            return;
        };
        hosted.batch = false;
        replica.flush(now, &mut self.outputs);
        self.after_step(node, partition);
        self.act(node, partition);
    }

    /// Looks at a replica after each step: its timer, and the invariants.
    fn after_step(&mut self, node: usize, partition: PartitionId) {
        let Self {
            nodes,
            schedule,
            streams,
            watch,
            now_ns,
            plan,
            ..
        } = self;
        let this = &mut nodes[node];
        let hosted = &mut this.hosted[usize::from(partition.0)];
        let due_ns = hosted.due_ns(&this.clock);
        let Some(replica) = &hosted.replica else {
            return;
        };
        if due_ns < hosted.wake_ns {
            let late_ns = streams
                .processors
                .below(plan.processors.timer_late_max_ns + 1);
            // A timer never fires at once: a loop of timers would be a loop in no time.
            let at_ns = due_ns.max(*now_ns + 1_000) + late_ns;
            if at_ns < hosted.wake_ns {
                hosted.wake_ns = at_ns;
                let wake = Happening::Wake {
                    node,
                    life: this.life,
                    partition,
                };
                schedule.put(at_ns, wake);
            }
        }
        let lost_above = watch.stepped(node_id(node), this.life, replica);
        if let Some(keep) = lost_above {
            self.sometimes.saw(Sight::AcknowledgedLost);
            self.say(format_args!("{partition:?} loses what is above {keep:?}"));
            for client in &mut self.clients {
                client.lose_above(partition, keep);
            }
        }
    }

    /// Carries out what the replica decided; or the process stops just before.
    fn act(&mut self, node: usize, partition: PartitionId) {
        let hosted = &mut self.nodes[node].hosted[usize::from(partition.0)];
        if hosted.decided.is_empty() && self.outputs.is_empty() {
            return;
        }
        let between_ppm = self.plan.processors.stopped_between_ppm;
        if self.turbulent && self.streams.processors.chance(between_ppm) {
            hosted.put_off(partition, &mut self.outputs);
            let decided = std::mem::take(&mut hosted.decided);
            let longest_ns = self.plan.faults.lasts_max_ns;
            let length_ns = self.streams.processors.below(longest_ns + 1);
            self.stop(node, length_ns);
            self.sometimes.saw(Sight::StoppedBetween);
            if let Condition::Stopped(stopped) = &mut self.nodes[node].condition {
                stopped.decided.extend(decided);
            }
            return;
        }
        // All of it is taken away before any of it is done: that may hand something to the node's other
        // replicas, which decide as well.
        hosted.put_off(partition, &mut self.outputs);
        let mut decided = std::mem::take(&mut hosted.decided);
        self.carry_out(node, decided.drain(..));
        self.nodes[node].hosted[usize::from(partition.0)].reuse(decided);
        self.checkpoint(node, partition);
    }

    /// Carries outputs out, in order. That the disk went back in time is told to the other replicas last.
    fn carry_out(&mut self, node: usize, decided: impl Iterator<Item = Decided>) {
        let mut rolled_back = None;
        for one in decided {
            if let Output::RolledBack(incarnation) = one.output {
                rolled_back = Some((one.partition, incarnation));
                self.begin_another_life(node, incarnation);
            }
            if self.trace.is_kept() {
                let partition = one.partition;
                self.say(format_args!(
                    "{:?} {partition:?} -> {:?}",
                    node_id(node),
                    one.output
                ));
            }
            self.carry_out_one(node, one);
        }
        if let Some((found_by, incarnation)) = rolled_back {
            let all = (0..self.plan.partitions).map(partition_id);
            for partition in all.filter(|partition| *partition != found_by) {
                self.hand_in(node, partition, Event::RolledBack(incarnation));
            }
        }
    }

    fn carry_out_one(&mut self, node: usize, decided: Decided) {
        let partition = decided.partition;
        match decided.output {
            Output::Persist { ticket, record } => {
                self.write(node, partition, Written::Record(ticket, record));
            }
            Output::Send { to, message } => self.send(node, number_of(to), partition, message),
            Output::Reply {
                token,
                reply,
                not_after,
            } => self.reply(node, (partition, decided.epoch), token, reply, not_after),
            Output::Ask(change) => self.ask_master(node, change),
            Output::CutOff { .. } | Output::RolledBack(_) => {}
            Output::Note(note) => match note {
                Note::RolledBack { .. } => self.sometimes.saw(Sight::RolledBack),
                Note::Behind { .. } => self.sometimes.saw(Sight::Behind),
                Note::TailCut { entries: 1.., .. } => self.sometimes.saw(Sight::TailCut),
                Note::ImageInstalled { .. } => self.sometimes.saw(Sight::ImageInstalled),
                Note::Serving { .. } if self.watch.has_failed_over(partition) => {
                    self.sometimes.saw(Sight::FailoverServed);
                }
                _ => {}
            },
        }
    }

    /// One replica has found out that its node's disk went back in time, and that is written down.
    fn begin_another_life(&mut self, node: usize, incarnation: Incarnation) {
        for number in 0..self.plan.partitions {
            let disk = &mut self.nodes[node].hosted[number].disk;
            disk.begin_another_life(incarnation);
            let (partition, safe) = (partition_id(number), disk.safe());
            self.watch.disk_changed(partition, node_id(node), safe);
        }
    }

    fn send(&mut self, from: usize, to: usize, partition: PartitionId, message: Message) {
        self.figures.messages += 1;
        let life = self.nodes[from].life;
        let random = &mut self.streams.network;
        let arrivals = self.network.send(from, to, self.now_ns, random);
        if let Some(at_ns) = arrivals.second_ns {
            let peer = Happening::Peer {
                to,
                from,
                life,
                partition,
                message: message.clone(),
            };
            self.schedule.put(at_ns, peer);
        }
        if let Some(at_ns) = arrivals.first_ns {
            let peer = Happening::Peer {
                to,
                from,
                life,
                partition,
                message,
            };
            self.schedule.put(at_ns, peer);
        }
    }

    pub(super) fn peer_message(
        &mut self,
        to: usize,
        (from, life): (usize, u32),
        partition: PartitionId,
        message: Message,
    ) {
        self.figures.events += 1;
        // As a node refuses the connection of a process that another one has taken the place of.
        if !self.nodes[to].takes_from(from, life) {
            return;
        }
        let from = node_id(from);
        self.hand_in(to, partition, Event::Message { from, message });
    }

    fn write(&mut self, node: usize, partition: PartitionId, written: Written) {
        let disk = &mut self.nodes[node].hosted[usize::from(partition.0)].disk;
        if disk.write(written) {
            self.begin_sync(node, partition);
        }
    }

    fn begin_sync(&mut self, node: usize, partition: PartitionId) {
        let random = &mut self.streams.disks;
        let takes_ns = self.plan.disks.sync_takes_ns(self.turbulent, random);
        let this = &mut self.nodes[node];
        this.hosted[usize::from(partition.0)].disk.begin_sync();
        let synced = Happening::Synced {
            node,
            life: this.life,
            partition,
        };
        self.schedule.put(self.now_ns + takes_ns, synced);
    }

    /// The disk works on while the process is stopped.
    pub(super) fn synced(&mut self, node: usize, life: u32, partition: PartitionId) {
        if self.nodes[node].life != life {
            return;
        }
        let disk = &mut self.nodes[node].hosted[usize::from(partition.0)].disk;
        let synced = disk.end_sync();
        let more = disk.unsafe_writes() > 0;
        let safe = self.nodes[node].hosted[usize::from(partition.0)]
            .disk
            .safe();
        self.watch.disk_changed(partition, node_id(node), safe);
        match synced {
            Ok(synced) => self.happen(Happening::Durable {
                node,
                life,
                partition,
                synced,
            }),
            Err(_) => self.watch.report(Violation::RecordsOutOfOrder {
                partition,
                node: node_id(node),
            }),
        }
        if more {
            self.begin_sync(node, partition);
        }
    }

    pub(super) fn durable(
        &mut self,
        node: usize,
        life: u32,
        partition: PartitionId,
        synced: Synced,
    ) {
        if self.nodes[node].life != life {
            return;
        }
        self.figures.events += 1;
        if synced.checkpoint.is_some() {
            self.nodes[node].hosted[usize::from(partition.0)].checkpointing = false;
            self.forget(node);
        }
        if let Some(ticket) = synced.ticket {
            self.hand_in(node, partition, Event::Durable(ticket));
        }
    }

    pub(super) fn wake(&mut self, node: usize, life: u32, partition: PartitionId) {
        let this = &mut self.nodes[node];
        let now = this.clock.read(self.now_ns);
        let hosted = &mut this.hosted[usize::from(partition.0)];
        // One that was set for a later time before an earlier one was found out counts for nothing,
        // unless the process was stopped when its time came.
        if this.life != life || hosted.wake_ns > self.now_ns {
            return;
        }
        hosted.wake_ns = u64::MAX;
        let due = hosted.replica.as_ref().and_then(Replica::deadline);
        if due.is_some_and(|due| due <= now) {
            self.figures.events += 1;
            self.hand_in(node, partition, Event::Tick);
        } else {
            self.after_step(node, partition);
        }
    }

    /// Shortens the logs of a node that take too much of its memory. A real one looks after each batch,
    /// this one after each checkpoint: a run is short, and something should be left to be forgotten.
    fn forget(&mut self, node: usize) {
        let mut memory = LogMemory::new(self.plan.log_memory_bytes, self.plan.partitions);
        memory.note_all(self.nodes[node].replicas());
        while let Some((partition, keep_bytes)) = memory.over()
            && self.nodes[node].runs()
        {
            self.hand_in(node, partition, Event::Forget(keep_bytes));
            memory.note_all(self.nodes[node].replicas());
            self.sometimes.saw(Sight::LogForgotten);
        }
    }

    /// Makes a checkpoint when enough has been committed since the last one.
    fn checkpoint(&mut self, node: usize, partition: PartitionId) {
        let every = self.plan.disks.checkpoint_entries;
        let hosted = &mut self.nodes[node].hosted[usize::from(partition.0)];
        if let Some(checkpoint) = hosted.due_checkpoint(every) {
            self.write(node, partition, checkpoint);
        }
    }

    pub(super) fn request(
        &mut self,
        to: usize,
        operation: OperationId,
        partition: PartitionId,
        asked: Asked,
        as_of: kensho_protocol::ids::Position,
    ) {
        self.figures.events += 1;
        self.requests += 1;
        let token = operation.token(self.requests);
        let deadline = self.nodes[to].clock.read(self.now_ns) + self.plan.clients.deadline;
        let event = asked.event(token, as_of, deadline);
        self.hand_in(to, partition, event);
    }

    /// A reply is about to leave: what relies on a lease that has run out must not (rule R10).
    fn reply(
        &mut self,
        node: usize,
        (partition, epoch): (PartitionId, Option<kensho_protocol::ids::Epoch>),
        token: Token,
        reply: Reply,
        not_after: Option<Time>,
    ) {
        let operation = OperationId::of(token);
        let open = self.clients[operation.client].operation(operation.number);
        let asked = open.map(|open| (open.asked, open.known));
        let owed = open.map_or(Owed::default(), |open| self.owed(partition, open));
        let now = self.nodes[node].clock.read(self.now_ns);
        let late = not_after.is_some_and(|limit| now >= limit);
        let reply = match (late, reply) {
            (false, reply) => reply,
            (true, Reply::Done { .. }) => Reply::Refused(Refusal::OutcomeUnknown),
            (true, _) => {
                self.sometimes.saw(Sight::LeaseRanOut);
                if let Some(open) = self.clients[operation.client].operation(operation.number) {
                    let again = Happening::Request {
                        to: node,
                        operation,
                        partition,
                        asked: open.asked,
                        as_of: open.as_of,
                    };
                    self.schedule.put(self.now_ns, again);
                }
                return;
            }
        };
        let leaving = Leaving {
            origin: Origin {
                partition,
                node: node_id(node),
            },
            epoch,
            on_lease: not_after.is_some(),
            asked,
            owed,
        };
        self.note_reply(leaving, &reply);
        let nodes = &self.nodes;
        let disk = |member| nodes[number_of(member)].hosted(partition).disk.safe();
        self.watch.replied(leaving, &reply, disk);
        self.watch.note_time(partition, self.now_ns);
        self.reply_to_client(node, operation, reply);
    }

    /// What a backup must know of now that it answers this.
    fn owed(&self, partition: PartitionId, open: &Operation) -> Owed {
        let Asked::Read {
            from: ReadFrom::Any { max_age },
            ..
        } = open.asked
        else {
            return Owed::default();
        };
        // Its clock may be as slow as the settings allow for.
        let age = max_age * (100 + Settings::DRIFT_PERCENT) / 100 + max_age / 1_000;
        let then_ns = u64::try_from(age.as_nanos())
            .ok()
            .and_then(|age_ns| self.now_ns.checked_sub(age_ns));
        Owed {
            seen: open.as_of,
            acknowledged: then_ns
                .map_or(Lsn(0), |then| self.watch.acknowledged_at(partition, then)),
        }
    }

    /// Counts what must happen sometimes.
    fn note_reply(&mut self, leaving: Leaving, reply: &Reply) {
        let failed_over = self.watch.has_failed_over(leaving.origin.partition);
        match reply {
            Reply::Answer {
                source: Source::Backup { .. },
                ..
            } => self.sometimes.saw(Sight::ReadFromBackup),
            Reply::Refused(Refusal::Behind) => self.sometimes.saw(Sight::BackupBehind),
            Reply::Refused(Refusal::SeenLost) => self.sometimes.saw(Sight::SeenLost),
            Reply::Answer { .. } => {
                if failed_over {
                    self.sometimes.saw(Sight::ReadAfterFailover);
                }
                self.sometimes.saw(match leaving.on_lease {
                    true => Sight::ReadByLease,
                    false => Sight::ReadByBarrier,
                });
            }
            Reply::Done { at, .. }
                if failed_over && leaving.epoch.is_some_and(|now| now > at.epoch) =>
            {
                self.sometimes.saw(Sight::AcknowledgedAcrossFailover);
            }
            Reply::Refused(Refusal::OutcomeForgotten { .. }) => {
                self.sometimes.saw(Sight::OutcomeForgotten);
            }
            _ => {}
        }
    }
}
