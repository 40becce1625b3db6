//! One partition on one node: owner, backup or catch-up (requirement A7).
//!
//! The caller hands in events, calls [`Replica::flush`] when it has no more of them for the moment
//! (so that many statements share one write and one message), and carries out the outputs in order.
//!
//! Where to look: `follower` listens to an owner (rules R4, R5, R7, R10), `promotion` makes an
//! owner of a replica (R6, R8), `owner` replicates and commits (R1-R3), `service` answers
//! clients (R9-R11), `backup` answers reads without being owner (R16), `handover` ends an epoch in order (R15), `trust` compares with others what a disk
//! holds after a start (R14).

mod backup;
mod data;
mod follower;
mod handover;
mod inspect;
mod lineage;
mod log_memory;
mod message;
mod note;
mod owner;
mod peer;
mod peers;
mod promotion;
mod reach;
mod service;
#[cfg(test)]
mod tests;
mod trust;
mod written;

use serde::{Deserialize, Serialize};

use crate::apply::{Apply, ImageError};
use crate::ids::{Epoch, Incarnation, Life, Lsn, NodeId, PartitionId, Position, Ticket, Token};
use crate::log::{Entry, Log};
use crate::record::{Record, Recovered};
use crate::request::{Execute, Read, Reply};
use crate::rule::Rule;
use crate::settings::{Durability, Mode, Settings};
use crate::table::{Assignment, Change};
use crate::time::Time;

use backup::Backup;
use data::Data;
use follower::Follower;
use handover::GivingBack;
use owner::{Acknowledged, Owner};
use promotion::Renewal;
use trust::{Comparing, Doubt};
use written::{Mark, Written};

pub use inspect::RoleKind;
pub use log_memory::LogMemory;
pub use message::{Message, Round};
pub use note::Note;
pub use reach::Reach;
pub use trust::Trust;

/// What happens to a replica.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Event {
    /// A committed table says this of the partition (rule M2: never one that is merely accepted).
    Assign(Assignment),
    /// Whether the node is part of a quorum, so that it may serve (rule R13). At first it is not.
    Service(bool),
    /// A message came from the partition's replica on another node.
    Message {
        /// The other node.
        from: NodeId,
        /// What it says.
        message: Message,
    },
    /// Everything up to this ticket is on disk.
    Durable(Ticket),
    /// A client wants an update.
    Execute(Execute),
    /// A client wants to read.
    Read(Read),
    /// The time of [`Replica::deadline`] has come.
    Tick,
    /// The logs of all partitions take too much of the node's memory (see [`LogMemory`]): this one is to
    /// take no more than so many bytes, besides what is not committed. Whoever lacks what is forgotten
    /// is sent a data image.
    Forget(u64),
    /// Whether the node has room for updates on its disk; at first it is taken to have some. Without,
    /// an owner refuses updates by name, and a follower takes none over (rule M6). What little is left
    /// is for promises.
    Room(bool),
    /// Another replica of this node has found out that the node's disk went back in time (rule R14).
    RolledBack(Incarnation),
    /// The master wishes that the owner of this epoch hands the partition over to another member of the
    /// in-sync set (rule R15). It may come again.
    HandOver {
        /// Which epoch is to end.
        epoch: Epoch,
        /// Who is to be the next owner.
        to: NodeId,
    },
}

/// What is to be done for a replica.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Output {
    /// Write this to disk, after all that came before, and say so with [`Event::Durable`].
    Persist {
        /// Names the write.
        ticket: Ticket,
        /// What to write.
        record: Record,
    },
    /// Send this to the partition's replica on another node. It may get lost.
    Send {
        /// The other node.
        to: NodeId,
        /// What to say.
        message: Message,
    },
    /// Answer a client.
    Reply {
        /// Which one.
        token: Token,
        /// With what.
        reply: Reply,
        /// The answer relies on a lease (rule R10), or is a backup's of a certain age (rule R16): it may
        /// leave only while the clock, looked at after the value was read, shows less than this. Later, a
        /// read must be handed in again, and an update be answered [`OutcomeUnknown`](crate::request::Refusal::OutcomeUnknown).
        not_after: Option<Time>,
    },
    /// Ask the master for a change of the table. It may get lost; the replica asks again.
    Ask(Change),
    /// These entries were cut off since the owner of this log does not have them. In async mode some
    /// may have been acknowledged: keep them where a person can find them.
    CutOff {
        /// What was cut.
        entries: Vec<Entry>,
    },
    /// Something that a person who reads the node's log wants to know.
    Note(Note),
    /// The node's disk went back in time: its data begin this life (rule R14). To be written down, and
    /// handed to all other replicas of the node as [`Event::RolledBack`].
    RolledBack(Incarnation),
}

/// One partition on one node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Replica<A: Apply> {
    me: NodeId,
    partition: PartitionId,
    settings: Settings,
    life: Life,
    incarnation: Incarnation,
    /// Whether its disk may have gone back in time (rule R14).
    doubt: Doubt,
    /// Before this it does not ask its owner again.
    ask_owner_at: Time,
    /// Refuse anything of a lower epoch (rule R4). Durable before it is told to anybody.
    promised: Epoch,
    /// Whose owner's log this is: the whole log is a prefix of that owner's (rule R7).
    log_epoch: Epoch,
    log: Log,
    data: Data<A>,
    written: Written,
    /// What the last committed table says.
    assigned: Assignment,
    /// The highest epoch known to exist, and its owner. Other owners below it are not supported any
    /// more, even while the higher one cannot be promised yet.
    known: (Epoch, NodeId),
    allegiance: Allegiance,
    /// The epoch that was promised when the replica started; it is never resumed (rule R8).
    restarted_in: Epoch,
    /// It may have entered epochs up to this one, and forgotten that (rules R8, R14).
    forgotten: Epoch,
    service: bool,
    room: bool,
    role: Role,
    /// What it needs to answer reads while it is no owner (rule R16).
    backup: Backup,
    /// It was owner, and has not said yet that nobody need stand by it any more (rule R15).
    giving_back: Option<GivingBack>,
}

/// The promise to stand by an owner (rule R10): until then no epoch of another owner is joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Allegiance {
    /// `None` after a restart: it is not known any more to whom it was given.
    to: Option<NodeId>,
    until: Time,
}

/// What a replica is at the moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Role {
    /// It listens to whoever owns the partition.
    Follower(Follower),
    /// It is named owner after a start, and compares with the other members of the in-sync set (rule
    /// R14).
    Comparing(Comparing),
    /// It is named owner of this epoch, and waits until it is free of its promise to another.
    Entering(Epoch),
    /// It is named owner of an epoch that it must not enter, and asks for the next one (rule R8).
    Renewing(Renewal),
    /// It is the owner.
    Owner(Box<Owner>),
}

impl<A: Apply> Replica<A> {
    /// A replica as its disk remembers it.
    ///
    /// # Errors
    /// When the recovered data image cannot be read.
    pub fn recover(
        me: NodeId,
        partition: PartitionId,
        settings: Settings,
        recovered: Recovered,
        now: Time,
    ) -> Result<Self, ImageError> {
        let Recovered {
            life,
            incarnation,
            promised,
            log_epoch,
            base,
            image,
            entries,
        } = recovered;
        let data = match &image {
            Some(image) => Data::restore(image)?.1,
            None => Data::empty(),
        };
        if data.commit != base.lsn {
            let message = format!("it is of entry {}, not {}", data.commit, base.lsn);
            return Err(ImageError(message));
        }
        let mut log = Log::after(base);
        for entry in entries {
            log.push(entry);
        }
        // It may have stood by an owner just before it stopped, and does not know; nor does a disk that
        // went back to before it promised anything.
        let promised_nothing = promised == Epoch(0) && life.is_first();
        let wait = if promised_nothing || settings.rules.broken(Rule::PromiseForgotten) {
            Time(0)
        } else {
            now + settings.lease()
        };
        let written = Written::all(Mark {
            promised,
            log_epoch,
            end: log.end(),
        });
        Ok(Replica {
            me,
            partition,
            settings,
            life,
            incarnation,
            doubt: Doubt::after_start(life, settings.rules),
            ask_owner_at: Time(0),
            promised,
            log_epoch,
            log,
            data,
            written,
            assigned: Assignment::default(),
            known: (Epoch(0), me),
            allegiance: Allegiance {
                to: None,
                until: wait,
            },
            restarted_in: promised,
            forgotten: Epoch(0),
            service: false,
            room: true,
            role: Role::Follower(Follower::default()),
            backup: Backup::default(),
            giving_back: None,
        })
    }

    /// Takes one event into account. Most of what follows from it comes with the next
    /// [`flush`](Replica::flush).
    pub fn handle(&mut self, now: Time, event: Event, out: &mut Vec<Output>) {
        match event {
            Event::Assign(assignment) => self.assign(now, assignment, out),
            Event::Service(service) => self.set_service(service, out),
            Event::Message { from, message } => self.receive(now, from, message, out),
            Event::Durable(ticket) => self.written.reached(ticket),
            Event::Execute(execute) => self.execute(execute, out),
            Event::Read(read) => self.read(now, read, out),
            Event::Tick => self.tick(now, out),
            Event::Forget(keep_bytes) => {
                // What was not handed to the disk yet is needed still.
                self.log.trim(keep_bytes, self.written.handed_over_end());
            }
            Event::Room(room) => self.room = room,
            Event::RolledBack(incarnation) => self.begin_another_life(incarnation, out),
            Event::HandOver { epoch, to } => self.begin_to_end(now, epoch, to, out),
        }
    }

    /// Gives out what follows from the events since the last call: one write to disk, messages,
    /// replies. To be called before the caller waits for anything.
    pub fn flush(&mut self, now: Time, out: &mut Vec<Output>) {
        self.persist(out);
        match &self.role {
            Role::Owner(_) => self.flush_owner(now, out),
            Role::Follower(_) => self.flush_follower(out),
            Role::Comparing(_) | Role::Entering(_) | Role::Renewing(_) => {}
        }
        self.serve_as_backup(now, out);
        self.give_back(out);
        self.log.committed(self.data.commit);
        self.forget_spare_entries(now);
    }

    /// While as many replicas are in sync as there should be, and nobody catches up, only those that
    /// lag a little, or lost a few of the last entries, need any that are committed. So little of the
    /// log is in memory then that it is always the same memory, which the caches know.
    fn forget_spare_entries(&mut self, now: Time) {
        let (assigned, settings) = (&self.assigned, &self.settings);
        let retained = settings.log_retention_bytes;
        let whole = assigned.in_sync.len() >= settings.replicas && assigned.catch_ups.is_empty();
        if whole {
            let spare = settings.log_spare_bytes.min(retained);
            return self.log.trim(spare, self.data.commit);
        }
        if self.log.bytes() <= retained {
            return;
        }
        // Whoever has just been sent an image must find what follows it, or needs another one.
        let needed = match &self.role {
            Role::Owner(owner) => owner.needed_after(now, settings),
            Role::Follower(_) | Role::Comparing(_) | Role::Entering(_) | Role::Renewing(_) => None,
        };
        let forget = needed.map_or(self.data.commit, |lsn| lsn.min(self.data.commit));
        self.log.trim(retained, forget);
    }

    /// When [`Event::Tick`] is due at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        match &self.role {
            Role::Follower(_) => self.backup.deadline(&self.settings),
            Role::Comparing(comparing) => Some(comparing.ask_at()),
            Role::Entering(_) => Some(self.allegiance.until),
            Role::Renewing(renewal) => Some(renewal.ask_at()),
            Role::Owner(owner) => Some(owner.deadline()),
        }
    }

    fn receive(&mut self, now: Time, from: NodeId, message: Message, out: &mut Vec<Output>) {
        match message {
            Message::Append {
                epoch,
                round,
                previous,
                entries,
                end,
                commit,
            } => {
                if self.listen(now, from, epoch, out) {
                    // M6: without room, this is as if the entries had been lost on their way.
                    let entries = if self.room { entries } else { Vec::new() };
                    self.append(round, previous, entries, end, commit, out);
                }
            }
            Message::Image {
                epoch,
                round,
                at,
                offset,
                total,
                bytes,
            } => {
                if self.listen(now, from, epoch, out) && self.room {
                    self.image_part(from, round, at, offset, total, &bytes, out);
                }
            }
            Message::Ack {
                epoch,
                round,
                matched,
                incarnation,
                whole,
            } => {
                let held = Acknowledged {
                    matched,
                    incarnation,
                    whole,
                };
                self.acknowledged(now, from, epoch, round, held, out);
            }
            Message::Mismatch { epoch, round, hint } => {
                self.mismatched(now, from, epoch, round, hint, out);
            }
            Message::ImageAck {
                epoch,
                round,
                at,
                received,
            } => {
                self.image_acknowledged(now, from, epoch, round, at, received, out);
            }
            Message::Fenced { promised } => {
                if matches!(&self.role, Role::Owner(owner) if owner.epoch() < promised) {
                    self.step_down(out);
                }
            }
            Message::Inquiry { epoch, life, asked } => {
                self.vouch(now, from, (epoch, life, asked), out);
            }
            Message::Vouched {
                epoch,
                life,
                asked,
                at,
                commit,
            } => self.vouched_for(now, from, (epoch, life, asked), (at, commit)),
            Message::Released { ended, next, owner } => {
                self.released(now, from, (ended, next, owner), out);
            }
            Message::Returned {
                epoch,
                life,
                incarnation,
            } => self.testify(now, from, epoch, (life, incarnation), out),
            Message::Witness {
                epoch,
                life,
                incarnation,
                log_epoch,
                floor,
                reach,
                confirmed,
            } => {
                if life == self.life {
                    let testimony = trust::Testimony {
                        incarnation,
                        log_epoch,
                        floor,
                        reach,
                        confirmed,
                    };
                    self.hear_witness(now, from, epoch, testimony, out);
                }
            }
        }
    }

    fn tick(&mut self, now: Time, out: &mut Vec<Output>) {
        match &self.role {
            // At once: the deadline is not to stay in the past until the flush.
            Role::Follower(_) => self.serve_as_backup(now, out),
            Role::Comparing(_) => self.ask_witnesses(now, out),
            Role::Entering(epoch) => self.try_to_enter(now, *epoch, out),
            Role::Renewing(_) => self.ask_for_renewal(now, out),
            Role::Owner(_) => self.tick_owner(now, out),
        }
    }

    /// What a record of the present state makes durable.
    fn mark(&self) -> Mark {
        Mark {
            promised: self.promised,
            log_epoch: self.log_epoch,
            end: self.log.end(),
        }
    }

    /// Hands to the disk what it does not have yet: one record for all events since the last one.
    fn persist(&mut self, out: &mut Vec<Output>) {
        let mark = self.mark();
        if !self.written.behind(mark) {
            return;
        }
        let keep = self.written.handed_over_end();
        let record = Record::Log {
            promised: self.promised,
            log_epoch: self.log_epoch,
            keep,
            entries: self.log.above(keep).cloned().collect(),
        };
        out.push(Output::Persist {
            ticket: self.hand_over(mark),
            record,
        });
    }

    /// R5: from when on what is handed to the disk counts as held.
    fn hand_over(&mut self, mark: Mark) -> Ticket {
        match self.settings.durability {
            Durability::Sync => self.written.hand_over(mark),
            Durability::Delayed => self.written.hand_over_delayed(mark),
        }
    }

    /// The last entry that counts as being on disk (rule R5).
    fn durable_end(&self) -> Lsn {
        if self.settings.rules.broken(Rule::AckBeforeFsync) {
            self.log.end()
        } else {
            self.written.durable().end
        }
    }

    /// Whether the promise, and the log's epoch, are on disk: before that nobody may rely on them.
    fn epoch_is_durable(&self) -> bool {
        let durable = self.written.durable();
        durable.promised == self.promised && durable.log_epoch == self.log_epoch
    }
}

/// A replica as the rest of the node sees it, for tables of figures and for the choice of a new
/// owner (rule M4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Held {
    /// Which partition.
    pub partition: PartitionId,
    /// Which life of its data.
    pub incarnation: Incarnation,
    /// Whose owner's log it is.
    pub log_epoch: Epoch,
    /// The last entry of the log on disk.
    pub end: Position,
    /// Whether its disk may have gone back in time (rule R14).
    pub trust: Trust,
    /// The last epoch of which a table has told it.
    pub epoch: Epoch,
}

impl Held {
    /// How far it reaches, for the choice among members of an in-sync set (rules M4, R14).
    #[must_use]
    pub fn reach(&self, mode: Mode) -> Reach {
        Reach::of(mode, self.log_epoch, self.end)
    }
}
