//! Clients with the sessions that ship: they find the owner by a cached table, ask, try again
//! elsewhere, and give up in time.

use std::sync::Arc;

use kensho_protocol::ids::{Lsn, PartitionId, Position, Token};
use kensho_protocol::request::{Reply, RequestId};
use kensho_protocol::session::{Address, Answer, Directory, Event, Failure, Kind, Output, Session};
use kensho_protocol::time::Time;

use super::sights::Sight;
use super::{Cluster, Happening};
use crate::invariants::linearizable::Asked;
use crate::random::Random;
use crate::register::{KEYS, Outcome, Statement, Value, decode_value};
use crate::world::client::{End, Operation};
use crate::world::table_service::partition_id;

/// One attempt at a statement of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Which client.
    pub client: usize,
    /// Which of its statements.
    pub statement: Token,
    /// Which attempt at it.
    pub number: u32,
}

/// How an attempt ended, as the client sees it.
#[derive(Clone, Debug)]
pub enum Ending {
    /// A reply came.
    Reply(Reply),
    /// No connection could be made.
    Unreachable,
    /// The connection broke.
    Lost,
}

/// One client.
#[derive(Debug)]
pub(super) struct Client {
    session: Session,
    /// How many statements it has begun.
    begun: u64,
    open: Option<Open>,
    /// By partition: the values that it has seen last.
    values: Vec<[Value; KEYS]>,
    /// When the next wake-up is due; `u64::MAX`: none.
    wake_ns: u64,
}

/// The statement that a client waits for.
#[derive(Clone, Copy, Debug)]
struct Open {
    token: Token,
    partition: PartitionId,
    asked: Asked,
    /// The last entry that any client had been told of when it was first asked.
    known: Lsn,
    attempts: u32,
    /// What the last answer told.
    told: Option<End>,
}

impl Client {
    /// A client that knows the addresses of all nodes.
    pub(super) fn new(session: Session, partitions: usize) -> Self {
        Client {
            session,
            begun: 0,
            open: None,
            values: vec![[0; KEYS]; partitions],
            wake_ns: u64::MAX,
        }
    }

    /// The last entry that any client had been told of when this statement was first asked, if the
    /// client still waits for it.
    pub(super) fn known(&self, statement: Token) -> Option<Lsn> {
        let open = self.open.filter(|open| open.token == statement);
        open.map(|open| open.known)
    }

    /// Async only: everything above `keep` of `partition` is lost, and need not be known any more.
    /// (The client itself does not notice.)
    pub(super) fn lose_above(&mut self, partition: PartitionId, keep: Lsn) {
        if let Some(open) = self.open.as_mut().filter(|o| o.partition == partition) {
            open.known = open.known.min(keep);
        }
    }

    /// Thinks of something to ask. `fresh` is a value that nobody has written.
    fn think(
        &self,
        partition: PartitionId,
        fresh: Value,
        reads_percent: u32,
        random: &mut Random,
    ) -> Asked {
        let place = random.index(KEYS);
        let key = u8::try_from(place).expect("few keys");
        if random.below(100) < u64::from(reads_percent) {
            return Asked::Read { key };
        }
        let statement = if random.chance(300_000) {
            Statement::Cas {
                key,
                from: self.values[usize::from(partition.0)][place],
                to: fresh,
            }
        } else {
            Statement::Write { key, value: fresh }
        };
        Asked::Update {
            request: None,
            statement,
        }
    }

    /// The client learns something from a reply to its statement.
    fn learn(&mut self, statement: Token, reply: &Reply) {
        let Some(open) = self.open.as_mut().filter(|open| open.token == statement) else {
            return;
        };
        let (key, value) = match (open.asked, reply) {
            (Asked::Read { key }, Reply::Answer { answer, .. }) => {
                let value = decode_value(answer).unwrap_or(0);
                open.told = Some(End::Read(value));
                (key, value)
            }
            (Asked::Update { statement, .. }, Reply::Done { outcome, .. }) => {
                let outcome = Outcome::decode(outcome).unwrap_or(Outcome::Nonsense);
                open.told = Some(End::Done(outcome));
                let value = match outcome {
                    Outcome::Differs(value) => value,
                    Outcome::Changed | Outcome::Nonsense => statement.value(),
                };
                (statement.key(), value)
            }
            _ => return,
        };
        self.values[usize::from(open.partition.0)][usize::from(key)] = value;
    }
}

impl Cluster {
    /// The clients' place in the network.
    fn clients_place(&self) -> usize {
        self.plan.nodes
    }

    fn node_at(&self, address: &Address) -> Option<usize> {
        self.addresses.iter().position(|other| other == address)
    }

    /// A client begins a statement.
    pub(super) fn client_begins(&mut self, client: usize) {
        let Some(mut random) = self.chooser.begins(client, self.turbulent) else {
            return self.client_thinks(client);
        };
        let (partition, reads_percent) = if self.turbulent {
            let partition = partition_id(random.index(self.plan.partitions));
            (partition, self.plan.clients.reads_percent)
        } else if let Some(number) = self.written.iter().position(|written| !written) {
            (partition_id(number), 0)
        } else {
            return;
        };
        self.last_value += 1;
        let this = &mut self.clients[client];
        let asked = this.think(partition, self.last_value, reads_percent, &mut random);
        this.begun += 1;
        let token = Token(this.begun);
        this.open = Some(Open {
            token,
            partition,
            asked,
            known: self.watch.known(partition),
            attempts: 0,
            told: None,
        });
        let known = self.watch.known(partition);
        let operation = Operation::new(0, partition, asked, known);
        self.journal.begin(client, self.now_ns, &operation);
        let kind = match asked {
            Asked::Read { .. } => Kind::Read,
            Asked::Update { .. } => Kind::Update,
        };
        if self.trace.is_kept() {
            self.say(format_args!(
                "client {client} asks {partition:?} for {asked:?}"
            ));
        }
        let hash = u32::from(partition.0);
        self.hand_to_session(client, Event::Run { token, hash, kind });
    }

    /// Hands an event to a session, and carries out what it decides.
    fn hand_to_session(&mut self, client: usize, event: Event) {
        let now = Time(self.now_ns);
        if self.trace.is_kept() {
            self.say(format_args!("client {client} <- {event:?}"));
        }
        self.figures.events += 1;
        let mut outputs = Vec::new();
        let session = &mut self.clients[client].session;
        session.handle(now, event, &mut outputs);
        for output in outputs {
            if self.trace.is_kept() {
                self.say(format_args!("client {client} -> {output:?}"));
            }
            self.carry_out_client(client, output);
        }
        self.set_client_timer(client);
    }

    fn carry_out_client(&mut self, client: usize, output: Output) {
        match output {
            Output::Send {
                token,
                attempt,
                to,
                id,
                as_of,
            } => {
                let attempt = Attempt {
                    client,
                    statement: token,
                    number: attempt,
                };
                self.client_sends(attempt, &to, id, as_of);
            }
            // An abandoned request may still be carried out, and answered in vain.
            Output::Abandon { .. } => {}
            Output::FetchTable { from } => {
                if let Some(to) = self.node_at(&from) {
                    self.send_to_node(to, Happening::TableWanted { to, client });
                }
            }
            Output::Finish { result, .. } => self.client_ends(client, &result),
        }
    }

    fn client_sends(
        &mut self,
        attempt: Attempt,
        to: &Address,
        id: Option<RequestId>,
        as_of: Position,
    ) {
        let Some(to) = self.node_at(to) else {
            return;
        };
        let Some(open) = &mut self.clients[attempt.client].open else {
            return;
        };
        open.attempts = attempt.number;
        if let Asked::Update { request, .. } = &mut open.asked {
            *request = id;
        }
        let request = Happening::Request {
            to,
            attempt,
            partition: open.partition,
            asked: open.asked,
            as_of,
        };
        self.send_to_node(to, request);
    }

    /// Something of a client is on its way to a node. It is never doubled: only clients repeat
    /// requests.
    fn send_to_node(&mut self, node: usize, what: Happening) {
        let from = self.clients_place();
        let random = &mut self.streams.network;
        let arrivals = self.network.send(from, node, self.now_ns, random);
        if let Some(at_ns) = arrivals.first_ns {
            self.schedule.put(at_ns, what);
        }
    }

    /// Something is on its way from a node to a client.
    fn send_to_client(&mut self, node: usize, what: Happening) {
        let to = self.clients_place();
        let random = &mut self.streams.network;
        let arrivals = self.network.send(node, to, self.now_ns, random);
        if let Some(at_ns) = arrivals.first_ns {
            self.schedule.put(at_ns, what);
        }
    }

    /// An attempt ended at a node; the client hears of it, if the network lets it.
    pub(super) fn answer_client(&mut self, node: usize, attempt: Attempt, ending: Ending) {
        self.send_to_client(node, Happening::Answer { attempt, ending });
    }

    pub(super) fn client_hears(&mut self, attempt: Attempt, ending: &Ending) {
        let Attempt {
            client,
            statement,
            number,
        } = attempt;
        let answer = match ending {
            Ending::Reply(Reply::Done { at, .. } | Reply::Answer { at, .. }) => {
                Answer::Final { at: Some(*at) }
            }
            Ending::Reply(Reply::Refused(refusal)) => Answer::Refused(*refusal),
            Ending::Unreachable => Answer::Unreachable,
            Ending::Lost => Answer::Lost,
        };
        let this = &mut self.clients[client];
        // What an abandoned attempt brings is not heard any more.
        let last = this
            .open
            .is_some_and(|o| o.token == statement && o.attempts == number);
        if let Ending::Reply(reply) = ending
            && last
        {
            this.learn(statement, reply);
        }
        let event = Event::Answered {
            token: statement,
            attempt: number,
            answer,
        };
        self.hand_to_session(client, event);
    }

    /// A client wants a node's table.
    pub(super) fn table_wanted(&mut self, node: usize, client: usize) {
        let table = self.nodes[node].data.view.table.as_ref();
        let directory = table.map(|table| Arc::new(Directory::from(&**table)));
        let told = Happening::TableTold {
            from: node,
            client,
            directory,
        };
        self.send_to_client(node, told);
    }

    pub(super) fn table_told(
        &mut self,
        client: usize,
        from: usize,
        directory: Option<Arc<Directory>>,
    ) {
        let from = self.addresses[from].clone();
        let event = match directory {
            None => Event::NoTable { from },
            directory => Event::Table { from, directory },
        };
        self.hand_to_session(client, event);
    }

    /// There is no process at the node: nothing listens there.
    pub(super) fn nobody_listens(&mut self, what: &Happening) {
        match what {
            Happening::Request { to, attempt, .. } => {
                self.answer_client(*to, *attempt, Ending::Unreachable);
            }
            Happening::TableWanted { to, client } => {
                let told = Happening::TableTold {
                    from: *to,
                    client: *client,
                    directory: None,
                };
                self.send_to_client(*to, told);
            }
            _ => {}
        }
    }

    fn client_ends(&mut self, client: usize, result: &Result<(), Failure>) {
        let Some(open) = self.clients[client].open.take() else {
            return;
        };
        if self.trace.is_kept() {
            let told = open.told;
            self.say(format_args!("client {client} ends: {result:?}, {told:?}"));
        }
        let end = match (result, open.asked) {
            (Ok(()), _) => open.told.expect("a statement ends well with an answer"),
            (Err(failure), Asked::Update { .. }) if !failure.definite => End::Unknown,
            (Err(_), _) => End::Failed,
        };
        self.journal.end(client, self.now_ns, end);
        match end {
            End::Read(_) => self.figures.reads += 1,
            End::Done(_) => {
                self.figures.updates += 1;
                if open.attempts > 1 {
                    self.sometimes.saw(Sight::RetryAcknowledged);
                }
                if !self.turbulent {
                    self.written[usize::from(open.partition.0)] = true;
                }
            }
            End::Failed => {
                self.figures.failed += 1;
                if let Asked::Update { statement, .. } = open.asked {
                    self.watch.refused(open.partition, statement.value());
                }
            }
            End::Unknown => self.figures.unknown += 1,
        }
        self.client_thinks(client);
    }

    /// A client pauses before its next statement.
    fn client_thinks(&mut self, client: usize) {
        let longest_ns = self.plan.clients.think_max_ns;
        let pause_ns = self.streams.clients.below(longest_ns + 1);
        let next = Happening::Think { client };
        self.schedule.put(self.now_ns + pause_ns + 1, next);
    }

    fn set_client_timer(&mut self, client: usize) {
        let this = &mut self.clients[client];
        let Some(due) = this.session.deadline() else {
            return;
        };
        let at_ns = due.0.max(self.now_ns + 1_000);
        if at_ns < this.wake_ns && due < Time::MAX {
            this.wake_ns = at_ns;
            self.schedule.put(at_ns, Happening::ClientWake { client });
        }
    }

    pub(super) fn client_wake(&mut self, client: usize) {
        let this = &mut self.clients[client];
        if this.wake_ns > self.now_ns {
            return;
        }
        this.wake_ns = u64::MAX;
        let due = this.session.deadline();
        if due.is_some_and(|due| due.0 <= self.now_ns) {
            self.hand_to_session(client, Event::Tick);
        } else {
            self.set_client_timer(client);
        }
    }
}
