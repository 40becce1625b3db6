//! What a load suite measured, as data: experiments, their contestants, and the rounds of each.
//!
//! Every figure that is shown or compared is computed from the rounds ([`statistics`]); nothing is
//! kept twice. Not here: how the load is made (the harness), and the pictures
//! ([`charts`](crate::charts)).

pub mod absence;
pub mod catch_up;
pub mod compare;
pub mod loss;
pub mod memory;
pub mod outage;
pub mod rolling;
pub mod scale_out;
pub mod statistics;

use serde::{Deserialize, Serialize};

use crate::run::Host;
use statistics::Spread;

/// `bench.json`: everything that one call of `kensho bench` measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchSet {
    /// The command that measured it.
    pub command: String,
    /// When it began, in UTC.
    pub began: String,
    /// The machine.
    pub host: Host,
    /// What was measured.
    pub experiments: Vec<Experiment>,
}

/// Contestants under the same load, in windows that took turns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    /// Its name, unique in its set.
    pub name: String,
    /// What load it was.
    pub load: LoadRecord,
    /// The length of a window, milliseconds.
    pub window_ms: u64,
    /// What was under load; the first is what the others are compared with.
    pub contestants: Vec<Contestant>,
}

/// The load of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadRecord {
    /// How many operations are under way at most.
    pub connections: usize,
    /// Operations begun per second on average, of an open loop; none for a closed loop.
    pub rate: Option<f64>,
    /// The name of the mix of operations.
    pub mix: String,
    /// The name of the distribution of keys.
    pub keys: String,
    /// Bytes of a value.
    pub value_bytes: usize,
    /// Rows that exist from the beginning.
    pub records: u64,
}

/// One system under load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contestant {
    /// Its name, unique in its experiment.
    pub name: String,
    /// What it is, in words.
    pub text: String,
    /// How it replicates, if it is a cluster of ours: `none`, `async`, ….
    #[serde(default)]
    pub replication: Option<String>,
    /// When its nodes hold an update, if it is a cluster of ours: `sync` or `delayed`.
    #[serde(default)]
    pub durability: Option<String>,
    /// Rows in a request; more than 1 for batches of puts.
    #[serde(default = "one")]
    pub batch_rows: u64,
    /// Its windows, in order.
    pub rounds: Vec<Round>,
    /// Latency in all its windows: share of the operations, 0 to 1, and within how many
    /// microseconds they were answered; from the intended beginning if the loop was open.
    pub latency_us: Vec<(f64, f64)>,
}

fn one() -> u64 {
    1
}

/// One window of one contestant.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// Operations answered; each row of a batch is one.
    pub operations: u64,
    /// Requests that ended in an error.
    pub errors: u64,
    /// Its length as measured, seconds.
    pub seconds: f64,
    /// Processor time of the client, seconds.
    pub client_cpu_seconds: f64,
    /// Processor time of the servers, seconds.
    pub server_cpu_seconds: f64,
}

impl Round {
    /// Operations per second.
    pub fn rate(&self) -> f64 {
        self.operations as f64 / self.seconds
    }

    /// Processor time of client and servers for each operation, microseconds.
    pub fn cpu_us(&self) -> f64 {
        (self.client_cpu_seconds + self.server_cpu_seconds) * 1e6 / self.operations.max(1) as f64
    }
}

impl Contestant {
    /// A figure of each round.
    pub fn each(&self, figure: impl Fn(&Round) -> f64) -> Vec<f64> {
        self.rounds.iter().map(figure).collect()
    }

    /// Operations per second.
    pub fn rate(&self) -> Spread {
        Spread::of(&self.each(Round::rate))
    }

    /// Processor time of client and servers for each operation, microseconds.
    pub fn cpu_us(&self) -> Spread {
        Spread::of(&self.each(Round::cpu_us))
    }

    /// The same of the client alone.
    pub fn client_cpu_us(&self) -> Spread {
        let figure =
            |round: &Round| round.client_cpu_seconds * 1e6 / round.operations.max(1) as f64;
        Spread::of(&self.each(figure))
    }

    /// The same of the servers alone.
    pub fn server_cpu_us(&self) -> Spread {
        let figure =
            |round: &Round| round.server_cpu_seconds * 1e6 / round.operations.max(1) as f64;
        Spread::of(&self.each(figure))
    }

    /// Within how many microseconds this share of the operations was answered; none if none was.
    pub fn latency_at(&self, share: f64) -> Option<f64> {
        let at = self.latency_us.partition_point(|(upto, _)| *upto < share);
        self.latency_us
            .get(at)
            .or(self.latency_us.last())
            .map(|(_, us)| *us)
    }

    /// A figure as a ratio to the same figure of `baseline` in the same round.
    ///
    /// Only neighbours in time are compared, so that what slows the whole machine down for a while
    /// slows both.
    pub fn ratios(&self, baseline: &Contestant, figure: impl Fn(&Round) -> f64) -> Vec<f64> {
        let pairs = self.rounds.iter().zip(&baseline.rounds);
        pairs
            .map(|(round, base)| figure(round) / figure(base))
            .filter(|ratio| ratio.is_finite())
            .collect()
    }
}

impl BenchSet {
    /// The experiment of this name.
    pub fn experiment(&self, name: &str) -> Option<&Experiment> {
        self.experiments
            .iter()
            .find(|experiment| experiment.name == name)
    }
}

impl Experiment {
    /// The contestant of this name.
    pub fn contestant(&self, name: &str) -> Option<&Contestant> {
        self.contestants
            .iter()
            .find(|contestant| contestant.name == name)
    }
}
