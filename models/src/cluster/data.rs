//! The data plane of a node, as the real node drives it: the replicas, the log, and the clients that
//! wait.

use kensho_protocol::ids::{Incarnation, PartitionId, Position, Token};
use kensho_protocol::replica::{Event, LogMemory, Message, Note, Output, Replica};
use kensho_protocol::request::{Refusal, Reply};
use kensho_protocol::time::Time;
use kensho_storage::error::StorageError;

use super::clients::{Attempt, Ending, Request};
use super::control::Report;
use super::load::Load;
use super::node::Waiting;
use super::sights::Sight;
use super::{Cluster, Happening};
use crate::invariants::Violation;
use crate::invariants::linearizable::Origin;
use crate::invariants::watch::Leaving;
use crate::world::disk::{Synced, Written};
use crate::world::node::{Condition, Decided, nonce};
use crate::world::table_service::{node_id, number_of, partition_id};

impl<L: Load> Cluster<L> {
    /// The data plane starts from what is on the node's disk.
    pub(super) fn start_data(&mut self, node: usize) {
        let now = self.nodes[node].clock.read(self.now_ns);
        for number in 0..self.plan.partitions {
            let partition = partition_id(number);
            let nonce = nonce(node, self.nodes[node].life);
            let hosted = &mut self.nodes[node].hosted[number];
            hosted.disk.start(nonce);
            let recovered = hosted.disk.safe().clone();
            let settings = self.plan.settings;
            match Replica::recover(node_id(node), partition, settings, recovered, now) {
                Ok(replica) => hosted.replica = Some(replica),
                Err(_) => self.report_disorder(node, partition),
            }
            self.look_at(node, partition);
        }
        self.nodes[node].data.holds_at = now;
        self.set_data_timer(node);
    }

    pub(super) fn report_disorder(&mut self, node: usize, partition: PartitionId) {
        let node = node_id(node);
        self.watch
            .report(Violation::RecordsOutOfOrder { partition, node });
    }

    pub(super) fn report_failed_storage(&mut self, node: usize, error: &StorageError) {
        let (node, error) = (node_id(node), error.to_string());
        self.watch.report(Violation::StorageFailed { node, error });
    }

    /// The data plane looks at what the coordinator shows.
    pub(super) fn follow(&mut self, node: usize, life: u32) {
        let this = &mut self.nodes[node];
        if this.life != life {
            return;
        }
        let Some(control) = &mut this.control else {
            return;
        };
        control.view_shown = false;
        let view = control.view.clone();
        let before = std::mem::replace(&mut this.data.view, view.clone());
        if view.service != before.service {
            for number in 0..self.plan.partitions {
                self.hand_to_replica(node, partition_id(number), Event::Service(view.service));
            }
        }
        let Some(table) = view.table else {
            return;
        };
        if before.table.is_some_and(|b| b.stamp == table.stamp) {
            return;
        }
        for number in 0..self.plan.partitions {
            let partition = partition_id(number);
            let assignment = table.assignment(partition);
            let replica = self.nodes[node].hosted[number].replica.as_ref();
            if replica.is_some_and(|replica| replica.assigned() != assignment) {
                self.hand_to_replica(node, partition, Event::Assign(assignment.clone()));
            }
        }
    }

    /// Hands an event to a replica, and carries out what it decides.
    pub(super) fn hand_to_replica(&mut self, node: usize, partition: PartitionId, event: Event) {
        if !self.nodes[node].runs() {
            // It was stopped while several were to be told the same.
            let this = &mut self.nodes[node];
            let life = this.life;
            if let Condition::Stopped(stopped) = &mut this.condition {
                stopped.backlog.push_back(Happening::Late {
                    node,
                    life,
                    partition,
                    event,
                });
            }
            return;
        }
        let now = self.nodes[node].clock.read(self.now_ns);
        if self.trace.is_kept() {
            let node = node_id(node);
            self.say(format_args!("{node:?} {partition:?} <- {event:?}"));
        }
        self.figures.events += 1;
        let this = &mut self.nodes[node];
        let hosted = &mut this.hosted[usize::from(partition.0)];
        let Some(replica) = &mut hosted.replica else {
            return;
        };
        replica.handle(now, event, &mut self.outputs);
        let batch_ns = self.plan.processors.batch_ns;
        if batch_ns == 0 {
            self.watch.handed(node_id(node), replica);
            replica.flush(now, &mut self.outputs);
        } else {
            hosted.batch = true;
        }
        self.look_at(node, partition);
        self.act(node, partition);
        if batch_ns > 0 && !std::mem::replace(&mut self.nodes[node].data.batch, true) {
            let life = self.nodes[node].life;
            let at_ns = self.now_ns + self.streams.processors.below(batch_ns + 1);
            self.schedule.put(at_ns, Happening::Flush { node, life });
        }
        self.set_data_timer(node);
    }

    /// Everything of a batch has been handed in.
    pub(super) fn finish_batch(&mut self, node: usize, life: u32) {
        if self.nodes[node].life != life {
            return;
        }
        self.nodes[node].data.batch = false;
        for number in 0..self.plan.partitions {
            let partition = partition_id(number);
            if !self.nodes[node].runs() {
                // It was stopped in the middle; the rest is flushed when it goes on.
                self.nodes[node].data.batch = true;
                if let Condition::Stopped(stopped) = &mut self.nodes[node].condition {
                    stopped.backlog.push_back(Happening::Flush { node, life });
                }
                return;
            }
            let now = self.nodes[node].clock.read(self.now_ns);
            let hosted = &mut self.nodes[node].hosted[number];
            if !std::mem::take(&mut hosted.batch) {
                continue;
            }
            if let Some(replica) = &mut hosted.replica {
                replica.flush(now, &mut self.outputs);
                self.look_at(node, partition);
                self.act(node, partition);
            }
        }
        self.set_data_timer(node);
    }

    /// The invariants look at a replica after each step.
    fn look_at(&mut self, node: usize, partition: PartitionId) {
        let this = &self.nodes[node];
        let Some(replica) = &this.hosted(partition).replica else {
            return;
        };
        let lost_above = self.watch.stepped(node_id(node), this.life, replica);
        if let Some(keep) = lost_above {
            self.sometimes.saw(Sight::AcknowledgedLost);
            self.say(format_args!("{partition:?} loses what is above {keep:?}"));
            self.load.lose_above(partition, keep);
        }
    }

    /// Carries out what the replica decided; or the process stops just before.
    fn act(&mut self, node: usize, partition: PartitionId) {
        if self.outputs.is_empty() {
            return;
        }
        let replica = self.nodes[node].hosted(partition).replica.as_ref();
        let epoch = replica.and_then(Replica::owned_epoch);
        let decided = self.outputs.drain(..).map(|output| Decided {
            partition,
            epoch,
            output,
        });
        let decided: Vec<Decided> = decided.collect();
        let between_ppm = self.plan.processors.stopped_between_ppm;
        if self.turbulent && self.streams.processors.chance(between_ppm) {
            let longest_ns = self.plan.faults.lasts_max_ns;
            let length_ns = self.streams.processors.below(longest_ns + 1);
            self.sometimes.saw(Sight::StoppedBetween);
            self.stop(node, length_ns);
            if let Condition::Stopped(stopped) = &mut self.nodes[node].condition {
                stopped.decided = decided;
            }
            return;
        }
        self.carry_out(node, decided);
        self.checkpoint(node, partition);
    }

    /// Carries outputs out, in order.
    pub(super) fn carry_out(&mut self, node: usize, decided: Vec<Decided>) {
        for one in decided {
            if self.trace.is_kept() {
                let (node, partition) = (node_id(node), one.partition);
                self.say(format_args!("{node:?} {partition:?} -> {:?}", one.output));
            }
            self.carry_out_one(node, one);
        }
    }

    fn carry_out_one(&mut self, node: usize, decided: Decided) {
        let Decided {
            partition,
            epoch,
            output,
        } = decided;
        match output {
            Output::Persist { ticket, record } => {
                self.write(node, partition, Written::Record(ticket, record));
            }
            Output::Send { to, message } => self.send_data(node, number_of(to), partition, message),
            Output::Reply {
                token,
                reply,
                not_after,
            } => self.reply(node, epoch, token, reply, not_after),
            Output::Ask(change) => {
                self.tell_control(node, Report::Ask(change));
            }
            Output::CutOff { .. } => {}
            Output::RolledBack(incarnation) => self.node_rolled_back(node, incarnation),
            Output::Note(note) => match note {
                Note::RolledBack { .. } => self.sometimes.saw(Sight::RolledBack),
                Note::Behind { .. } => {
                    self.sometimes.saw(Sight::Behind);
                    self.tell_holds(node);
                }
                Note::Unwitnessed { .. } => self.watch.told(partition),
                Note::TailCut { entries: 1.., .. } => self.sometimes.saw(Sight::TailCut),
                Note::ImageInstalled { .. } => self.sometimes.saw(Sight::ImageInstalled),
                Note::Serving { .. } if self.watch.has_failed_over(partition) => {
                    self.sometimes.saw(Sight::FailoverServed);
                }
                _ => {}
            },
        }
    }

    /// One replica has found out that its node's disk went back in time: all of them begin another life.
    fn node_rolled_back(&mut self, node: usize, incarnation: Incarnation) {
        let this = &mut self.nodes[node];
        for (number, hosted) in this.hosted.iter_mut().enumerate() {
            hosted.disk.begin_another_life(incarnation);
            let (partition, safe) = (partition_id(number), hosted.disk.safe());
            self.watch.disk_changed(partition, node_id(node), safe);
        }
        if let Some(folder) = &mut this.folder
            && let Err(error) = folder.begin_another_life(incarnation)
        {
            self.report_failed_storage(node, &error);
        }
        for number in 0..self.plan.partitions {
            let event = Event::RolledBack(incarnation);
            self.hand_to_replica(node, partition_id(number), event);
        }
        self.tell_holds(node);
    }

    fn tell_holds(&mut self, node: usize) {
        let replicas = self.nodes[node].hosted.iter();
        let held = replicas
            .filter_map(|hosted| hosted.replica.as_ref())
            .map(Replica::held);
        let held = held.collect();
        self.tell_control(node, Report::Holds(held));
    }

    fn tell_control(&mut self, node: usize, report: Report) {
        let wait_ns = self.handover_ns();
        let life = self.nodes[node].life;
        let tell = Happening::Report { node, life, report };
        self.schedule.put(self.now_ns + wait_ns, tell);
    }

    fn send_data(&mut self, from: usize, to: usize, partition: PartitionId, message: Message) {
        self.figures.messages += 1;
        let life = self.nodes[from].life;
        let random = &mut self.streams.network;
        let arrivals = self.network.send(from, to, self.now_ns, random);
        if let Some(at_ns) = arrivals.second_ns {
            let again = Happening::Peer {
                to,
                from,
                life,
                partition,
                message: message.clone(),
            };
            self.schedule.put(at_ns, again);
        }
        if let Some(at_ns) = arrivals.first_ns {
            let first = Happening::Peer {
                to,
                from,
                life,
                partition,
                message,
            };
            self.schedule.put(at_ns, first);
        }
    }

    fn set_data_timer(&mut self, node: usize) {
        let late_max_ns = self.plan.processors.timer_late_max_ns;
        let this = &mut self.nodes[node];
        let replicas = this.hosted.iter().filter_map(|h| h.replica.as_ref());
        let first = replicas.filter_map(Replica::deadline).min();
        let due = first.unwrap_or(Time::MAX).min(this.data.holds_at);
        let Some(due_ns) = this.clock.when_it_shows(due) else {
            return;
        };
        if due_ns < this.data.wake_ns {
            let late_ns = self.streams.processors.below(late_max_ns + 1);
            // A timer never fires at once: a loop of timers would be a loop in no time.
            let at_ns = due_ns.max(self.now_ns + 1_000) + late_ns;
            if at_ns < this.data.wake_ns {
                this.data.wake_ns = at_ns;
                let life = this.life;
                self.schedule.put(at_ns, Happening::DataWake { node, life });
            }
        }
    }

    pub(super) fn data_wake(&mut self, node: usize, life: u32) {
        let this = &mut self.nodes[node];
        if this.life != life || this.data.wake_ns > self.now_ns {
            return;
        }
        this.data.wake_ns = u64::MAX;
        let now = this.clock.read(self.now_ns);
        for number in 0..self.plan.partitions {
            let replica = self.nodes[node].hosted[number].replica.as_ref();
            let deadline = replica.and_then(Replica::deadline);
            if deadline.is_some_and(|deadline| deadline <= now) {
                self.hand_to_replica(node, partition_id(number), Event::Tick);
            }
        }
        let this = &mut self.nodes[node];
        if this.data.holds_at <= now {
            this.data.holds_at = now + self.plan.settings.heartbeat;
            self.report_holds(node);
        }
        self.set_data_timer(node);
    }

    fn write(&mut self, node: usize, partition: PartitionId, written: Written) {
        let this = &mut self.nodes[node];
        let hosted = &mut this.hosted[usize::from(partition.0)];
        if let (Some(folder), Some(replica)) = (&mut this.folder, &hosted.replica) {
            let epochs = (replica.promised(), replica.log_epoch());
            folder.write(partition, &written, epochs);
        }
        if hosted.disk.write(written) {
            self.begin_sync(node, partition);
        }
    }

    fn begin_sync(&mut self, node: usize, partition: PartitionId) {
        let takes_ns = self.sync_takes_ns();
        let this = &mut self.nodes[node];
        this.hosted[usize::from(partition.0)].disk.begin_sync();
        let life = this.life;
        let synced = Happening::Synced {
            node,
            life,
            partition,
        };
        self.schedule.put(self.now_ns + takes_ns, synced);
    }

    pub(super) fn sync_takes_ns(&mut self) -> u64 {
        let random = &mut self.streams.disks;
        self.plan.disks.sync_takes_ns(self.turbulent, random)
    }

    /// A disk has synced. It works on while the process is stopped.
    pub(super) fn synced(&mut self, node: usize, life: u32, partition: PartitionId) {
        if self.nodes[node].life != life {
            return;
        }
        let this = &mut self.nodes[node];
        let disk = &this.hosted[usize::from(partition.0)].disk;
        let left = disk.unsafe_writes() - disk.syncing();
        if let Some(folder) = &mut this.folder {
            match folder.sync(partition, left) {
                Ok(room) => self.notice_room(node, room),
                Err(error) if error.is_full() => {
                    self.notice_room(node, false);
                    let again = Happening::Synced {
                        node,
                        life,
                        partition,
                    };
                    let at_ns = self.now_ns + self.room_asked_after_ns();
                    return self.schedule.put(at_ns, again);
                }
                Err(error) => self.report_failed_storage(node, &error),
            }
        }
        let this = &mut self.nodes[node];
        let disk = &mut this.hosted[usize::from(partition.0)].disk;
        let synced = disk.end_sync();
        let more = disk.unsafe_writes() > 0;
        self.watch
            .disk_changed(partition, node_id(node), disk.safe());
        match synced {
            Ok(synced) => self.happen(Happening::Durable {
                node,
                life,
                partition,
                synced,
            }),
            Err(_) => self.report_disorder(node, partition),
        }
        if more {
            self.begin_sync(node, partition);
        }
    }

    /// How long a full disk is left alone before it is asked again.
    pub(super) fn room_asked_after_ns(&self) -> u64 {
        self.plan.heartbeat_ns() / 4 + 1
    }

    /// Both planes hear whether the disk has room for updates, when that changes.
    pub(super) fn notice_room(&mut self, node: usize, room: bool) {
        if std::mem::replace(&mut self.nodes[node].room, room) != room {
            if !room {
                self.sometimes.saw(Sight::RoomLost);
            }
            self.tell_room(node);
        }
    }

    pub(super) fn tell_room(&mut self, node: usize) {
        if !self.nodes[node].is_up() {
            return;
        }
        let room = self.nodes[node].room;
        for number in 0..self.plan.partitions {
            self.hand_to_replica(node, partition_id(number), Event::Room(room));
        }
        self.report_holds(node);
    }

    /// The coordinator hears what the replicas hold, and whether there is room for more.
    fn report_holds(&mut self, node: usize) {
        let this = &self.nodes[node];
        let room = this.room;
        let replicas = this.hosted.iter().filter_map(|h| h.replica.as_ref());
        let held = replicas.map(Replica::held).collect();
        self.tell_control(node, Report::Holds(held));
        self.tell_control(node, Report::Room(room));
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
        if synced.checkpoint.is_some() {
            self.nodes[node].hosted[usize::from(partition.0)].checkpointing = false;
            self.forget(node);
        }
        if let Some(ticket) = synced.ticket {
            self.hand_to_replica(node, partition, Event::Durable(ticket));
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
            self.hand_to_replica(node, partition, Event::Forget(keep_bytes));
            memory.note_all(self.nodes[node].replicas());
            self.sometimes.saw(Sight::LogForgotten);
        }
    }

    /// Makes a checkpoint when enough has been committed since the last one.
    fn checkpoint(&mut self, node: usize, partition: PartitionId) {
        let every = self.plan.disks.checkpoint_entries;
        let hosted = &mut self.nodes[node].hosted[usize::from(partition.0)];
        // The image knows what is committed; its record must not be behind it in the log.
        if hosted.batch {
            return;
        }
        if let Some(checkpoint) = hosted.due_checkpoint(every) {
            self.write(node, partition, checkpoint);
        }
    }

    /// A client's request comes to a node.
    pub(super) fn request(
        &mut self,
        to: usize,
        attempt: Attempt,
        (partition, request): (PartitionId, Request),
        as_of: Position,
    ) {
        let this = &mut self.nodes[to];
        let deadline = this.clock.read(self.now_ns) + self.plan.clients.deadline;
        let token = this.data.wait(Waiting {
            attempt,
            request: request.clone(),
            partition,
            deadline,
        });
        let event = request.event(token, as_of, deadline);
        self.hand_to_replica(to, partition, event);
    }

    /// A read's answer came too late for its lease: it is asked again.
    pub(super) fn read_again(&mut self, node: usize, life: u32, token: Token) {
        let this = &self.nodes[node];
        let Some(waiting) = this.data.waiting.get(&token) else {
            return;
        };
        if this.life == life {
            let (partition, deadline) = (waiting.partition, waiting.deadline);
            let again = waiting.request.clone();
            let event = again.event(token, Position::default(), deadline);
            self.hand_to_replica(node, partition, event);
        }
    }

    /// A reply is about to leave: what relies on a lease that has run out must not (rule R10).
    fn reply(
        &mut self,
        node: usize,
        epoch: Option<kensho_protocol::ids::Epoch>,
        token: Token,
        reply: Reply,
        not_after: Option<Time>,
    ) {
        let this = &mut self.nodes[node];
        let now = this.clock.read(self.now_ns);
        let Some(waiting) = this.data.waiting.remove(&token) else {
            return;
        };
        let late = not_after.is_some_and(|limit| now >= limit);
        let reply = match (late, &waiting.request) {
            (false, _) => reply,
            (true, Request::Update { .. }) => Reply::Refused(Refusal::OutcomeUnknown),
            (true, Request::Read(_)) if waiting.deadline <= now => {
                Reply::Refused(Refusal::TimedOut)
            }
            (true, Request::Read(_)) => {
                this.data.waiting.insert(token, waiting);
                let life = this.life;
                self.sometimes.saw(Sight::LeaseRanOut);
                let again = Happening::ReadAgain { node, life, token };
                return self.schedule.put(self.now_ns, again);
            }
        };
        let asked = self.load.asked(waiting.attempt, waiting.request.id());
        let leaving = Leaving {
            origin: Origin {
                partition: waiting.partition,
                node: node_id(node),
            },
            epoch,
            on_lease: not_after.is_some(),
            asked,
        };
        self.note_reply(leaving, &reply);
        let nodes = &self.nodes;
        let disk = |member| {
            nodes[number_of(member)]
                .hosted(waiting.partition)
                .disk
                .safe()
        };
        self.watch.replied(leaving, &reply, disk);
        self.answer_client(node, waiting.attempt, Ending::Reply(reply));
    }

    /// Counts what must happen sometimes.
    fn note_reply(&mut self, leaving: Leaving, reply: &Reply) {
        let failed_over = self.watch.has_failed_over(leaving.origin.partition);
        match reply {
            Reply::Refused(Refusal::NoRoom) => self.sometimes.saw(Sight::RefusedForRoom),
            Reply::Answer { .. } if failed_over => self.sometimes.saw(Sight::ReadAfterFailover),
            Reply::Done { at, .. } if leaving.epoch.is_some_and(|now| now > at.epoch) => {
                self.sometimes.saw(Sight::AcknowledgedAcrossEpochs);
            }
            _ => {}
        }
    }
}
