//! The session with what it needs: a clock, a mailbox for each statement, and a task that hands in
//! ticks.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use kensho_protocol::ids::{Position, Token};
use kensho_protocol::request::RequestId;
use kensho_protocol::session::{Address, Event, Failure, Kind, Output, Session};
use kensho_protocol::time::Time;
use tokio::sync::Notify;

use crate::credentials::Credentials;
use crate::pool::Pool;
use crate::request::Head;
use crate::response::Response;
use crate::table;

/// What a client did, for those who look after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// How often a partition table was asked for.
    pub table_fetches: u64,
    /// How many connections were opened, or tried to.
    pub connections_opened: u64,
    /// How often a statement was sent.
    pub attempts: u64,
    /// How often a statement was sent again.
    pub retries: u64,
}

/// What the session wants of a statement's task; a later command replaces an earlier one.
pub(crate) enum Command {
    Send {
        attempt: u32,
        to: Address,
        id: Option<RequestId>,
        as_of: Position,
    },
    Abandon,
    Finish(Result<(), Failure>),
}

/// Where a statement's task finds its commands. Only one task waits at a time.
#[derive(Default)]
pub(crate) struct Mailbox(Mutex<Slot>);

#[derive(Default)]
struct Slot {
    command: Option<Command>,
    waiting: Option<Waker>,
}

impl Mailbox {
    fn put(&self, command: Command) {
        let waiting = {
            let mut slot = self.0.lock().expect("nobody panicked");
            slot.command = Some(command);
            slot.waiting.take()
        };
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }

    /// Waits for a command.
    pub(crate) async fn next(&self) -> Command {
        poll_fn(|context| self.poll(context, Option::take)).await
    }

    /// Waits until there is a command, and leaves it there.
    pub(crate) async fn has_news(&self) {
        poll_fn(|context| self.poll(context, |command| command.as_ref().map(drop))).await;
    }

    fn poll<T>(
        &self,
        context: &Context<'_>,
        look: impl FnOnce(&mut Option<Command>) -> Option<T>,
    ) -> Poll<T> {
        let mut slot = self.0.lock().expect("nobody panicked");
        if let Some(found) = look(&mut slot.command) {
            return Poll::Ready(found);
        }
        slot.waiting = Some(context.waker().clone());
        Poll::Pending
    }
}

struct State {
    session: Session,
    mailboxes: HashMap<Token, Arc<Mailbox>>,
    outputs: Vec<Output>,
    /// When the ticker will look again.
    planned: Time,
}

pub(crate) struct Core {
    state: Mutex<State>,
    pub(crate) pool: Pool,
    pub(crate) credentials: Option<Credentials>,
    start: Instant,
    ticker: Arc<Notify>,
    runtime: tokio::runtime::Handle,
    probe_interval: Duration,
    table_timeout: Duration,
    next_token: AtomicU64,
}

impl Core {
    /// Starts the ticker as well, on the runtime in which this is called.
    pub(crate) fn start(
        session: Session,
        (pool, credentials): (Pool, Option<Credentials>),
        probe_interval: Duration,
        table_timeout: Duration,
    ) -> Arc<Self> {
        let core = Arc::new(Core {
            state: Mutex::new(State {
                session,
                mailboxes: HashMap::new(),
                outputs: Vec::new(),
                planned: Time::MAX,
            }),
            pool,
            credentials,
            start: Instant::now(),
            ticker: Arc::default(),
            runtime: tokio::runtime::Handle::current(),
            probe_interval,
            table_timeout,
            next_token: AtomicU64::new(0),
        });
        let ticker = tick(Arc::downgrade(&core), Arc::clone(&core.ticker));
        core.runtime.spawn(ticker);
        core
    }

    fn now(&self) -> Time {
        Time(0) + self.start.elapsed()
    }

    pub(crate) fn counters(&self) -> Counters {
        let session = self
            .state
            .lock()
            .expect("nobody panicked")
            .session
            .counters();
        Counters {
            table_fetches: session.table_fetches,
            connections_opened: self.pool.opened(),
            attempts: session.attempts,
            retries: session.retries,
        }
    }

    pub(crate) fn open_statements(&self) -> usize {
        let state = self.state.lock().expect("nobody panicked");
        state.session.open_statements()
    }

    /// What was seen of the partition of containers with this hash.
    pub(crate) fn seen(&self, hash: u32) -> Option<Position> {
        let state = self.state.lock().expect("nobody panicked");
        state.session.seen(hash)
    }

    /// Begins a statement.
    pub(crate) fn run(self: &Arc<Self>, hash: u32, kind: Kind) -> OpenStatement {
        let token = Token(self.next_token.fetch_add(1, Ordering::Relaxed));
        let mailbox = Arc::<Mailbox>::default();
        let mut state = self.state.lock().expect("nobody panicked");
        state.mailboxes.insert(token, Arc::clone(&mailbox));
        self.handle_locked(&mut state, Event::Run { token, hash, kind });
        OpenStatement {
            core: Arc::clone(self),
            token,
            mailbox,
        }
    }

    pub(crate) fn handle(self: &Arc<Self>, event: Event) {
        let mut state = self.state.lock().expect("nobody panicked");
        self.handle_locked(&mut state, event);
    }

    fn handle_locked(self: &Arc<Self>, state: &mut State, event: Event) {
        let now = self.now();
        let mut outputs = std::mem::take(&mut state.outputs);
        state.session.handle(now, event, &mut outputs);
        // While nothing fails, the next tick is needed when the statement that was just sent takes
        // too long; otherwise the session has to be asked.
        let need = match outputs[..] {
            [Output::Send { .. }] => now + self.probe_interval,
            [Output::Finish { .. }] => Time::MAX,
            _ => state.session.deadline().unwrap_or(Time::MAX),
        };
        for output in outputs.drain(..) {
            self.carry_out(state, output);
        }
        state.outputs = outputs;
        if need < state.planned {
            state.planned = need;
            self.ticker.notify_one();
        }
    }

    fn carry_out(self: &Arc<Self>, state: &mut State, output: Output) {
        let (token, command) = match output {
            Output::Send {
                token,
                attempt,
                to,
                id,
                as_of,
            } => {
                let command = Command::Send {
                    attempt,
                    to,
                    id,
                    as_of,
                };
                (token, command)
            }
            Output::Abandon { token } => (token, Command::Abandon),
            Output::Finish { token, result } => (token, Command::Finish(result)),
            Output::FetchTable { from } => {
                let directory = state.session.directory();
                let known = directory.map(|directory| {
                    let stamp = directory.stamp();
                    format!("\"{}-{}\"", stamp.term, stamp.revision)
                });
                self.runtime.spawn(Arc::clone(self).fetch(from, known));
                return;
            }
        };
        if let Some(mailbox) = state.mailboxes.get(&token) {
            mailbox.put(command);
        }
    }

    /// Asks a node for its table.
    async fn fetch(self: Arc<Self>, from: Address, known: Option<String>) {
        let head = Head::new(&Method::GET, "/cluster/table", &from);
        let mut head = head.with_user(self.credentials.as_ref());
        if let Some(known) = known {
            head = head.with_text("if-none-match", &known);
        }
        let request = head.body(&[]);
        let exchange = self.pool.exchange(&from, &request);
        let event = match tokio::time::timeout(self.table_timeout, exchange).await {
            Ok(Ok(response)) => table_event(from, &response),
            Ok(Err(_)) | Err(_) => Event::NoTable { from },
        };
        self.handle(event);
    }
}

fn table_event(from: Address, response: &Response) -> Event {
    if response.status == StatusCode::NOT_MODIFIED {
        return Event::Table {
            from,
            directory: None,
        };
    }
    let table = table::read(&response.body).ok();
    match table.filter(|_| response.status.is_success()) {
        Some(directory) => Event::Table {
            from,
            directory: Some(Arc::new(directory)),
        },
        None => Event::NoTable { from },
    }
}

/// Hands in ticks until the client is gone.
async fn tick(core: Weak<Core>, wake: Arc<Notify>) {
    loop {
        let Some(wait) = core.upgrade().map(|core| {
            let mut state = core.state.lock().expect("nobody panicked");
            let now = core.now();
            if state
                .session
                .deadline()
                .is_some_and(|deadline| deadline <= now)
            {
                core.handle_locked(&mut state, Event::Tick);
            }
            state.planned = state.session.deadline().unwrap_or(Time::MAX);
            state.planned.since(now)
        }) else {
            return;
        };
        // Whoever needs a tick earlier than planned notifies; so does the last owner on leaving.
        let _ = tokio::time::timeout(wait, wake.notified()).await;
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.ticker.notify_one();
    }
}

/// A statement that has begun. Dropping it tells the session to forget it.
pub(crate) struct OpenStatement {
    core: Arc<Core>,
    pub(crate) token: Token,
    pub(crate) mailbox: Arc<Mailbox>,
}

impl Drop for OpenStatement {
    fn drop(&mut self) {
        let mut state = self.core.state.lock().expect("nobody panicked");
        state.mailboxes.remove(&self.token);
        if state.session.is_open(self.token) {
            let forget = Event::Forget { token: self.token };
            self.core.handle_locked(&mut state, forget);
        }
    }
}
