//! Checks a witness, independently of the engine that found it.

use super::access::{Access, Effect};
use crate::history::{Datum, NEVER};

/// Whether this order of accesses (places in the slice) is a linearization: every access that
/// completed is in it once, each sees what is there, and none comes before one that had returned
/// before it was invoked.
pub(crate) fn is_linearization(accesses: &[Access], order: &[u32], initial: Datum) -> bool {
    let mut state = initial;
    let mut latest_inv = 0;
    let mut present = vec![false; accesses.len()];
    for at in order {
        let Some(access) = accesses.get(*at as usize) else {
            return false;
        };
        if std::mem::replace(&mut present[*at as usize], true) {
            return false;
        }
        if access.ret < latest_inv {
            return false;
        }
        latest_inv = latest_inv.max(access.inv);
        match access.effect {
            Effect::Read(seen) if seen != state => return false,
            Effect::NotValue(unseen) if unseen == state => return false,
            Effect::Cas(seen, _) if seen != state => return false,
            Effect::Write(written) | Effect::Cas(_, written) => state = written,
            Effect::Read(_) | Effect::NotValue(_) => {}
        }
    }
    accesses
        .iter()
        .zip(&present)
        .all(|(access, present)| *present || access.ret == NEVER)
}
