//! The names of the workloads, and their options.

use clap::ValueEnum;

use super::counter::Counter;
use super::echo::Echo;
use super::growing_set::GrowingSet;
use super::kafka::Kafka;
use super::lin_kv::LinKv;
use super::txn::{Kind, Transactions};
use super::unique_ids::UniqueIds;
use super::{Topology, Workload};

/// The workloads there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// Messages that are to reach every node
    Broadcast,
    /// The same back, please
    Echo,
    /// A counter that grows; all nodes come to agree on it
    GCounter,
    /// A set that grows; all nodes come to agree on it
    GSet,
    /// Logs with producers and consumers
    Kafka,
    /// A linearizable store of keys and values
    LinKv,
    /// A counter that grows and shrinks; all nodes come to agree on it
    PnCounter,
    /// Transactions on lists
    TxnListAppend,
    /// Transactions on registers
    TxnRwRegister,
    /// Identifiers that nobody else gets
    UniqueIds,
}

impl Name {
    /// The name as the command line has it.
    pub fn as_str(self) -> String {
        let value = self.to_possible_value().expect("no workload is hidden");
        value.get_name().to_owned()
    }

    /// Whether its operations are transactions.
    pub fn is_transactional(self) -> bool {
        matches!(self, Name::TxnListAppend | Name::TxnRwRegister)
    }

    /// The workload itself.
    pub fn build(self, options: &Options) -> Box<dyn Workload> {
        match self {
            Name::Broadcast => {
                let neighbours = options.topology.neighbours(&options.nodes);
                Box::new(GrowingSet::broadcast(neighbours))
            }
            Name::Echo => Box::new(Echo),
            Name::GCounter => Box::new(Counter::growing()),
            Name::GSet => Box::new(GrowingSet::g_set()),
            Name::Kafka => Box::new(Kafka::new(options)),
            Name::LinKv => Box::new(LinKv::new(options.nodes.len())),
            Name::PnCounter => Box::new(Counter::growing_and_shrinking()),
            Name::TxnListAppend => Box::new(Transactions::new(Kind::ListAppend, options)),
            Name::TxnRwRegister => Box::new(Transactions::new(Kind::RwRegister, options)),
            Name::UniqueIds => Box::new(UniqueIds),
        }
    }
}

/// What some workloads want to know.
#[derive(Clone, Debug)]
pub struct Options {
    /// The nodes' names.
    pub nodes: Vec<String>,
    /// Which neighbours a broadcast offers to nodes.
    pub topology: Topology,
    /// How many keys are in use at a time.
    pub key_count: Option<usize>,
    /// How many steps a transaction has at most.
    pub max_txn_length: usize,
    /// How often a key is written before another one takes its place.
    pub max_writes_per_key: usize,
}
