//! Every small history of each collection, and many random ones, against an oracle that tries every
//! order.

use super::super::{ranked, stack};
use super::*;
use crate::generate::Random;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Unordered,
    Priority,
    Stack,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Doing {
    Put(u32),
    Take(u32),
    Empty,
}

/// What one operation does to what is inside; false if it does not fit.
fn apply(kind: Kind, history: &Stays, inside: &mut Vec<u32>, doing: Doing) -> bool {
    match doing {
        Doing::Put(value) => {
            inside.push(value);
            true
        }
        Doing::Empty => inside.is_empty(),
        Doing::Take(value) => {
            let Some(at) = inside.iter().position(|one| *one == value) else {
                return false;
            };
            let rank = |value: u32| history.stays[value as usize].rank;
            let fits = match kind {
                Kind::Unordered => true,
                Kind::Priority => inside.iter().all(|one| rank(*one) >= rank(value)),
                Kind::Stack => at + 1 == inside.len(),
            };
            inside.remove(at);
            fits
        }
    }
}

fn operations(history: &Stays) -> Vec<(Span, Doing)> {
    let mut all = Vec::new();
    for (value, stay) in history.stays.iter().enumerate() {
        all.push((stay.put, Doing::Put(value as u32)));
        all.extend(stay.take.map(|take| (take, Doing::Take(value as u32))));
    }
    all.extend(history.empties.iter().map(|span| (*span, Doing::Empty)));
    all
}

fn is_linearizable(kind: Kind, history: &Stays) -> bool {
    fn explore(
        kind: Kind,
        history: &Stays,
        all: &[(Span, Doing)],
        done: u32,
        inside: &[u32],
    ) -> bool {
        let open = |at: &usize| done >> at & 1 == 0;
        let first = (0..all.len()).filter(open).map(|at| all[at].0.ret).min();
        let Some(first) = first.filter(|first| *first != NEVER) else {
            return true;
        };
        (0..all.len())
            .filter(open)
            .filter(|at| all[*at].0.inv < first)
            .any(|at| {
                let mut inside = inside.to_vec();
                apply(kind, history, &mut inside, all[at].1)
                    && explore(kind, history, all, done | 1 << at, &inside)
            })
    }
    explore(kind, history, &operations(history), 0, &[])
}

fn is_witness(kind: Kind, history: &Stays, moves: &[Move]) -> bool {
    let mut inside = Vec::new();
    let mut latest = 0;
    let all = operations(history);
    let mut done = Vec::new();
    for one in moves {
        let doing = match one {
            Move::Put(value) => Doing::Put(*value),
            Move::Take(value) => Doing::Take(*value),
            Move::Empty(_) => Doing::Empty,
        };
        let span = match one {
            Move::Put(value) => history.stays[*value as usize].put,
            Move::Take(value) => history.stays[*value as usize].take.unwrap(),
            Move::Empty(place) => history.empties[*place as usize],
        };
        if done.contains(one) || span.ret < latest || !apply(kind, history, &mut inside, doing) {
            return false;
        }
        latest = latest.max(span.inv);
        done.push(*one);
    }
    // Only what need not have happened is left out.
    done.len()
        == all.len()
            - history
                .stays
                .iter()
                .filter(|stay| Stays::is_idle(stay))
                .count()
}

fn part(history: &Stays, core: &Core) -> Stays {
    Stays {
        stays: core
            .stays
            .iter()
            .map(|at| history.stays[*at as usize])
            .collect(),
        empties: core
            .empties
            .iter()
            .map(|at| history.empties[*at as usize])
            .collect(),
        events: history.events,
    }
}

/// Compares all three with the oracle; says for which it is valid.
fn compare(history: &Stays) -> [bool; 3] {
    [Kind::Unordered, Kind::Priority, Kind::Stack].map(|kind| {
        let mut given = history.clone();
        if kind == Kind::Unordered {
            given.stays.iter_mut().for_each(|stay| stay.rank = 0);
        }
        let told = match kind {
            Kind::Stack => stack::judge(&given),
            _ => ranked::judge(&given),
        };
        match &told {
            Ok(moves) => assert!(is_witness(kind, &given, moves), "{moves:?} of {given:?}"),
            Err(core) => {
                let part = part(&given, core);
                assert!(!is_linearizable(kind, &part), "{core:?} of {given:?}");
            }
        }
        assert_eq!(told.is_ok(), is_linearizable(kind, &given), "{given:?}");
        told.is_ok()
    })
}

/// Calls it with each order of these operations' events.
fn each_order(shape: &[Doing], unknown_put: Option<u32>, call: &mut dyn FnMut(&Stays)) {
    fn explore(
        shape: &[Doing],
        spans: &mut Vec<Span>,
        event: u32,
        events: u32,
        finish: &mut dyn FnMut(&[Span]),
    ) {
        if event == events {
            finish(spans);
            return;
        }
        for at in 0..shape.len() {
            let before = spans[at];
            if before.inv == NEVER {
                spans[at].inv = event;
            } else if before.ret == NEVER && before.inv != NEVER {
                spans[at].ret = event;
            } else {
                continue;
            }
            explore(shape, spans, event + 1, events, finish);
            spans[at] = before;
        }
    }
    let events = shape.len() as u32 * 2;
    let mut spans = vec![
        Span {
            inv: NEVER,
            ret: NEVER
        };
        shape.len()
    ];
    explore(shape, &mut spans, 0, events, &mut |spans| {
        let mut history = Stays {
            events,
            ..Stays::default()
        };
        for (span, doing) in spans.iter().zip(shape) {
            match doing {
                Doing::Put(value) => {
                    let ret = if unknown_put == Some(*value) {
                        NEVER
                    } else {
                        span.ret
                    };
                    history.stays.push(Stay {
                        put: Span { ret, ..*span },
                        take: None,
                        rank: i64::from(*value),
                    });
                }
                Doing::Take(value) => history.stays[*value as usize].take = Some(*span),
                Doing::Empty => history.empties.push(*span),
            }
        }
        call(&history);
    });
}

#[test]
fn all_histories_of_up_to_five_operations() {
    use Doing::{Empty, Put, Take};
    let shapes: &[&[Doing]] = &[
        &[Put(0), Take(0)],
        &[Put(0), Take(0), Empty, Empty],
        &[Put(0), Put(1), Take(0), Take(1)],
        &[Put(0), Put(1), Take(1), Empty],
        &[Put(0), Put(1), Take(0), Take(1), Empty],
    ];
    for (at, shape) in shapes.iter().enumerate() {
        let mut met = [[0_u32; 2]; 3];
        let unknown = (at > 0 && shape.len() < 5).then_some(0);
        for unknown in [None, unknown] {
            each_order(shape, unknown, &mut |history| {
                for (met, valid) in met.iter_mut().zip(compare(history)) {
                    met[usize::from(valid)] += 1;
                }
            });
        }
        assert!(met.iter().all(|met| met[0] > 0 && met[1] > 0), "{met:?}");
    }
}

/// Values come and go at random: mostly soon, so that valid histories are met often.
fn random_history(random: &mut Random, values: usize) -> Stays {
    let mut points: Vec<(usize, usize, bool)> = Vec::new();
    let spread = 6 + random.below(20);
    let mut shape = Vec::new();
    for value in 0..values as u32 {
        let begin = random.below(spread);
        let stay = random.below(spread);
        let (first, second) = (random.below(6), random.below(6));
        shape.push(Doing::Put(value));
        points.push((begin * 2, shape.len() - 1, false));
        points.push(((begin + first) * 2 + 1, shape.len() - 1, true));
        if random.below(5) > 0 {
            shape.push(Doing::Take(value));
            points.push(((begin + stay) * 2, shape.len() - 1, false));
            points.push(((begin + stay + second) * 2 + 1, shape.len() - 1, true));
        }
    }
    for _ in 0..random.below(2) {
        let begin = random.below(spread);
        shape.push(Doing::Empty);
        points.push((begin * 2, shape.len() - 1, false));
        points.push(((begin + random.below(4)) * 2 + 1, shape.len() - 1, true));
    }
    points.sort_unstable();
    let mut spans = vec![
        Span {
            inv: NEVER,
            ret: NEVER
        };
        shape.len()
    ];
    for (event, (_, at, returns)) in points.iter().enumerate() {
        if *returns {
            spans[*at].ret = event as u32;
        } else {
            spans[*at].inv = event as u32;
        }
    }
    let mut history = Stays {
        events: points.len() as u32,
        ..Stays::default()
    };
    let one_rank = random.below(4) == 0;
    for (span, doing) in spans.iter().zip(&shape) {
        match doing {
            Doing::Put(value) => {
                let mut put = *span;
                if random.below(10) == 0 {
                    put.ret = NEVER;
                }
                let rank = match one_rank {
                    true => i64::from(value / 2),
                    false => random.below(9) as i64,
                };
                history.stays.push(Stay {
                    put,
                    take: None,
                    rank,
                });
            }
            Doing::Take(value) => history.stays[*value as usize].take = Some(*span),
            Doing::Empty => history.empties.push(*span),
        }
    }
    history
}

#[test]
fn random_histories_of_more_values() {
    let mut met = [[0_u32; 2]; 3];
    for seed in 0..5_000 {
        let mut random = Random::new(seed);
        let values = 2 + random.below(5);
        let history = random_history(&mut random, values);
        for (met, valid) in met.iter_mut().zip(compare(&history)) {
            met[usize::from(valid)] += 1;
        }
    }
    assert!(
        met.iter().all(|met| met[0] > 250 && met[1] > 250),
        "{met:?}"
    );
}
