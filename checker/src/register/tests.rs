use super::*;
use crate::anomaly::AnomalyName;
use crate::history::{Event, Kind, Process};
use serde_json::json;

/// `process f value [from..to]`: one operation a line, in a small notation for tests: the event
/// positions of invocation and completion, `?` for an unknown completion.
fn history(lines: &[(&str, serde_json::Value, u64, Option<u64>)]) -> History {
    let mut events = Vec::new();
    for (process, (f, value, invoke, complete)) in lines.iter().enumerate() {
        let process = Process::Client(process as u64);
        let argument = if *f == "read" {
            json!(null)
        } else {
            value.clone()
        };
        let invocation =
            Event::invoke(*invoke, invoke * 1_000_000, process, f).with_value(argument);
        if let Some(complete) = complete {
            events.push(
                invocation
                    .complete(*complete, complete * 1_000_000, Kind::Ok)
                    .with_value(value.clone()),
            );
        }
        events.push(invocation);
    }
    events.sort_by_key(|event| event.index);
    History::from_events(&events)
}

fn judge(lines: &[(&str, serde_json::Value, u64, Option<u64>)]) -> Report {
    check(&history(lines), &Options::default())
}

fn names(report: &Report) -> Vec<AnomalyName> {
    report
        .anomalies()
        .iter()
        .map(|anomaly| anomaly.name)
        .collect()
}

#[test]
fn a_read_after_a_newer_write_is_stale_by_the_time_since_it() {
    let report = judge(&[
        ("write", json!(1), 0, Some(1)),
        ("write", json!(2), 2, Some(3)),
        ("read", json!(1), 4, Some(5)),
    ]);
    assert_eq!(names(&report), [AnomalyName::StaleRead]);
    let anomaly = &report.anomalies()[0];
    assert_eq!(anomaly.operations.len(), 3);
    assert_eq!(anomaly.stale_ns, Some(1_000_000));
}

#[test]
fn a_read_concurrent_with_the_newer_write_is_not_stale() {
    let report = judge(&[
        ("write", json!(1), 0, Some(1)),
        ("write", json!(2), 2, Some(4)),
        ("read", json!(1), 3, Some(5)),
    ]);
    assert!(report.is_valid());
}

#[test]
fn reads_must_not_go_back() {
    let lines = |last| {
        [
            ("write", json!(1), 0, Some(1)),
            ("write", json!(2), 2, None),
            ("read", json!(2), 3, Some(4)),
            ("read", json!(last), 5, Some(6)),
        ]
    };
    let report = judge(&lines(1));
    assert_eq!(names(&report), [AnomalyName::NewOldInversion]);
    assert_eq!(report.must_have_happened.count, 1);
    assert!(judge(&lines(2)).is_valid());
}

#[test]
fn a_value_that_nobody_wrote_is_a_phantom() {
    let report = judge(&[
        ("write", json!(1), 0, Some(1)),
        ("read", json!(7), 2, Some(3)),
    ]);
    assert_eq!(names(&report), [AnomalyName::PhantomRead]);
    assert!(judge(&[("write", json!(7), 0, None), ("read", json!(7), 2, Some(3))]).is_valid());
}

#[test]
fn a_read_cannot_end_before_its_write_begins() {
    let report = judge(&[
        ("read", json!(7), 0, Some(1)),
        ("write", json!(7), 2, Some(3)),
    ]);
    assert_eq!(names(&report), [AnomalyName::ReadFromTheFuture]);
    assert!(
        judge(&[
            ("read", json!(7), 0, Some(3)),
            ("write", json!(7), 2, Some(4))
        ])
        .is_valid()
    );
}

#[test]
fn two_cas_from_one_value_lose_an_update() {
    let lines = |from| {
        [
            ("write", json!(1), 0, Some(1)),
            ("cas", json!([1, 2]), 2, Some(5)),
            ("cas", json!([from, 3]), 3, Some(4)),
        ]
    };
    let report = judge(&lines(1));
    assert_eq!(names(&report), [AnomalyName::LostUpdate]);
    assert_eq!(report.anomalies()[0].operations.len(), 3);
    assert!(judge(&lines(2)).is_valid());
}

#[test]
fn cas_in_a_circle_have_no_beginning() {
    let report = judge(&[
        ("cas", json!([1, 2]), 0, Some(2)),
        ("cas", json!([2, 1]), 1, Some(3)),
    ]);
    assert_eq!(names(&report), [AnomalyName::CasCycle]);
    assert_eq!(report.anomalies()[0].operations.len(), 2);
}

#[test]
fn an_unknown_write_cannot_take_effect_twice() {
    let lines = |last| {
        [
            ("write", json!(1), 0, None),
            ("read", json!(1), 1, Some(2)),
            ("write", json!(2), 3, Some(4)),
            ("read", json!(last), 5, Some(6)),
        ]
    };
    assert_eq!(names(&judge(&lines(1))), [AnomalyName::DuplicateEffect]);
    assert!(judge(&lines(2)).is_valid());
}

#[test]
fn a_failed_cas_that_says_what_it_saw_is_a_read() {
    let judge = |observed: i64| {
        let write = Event::invoke(0, 0, Process::Client(0), "write").with_value(1);
        let cas = Event::invoke(2, 2, Process::Client(0), "cas").with_value(json!([5, 6]));
        let events = [
            write.clone(),
            write.complete(1, 1, Kind::Ok),
            cas.clone(),
            cas.complete(3, 3, Kind::Fail).with_observed(observed),
        ];
        check(&History::from_events(&events), &Options::default())
    };
    assert!(judge(1).is_valid());
    assert_eq!(names(&judge(9)), [AnomalyName::PhantomRead]);
}

#[test]
fn a_valid_history_has_a_witness_in_the_order_of_effect() {
    let report = judge(&[
        ("write", json!(1), 0, Some(9)),
        ("write", json!(2), 1, Some(8)),
        ("read", json!(2), 2, Some(3)),
        ("read", json!(1), 4, Some(5)),
    ]);
    let Verdict::Valid(witness) = report.verdict else {
        panic!("{:?}", report.verdict)
    };
    assert_eq!(witness.orders[0].order, [1, 2, 0, 3]);
}

#[test]
fn a_history_that_begins_with_a_completion_is_in_doubt_and_no_crash() {
    let write = Event::invoke(0, 0, Process::Client(0), "write").with_value(1);
    let again = Event::invoke(1, 1, Process::Client(1), "write").with_value(1);
    let events = [
        Event {
            kind: Kind::Ok,
            ..write
        },
        again.clone(),
        again.complete(2, 2, Kind::Ok),
    ];
    let report = check(&History::from_events(&events), &Options::default());
    assert!(matches!(report.verdict, Verdict::Unknown(_)), "{report:?}");
    assert!(report.problems[0].text.contains("without an invocation"));
}
