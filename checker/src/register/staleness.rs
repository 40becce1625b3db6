//! How stale the reads of a key are that was searched.
//!
//! (Where zones are exact they tell it themselves, without search: [`super::zones`].)

use super::access::{Access, Effect};
use super::searched;
use crate::budget::Effort;
use crate::history::{Datum, History, NEVER};
use crate::search::Found;

/// The smallest time by which the invocations of reads have to be moved back for the key to be
/// linearizable, in nanoseconds; none if no time does, or if it cannot be told before the deadline
/// or without clocks.
pub(crate) fn stale_by(
    history: &History,
    accesses: &[Access],
    initial: Datum,
    effort: &mut Effort,
) -> Option<u64> {
    let operation = |access: &Access| &history.operations[access.place as usize];
    let mut returns: Vec<(u32, u64)> = accesses
        .iter()
        .filter(|access| access.ret != NEVER)
        .map(|access| (access.ret, operation(access).complete_time))
        .collect();
    returns.sort_unstable();
    if history.times_go_back || !returns.is_sorted_by_key(|(_, time)| time) {
        return None;
    }
    let mut valid = |shift: u64| {
        let shifted = shifted(accesses, &returns, shift, |access| {
            operation(access).invoke_time
        });
        match searched::find(&shifted, initial, effort) {
            Found::Valid(_) => Some(true),
            Found::Invalid { .. } => Some(false),
            Found::OutOfBudget { .. } => None,
        }
    };
    // A clock that does not tell events apart cannot tell how far they lie apart either.
    if valid(0)? {
        return None;
    }
    // More shift never makes it worse, so halving finds the least that helps.
    let reads = accesses.iter().filter(|access| is_read(access));
    let mut enough = reads.map(|access| operation(access).invoke_time).max()?;
    if !valid(enough)? {
        return None;
    }
    let mut too_little = 0;
    while enough - too_little > 1 {
        let middle = too_little + (enough - too_little) / 2;
        if valid(middle)? {
            enough = middle;
        } else {
            too_little = middle;
        }
    }
    Some(enough)
}

fn is_read(access: &Access) -> bool {
    matches!(access.effect, Effect::Read(_))
}

/// The accesses with reads that were invoked earlier, in the order of their invocations. Positions
/// are doubled, so that there is room between them.
fn shifted(
    accesses: &[Access],
    returns: &[(u32, u64)],
    shift: u64,
    invoke_time: impl Fn(&Access) -> u64,
) -> Vec<Access> {
    let mut shifted: Vec<Access> = accesses
        .iter()
        .map(|access| {
            let mut inv = access.inv * 2;
            if is_read(access) {
                // It still comes after what had returned before its new invocation.
                let time = invoke_time(access).saturating_sub(shift);
                let before = returns.partition_point(|(_, ended)| *ended < time);
                let last = before.checked_sub(1).map_or(0, |last| returns[last].0);
                inv = inv.min(last * 2 + 1);
            }
            let ret = match access.ret {
                NEVER => NEVER,
                ret => ret * 2,
            };
            Access {
                inv,
                ret,
                ..*access
            }
        })
        .collect();
    shifted.sort_by_key(|access| access.inv);
    shifted
}
