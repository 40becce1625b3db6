//! Unordered queues and priority queues.
//!
//! A priority queue hands out the lowest rank that is inside. So a take of rank `r` needs a gap
//! among its own, not before its put was invoked, in which no lower rank is surely inside; and an
//! empty take one in which nothing is. That is enough: let `t` be such a gap of a value, and take
//! an order of all values of lower rank. Each of them can be moved to one side of `t`: nothing
//! that is surely inside spans it, and whoever is not surely inside at any gap can go in and out
//! at once. So nothing of lower rank is inside at `t`, where the value comes out; where it went in
//! does not matter to the lower ones. Ranks are added this way one after the other.
//!
//! In an unordered queue all ranks are equal.

use super::gaps::FreeGaps;
use super::stays::{Core, Move, Stay, Stays};
use crate::history::NEVER;

/// An order of moves that explains everything, or a part that fits no order.
pub(crate) fn judge(history: &Stays) -> Result<Vec<Move>, Core> {
    let mut ascending: Vec<u32> = (0..history.stays.len() as u32)
        .filter(|place| !Stays::is_idle(&history.stays[*place as usize]))
        .collect();
    ascending.sort_unstable_by_key(|place| history.stays[*place as usize].rank);
    let mut free = FreeGaps::new(history.events);
    // Gap, and within a gap: takes by rank, then what found nothing, then puts.
    let mut moves: Vec<(u32, u32, Move)> = Vec::with_capacity(history.stays.len() * 2);
    let rank = |place: &u32| history.stays[*place as usize].rank;
    for same in ascending.chunk_by(|one, other| rank(one) == rank(other)) {
        for place in same {
            let stay = &history.stays[*place as usize];
            let Some(take) = stay.take else {
                moves.push((stay.put.ret - 1, PUT, Move::Put(*place)));
                continue;
            };
            let start = take.inv.max(stay.put.inv);
            let gap = free.first_from(start.min(history.events));
            if gap >= take.ret.min(history.events) {
                return Err(blocked(history, *place, start));
            }
            if stay.put.ret > gap {
                moves.push((gap, TAKE, Move::Put(*place)));
            } else {
                moves.push((stay.put.ret - 1, PUT, Move::Put(*place)));
            }
            moves.push((gap, TAKE, Move::Take(*place)));
        }
        for place in same {
            free.cover(history.stays[*place as usize].covers(history.events));
        }
    }
    for (place, empty) in history.empties.iter().enumerate() {
        let gap = free.first_from(empty.inv);
        if gap >= empty.ret {
            return Err(Core {
                stays: history.cover(empty.inv, empty.ret - 1, |_| true),
                empties: vec![place as u32],
            });
        }
        moves.push((gap, EMPTY, Move::Empty(place as u32)));
    }
    moves.sort_by_key(|(gap, phase, _)| (*gap, *phase));
    Ok(moves.into_iter().map(|(_, _, one)| one).collect())
}

const TAKE: u32 = 0;
const EMPTY: u32 = 1;
const PUT: u32 = 2;

/// The value that could not be taken, and those of lower rank that were inside all the time.
fn blocked(history: &Stays, place: u32, start: u32) -> Core {
    let Stay { rank, take, .. } = history.stays[place as usize];
    let end = take.map_or(NEVER, |take| take.ret);
    let mut stays = match end > start {
        true => history.cover(start, end - 1, |stay| stay.rank < rank),
        false => Vec::new(),
    };
    stays.push(place);
    Core {
        stays,
        empties: Vec::new(),
    }
}
