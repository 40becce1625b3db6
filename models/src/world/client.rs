//! A simple client of the replication world: it has one operation open at a time, asks the node
//! that it takes for the owner, and asks others when that fails or takes too long. It is worse than
//! a real client in that it neither knows nor cares who is owner, gives up patience early, and
//! listens to late answers.

use std::time::Duration;

use kensho_protocol::ids::{ClientId, Lsn, PartitionId, Position, Sequence};
use kensho_protocol::request::{ReadFrom, Refusal, Reply, RequestId, Source};

use super::plan::ClientPlan;
use crate::invariants::linearizable::Asked;
use crate::random::Random;
use crate::register::{KEYS, Outcome, Statement, Value, decode_value};

/// One client.
#[derive(Clone, Debug)]
pub struct Client {
    id: ClientId,
    sequence: Sequence,
    /// How many nodes there are.
    nodes: usize,
    /// How many operations it has begun.
    begun: u32,
    /// By partition: the node to ask.
    owners: Vec<usize>,
    /// By partition: the youngest entry that it has heard of.
    seen: Vec<Position>,
    /// By partition: the values that it has seen last.
    values: Vec<[Value; KEYS]>,
    open: Option<Operation>,
}

/// What a client is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Which of the client's operations.
    pub number: u32,
    /// Which partition it is about.
    pub partition: PartitionId,
    /// What is asked.
    pub asked: Asked,
    /// Goes with an update's number.
    pub as_of: Position,
    /// The node to ask first, if that is not the one that the client takes for the owner.
    place: Option<usize>,
    /// The last entry that any client had been told of when this was first asked.
    pub known: Lsn,
    /// How often it was asked.
    pub attempts: u32,
    /// The last attempt has not been answered.
    waiting: bool,
    /// Some attempt may have had an effect.
    uncertain: bool,
}

impl Operation {
    /// An operation that was not asked yet.
    #[must_use]
    pub fn new(number: u32, partition: PartitionId, asked: Asked, known: Lsn) -> Self {
        Operation {
            number,
            partition,
            asked,
            as_of: Position::default(),
            place: None,
            known,
            attempts: 0,
            waiting: false,
            uncertain: false,
        }
    }
}

/// What a client does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It goes on waiting.
    Wait,
    /// It asks this node.
    Ask(usize),
    /// It asks again after a little while.
    Pause,
    /// The operation has ended.
    End(Operation, End),
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A read: the value.
    Read(Value),
    /// An update: what came of it.
    Done(Outcome),
    /// It had no effect, and never will.
    Failed,
    /// It may have had an effect.
    Unknown,
}

impl Client {
    /// The client number `number`.
    #[must_use]
    pub fn new(number: usize, partitions: usize, nodes: usize) -> Self {
        Client {
            id: ClientId(number as u64 + 1),
            sequence: Sequence(0),
            nodes,
            begun: 0,
            owners: (0..partitions).map(|p| (p + number) % nodes).collect(),
            seen: vec![Position::default(); partitions],
            values: vec![[0; KEYS]; partitions],
            open: None,
        }
    }

    /// What it is doing.
    #[must_use]
    pub fn open(&self) -> Option<&Operation> {
        self.open.as_ref()
    }

    /// The operation number `number`, if the client is still interested in it.
    #[must_use]
    pub fn operation(&self, number: u32) -> Option<&Operation> {
        self.open.as_ref().filter(|open| open.number == number)
    }

    /// Async only: everything above `keep` of `partition` is lost, and need not be known any more.
    /// (The client itself does not notice.)
    pub fn lose_above(&mut self, partition: PartitionId, keep: Lsn) {
        if let Some(open) = self
            .open
            .as_mut()
            .filter(|open| open.partition == partition)
        {
            open.known = open.known.min(keep);
        }
    }

    /// Thinks of an operation on `partition`, and begins it. `fresh` is a value that nobody has
    /// written, `known` the last entry that any client has been told of.
    pub fn begin(
        &mut self,
        partition: PartitionId,
        fresh: Value,
        known: Lsn,
        plan: &ClientPlan,
        random: &mut Random,
    ) -> &Operation {
        let index = usize::from(partition.0);
        let register = random.index(KEYS);
        let key = u8::try_from(register).expect("few keys");
        let mut place = None;
        let asked = if random.below(100) < u64::from(plan.reads_percent) {
            let mut from = ReadFrom::Owner;
            let backups = u64::from(plan.backup_reads_percent);
            if backups > 0 && random.below(100) < backups {
                let max_age_ms = random.pick(&[5, 100, 1_000]);
                let max_age = Duration::from_millis(max_age_ms);
                from = ReadFrom::Any { max_age };
                place = Some(random.index(self.nodes));
            }
            Asked::Read { key, from }
        } else {
            let request = (!random.chance(plan.unnumbered_ppm)).then(|| {
                self.sequence = self.sequence.next();
                RequestId {
                    client: self.id,
                    sequence: self.sequence,
                }
            });
            let statement = if random.chance(300_000) {
                Statement::Cas {
                    key,
                    from: self.values[index][register],
                    to: fresh,
                }
            } else {
                Statement::Write { key, value: fresh }
            };
            Asked::Update { request, statement }
        };
        self.begun += 1;
        self.open.insert(Operation {
            as_of: self.seen[index],
            place,
            ..Operation::new(self.begun, partition, asked, known)
        })
    }

    /// The first attempt, or a further one: which node to ask. An attempt that is out may have an
    /// effect from now on.
    pub fn attempt(&mut self, plan: &ClientPlan) -> Next {
        let Some(open) = self.open.as_mut().filter(|open| !open.waiting) else {
            return Next::Wait;
        };
        let numbered = !matches!(open.asked, Asked::Update { request: None, .. });
        if open.attempts >= plan.attempts || open.uncertain && !numbered {
            return self.give_up();
        }
        open.attempts += 1;
        open.waiting = true;
        let owner = self.owners[usize::from(open.partition.0)];
        Next::Ask(open.place.take().unwrap_or(owner))
    }

    /// The attempt number `attempt` of operation `number` has not been answered in time.
    pub fn lose_patience(
        &mut self,
        number: u32,
        attempt: u32,
        plan: &ClientPlan,
        nodes: usize,
    ) -> Next {
        let Some(open) = self.last_attempt(number, attempt) else {
            return Next::Wait;
        };
        open.uncertain = true;
        open.waiting = false;
        self.try_another(nodes);
        self.attempt(plan)
    }

    /// The operation, if this attempt is its last one and was not answered.
    fn last_attempt(&mut self, number: u32, attempt: u32) -> Option<&mut Operation> {
        let open = self.open.as_mut()?;
        (open.number == number && open.attempts == attempt && open.waiting).then_some(open)
    }

    fn try_another(&mut self, nodes: usize) {
        if let Some(open) = &self.open {
            let owner = &mut self.owners[usize::from(open.partition.0)];
            *owner = (*owner + 1) % nodes;
        }
    }

    fn give_up(&mut self) -> Next {
        self.end(|open| match open.asked {
            Asked::Update { .. } if open.uncertain => End::Unknown,
            Asked::Read { .. } | Asked::Update { .. } => End::Failed,
        })
    }

    fn end(&mut self, how: impl Fn(&Operation) -> End) -> Next {
        match self.open.take() {
            Some(open) => Next::End(open, how(&open)),
            None => Next::Wait,
        }
    }

    /// A reply to the attempt number `attempt` of operation `number` came from the node `from`.
    pub fn hear(
        &mut self,
        (number, attempt): (u32, u32),
        from: usize,
        reply: &Reply,
        nodes: usize,
    ) -> Next {
        let Some(open) = self.open.filter(|open| open.number == number) else {
            return Next::Wait;
        };
        match reply {
            Reply::Done { at, outcome } => {
                let outcome = Outcome::decode(outcome).unwrap_or(Outcome::Nonsense);
                if let Asked::Update { statement, .. } = open.asked {
                    let value = match outcome {
                        Outcome::Differs(value) => value,
                        Outcome::Changed | Outcome::Nonsense => statement.value(),
                    };
                    self.learn(open.partition, (statement.key(), value), *at, from);
                }
                self.end(|_| End::Done(outcome))
            }
            Reply::Answer { at, answer, source } => {
                let value = decode_value(answer).unwrap_or(0);
                if let Asked::Read { key, .. } = open.asked {
                    let from = match source {
                        Source::Owner => from,
                        Source::Backup { .. } => self.owners[usize::from(open.partition.0)],
                    };
                    self.learn(open.partition, (key, value), *at, from);
                }
                self.end(|_| End::Read(value))
            }
            Reply::Refused(refusal) => self.refused((number, attempt), *refusal, nodes),
        }
    }

    fn learn(
        &mut self,
        partition: PartitionId,
        (key, value): (u8, Value),
        at: Position,
        from: usize,
    ) {
        let index = usize::from(partition.0);
        self.values[index][usize::from(key)] = value;
        self.seen[index] = at.max(self.seen[index]);
        self.owners[index] = from;
    }

    fn refused(&mut self, (number, attempt): (u32, u32), refusal: Refusal, nodes: usize) -> Next {
        let renumbered = self.sequence.next();
        let Some(open) = self.last_attempt(number, attempt) else {
            return Next::Wait;
        };
        open.waiting = false;
        if refusal == Refusal::SeenLost {
            // The session begins anew.
            open.as_of = Position::default();
            let partition = usize::from(open.partition.0);
            self.seen[partition] = Position::default();
            return Next::Pause;
        }
        if let Refusal::OutcomeForgotten { now } = refusal {
            if open.uncertain {
                return self.give_up();
            }
            // It never was in any log, so it may have another number.
            open.as_of = now;
            if let Asked::Update { request, .. } = &mut open.asked {
                *request = request.map(|old| RequestId {
                    sequence: renumbered,
                    ..old
                });
                self.sequence = renumbered;
            }
            return Next::Pause;
        }
        open.uncertain |= !refusal.definite();
        self.try_another(nodes);
        Next::Pause
    }
}
