//! Makes an invalid set of accesses minimal by *forgetting*.
//!
//! To forget a read is to leave it out; to forget a write is to take its outcome as unknown.
//! Forgetting never makes a valid history invalid, so what stays invalid proves the violation of
//! the whole, and one pass suffices: what could not be forgotten once cannot be forgotten later.

use super::access::{Access, Effect};
use crate::hash::FastMap;
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
            if kept[start..end].iter().any(can_be_forgotten) {
                let mut forgotten = kept.clone();
                for at in (start..end).rev() {
                    forget(&mut forgotten, at);
                }
                if invalid(&forgotten) {
                    kept = forgotten;
                }
            }
            end = start;
        }
        width /= 2;
    }
    drop_unseen(&mut kept);
    kept
}

fn can_be_forgotten(access: &Access) -> bool {
    access.ret != NEVER || matches!(access.effect, Effect::Read(_) | Effect::NotValue(_))
}

/// Forgets one access.
fn forget(accesses: &mut Vec<Access>, at: usize) {
    match accesses[at].effect {
        Effect::Read(_) | Effect::NotValue(_) => {
            accesses.remove(at);
        }
        _ => accesses[at].ret = NEVER,
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
        let seen: FastMap<Datum, ()> = accesses
            .iter()
            .filter_map(|access| match access.effect {
                Effect::Read(seen) | Effect::Cas(seen, _) => Some((seen, ())),
                _ => None,
            })
            .collect();
        let before = accesses.len();
        accesses.retain(|access| match access.effect {
            Effect::Write(written) | Effect::Cas(_, written) => {
                access.ret != NEVER || seen.contains_key(&written)
            }
            _ => true,
        });
        if accesses.len() == before {
            return;
        }
    }
}
