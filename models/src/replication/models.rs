//! The models by name: small ones, which are explored to their end with every change, and large ones,
//! for a search of a given length.
//!
//! A step of time multiplies a model: timers fire, and repeat what is on its way. So the small ones
//! do with as few steps as their story needs; the large ones tell the same stories in time.

use std::time::Duration;

use kensho_protocol::rule::Rules;
use kensho_protocol::settings::{Mode, Settings};

use super::Bounds;
use crate::world::sights::Sight;

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

/// One write by clients, and nothing that goes wrong.
pub(crate) fn bounds(mode: Mode, nodes: usize, in_sync: &[usize], rules: Rules) -> Bounds {
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
        handovers: 0,
        named: 0,
        doubled: 0,
        passes: 0,
        rates_ns: vec![LONG_NS; nodes],
        stale_tables: false,
    }
}

/// Two nodes: the owner fails, its backup takes over, and the old owner comes back.
fn failover(rules: Rules) -> Bounds {
    Bounds {
        reads: 1,
        failovers: 1,
        passes: 1,
        ..bounds(Mode::SemiSync, 2, &[0, 1], rules)
    }
}

/// Two nodes: a write is asked for again after a failover (rule R11).
fn retry(rules: Rules) -> Bounds {
    Bounds {
        retries: 1,
        failovers: 1,
        passes: 1,
        ..bounds(Mode::SemiSync, 2, &[0, 1], rules)
    }
}

/// Two nodes: either crashes and comes back with any beginning of what it had written.
fn restart(rules: Rules) -> Bounds {
    Bounds {
        crashes: 1,
        failovers: 1,
        ..bounds(Mode::SemiSync, 2, &[0, 1], rules)
    }
}

/// The same, with steps of time.
fn restart_in_time(rules: Rules) -> Bounds {
    Bounds {
        passes: 1,
        ..restart(rules)
    }
}

/// Two nodes, one of which loses its data (rule R5).
fn wipe(rules: Rules) -> Bounds {
    Bounds {
        wipes: 1,
        failovers: 1,
        ..bounds(Mode::SemiSync, 2, &[0, 1], rules)
    }
}

/// The same, with steps of time.
fn wipe_in_time(rules: Rules) -> Bounds {
    Bounds {
        passes: 1,
        ..wipe(rules)
    }
}

/// An owner alone, that a second node joins (rule R3) while a write is under way.
fn growth(rules: Rules) -> Bounds {
    let mut bounds = Bounds {
        named: 1,
        failovers: 1,
        reads: 1,
        ..bounds(Mode::SemiSync, 2, &[0], rules)
    };
    bounds.settings.grow_gap_entries = 1;
    bounds
}

/// The same, with steps of time.
fn growth_in_time(rules: Rules) -> Bounds {
    Bounds {
        passes: 1,
        ..growth(rules)
    }
}

/// A slow owner and a fast backup: reads by lease, and a failover (rule R10).
fn leases(rules: Rules) -> Bounds {
    Bounds {
        reads: 1,
        failovers: 1,
        passes: 2,
        rates_ns: vec![SLOW_NS, FAST_NS],
        ..bounds(Mode::SemiSync, 2, &[0, 1], rules)
    }
}

/// The same, and either node crashes.
fn leases_and_restart(rules: Rules) -> Bounds {
    Bounds {
        crashes: 1,
        ..leases(rules)
    }
}

/// Two nodes: the owner hands over, and stays in sync or leaves; reads go on (rule R15).
fn hand_over(rules: Rules) -> Bounds {
    Bounds {
        reads: 2,
        handovers: 1,
        ..bounds(Mode::SemiSync, 2, &[0, 1], rules)
    }
}

/// The same in async mode, with leases that run out and a failover.
fn hand_over_in_time(rules: Rules) -> Bounds {
    Bounds {
        failovers: 1,
        passes: 2,
        rates_ns: vec![SLOW_NS, FAST_NS],
        settings: settings(Mode::Async, 2, rules),
        ..hand_over(rules)
    }
}

/// Two nodes in async mode.
fn run_ahead(rules: Rules) -> Bounds {
    Bounds {
        writes: 2,
        failovers: 1,
        ..bounds(Mode::Async, 2, &[0, 1], rules)
    }
}

/// The same, with leases that run out.
fn run_ahead_in_time(rules: Rules) -> Bounds {
    Bounds {
        writes: 1,
        passes: 2,
        rates_ns: vec![SLOW_NS, FAST_NS],
        ..run_ahead(rules)
    }
}

/// Two nodes see any committed table at any time, also again (rule R8).
fn stale_tables(rules: Rules) -> Bounds {
    Bounds {
        stale_tables: true,
        failovers: 2,
        ..bounds(Mode::SemiSync, 2, &[0, 1], rules)
    }
}

/// Three nodes in sync (rule R1).
fn three(rules: Rules) -> Bounds {
    Bounds {
        failovers: 1,
        ..bounds(Mode::SemiSync, 3, &[0, 1, 2], rules)
    }
}

/// Three nodes, of which two divergent logs survive (rule R7).
fn divergence(rules: Rules) -> Bounds {
    Bounds {
        writes: 2,
        failovers: 2,
        passes: 2,
        ..bounds(Mode::SemiSync, 3, &[0, 1, 2], rules)
    }
}

/// Makes the bounds of a model, with these rules.
pub type Make = fn(Rules) -> Bounds;

/// A model by name.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// Its name.
    pub name: &'static str,
    /// Makes its bounds.
    pub bounds: Make,
    /// How many different states it has, if it is explored to its end with every change.
    pub unique_states: Option<usize>,
    /// What must happen in it, so that it does not hold because nothing happens.
    pub sometimes: &'static [Sight],
}

const fn small(
    name: &'static str,
    bounds: Make,
    unique_states: usize,
    sometimes: &'static [Sight],
) -> Named {
    Named {
        name,
        bounds,
        unique_states: Some(unique_states),
        sometimes,
    }
}

const fn large(name: &'static str, bounds: Make) -> Named {
    Named {
        name,
        bounds,
        unique_states: None,
        sometimes: &[],
    }
}

/// All of them, the small ones first.
pub const ALL: [Named; 17] = {
    use Sight as S;
    [
        small("wipe", wipe, 6_999, &[S::ReadAfterFailover]),
        small(
            "restart",
            restart,
            16_977,
            &[S::RecordsLost, S::RenewFinished],
        ),
        small("run-ahead", run_ahead, 47_176, &[S::ReadAfterFailover]),
        small("stale-tables", stale_tables, 75_072, &[S::FailoverServed]),
        small(
            "growth",
            growth,
            98_992,
            &[
                S::GrowthFinished,
                S::AcknowledgedAcrossFailover,
                S::ReadByBarrier,
            ],
        ),
        small(
            "failover",
            failover,
            154_724,
            &[
                S::FailoverServed,
                S::TailCut,
                S::ShrinkFinished,
                S::ReadAfterFailover,
                S::ReadByBarrier,
                S::ReadByLease,
                S::AcknowledgedAcrossFailover,
            ],
        ),
        small(
            "retry",
            retry,
            219_096,
            &[S::FailoverServed, S::AcknowledgedAcrossFailover],
        ),
        small("three", three, 296_496, &[S::ReadAfterFailover]),
        small(
            "leases",
            leases,
            449_931,
            &[S::FailoverServed, S::TailCut, S::ReadByLease],
        ),
        small(
            "hand-over",
            hand_over,
            1_353,
            &[
                S::HandOverFinished,
                S::FailoverServed,
                S::ReadAfterFailover,
                S::ReadByLease,
            ],
        ),
        large("hand-over-time", hand_over_in_time),
        large("run-ahead-time", run_ahead_in_time),
        large("leases-restart", leases_and_restart),
        large("restart-time", restart_in_time),
        large("wipe-time", wipe_in_time),
        large("growth-time", growth_in_time),
        large("divergence", divergence),
    ]
};
