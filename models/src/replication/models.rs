//! The models by name.

use std::time::Duration;

use kensho_protocol::rule::Rules;
use kensho_protocol::settings::{Mode, Settings};

use super::Bounds;
use crate::world::sometimes::Sight;

/// The heartbeat of all models. A lease is then 202 ns of a backup's clock, and 198 ns of the
/// owner's.
const HEARTBEAT_NS: u64 = 101;

/// One step of time in models where leases and silence run out at once.
const LONG_NS: u64 = 4 * HEARTBEAT_NS;

/// One step of time in models about leases: half a lease, on the fastest and on the slowest clock
/// that the settings allow for (rule R10).
const FAST_NS: u64 = 101;
const SLOW_NS: u64 = 99;

fn settings(mode: Mode, replicas: usize, rules: Rules) -> Settings {
    Settings {
        mode,
        replicas,
        grow_gap_entries: 0,
        rules,
        ..Settings::with_heartbeat(Duration::from_nanos(HEARTBEAT_NS))
    }
}

fn bounds(mode: Mode, nodes: usize, in_sync: &[usize], rules: Rules) -> Bounds {
    Bounds {
        nodes,
        in_sync: in_sync.to_vec(),
        settings: settings(mode, nodes, rules),
        writes: 1,
        reads: 0,
        retries: 0,
        crashes: 0,
        wipes: 0,
        failovers: 0,
        named: 0,
        doubled: 0,
        passes: 0,
        rates_ns: vec![LONG_NS; nodes],
        stale_tables: false,
    }
}

/// Two nodes: the owner fails, its backup takes over, and the old owner comes back.
#[must_use]
pub fn failover(rules: Rules) -> Bounds {
    Bounds {
        reads: 1,
        failovers: 1,
        passes: 1,
        ..bounds(Mode::SemiSync, 2, &[0, 1], rules)
    }
}

/// Two nodes: a write is asked for again after a failover (rule R11).
#[must_use]
pub fn retry(rules: Rules) -> Bounds {
    Bounds {
        retries: 1,
        failovers: 1,
        passes: 1,
        ..bounds(Mode::SemiSync, 2, &[0, 1], rules)
    }
}

/// Two nodes: either crashes and comes back with any beginning of what it had written.
#[must_use]
pub fn restart(rules: Rules) -> Bounds {
    Bounds {
        crashes: 1,
        failovers: 1,
        passes: 1,
        ..bounds(Mode::SemiSync, 2, &[0, 1], rules)
    }
}

/// An owner alone, that a second node joins (rule R3).
#[must_use]
pub fn growth(rules: Rules) -> Bounds {
    Bounds {
        named: 1,
        failovers: 1,
        reads: 1,
        passes: 1,
        ..bounds(Mode::SemiSync, 2, &[0], rules)
    }
}

/// A slow owner and a fast backup: reads by lease, and a failover (rule R10).
#[must_use]
pub fn leases(rules: Rules) -> Bounds {
    Bounds {
        writes: 1,
        reads: 1,
        failovers: 1,
        passes: 3,
        rates_ns: vec![SLOW_NS, FAST_NS],
        ..bounds(Mode::SemiSync, 2, &[0, 1], rules)
    }
}

/// Two nodes in async mode.
#[must_use]
pub fn run_ahead(rules: Rules) -> Bounds {
    Bounds {
        writes: 2,
        failovers: 1,
        passes: 2,
        ..bounds(Mode::Async, 2, &[0, 1], rules)
    }
}

/// Two nodes, one of which loses its data (rule R5).
#[must_use]
pub fn wipe(rules: Rules) -> Bounds {
    Bounds {
        wipes: 1,
        failovers: 1,
        passes: 1,
        ..bounds(Mode::SemiSync, 2, &[0, 1], rules)
    }
}

/// Two nodes: control messages arrive twice, and tables late and out of order (rule R8).
#[must_use]
pub fn stale_tables(rules: Rules) -> Bounds {
    Bounds {
        stale_tables: true,
        failovers: 2,
        passes: 1,
        ..bounds(Mode::SemiSync, 2, &[0, 1], rules)
    }
}

/// Three nodes, of which two divergent logs survive (rule R7).
#[must_use]
pub fn divergence(rules: Rules) -> Bounds {
    Bounds {
        writes: 2,
        failovers: 2,
        passes: 2,
        ..bounds(Mode::SemiSync, 3, &[0, 1, 2], rules)
    }
}

/// Makes the bounds of a model, with these rules.
pub type Make = fn(Rules) -> Bounds;

/// A model that is explored to its end with every change.
#[derive(Clone, Copy, Debug)]
pub struct Small {
    /// Its name.
    pub name: &'static str,
    /// Makes its bounds.
    pub bounds: Make,
    /// How many different states it has.
    pub unique_states: usize,
    /// What must happen in it, so that it does not hold because nothing happens.
    pub sometimes: &'static [Sight],
}

/// All of them.
pub const ALL: [Small; 9] = [
    Small {
        name: "failover",
        bounds: failover,
        unique_states: 0,
        sometimes: &[
            Sight::FailoverServed,
            Sight::TailCut,
            Sight::ShrinkFinished,
            Sight::ReadAfterFailover,
            Sight::ReadByBarrier,
            Sight::ReadByLease,
            Sight::AcknowledgedAcrossFailover,
        ],
    },
    Small {
        name: "retry",
        bounds: retry,
        unique_states: 0,
        sometimes: &[Sight::FailoverServed, Sight::AcknowledgedAcrossFailover],
    },
    Small {
        name: "restart",
        bounds: restart,
        unique_states: 0,
        sometimes: &[
            Sight::RecordsLost,
            Sight::RenewFinished,
            Sight::FailoverServed,
        ],
    },
    Small {
        name: "growth",
        bounds: growth,
        unique_states: 0,
        sometimes: &[Sight::GrowthFinished, Sight::FailoverServed],
    },
    Small {
        name: "leases",
        bounds: leases,
        unique_states: 0,
        sometimes: &[Sight::ReadByLease, Sight::FailoverServed],
    },
    Small {
        name: "run-ahead",
        bounds: run_ahead,
        unique_states: 0,
        sometimes: &[Sight::AcknowledgedLost, Sight::TailCut],
    },
    Small {
        name: "wipe",
        bounds: wipe,
        unique_states: 0,
        sometimes: &[Sight::FailoverServed],
    },
    Small {
        name: "stale-tables",
        bounds: stale_tables,
        unique_states: 0,
        sometimes: &[Sight::FailoverServed],
    },
    Small {
        name: "divergence",
        bounds: divergence,
        unique_states: 0,
        sometimes: &[Sight::TailCut, Sight::FailoverServed],
    },
];
