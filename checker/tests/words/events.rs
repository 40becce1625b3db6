//! Whose events they are, in which order they came, and what they saw.

use super::Exit::{self, Invalid, Unknown, Valid};
use super::{check, edn};

#[test]
fn processes_of_every_kind_and_none() {
    for process in [
        "4294967296",
        "18446744073709551616",
        "\"worker-1\"",
        ":w",
        "w",
        "-7",
    ] {
        let text = edn(&format!("{process} ok write 1; 1 ok read 99"));
        let (exit, told) = check(&text, "--model register");
        assert_eq!(exit, Invalid, "{process}: {told}");
        let (exit, told) = check(&text.replace("99", "1"), "--model register");
        assert_eq!(exit, Valid, "{process}: {told}");
    }
    let good = edn("0 ok write 1; 1 ok read 1");
    for (damaged, word) in [
        (good.replace(":process 0", ":process nil"), "has no process"),
        (good.replace(":process 1 ", ""), "has no process"),
        (
            good.replacen(":process 1", ":process 2", 1),
            "completes without an invocation",
        ),
        (
            good.lines().skip(1).collect(),
            "completes without an invocation",
        ),
        (
            format!("{good}{}", good.lines().last().unwrap()),
            "completes without an invocation",
        ),
        (
            format!("{}{good}", good.lines().next().unwrap()),
            "still open",
        ),
        (
            good.replacen(":ok :f :write", ":ok :f :read", 1),
            "but its open operation is",
        ),
        (
            good.replace(":process 0", ":process [0]"),
            "must be a number or a name",
        ),
    ] {
        let (exit, told) = check(&damaged, "--model register");
        assert!(matches!(exit, Unknown | Exit::Failed), "{exit:?}: {told}");
        assert!(told.contains(word), "{told}");
    }
}

#[test]
fn without_any_process_only_what_follows_one_by_one_can_be_paired() {
    let nameless = |events: &str| {
        let text = edn(events);
        text.replace(":process 0 ", "").replace(":process 1 ", "")
    };
    for (events, options, expected, word) in [
        (
            "0 ok write 1; 1 ok read 1",
            "--model register",
            Valid,
            "register",
        ),
        (
            "0 ok write 1; 1 ok read 2",
            "--model register",
            Invalid,
            "process ?'s read of 2",
        ),
        (
            "0 invoke write 1; 1 ok read 1; 0 ok write 1",
            "--model register",
            Unknown,
            "has no process",
        ),
        (
            "0 ok write 1; 1 invoke read nil; 1 ok write 1",
            "--model register",
            Unknown,
            "its open operation is",
        ),
        (
            "0 ok txn [[:append 1 1]]; 1 ok txn [[:r 1 [1]]]",
            "",
            Valid,
            "list-append",
        ),
        (
            "0 invoke txn [[:append 1 1]]; 0 ok txn [[:r 1 [1]]]",
            "",
            Unknown,
            "event 1: this completes the transaction",
        ),
        (
            "0 ok txn [[:append 1 1]]; 1 ok txn [[:r 1 [1]]]",
            "--consistency strong-session-serializable",
            Unknown,
            "of one session",
        ),
        (
            "0 ok write 1; 1 ok read 1",
            "--model session",
            Unknown,
            "of one session",
        ),
    ] {
        let (exit, told) = check(&nameless(events), options);
        assert_eq!(exit, expected, "{events}: {told}");
        assert!(told.contains(word), "{events}: {told}");
    }
}

#[test]
fn the_order_of_the_file_counts_and_times_are_not_quoted_against_it() {
    let text = "{:process 1 :type :invoke :f :write :value 1 :time 100}
{:process 1 :type :ok :f :write :value 1 :time 900}
{:process 2 :type :invoke :f :write :value 2 :time 400}
{:process 2 :type :ok :f :write :value 2 :time 500}
{:process 3 :type :invoke :f :read :value nil :time 1000}
{:process 3 :type :ok :f :read :value 1 :time 1100}";
    let (exit, told) = check(text, "--model register");
    assert_eq!(exit, Invalid, "{told}");
    assert!(
        told.contains("event 2: the time goes back from 900 ns to 400 ns"),
        "{told}"
    );
    for quoted in ["0.000000900", "0.000000400", " s)", "stale by"] {
        assert!(!told.contains(quoted), "{quoted}: {told}");
    }
    let (_, told) = check(&text.replace(":time 900", ":time 300"), "--model register");
    assert!(
        told.contains("0.000000300") && !told.contains("goes back"),
        "{told}"
    );
    let indexed = "{:index 4 :process 2 :type :invoke :f :read :value nil}
{:index 0 :process 1 :type :invoke :f :write :value 1}
{:index 1 :process 1 :type :ok :f :write :value 1}
{:index 5 :process 2 :type :ok :f :read :value 1}";
    let (exit, told) = check(indexed, "--model register");
    assert_eq!(exit, Valid, "{told}");
    assert!(
        told.contains("event 0: the index goes back from 4 to 0"),
        "{told}"
    );
}

#[test]
fn what_a_failed_cas_saw_is_told_with_it() {
    let text = "{:process 0 :type :invoke :f :write :value 1}
{:process 0 :type :ok :f :write :value 1}
{:process 0 :type :invoke :f :write :value 2}
{:process 0 :type :ok :f :write :value 2}
{:process 1 :type :invoke :f :cas :value [7 8]}
{:process 1 :type :fail :f :cas :value [7 8] :observed 2}
{:process 2 :type :invoke :f :read :value nil}
{:process 2 :type :ok :f :read :value 1}";
    let overlapping = text.replace("{:process 0 :type :ok :f :write :value 2}\n", "");
    let (exit, told) = check(&overlapping, "--model register");
    assert_eq!(exit, Invalid, "{told}");
    assert!(
        told.contains("cas from 7 to 8, which failed since it saw 2"),
        "{told}"
    );
    let (_, json) = check(&overlapping, "--model register --json");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let operations = json["anomalies"][0]["operations"].as_array().unwrap();
    assert!(
        operations
            .iter()
            .any(|operation| operation["observed"] == 2),
        "{json}"
    );
}

#[test]
fn missing_events_are_told_where_something_came_from_nowhere() {
    let text = "{:index 0 :process 0 :type :invoke :f :write :value 1}
{:index 1 :process 0 :type :ok :f :write :value 1}
{:index 3 :process 1 :type :invoke :f :read :value nil}
{:index 4 :process 1 :type :ok :f :read :value 7}";
    let (exit, told) = check(text, "--model register");
    assert_eq!(exit, Invalid, "{told}");
    assert!(told.contains("events are missing before event 3"), "{told}");
    let (_, told) = check(&text.replace(":value 7", ":value 1"), "--model register");
    assert!(!told.contains("missing"), "{told}");
}
