#![cfg(test)]

use super::*;
use crate::formats::{Format, read as read_history};

const LIGHT: &str = r#"
states = ["red", "green", "yellow"]
[[transition]]
from = "red"
operation = "next"
to = "green"
[[transition]]
from = "green"
operation = "next"
to = "yellow"
[[transition]]
from = "yellow"
operation = "next"
to = "red"
[[transition]]
from = "red"
operation = "look"
result = "stop"
[[transition]]
from = "green"
operation = "look"
result = "go"
[[transition]]
from = "*"
operation = "break"
argument = ["now", "*"]
to = "red"
"#;

fn light() -> Table {
    read::from_toml(LIGHT, "light.toml", "light").unwrap()
}

/// `f argument result` for each operation, one after the other, without spaces in values; `?` is an
/// unknown outcome.
fn judge(table: &Table, lines: &str) -> Report {
    let mut text = String::new();
    for (process, line) in lines.split(';').enumerate() {
        let [f, argument, result] = line.trim().splitn(3, ' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let (kind, result) = match result {
            "?" => ("info", "nil"),
            result => ("ok", result),
        };
        let event = |kind: &str, value: &str| {
            format!("{{:process {process} :type :{kind} :f :{f} :value {value}}}\n")
        };
        text.push_str(&event("invoke", argument));
        text.push_str(&event(kind, result));
    }
    let history = read_history(text.as_bytes(), Format::Edn).unwrap();
    check(&history, table, &Limits::default())
}

#[test]
fn a_traffic_light() {
    let table = light();
    let ask = |lines: &str| judge(&table, lines);
    assert!(ask("look nil :stop; next nil nil; look nil \"go\"").is_valid());
    assert!(ask("look nil :go").is_invalid());
    // Nobody may look while it is yellow, in this table.
    assert!(ask("next nil nil; next nil nil; look nil :stop").is_invalid());
    assert!(ask("next nil nil; next nil nil; break [:now,7] nil; look nil :stop").is_valid());
    assert!(ask("next nil ?; look nil :go").is_valid());
    assert!(ask("next nil ?; next nil nil; look nil :stop").is_invalid());
    let report = ask("look nil :stop");
    assert_eq!(report.model, "light");
}

#[test]
fn what_the_table_does_not_know_is_named() {
    for (lines, named) in [
        ("paint :blue nil", "paint of :blue"),
        ("break [:later,1] nil", "break"),
    ] {
        match &judge(&light(), lines).verdict {
            crate::report::Verdict::Unknown(unknown) => {
                assert!(unknown.reason.contains(named), "{}", unknown.reason);
                assert!(
                    unknown.reason.starts_with("event 0: "),
                    "{}",
                    unknown.reason
                );
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn json_says_the_same_as_toml() {
    let text = r#"{"name": "light", "states": ["off", "on"], "initial": "on",
        "operations": ["press", "read"],
        "transitions": [
            {"from": "off", "operation": "press", "argument": null, "to": "on", "result": true},
            {"from": "on", "operation": "press", "to": "off"},
            {"from": "off", "operation": "read", "result": 0},
            {"from": "on", "operation": "read", "result": 1}]}"#;
    let table = read::from_json(text, "switch.json", "switch").unwrap();
    assert_eq!(table.name(), "light");
    assert!(
        judge(
            &table,
            "read nil 1; press nil nil; press nil true; read nil 1"
        )
        .is_valid()
    );
    assert!(judge(&table, "press nil nil; press nil false").is_invalid());
    assert!(judge(&table, "press nil nil; read nil 1").is_invalid());
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let error = |text: &str| {
        read::from_toml(text, "t.toml", "t")
            .unwrap_err()
            .to_string()
    };
    let row = |row: &str| {
        error(&format!(
            "states = [\"a\", \"b\"]\n\n[[transition]]\n{row}\n"
        ))
    };
    for (told, expected) in [
        (error("states = [\"a\""), "t.toml:1:"),
        (
            error("states = [\"a\"]\nstatus = 1\n"),
            "t.toml:2:1: unknown field `status`",
        ),
        (error("states = []"), "t.toml: there are 0 states"),
        (error("states = [\"a\"]"), "t.toml: there are 0 transitions"),
        (
            error("states = [\"a\", \"a\"]"),
            "t.toml: the state \"a\" is named twice",
        ),
        (
            error("states = [\"*\"]"),
            "t.toml: \"*\" stands for any state",
        ),
        (
            error("states = [\"a\"]\ninitial = \"b\""),
            "t.toml: initial = \"b\" is none of the states \"a\"",
        ),
        (
            row("from = \"c\"\noperation = \"x\""),
            "t.toml:3: from = \"c\" is none of the states \"a\", \"b\"",
        ),
        (
            row("from = \"a\"\noperation = \"x\"\nto = \"\""),
            "t.toml:3: to = \"\" is none of the states",
        ),
        (row("from = \"a\""), "t.toml:3:"),
        (
            row("from = 3\noperation = \"x\""),
            "t.toml:4:8: invalid type",
        ),
        (
            row(
                "from = \"*\"\noperation = \"x\"\nresult = 1\n[[transition]]\nfrom = \"a\"\noperation = \"x\"\nargument = 3",
            ),
            "t.toml:7: in the same state, this transition and that of t.toml:3 fit",
        ),
        (
            error(
                "states = [\"a\"]\noperations = [\"x\"]\n[[transition]]\nfrom = \"a\"\noperation = \"y\"",
            ),
            "t.toml:3: operation = \"y\" is none of the operations \"x\"",
        ),
        (
            error(
                "states = [\"a\"]\noperations = [\"x\", \"y\"]\n[[transition]]\nfrom = \"a\"\noperation = \"y\"",
            ),
            "t.toml: no transition has the operation \"x\"",
        ),
    ] {
        assert!(
            told.starts_with(expected),
            "{told:?} instead of {expected:?}"
        );
    }
    let json = |text: &str| {
        read::from_json(text, "t.json", "t")
            .unwrap_err()
            .to_string()
    };
    assert!(json("{\"states\": [1]}").starts_with("t.json:1:13: invalid type"));
    let row = "{\"states\": [\"a\"], \"transitions\": [{\"from\": \"b\", \"operation\": \"x\"}]}";
    assert!(
        json(row).starts_with("t.json, transition 1: from = \"b\""),
        "{}",
        json(row)
    );
}

#[test]
fn transitions_that_never_meet_may_be_alike() {
    let text = r#"
states = ["a", "b"]
transition = [
    { from = "a", operation = "x", argument = 1, to = "b" },
    { from = "a", operation = "x", argument = 2 },
    { from = "b", operation = "x", argument = 1, to = "a" },
    { from = "b", operation = "y", argument = [1, "*"], to = "a" },
    { from = "b", operation = "y", argument = [2, "*"], to = "a" },
]
"#;
    let table = read::from_toml(text, "t.toml", "t").unwrap();
    assert!(judge(&table, "x 1 nil; y [2,9] nil; x 2 nil; x 1 nil; x 1 nil").is_valid());
    assert!(judge(&table, "x 1 nil; x 1 nil; y [2,9] nil").is_invalid());
}
