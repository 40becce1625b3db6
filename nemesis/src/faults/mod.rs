//! The faults, by what they do: each file has some, and a line in the
//! [catalogue](crate::catalogue::CATALOGUE).

pub(crate) mod disk;
pub(crate) mod folder;
pub(crate) mod kill;
pub(crate) mod partition;
pub(crate) mod pause;
pub(crate) mod slow_link;

use crate::fault::{Action, Injection, Target};

/// What is done at once.
fn now(action: Action, target: Target) -> Injection {
    Injection {
        after_ms: 0,
        action,
        target,
    }
}

/// What is done after a while.
fn later(after_ms: u64, action: Action, target: Target) -> Injection {
    Injection {
        after_ms,
        action,
        target,
    }
}
