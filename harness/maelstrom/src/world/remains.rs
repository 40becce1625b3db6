//! What is left when everything is over.

use kensho_results::verdict::FaultRecord;

use super::{Tally, Trace, Trouble, World};
use crate::net::NetCounts;

/// What is left of a world.
#[derive(Debug)]
pub struct Remains {
    /// What a node did that ended the run.
    pub trouble: Option<Trouble>,
    /// Whether somebody ended it.
    pub interrupted: bool,
    /// Whether it came to its main part.
    pub began: bool,
    /// Every fault that struck.
    pub faults: Vec<FaultRecord>,
    /// What the network carried.
    pub counts: NetCounts,
    /// The first messages.
    pub trace: Trace,
    /// How operations ended.
    pub tally: Tally,
    /// Messages to clients that answered nothing: how many, and the first.
    pub strays: (u64, Option<String>),
}

impl World {
    /// What is left when everything is over.
    pub fn into_remains(self) -> Remains {
        Remains {
            trouble: self.trouble,
            interrupted: self.interrupted,
            began: self.clients.exist(),
            faults: self.faults.into_records(),
            counts: self.network.counts().clone(),
            trace: self.trace,
            tally: self.clients.into_tally(),
            strays: self.strays,
        }
    }
}
