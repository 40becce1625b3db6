//! Each anomaly is found when it is planted, and its near miss is not.

use super::*;
use crate::formats::{Format, read};
use crate::history::History;

/// Transactions one after the other in time, unless a line begins with `|`: then it runs at the
/// same time as the one before it. `process type transaction`.
fn history(lines: &[&str]) -> History {
    let mut text = String::new();
    let mut open: Vec<String> = Vec::new();
    for line in lines {
        let (concurrent, line) = match line.strip_prefix('|') {
            Some(rest) => (true, rest.trim()),
            None => (false, *line),
        };
        if !concurrent {
            text.extend(open.drain(..));
        }
        let mut words = line.splitn(3, ' ');
        let mut word = || words.next().unwrap();
        let (process, kind, value) = (word(), word(), word());
        text.push_str(&format!(
            "{{:process {process} :type :invoke :value {value}}}\n"
        ));
        open.push(format!(
            "{{:process {process} :type :{kind} :value {value}}}\n"
        ));
    }
    text.extend(open);
    read(text.as_bytes(), Format::Edn).unwrap()
}

fn names(report: &Report) -> Vec<&'static str> {
    let mut names: Vec<_> = report
        .anomalies()
        .iter()
        .map(|anomaly| anomaly.name.as_str())
        .collect();
    names.dedup();
    names
}

fn append(lines: &[&str]) -> Report {
    list_append::check(&history(lines), &Options::default())
}

fn register(lines: &[&str]) -> Report {
    rw_register::check(&history(lines), &Options::default())
}

fn strongest(report: &Report) -> Vec<&str> {
    let models = report.details["strongest_models"].as_array().unwrap();
    models.iter().map(|model| model.as_str().unwrap()).collect()
}

#[test]
fn a_serial_history_is_strictly_serializable() {
    let report = append(&[
        "0 ok [[:append x 1] [:append y 1]]",
        "1 ok [[:r x [1]] [:append x 2]]",
        "0 ok [[:r x [1 2]] [:r y [1]]]",
    ]);
    assert!(report.is_valid(), "{report:?}");
    assert_eq!(strongest(&report), ["strict-serializable"]);
}

#[test]
fn g0() {
    let lines = |y: &str| {
        let read = format!("2 ok [[:r x [1 2]] [:r y {y}]]");
        append(&[
            "0 ok [[:append x 1] [:append y 1]]",
            "|1 ok [[:append x 2] [:append y 2]]",
            &read,
        ])
    };
    assert!(names(&lines("[2 1]")).contains(&"G0"));
    assert!(lines("[1 2]").is_valid());
    assert!(strongest(&lines("[2 1]")).is_empty());
}

#[test]
fn g1a_and_dirty_update() {
    let aborted = append(&["0 fail [[:append x 1]]", "1 ok [[:r x [1]]]"]);
    assert_eq!(names(&aborted), ["G1a"]);
    assert_eq!(strongest(&aborted), ["strong-read-uncommitted"]);
    assert!(append(&["0 info [[:append x 1]]", "1 ok [[:r x [1]]]"]).is_valid());
    let dirty = append(&[
        "0 fail [[:append x 1]]",
        "1 ok [[:append x 2]]",
        "2 ok [[:r x [1 2]]]",
    ]);
    assert_eq!(names(&dirty), ["G1a", "dirty update"]);
}

#[test]
fn g1b() {
    let lines = |seen: &str| {
        let read = format!("|1 ok [[:r x {seen}]]");
        append(&[
            "0 ok [[:append x 1] [:append x 2]]",
            &read,
            "2 ok [[:r x [1 2]]]",
        ])
    };
    assert!(names(&lines("[1]")).contains(&"G1b"));
    assert!(lines("[1 2]").is_valid());
}

#[test]
fn g1c() {
    let lines = |y: &str| {
        let other = format!("|1 ok [[:append y 1] [:r x {y}]]");
        append(&["0 ok [[:append x 1] [:r y [1]]]", &other])
    };
    assert_eq!(names(&lines("[1]")), ["G1c"]);
    assert!(lines("[]").is_valid());
}

#[test]
fn g_single() {
    let lines = |y: &str| {
        let read = format!("|1 ok [[:r x [1]] [:r y {y}]]");
        append(&[
            "0 ok [[:append x 1] [:append y 1]]",
            &read,
            "2 ok [[:r y [1]]]",
        ])
    };
    let report = lines("[]");
    assert_eq!(names(&report), ["G-single"]);
    assert_eq!(strongest(&report), ["strong-cursor-stability"]);
    assert_eq!(report.anomalies()[0].cycle.len(), 2);
    assert!(lines("[1]").is_valid());
}

#[test]
fn g_single_with_orders() {
    let stale = |process: u32| {
        let read = format!("{process} ok [[:r x []]]");
        append(&["0 ok [[:append x 1]]", &read, "2 ok [[:r x [1]]]"])
    };
    assert_eq!(names(&stale(0)), ["G-single-process"]);
    assert_eq!(names(&stale(1)), ["G-single-realtime"]);
    assert_eq!(
        strongest(&stale(1)),
        [
            "strong-session-serializable",
            "strong-cursor-stability",
            "strong-monotonic-snapshot-read"
        ]
    );
    let concurrent = append(&[
        "0 ok [[:append x 1]]",
        "|1 ok [[:r x []]]",
        "2 ok [[:r x [1]]]",
    ]);
    assert!(concurrent.is_valid());
}

#[test]
fn g0_and_g1c_with_orders() {
    let lines = |process: u32, seen: &str| {
        let second = format!("{process} ok [[:append x 2]]");
        let read = format!("3 ok [[:r x {seen}]]");
        append(&["0 ok [[:append x 1]]", &second, &read])
    };
    assert_eq!(names(&lines(0, "[2 1]")), ["G0-process"]);
    assert_eq!(names(&lines(1, "[2 1]")), ["G0-realtime"]);
    assert!(lines(1, "[1 2]").is_valid());
    let early = |process: u32| {
        let write = format!("{process} ok [[:append x 1]]");
        append(&["0 ok [[:r x [1]]]", &write])
    };
    assert_eq!(names(&early(0)), ["G1c-process"]);
    assert_eq!(names(&early(1)), ["G1c-realtime"]);
}

#[test]
fn g_nonadjacent() {
    // Long fork: two readers see two writes in opposite orders.
    let lines = |last: &str| {
        append(&[
            "0 ok [[:append x 1]]",
            "|1 ok [[:append y 1]]",
            "|2 ok [[:r x [1]] [:r y []]]",
            &format!("|3 ok [[:r x {last}] [:r y [1]]]"),
            "4 ok [[:r x [1]] [:r y [1]]]",
        ])
    };
    assert_eq!(names(&lines("[]")), ["G-nonadjacent"]);
    assert!(lines("[1]").is_valid());
}

#[test]
fn g2_item() {
    let skew = |second: &str| {
        append(&[
            "0 ok [[:r x []] [:append y 1]]",
            second,
            "2 ok [[:r x [1]] [:r y [1]]]",
        ])
    };
    let report = skew("|1 ok [[:r y []] [:append x 1]]");
    assert_eq!(names(&report), ["G2-item"]);
    assert_eq!(strongest(&report), ["strong-snapshot-isolation"]);
    assert!(skew("|1 ok [[:r y [1]] [:append x 1]]").is_valid());
}

/// Events one by one: `process type transaction`.
fn events(lines: &[String]) -> Report {
    let mut text = String::new();
    for line in lines {
        let mut words = line.splitn(3, ' ');
        let mut word = || words.next().unwrap();
        let (process, kind, value) = (word(), word(), word());
        text.push_str(&format!(
            "{{:process {process} :type :{kind} :value {value}}}\n"
        ));
    }
    list_append::check(
        &read(text.as_bytes(), Format::Edn).unwrap(),
        &Options::default(),
    )
}

#[test]
fn g2_item_with_orders() {
    // T0 read x before T1 wrote it, T1 read z before T2 wrote it, and T2 came before T0.
    let circle = |process: u32, seen: &str| {
        events(&[
            format!("1 invoke [[:append x 1] [:r z {seen}]]"),
            "2 invoke [[:append z 1]]".to_owned(),
            "2 ok [[:append z 1]]".to_owned(),
            format!("{process} invoke [[:r x []]]"),
            format!("{process} ok [[:r x []]]"),
            format!("1 ok [[:append x 1] [:r z {seen}]]"),
            "4 invoke [[:r x nil] [:r z nil]]".to_owned(),
            "4 ok [[:r x [1]] [:r z [1]]]".to_owned(),
        ])
    };
    assert_eq!(names(&circle(2, "[]")), ["G2-item-process"]);
    assert_eq!(names(&circle(3, "[]")), ["G2-item-realtime"]);
    assert_eq!(
        strongest(&circle(3, "[]"))[0],
        "strong-session-serializable"
    );
    assert!(circle(3, "[1]").is_valid());
}

#[test]
fn g_nonadjacent_with_orders() {
    // T2 saw T0's x but not yet T1's y; T3 came after T1, and did not yet see T0's x.
    let circle = |process: u32, seen: &str| {
        events(&[
            "0 invoke [[:append x 1]]".to_owned(),
            "2 invoke [[:r x nil] [:r y nil]]".to_owned(),
            "1 invoke [[:append y 1]]".to_owned(),
            "1 ok [[:append y 1]]".to_owned(),
            format!("{process} invoke [[:r x nil]]"),
            format!("{process} ok [[:r x {seen}]]"),
            "0 ok [[:append x 1]]".to_owned(),
            "2 ok [[:r x [1]] [:r y []]]".to_owned(),
            "4 invoke [[:r y nil]]".to_owned(),
            "4 ok [[:r y [1]]]".to_owned(),
        ])
    };
    assert_eq!(names(&circle(1, "[]")), ["G-nonadjacent-process"]);
    assert_eq!(names(&circle(3, "[]")), ["G-nonadjacent-realtime"]);
    assert!(circle(3, "[1]").is_valid());
}

#[test]
fn lost_update() {
    let lines = |second: &str| {
        append(&[
            "0 ok [[:r x []] [:append x 1]]",
            second,
            "2 ok [[:r x [1 2]]]",
        ])
    };
    assert!(names(&lines("|1 ok [[:r x []] [:append x 2]]")).contains(&"lost update"));
    assert!(lines("|1 ok [[:r x [1]] [:append x 2]]").is_valid());
}

#[test]
fn single_reads_show_what_cannot_be() {
    for (lines, expected) in [
        (
            vec!["0 ok [[:append x 1]]", "1 ok [[:r x [1 1]]]"],
            "duplicate elements",
        ),
        (
            vec!["0 ok [[:append x 1]]", "1 ok [[:r x [1 7]]]"],
            "garbage read",
        ),
        (vec!["0 ok [[:r x [1]] [:append x 1]]"], "future read"),
        (vec!["0 ok [[:append x 1] [:r x []]]"], "internal"),
        (
            vec![
                "0 ok [[:append x 1]]",
                "|1 ok [[:append x 2]]",
                "2 ok [[:r x [1 2]]]",
                "3 ok [[:r x [2]]]",
            ],
            "incompatible order",
        ),
    ] {
        let report = append(&lines);
        assert!(
            names(&report).contains(&expected),
            "{expected}: {:?}",
            names(&report)
        );
    }
    assert!(append(&["0 ok [[:append x 1] [:r x [1]]]"]).is_valid());
}

#[test]
fn registers() {
    assert!(
        register(&[
            "0 ok [[:w x 1]]",
            "1 ok [[:r x 1] [:w x 2]]",
            "2 ok [[:r x 2]]"
        ])
        .is_valid()
    );
    for (lines, expected) in [
        (vec!["0 fail [[:w x 1]]", "1 ok [[:r x 1]]"], "G1a"),
        (vec!["0 ok [[:w x 1] [:w x 2]]", "|1 ok [[:r x 1]]"], "G1b"),
        (
            vec!["0 ok [[:w x 1] [:r y 1]]", "|1 ok [[:w y 1] [:r x 1]]"],
            "G1c",
        ),
        (
            vec!["0 ok [[:w x 1] [:w y 1]]", "|1 ok [[:r x 1] [:r y nil]]"],
            "G-single",
        ),
        (
            vec!["0 ok [[:r x nil] [:w y 1]]", "|1 ok [[:r y nil] [:w x 1]]"],
            "G2-item",
        ),
        (
            vec!["0 ok [[:w x 1]]", "1 ok [[:r x nil]]"],
            "G-single-realtime",
        ),
        (vec!["0 ok [[:w x 1] [:r x 2]]"], "internal"),
        (vec!["0 ok [[:r x 2]]"], "garbage read"),
        (vec!["0 ok [[:r x 1] [:w x 1]]"], "future read"),
        (
            vec![
                "0 ok [[:w x 1]]",
                "1 ok [[:r x 1] [:w x 2]]",
                "|2 ok [[:r x 1] [:w x 3]]",
            ],
            "lost update",
        ),
        (
            vec!["0 ok [[:r x 2] [:w x 1]]", "|1 ok [[:r x 1] [:w x 2]]"],
            "cyclic versions",
        ),
    ] {
        let report = register(&lines);
        assert!(
            names(&report).contains(&expected),
            "{expected}: {:?}",
            names(&report)
        );
    }
}

#[test]
fn registers_follow_real_time_if_that_is_promised() {
    let check = |lines: &[&str], model| {
        let options = Options {
            model,
            ..Options::default()
        };
        rw_register::check(&history(lines), &options)
    };
    let strict = ConsistencyModel::STRICT_SERIALIZABLE;
    let stale = ["0 ok [[:w x 1]]", "1 ok [[:w x 2]]", "2 ok [[:r x 1]]"];
    let report = check(&stale, strict);
    assert!(report.is_invalid(), "{report:?}");
    assert_eq!(
        strongest(&report),
        [
            "strong-session-serializable",
            "strong-cursor-stability",
            "strong-monotonic-snapshot-read"
        ]
    );
    assert!(check(&stale, ConsistencyModel::SERIALIZABLE).is_valid());
    // A read tells the order of versions as well as a write does.
    let seen = [
        "0 ok [[:w x 1]]",
        "|1 ok [[:w x 2]]",
        "2 ok [[:r x 1]]",
        "3 ok [[:r x 2]]",
        "4 ok [[:r x 1]]",
    ];
    assert!(check(&seen, strict).is_invalid());
    assert!(check(&seen[..3], strict).is_valid());
}

#[test]
fn reads_may_be_invoked_without_a_place_for_their_value() {
    let text = b"{:process 0 :type :invoke :value [[:r x] [:append x 1]]}
        {:process 0 :type :info :value [[:r x] [:append x 1]]}
        {:process 1 :type :invoke :value [[:r x]]}
        {:process 1 :type :ok :value [[:r x [1]]]}";
    let history = read(text, Format::Edn).unwrap();
    assert!(list_append::check(&history, &Options::default()).is_valid());
}

#[test]
fn what_the_promised_model_allows_is_told_but_valid() {
    let lines = history(&[
        "0 ok [[:r x []] [:append y 1]]",
        "|1 ok [[:r y []] [:append x 1]]",
        "2 ok [[:r x [1]] [:r y [1]]]",
    ]);
    let promised = Options {
        model: ConsistencyModel::SNAPSHOT_ISOLATION,
        ..Options::default()
    };
    let report = list_append::check(&lines, &promised);
    assert!(report.is_valid());
    assert_eq!(report.details["tolerated_anomalies"][0]["name"], "G2-item");
}

#[test]
fn options_order_the_versions_of_registers() {
    // Two writes at the same time, and two reads at the same time that disagree with an order of
    // their versions only together with what an option says.
    let lines = history(&[
        "0 ok [[:w x 1] [:w y 1]]",
        "0 ok [[:w x 2]]",
        "|1 ok [[:r x 1] [:w y 2]]",
        "2 ok [[:r y 1]]",
    ]);
    let check = |options: Options| {
        let options = Options {
            model: ConsistencyModel::SERIALIZABLE,
            ..options
        };
        rw_register::check(&lines, &options)
    };
    assert!(check(Options::default()).is_valid());
    let keys_in_order = Options {
        linearizable_keys: true,
        ..Options::default()
    };
    // y is 2 after 1 in real time, so that the last read is stale only in real time.
    assert!(check(keys_in_order).is_valid());
    let order = |entries: &[(u64, i64)]| Options {
        transaction_order: entries.iter().copied().collect(),
        ..Options::default()
    };
    assert!(check(order(&[(1, 1), (4, 2), (5, 3)])).is_valid());
    let report = check(order(&[(1, 3), (4, 2), (5, 1)]));
    assert!(report.is_invalid(), "{report:?}");
}

#[test]
fn registers_begin_with_what_is_said() {
    let lines = history(&["0 ok [[:r 1 77] [:w 1 4]]", "1 ok [[:r 1 4] [:r 2 nil]]"]);
    let check = |initial: Value| {
        let options = Options {
            initial,
            ..Options::default()
        };
        rw_register::check(&lines, &options)
    };
    let map = Value::map(vec![(Value::Int(1), Value::Int(77))]);
    assert!(check(map).is_valid());
    assert_eq!(names(&check(Value::Nil)), ["garbage read"]);
    // All registers begin with 77, so nothing is not what the second one held.
    assert!(check(Value::Int(77)).is_invalid());
}

#[test]
fn nothing_is_named_where_nothing_was_checked() {
    for lines in [vec!["0 ok [[:w x 1]]"], vec!["0 fail [[:r x 1]]"]] {
        let report = register(&lines);
        assert!(matches!(report.verdict, Verdict::Unknown(_)), "{report:?}");
        assert!(!report.details.contains_key("strongest_models"));
    }
}

/// Reads that see nothing of each other's sessions in opposite orders.
#[test]
fn crossed_reads_of_sessions() {
    let report = register(&[
        "1 ok [[:w x 100]]",
        "2 ok [[:w x 200]]",
        "1 ok [[:r x 200]]",
        "2 ok [[:r x 100]]",
    ]);
    assert!(report.is_invalid());
    let strongest = strongest(&report);
    for wrong in ["strong-session-serializable", "strong-snapshot-isolation"] {
        assert!(!strongest.contains(&wrong), "{strongest:?}");
    }
    assert_eq!(strongest[0], "serializable");
}

#[test]
fn weak_levels_say_what_was_missed() {
    let level = |lines: &[&str], level| {
        let options = Options {
            model: ConsistencyModel::new(level, Order::Session),
            ..Options::default()
        };
        rw_register::check(&history(lines), &options)
    };
    let fractured = ["0 ok [[:w x 1] [:w y 1]]", "|1 ok [[:r y nil] [:r x 1]]"];
    assert!(level(&fractured, Level::MonotonicAtomicView).is_valid());
    let report = level(&fractured, Level::ReadAtomic);
    assert!(names(&report).contains(&"fractured read"), "{report:?}");
    let later = ["0 ok [[:w x 1] [:w y 1]]", "|1 ok [[:r x 1] [:r y nil]]"];
    let report = level(&later, Level::MonotonicAtomicView);
    assert!(names(&report).contains(&"non-monotonic view"), "{report:?}");
    assert!(level(&later, Level::ReadCommitted).is_valid());
    let missed = [
        "0 ok [[:w x 1]]",
        "|1 ok [[:r x 1] [:w y 1]]",
        "|2 ok [[:r y 1] [:r x nil]]",
    ];
    assert!(level(&missed, Level::ReadAtomic).is_valid());
    let report = level(&missed, Level::Causal);
    assert!(
        names(&report).contains(&"causality violation"),
        "{report:?}"
    );
}
