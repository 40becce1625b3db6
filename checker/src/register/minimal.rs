//! Makes an invalid set of accesses minimal by *forgetting*.
//!
//! To forget a read is to leave it out; to forget a write is to take its outcome as unknown.
//! Forgetting never makes a valid history invalid, so what stays invalid proves the violation of
//! the whole, and one pass suffices: what could not be forgotten once cannot be forgotten later.

use super::access::{Access, Effect};
use crate::history::{Datum, NEVER};

/// The minimal part of these accesses that `invalid` still refutes, in the order of invocation.
/// `invalid` must refuse nothing that it accepts after more was forgotten.
pub(crate) fn minimal(
    accesses: &[Access],
    mut invalid: impl FnMut(&[Access]) -> bool,
) -> Vec<Access> {
    let mut kept = accesses.to_vec();
    kept.sort_by_key(|access| access.inv);
    // Halves, quarters, …, single ones: big parts that do not matter go in few steps.
    let mut width = kept.len().next_power_of_two();
    while width > 0 {
        let mut end = kept.len();
        while end > 0 {
            let start = end.saturating_sub(width);
            let mut forgotten = kept.clone();
            let mut any = false;
            for at in (start..end).rev() {
                any |= forget(&mut forgotten, at);
            }
            if any && invalid(&forgotten) {
                kept = forgotten;
            }
            end = start.min(kept.len());
        }
        width /= 2;
    }
    drop_unseen(&mut kept);
    kept
}

/// Forgets one access; says whether that changed anything.
fn forget(accesses: &mut Vec<Access>, at: usize) -> bool {
    match accesses[at].effect {
        Effect::Read(_) | Effect::NotValue(_) => {
            accesses.remove(at);
            true
        }
        _ => std::mem::replace(&mut accesses[at].ret, NEVER) != NEVER,
    }
}

/// Drops writes of unknown outcome whose value nobody sees; they need not have happened.
///
/// A failed cas can be explained by any other value, so where there is one nothing is dropped.
pub(crate) fn drop_unseen(accesses: &mut Vec<Access>) {
    if accesses
        .iter()
        .any(|access| matches!(access.effect, Effect::NotValue(_)))
    {
        return;
    }
    loop {
        let seen: Vec<Datum> = accesses
            .iter()
            .filter_map(|access| match access.effect {
                Effect::Read(seen) | Effect::Cas(seen, _) => Some(seen),
                _ => None,
            })
            .collect();
        let before = accesses.len();
        accesses.retain(|access| match access.effect {
            Effect::Write(written) | Effect::Cas(_, written) => {
                access.ret != NEVER || seen.contains(&written)
            }
            _ => true,
        });
        if accesses.len() == before {
            return;
        }
    }
}
