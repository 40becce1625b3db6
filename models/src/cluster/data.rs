//! Drives the data plane of a node: the machine that ships, with simulated disks, network and clients
//! around it. It does what the real node's data thread does, and nothing more.

use kensho_kernel::Report;
use kensho_kernel::data::{Answer, Ask, DataPlane, Input, Output, Told};
use kensho_protocol::ids::{Epoch, Incarnation, PartitionId, Position, Ticket};
use kensho_protocol::replica::{Message, Note, Replica};
use kensho_protocol::request::{Refusal, Reply};
use kensho_storage::error::StorageError;

use super::clients::{Attempt, Ending, Request};
use super::load::Load;
use super::node::Waiting;
use super::sights::Sight;
use super::{Cluster, Happening};
use crate::invariants::Violation;
use crate::invariants::backup_prefix::Owed;
use crate::invariants::linearizable::Origin;
use crate::invariants::watch::Leaving;
use crate::world::disk::{Synced, Written};
use crate::world::node::{Condition, nonce};
use crate::world::table_service::{node_id, number_of, partition_id};

impl<L: Load> Cluster<L> {
    /// The data plane starts from what is on the node's disk.
    pub(super) fn start_data(&mut self, node: usize) {
        let now = self.nodes[node].clock.read(self.now_ns);
        let mut replicas = Vec::new();
        for number in 0..self.plan.partitions {
            let partition = partition_id(number);
            let nonce = nonce(node, self.nodes[node].life);
            let disk = &mut self.nodes[node].disks[number];
            disk.start(nonce);
            let recovered = disk.safe().clone();
            let settings = self.plan.settings;
            match Replica::recover(node_id(node), partition, settings, recovered, now) {
                Ok(replica) => replicas.push(replica),
                Err(_) => return self.report_disorder(node, partition),
            }
        }
        let plane = DataPlane::new(self.plan.data(), replicas, None, now);
        let this = &mut self.nodes[node];
        this.data.log.start(&this.disks);
        this.data.plane = Some(plane);
        for number in 0..self.plan.partitions {
            self.look_at(node, partition_id(number));
        }
        self.tell_log(node);
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
        self.hand_in(node, Input::View(view));
    }

    /// Hands something to a data plane, and ends the batch at once or a little later.
    pub(super) fn hand_in(&mut self, node: usize, input: Input<Waiting>) {
        let this = &mut self.nodes[node];
        let life = this.life;
        if let Condition::Stopped(stopped) = &mut this.condition {
            // It was stopped while several things were to be handed in.
            let late = Happening::Late { node, life, input };
            return stopped.backlog.push_back(late);
        }
        if self.trace.is_kept() {
            self.say(format_args!("{:?} <- {input:?}", node_id(node)));
        }
        self.figures.events += 1;
        self.hand_to_plane(node, input);
        let batch_ns = self.plan.processors.batch_ns;
        if batch_ns == 0 {
            self.finish_batch(node, life);
        } else if !std::mem::replace(&mut self.nodes[node].data.batch, true) {
            let at_ns = self.now_ns + self.streams.processors.below(batch_ns + 1);
            self.schedule.put(at_ns, Happening::Flush { node, life });
        }
    }

    fn hand_to_plane(&mut self, node: usize, input: Input<Waiting>) {
        let this = &mut self.nodes[node];
        let now = this.clock.read(self.now_ns);
        let Some(plane) = &mut this.data.plane else {
            return;
        };
        plane.handle(now, input, &mut self.outputs);
        self.look_at_touched(node);
        self.act(node);
    }

    /// The node's timer fires, or everything of a batch has been handed in.
    pub(super) fn finish_batch(&mut self, node: usize, life: u32) {
        if self.nodes[node].life != life {
            return;
        }
        self.nodes[node].data.batch = false;
        let now = self.nodes[node].clock.read(self.now_ns);
        let waits = |plane: &DataPlane<_, _>| plane.waits_for_log(now);
        if self.nodes[node].data.plane.as_ref().is_some_and(waits) {
            self.tell_log(node);
        }
        self.hand_to_plane(node, Input::Tick);
        if self.was_stopped(node) {
            return;
        }
        self.flush(node);
        if self.was_stopped(node) {
            return;
        }
        self.tell_log(node);
        let this = &self.nodes[node];
        if this.data.plane.as_ref().is_some_and(DataPlane::has_batch) {
            // A read whose answer came too late was handed in again.
            return self.finish_batch(node, life);
        }
        self.set_data_timer(node);
    }

    /// If the process was stopped in the middle, the batch ends when it goes on.
    fn was_stopped(&mut self, node: usize) -> bool {
        let this = &mut self.nodes[node];
        let life = this.life;
        if let Condition::Stopped(stopped) = &mut this.condition {
            this.data.batch = true;
            stopped.backlog.push_back(Happening::Flush { node, life });
        }
        !this.runs()
    }

    fn flush(&mut self, node: usize) {
        let this = &mut self.nodes[node];
        let now = this.clock.read(self.now_ns);
        let looks = |plane: &DataPlane<_, _>| plane.looks_for_checkpoints(now);
        let due = this.data.plane.as_ref().is_some_and(looks).then(|| {
            let every = self.plan.disks.checkpoint_entries;
            this.due_checkpoints(every, self.plan.log_bytes)
        });
        let Some(plane) = &mut this.data.plane else {
            return;
        };
        if let Some(due) = due {
            plane.handle(now, Input::DueCheckpoints(due), &mut self.outputs);
        }
        for partition in plane.touched() {
            self.watch.handed(node_id(node), plane.replica(*partition));
        }
        let touched = plane.touched().to_vec();
        let before = plane.figures().forgotten;
        plane.flush(now, &mut self.outputs);
        if plane.figures().forgotten > before {
            self.sometimes.saw(Sight::LogForgotten);
        }
        for partition in touched {
            self.look_at(node, partition);
        }
        self.act(node);
    }

    /// The data plane hears how the log is.
    fn tell_log(&mut self, node: usize) {
        let this = &mut self.nodes[node];
        let now = this.clock.read(self.now_ns);
        let state = this.data.log.state(self.plan.log_bytes);
        if let Some(plane) = &mut this.data.plane {
            plane.handle(now, Input::Log(state), &mut self.outputs);
        }
    }

    /// The invariants look at all replicas that were handed something.
    fn look_at_touched(&mut self, node: usize) {
        let mut next = 0;
        loop {
            let plane = self.nodes[node].data.plane.as_ref();
            let Some(partition) = plane.and_then(|plane| plane.touched().get(next)) else {
                return;
            };
            self.look_at(node, *partition);
            next += 1;
        }
    }

    /// The invariants look at a replica after each step.
    fn look_at(&mut self, node: usize, partition: PartitionId) {
        let this = &self.nodes[node];
        let Some(replica) = this.replica(partition) else {
            return;
        };
        let lost_above = self.watch.stepped(node_id(node), this.life, replica);
        if let (Some(keep), Some(epoch)) = (lost_above, replica.owned_epoch()) {
            self.sometimes.saw(Sight::AcknowledgedLost);
            self.say(format_args!("{partition:?} loses what is above {keep:?}"));
            self.load.lose_above(partition, keep, epoch);
        }
    }

    /// Carries out what the data plane decided; or the process stops before all of it is done.
    fn act(&mut self, node: usize) {
        if self.outputs.is_empty() {
            return;
        }
        let mut outputs = std::mem::take(&mut self.outputs);
        let between_ppm = self.plan.processors.stopped_between_ppm;
        if self.turbulent && self.streams.processors.chance(between_ppm) {
            let done = self.streams.processors.index(outputs.len());
            let decided = outputs.split_off(done);
            let longest_ns = self.plan.faults.lasts_max_ns;
            let length_ns = self.streams.processors.below(longest_ns + 1);
            self.sometimes.saw(Sight::StoppedBetween);
            self.carry_out(node, outputs);
            self.stop(node, length_ns);
            if let Condition::Stopped(stopped) = &mut self.nodes[node].condition {
                stopped.decided = decided;
            }
            return;
        }
        self.carry_out(node, outputs);
    }

    /// Carries outputs out, in order.
    pub(super) fn carry_out(&mut self, node: usize, mut outputs: Vec<Output>) {
        for output in outputs.drain(..) {
            if self.trace.is_kept() {
                self.say(format_args!("{:?} -> {output:?}", node_id(node)));
            }
            self.carry_out_one(node, output);
        }
        // To hand in a late read again may have given more.
        let more = std::mem::replace(&mut self.outputs, outputs);
        if !more.is_empty() {
            self.carry_out(node, more);
        }
    }

    fn carry_out_one(&mut self, node: usize, output: Output) {
        match output {
            Output::BeginAnotherLife(incarnation) => self.begin_another_life(node, incarnation),
            Output::Record { partition, record } => {
                let data = &mut self.nodes[node].data;
                let number = data.log.append(partition, &record);
                let written = Written::Record(Ticket(number), record);
                self.write(node, partition, written, (Epoch(0), Epoch(0)));
            }
            Output::Checkpoint {
                partition,
                promised,
                log_epoch,
                at,
                image,
            } => {
                let written = Written::Checkpoint(at, image);
                self.write(node, partition, written, (promised, log_epoch));
            }
            Output::WriteLog { .. } => self.begin_syncs(node),
            Output::Send {
                to,
                partition,
                message,
            } => self.send_data(node, number_of(to), partition, message),
            Output::SendAll => {}
            Output::Answer(answer) => self.reply(node, answer),
            Output::Report(report) => self.tell_control(node, report),
            Output::Lost { .. } => {}
            Output::Note(partition, note) => self.data_notes(partition, &note),
        }
    }

    fn data_notes(&mut self, partition: PartitionId, note: &Note) {
        match note {
            Note::RolledBack { .. } => self.sometimes.saw(Sight::RolledBack),
            Note::Behind { .. } => self.sometimes.saw(Sight::Behind),
            Note::TailCut { entries: 1.., .. } => self.sometimes.saw(Sight::TailCut),
            Note::ImageInstalled { .. } => self.sometimes.saw(Sight::ImageInstalled),
            Note::Serving { .. } if self.watch.has_failed_over(partition) => {
                self.sometimes.saw(Sight::FailoverServed);
            }
            _ => {}
        }
    }

    /// The node's disk went back in time, as it has found out: its data begin another life.
    fn begin_another_life(&mut self, node: usize, incarnation: Incarnation) {
        let this = &mut self.nodes[node];
        for (number, disk) in this.disks.iter_mut().enumerate() {
            disk.begin_another_life(incarnation);
            let partition = partition_id(number);
            self.watch
                .disk_changed(partition, node_id(node), disk.safe());
        }
        if let Some(folder) = &mut this.folder
            && let Err(error) = folder.begin_another_life(incarnation)
        {
            self.report_failed_storage(node, &error);
        }
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
        let Some(due) = this.data.plane.as_ref().map(DataPlane::deadline) else {
            return;
        };
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
        self.figures.events += 1;
        self.finish_batch(node, life);
    }

    fn write(
        &mut self,
        node: usize,
        partition: PartitionId,
        written: Written,
        epochs: (Epoch, Epoch),
    ) {
        let this = &mut self.nodes[node];
        if let Some(folder) = &mut this.folder {
            folder.write(partition, &written, epochs);
        }
        this.disks[usize::from(partition.0)].write(written);
    }

    /// What was written goes to the disks.
    fn begin_syncs(&mut self, node: usize) {
        for number in 0..self.plan.partitions {
            let disk = &self.nodes[node].disks[number];
            if disk.unsafe_writes() > 0 && disk.syncing() == 0 {
                self.begin_sync(node, partition_id(number));
            }
        }
    }

    fn begin_sync(&mut self, node: usize, partition: PartitionId) {
        let takes_ns = self.sync_takes_ns();
        let this = &mut self.nodes[node];
        this.disks[usize::from(partition.0)].begin_sync();
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
        let disk = &this.disks[usize::from(partition.0)];
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
        let disk = &mut this.disks[usize::from(partition.0)];
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
        let disk = &self.nodes[node].disks[usize::from(partition.0)];
        if more && self.nodes[node].life == life && disk.syncing() == 0 {
            self.begin_sync(node, partition);
        }
    }

    /// How long a full disk is left alone before it is asked again.
    pub(super) fn room_asked_after_ns(&self) -> u64 {
        self.plan.heartbeat_ns() / 4 + 1
    }

    /// The data plane hears whether the disk has room for updates, when that changes.
    pub(super) fn notice_room(&mut self, node: usize, room: bool) {
        if std::mem::replace(&mut self.nodes[node].room, room) != room {
            if !room {
                self.sometimes.saw(Sight::RoomLost);
            }
            self.tell_room(node);
        }
    }

    pub(super) fn tell_room(&mut self, node: usize) {
        if self.nodes[node].is_up() {
            let room = self.nodes[node].room;
            self.hand_in(node, Input::Room(room));
        }
    }

    pub(super) fn durable(
        &mut self,
        node: usize,
        life: u32,
        partition: PartitionId,
        synced: Synced,
    ) {
        let this = &mut self.nodes[node];
        if this.life != life {
            return;
        }
        let safe = this.data.log.synced(partition, synced);
        if let Some(lsn) = synced.checkpoint {
            self.hand_in(node, Input::Checkpointed(partition, lsn));
        }
        if synced.ticket.is_some() {
            self.hand_in(node, Input::Durable(safe));
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
        let client = Waiting {
            attempt,
            partition,
            request: request.id(),
        };
        let figures = |cluster: &Self| {
            let plane = cluster.nodes[to].data.plane.as_ref();
            plane.map(DataPlane::figures).unwrap_or_default()
        };
        let before = figures(self);
        let ask: Ask = request.ask(as_of);
        let asked = Input::Ask {
            client,
            partition,
            ask,
        };
        self.hand_in(to, asked);
        if figures(self).held_back > before.held_back {
            self.sometimes.saw(Sight::HeldBack);
        }
    }

    /// A message comes from another node's replica.
    pub(super) fn data_message(
        &mut self,
        to: usize,
        from: usize,
        (partition, message): (PartitionId, Message),
    ) {
        let put_off = |cluster: &Self| {
            let plane = cluster.nodes[to].data.plane.as_ref();
            plane.map_or(0, |plane| plane.figures().put_off)
        };
        let before = put_off(self);
        let came = Input::Message {
            from: node_id(from),
            partition,
            message,
        };
        self.hand_in(to, came);
        if put_off(self) > before {
            self.sometimes.saw(Sight::PutOff);
        }
    }

    /// An answer is about to leave: what relies on a lease that has run out must not (rule R10).
    fn reply(&mut self, node: usize, answer: Answer) {
        let this = &mut self.nodes[node];
        let now = this.clock.read(self.now_ns);
        let Some(plane) = &mut this.data.plane else {
            return;
        };
        let (epoch, on_lease) = (answer.epoch, answer.not_after.is_some());
        let late = plane.figures().late_answers;
        let released = plane.release(now, answer, &mut self.outputs);
        if plane.figures().late_answers > late {
            self.sometimes.saw(Sight::LeaseRanOut);
        }
        let Some((client, told)) = released else {
            return;
        };
        let reply = match told {
            Told::Reply(reply) => reply,
            Told::Overloaded(_) => {
                self.sometimes.saw(Sight::Overloaded);
                Reply::Refused(Refusal::Overloaded)
            }
        };
        let asked = self.load.asked(client.attempt, client.request);
        let leaving = Leaving {
            origin: Origin {
                partition: client.partition,
                node: node_id(node),
            },
            epoch,
            on_lease,
            asked,
            owed: Owed::default(),
        };
        self.note_reply(leaving, &reply);
        let nodes = &self.nodes;
        let disk = |member| nodes[number_of(member)].disk(client.partition).safe();
        self.watch.replied(leaving, &reply, disk);
        self.answer_client(node, client.attempt, Ending::Reply(reply));
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
