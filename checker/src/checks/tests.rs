//! Each check finds what was planted, by its name, and not the near miss beside it.

use super::*;
use crate::formats::{Format, read};

/// A history of operations that follow each other: `process type f value` with the invocation
/// added before each.
fn sequence(lines: &str) -> History {
    let mut text = String::new();
    for line in lines
        .split(';')
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let mut words = line.splitn(4, ' ');
        let mut word = || words.next().unwrap_or("nil");
        let (process, kind, f, value) = (word(), word(), word(), word());
        text.push_str(&format!(
            "{{:process {process} :type :invoke :f :{f} :value {value}}}\n{{:process {process} :type :{kind} :f :{f} :value {value}}}\n"
        ));
    }
    read(text.as_bytes(), Format::Edn).unwrap()
}

fn names(report: &Report) -> Vec<&'static str> {
    report
        .anomalies()
        .iter()
        .map(|anomaly| anomaly.name.as_str())
        .collect()
}

fn counter_check(history: &History) -> Report {
    super::counter::check(history, &super::counter::Options::default())
}

fn queue_check(history: &History) -> Report {
    super::queue::check(history, &super::queue::Options::default())
}

#[test]
fn set() {
    let base = "0 ok add 1; 1 ok add 2; 2 info add 3; 3 fail add 4;";
    let judge = |read: &str| {
        super::set::check(
            &sequence(&format!("{base} 5 ok read {read}")),
            &super::set::Options::default(),
        )
    };
    assert!(judge("[1 2]").is_valid());
    assert!(judge("[1 2 3]").is_valid());
    assert_eq!(names(&judge("[2 3]")), ["lost write"]);
    assert_eq!(names(&judge("[1 2 4]")), ["phantom element"]);
    assert_eq!(names(&judge("[9]")), ["lost write", "phantom element"]);
    let unread = super::set::check(&sequence(base), &super::set::Options::default());
    assert!(matches!(unread.verdict, Verdict::Unknown(_)));
}

#[test]
fn set_full() {
    let judge = |lines: &str, linearizable| {
        let options = super::set_full::Options {
            linearizable,
            ..Default::default()
        };
        super::set_full::check(&sequence(lines), &options)
    };
    assert!(judge("0 ok add 1; 1 ok read [1]; 1 ok read [1]", true).is_valid());
    let lost = judge(
        "0 ok add 1; 0 ok add 2; 1 ok read [1 2]; 1 ok read [2]",
        false,
    );
    assert_eq!(names(&lost), ["lost write"]);
    assert_eq!(lost.details["lost"], 1);
    assert_eq!(
        names(&judge("0 ok add 1; 1 ok read [1 1]", false)),
        ["duplicate element"]
    );
    let stale = "0 ok add 1; 0 ok add 2; 1 ok read [1]; 1 ok read [1 2]";
    assert_eq!(names(&judge(stale, true)), ["stale element"]);
    let tolerated = judge(stale, false);
    assert!(tolerated.is_valid());
    assert_eq!(tolerated.details["stale"], 1);
    let never = judge("0 info add 1; 1 ok read []", false);
    assert!(matches!(never.verdict, Verdict::Unknown(_)));
    assert_eq!(never.details["never_read"], 1);
}

#[test]
fn counter() {
    let judge = |value: i64| {
        counter_check(&sequence(&format!(
            "0 ok add 2; 1 info add 3; 2 fail add 10; 3 ok read {value}; 4 ok add 1"
        )))
    };
    assert!(judge(2).is_valid());
    assert!(judge(5).is_valid());
    assert_eq!(names(&judge(1)), ["counter out of bounds"]);
    assert_eq!(names(&judge(6)), ["counter out of bounds"]);
    let negative = counter_check(&sequence("0 ok add 5; 1 info add -3; 2 ok read 2"));
    assert!(negative.is_valid());
}

#[test]
fn bank() {
    let judge = |balances: &str| {
        let lines =
            format!("0 ok read {{:a 5 :b 5}}; 0 ok read {{:a 4 :b 6}}; 1 ok read {balances}");
        super::bank::check(&sequence(&lines), &super::bank::Options::default(), None)
    };
    assert!(judge("{:a 10 :b 0}").is_valid());
    assert_eq!(names(&judge("{:a 5 :b 6}")), ["wrong total"]);
    assert_eq!(names(&judge("{:a 11 :b -1}")), ["negative balance"]);
    assert_eq!(names(&judge("{:a 10}")), ["wrong accounts"]);
}

#[test]
fn long_fork() {
    let judge = |second: &str| {
        super::long_fork::check(&sequence(&format!(
            "0 ok read [[:r 0 1] [:r 1 nil]]; 1 ok read {second}"
        )))
    };
    assert_eq!(names(&judge("[[:r 1 1] [:r 0 nil]]")), ["long fork"]);
    assert!(judge("[[:r 1 1] [:r 0 1]]").is_valid());
}

#[test]
fn unique_ids() {
    let judge = |id: i64| {
        super::unique_ids::check(&sequence(&format!("0 ok generate 1; 1 ok generate {id}")))
    };
    assert_eq!(names(&judge(1)), ["duplicate id"]);
    assert!(judge(2).is_valid());
}

#[test]
fn monotonic() {
    let judge = |value: i64| {
        super::monotonic::check(&sequence(&format!(
            "0 ok read 1; 1 ok read 3; 2 ok read {value}"
        )))
    };
    assert_eq!(names(&judge(2)), ["not monotonic"]);
    assert!(judge(3).is_valid());
}

#[test]
fn session() {
    let judge =
        |lines: &str| super::session::check(&sequence(lines), crate::register::NilRead::Unknown);
    assert_eq!(
        names(&judge("0 ok read 3; 0 ok read 2")),
        ["monotonic reads violated"]
    );
    assert!(judge("0 ok read 3; 1 ok read 2").is_valid());
    assert_eq!(
        names(&judge("0 ok write 3; 0 ok read 2")),
        ["read your writes violated"]
    );
    assert!(judge("0 ok write 3; 1 ok read 2").is_valid());
}

#[test]
fn queue() {
    let judge = |lines: &str| queue_check(&sequence(lines));
    let base = "0 ok enqueue 1; 0 ok enqueue 2; 1 ok dequeue 1;";
    assert!(judge(&format!("{base} 1 ok dequeue 2; 1 ok dequeue nil")).is_valid());
    assert_eq!(
        names(&judge(&format!("{base} 1 ok dequeue nil"))),
        ["lost element"]
    );
    assert!(
        judge(base).is_valid(),
        "not drained: the rest may still be in it"
    );
    assert!(judge(&format!("{base} 2 info dequeue nil; 1 ok dequeue nil")).is_valid());
    assert_eq!(
        names(&judge(&format!("{base} 1 ok dequeue 1"))),
        ["duplicate element"]
    );
    assert_eq!(
        names(&judge(&format!("{base} 1 ok dequeue 9"))),
        ["phantom element"]
    );
}

/// Values are `[key value]` tuples.
fn tuples(lines: &str) -> History {
    let mut history = sequence(lines);
    history.split_tuples();
    history
}

#[test]
fn keys_are_judged_on_their_own() {
    let options = super::set_full::Options::default();
    let set = "0 ok add [:a 1]; 0 ok add [:b 2]; 0 ok read [:a [1]]; 0 ok read [:b [2]]";
    let checks: [fn(&History) -> Report; 2] = [
        |history| super::set::check(history, &super::set::Options::default()),
        |history| super::set_full::check(history, &super::set_full::Options::default()),
    ];
    for check in checks {
        let report = check(&tuples(set));
        assert!(report.is_valid(), "{report:?}");
        assert_eq!(report.details["attempted"], 2);
        let lost = check(&tuples(&set.replace("[:b [2]]", "[:b []]")));
        assert_eq!(names(&lost), ["lost write"]);
        assert_eq!(lost.anomalies()[0].key.as_deref(), Some("b"));
    }
    let unread = super::set_full::check(
        &tuples("0 ok add [:a 1]; 0 ok add [:b 2]; 0 ok read [:a [1]]"),
        &options,
    );
    let Verdict::Unknown(unknown) = &unread.verdict else {
        panic!("{unread:?}")
    };
    assert_eq!(
        (unknown.key.as_deref(), unknown.keys_undecided),
        (Some("b"), 1)
    );
    let counter = "0 ok add [:a 1]; 0 ok add [:b 5]; 0 ok read [:a 1]; 0 ok read [:b 5]";
    assert!(counter_check(&tuples(counter)).is_valid());
    let mixed_up = tuples(&counter.replace("[:b 5]; 0 ok read [:a 1]", "[:b 5]; 0 ok read [:a 6]"));
    assert_eq!(names(&counter_check(&mixed_up)), ["counter out of bounds"]);
    let queue =
        "0 ok enqueue [:a 1]; 0 ok enqueue [:b 1]; 0 ok dequeue [:a 1]; 0 ok dequeue [:b 1]";
    assert!(queue_check(&tuples(queue)).is_valid());
    let twice = tuples(&queue.replace("dequeue [:b 1]", "dequeue [:a 1]"));
    assert_eq!(names(&queue_check(&twice)), ["duplicate element"]);
}

#[test]
fn independent_objects_have_keys_and_logs_of_their_own() {
    let split = |lines: &str| {
        let mut history = sequence(lines);
        history.split_tuples();
        history
    };
    let inserts = |second: &str| {
        let lines = format!("0 ok insert [a [7 [1 nil]]]; 1 ok insert [{second} [nil 2]]]");
        super::adya_g2::check(&split(&lines))
    };
    assert!(inserts("b [7").is_valid());
    assert!(inserts("a [8").is_valid());
    assert_eq!(names(&inserts("a [7")), ["G2"]);
    let logs = |second: &str| {
        let message = |group: &str, value: &str| {
            format!(
                "{{:process 0 :type :invoke :f :send :value [{group} [[:send 0 {value}]]]}}
                {{:process 0 :type :ok :f :send :value [{group} [[:send 0 [0 {value}]]]]}}
                {{:process 1 :type :invoke :f :poll :value [{group} [[:poll]]]}}
                {{:process 1 :type :ok :f :poll :value [{group} [[:poll {{0 [[0 {value}]]}}]]]}}"
            )
        };
        let text = message("a", "1") + &message(second, "2");
        let mut history = read(text.as_bytes(), Format::Edn).unwrap();
        history.split_tuples();
        super::kafka::check(&history)
    };
    assert!(logs("b").is_valid(), "{:?}", logs("b"));
    assert!(names(&logs("a")).contains(&"inconsistent offsets"));
}

#[test]
fn backup_reads() {
    use crate::register::NilRead;
    let judge = |lines: &str, max_age| {
        let history = sequence(lines);
        super::backup_reads::check(&history, NilRead::Value, max_age)
    };
    let valid = "0 ok read nil; 0 ok add 1; 1 ok read nil; 1 ok read 1; 0 ok add 2; 1 ok read 1; 2 ok latest 2";
    assert!(judge(valid, None).is_valid());
    // What nobody had been told yet a copy may show.
    assert!(
        judge(
            "0 ok add 1; 1 info add nil; 2 ok read 2; 2 ok latest 2",
            None
        )
        .is_valid()
    );
    for (lines, name) in [
        ("0 ok add 1; 1 ok read 2", "phantom read"),
        ("0 ok add 1; 1 ok add 1; 1 ok read 1", "lost update"),
        (
            "0 ok add 1; 1 ok read 1; 1 ok read nil",
            "monotonic reads violated",
        ),
        ("0 ok add 1; 0 ok read nil", "read your writes violated"),
        ("0 ok add 1; 1 ok latest nil", "stale read"),
        // A copy showed what was taken back.
        ("1 info add nil; 2 ok read 1; 3 ok latest nil", "stale read"),
    ] {
        assert_eq!(names(&judge(lines, None))[0], name, "{lines}");
    }
    let timed = |at_ms: u64| {
        let at = at_ms * 1_000_000;
        let text = format!(
            "{{:process 0 :type :invoke :f :add :value nil :time 1}}\n{{:process 0 :type :ok :f :add :value 1 :time 2}}\n\
             {{:process 1 :type :invoke :f :read :value nil :time {at}}}\n{{:process 1 :type :ok :f :read :value nil :time {}}}\n",
            at + 1
        );
        let history = read(text.as_bytes(), Format::Edn).unwrap();
        super::backup_reads::check(&history, NilRead::Value, Some(500_000_000))
    };
    assert!(timed(499).is_valid());
    assert_eq!(names(&timed(501)), ["stale read"]);
    let unread = judge("0 ok add 1", None);
    assert!(matches!(unread.verdict, Verdict::Unknown(_)));
}
