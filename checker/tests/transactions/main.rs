//! Histories of thousands of transactions of which only the order within each session is known: they
//! are decided, and one anomaly among them is found.

mod store;

use kensho_checker::formats::{self, Format};
use kensho_checker::judge::{Settings, judge, models};
use kensho_checker::report::Report;
use kensho_checker::transactions::{ConsistencyModel, Level, Order};
use store::{Isolation, Recipe, Step, Store, TYPICAL, run};

fn judged(store: &Store, level: Level, order: Order) -> Report {
    let text = store.text();
    let history = formats::read(text.as_bytes(), Format::Plume).unwrap();
    let settings = Settings {
        consistency: Some(ConsistencyModel::new(level, order)),
        ..Settings::default()
    };
    judge(&history, &models::RW_REGISTER, &settings)
}

#[track_caller]
fn assert_holds(store: &Store, level: Level, order: Order) {
    let report = judged(store, level, order);
    assert!(report.is_valid(), "{level:?} {order:?}: {report:#?}");
}

#[track_caller]
fn assert_broken(store: &Store, level: Level, order: Order) {
    let report = judged(store, level, order);
    assert!(report.is_invalid(), "{level:?} {order:?}: {report:#?}");
}

/// Levels that are searched for, the weakest first, and the store that sees to each.
const STORES: [(Level, Isolation); 3] = [
    (Level::Prefix, Isolation::Prefix),
    (Level::SnapshotIsolation, Isolation::Snapshot),
    (Level::Serializable, Isolation::Serializable),
];

#[test]
fn a_store_keeps_what_it_sees_to_and_no_more() {
    for (at, (level, isolation)) in STORES.into_iter().enumerate() {
        for (updates_of_ten, in_sessions) in [(0, true), (5, true), (5, false)] {
            let recipe = Recipe {
                transactions: 1_500,
                keys: 60,
                isolation,
                updates_of_ten,
                in_sessions,
                ..TYPICAL
            };
            let store = run(&recipe, |_| ());
            assert_holds(&store, level, Order::None);
            match in_sessions {
                true => assert_holds(&store, level, Order::Session),
                false => assert_broken(&store, level, Order::Session),
            }
            if let Some((stronger, _)) = STORES.get(at + 1) {
                assert_broken(&store, *stronger, Order::Session);
            }
        }
    }
}

#[test]
fn updates_of_what_was_read_need_no_search() {
    let recipe = Recipe {
        transactions: 20_000,
        updates_of_ten: 10,
        ..TYPICAL
    };
    let store = run(&recipe, |_| ());
    assert_holds(&store, Level::Serializable, Order::Session);
}

const X: usize = 0;
const Y: usize = 1;

/// What a transaction does that replaces what it read.
fn update(key: usize) -> [Step; 2] {
    [Step::Read(key), Step::Write(key)]
}

#[test]
fn write_skew() {
    let store = run(&TYPICAL, |store| {
        let now = store.commits();
        store.run(0, now, &[&[Step::Read(X)], &update(Y)[..]].concat());
        store.run(1, now, &[&[Step::Read(Y)], &update(X)[..]].concat());
    });
    assert_broken(&store, Level::Serializable, Order::None);
    assert_holds(&store, Level::SnapshotIsolation, Order::Session);
}

#[test]
fn long_fork() {
    let store = run(&TYPICAL, |store| {
        let before = store.commits();
        store.run(0, before, &update(X));
        store.run(1, before, &update(Y));
        let now = store.commits();
        let reads = |x, y| [Step::ReadAsOf(X, x), Step::ReadAsOf(Y, y)];
        store.run(2, before, &reads(now, before));
        store.run(3, before, &reads(before, now));
    });
    assert_broken(&store, Level::Prefix, Order::None);
    assert_broken(&store, Level::SnapshotIsolation, Order::None);
    assert_holds(&store, Level::ParallelSnapshotIsolation, Order::Session);
}

#[test]
fn lost_update() {
    let store = run(&TYPICAL, |store| {
        let now = store.commits();
        store.run(0, now, &update(X));
        store.run(1, now, &update(X));
    });
    assert_broken(&store, Level::SnapshotIsolation, Order::None);
    assert_holds(&store, Level::Prefix, Order::Session);
}

#[test]
fn an_effect_without_its_cause() {
    let store = run(&TYPICAL, |store| {
        let before = store.commits();
        store.run(0, before, &update(X));
        let cause = store.commits();
        store.run(1, cause, &[&[Step::Read(X)], &update(Y)[..]].concat());
        let effect = store.commits();
        let reads = [Step::ReadAsOf(Y, effect), Step::ReadAsOf(X, before)];
        store.run(2, before, &reads);
    });
    assert_broken(&store, Level::Causal, Order::None);
    assert_broken(&store, Level::Prefix, Order::None);
    assert_broken(&store, Level::SnapshotIsolation, Order::None);
    assert_holds(&store, Level::ReadAtomic, Order::Session);
}

#[test]
fn a_session_that_forgets_what_it_wrote() {
    let store = run(&TYPICAL, |store| {
        let before = store.commits();
        store.run(0, before, &update(X));
        store.run(0, before, &[Step::Read(X)]);
    });
    for (level, _) in STORES {
        assert_broken(&store, level, Order::Session);
        assert_holds(&store, level, Order::None);
    }
}
