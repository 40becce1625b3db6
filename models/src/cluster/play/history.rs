//! The history of a run, as the harness writes it of a real one, and what is known besides: where in
//! its partition's log each operation stands.

use kensho_checker::history::{Event, Kind, Process};
use kensho_protocol::ids::{Epoch, Lsn, PartitionId, Position};
use kensho_workloads::operation::Operation;
use serde_json::Value;

use super::losses::{Loss, Lossy, Told};

/// The events so far, and who performs as which process.
#[derive(Debug, Default)]
pub(super) struct Journal {
    events: Vec<Event>,
    /// By client.
    processes: Vec<u64>,
    next_process: u64,
    /// When the history begins.
    origin_ns: u64,
    /// All operations.
    told: Vec<Told>,
    /// By client: its last operation.
    open: Vec<usize>,
    losses: Vec<Loss>,
}

impl Journal {
    pub(super) fn new(clients: usize) -> Self {
        let next_process = clients as u64;
        Journal {
            processes: (0..next_process).collect(),
            next_process,
            open: vec![0; clients],
            ..Journal::default()
        }
    }

    /// Times count from now on.
    pub(super) fn begin_at(&mut self, now_ns: u64) {
        self.origin_ns = now_ns;
    }

    pub(super) fn origin_ns(&self) -> u64 {
        self.origin_ns
    }

    pub(super) fn events(&self) -> &[Event] {
        &self.events
    }

    fn event(&self, now_ns: u64, process: Process, kind: Kind, operation: &Operation) -> Event {
        Event {
            index: self.events.len() as u64,
            time: now_ns - self.origin_ns,
            process,
            kind,
            f: operation.f.to_owned(),
            key: operation.key.clone(),
            value: operation.value.clone(),
            observed: None,
            error: None,
            node: None,
        }
    }

    /// A client begins an operation on something of this partition.
    pub(super) fn begin(
        &mut self,
        client: usize,
        now_ns: u64,
        partition: PartitionId,
        operation: &Operation,
    ) {
        let process = Process::Client(self.processes[client]);
        self.open[client] = self.told.len();
        self.told.push(Told {
            invoke: self.events.len(),
            complete: None,
            partition,
            at: None,
            changes: false,
        });
        self.events
            .push(self.event(now_ns, process, Kind::Invoke, operation));
    }

    /// The reply to the last call of a client's operation is about this place in the log.
    pub(super) fn told(&mut self, client: usize, at: Option<Position>, changes: bool) {
        let told = &mut self.told[self.open[client]];
        (told.at, told.changes) = (at, changes);
    }

    /// The end of a partition's log is lost.
    pub(super) fn lose_above(&mut self, partition: PartitionId, keep: Lsn, epoch: Epoch) {
        let events = self.events.len();
        self.losses.push(Loss {
            partition,
            epoch,
            keep,
            events,
        });
    }

    /// The history with what was lost of it.
    pub(super) fn lossy(&self) -> Lossy<'_> {
        Lossy {
            events: &self.events,
            told: &self.told,
            losses: &self.losses,
        }
    }

    /// It ends. `fill` says how. After an unknown outcome the process retires.
    pub(super) fn end(
        &mut self,
        client: usize,
        now_ns: u64,
        operation: &Operation,
        fill: impl FnOnce(&mut Event),
    ) -> Kind {
        let process = Process::Client(self.processes[client]);
        let mut event = self.event(now_ns, process, Kind::Ok, operation);
        fill(&mut event);
        let kind = event.kind;
        self.told[self.open[client]].complete = Some(self.events.len());
        self.events.push(event);
        if kind == Kind::Info {
            self.processes[client] = self.next_process;
            self.next_process += 1;
        }
        kind
    }

    /// The nemesis did something.
    pub(super) fn fault(&mut self, now_ns: u64, name: &'static str, what: Value) {
        let operation = Operation::new(name).with(what);
        self.events
            .push(self.event(now_ns, Process::Nemesis, Kind::Info, &operation));
    }
}
