//! The combined models by name.

use kensho_protocol::rule::Rules;
use kensho_protocol::settings::Mode;

use super::Combined;
use crate::election::{self, Budget, Election, Scenario};
use crate::replication::models::bounds;
use crate::replication::{Bounds, Replication};
use crate::world::sights::Sight;
use crate::world::table_service::first_assignment;

/// A model by name.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// Its name.
    pub name: &'static str,
    /// Makes it, with these rules.
    pub model: fn(Rules) -> Combined,
    /// How many different states it has.
    pub unique_states: usize,
    /// What coordinators must do in it, so that it does not hold because nothing happens.
    pub coordinators: &'static [election::Sight],
    /// What replicas must do in it.
    pub replicas: &'static [Sight],
}

/// Node 2 owns what node 1 backs up, and node 3 is master. Clients want this many updates and reads.
fn combined(rules: Rules, election: Election, writes: usize, reads: usize) -> Combined {
    // Number 0 belongs to nobody: coordinators count from 1.
    let replicas = Bounds {
        writes,
        reads,
        ..bounds(Mode::SemiSync, 4, &[2, 1], rules)
    };
    let election = Election {
        scenario: Scenario::Settled(vec![first_assignment(&[2, 1])]),
        ..election
    };
    Combined {
        election: election.with_rules(rules),
        replication: Replication::new(replicas),
    }
}

/// A node loses its data, and the master decides without it (rules M4 and R5).
fn unclean() -> Election {
    Election::unclean().with_budget(Budget {
        unclean_restarts: 1,
        pauses: 1,
        ..Budget::NONE
    })
}

/// The same while a client writes.
fn wipe(rules: Rules) -> Combined {
    combined(rules, unclean(), 1, 0)
}

/// The same until the backup's promise has run out, so that it takes over (rules R6 and R10).
fn takeover(rules: Rules) -> Combined {
    let mut model = combined(rules, unclean(), 0, 0);
    model.replication.bounds.passes = 1;
    model
}

/// The next master is elected while clients write and read (rule M2).
fn handover(rules: Rules) -> Combined {
    let election = Election::handover().with_budget(Budget::NONE);
    combined(rules, election, 1, 1)
}

/// An owner crashes, comes back, and asks for its next epoch (rules M3 and R8).
fn restart(rules: Rules) -> Combined {
    let election = Election::changes().with_budget(Budget {
        restarts: 1,
        ticks: 2,
        asks: 1,
        ..Budget::NONE
    });
    combined(rules, election, 0, 0)
}

/// All of them.
pub const ALL: [Named; 4] = [
    Named {
        name: "handover",
        model: handover,
        unique_states: 54_048,
        coordinators: &[election::Sight::MasterElected, election::Sight::Recommitted],
        replicas: &[Sight::ReadByLease],
    },
    Named {
        name: "takeover",
        model: takeover,
        unique_states: 256_904,
        coordinators: &[election::Sight::FailedOver],
        replicas: &[Sight::FailoverServed],
    },
    Named {
        name: "restart",
        model: restart,
        unique_states: 266_605,
        coordinators: &[],
        replicas: &[Sight::RenewFinished],
    },
    Named {
        name: "wipe",
        model: wipe,
        unique_states: 379_396,
        coordinators: &[election::Sight::FailedOver],
        replicas: &[],
    },
];
