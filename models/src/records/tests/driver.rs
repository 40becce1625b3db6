//! A small cluster that records what it does, in virtual time: one partition, messages that arrive
//! at once and in order, disks that are safe at once.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use kensho_protocol::coordinator::{self, Birth, Coordinator, Saved};
use kensho_protocol::ids::{
    ClientId, Incarnation, Life, NodeId, PartitionId, Position, Sequence, Token,
};
use kensho_protocol::inputs::{Head, Plane, Transcript};
use kensho_protocol::outcomes::OutcomeLimits;
use kensho_protocol::record::Recovered;
use kensho_protocol::replica::{self, Replica};
use kensho_protocol::request::{Digest, Execute, Numbered, Read, ReadFrom, Reply, RequestId};
use kensho_protocol::settings::Settings;
use kensho_protocol::table::{Identity, Member};
use kensho_protocol::time::Time;
use kensho_storage::tables::Tables;

const P: PartitionId = PartitionId(0);
/// No run here needs as many rounds.
const ROUNDS: usize = 10_000;

pub(super) struct Cluster {
    pub(super) folder: tempfile::TempDir,
    pub(super) settings: Settings,
    pub(super) nodes: Vec<Node>,
    pub(super) replies: Vec<(Token, Reply)>,
    /// The statement of this token is recorded as another one.
    pub(super) falsified: Option<Token>,
    queue: VecDeque<(usize, Input)>,
    now: Time,
}

#[derive(Debug)]
enum Input {
    Control(coordinator::Event),
    Data(replica::Event),
}

pub(super) struct Node {
    me: Member,
    life: u32,
    saved: Saved,
    pub(super) disk: Recovered,
    pub(super) up: Option<Up>,
}

pub(super) struct Up {
    coordinator: Coordinator,
    pub(super) replica: Replica<Tables>,
    control: Writer,
    data: Writer,
    next_holds: Time,
}

struct Writer {
    transcript: Transcript,
    file: File,
}

impl Writer {
    fn write(&mut self) {
        if let Some(chunk) = self.transcript.chunk() {
            self.file.write_all(chunk).expect("it can be written");
            self.transcript.written();
        }
    }
}

impl Cluster {
    /// Nodes that are not started yet.
    pub(super) fn new(count: u32, settings: Settings) -> Self {
        let node = |number: u32| Node {
            me: Member {
                // Identities of real nodes do not count from 0.
                id: NodeId(1_000_000 * (count - number)),
                name: format!("n{number}"),
                client_address: format!("n{number}:1"),
                peer_address: format!("n{number}:2"),
            },
            life: 0,
            saved: Saved::default(),
            disk: Recovered::empty(Incarnation(0)),
            up: None,
        };
        Cluster {
            folder: tempfile::tempdir().expect("a folder"),
            settings,
            nodes: (0..count).map(node).collect(),
            replies: Vec::new(),
            falsified: None,
            queue: VecDeque::new(),
            now: Time(1_000_000_000),
        }
    }

    /// The same, started, with an owner that serves.
    pub(super) fn serving() -> Self {
        let mut cluster = Cluster::new(3, settings());
        for node in 0..3 {
            cluster.start(node);
        }
        cluster.run_until(|cluster| cluster.owner().is_some());
        cluster
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// The records of a node's replicas in one of its lives.
    pub(super) fn data_file(&self, node: usize, life: u32) -> PathBuf {
        record_path(self.folder.path(), node, life, Plane::Data)
    }

    pub(super) fn id(&self, node: usize) -> NodeId {
        self.nodes[node].me.id
    }

    fn tick(&mut self) -> Time {
        self.now = self.now + Duration::from_micros(1);
        self.now
    }

    pub(super) fn start(&mut self, node: usize) {
        let now = self.tick();
        let identity = Identity {
            cluster: "c".to_owned(),
            partitions: 1,
            replicas: 3,
            outcomes: OutcomeLimits::default(),
        };
        let members = self.nodes.iter().map(|n| (n.me.id, n.me.clone())).collect();
        let (folder, settings) = (self.folder.path().to_owned(), self.settings);
        let this = &mut self.nodes[node];
        this.life += 1;
        let begin = |plane| {
            let head = Head {
                plane,
                node: this.me.clone(),
                life: this.life,
                boot: "one machine".to_owned(),
                began: now,
                began_utc_ms: 0,
                program: "a test".to_owned(),
                identity: identity.clone(),
                settings,
            };
            let path = record_path(&folder, node, this.life, plane);
            fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
            Writer {
                transcript: Transcript::new(&head),
                file: File::create_new(path).expect("a file"),
            }
        };
        let (mut control, mut data) = (begin(Plane::Control), begin(Plane::Data));
        let birth = Birth {
            identity: identity.clone(),
            members,
        };
        let saved = this.saved.clone();
        let seed = 7 + node as u64;
        let life = Life {
            counter: u64::from(this.life),
            nonce: u128::from(this.life) << 8 | node as u128,
        };
        this.disk.life = life;
        let transcript = &mut control.transcript;
        transcript.coordinator(now, 0, &birth, &saved, (life, seed));
        control.write();
        let me = this.me.clone();
        let coordinator = Coordinator::new(settings, me, 0, birth, saved, life, seed, now);
        data.transcript.replica(P, now, &this.disk);
        data.write();
        let replica = Replica::recover(this.me.id, P, settings, this.disk.clone(), now);
        this.up = Some(Up {
            coordinator,
            replica: replica.expect("its image is one"),
            control,
            data,
            next_holds: now,
        });
    }

    /// Its process is gone.
    pub(super) fn kill(&mut self, node: usize) {
        self.nodes[node].up = None;
        self.queue.retain(|(to, _)| *to != node);
    }

    /// Who serves.
    pub(super) fn owner(&self) -> Option<usize> {
        let serves = |node: &Node| node.up.as_ref().is_some_and(|up| up.replica.serves());
        self.nodes.iter().position(serves)
    }

    /// How many nodes the serving owner has in its in-sync set.
    pub(super) fn in_sync(&self) -> usize {
        let up = self.owner().and_then(|owner| self.nodes[owner].up.as_ref());
        up.map_or(0, |up| up.replica.assigned().in_sync.len())
    }

    /// Goes on until something is so.
    pub(super) fn run_until(&mut self, reached: impl Fn(&Self) -> bool) {
        for _ in 0..ROUNDS {
            while let Some((to, input)) = self.queue.pop_front() {
                match input {
                    Input::Control(event) => self.control(to, event),
                    Input::Data(event) => self.data(to, event),
                }
            }
            if reached(self) {
                return;
            }
            self.wake();
        }
        panic!("it did not come to that");
    }

    /// Goes to the next time at which something is due, and does it.
    fn wake(&mut self) {
        let due = |up: &Up| {
            let deadlines = [up.coordinator.deadline(), up.replica.deadline()];
            deadlines
                .into_iter()
                .flatten()
                .fold(up.next_holds, Time::min)
        };
        let next = self.nodes.iter().filter_map(|n| n.up.as_ref().map(due));
        self.now = self.now.max(next.min().expect("a node is up"));
        for node in 0..self.nodes.len() {
            let (now, heartbeat) = (self.now, self.settings.heartbeat);
            let Some(up) = &mut self.nodes[node].up else {
                continue;
            };
            let is_due = |at: Option<Time>| at.is_some_and(|at| at <= now);
            if is_due(up.coordinator.deadline()) {
                let tick = Input::Control(coordinator::Event::Tick);
                self.queue.push_back((node, tick));
            }
            if is_due(up.replica.deadline()) {
                let tick = Input::Data(replica::Event::Tick);
                self.queue.push_back((node, tick));
            }
            if up.next_holds <= now {
                up.next_holds = now + heartbeat;
                let held = coordinator::Event::Holds(vec![up.replica.held()]);
                self.queue.push_back((node, Input::Control(held)));
            }
        }
    }

    fn number_of(&self, id: NodeId) -> usize {
        let mut nodes = self.nodes.iter();
        nodes.position(|n| n.me.id == id).expect("it is a member")
    }

    fn control(&mut self, node: usize, event: coordinator::Event) {
        let now = self.tick();
        let Some(up) = &mut self.nodes[node].up else {
            return;
        };
        up.control.transcript.coordinator_event(now, &event);
        let mut outputs = Vec::new();
        up.coordinator.handle(now, event, &mut outputs);
        up.control
            .transcript
            .coordinator_gave(&outputs, &up.coordinator);
        up.control.write();
        for output in outputs {
            self.carry_out_control(node, output);
        }
    }

    fn carry_out_control(&mut self, node: usize, output: coordinator::Output) {
        let (to, input) = match output {
            coordinator::Output::Save { ticket, saved } => {
                self.nodes[node].saved = saved;
                (node, Input::Control(coordinator::Event::Saved(ticket)))
            }
            coordinator::Output::Send { to, message } => {
                let from = self.id(node);
                let event = coordinator::Event::Message { from, message };
                (self.number_of(to), Input::Control(event))
            }
            coordinator::Output::Committed(table) if table.born => {
                let assignment = table.assignment(P).clone();
                (node, Input::Data(replica::Event::Assign(assignment)))
            }
            coordinator::Output::Service(service) => {
                (node, Input::Data(replica::Event::Service(service)))
            }
            coordinator::Output::Committed(_)
            | coordinator::Output::Note(_)
            | coordinator::Output::HandOver(_)
            | coordinator::Output::MayStop => return,
        };
        self.queue.push_back((to, input));
    }

    pub(super) fn data(&mut self, node: usize, event: replica::Event) {
        let now = self.tick();
        let falsified = falsify(&event, self.falsified);
        let Some(up) = &mut self.nodes[node].up else {
            return;
        };
        let recorded = falsified.as_ref().unwrap_or(&event);
        up.data.transcript.replica_event(P, now, recorded);
        let mut outputs = Vec::new();
        up.replica.handle(now, event, &mut outputs);
        up.data.transcript.replica_gave(&outputs);
        self.carry_out_data(node, outputs);
        let now = self.tick();
        let up = self.nodes[node].up.as_mut().expect("it runs");
        let mut outputs = Vec::new();
        up.replica.flush(now, &mut outputs);
        up.data.transcript.flushed(now, &outputs, &up.replica);
        self.carry_out_data(node, outputs);
        let up = self.nodes[node].up.as_mut().expect("it runs");
        up.data.write();
    }

    fn carry_out_data(&mut self, node: usize, outputs: Vec<replica::Output>) {
        for output in outputs {
            let (to, input) = match output {
                replica::Output::Persist { ticket, record } => {
                    let disk = &mut self.nodes[node].disk;
                    disk.replay(record).expect("records follow each other");
                    (node, Input::Data(replica::Event::Durable(ticket)))
                }
                replica::Output::Send { to, message } => {
                    let from = self.id(node);
                    let event = replica::Event::Message { from, message };
                    (self.number_of(to), Input::Data(event))
                }
                replica::Output::Reply {
                    token,
                    reply,
                    not_after,
                } => {
                    let now = self.tick();
                    if let Some(limit) = not_after {
                        let up = self.nodes[node].up.as_mut().expect("it runs");
                        let left = now < limit;
                        up.data.transcript.leaves(P, now, token, left);
                    }
                    self.replies.push((token, reply));
                    continue;
                }
                replica::Output::Ask(change) => {
                    (node, Input::Control(coordinator::Event::Ask(change)))
                }
                replica::Output::CutOff { .. }
                | replica::Output::Note(_)
                | replica::Output::RolledBack(_) => continue,
            };
            self.queue.push_back((to, input));
        }
    }

    /// Has the owner execute a statement of a client, and waits for the reply.
    pub(super) fn execute(&mut self, token: u64, sequence: u64) -> Reply {
        let execute = Execute {
            token: Token(token),
            request: Some(Numbered {
                id: RequestId {
                    client: ClientId(5),
                    sequence: Sequence(sequence),
                },
                digest: Digest::of(&[&sequence.to_le_bytes()]),
            }),
            as_of: Position::default(),
            statement: Bytes::from(format!("statement {sequence}")),
            deadline: self.now + Duration::from_secs(10),
        };
        self.ask(token, replica::Event::Execute(execute))
    }

    /// Has the owner answer a read.
    pub(super) fn read(&mut self, token: u64) -> Reply {
        let read = Read {
            token: Token(token),
            query: Bytes::from_static(b"query"),
            from: ReadFrom::Owner,
            seen: Position::default(),
            deadline: self.now + Duration::from_secs(10),
        };
        self.ask(token, replica::Event::Read(read))
    }

    fn ask(&mut self, token: u64, event: replica::Event) -> Reply {
        let owner = self.owner().expect("somebody serves");
        self.data(owner, event);
        let told = move |cluster: &Self| {
            let mut replies = cluster.replies.iter();
            let told = replies.find(|(t, _)| *t == Token(token));
            told.map(|(_, reply)| reply.clone())
        };
        self.run_until(|cluster| told(cluster).is_some());
        told(self).expect("it was told")
    }

    /// As many updates and reads, all of which are done.
    pub(super) fn work(&mut self, sequences: std::ops::Range<u64>) {
        for sequence in sequences {
            let done = self.execute(2 * sequence, sequence);
            assert!(matches!(done, Reply::Done { .. }), "{done:?}");
            let answer = self.read(2 * sequence + 1);
            assert!(matches!(answer, Reply::Answer { .. }), "{answer:?}");
        }
    }
}

pub(super) fn settings() -> Settings {
    Settings::with_heartbeat(Duration::from_millis(100))
}

fn record_path(folder: &Path, node: usize, life: u32, plane: Plane) -> PathBuf {
    let name = format!("{life:06}-{}.inputs", plane.name());
    folder.join(format!("n{node}")).join(name)
}

/// The same event with another statement, if it is the one with this token.
fn falsify(event: &replica::Event, token: Option<Token>) -> Option<replica::Event> {
    match event {
        replica::Event::Execute(execute) if Some(execute.token) == token => {
            Some(replica::Event::Execute(Execute {
                statement: Bytes::from_static(b"another"),
                ..execute.clone()
            }))
        }
        _ => None,
    }
}
