//! Small models of replication, explored exhaustively: the replica that ships, two or three nodes,
//! one partition, and the partition table as an atomic register for a master.
//!
//! What may happen, and what it does, is the same as in the [simulated world](crate::world), but for
//! what would only make a model larger: nothing is repeated where anything may be late, time stands
//! still except for a few steps, and a restart is one step. The invariants are those of the simulated
//! world, too; where that remembers what happened, a model looks at all of a state.
//!
//! A model is the same as its [`Bounds`]: each bound says how often something may happen.

mod check;
mod counterexample;
mod idle;
pub mod models;
pub mod state;
pub mod step;
pub(crate) mod story;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kensho_protocol::settings::Settings;
use stateright::{Model, Property};

use crate::invariants::Invariant;
use crate::sights::Sighted;
use crate::world::sights::{Sight, Sometimes};
pub use counterexample::Counterexample;
use idle::Idle;
pub use state::{PARTITION, State};
pub use step::Action;

/// What may happen in a model, and how often.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// How many nodes there are.
    pub nodes: usize,
    /// Who is in sync at first; the first of them is owner.
    pub in_sync: Vec<usize>,
    /// What the nodes are told.
    pub settings: Settings,
    /// Updates that clients want; each writes a value of its own.
    pub writes: usize,
    /// Reads that clients want.
    pub reads: usize,
    /// Updates that are asked for again.
    pub retries: u8,
    /// Restarts.
    pub crashes: u8,
    /// Disks that lose everything.
    pub wipes: u8,
    /// Failovers.
    pub failovers: u8,
    /// Wishes of the master that the owner hands over.
    pub handovers: u8,
    /// Catch-ups that are named.
    pub named: u8,
    /// Messages that come twice.
    pub doubled: u8,
    /// Steps of time, and how far each node's clock runs in one.
    pub passes: u8,
    /// By node: how far its clock runs in one step, in nanoseconds.
    pub rates_ns: Vec<u64>,
    /// Nodes may see any committed table at any time, also again; otherwise the newest, once.
    pub stale_tables: bool,
}

impl Bounds {
    /// Sets the bound `name`, so that a model can be made larger from a command line.
    ///
    /// # Errors
    /// When there is no such bound, or it cannot be so large.
    pub fn set(&mut self, name: &str, value: u8) -> Result<(), String> {
        let bound = match name {
            "writes" => {
                self.writes = usize::from(value);
                return Ok(());
            }
            "reads" => {
                self.reads = usize::from(value);
                return Ok(());
            }
            "stale-tables" => {
                self.stale_tables = value > 0;
                return Ok(());
            }
            "retries" => &mut self.retries,
            "crashes" => &mut self.crashes,
            "wipes" => &mut self.wipes,
            "failovers" => &mut self.failovers,
            "handovers" => &mut self.handovers,
            "named" => &mut self.named,
            "doubled" => &mut self.doubled,
            "passes" => &mut self.passes,
            _ => return Err(format!("there is no bound \"{name}\"")),
        };
        *bound = value;
        Ok(())
    }
}

/// A model of replication.
#[derive(Clone, Debug)]
pub struct Replication {
    /// What may happen.
    pub bounds: Bounds,
    sights: Arc<Sights>,
    idle: Arc<Idle>,
}

/// Counts what must happen sometimes. Not part of a state: a state is not another one because of how
/// it was reached.
#[derive(Debug, Default)]
struct Sights([AtomicU64; 32]);

impl Replication {
    /// The model with these bounds.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Replication {
            bounds,
            sights: Arc::default(),
            idle: Arc::default(),
        }
    }

    /// How often what must happen sometimes has happened.
    #[must_use]
    pub fn sometimes(&self) -> Sometimes {
        let mut sometimes = Sometimes::default();
        for sight in Sight::ALL {
            let count = self.sights.0[*sight as usize].load(Ordering::Relaxed);
            sometimes.saw_often(*sight, count);
        }
        sometimes
    }

    fn saw(&self, sight: Sight) {
        self.sights.0[sight as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// One property for each invariant that these models can see.
macro_rules! holds {
    ($invariant:ident) => {
        Property::always(Invariant::$invariant.name(), |_, state: &State| {
            state.violation != Some(Invariant::$invariant)
        })
    };
}

impl Model for Replication {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.first_state()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.violation.is_none() {
            self.enabled(state, actions);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        // A failed assertion is a counterexample, too, and not the end of the exploration.
        let step = std::panic::AssertUnwindSafe(|| self.step(state, action));
        std::panic::catch_unwind(step).unwrap_or_else(|_| {
            let mut failed = state.clone();
            failed.violation = Some(Invariant::Assertion);
            Some(failed)
        })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            holds!(OneServer),
            holds!(DurableAck),
            holds!(OneValuePerLsn),
            holds!(LogMatch),
            holds!(PromiseOrder),
            holds!(CommittedTableOnly),
            holds!(CatchUpPowerless),
            holds!(Linearizable),
            holds!(Once),
            holds!(AsyncSuffix),
            holds!(Assertion),
        ]
    }
}
