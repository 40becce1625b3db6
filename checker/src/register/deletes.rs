//! Registers whose value can be deleted: then there is nothing, as in the beginning.
//!
//! Nothing is the one value that is written again and again, so zones cannot say which delete a
//! read of nothing saw. But they are exact if nobody saw nothing: then each delete may as well
//! write a value of its own. If somebody did, then a register that is not linearizable even without
//! these reads is not linearizable; and where each read is taken to have seen the delete that
//! suits it best, an order of all operations is one, however it was found. What is left is
//! searched.

use super::access::{Access, Effect};
use super::zones::{Conflict, Judgement, Zones};
use crate::history::{Datum, NEVER};

/// What is known of a register without search.
pub(super) enum Deleted {
    /// This order of the accesses explains them. The unknown ones at these places must have
    /// happened.
    Valid {
        order: Vec<u32>,
        must_have_happened: Vec<u32>,
    },
    /// These accesses, which say less than what was given, are not linearizable.
    Invalid {
        weaker: Vec<Access>,
        conflict: Conflict,
    },
    /// Nothing.
    Open,
}

/// Judges accesses of which some delete.
pub(super) fn judge(zones: &mut Zones, accesses: &[Access], initial: Datum) -> Deleted {
    let deletes = Deletes::of(accesses);
    let vague = |access: &Access| matches!(access.effect, Effect::NotValue(_));
    if deletes.all.is_empty() || accesses.iter().any(vague) {
        return Deleted::Open;
    }
    let weaker: Vec<Access> = (accesses.iter().enumerate())
        .filter_map(|(at, access)| deletes.without_nothing(at, access))
        .collect();
    match zones.judge(&weaker, initial) {
        Judgement::NotExact => return Deleted::Open,
        // What such a cas saw would be missing in the explanation.
        Judgement::Invalid(_) if accesses.iter().any(is_put_if_absent) => return Deleted::Open,
        Judgement::Invalid(conflict) => return Deleted::Invalid { weaker, conflict },
        Judgement::Valid => {}
    }
    let must_have_happened = (weaker.iter().enumerate())
        .filter(|(at, access)| access.ret == NEVER && zones.happened(*at))
        .map(|(_, access)| access.place)
        .collect();
    let guesses: [fn(&Access, &Access) -> bool; 3] = [
        |delete, read| delete.inv < read.inv,
        |delete, read| delete.inv < read.ret,
        |delete, read| delete.ret < read.inv,
    ];
    for guess in guesses {
        let told = deletes.tell_apart(accesses, guess);
        if zones.judge(&told, initial) == Judgement::Valid {
            let order = zones.witness(&told);
            return Deleted::Valid {
                order,
                must_have_happened,
            };
        }
    }
    Deleted::Open
}

fn is_put_if_absent(access: &Access) -> bool {
    matches!(access.effect, Effect::Cas(Datum::NIL, _))
}

/// The accesses that delete, in the order of their invocations, by their place.
struct Deletes {
    all: Vec<usize>,
}

impl Deletes {
    fn of(accesses: &[Access]) -> Deletes {
        let deletes = |access: &Access| {
            matches!(
                access.effect,
                Effect::Write(Datum::NIL) | Effect::Cas(_, Datum::NIL)
            )
        };
        let all = (0..accesses.len())
            .filter(|at| deletes(&accesses[*at]))
            .collect();
        Deletes { all }
    }

    /// What an access says if nobody knows of nothing; none if that is all that it says.
    fn without_nothing(&self, at: usize, access: &Access) -> Option<Access> {
        let effect = match access.effect {
            Effect::Read(Datum::NIL) => return None,
            Effect::Write(value) => Effect::Write(own(at, value)),
            Effect::Cas(Datum::NIL, value) => Effect::Write(own(at, value)),
            Effect::Cas(seen, value) => Effect::Cas(seen, own(at, value)),
            other => other,
        };
        Some(Access { effect, ..*access })
    }

    /// Each access that saw nothing saw the last delete of which this holds, or the beginning.
    fn tell_apart(
        &self,
        accesses: &[Access],
        may_be_seen: fn(&Access, &Access) -> bool,
    ) -> Vec<Access> {
        let told = accesses.iter().enumerate().map(|(at, access)| {
            let saw = || {
                let before = self
                    .all
                    .partition_point(|delete| accesses[*delete].inv < access.ret);
                let seen = self.all[..before]
                    .iter()
                    .rev()
                    .take(LOOKED_AT)
                    .find(|delete| **delete != at && may_be_seen(&accesses[**delete], access));
                seen.map_or(Datum::NIL, |delete| own(*delete, Datum::NIL))
            };
            let effect = match access.effect {
                Effect::Read(Datum::NIL) => Effect::Read(saw()),
                Effect::Write(value) => Effect::Write(own(at, value)),
                Effect::Cas(Datum::NIL, value) => Effect::Cas(saw(), own(at, value)),
                Effect::Cas(seen, value) => Effect::Cas(seen, own(at, value)),
                other => other,
            };
            Access { effect, ..*access }
        });
        told.collect()
    }
}

/// How many deletes are looked at for each access that saw nothing: the order is only guessed.
const LOOKED_AT: usize = 1000;

/// The value that an access writes: of a delete one of its own.
fn own(at: usize, value: Datum) -> Datum {
    match value {
        Datum::NIL => Datum::nameless(at),
        value => value,
    }
}
