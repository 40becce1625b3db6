//! Final reads: those that are asked when nothing is under way any more, so that all copies should
//! agree.
//!
//! Only who ran the test knows which they are. Maelstrom marks them with `:final? true`; an
//! operation named `final-read` is one as well.

use super::{named_of, succeeded};
use crate::history::{History, Operation};

/// What is said where no read is known to be final.
const NONE: &str = "no read that succeeded is final, so whether everything arrived was not checked; mark final reads with :final? true, or call them final-read";

/// Why there is nothing to say where no read is final, given how many succeeded.
pub(super) fn none_of(reads: usize) -> String {
    match reads {
        0 => "no read succeeded, so nothing was checked".to_owned(),
        _ => NONE.to_owned(),
    }
}

/// The reads that succeeded, with whether they are final.
pub(super) fn reads<'a>(
    history: &'a History,
    places: &'a [u32],
) -> impl Iterator<Item = (u32, &'a Operation, bool)> {
    let marked = named_of(history, places, "read")
        .map(|(place, read)| (place, read, history.is_final(place)));
    let named = named_of(history, places, "final-read").map(|(place, read)| (place, read, true));
    marked.chain(named).filter(|(_, read, _)| succeeded(read))
}

/// Two final reads that saw different things, the second one after the first had ended, and whether
/// there are two that differ at all.
pub(super) fn disagreement<'a, T: PartialEq>(
    finals: &'a [(u32, &'a Operation, T)],
) -> (Option<(u32, u32)>, bool) {
    let mut by_invoke: Vec<&(u32, &Operation, T)> = finals.iter().collect();
    by_invoke.sort_by_key(|(_, read, _)| read.invoke);
    let differ = finals.iter().any(|one| one.2 != finals[0].2);
    if !differ {
        return (None, false);
    }
    // The first that ended, and the first that ended of those that saw something else.
    let mut by_end: Vec<&(u32, &Operation, T)> = finals.iter().collect();
    by_end.sort_by_key(|(_, read, _)| read.complete);
    let other = by_end.iter().find(|one| one.2 != by_end[0].2);
    let early = [Some(&by_end[0]), other];
    for later in by_invoke {
        for first in early.into_iter().flatten() {
            if first.1.complete < later.1.invoke && first.2 != later.2 {
                return (Some((first.0, later.0)), true);
            }
        }
    }
    (None, true)
}
