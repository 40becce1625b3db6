//! Clients with the sessions that ship: they find the owner by a cached table, ask, try again
//! elsewhere, and give up in time. What they ask for is decided by the [load](super::load).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kensho_kernel::data::{Ask, Query};
use kensho_protocol::ids::{PartitionId, Position, Token};
use kensho_protocol::request::{Digest, Numbered, ReadFrom, Reply, RequestId};
use kensho_protocol::session::{
    Address, Answer, Directory, Event, Failure, Kind, Output, Preference, Session,
};
use kensho_protocol::time::Time;

use super::load::{Ended, Load};
use super::{Cluster, Happening};

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

/// What a client asks a node for.
#[derive(Clone, Debug)]
pub enum Request {
    /// An answer to a query.
    Read(Bytes),
    /// The same, and any replica may answer (rule R16).
    ReadAny {
        /// The query.
        query: Bytes,
        /// How old the answer may be.
        max_age: Duration,
    },
    /// A change.
    Update {
        /// Its number, once it is sent.
        id: Option<RequestId>,
        /// What to execute.
        statement: Bytes,
    },
}

/// A statement with its number, and what tells it from others.
fn numbered(id: RequestId, statement: &[u8]) -> Numbered {
    Numbered {
        id,
        digest: Digest::of(&[statement]),
    }
}

impl Request {
    /// A change that was not sent yet.
    #[must_use]
    pub fn update(statement: Bytes) -> Self {
        Request::Update {
            id: None,
            statement,
        }
    }

    /// The number of a change.
    #[must_use]
    pub fn id(&self) -> Option<RequestId> {
        match self {
            Request::Read(_) | Request::ReadAny { .. } => None,
            Request::Update { id, .. } => *id,
        }
    }

    /// What a node makes of it.
    #[must_use]
    pub fn ask(self, as_of: Position) -> Ask {
        match self {
            Request::Read(query) => Ask::Read(query.into()),
            Request::ReadAny { query, max_age } => Ask::Read(Query {
                bytes: query,
                from: ReadFrom::Any { max_age },
                seen: as_of,
            }),
            Request::Update { id, statement } => Ask::Update {
                request: id.map(|id| numbered(id, &statement)),
                as_of,
                statement,
            },
        }
    }
}

/// One client.
#[derive(Debug)]
pub(super) struct Client {
    session: Session,
    /// How many statements it has begun.
    begun: u64,
    open: Option<Open>,
    /// When the next wake-up is due; `u64::MAX`: none.
    wake_ns: u64,
}

/// The statement that a client waits for.
#[derive(Clone, Debug)]
struct Open {
    token: Token,
    partition: PartitionId,
    request: Request,
    attempts: u32,
    /// The node that was asked last.
    node: Option<usize>,
    /// What the last attempt brought.
    told: Option<Reply>,
}

impl Client {
    pub(super) fn new(session: Session) -> Self {
        Client {
            session,
            begun: 0,
            open: None,
            wake_ns: u64::MAX,
        }
    }
}

impl<L: Load> Cluster<L> {
    /// The clients' place in the network.
    fn clients_place(&self) -> usize {
        self.plan.nodes
    }

    fn node_at(&self, address: &Address) -> Option<usize> {
        self.addresses.iter().position(|other| other == address)
    }

    /// The name of the next statement of `client`.
    pub(super) fn next_token(&self, client: usize) -> Token {
        Token(self.clients[client].begun + 1)
    }

    /// A client, which waits for nothing, asks for something.
    pub(super) fn ask(&mut self, client: usize, partition: PartitionId, request: Request) {
        let token = self.next_token(client);
        let kind = match &request {
            Request::Read(_) => Kind::Read,
            Request::ReadAny { .. } => Kind::ReadAny(Preference::Any),
            Request::Update { .. } => Kind::Update,
        };
        let this = &mut self.clients[client];
        this.begun += 1;
        this.open = Some(Open {
            token,
            partition,
            request,
            attempts: 0,
            node: None,
            told: None,
        });
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
            Output::Finish { result, .. } => self.client_ends(client, result),
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
        open.node = Some(to);
        let mut request = open.request.clone();
        if let Request::Update { id: number, .. } = &mut request {
            *number = id;
        }
        let request = Happening::Request {
            to,
            attempt,
            partition: open.partition,
            request,
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

    pub(super) fn client_hears(&mut self, attempt: Attempt, ending: Ending) {
        let Attempt {
            client,
            statement,
            number,
        } = attempt;
        let answer = match &ending {
            Ending::Reply(Reply::Done { at, .. } | Reply::Answer { at, .. }) => {
                Answer::Final { at: Some(*at) }
            }
            Ending::Reply(Reply::Refused(refusal)) => Answer::Refused(*refusal),
            Ending::Unreachable => Answer::Unreachable,
            Ending::Lost => Answer::Lost,
        };
        let open = self.clients[client].open.as_mut();
        // What an abandoned attempt brings is not heard any more.
        let open = open.filter(|o| o.token == statement && o.attempts == number);
        if let (Some(open), Ending::Reply(reply)) = (open, ending) {
            open.told = Some(reply);
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
        let plane = self.nodes[node].data.plane.as_ref();
        let table = plane.and_then(|plane| plane.view().table.as_ref());
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

    fn client_ends(&mut self, client: usize, result: Result<(), Failure>) {
        let Some(open) = self.clients[client].open.take() else {
            return;
        };
        if self.trace.is_kept() {
            let told = &open.told;
            self.say(format_args!("client {client} ends: {result:?}, {told:?}"));
        }
        let reply = |()| open.told.expect("a statement ends well with an answer");
        let ended = Ended {
            token: open.token,
            partition: open.partition,
            attempts: open.attempts,
            node: open.node,
            result: result.map(reply),
        };
        L::ended(self, client, ended);
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
