//! A system that exists in this process only, with a planted flaw: it shows in seconds what an invalid
//! run looks like, and the runner is tested on it, which must find every flaw.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Result, bail};
use futures_util::future::BoxFuture;
use kensho_nemesis::capability::Capability;
use kensho_nemesis::conduct::Conduct;
use kensho_nemesis::fault::Heal;
use kensho_nemesis::topology::Pair;
use kensho_workloads::call::{Answer, Call, CallKind, Condition, Found};
use kensho_workloads::store::Store;
use kensho_workloads::workload::Values;
use serde_json::{Map, Value};

use super::table::{Partition, Stamp, Table};
use super::{Answered, Client, Described, Health, Links, Processes, Roles, Status, System};

/// This system, for those who choose one.
pub static DESCRIBED: Described = Described {
    name: "toy",
    text: "five nodes within this program which forget their last updates at a failover: what an invalid run looks like",
    calls: CallKind::OF_ROWS,
    // Its links are disturbed in name only, for tests of the runner.
    able: &[Capability::Processes, Capability::Roles],
};

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing: one copy of everything, and a failover at once.
    None,
    /// At a failover the newest writes are forgotten, as in an asynchronous cluster.
    ForgetsAtFailover,
    /// Compare-and-sets never succeed.
    NeverCompares,
    /// Its nodes cannot be paused.
    CannotPause,
    /// Its nodes go on when they were paused.
    PausesInName,
    /// Its links stay cut when they should be mended.
    StaysCut,
}

/// How many nodes it has.
pub const NODES: usize = 5;
const PARTITIONS: u32 = 4;
/// So many updates are forgotten.
const FORGOTTEN: usize = 20;

#[derive(Debug)]
struct State {
    store: Store,
    status: BTreeMap<String, Status>,
    owners: Vec<String>,
    stamp: Stamp,
    /// What links do that do not just pass everything.
    disturbed: BTreeMap<Pair, Conduct>,
}

/// The system; its clients share its state.
#[derive(Clone, Debug)]
pub struct ToySystem {
    flaw: Flaw,
    names: Vec<String>,
    state: Arc<Mutex<State>>,
}

impl ToySystem {
    /// Five nodes, none of which runs yet.
    pub fn new(flaw: Flaw) -> ToySystem {
        let names: Vec<String> = (1..=NODES).map(|number| format!("n{number}")).collect();
        let state = State {
            store: Store::default(),
            status: names
                .iter()
                .map(|name| (name.clone(), Status::Stopped))
                .collect(),
            owners: (0..PARTITIONS as usize)
                .map(|id| names[id % NODES].clone())
                .collect(),
            stamp: Stamp {
                term: 1,
                revision: 1,
            },
            disturbed: BTreeMap::new(),
        };
        ToySystem {
            flaw,
            names,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Moves ownership away from nodes that do not run.
    fn fail_over(&self, state: &mut State) {
        for id in 0..state.owners.len() {
            if state.status[&state.owners[id]] == Status::Running {
                continue;
            }
            let running = self
                .names
                .iter()
                .find(|name| state.status[*name] == Status::Running);
            let Some(heir) = running else { return };
            state.owners[id] = heir.clone();
            state.stamp.revision += 1;
            if self.flaw == Flaw::ForgetsAtFailover {
                let of_partition =
                    |container: &str| Roles::partition(self, container) as usize == id;
                state.store.forget(FORGOTTEN, of_partition);
            }
        }
    }

    fn set(&self, node: &str, status: Status) {
        let mut state = self.state.lock().unwrap();
        state.status.insert(node.to_string(), status);
        self.fail_over(&mut state);
    }

    fn answer(&self, call: &Call) -> Answered {
        let mut state = self.state.lock().unwrap();
        let partition = Roles::partition(self, call.container()) as usize;
        let owner = state.owners[partition].clone();
        if state.status[&owner] != Status::Running {
            let text = format!("{owner} does not answer");
            return Answered {
                answer: Answer::Error {
                    definite: false,
                    text,
                },
                node: Some(owner),
            };
        }
        let conditional = match call {
            Call::Put { condition, .. } => *condition != Condition::Always,
            Call::Get { .. }
            | Call::GetAny { .. }
            | Call::Scan { .. }
            | Call::Delete { .. }
            | Call::Transact { .. }
            | Call::Message { .. } => false,
        };
        let answer = if conditional && self.flaw == Flaw::NeverCompares {
            Answer::Mismatch(Found::Unknown)
        } else {
            state.store.answer(call)
        };
        Answered {
            answer,
            node: Some(owner),
        }
    }
}

impl Client for ToySystem {
    async fn perform(&self, call: Call) -> Answered {
        // The answer is found in the middle of the operation's time.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let answered = self.answer(&call);
        tokio::task::yield_now().await;
        answered
    }
}

impl System for ToySystem {
    type Client = ToySystem;

    fn name(&self) -> &str {
        DESCRIBED.name
    }

    fn versions(&self) -> Map<String, Value> {
        Map::new()
    }

    fn nodes(&self) -> &[String] {
        &self.names
    }

    async fn install(&self) -> Result<()> {
        Ok(())
    }

    async fn start(&self, node: &str) -> Result<()> {
        self.set(node, Status::Running);
        Ok(())
    }

    async fn stop(&self, node: &str) -> Result<()> {
        self.set(node, Status::Stopped);
        Ok(())
    }

    fn status(&self, node: &str) -> Status {
        self.state.lock().unwrap().status[node].clone()
    }

    async fn health(&self, node: &str) -> Health {
        match self.status(node) {
            Status::Running => Health::Ready,
            Status::Paused => Health::Silent,
            Status::Stopped | Status::Exited(_) => Health::Down,
        }
    }

    async fn settled(&self) -> Result<(), String> {
        let state = self.state.lock().unwrap();
        match state
            .status
            .iter()
            .find(|(_, status)| **status != Status::Running)
        {
            Some((node, status)) => Err(format!("{node} is {status:?}")),
            None => Ok(()),
        }
    }

    async fn create_containers(&self, _names: &[String], _values: Values) -> Result<()> {
        Ok(())
    }

    fn client(&self, _number: usize) -> ToySystem {
        self.clone()
    }

    fn address(&self, node: &str) -> String {
        node.to_string()
    }

    fn log(&self, node: &str) -> PathBuf {
        PathBuf::from(node)
    }

    fn processes(&self) -> Option<&dyn Processes> {
        Some(self)
    }

    fn links(&self) -> Option<&dyn Links> {
        Some(self)
    }

    fn roles(&self) -> Option<&dyn Roles> {
        Some(self)
    }
}

impl Processes for ToySystem {
    fn kill(&self, node: &str) -> Result<()> {
        self.set(node, Status::Stopped);
        Ok(())
    }

    fn pause(&self, node: &str) -> Result<()> {
        if self.flaw == Flaw::CannotPause {
            bail!("{node} cannot be paused");
        }
        self.set(node, Status::Paused);
        Ok(())
    }

    fn resume(&self, node: &str) -> Result<()> {
        self.set(node, Status::Running);
        Ok(())
    }

    fn stands_still(&self, node: &str) -> Result<bool> {
        Ok(self.flaw != Flaw::PausesInName && self.status(node) == Status::Paused)
    }
}

/// Its links are cut in name only: nothing passes between its nodes.
impl Links for ToySystem {
    fn disturb(&self, _by: usize, pairs: &BTreeSet<Pair>, conduct: Conduct) -> usize {
        let mut state = self.state.lock().unwrap();
        let disturbed = pairs.iter().map(|pair| (pair.clone(), conduct));
        state.disturbed.extend(disturbed);
        pairs.len()
    }

    fn lift(&self, _by: usize, _heal: Heal) -> usize {
        let mut state = self.state.lock().unwrap();
        if self.flaw == Flaw::StaysCut {
            return 0;
        }
        std::mem::take(&mut state.disturbed).len()
    }

    fn conduct(&self, pair: &Pair) -> Option<Conduct> {
        let state = self.state.lock().unwrap();
        let disturbed = state.disturbed.get(pair).copied();
        Some(disturbed.unwrap_or(Conduct::OPEN))
    }
}

impl Roles for ToySystem {
    fn partitions(&self) -> u32 {
        PARTITIONS
    }

    fn partition(&self, container: &str) -> u32 {
        crc32fast::hash(container.as_bytes()) % PARTITIONS
    }

    fn lease_ms(&self) -> u64 {
        20
    }

    fn table(&self) -> BoxFuture<'_, Option<Table>> {
        let state = self.state.lock().unwrap();
        let partition = |(id, owner): (u32, &String)| Partition {
            id,
            epoch: state.stamp.revision,
            owner: Some(owner.clone()),
            in_sync: self.names.clone(),
            catch_up: Vec::new(),
        };
        let running = |name: &&String| state.status[*name] == Status::Running;
        let table = Table {
            stamp: state.stamp,
            master: self.names.iter().find(running).cloned(),
            partitions: (0..).zip(&state.owners).map(partition).collect(),
        };
        Box::pin(std::future::ready(Some(table)))
    }
}
