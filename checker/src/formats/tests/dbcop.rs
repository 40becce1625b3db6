//! What DBCop writes today, from the description of its formats.

use super::foreign::{detected, shown, verdict};
use super::*;
use crate::judge::Settings;

const LONG: &str = r#"{"params":{"id":0,"n_node":2,"n_variable":2,"n_transaction":2,"n_event":2},
"info":"generated","start":"2025-01-01T00:00:00+00:00","end":"2025-01-01T00:00:01+00:00","data":[
 [{"events":[{"Write":{"variable":0,"version":1}},{"Write":{"variable":1,"version":2}}],"committed":true},
  {"events":[{"Read":{"variable":1,"version":2}},{"Write":{"variable":0,"version":3}}],"committed":true}],
 [{"events":[{"Read":{"variable":0,"version":null}},{"Read":{"variable":1,"version":0}}],"committed":true},
  {"events":[{"Write":{"variable":1,"version":4}}],"committed":false}]]}"#;

const TOLD: [&str; 4] = [
    "0 txn - [[:w 0 1] [:w 1 2]] [[:w 0 1] [:w 1 2]] Ok",
    "0 txn - [[:r 1 2] [:w 0 3]] [[:r 1 2] [:w 0 3]] Ok",
    "1 txn - [[:r 0 nil] [:r 1 nil]] [[:r 0 nil] [:r 1 nil]] Ok",
    "1 txn - [[:w 1 4]] nil Fail",
];

#[test]
fn json_is_read_whatever_its_length() {
    let short = r#"[[{"events":[["w",0,1],["w",1,2]],"committed":true},{"committed":true,"events":[["r",1,2],["w",0,3]]}],
        [{"events":[["r",0,null],["r",1,0]],"committed":true},{"events":[["w",1,4]],"committed":false}]]"#;
    for text in [LONG, short] {
        let history = detected(text.as_bytes(), Format::DbcopJson);
        assert_eq!(shown(&history), TOLD);
        assert!(history.problems.is_empty() && history.sessions_only);
        assert_eq!(
            verdict(&history, "rw-register", &Settings::default()),
            "valid"
        );
    }
    // Somebody wrote zero: a read of it is one of that write.
    let zero = short.replace("[\"w\",0,3]", "[\"w\",1,0]");
    let history = read(zero.as_bytes(), Format::DbcopJson).unwrap();
    assert!(shown(&history)[2].starts_with("1 txn - [[:r 0 nil] [:r 1 0]]"));
}

#[test]
fn json_that_is_cut_or_wrong_says_where() {
    let problem = |text: &str| {
        read(text.as_bytes(), Format::DbcopJson)
            .unwrap_err()
            .to_string()
    };
    let wrong = problem(r#"[[{"events":[["x",0,1]],"committed":true}]]"#);
    assert!(
        wrong.starts_with("line 1, column ") && wrong.contains("an event"),
        "{wrong}"
    );
    let wrong = problem(r#"[[{"events":[["w",0,null]],"committed":true}]]"#);
    assert!(wrong.contains("a write needs a version"), "{wrong}");
    assert!(problem(r#"{"params":{}}"#).contains("missing field `data`"));
    let end = LONG
        .find("{\"events\":[{\"Write\":{\"variable\":1,\"version\":4}")
        .unwrap();
    let history = read(&LONG.as_bytes()[..end + 20], Format::DbcopJson).unwrap();
    assert_eq!(shown(&history), TOLD[..3]);
    assert!(history.problems.last().unwrap().grave);
}

#[test]
fn text_is_read_as_it_is_written_by_hand() {
    let text =
        "// first\n[x:=1 y:=2] [y==2 x:=3]\r\n\n-----\n// second\n[x==? y==0] // seen\n[y:=4]!\n";
    let history = detected(text.as_bytes(), Format::DbcopText);
    let told = shown(&history);
    assert_eq!(
        told[0],
        r#"0 txn - [[:w "x" 1] [:w "y" 2]] [[:w "x" 1] [:w "y" 2]] Ok"#
    );
    assert_eq!(told[3], r#"1 txn - [[:w "y" 4]] nil Fail"#);
    assert_eq!(told.len(), 4);
    assert!(
        shown(&history)[2].contains(r#"[[:r "x" nil] [:r "y" nil]]"#),
        "{:?}",
        shown(&history)
    );
    assert_eq!(
        verdict(&history, "rw-register", &Settings::default()),
        "valid"
    );
    let dirty = text.replace("y==0", "y==4");
    let history = read(dirty.as_bytes(), Format::DbcopText).unwrap();
    assert_eq!(
        verdict(&history, "rw-register", &Settings::default()),
        "invalid"
    );
    for (wrong, place, what) in [
        ("[x:=1]\n[x=1]", "line 2, column 2", "expected an event"),
        ("[x:=1]\n x:=1", "line 2, column 2", "in brackets"),
        ("[x:=1", "line 1, column 6", "expected ']'"),
        ("[x:=-1]", "line 1, column 2", "expected an event"),
    ] {
        let told = match read(wrong.as_bytes(), Format::DbcopText) {
            Ok(history) => history.problems.last().unwrap().text.clone(),
            Err(problem) => problem.to_string(),
        };
        assert!(
            told.starts_with(place) && told.contains(what),
            "{wrong}: {told}"
        );
    }
}
