//! Makes an invalid set of accesses minimal by *forgetting*.
//!
//! To forget a read is to leave it out; to forget a write is to take its outcome as unknown.
//! Forgetting never makes a valid history invalid, so what stays invalid proves the violation of
//! the whole, and one pass suffices: what could not be forgotten once cannot be forgotten later.
//! Before that, writes are left out that were overwritten before anybody can have seen them.

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
    forget_all(&mut kept, is_look, &mut invalid);
    drop_overwritten(&mut kept, &mut invalid);
    forget_all(&mut kept, |_| true, &mut invalid);
    drop_unseen(&mut kept);
    kept
}

/// Forgets what can be: halves, quarters, …, single ones, so that big parts that do not matter go
/// in few steps.
fn forget_all(
    kept: &mut Vec<Access>,
    which: impl Fn(&Access) -> bool,
    invalid: &mut impl FnMut(&[Access]) -> bool,
) {
    let mut width = kept.len().next_power_of_two();
    while width > 0 {
        let mut end = kept.len();
        while end > 0 {
            let start = end.saturating_sub(width);
            let wanted = |access: &Access| which(access) && can_be_forgotten(access);
            if kept[start..end].iter().any(wanted) {
                let mut forgotten = kept.clone();
                for at in (start..end).rev() {
                    if which(&forgotten[at]) {
                        forget(&mut forgotten, at);
                    }
                }
                if invalid(&forgotten) {
                    *kept = forgotten;
                }
            }
            end = start;
        }
        width /= 2;
    }
}

/// Leaves out writes that were surely overwritten before anybody can have seen them, as long as
/// another write of their value is left for those who see it.
///
/// That is a proof too: in any order that explains the whole, what sees the value sees it from
/// another write, so the order without this one explains the rest.
fn drop_overwritten(kept: &mut Vec<Access>, invalid: &mut impl FnMut(&[Access]) -> bool) {
    let mut at = 0;
    while at < kept.len() {
        if is_surely_unseen(kept, at) {
            let mut without = kept.clone();
            without.remove(at);
            if invalid(&without) {
                *kept = without;
                continue;
            }
        }
        at += 1;
    }
}

fn is_surely_unseen(kept: &[Access], at: usize) -> bool {
    let (Effect::Write(value), true) = (kept[at].effect, kept[at].ret != NEVER) else {
        return false;
    };
    let mut seen = false;
    let mut seen_from = NEVER;
    for access in kept {
        let sees = match access.effect {
            Effect::Read(seen) | Effect::Cas(seen, _) => seen == value,
            Effect::NotValue(_) | Effect::Write(_) => false,
        };
        let may_see = matches!(access.effect, Effect::NotValue(unseen) if unseen != value);
        seen |= sees;
        if sees || may_see {
            seen_from = seen_from.min(access.inv);
        }
    }
    let written_again = kept.iter().enumerate().any(|(other, access)| {
        other != at
            && matches!(access.effect, Effect::Write(written) | Effect::Cas(_, written) if written == value)
    });
    let overwritten = kept
        .iter()
        .filter(|access| !is_look(access) && access.inv > kept[at].ret)
        .any(|access| access.ret < seen_from);
    overwritten && (written_again || !seen)
}

fn is_look(access: &Access) -> bool {
    matches!(access.effect, Effect::Read(_) | Effect::NotValue(_))
}

fn can_be_forgotten(access: &Access) -> bool {
    access.ret != NEVER || is_look(access)
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
