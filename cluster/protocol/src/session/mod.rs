//! One client: it finds out who owns a partition, sends statements there, tries again elsewhere
//! when that fails, and gives up in time (requirement A13, rule R11).
//!
//! The session neither sees statements nor sends them: the caller keeps them by token, carries out
//! [`Output::Send`] and hands in what came of it. It knows nothing of rows and HTTP.
//!
//! - The partition table stays cached until a statement fails, or waits for suspiciously long.
//! - An update keeps its number (client, sequence) for all attempts, so that it takes effect once.
//! - When a newer table names another owner, a waiting statement goes there at once. A node that
//!   was stopped while it held a request therefore costs no more than the failover itself.
//! - A failed statement is *definite* only if no attempt can have had an effect.

mod directory;
mod random;
mod replicas;
mod statement;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::ids::{ClientId, PartitionId, Position, Sequence, Token};
use crate::request::{Refusal, RequestId};
use crate::time::Time;

pub use directory::{Address, Directory};
pub use statement::{Answer, Failure, Kind, Preference, Trouble};

use random::Random;
use replicas::Latencies;
use statement::{Lane, Stage, Statement};

/// What a session may be told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// A statement that has not succeeded by then ends with an error. Default 60 s.
    pub failover_timeout: Duration,
    /// An attempt that has not been answered by then is given up, and made again. Default 5 s.
    pub attempt_timeout: Duration,
    /// While an attempt waits for longer than this, the table is fetched again at this interval,
    /// to learn whether the partition has moved. Default 200 ms.
    pub probe_interval: Duration,
    /// A node that has not given its table by then is passed over. Default 500 ms.
    pub table_timeout: Duration,
    /// The first pause between two attempts; each further one is twice as long. Default 5 ms.
    pub backoff_min: Duration,
    /// The longest pause between two attempts. Default 100 ms.
    pub backoff_max: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            failover_timeout: Duration::from_secs(60),
            attempt_timeout: Duration::from_secs(5),
            probe_interval: Duration::from_millis(200),
            table_timeout: Duration::from_millis(500),
            backoff_min: Duration::from_millis(5),
            backoff_max: Duration::from_millis(100),
        }
    }
}

/// What happens to a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The application wants a statement to be run.
    Run {
        /// Names the statement; it must not be in use.
        token: Token,
        /// The hash of its container.
        hash: u32,
        /// Whether it may change something.
        kind: Kind,
    },
    /// The application knows from elsewhere that there is this log entry, in the partition of containers with
    /// this hash: answers from now on must know of it.
    Seen {
        /// The hash of a container.
        hash: u32,
        /// The entry.
        at: Position,
    },
    /// The application is no longer interested in a statement.
    Forget {
        /// Which.
        token: Token,
    },
    /// An attempt ended.
    Answered {
        /// Of which statement.
        token: Token,
        /// Which of its attempts; an answer to an earlier one than the last counts for nothing.
        attempt: u32,
        /// How.
        answer: Answer,
    },
    /// A node gave its partition table, or said that it is the one already known.
    Table {
        /// The node.
        from: Address,
        /// The table; `None`: nothing newer than [`Session::directory`].
        directory: Option<Arc<Directory>>,
    },
    /// A node did not give its partition table.
    NoTable {
        /// The node.
        from: Address,
    },
    /// The time of [`Session::deadline`] has come.
    Tick,
}

/// What is to be done for a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// Send a statement to a node, and say with [`Event::Answered`] what came of it. An earlier
    /// attempt of the same statement is given up.
    Send {
        /// Which statement.
        token: Token,
        /// Which attempt this is, counted from 1.
        attempt: u32,
        /// Where to.
        to: Address,
        /// The update's number; a read has none.
        id: Option<RequestId>,
        /// The youngest log entry that the session has seen of the partition: it goes with the update's
        /// number, and with a read that any replica may answer.
        as_of: Position,
    },
    /// The statement's last attempt takes too long: give it up. Others will follow.
    Abandon {
        /// Which statement.
        token: Token,
    },
    /// Ask a node for its partition table, unless it is the one that is known.
    FetchTable {
        /// The node.
        from: Address,
    },
    /// A statement ended. With `Ok` the last answer is the one that counts.
    Finish {
        /// Which statement.
        token: Token,
        /// How.
        result: Result<(), Failure>,
    },
}

/// A fetch of the table that has not been answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Fetch {
    from: Address,
    until: Time,
}

/// What a session did, for those who look after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counters {
    /// How often a partition table was asked for.
    pub table_fetches: u64,
    /// How often a statement was sent.
    pub attempts: u64,
    /// How often a statement was sent again.
    pub retries: u64,
}

/// See the [module](self).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Session {
    settings: Settings,
    random: Random,
    members: Vec<Address>,
    /// Those of the table, and the members that are not among them.
    nodes: Vec<Address>,
    directory: Option<Arc<Directory>>,
    /// The youngest log entry that is known of, by partition.
    seen: BTreeMap<PartitionId, Position>,
    /// What was seen by others, until a table says of which partitions that is.
    seen_elsewhere: Vec<(u32, Position)>,
    lanes: Vec<Lane>,
    latencies: Latencies,
    statements: BTreeMap<Token, Statement>,
    fetch: Option<Fetch>,
    /// How many fetches succeeded.
    tables: u64,
    /// How many failed since the last that succeeded.
    fetches_failed: u32,
    /// Whom to ask next.
    turn: usize,
    /// No node is asked for its table before.
    fetch_not_before: Time,
    counters: Counters,
}

impl Session {
    /// A session with the cluster of which `members` are some nodes. Its identity and all its
    /// choices are drawn from `seed`, which must therefore differ from that of every other session.
    #[must_use]
    pub fn new(settings: Settings, members: Vec<Address>, seed: u64) -> Self {
        let mut random = Random::new(seed);
        // Clients that start together should not all ask the same node first.
        let turn = usize::try_from(random.draw() >> 33).unwrap_or(0);
        Session {
            settings,
            random,
            nodes: members.clone(),
            members,
            directory: None,
            seen: BTreeMap::new(),
            seen_elsewhere: Vec::new(),
            lanes: Vec::new(),
            latencies: Latencies::default(),
            statements: BTreeMap::new(),
            fetch: None,
            tables: 0,
            fetches_failed: 0,
            turn,
            fetch_not_before: Time(0),
            counters: Counters::default(),
        }
    }

    /// The table that statements are routed by, if one is known.
    #[must_use]
    pub fn directory(&self) -> Option<&Arc<Directory>> {
        self.directory.as_ref()
    }

    /// What the session did so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// How many statements have not ended.
    #[must_use]
    pub fn open_statements(&self) -> usize {
        self.statements.len()
    }

    /// Whether the statement `token` has not ended.
    #[must_use]
    pub fn is_open(&self, token: Token) -> bool {
        self.statements.contains_key(&token)
    }

    /// Takes an event, and appends to `out` what is to be done, in order.
    pub fn handle(&mut self, now: Time, event: Event, out: &mut Vec<Output>) {
        match event {
            Event::Run { token, hash, kind } => self.run(now, token, hash, kind, out),
            Event::Seen { hash, at } if self.directory.is_none() => {
                self.seen_elsewhere.push((hash, at));
            }
            Event::Seen { hash, at } => self.note_seen(hash, Some(at)),
            Event::Forget { token } => self.forget(token),
            Event::Answered {
                token,
                attempt,
                answer,
            } => self.answered(now, token, attempt, answer, out),
            Event::Table { from, directory } => {
                self.table(now, &from, directory);
                self.proceed_all(now, out);
            }
            Event::NoTable { from } => {
                if self.fetch.as_ref().is_some_and(|fetch| fetch.from == from) {
                    self.fetch_failed(now);
                }
                self.proceed_all(now, out);
            }
            Event::Tick => {
                if self.fetch.as_ref().is_some_and(|fetch| fetch.until <= now) {
                    self.fetch_failed(now);
                }
                self.proceed_all(now, out);
            }
        }
    }

    /// When [`Event::Tick`] must be handed in at the latest; `None`: not before something else
    /// happens.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        let statements = self.statements.values().map(|statement| {
            let next = match statement.stage {
                Stage::Waiting { until, tables } if tables <= self.tables => until,
                Stage::Waiting { .. } if self.fetch.is_none() => self.fetch_not_before,
                Stage::Waiting { .. } => Time::MAX,
                Stage::Sent { at, probe } => {
                    let look = if self.fetch.is_some() {
                        Time::MAX
                    } else {
                        probe.max(self.fetch_not_before)
                    };
                    look.min(at + self.settings.attempt_timeout)
                }
            };
            next.min(statement.until)
        });
        let fetch = self.fetch.iter().map(|fetch| fetch.until);
        statements.chain(fetch).min()
    }

    fn run(&mut self, now: Time, token: Token, hash: u32, kind: Kind, out: &mut Vec<Output>) {
        let lane = match kind {
            Kind::Read | Kind::ReadAny(_) => None,
            Kind::Update => Some(self.take_lane()),
        };
        let preference = match kind {
            Kind::ReadAny(preference) => Some(preference),
            Kind::Read | Kind::Update => None,
        };
        let statement = Statement {
            hash,
            lane,
            preference,
            as_of: None,
            until: now + self.settings.failover_timeout,
            attempts: 0,
            pauses: 0,
            uncertain: false,
            trouble: Trouble::NoOwner,
            node: None,
            stage: Stage::Waiting {
                until: now,
                // The first statement of all waits for a table; others go by the one that is known.
                tables: u64::from(self.directory.is_none()) * (self.tables + 1),
            },
        };
        let before = self.statements.insert(token, statement);
        assert!(before.is_none(), "token {token} is in use");
        self.proceed(now, token, out);
        if matches!(self.statements[&token].stage, Stage::Waiting { .. }) {
            self.fetch_if_needed(now, out);
        }
    }

    fn take_lane(&mut self) -> Lane {
        let mut lane = self.lanes.pop().unwrap_or_else(|| Lane {
            last: RequestId {
                client: ClientId(self.random.draw()),
                sequence: Sequence(0),
            },
        });
        lane.advance();
        lane
    }

    fn forget(&mut self, token: Token) {
        let statement = self.statements.remove(&token);
        self.lanes.extend(statement.and_then(|s| s.lane));
    }

    fn finish(&mut self, token: Token, result: Result<(), Failure>, out: &mut Vec<Output>) {
        self.forget(token);
        out.push(Output::Finish { token, result });
    }

    fn fail(&mut self, token: Token, trouble: Trouble, out: &mut Vec<Output>) {
        let Some(statement) = self.statements.get_mut(&token) else {
            return;
        };
        statement.trouble = trouble;
        let failure = statement.failure();
        self.finish(token, Err(failure), out);
    }

    fn answered(
        &mut self,
        now: Time,
        token: Token,
        attempt: u32,
        answer: Answer,
        out: &mut Vec<Output>,
    ) {
        let Some(statement) = self.statements.get(&token) else {
            return;
        };
        if attempt != statement.attempts || matches!(statement.stage, Stage::Waiting { .. }) {
            return;
        }
        let hash = statement.hash;
        self.measure(now, token, answer);
        let trouble = match answer {
            Answer::Final { at } => {
                self.note_seen(hash, at);
                return self.finish(token, Ok(()), out);
            }
            Answer::Refused(refusal) => Trouble::Refused(refusal),
            Answer::Unreachable => Trouble::Unreachable,
            Answer::Lost => Trouble::Lost,
        };
        match trouble {
            Trouble::Refused(Refusal::OutcomeForgotten { now: at }) => {
                self.note_seen(hash, Some(at));
                self.outcome_forgotten(now, token, at, out);
            }
            // No further attempt would fare better.
            Trouble::Refused(Refusal::NumberUsed) => self.fail(token, trouble, out),
            // Nor would one that says the same again. The session goes on from what there is now.
            Trouble::Refused(Refusal::SeenLost) => {
                self.forget_seen(hash);
                self.fail(token, trouble, out);
            }
            _ if self.may_try_another(token) => {
                self.retry_later(now, token, trouble);
                self.wait(token, now, 0);
                self.proceed(now, token, out);
            }
            _ => {
                self.retry_later(now, token, trouble);
                self.proceed(now, token, out);
            }
        }
        self.fetch_if_needed(now, out);
    }

    fn note_seen(&mut self, hash: u32, at: Option<Position>) {
        let partition = self.directory.as_ref().and_then(|d| d.partition(hash));
        if let (Some(partition), Some(at)) = (partition, at) {
            let seen = self.seen.entry(partition).or_default();
            *seen = at.max(*seen);
        }
    }

    /// What the session had seen of the partition is lost.
    fn forget_seen(&mut self, hash: u32) {
        let partition = self.directory.as_ref().and_then(|d| d.partition(hash));
        if let Some(partition) = partition {
            self.seen.remove(&partition);
        }
    }

    /// The youngest log entry that the session has seen of the partition of containers with this hash.
    #[must_use]
    pub fn seen(&self, hash: u32) -> Option<Position> {
        let partition = self.directory.as_ref()?.partition(hash)?;
        self.seen.get(&partition).copied()
    }

    /// How soon nodes answer, for the sake of reads that want the nearest.
    fn measure(&mut self, now: Time, token: Token, answer: Answer) {
        let Some(statement) = self.statements.get(&token) else {
            return;
        };
        let (Some(Preference::Nearest), Some(node)) = (statement.preference, &statement.node)
        else {
            return;
        };
        match (answer, statement.stage) {
            (Answer::Final { .. }, Stage::Sent { at, .. }) => {
                self.latencies.note(node, now.since(at));
            }
            _ => self.latencies.failed(node),
        }
    }

    /// Whether there is a replica that may answer this read and was not asked yet: each is asked once before
    /// anything is waited for.
    fn may_try_another(&self, token: Token) -> bool {
        let statement = self.statements.get(&token);
        let Some(statement) = statement.filter(|s| s.preference.is_some()) else {
            return false;
        };
        let attempts = usize::try_from(statement.attempts).unwrap_or(usize::MAX);
        attempts < self.replicas(statement.hash).len()
    }

    fn replicas(&self, hash: u32) -> Vec<&Address> {
        let directory = self.directory.as_ref();
        let partition = directory.and_then(|directory| directory.partition(hash));
        let replicas = directory.zip(partition);
        replicas.map_or(Vec::new(), |(directory, partition)| {
            directory.replicas(partition).collect()
        })
    }

    /// Where the next attempt goes. A backup that has not come far enough says that the owner has.
    fn target(&mut self, token: Token) -> Option<Address> {
        let statement = self.statements.get(&token)?;
        let Some(preference) = statement.preference else {
            return self.owner(statement.hash).cloned();
        };
        if statement.trouble == Trouble::Refused(Refusal::Behind) {
            return self.owner(statement.hash).cloned();
        }
        let avoid = statement.node.clone();
        let directory = self.directory.clone()?;
        let partition = directory.partition(statement.hash)?;
        let replicas: Vec<&Address> = directory.replicas(partition).collect();
        let (latencies, random) = (&self.latencies, &mut self.random);
        let chosen = latencies.choose(preference, &replicas, avoid.as_ref(), random);
        chosen.cloned()
    }

    /// The owner cannot tell whether it has executed the statement before. If no earlier attempt
    /// can have reached the log it has not, and a new number says so.
    fn outcome_forgotten(&mut self, now: Time, token: Token, at: Position, out: &mut Vec<Output>) {
        let Some(statement) = self.statements.get_mut(&token) else {
            return;
        };
        let trouble = Trouble::Refused(Refusal::OutcomeForgotten { now: at });
        statement.trouble = trouble;
        if statement.uncertain {
            return self.fail(token, trouble, out);
        }
        if let Some(lane) = &mut statement.lane {
            lane.advance();
        }
        statement.as_of = Some(at);
        let first = statement.attempts == 1;
        let until = if first {
            now
        } else {
            now + self.backoff(token)
        };
        self.wait(token, until, 0);
        self.proceed(now, token, out);
    }

    fn retry_later(&mut self, now: Time, token: Token, trouble: Trouble) {
        let until = now + self.backoff(token);
        // Too much to do, or too few in sync, is no reason to doubt the table.
        let doubt = !matches!(
            trouble,
            Trouble::Refused(
                Refusal::Overloaded | Refusal::TooFewInSync | Refusal::TimedOut | Refusal::Behind
            )
        );
        let tables = if doubt { self.tables + 1 } else { 0 };
        self.wait(token, until, tables);
        if let Some(statement) = self.statements.get_mut(&token) {
            statement.trouble = trouble;
            statement.uncertain |= statement.lane.is_some() && !trouble.definite();
        }
    }

    fn wait(&mut self, token: Token, until: Time, tables: u64) {
        if let Some(statement) = self.statements.get_mut(&token) {
            statement.stage = Stage::Waiting { until, tables };
        }
    }

    /// Twice as long each time, and drawn from the upper half of that, so that those who
    /// failed together do not come back together.
    fn backoff(&mut self, token: Token) -> Duration {
        let doublings = self.statements.get_mut(&token).map_or(0, |statement| {
            statement.pauses += 1;
            (statement.pauses - 1).min(16)
        });
        let full = (self.settings.backoff_min * (1 << doublings)).min(self.settings.backoff_max);
        let half = u64::try_from(full.as_nanos() / 2).unwrap_or(u64::MAX);
        full / 2 + Duration::from_nanos(self.random.draw_below(half + 1))
    }

    fn table(&mut self, now: Time, from: &Address, directory: Option<Arc<Directory>>) {
        if self.fetch.as_ref().is_some_and(|fetch| fetch.from == *from) {
            self.fetch = None;
        }
        let newer = directory.filter(|new| {
            self.directory
                .as_ref()
                .is_none_or(|old| old.stamp() < new.stamp())
        });
        if let Some(new) = newer {
            self.nodes = new.nodes().to_vec();
            let others = self.members.iter().filter(|m| !new.nodes().contains(m));
            self.nodes.extend(others.cloned());
            self.directory = Some(new);
            for (hash, at) in std::mem::take(&mut self.seen_elsewhere) {
                self.note_seen(hash, Some(at));
            }
        }
        if self.directory.is_none() {
            return self.fetch_failed(now);
        }
        self.tables += 1;
        self.fetches_failed = 0;
        for statement in self.statements.values_mut() {
            if let Stage::Sent { probe, .. } = &mut statement.stage {
                *probe = (*probe).max(now + self.settings.probe_interval);
            }
        }
    }

    fn fetch_failed(&mut self, now: Time) {
        self.fetch = None;
        self.fetches_failed += 1;
        // All nodes were asked in vain: wait a little before the next round.
        let round = u32::try_from(self.nodes.len()).unwrap_or(1).max(1);
        if self.fetches_failed.is_multiple_of(round) {
            self.fetch_not_before = now + self.settings.backoff_max;
        }
    }

    /// Moves all statements on as far as they can go.
    fn proceed_all(&mut self, now: Time, out: &mut Vec<Output>) {
        let tokens: Vec<Token> = self.statements.keys().copied().collect();
        for token in tokens {
            self.proceed(now, token, out);
        }
        self.fetch_if_needed(now, out);
    }

    /// Moves a statement on as far as it can go.
    fn proceed(&mut self, now: Time, token: Token, out: &mut Vec<Output>) {
        let Some(statement) = self.statements.get(&token) else {
            return;
        };
        let moved = match statement.preference {
            None => {
                let owner = self.owner(statement.hash);
                owner.is_some() && owner != statement.node.as_ref()
            }
            Some(_) => {
                let replicas = self.replicas(statement.hash);
                let asked = statement.node.as_ref();
                !replicas.is_empty() && !asked.is_some_and(|node| replicas.contains(&node))
            }
        };
        match statement.stage {
            Stage::Sent { at, .. } => {
                let timed_out = now >= (at + self.settings.attempt_timeout).min(statement.until);
                if !moved && !timed_out {
                    return;
                }
                out.push(Output::Abandon { token });
                self.retry_later(now, token, Trouble::Silent);
                if moved {
                    self.wait(token, now, 0);
                }
                self.proceed(now, token, out);
            }
            Stage::Waiting { until, tables } => {
                if now >= statement.until {
                    let failure = statement.failure();
                    self.finish(token, Err(failure), out);
                } else if self.tables >= tables && (now >= until || moved) {
                    self.send(now, token, out);
                }
            }
        }
    }

    fn owner(&self, hash: u32) -> Option<&Address> {
        let directory = self.directory.as_ref()?;
        directory.owner(directory.partition(hash)?)
    }

    fn send(&mut self, now: Time, token: Token, out: &mut Vec<Output>) {
        let hash = self.statements[&token].hash;
        let partition = self.directory.as_ref().and_then(|d| d.partition(hash));
        let seen = partition.and_then(|p| self.seen.get(&p).copied());
        let Some(to) = self.target(token) else {
            let until = now + self.backoff(token);
            return self.wait(token, until, self.tables + 1);
        };
        let Some(statement) = self.statements.get_mut(&token) else {
            return;
        };
        statement.attempts += 1;
        statement.node = Some(to.clone());
        statement.stage = Stage::Sent {
            at: now,
            probe: now + self.settings.probe_interval,
        };
        let as_of = *statement.as_of.get_or_insert(seen.unwrap_or_default());
        self.counters.attempts += 1;
        self.counters.retries += u64::from(statement.attempts > 1);
        out.push(Output::Send {
            token,
            attempt: statement.attempts,
            to,
            id: statement.lane.as_ref().map(|lane| lane.last),
            as_of,
        });
    }

    /// Asks the next node for its table, if any statement depends on that.
    fn fetch_if_needed(&mut self, now: Time, out: &mut Vec<Output>) {
        if self.fetch.is_some() || now < self.fetch_not_before {
            return;
        }
        let mut waiting = self.statements.values().filter(|s| match s.stage {
            Stage::Waiting { tables, .. } => tables > self.tables,
            Stage::Sent { probe, .. } => now >= probe,
        });
        let Some(first) = waiting.next() else {
            return;
        };
        let avoid = first.node.clone();
        // One that says that it is not the owner probably knows who is. If it does not, the next
        // time another one is asked.
        let prefer = matches!(first.trouble, Trouble::Refused(Refusal::NotOwner))
            && matches!(first.stage, Stage::Waiting { .. })
            && first.pauses % 2 == 1
            && self.fetches_failed == 0;
        let from = if prefer { avoid } else { self.next_node(avoid) };
        let Some(from) = from else {
            return;
        };
        self.counters.table_fetches += 1;
        self.fetch = Some(Fetch {
            from: from.clone(),
            until: now + self.settings.table_timeout,
        });
        out.push(Output::FetchTable { from });
    }

    /// The nodes in turn; `avoid` only if there is no other.
    fn next_node(&mut self, avoid: Option<Address>) -> Option<Address> {
        for _ in 0..self.nodes.len() {
            self.turn = (self.turn + 1) % self.nodes.len();
            let node = &self.nodes[self.turn];
            if Some(node) != avoid.as_ref() {
                return Some(node.clone());
            }
        }
        avoid
    }
}
