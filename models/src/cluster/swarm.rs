//! Clients that draw what they ask for from the seed, of a few registers in each partition. Since
//! every statement is known to the invariants, they say of each answer whether it is right.

use kensho_protocol::ids::{Epoch, Lsn, PartitionId, Token};
use kensho_protocol::request::{ReadFrom, Reply, RequestId};
use kensho_protocol::session;
use serde_json::Value as Json;

use super::clients::{Attempt, Request};
use super::load::{Ended, Load};
use super::plan::Plan;
use super::sights::Sight;
use super::{Cluster, Happening};
use crate::invariants::Violation;
use crate::invariants::linearizable::Asked;
use crate::random::{Random, Stream};
use crate::register::{KEYS, Outcome, Registers, Statement, Value, decode_value};
use crate::run::Given;
use crate::world::client::{End, Operation};
use crate::world::journal::Journal;
use crate::world::table_service::partition_id;

/// See the [module](self).
#[derive(Debug)]
pub struct Swarm {
    clients: Vec<Client>,
    /// The last value that any client has written.
    last_value: u32,
    /// What clients saw.
    journal: Journal,
}

#[derive(Debug)]
struct Client {
    open: Option<Open>,
    /// By partition: the values that it has seen last.
    values: Vec<[Value; KEYS]>,
}

/// The statement that a client waits for.
#[derive(Clone, Copy, Debug)]
struct Open {
    token: Token,
    partition: PartitionId,
    asked: Asked,
    /// The last entry that any client had been told of when it was first asked.
    known: Lsn,
}

#[cfg(test)]
impl Swarm {
    /// The number of the statement that a client waits for.
    pub(super) fn open_statement(&self, client: usize) -> Option<Token> {
        self.clients[client].open.map(|open| open.token)
    }
}

impl Client {
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
            return Asked::Read {
                key,
                from: ReadFrom::Owner,
            };
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

    /// The client learns something from the reply to its statement.
    fn learn(&mut self, open: Open, reply: &Reply) -> End {
        let (key, value, end) = match (open.asked, reply) {
            (Asked::Read { key, .. }, Reply::Answer { answer, .. }) => {
                let value = decode_value(answer).unwrap_or(0);
                (key, value, End::Read(value))
            }
            (Asked::Update { statement, .. }, Reply::Done { outcome, .. }) => {
                let outcome = Outcome::decode(outcome).unwrap_or(Outcome::Nonsense);
                let value = match outcome {
                    Outcome::Differs(value) => value,
                    Outcome::Changed | Outcome::Nonsense => statement.value(),
                };
                (statement.key(), value, End::Done(outcome))
            }
            (asked, reply) => unreachable!("{reply:?} answers no {asked:?}"),
        };
        self.values[usize::from(open.partition.0)][usize::from(key)] = value;
        end
    }
}

/// What a usual statement takes.
const STATEMENT_BYTES: usize = 5;

impl Load for Swarm {
    type Data = Registers;

    const FILES: bool = false;

    fn plan(given: &Given, seed: u64) -> Plan {
        let plan = Plan::draw(given, &mut Random::new(seed, Stream::Plan));
        plan.with_changing_members(&mut Random::new(seed, Stream::Members))
            .with_full_disks(&mut Random::new(seed, Stream::Room))
            .with_copied_folders(&mut Random::new(seed, Stream::Folders))
            .with_evidence(&mut Random::new(seed, Stream::Evidence))
            .with_goodbyes(&mut Random::new(seed, Stream::Goodbyes))
            .with_busy_nodes(STATEMENT_BYTES, &mut Random::new(seed, Stream::Busy))
    }

    fn new(plan: &Plan) -> Self {
        let client = || Client {
            open: None,
            values: vec![[0; KEYS]; plan.partitions],
        };
        Swarm {
            clients: (0..plan.clients.count).map(|_| client()).collect(),
            last_value: 0,
            journal: Journal::new(plan.clients.count),
        }
    }

    fn session(plan: &Plan, _: usize) -> session::Settings {
        plan.clients.session.clone()
    }

    fn begin(cluster: &mut Cluster<Self>) {
        for client in 0..cluster.load.clients.len() {
            cluster.schedule.put(0, Happening::Think { client });
        }
        cluster.plan_strikes();
        let calm_ns = cluster.plan.turbulent_ns;
        cluster.schedule.put(calm_ns, Happening::Calm);
        cluster.end_ns = calm_ns + cluster.plan.recovery_ns;
    }

    fn think(cluster: &mut Cluster<Self>, client: usize) {
        let Some(mut random) = cluster.chooser.begins(client, cluster.turbulent) else {
            return pause(cluster, client);
        };
        let (partition, reads_percent) = if cluster.turbulent {
            let partition = partition_id(random.index(cluster.plan.partitions));
            (partition, cluster.plan.clients.reads_percent)
        } else if let Some(number) = cluster.written.iter().position(|written| !written) {
            (partition_id(number), 0)
        } else {
            return;
        };
        let known = cluster.watch.known(partition);
        let this = &mut cluster.load;
        this.last_value += 1;
        let asked =
            this.clients[client].think(partition, this.last_value, reads_percent, &mut random);
        let operation = Operation::new(0, partition, asked, known);
        this.journal.begin(client, cluster.now_ns, &operation);
        if cluster.trace.is_kept() {
            cluster.say(format_args!(
                "client {client} asks {partition:?} for {asked:?}"
            ));
        }
        let request = match asked {
            Asked::Read { key, .. } => Request::Read(crate::register::query(key)),
            Asked::Update { statement, .. } => Request::update(statement.encode()),
        };
        let token = cluster.next_token(client);
        cluster.load.clients[client].open = Some(Open {
            token,
            partition,
            asked,
            known,
        });
        cluster.ask(client, partition, request);
    }

    fn ended(cluster: &mut Cluster<Self>, client: usize, ended: Ended) {
        let this = &mut cluster.load.clients[client];
        let Some(open) = this.open.take() else {
            return;
        };
        let end = match (&ended.result, open.asked) {
            (Ok(reply), _) => this.learn(open, reply),
            (Err(failure), Asked::Update { .. }) if !failure.definite => End::Unknown,
            (Err(_), _) => End::Failed,
        };
        cluster.load.journal.end(client, cluster.now_ns, end);
        match end {
            End::Read(_) => cluster.figures.reads += 1,
            End::Done(_) => {
                cluster.figures.updates += 1;
                if ended.attempts > 1 {
                    cluster.sometimes.saw(Sight::RetryAcknowledged);
                }
                if !cluster.turbulent {
                    cluster.written[usize::from(open.partition.0)] = true;
                }
            }
            End::Failed => {
                cluster.figures.failed += 1;
                if let Asked::Update { statement, .. } = open.asked {
                    cluster.watch.refused(open.partition, statement.value());
                }
            }
            End::Unknown => cluster.figures.unknown += 1,
        }
        pause(cluster, client);
    }

    fn calm(cluster: &mut Cluster<Self>) {
        cluster.schedule.put(cluster.now_ns, Happening::Look);
    }

    fn look(cluster: &mut Cluster<Self>) {
        cluster.recovered = cluster.first_missing().is_none();
    }

    fn missing(cluster: &Cluster<Self>) -> Option<String> {
        Some(format!("{:?}", cluster.first_missing()?))
    }

    /// linearizable, as a black box. What async lost, clients have seen.
    fn judge(cluster: &mut Cluster<Self>) {
        if cluster.first_violation().is_some() || cluster.figures.lost > 0 {
            return;
        }
        if let Some(verdict) = cluster.load.journal.wrong() {
            cluster
                .watch
                .report(Violation::HistoryNotLinearizable { verdict });
        }
    }

    fn goes_on(_: &Cluster<Self>) -> bool {
        false
    }

    fn asked(&self, attempt: Attempt, request: Option<RequestId>) -> Option<(Asked, Lsn)> {
        let open = self.clients[attempt.client].open?;
        let asked = match open.asked {
            Asked::Update { statement, .. } => Asked::Update { request, statement },
            read @ Asked::Read { .. } => read,
        };
        (open.token == attempt.statement).then_some((asked, open.known))
    }

    /// (The client itself does not notice.)
    fn lose_above(&mut self, partition: PartitionId, keep: Lsn, _: Epoch) {
        for client in &mut self.clients {
            if let Some(open) = client.open.as_mut().filter(|o| o.partition == partition) {
                open.known = open.known.min(keep);
            }
        }
    }

    fn note_fault(&mut self, _: u64, _: &'static str, _: Json) {}
}

/// A client pauses before its next statement.
fn pause(cluster: &mut Cluster<Swarm>, client: usize) {
    let longest_ns = cluster.plan.clients.think_max_ns;
    let pause_ns = cluster.streams.clients.below(longest_ns + 1);
    let next = Happening::Think { client };
    cluster.schedule.put(cluster.now_ns + pause_ns + 1, next);
}
