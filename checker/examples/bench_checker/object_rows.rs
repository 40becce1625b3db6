//! The rows of histories of objects other than registers.

use crate::objects::{Out, Planted, Size, Told, container, lock, queue, set, texts};
use crate::rows::{Row, Source, plain};
use kensho_checker::budget::Budget;
use kensho_checker::judge::{Settings, models};
use std::path::Path;

/// Every row of a generated history.
pub(crate) fn all() -> Vec<Row> {
    const C10: Size = Size {
        operations: 405,
        clients: 10,
    };
    const C50: Size = Size {
        operations: 2_000,
        clients: 50,
    };
    const QUEUE: Size = Size {
        operations: 2_000,
        clients: 10,
    };
    const LARGE: Size = Size {
        operations: 100_000,
        clients: 10,
    };
    let row = |name: &str, what, model, make, target_seconds, peer| Row {
        name: name.to_owned(),
        what,
        source: Source::Object(model, plain(), make),
        target_seconds,
        peer,
        ..Row::default()
    };
    let text = |name: &str, what, make, target, peer| {
        let peer = Some(("Porcupine", peer));
        row(name, what, &models::KV, make, Some(target), peer)
    };
    let elements =
        |name: &str, what, make, target| row(name, what, &models::FIFO_QUEUE, make, target, None);
    let made = |name: &str, what, model, make| row(name, what, model, make, None, None);
    let limited = Settings {
        budget: Budget {
            bytes: 100 << 20,
            ..Budget::default()
        },
        ..plain()
    };
    let four_permits = Settings {
        permits: Some(4),
        ..plain()
    };
    vec![
        text(
            "kv-c10",
            "405 gets, puts and appends of texts that are all different, 10 keys, 10 clients",
            || texts(C10, Planted::Nothing),
            0.01,
            0.01,
        ),
        text(
            "kv-c10-bad",
            "the same with one stale get: found and explained",
            || texts(C10, Planted::One),
            0.01,
            0.01,
        ),
        text(
            "kv-c50",
            "2,000 gets, puts and appends, 10 keys, 50 clients",
            || texts(C50, Planted::Nothing),
            0.13,
            1.3,
        ),
        Row {
            target_mib: Some(100.0),
            ..text(
                "kv-c50-bad",
                "the same with one stale get: found and explained",
                || texts(C50, Planted::One),
                0.26,
                0.26,
            )
        },
        elements(
            "fifo",
            "a first-in-first-out queue: 2,000 operations, 10 clients, unique elements, also dequeues that find nothing",
            || queue(QUEUE, None, Planted::Nothing),
            Some(0.05),
        ),
        elements(
            "fifo-bad",
            "the same with one element out of order: found and explained",
            || queue(QUEUE, None, Planted::One),
            Some(0.05),
        ),
        elements(
            "fifo-large",
            "the same, valid, with 1e5 operations",
            || queue(LARGE, None, Planted::Nothing),
            None,
        ),
        made(
            "stack",
            "a stack: 1e5 pushes and pops of 10 clients, unique elements, also pops that find nothing",
            &models::STACK,
            || container(LARGE, Out::LastFirst, Planted::Nothing),
        ),
        made(
            "stack-bad",
            "the same with one element that comes out twice: found and explained",
            &models::STACK,
            || container(LARGE, Out::LastFirst, Planted::One),
        ),
        made(
            "priority-queue",
            "a priority queue: the same",
            &models::PRIORITY_QUEUE,
            || container(LARGE, Out::SmallestFirst, Planted::Nothing),
        ),
        made(
            "unordered-queue",
            "a queue without order: the same",
            &models::UNORDERED_QUEUE,
            || container(LARGE, Out::Any, Planted::Nothing),
        ),
        made(
            "fenced-mutex",
            "a lock with fencing tokens: 1e5 acquisitions, refusals and releases of 10 clients",
            &models::FENCED_MUTEX,
            || lock(LARGE, 1, Told::Token),
        ),
        made(
            "owned-mutex",
            "a lock that only its holder releases: the same",
            &models::OWNED_MUTEX,
            || lock(LARGE, 1, Told::Nothing),
        ),
        Row {
            name: "semaphore".to_owned(),
            what: "a semaphore of four permits: the same",
            source: Source::Object(&models::SEMAPHORE, four_permits, || {
                lock(LARGE, 4, Told::Nothing)
            }),
            ..Row::default()
        },
        made(
            "linearizable-set",
            "a set of at most twenty elements: 1e5 adds, removals and reads of 10 clients",
            &models::LINEARIZABLE_SET,
            || set(LARGE, Planted::Nothing),
        ),
        made(
            "linearizable-set-bad",
            "the same with one read of what nobody added: found and explained",
            &models::LINEARIZABLE_SET,
            || set(LARGE, Planted::One),
        ),
        Row {
            name: "fifo-limited".to_owned(),
            what: "a queue whose elements repeat: searched, with a limit of 100 MiB for the whole process; one run",
            source: Source::Object(&models::FIFO_QUEUE, limited, || {
                queue(QUEUE, Some(3), Planted::One)
            }),
            target_mib: Some(130.0),
            ..Row::default()
        },
    ]
}

/// The rows of the `kv-*.txt` files of the folder in `KENSHO_PORCUPINE_KV`, if it is set.
pub(crate) fn recorded_texts() -> Vec<Row> {
    let Ok(folder) = std::env::var("KENSHO_PORCUPINE_KV") else {
        return Vec::new();
    };
    let file = |name: &str| Path::new(&folder).join(format!("{name}.txt"));
    let all = [
        "c01-bad", "c01-ok", "c10-bad", "c10-ok", "c50-bad", "c50-ok",
    ];
    let each = [
        ("kv-c10-bad", 0.01),
        ("kv-c50-bad", 0.26),
        ("kv-c50-ok", 1.3),
    ]
    .into_iter()
    .map(|(name, peer)| Row {
        name: format!("porcupine-{name}"),
        what: "a recorded history of Porcupine's tests; reading is not counted",
        source: Source::Texts(vec![file(name)]),
        target_seconds: Some(peer),
        target_mib: Some(100.0),
        peer: Some(("Porcupine", peer)),
        ..Row::default()
    });
    // Porcupine takes so long where it searches the keys together, as one object. A map of keys is
    // linearizable iff each key is, so nobody has to.
    let together = Row {
        name: "porcupine-kv-as-one".to_owned(),
        what: "all of them, each as one object with all its keys; reading is not counted",
        source: Source::Texts(all.map(|name| file(&format!("kv-{name}"))).to_vec()),
        target_seconds: Some(1.4),
        target_mib: Some(100.0),
        peer: Some(("Porcupine", 14.0)),
        ..Row::default()
    };
    each.chain([together]).collect()
}
