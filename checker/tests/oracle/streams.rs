//! Logs with producers and consumers, and watches, against their definitions written down pair by
//! pair.

use crate::definitions::{Check, Op, elements};
use crate::random::{Planned, Subject};
use kensho_checker::generate::Random;
use kensho_checker::history::Outcome;
use kensho_checker::judge::{Settings, models};
use kensho_checker::value::Value;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// All checks, to be compared in other ways.
pub(crate) fn subjects() -> Vec<Subject> {
    let checks: [fn() -> Check; 3] = [
        logs_check,
        watches_with_revisions_check,
        watches_without_revisions_check,
    ];
    checks.into_iter().map(|check| check().subject()).collect()
}

fn processes(ops: &[Op]) -> BTreeSet<u32> {
    ops.iter().map(|op| op.process).collect()
}

fn int(value: &Value) -> i64 {
    value.as_int().unwrap()
}

/// A run of numbers from the beginning, sometimes with one too few, one too many, or two exchanged.
fn almost_a_run(random: &mut Random, start: usize, end: usize) -> Vec<usize> {
    let mut run: Vec<usize> = (start..end).collect();
    if run.len() > 1 {
        let at = random.below(run.len() - 1);
        match random.below(12) {
            0 => drop(run.remove(at)),
            1 => run.insert(at, run[at]),
            2 => run.swap(at, at + 1),
            _ => {}
        }
    }
    run
}

/// Messages are sent to one key, each to the offset that it has as its value, or nearly so.
fn plan_log(random: &mut Random, before: usize) -> Planned {
    if before < 4 {
        let offset = match random.below(20) {
            0 => random.below(4),
            _ => before,
        };
        let (sent, done) = (
            json!(["send", 0, before]),
            json!(["send", 0, [offset, before]]),
        );
        return Planned::ok("send", json!([sent]), json!([done]));
    }
    if random.below(6) == 0 {
        let keys = [json!([0]), json!([1])][random.below(2)].clone();
        return Planned::ok("assign", keys.clone(), keys);
    }
    let start = [0, 0, 0, 1, 2][random.below(5)];
    let messages: Vec<Json> = almost_a_run(random, start, 4)
        .into_iter()
        .map(|offset| match random.below(30) {
            0 => json!([offset, random.below(5)]),
            _ => json!([offset, offset]),
        })
        .collect();
    let polled = json!([["poll", { "0": messages }]]);
    Planned::ok("poll", json!([["poll"]]), polled)
}

/// The messages of a poll: offset and value.
fn polled(op: &Op) -> Vec<(i64, i64)> {
    if !op.is("poll", Outcome::Ok) {
        return Vec::new();
    }
    let steps = elements(&op.result);
    let Value::Map(logs) = &elements(&steps[0])[1] else {
        panic!("{:?}", op.result);
    };
    elements(&logs[0].1)
        .iter()
        .map(|message| (int(&elements(message)[0]), int(&elements(message)[1])))
        .collect()
}

/// The value of a send, and its offset if it was acknowledged and told.
fn sent(op: &Op) -> Option<(i64, Option<i64>)> {
    let message = |value: &Value| -> Option<Value> {
        let step = elements(elements(value).first()?);
        step.get(2).cloned()
    };
    let pair = |value: &Value| message(value).map(|message| elements(&message));
    if op.f != "send" {
        return None;
    }
    let offset = match pair(&op.result).as_deref() {
        Some([offset, _]) if op.outcome == Outcome::Ok => Some(int(offset)),
        _ => None,
    };
    let value = match pair(&op.argument).as_deref() {
        Some([_, value]) => int(value),
        _ => int(&message(&op.argument)?),
    };
    Some((value, offset))
}

#[test]
fn logs() {
    logs_check().compare();
}

fn logs_check() -> Check {
    Check::new(&models::KAFKA, Settings::default(), plan_log, |ops| {
        let sends = || ops.iter().filter_map(|op| Some((op, sent(op)?)));
        let polls = || {
            ops.iter()
                .flat_map(|op| polled(op).into_iter().map(move |m| (op, m)))
        };
        let known: Vec<(i64, i64)> = sends()
            .filter_map(|(_, (value, offset))| Some((offset?, value)))
            .chain(polls().map(|(_, message)| message))
            .collect();
        let agree = known.iter().all(|one| {
            known
                .iter()
                .all(|other| (one.0 == other.0) == (one.1 == other.1))
        });
        let was_sent = polls().all(|(poll, (_, value))| {
            sends().any(|(send, (sent, _))| {
                sent == value && send.outcome != Outcome::Fail && send.inv < poll.ret
            })
        });
        let seen = |value: i64| polls().any(|(_, (_, seen))| seen == value);
        let furthest = polls().map(|(_, (offset, _))| offset).max();
        let not_lost = sends().all(|(_, (value, offset))| match (offset, furthest) {
            (Some(offset), Some(furthest)) => offset > furthest || seen(value),
            _ => true,
        });
        let exists = |from: i64, to: i64| known.iter().any(|(at, _)| from < *at && *at < to);
        let mut in_order = true;
        for process in processes(ops) {
            let mine = || ops.iter().filter(|op| op.process == process);
            let offsets: Vec<i64> = mine().filter_map(|op| sent(op)?.1).collect();
            in_order &= offsets.windows(2).all(|pair| pair[0] < pair[1]);
            let (mut last, mut may_go_back) = (None, false);
            for op in mine() {
                if op.f == "assign" && op.outcome != Outcome::Fail {
                    if elements(&op.argument) != [Value::Int(0)] {
                        last = None;
                    }
                    may_go_back = true;
                }
                for (offset, _) in polled(op) {
                    if let Some(last) = last {
                        let goes_back = offset <= last;
                        in_order &= !goes_back || may_go_back;
                        in_order &= goes_back || !exists(last, offset);
                    }
                    (last, may_go_back) = (Some(offset), false);
                }
            }
        }
        let unseen = sends().any(|(_, (value, offset))| {
            offset.is_some_and(|offset| furthest.is_none_or(|last| offset > last)) && !seen(value)
        });
        match agree && was_sent && not_lost && in_order {
            false => Some(false),
            true => (furthest.is_some() && !unseen).then_some(true),
        }
    })
}

/// Four values are written, and watched.
fn plan_watch(random: &mut Random, before: usize, log: fn(Vec<usize>) -> Json) -> Planned {
    if before < 4 {
        return Planned::ok("write", json!(before), json!(before));
    }
    let end = [4, 4, 3, 1, 0][random.below(5)];
    let mut run = almost_a_run(random, 0, end);
    if random.below(25) == 0 {
        run.push(7);
    }
    let f = ["watch", "watch", "final-watch"][random.below(3)];
    Planned::ok(f, json!(null), log(run))
}

/// What one watcher saw, and whether the last that it said was final.
struct Watched<'a> {
    log: Vec<(i64, &'a Op)>,
    last: Option<&'a Op>,
}

/// What must hold of changes, each told by its number, which is its value and its revision.
fn watches(ops: &[Op], of: fn(&Op) -> Vec<i64>) -> Option<bool> {
    let is_watch =
        |op: &&Op| ["watch", "final-watch"].contains(&&*op.f) && op.outcome == Outcome::Ok;
    let watchers: Vec<Watched<'_>> = processes(ops)
        .into_iter()
        .map(|process| {
            let mine = || {
                ops.iter()
                    .filter(move |op| op.process == process)
                    .filter(is_watch)
            };
            Watched {
                log: mine()
                    .flat_map(|op| of(op).into_iter().map(move |change| (change, op)))
                    .collect(),
                last: mine().rfind(|op| op.f == "final-watch"),
            }
        })
        .collect();
    let all = || watchers.iter().flat_map(|watcher| &watcher.log);
    let write_of = |change: i64| {
        ops.iter().find(|op| {
            op.f == "write" && op.outcome != Outcome::Fail && int(&op.argument) == change
        })
    };
    let written = all().all(|(change, op)| write_of(*change).is_some_and(|w| w.inv < op.ret));
    let in_order = watchers
        .iter()
        .all(|watcher| watcher.log.windows(2).all(|pair| pair[0].0 < pair[1].0));
    let complete = watchers.iter().all(|watcher| {
        all().all(|(change, _)| {
            let saw = |one: i64| watcher.log.iter().any(|(change, _)| *change == one);
            let beyond = watcher.log.iter().any(|(later, _)| later > change);
            let must = watcher
                .last
                .is_some_and(|last| write_of(*change).is_some_and(|write| write.ret < last.inv));
            saw(*change) || !(beyond || must)
        })
    });
    let real_time = all().all(|(one, _)| {
        all().all(|(other, _)| match (write_of(*one), write_of(*other)) {
            (Some(first), Some(second)) if one < other => second.ret >= first.inv,
            _ => true,
        })
    });
    let unseen = ops.iter().any(|op| {
        op.is("write", Outcome::Ok) && all().all(|(change, _)| *change != int(&op.argument))
    });
    match written && in_order && complete && real_time {
        false => Some(false),
        true => (all().next().is_some() && !unseen).then_some(true),
    }
}

#[test]
fn watches_with_revisions() {
    watches_with_revisions_check().compare();
}

fn watches_with_revisions_check() -> Check {
    let plan = |random: &mut Random, before: usize| {
        plan_watch(random, before, |run| {
            let pair = |change: &usize| json!([change, change]);
            Json::Array(run.iter().map(pair).collect())
        })
    };
    Check::new(&models::WATCH, Settings::default(), plan, |ops| {
        watches(ops, |op| {
            let changes = elements(&op.result);
            changes.iter().map(|pair| int(&elements(pair)[0])).collect()
        })
    })
}

#[test]
fn watches_without_revisions() {
    watches_without_revisions_check().compare();
}

fn watches_without_revisions_check() -> Check {
    let plan = |random: &mut Random, before: usize| {
        plan_watch(random, before, |run| json!({ "log": run }))
    };
    Check::new(&models::WATCH, Settings::default(), plan, |ops| {
        let watches = || {
            ops.iter().filter(|op| {
                ["watch", "final-watch"].contains(&&*op.f) && op.outcome == Outcome::Ok
            })
        };
        // Each watcher's log, with the watch that returned each change, and its last final watch.
        let watchers: Vec<Watched<'_>> = processes(ops)
            .into_iter()
            .map(|process| {
                let mine = || watches().filter(move |op| op.process == process);
                let log = mine().flat_map(|op| {
                    let log = elements(op.result.get("log").unwrap());
                    log.into_iter().map(move |change| (int(&change), op))
                });
                Watched {
                    log: log.collect(),
                    last: mine().rfind(|op| op.f == "final-watch"),
                }
            })
            .collect();
        let all = || watchers.iter().flat_map(|watcher| &watcher.log);
        let write_of = |change: i64| {
            ops.iter().find(|op| {
                op.f == "write" && op.outcome != Outcome::Fail && int(&op.argument) == change
            })
        };
        let right = watchers.iter().all(|Watched { log, last }| {
            let once = (0..log.len()).all(|at| log[..at].iter().all(|one| one.0 != log[at].0));
            let written = log
                .iter()
                .all(|(change, op)| write_of(*change).is_some_and(|w| w.inv < op.ret));
            let real_time = (0..log.len()).all(|later| {
                log[..later]
                    .iter()
                    .all(|first| match (write_of(first.0), write_of(log[later].0)) {
                        (Some(first), Some(second)) => second.ret >= first.inv,
                        _ => true,
                    })
            });
            let same_as_others = watchers.iter().all(|other| {
                log.iter()
                    .zip(&other.log)
                    .all(|(mine, theirs)| mine.0 == theirs.0)
            });
            let complete = last.is_none_or(|last| {
                all().all(|(change, _)| {
                    let must = write_of(*change).is_some_and(|write| write.ret < last.inv);
                    !must || log.iter().any(|(mine, _)| mine == change)
                })
            });
            once && written && real_time && same_as_others && complete
        });
        let unseen = ops.iter().any(|op| {
            op.is("write", Outcome::Ok) && all().all(|(change, _)| *change != int(&op.argument))
        });
        match right {
            false => Some(false),
            true => (all().next().is_some() && !unseen).then_some(true),
        }
    })
}
