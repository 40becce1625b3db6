//! What the protocol itself costs: an owner and its backups in memory, with a network and disks that
//! obey at once. `cargo bench -p kensho-protocol`.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kensho_protocol::apply::{Apply, ImageError};
use kensho_protocol::ids::{
    ClientId, Epoch, Incarnation, NodeId, PartitionId, Position, Sequence, Token,
};
use kensho_protocol::record::Recovered;
use kensho_protocol::replica::{Event, Output, Replica};
use kensho_protocol::request::{Digest, Execute, Numbered, Read, ReadFrom, RequestId};
use kensho_protocol::settings::Settings;
use kensho_protocol::table::Assignment;
use kensho_protocol::time::Time;

/// The last statement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Last(Bytes);

impl Apply for Last {
    type Undo = Bytes;
    fn apply(&mut self, _: Position, statement: &Bytes) -> (Bytes, Bytes) {
        (
            Bytes::new(),
            std::mem::replace(&mut self.0, statement.clone()),
        )
    }
    fn undo(&mut self, undo: Bytes) {
        self.0 = undo;
    }
    fn read(&self, _: &Bytes) -> Bytes {
        self.0.clone()
    }
    fn image(&self) -> Bytes {
        self.0.clone()
    }
    fn restore(image: &Bytes) -> Result<Self, ImageError> {
        Ok(Last(image.clone()))
    }
}

struct Partition {
    replicas: Vec<Replica<Last>>,
    now: Time,
    sequence: u64,
    replies: u64,
    /// Which replica each output came from.
    outputs: Vec<(usize, Output)>,
}

impl Partition {
    fn new(replicas: u32) -> Self {
        let settings = Settings::with_heartbeat(Duration::from_millis(100));
        let start = |id| {
            let disk = Recovered::empty(Incarnation(1));
            Replica::recover(NodeId(id), PartitionId(0), settings, disk, Time(1)).unwrap()
        };
        let mut partition = Partition {
            replicas: (0..replicas).map(start).collect(),
            now: Time(1),
            sequence: 0,
            replies: 0,
            outputs: Vec::new(),
        };
        let table = Assignment {
            epoch: Epoch(1),
            owner: NodeId(0),
            in_sync: (0..replicas)
                .map(|id| (NodeId(id), Incarnation(1)))
                .collect(),
            ..Assignment::default()
        };
        for at in 0..partition.replicas.len() {
            partition.give(at, Event::Service(true));
            partition.give(at, Event::Assign(table.clone()));
            partition.flush(at);
        }
        partition.run();
        partition
    }

    fn give(&mut self, at: usize, event: Event) {
        let mut out = Vec::new();
        self.replicas[at].handle(self.now, event, &mut out);
        self.outputs
            .extend(out.into_iter().map(|output| (at, output)));
    }

    fn flush(&mut self, at: usize) {
        let mut out = Vec::new();
        self.replicas[at].flush(self.now, &mut out);
        self.outputs
            .extend(out.into_iter().map(|output| (at, output)));
    }

    fn run(&mut self) {
        while !self.outputs.is_empty() {
            for (at, output) in std::mem::take(&mut self.outputs) {
                let target = match output {
                    Output::Persist { ticket, .. } => {
                        self.give(at, Event::Durable(ticket));
                        at
                    }
                    Output::Send { to, message } => {
                        let from = NodeId(u32::try_from(at).unwrap());
                        let to = usize::try_from(to.0).unwrap();
                        self.give(to, Event::Message { from, message });
                        to
                    }
                    Output::Reply { reply, .. } => {
                        black_box(reply);
                        self.replies += 1;
                        continue;
                    }
                    _ => continue,
                };
                self.flush(target);
            }
        }
    }

    fn put(&mut self, batch: u64, value: &Bytes) {
        let before = self.replies;
        self.now = self.now + Duration::from_micros(10);
        for _ in 0..batch {
            self.sequence += 1;
            let execute = Execute {
                token: Token(self.sequence),
                request: Some(Numbered {
                    id: RequestId {
                        client: ClientId(self.sequence % 64),
                        sequence: Sequence(self.sequence),
                    },
                    digest: Digest::of(&[value]),
                }),
                as_of: Position::default(),
                statement: value.clone(),
                deadline: self.now + Duration::from_secs(10),
            };
            self.give(0, Event::Execute(execute));
        }
        self.flush(0);
        self.run();
        assert_eq!(self.replies, before + batch);
    }

    fn read(&mut self) {
        let deadline = self.now + Duration::from_secs(10);
        self.give(
            0,
            Event::Read(Read {
                token: Token(0),
                query: Bytes::new(),
                from: ReadFrom::Owner,
                seen: Position::default(),
                deadline,
            }),
        );
        self.run();
    }
}

fn puts(criterion: &mut Criterion) {
    let value = Bytes::from(vec![7; 100]);
    let mut group = criterion.benchmark_group("put");
    for replicas in [1, 2, 3] {
        for batch in [1, 32] {
            let mut partition = Partition::new(replicas);
            group.throughput(Throughput::Elements(batch));
            group.bench_function(
                format!("{replicas} replicas, batches of {batch}"),
                |bencher| {
                    bencher.iter(|| partition.put(batch, &value));
                },
            );
        }
    }
    group.finish();
    let mut partition = Partition::new(3);
    partition.put(1, &value);
    criterion.bench_function("read under a lease", |bencher| {
        bencher.iter(|| partition.read());
    });
}

criterion_group!(benches, puts);
criterion_main!(benches);
