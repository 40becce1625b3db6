//! The interpreter: asks a generator, lets clients and nemesis perform, journals each event.
//!
//! One task does all the asking and journalling, so that the order of the history is the order of
//! events: an invocation is written before its request is sent, and a completion after its answer
//! came. Each client is a task of its own and knows nothing but requests and answers.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use kensho_checker::history::{Event, Kind, Process};
use kensho_results::sample::Sample;
use kensho_workloads::call::Call;
use kensho_workloads::generator::{Completion, Context, Generator, Next, Scheduled, Thread};
use kensho_workloads::operation::Operation;
use kensho_workloads::workload::{Clients, Outcome, Step};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::clock::Clock;
use super::interrupt::Interrupt;
use super::journal::Journal;
use super::progress::Tally;
use crate::system::{Answered, Client, System, partition_of};

/// The end of what a thread was asked to do.
enum Done {
    Client { number: usize, answered: Answered },
    Nemesis { value: Value },
}

/// Performs the nemesis's operations.
pub trait Nemesis: Send + 'static {
    /// Performs one, and says what came of it.
    fn perform(&mut self, operation: Operation) -> impl Future<Output = Value> + Send;
}

/// An operation that a client has open.
struct Open {
    operation: Operation,
    /// What it waits for.
    call: Call,
    intended_ns: u64,
    invoke_ns: u64,
    partition: u32,
}

/// One client's task, as the interpreter sees it.
struct Worker {
    calls: mpsc::UnboundedSender<Call>,
    /// The process whose operations it performs now.
    process: u64,
    open: Option<Open>,
}

/// How a phase ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhaseEnd {
    /// The generator was done.
    Done,
    /// The run is to end early.
    Interrupted,
    /// Time was up.
    TimedOut,
}

/// Who performs.
pub struct Cast<C, N> {
    /// The clients.
    pub clients: Vec<C>,
    /// What they do.
    pub acting: Box<dyn Clients>,
    /// What goes wrong meanwhile.
    pub nemesis: N,
}

/// Drives the threads of one run.
pub struct Interpreter<S: System> {
    system: Arc<S>,
    clock: Clock,
    journal: Journal,
    context: Context,
    workers: Vec<Worker>,
    nemesis: mpsc::UnboundedSender<Operation>,
    nemesis_open: Option<Operation>,
    done: mpsc::UnboundedReceiver<Done>,
    tasks: Vec<JoinHandle<()>>,
    next_process: u64,
    acting: Box<dyn Clients>,
    /// Client operations that have completed and were not taken yet.
    samples: Vec<Sample>,
    tally: Arc<Tally>,
    interrupt: Interrupt,
}

impl<S: System> Interpreter<S> {
    /// Clients that are ready to perform, and the nemesis.
    pub fn new(
        system: Arc<S>,
        clock: Clock,
        journal: Journal,
        cast: Cast<S::Client, impl Nemesis>,
        tally: Arc<Tally>,
        interrupt: Interrupt,
    ) -> Interpreter<S> {
        let Cast {
            clients,
            acting,
            nemesis,
        } = cast;
        let (tell, done) = mpsc::unbounded_channel();
        let mut tasks = Vec::new();
        let mut workers = Vec::new();
        let count = clients.len();
        for (number, performer) in clients.into_iter().enumerate() {
            let (calls, received) = mpsc::unbounded_channel();
            tasks.push(tokio::spawn(client(
                number,
                performer,
                received,
                tell.clone(),
            )));
            workers.push(Worker {
                calls,
                process: number as u64,
                open: None,
            });
        }
        let (asked, received) = mpsc::unbounded_channel();
        tasks.push(tokio::spawn(nemesis_task(nemesis, received, tell)));
        Interpreter {
            system,
            clock,
            journal,
            context: Context::new(count),
            workers,
            nemesis: asked,
            nemesis_open: None,
            done,
            tasks,
            next_process: count as u64,
            acting,
            samples: Vec::new(),
            tally,
            interrupt,
        }
    }

    /// Plays `generator` to its end, or until it is interrupted, or for `limit`; waits until every
    /// operation has completed.
    ///
    /// # Errors
    /// If the history cannot be written, or the generator asks for what nobody can do.
    pub async fn play(&mut self, mut generator: Generator, limit: Duration) -> Result<PhaseEnd> {
        let deadline = self.clock.now_ns().saturating_add(nanoseconds(limit));
        let mut end = PhaseEnd::Done;
        loop {
            while let Ok(done) = self.done.try_recv() {
                generator = self.complete(&generator, done)?;
            }
            self.context.time = self.clock.now_ns();
            if end == PhaseEnd::Done && self.interrupt.is_set() {
                end = PhaseEnd::Interrupted;
            }
            if end == PhaseEnd::Done && self.context.time >= deadline {
                end = PhaseEnd::TimedOut;
            }
            if end != PhaseEnd::Done {
                generator = Generator::done();
            }
            let (next, after) = generator.next(&self.context);
            generator = after;
            let until = match next {
                Next::Run(scheduled) => {
                    self.invoke(scheduled)?;
                    continue;
                }
                Next::Done if self.context.all_free() => return Ok(end),
                Next::Done => None,
                Next::Pending { until } => Some(until.unwrap_or(u64::MAX).min(deadline)),
            };
            // Waiting for open operations at the end is bounded by the clients' own limits.
            let wake = until.map(|until| tokio::time::Instant::from_std(self.clock.instant(until)));
            let interrupted = self.interrupt.is_set();
            let done = tokio::select! {
                done = self.done.recv() => Some(done.context("all clients have ended")?),
                () = sleep_until(wake) => None,
                () = self.interrupt.wait(), if !interrupted => None,
            };
            if let Some(done) = done {
                generator = self.complete(&generator, done)?;
            }
        }
    }

    fn invoke(&mut self, scheduled: Scheduled) -> Result<()> {
        self.context.occupy(scheduled.thread);
        match scheduled.thread {
            Thread::Client(number) => self.invoke_client(number, scheduled),
            Thread::Nemesis => {
                let operation = scheduled.operation;
                let event = self.event(Process::Nemesis, Kind::Info, &operation);
                self.journal.write(event)?;
                self.nemesis_open = Some(operation.clone());
                self.nemesis
                    .send(operation)
                    .map_err(|_| anyhow!("the nemesis has ended"))
            }
        }
    }

    fn invoke_client(&mut self, number: usize, scheduled: Scheduled) -> Result<()> {
        let begun = self.acting.begin(number, scheduled.operation);
        let (operation, call) = begun.map_err(|text| anyhow!(text))?;
        let process = Process::Client(self.workers[number].process);
        let event = self.event(process, Kind::Invoke, &operation);
        let invoke_ns = event.time;
        self.journal.write(event)?;
        let worker = &mut self.workers[number];
        worker.open = Some(Open {
            operation,
            intended_ns: scheduled.time,
            invoke_ns,
            partition: partition_of(&*self.system, call.container()),
            call: call.clone(),
        });
        self.send(number, call)
    }

    fn send(&self, client: usize, call: Call) -> Result<()> {
        if self.workers[client].calls.send(call).is_err() {
            bail!("client {client} has ended");
        }
        Ok(())
    }

    fn complete(&mut self, generator: &Generator, done: Done) -> Result<Generator> {
        let (thread, kind) = match done {
            Done::Client { number, answered } => match self.go_on(number, answered)? {
                Some(kind) => (Thread::Client(number), kind),
                None => return Ok(generator.clone()),
            },
            Done::Nemesis { value } => {
                let operation = self
                    .nemesis_open
                    .take()
                    .context("the nemesis had nothing open")?;
                let event = self.event(Process::Nemesis, Kind::Info, &operation.with(value));
                self.journal.write(event)?;
                (Thread::Nemesis, Kind::Info)
            }
        };
        self.context.release(thread);
        self.context.time = self.clock.now_ns();
        Ok(generator.update(&self.context, &Completion { thread, kind }))
    }

    /// A call has ended: its operation goes on by the next one, or ends in the way that is returned.
    fn go_on(&mut self, number: usize, answered: Answered) -> Result<Option<Kind>> {
        let mut open = self.workers[number]
            .open
            .take()
            .context("the client had nothing open")?;
        let Answered { answer, node } = answered;
        let step = self
            .acting
            .answered(number, &open.operation, &open.call, answer);
        match step {
            Step::Call(next) => {
                open.call = next.clone();
                self.workers[number].open = Some(open);
                self.send(number, next)?;
                Ok(None)
            }
            Step::End(outcome) => self.complete_client(number, open, outcome, node).map(Some),
        }
    }

    fn complete_client(
        &mut self,
        number: usize,
        open: Open,
        outcome: Outcome,
        node: Option<String>,
    ) -> Result<Kind> {
        let process = Process::Client(self.workers[number].process);
        let mut event = self.event(process, outcome.kind, &open.operation.clone());
        event.value = outcome.value;
        event.observed = outcome.observed;
        event.error = outcome.error;
        event.node = node;
        let complete_ns = event.time;
        let served = event.kind == Kind::Ok || event.observed.is_some();
        self.journal.write(event)?;
        if outcome.kind == Kind::Info {
            // What it asked for may still happen: the process is never used again.
            self.workers[number].process = self.next_process;
            self.next_process += 1;
        }
        let Open {
            operation,
            intended_ns,
            invoke_ns,
            partition,
            ..
        } = open;
        self.tally.count(outcome.kind, served);
        self.samples.push(Sample {
            f: operation.f,
            partition,
            intended_ns,
            invoke_ns,
            complete_ns,
            kind: outcome.kind,
            served,
        });
        Ok(outcome.kind)
    }

    fn event(&self, process: Process, kind: Kind, operation: &Operation) -> Event {
        Event {
            index: 0,
            time: self.clock.now_ns(),
            process,
            kind,
            f: operation.f.to_string(),
            key: operation.key.clone(),
            value: operation.value.clone(),
            observed: None,
            error: None,
            node: None,
        }
    }

    /// The client operations that have completed since this was last asked.
    pub fn take_samples(&mut self) -> Vec<Sample> {
        std::mem::take(&mut self.samples)
    }

    /// What clients do in the final phase.
    pub fn final_phase(&mut self) -> Generator {
        self.acting.final_phase()
    }

    /// What the final phase should have seen and has not.
    pub fn unread(&self) -> Vec<String> {
        self.acting.unread()
    }

    /// How many events the history has.
    pub fn events(&self) -> u64 {
        self.journal.len()
    }
}

impl<S: System> Drop for Interpreter<S> {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn client(
    number: usize,
    client: impl Client,
    mut calls: mpsc::UnboundedReceiver<Call>,
    done: mpsc::UnboundedSender<Done>,
) {
    while let Some(call) = calls.recv().await {
        let answered = client.perform(call).await;
        if done.send(Done::Client { number, answered }).is_err() {
            return;
        }
    }
}

async fn nemesis_task(
    mut nemesis: impl Nemesis,
    mut operations: mpsc::UnboundedReceiver<Operation>,
    done: mpsc::UnboundedSender<Done>,
) {
    while let Some(operation) = operations.recv().await {
        let value = nemesis.perform(operation).await;
        if done.send(Done::Nemesis { value }).is_err() {
            return;
        }
    }
}

async fn sleep_until(wake: Option<tokio::time::Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
