//! Events find the operations that they belong to.

use super::*;

fn event(index: u64, process: u64, kind: Kind, value: i64) -> Event {
    Event {
        kind,
        ..Event::invoke(index, index, Process::Client(process), "write")
    }
    .with_value(value)
}

#[test]
fn completions_find_their_invocations() {
    let history = History::from_events(&[
        event(0, 1, Kind::Invoke, 5),
        event(1, 2, Kind::Invoke, 6),
        event(2, 1, Kind::Ok, 5),
        event(3, 2, Kind::Info, 6),
        event(4, 3, Kind::Invoke, 7),
    ]);
    let outcomes: Vec<_> = history
        .operations
        .iter()
        .map(|o| (o.invoke, o.complete, o.outcome))
        .collect();
    assert_eq!(
        outcomes,
        [
            (0, 2, Outcome::Ok),
            (1, NEVER, Outcome::Unknown),
            (4, NEVER, Outcome::Unknown)
        ]
    );
    assert!(history.problems.is_empty());
}

#[test]
fn broken_rules_are_reported() {
    let history = History::from_events(&[
        event(0, 1, Kind::Invoke, 1),
        event(1, 1, Kind::Invoke, 2),
        event(2, 1, Kind::Info, 2),
        event(3, 1, Kind::Invoke, 3),
        event(4, 1, Kind::Ok, 3),
        event(5, 2, Kind::Ok, 4),
    ]);
    let problems: Vec<_> = history
        .problems
        .iter()
        .map(|p| (p.event, p.grave))
        .collect();
    assert_eq!(problems, [(1, true), (3, false), (5, true)]);
}
