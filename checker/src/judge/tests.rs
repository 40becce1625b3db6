//! What holds for every model alike.

use super::*;
use crate::formats::read;
use crate::report::Verdict;

fn edn(lines: &str) -> History {
    read(lines.as_bytes(), Format::Edn).unwrap()
}

fn settings() -> Settings {
    Settings {
        format: Some(Format::Edn),
        ..Settings::default()
    }
}

fn reason(report: &Report) -> &str {
    match &report.verdict {
        Verdict::Unknown(unknown) => &unknown.reason,
        verdict => panic!("{verdict}: {report:?}"),
    }
}

/// An operation with a value that any model takes for its own, if it knows the name.
fn operation(name: &str, process: u32, kind: &str) -> String {
    let name = if name == Known::ANY { "txn" } else { name };
    let value = match name {
        "txn" => "[[:w :x 1]]",
        "cas" => "[1 2]",
        "read" | "get" | "r" | "dequeue" | "drain" | "generate" | "acquire" | "release" => "nil",
        "final-read" | "pop" | "delete-min" | "watch" | "final-watch" => "nil",
        "send" => "[[:send 0 1]]",
        "poll" => "[[:poll]]",
        "assign" | "subscribe" => "[0]",
        _ => "1",
    };
    format!("{{:process {process} :type :invoke :f :{name} :value {value}}}\n")
        + &match kind {
            "" => String::new(),
            kind => format!("{{:process {process} :type :{kind} :f :{name} :value {value}}}\n"),
        }
}

#[test]
fn nothing_checked_is_unknown_for_every_model() {
    for model in models::ALL {
        for kind in ["", "fail", "info"] {
            let text: String = (0..)
                .zip(model.operations)
                .map(|(process, known)| operation(known.name, process, kind))
                .collect();
            let text = match model.name {
                "list-append" => text.replace(":w", ":append"),
                "kafka" => text.replace("[[:w :x 1]]", "[[:poll]]"),
                "g2" => text.replace(":value 1", ":value [7 [1 nil]]"),
                _ => text,
            };
            let report = judge(&edn(&text), model, &settings());
            // A failed cas of etcd says what was not there.
            if !(model.name == "etcd-register" && kind == "fail") {
                let reason = reason(&report);
                assert!(
                    reason.starts_with("nothing was checked"),
                    "{model:?}: {reason}"
                );
            }
        }
        let report = judge(&edn(""), model, &settings());
        assert_eq!(
            reason(&report),
            "nothing was checked: the history has no operations",
            "{model:?}"
        );
        // Changes that succeeded, and nothing that could tell whether they did.
        let changes: String = model
            .operations
            .iter()
            .filter(|known| known.argument == Argument::Kept && known.name != "cas")
            .map(|known| operation(known.name, 0, "ok"))
            .collect();
        let report = judge(&edn(&changes), model, &settings());
        assert!(
            reason(&report).starts_with("nothing was checked"),
            "{model:?}"
        );
    }
}

#[test]
fn operations_that_a_model_does_not_know_are_named_with_their_event() {
    for model in models::ALL {
        if model.known(Known::ANY).is_some() {
            continue;
        }
        let known = model.operations[0].name;
        let text = operation(known, 0, "ok") + &operation("compact", 1, "ok");
        let mut history = edn(&text);
        let report = judge(&history, model, &settings());
        let told = reason(&report);
        assert!(
            told.starts_with(&format!(
                "event 2: {} does not know \"compact\"",
                model.name
            )),
            "{told}"
        );
        assert_eq!(history.leave_out("compact"), 1);
        if let Verdict::Unknown(unknown) = judge(&history, model, &settings()).verdict {
            assert!(!unknown.reason.contains("compact"), "{}", unknown.reason);
        }
    }
}

#[test]
fn settings_that_a_model_has_no_use_for_are_refused_with_those_that_have() {
    let linearizable = Settings {
        linearizable_set: true,
        ..Settings::default()
    };
    assert_eq!(linearizable.check(&models::SET_FULL), Ok(()));
    assert_eq!(
        linearizable.check(&models::REGISTER).unwrap_err(),
        "--linearizable is of no use to register; it is for set-full"
    );
}

#[test]
fn how_the_operations_of_each_name_ended_is_in_every_report() {
    let text = operation("write", 0, "ok")
        + &operation("write", 0, "info")
        + &operation("read", 1, "fail");
    let report = judge(&edn(&text), &models::REGISTER, &settings());
    let counts = |name: &str| report.stats[name];
    assert_eq!((counts("write").ok, counts("write").unknown), (1, 1));
    assert_eq!((counts("read").ok, counts("read").fail), (0, 1));
    assert_eq!(report.warnings, ["the one read operation did not succeed"]);
}

#[test]
fn fewer_operations_than_are_required_are_unknown() {
    let text = operation("write", 0, "ok")
        + "{:process 1 :type :invoke :f :read}{:process 1 :type :ok :f :read :value 1}";
    let requiring = |count| Settings {
        require: [("read".to_owned(), count)].into(),
        ..settings()
    };
    assert!(judge(&edn(&text), &models::REGISTER, &requiring(1)).is_valid());
    assert_eq!(
        reason(&judge(&edn(&text), &models::REGISTER, &requiring(2))),
        "only 1 of the 2 required read operations succeeded"
    );
}

#[test]
fn a_history_whose_pairing_is_in_doubt_is_neither_valid_nor_invalid() {
    let stale = operation("write", 0, "ok")
        + "{:process 1 :type :invoke :f :read}{:process 1 :type :ok :f :read :value 7}";
    assert!(judge(&edn(&stale), &models::REGISTER, &settings()).is_invalid());
    let doubtful = stale.clone() + "{:process 1 :type :ok :f :read :value 1}";
    let report = judge(&edn(&doubtful), &models::REGISTER, &settings());
    assert!(
        reason(&report).contains("event 4: process 1 completes without"),
        "{report:?}"
    );
    // The value of a completion is not that of the operation that it completes.
    let another = stale.replace(":ok :f :write :value 1", ":ok :f :write :value 2");
    let report = judge(&edn(&another), &models::REGISTER, &settings());
    assert!(
        reason(&report).contains("event 1: this completes a write of 2"),
        "{report:?}"
    );
}

#[test]
fn who_has_a_name_is_a_client_and_only_the_nemesis_is_not() {
    for (one, other) in [
        ("4294967296", "4294967297"),
        ("18446744073709551616", "18446744073709551617N"),
        ("\"worker-1\"", "\"worker-2\""),
        (":a", "b"),
        ("-1", "0"),
        ("1.5", "1.25"),
    ] {
        let read = |value: u32| {
            let text = operation("write", 7, "ok")
                + &operation("read", 8, "ok").replace(
                    ":ok :f :read :value nil",
                    &format!(":ok :f :read :value {value}"),
                )
                + "{:process :nemesis :type :info :f :kill}{:process \"nemesis\" :type :info :f :kill}";
            let text = text.replace(":process 7", &format!(":process {one}"));
            edn(&text.replace(":process 8", &format!(":process {other}")))
        };
        assert_eq!(read(1).faults.len(), 2);
        assert!(
            judge(&read(1), &models::REGISTER, &settings()).is_valid(),
            "{one}"
        );
        let report = judge(&read(99), &models::REGISTER, &settings());
        assert!(report.is_invalid(), "{one}");
        let text = &report.anomalies()[0].text;
        let name = other.trim_matches([':', '"', 'N']);
        assert!(
            text.contains(&format!("rocess {name}'s read of 99")),
            "{text}"
        );
    }
}

#[test]
fn events_without_a_process_leave_everything_in_doubt() {
    let text = operation("write", 0, "ok") + &operation("read", 1, "ok");
    for without in [
        text.replace(":process 1 ", ""),
        text.replace(":process 1 ", ":process nil "),
        // One is open while the other begins.
        (operation("write", 0, "") + &text)
            .replace(":process 0 ", "")
            .replace(":process 1 ", ""),
    ] {
        let report = judge(&edn(&without), &models::REGISTER, &settings());
        assert!(
            reason(&report).contains("the event has no process"),
            "{report:?}"
        );
    }
}

#[test]
fn an_answer_without_a_value_is_no_answer() {
    for (text, model) in [
        (
            r#"{"process":0,"type":"invoke","f":"read"}
{"process":0,"type":"ok","f":"read"}"#,
            &models::REGISTER,
        ),
        (
            r#"{"process":0,"type":"invoke","f":"txn","value":[["r","x",null]]}
{"process":0,"type":"ok","f":"txn"}"#,
            &models::RW_REGISTER,
        ),
    ] {
        let history = read(text.as_bytes(), Format::Jsonl).unwrap();
        let report = judge(&history, model, &Settings::default());
        assert!(reason(&report).contains("event 1: this"), "{report:?}");
        assert!(
            reason(&report).contains("does not say what it saw"),
            "{report:?}"
        );
    }
}

#[test]
fn indices_and_times_that_go_back_are_told() {
    let text = "{:index 4 :time 9 :process 1 :type :invoke :f :write :value 1}
        {:index 2 :time 7 :process 1 :type :ok :f :write :value 1}
        {:index 3 :time 8 :process 2 :type :invoke :f :read}
        {:index 5 :time 10 :process 2 :type :ok :f :read :value 1}";
    let report = judge(&edn(text), &models::REGISTER, &settings());
    assert!(report.is_valid());
    let told: Vec<(u64, &str)> = report
        .problems
        .iter()
        .map(|problem| (problem.event, problem.text.as_str()))
        .collect();
    let index = "the index goes back from 4 to 2, and so it does at 1 more events; the order of the file counts";
    let time = "the time goes back from 9 ns to 7 ns, and so it does at 1 more events; the order of the file counts";
    assert_eq!(told, [(2, index), (2, time)]);
}

#[test]
fn a_model_is_guessed_from_all_operations() {
    let guessed = |text: &str| match guess(&edn(text)) {
        Guess::Model(model, _) => model.name.to_owned(),
        Guess::None(reason) => reason,
    };
    let read = |value: &str| {
        format!(
            "{{:process 9 :type :invoke :f :read}}{{:process 9 :type :ok :f :read :value {value}}}"
        )
    };
    let one = |name: &str| operation(name, 1, "ok");
    for (text, expected) in [
        (one("write") + &read("1"), "cas-register"),
        (one("add") + &read("1"), "counter"),
        (one("add") + &read("[1]"), "set-full"),
        (
            one("add") + &read("#{1}") + &one("remove"),
            "linearizable-set",
        ),
        (one("enqueue") + &one("dequeue"), "queue"),
        (one("acquire") + &one("release"), "mutex"),
        (one("transfer") + &read("{0 5}"), "bank"),
        (read("{0 5}"), "bank"),
        (one("generate"), "unique-ids"),
        (one("echo"), "echo"),
        (one("append") + &read("1"), "kv"),
        (one("txn"), "rw-register"),
        (one("txn").replace(":w", ":append"), "list-append"),
    ] {
        assert_eq!(guessed(&text), expected, "{text}");
    }
    for (text, expected) in [
        (
            one("write") + &one("enqueue"),
            "no model knows all operations",
        ),
        (one("write") + &one("compact"), "compact by none"),
        (one("txn") + &one("write"), "no model knows all operations"),
        (read("1"), "do not say which of several models"),
        // Reads of several values where one was written: no register.
        (
            one("write") + &read("[1 2]"),
            "do not say which of several models",
        ),
        (String::new(), "no operations"),
    ] {
        assert!(guessed(&text).contains(expected), "{}", guessed(&text));
    }
}

/// What ends in the middle of an event.
fn cut(lines: &str) -> History {
    let history = edn(&format!("{lines}\n{{:process"));
    assert!(history.problems.iter().any(|problem| problem.grave));
    history
}

#[test]
fn what_is_missing_from_the_beginning_of_a_history_may_come_later() {
    let lost = operation("enqueue", 1, "ok")
        + "{:process 2 :type :invoke :f :dequeue :value nil}
           {:process 2 :type :ok :f :dequeue :value nil}";
    assert!(judge(&edn(&lost), &models::QUEUE, &settings()).is_invalid());
    let report = judge(&cut(&lost), &models::QUEUE, &settings());
    assert!(reason(&report).starts_with("what was found (lost element) may have its explanation"));
    let twice = lost
        + "{:process 2 :type :invoke :f :dequeue :value nil}
           {:process 2 :type :ok :f :dequeue :value 1}
           {:process 2 :type :invoke :f :dequeue :value nil}
           {:process 2 :type :ok :f :dequeue :value 1}";
    assert!(judge(&cut(&twice), &models::QUEUE, &settings()).is_invalid());
    let garbage = "{:process 1 :type :invoke :f :txn :value [[:r :x nil]]}
        {:process 1 :type :ok :f :txn :value [[:r :x 1]]}";
    for (consistency, proven) in [
        (ConsistencyModel::STRICT_SERIALIZABLE, true),
        (ConsistencyModel::SERIALIZABLE, false),
    ] {
        let settings = Settings {
            consistency: Some(consistency),
            ..settings()
        };
        assert!(judge(&edn(garbage), &models::RW_REGISTER, &settings).is_invalid());
        let report = judge(&cut(garbage), &models::RW_REGISTER, &settings);
        assert_eq!(report.is_invalid(), proven, "{report:?}");
        assert!(!report.is_valid());
    }
}

#[test]
fn models_are_named_only_by_what_the_history_tells_of_order() {
    let plume = "w(0,1,0,0)\nr(0,1,1,1)\n";
    let history = read(plume.as_bytes(), Format::Plume).unwrap();
    let report = judge(&history, &models::RW_REGISTER, &Settings::default());
    assert!(report.is_valid());
    let sessions = serde_json::json!(["strong-session-serializable"]);
    assert_eq!(report.details["strongest_models"], sessions);
    let nameless = "{:type :invoke :f :txn :value [[:w :x 1]]}
        {:type :ok :f :txn :value [[:w :x 1]]}
        {:type :invoke :f :txn :value [[:r :x nil]]}
        {:type :ok :f :txn :value [[:r :x nil]]}";
    let serializable = Settings {
        consistency: Some(ConsistencyModel::SERIALIZABLE),
        ..settings()
    };
    let report = judge(&edn(nameless), &models::RW_REGISTER, &serializable);
    assert!(report.is_valid());
    let strongest = report.details["strongest_models"].to_string();
    assert!(strongest.contains("\"serializable\""), "{strongest}");
    assert!(!strongest.contains("session"), "{strongest}");
}
