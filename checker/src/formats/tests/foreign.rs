//! Histories of other tools, each written here from the description of its format.

use super::*;
use crate::judge::{Model, Settings, judge};
use crate::report::Verdict;
use crate::transactions::ConsistencyModel;

/// Reads a text in the format that its beginning shows.
pub(super) fn detected(text: &[u8], expected: Format) -> History {
    assert_eq!(
        Format::detect(text),
        expected,
        "{}",
        String::from_utf8_lossy(text)
    );
    read(text, expected).unwrap_or_else(|problem| panic!("{problem}"))
}

/// The operations: process, name, key, argument, result, outcome.
pub(super) fn shown(history: &History) -> Vec<String> {
    history
        .operations
        .iter()
        .map(|o| {
            format!(
                "{} {} {} {} {} {:?}",
                history.process_name(o.process),
                history.name(o.f),
                history.key_text(o.key).unwrap_or("-".to_owned()),
                history.value(o.argument),
                history.value(o.result),
                o.outcome,
            )
        })
        .collect()
}

pub(super) fn verdict(history: &History, model: &str, settings: &Settings) -> &'static str {
    match judge(history, Model::named(model).unwrap(), settings).verdict {
        Verdict::Valid(_) => "valid",
        Verdict::Invalid(_) => "invalid",
        Verdict::Unknown(_) => "unknown",
    }
}

#[test]
fn a_table_of_intervals() {
    let text = "process,f,key,value,result,call_ns,return_ns\n\
                0,write,a,1,,10,20\n\
                1,read,a,,1,20,30\r\n\
                2,write,a,\"{:x \"\"y\"\"}\",,15,\n\
                3,cas,a,\"[1,2]\",,40,50\n";
    let history = detected(text.as_bytes(), Format::Csv);
    assert_eq!(
        shown(&history),
        [
            "0 write a 1 1 Ok",
            "2 write a {:x \"y\"} nil Unknown",
            "1 read a nil 1 Ok",
            "3 cas a [1 2] [1 2] Ok",
        ]
    );
    assert!(history.problems.is_empty(), "{:?}", history.problems);
    // At the same moment the read may come before the write that ends, or after it.
    for (seen, expected) in [("1", "valid"), ("", "valid"), ("7", "invalid")] {
        let text = format!(
            "process,f,value,result,call_ns,return_ns\n0,write,1,,10,20\n1,read,,{seen},20,30\n2,read,,1,35,40\n"
        );
        let history = detected(text.as_bytes(), Format::Csv);
        let settings = Settings {
            format: Some(Format::Csv),
            ..Settings::default()
        };
        assert_eq!(
            verdict(&history, "register", &settings),
            expected,
            "{seen:?}"
        );
    }
    for (row, expected) in [
        (
            "0,write,a,1,,10",
            "line 2, column 1: expected 7 fields, not 6",
        ),
        (
            "0,write,a,1,,x,20",
            "line 2, column 1: expected a whole number of nanoseconds as call_ns, not \"x\"",
        ),
        (
            "0,write,a,1,,30,20",
            "line 2, column 1: it returns before it is called",
        ),
        (
            "0,write,a,\"1,,30,20",
            "line 2, column 1: a field between quotation marks is never closed",
        ),
    ] {
        let text = format!("process,f,key,value,result,call_ns,return_ns\n{row}\n");
        let error = read(text.as_bytes(), Format::Csv).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn operations_and_events_of_porcupine() {
    let text = r#"[{"ClientId":0,"Input":{"Op":"Put","Key":"k","Value":"x"},"Call":5,"Output":{"Value":""},"Return":9,"Metadata":null},
        {"ClientId":1,"Input":{"Op":"Get","Key":"k","Value":""},"Call":9,"Output":{"Value":"x"},"Return":12},
        {"ClientId":2,"Input":{"Op":"Append","Key":"k","Value":"y"},"Call":10,"Output":{"Value":""},"Return":9223372036854775807}]"#;
    let history = detected(text.as_bytes(), Format::Porcupine);
    assert_eq!(
        shown(&history),
        [
            "0 put k \"x\" \"x\" Ok",
            "1 get k nil \"x\" Ok",
            "2 append k \"y\" nil Unknown"
        ]
    );
    assert_eq!(verdict(&history, "kv", &Settings::default()), "valid");
    // The get begins at the moment at which the put ends: it may have come first.
    let earlier = text.replace(r#""Output":{"Value":"x"}"#, r#""Output":{"Value":""}"#);
    let history = detected(earlier.as_bytes(), Format::Porcupine);
    assert_eq!(verdict(&history, "kv", &Settings::default()), "valid");
    let later = earlier.replace("\"Call\":9,", "\"Call\":10,");
    let history = detected(later.as_bytes(), Format::Porcupine);
    assert_eq!(verdict(&history, "kv", &Settings::default()), "invalid");
    // Codes mean what they mean in Porcupine's tests, and that is said.
    let coded = text
        .replace("\"Put\"", "1")
        .replace("\"Get\"", "0")
        .replace("\"Append\"", "2");
    let history = detected(coded.as_bytes(), Format::Porcupine);
    assert_eq!(history.name(history.operations[0].f), "put");
    assert!(!history.problems[0].grave && history.problems[0].text.contains("0 or true is get"));
    let other = coded.replacen(r#"{"Value":""}"#, r#"{"Value":"seen"}"#, 1);
    let history = detected(other.as_bytes(), Format::Porcupine);
    assert!(
        history.problems.iter().any(|problem| problem.grave),
        "{:?}",
        history.problems
    );
    // Events: their order counts; what has not returned is open.
    let events = r#"{"ClientId":0,"Kind":false,"Value":{"op":false,"value":3},"Id":7}
        {"ClientId":1,"Kind":false,"Value":{"op":true},"Id":8}
        {"ClientId":1,"Kind":true,"Value":3,"Id":8}"#;
    let history = detected(events.as_bytes(), Format::Porcupine);
    assert_eq!(
        shown(&history),
        ["0 write - 3 nil Unknown", "1 read - nil 3 Ok"]
    );
    let error = read(
        br#"{"ClientId":1,"Input":7,"Call":1,"Return":2}"#,
        Format::Porcupine,
    )
    .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("line 1, column 1: expected an Input with Op"),
        "{error}"
    );
}

/// An operation of an etcd report, printed over several lines as the report has it.
fn etcd(client: u64, input: &str, output: &str, call: u64, end: u64) -> String {
    format!(
        "{{\n  \"ClientId\": {client},\n  \"Input\": {input},\n  \"Call\": {call},\n  \"Output\": {output},\n  \"Return\": {end}\n}}\n"
    )
}

fn put(key: &str, value: &str, conditions: &str) -> String {
    format!(
        r#"{{"Type": "txn", "Range": null, "Txn": {{"Conditions": {conditions}, "OperationsOnSuccess": [{{"Type":"put-operation","Put":{{"Key":"{key}","Value":{{"Value":"{value}"}}}}}}], "OperationsOnFailure": null}}}}"#
    )
}

#[test]
fn reports_of_etcd() {
    let range = r#"{"Type": "range", "Range": {"Start":"k","End":"","Limit":0,"Revision":0}}"#;
    let long = "12345678901234567890";
    let seen = r#"{"Range":{"KVs":[{"Key":"k","Value":{"Hash":686313437},"ModRevision":3,"Version":2}],"Count":1},"Revision":3}"#;
    let compare = r#"[{"Key":"k","ExpectedRevision":2}]"#;
    let done = |revision: u64, failure: bool| {
        format!(r#"{{"Txn":{{"Failure":{failure},"Results":[{{}}]}},"Revision":{revision}}}"#)
    };
    let text = [
        etcd(
            1,
            range,
            r#"{"Range":{"KVs":null,"Count":0},"Revision":1}"#,
            1,
            2,
        ),
        etcd(1, &put("k", "a", "null"), &done(2, false), 3, 4),
        etcd(2, &put("k", long, compare), &done(3, false), 5, 6),
        etcd(1, range, seen, 7, 8),
        etcd(2, &put("k", "b", compare), &done(3, true), 9, 10),
        etcd(3, &put("k", "c", "null"), r#"{"Error":"timeout"}"#, 11, 12),
        etcd(3, range, r#"{"Error":"timeout"}"#, 13, 14),
        etcd(
            4,
            r#"{"Type": "range", "Range": {"Start":"a","End":"z"}}"#,
            r#"{"Range":{"KVs":[]},"Revision":4}"#,
            15,
            16,
        ),
        etcd(
            4,
            r#"{"Type": "defragment"}"#,
            r#"{"Defragment":{},"Revision":-1}"#,
            17,
            18,
        ),
    ]
    .concat();
    let history = detected(text.as_bytes(), Format::Etcd);
    let hashed = "\"hash 686313437\"";
    assert_eq!(
        shown(&history),
        [
            "1 read k nil nil Ok".to_owned(),
            "1 write k \"a\" \"a\" Ok".to_owned(),
            format!("2 cas k [\"a\" {hashed}] [\"a\" {hashed}] Ok"),
            format!("1 read k nil {hashed} Ok"),
            "2 cas k [\"a\" \"b\"] nil Fail".to_owned(),
            "3 write k \"c\" nil Unknown".to_owned(),
            "4 range - nil nil Ok".to_owned(),
        ]
    );
    let cut = &text[..text.len() - 300];
    let history = read(cut.as_bytes(), Format::Etcd).unwrap();
    assert!(history.problems.last().unwrap().grave);
}

const PLUME: &str = "w(0,1,0,1)\nr(0,0,1,2)\nw(0,2,1,2)\nr(0,1,0,3)\n";

fn consistency(model: ConsistencyModel) -> Settings {
    Settings {
        consistency: Some(model),
        ..Settings::default()
    }
}

#[test]
fn transactions_of_plume_and_awdit() {
    let history = detected(PLUME.as_bytes(), Format::Plume);
    assert_eq!(
        shown(&history),
        [
            "0 txn - [[:w 0 1]] [[:w 0 1]] Ok",
            "1 txn - [[:r 0 nil] [:w 0 2]] [[:r 0 nil] [:w 0 2]] Ok",
            "0 txn - [[:r 0 1]] [[:r 0 1]] Ok",
        ]
    );
    assert!(history.sessions_only && history.problems.is_empty());
    let same = "w 0 1\n---\nr 0 1\n==\nr 0 0\nw 0 2\n";
    let awdit = detected(same.as_bytes(), Format::Awdit);
    assert_eq!(awdit.operations.len(), 3);
    // The first writes; the second, of another session, reads nothing: no order of real time is
    // known, so it may have come first.
    assert_eq!(
        verdict(&history, "rw-register", &Settings::default()),
        "valid"
    );
    assert_eq!(
        verdict(&awdit, "rw-register", &Settings::default()),
        "valid"
    );
    let strict = consistency(ConsistencyModel::STRICT_SERIALIZABLE);
    assert_eq!(verdict(&history, "rw-register", &strict), "unknown");
    assert_eq!(
        verdict(&history, "register", &Settings::default()),
        "unknown"
    );
    // Both read before the other's write: no order explains that.
    let skew = "r(1,0,0,1)\nw(2,5,0,1)\nr(2,0,1,2)\nw(1,6,1,2)\nr(1,6,2,3)\nr(2,5,2,3)\n";
    let history = detected(skew.as_bytes(), Format::Plume);
    assert_eq!(
        verdict(&history, "rw-register", &Settings::default()),
        "invalid"
    );
    // Lines of an aborted transaction are none of one transaction; its reads say nothing.
    let aborted = "w(1,5,0,-1)\nw(2,6,0,-1)\nr(1,9,0,-1)\nr(1,0,1,2)\n";
    let history = detected(aborted.as_bytes(), Format::Plume);
    let outcomes: Vec<_> = history.operations.iter().map(|o| o.outcome).collect();
    assert_eq!(outcomes, [Outcome::Fail, Outcome::Fail, Outcome::Ok]);
    let read_aborted = detected(b"w(1,5,0,-1)\nr(1,5,1,2)\n", Format::Plume);
    assert_eq!(
        verdict(&read_aborted, "rw-register", &Settings::default()),
        "invalid"
    );
    let history = read(b"w(1,5,0,1)\nr(1,x,0,1)\n", Format::Plume).unwrap();
    let told = history.problems.last().unwrap();
    assert!(
        told.grave && told.text.starts_with("line 2, column 1: expected r(key"),
        "{told:?}"
    );
}

/// The records of a Cobra log; `pad` is what a log with times has behind `S` and `C`.
fn cobra(records: &[(u8, &[u64])], pad: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, numbers) in records {
        bytes.push(*kind);
        for number in *numbers {
            bytes.extend(number.to_be_bytes());
        }
        if pad && b"SC".contains(kind) {
            bytes.extend(1_700_000_000_000_u64.to_be_bytes());
        }
    }
    bytes
}

#[test]
fn logs_of_cobra() {
    let folder = std::env::temp_dir().join(format!("kensho-cobra-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    type Records<'a> = &'a [(u8, &'a [u64])];
    let (first, second): (Records<'_>, Records<'_>) = (
        &[
            (b'S', &[1]),
            (b'W', &[0x1000_0001, 7, 77]),
            (b'C', &[1]),
            (b'S', &[3]),
            (b'R', &[1, 0x1000_0001, 7, 77]),
            (b'R', &[0x2333_2333, 0x2333_2333, 7, 77]),
            (b'C', &[3]),
        ],
        &[
            (b'S', &[2]),
            (b'R', &[0xbebe_ebee, 0xbebe_ebee, 7, 5]),
            (b'R', &[0xdead_beef, 0xdead_beef, 8, 5]),
            (b'W', &[0x1000_0002, u64::MAX, 78]),
            (b'C', &[2]),
        ],
    );
    let source = || super::super::sources(&folder).unwrap().remove(0);
    for pad in [false, true] {
        std::fs::write(folder.join("T0.log"), cobra(first, pad)).unwrap();
        std::fs::write(folder.join("T1.log"), cobra(second, pad)).unwrap();
        std::fs::write(folder.join("T1.debug"), "no log").unwrap();
        let (history, format) = source().read(None).unwrap();
        assert_eq!(format, Format::Cobra);
        assert_eq!(
            shown(&history),
            [
                "0 txn - [[:w 7 268435457]] [[:w 7 268435457]] Ok",
                "0 txn - [[:r 7 268435457]] [[:r 7 268435457]] Ok",
                "1 txn - [[:r 7 nil] [:r 8 nil] [:w -1 268435458]] [[:r 7 nil] [:r 8 nil] [:w -1 268435458]] Ok",
            ],
            "{pad}"
        );
        assert!(history.problems.is_empty(), "{:?}", history.problems);
        assert_eq!(
            verdict(&history, "rw-register", &Settings::default()),
            "valid"
        );
        // A log that is torn: its last transaction is open, and more may be missing.
        let whole = cobra(second, pad);
        for end in 1..whole.len() {
            std::fs::write(folder.join("T1.log"), &whole[..end]).unwrap();
            let (history, _) = source().read(None).unwrap();
            let told = history.problems.last();
            if end >= 1 {
                let told = told.expect("that it is torn");
                assert!(
                    told.grave && told.text.starts_with("T1.log: offset "),
                    "{told:?}"
                );
            }
        }
    }
    let one = cobra(first, false);
    assert_eq!(Format::detect(&one), Format::Cobra);
    let history = read(&one, Format::Cobra).unwrap();
    let told = history.problems.last().unwrap();
    assert!(
        told.grave && told.text.contains("give the folder"),
        "{told:?}"
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn histories_of_dbcop() {
    // A transaction is its events (write, variable, value, success) and whether it succeeded.
    type Transaction<'a> = (&'a [(bool, u64, u64, bool)], bool);
    let write = |sessions: &[&[Transaction<'_>]]| {
        let mut bytes = Vec::new();
        let number = |bytes: &mut Vec<u8>, number: u64| bytes.extend(number.to_le_bytes());
        for head in [7, 2, 1, 2, 2] {
            number(&mut bytes, head);
        }
        for text in [
            "tiny",
            "2023-11-14T23:13:20.123+01:00",
            "2023-11-14T23:13:21Z",
        ] {
            number(&mut bytes, text.len() as u64);
            bytes.extend(text.bytes());
        }
        number(&mut bytes, sessions.len() as u64);
        for session in sessions {
            number(&mut bytes, session.len() as u64);
            for (events, success) in *session {
                number(&mut bytes, events.len() as u64);
                for (write, variable, value, success) in *events {
                    bytes.push(u8::from(*write));
                    number(&mut bytes, *variable);
                    number(&mut bytes, *value);
                    bytes.push(u8::from(*success));
                }
                bytes.push(u8::from(*success));
            }
        }
        bytes
    };
    let bytes = write(&[
        &[
            (&[(true, 3, 1, true)], true),
            (&[(true, 3, 9, true)], false),
        ],
        &[(&[(false, 3, 1, true), (true, 3, 2, false)], true)],
    ]);
    let history = detected(&bytes, Format::Dbcop);
    assert_eq!(
        shown(&history),
        [
            "0 txn - [[:w 3 1]] [[:w 3 1]] Ok",
            // Its events succeeded, but it did not: nobody knows whether it was committed.
            "0 txn - [[:w 3 9]] nil Unknown",
            "1 txn - [[:r 3 1]] [[:r 3 1]] Ok",
        ]
    );
    assert!(history.problems.is_empty());
    for end in 120..bytes.len() {
        match read(&bytes[..end], Format::Dbcop) {
            Ok(history) => assert!(history.problems.last().unwrap().grave),
            Err(problem) => assert!(problem.to_string().starts_with("offset "), "{problem}"),
        }
    }
}

#[test]
fn logs_of_tipocket_and_chaos() {
    let register = r#"{"action":"dump","proc":0,"data":5}
{"action":"call","proc":1,"data":{"Op":false,"Value":0}}
{"action":"return","proc":1,"data":{"Unknown":false,"Value":5}}
{"action":"inject","proc":-1,"data":{"Name":"kill"}}
{"action":"call","proc":1,"data":{"Op":true,"Value":6}}
{"action":"return","proc":1,"data":{"Unknown":true,"Value":0}}
{"action":"recover","proc":-1,"data":"kill"}
{"action":"call","proc":2,"data":{"Op":false,"Value":0}}
"#;
    let history = detected(register.as_bytes(), Format::Tipocket);
    assert_eq!(
        shown(&history)[1..],
        [
            "1 read - nil 5 Ok",
            "1 write - 6 6 Unknown",
            "2 read - nil nil Unknown"
        ]
    );
    assert_eq!(history.faults.len(), 2);
    assert_eq!(verdict(&history, "register", &Settings::default()), "valid");
    let append = r#"{"action":"call","proc":4,"time":"2020-05-01T12:00:00.123456789+08:00","data":{"type":"invoke","value":[{"type":"append","m":{"key":"3","value":1}},{"type":"read","m":{"key":"3","value":null}}]}}
{"action":"return","proc":4,"time":"2020-05-01T12:00:01+08:00","data":{"Result":{"type":"ok","value":[{"type":"append","m":{"key":"3","value":1}},{"type":"read","m":{"key":"3","value":[1]}}]}}}
{"action":"call","proc":5,"data":{"type":"invoke","value":[{"type":"append","m":{"key":"3","value":2}}]}}
{"action":"return","proc":5,"data":{"Result":{"type":"unknown","value":[],"error":"lost"}}}
"#;
    let history = detected(append.as_bytes(), Format::Tipocket);
    assert_eq!(
        shown(&history)[0],
        "4 txn - [[:append \"3\" 1] [:r \"3\" nil]] [[:append \"3\" 1] [:r \"3\" [1]]] Ok"
    );
    assert_eq!(history.operations[1].outcome, Outcome::Unknown);
    let cas = r#"{"action":"call","proc":1,"data":{"Op":2,"Arg1":1,"Arg2":3}}
{"action":"return","proc":1,"data":{"Ok":false,"Exists":false,"Value":0,"Unknown":false}}"#;
    let history = detected(cas.as_bytes(), Format::Tipocket);
    assert_eq!(history.operations[0].outcome, Outcome::Fail);
    assert_eq!(
        history.value(history.operations[0].argument).to_string(),
        "[1 3]"
    );
}

#[test]
fn what_is_no_history_is_told_what_it_is() {
    for (text, expected) in [
        (&b"{:perf {:valid? true}, :valid? true}"[..], "results.edn"),
        (
            b"{:name \"x\", :nodes [\"n1\"], :concurrency 5}",
            "test.edn",
        ),
        (
            b"2024-05-01 12:00:00,123{GMT}\tINFO\t[main] jepsen.cli: Test options",
            "Jepsen's log",
        ),
        (b"<!DOCTYPE html><html><body>", "HTML page"),
        (
            b"<html><script>const data = {\"Partitions\":[{\"PartialLinearizations\":[]}]}",
            "page of Porcupine",
        ),
        (b"\x7fELF\x02\x01", "a program"),
        (b"\x89PNG\r\n", "PNG"),
        (b"some text\nof nothing", "not begin as a history"),
        (b"# A heading\n\ntext", "does not begin as a history"),
        (b"\x00\x01\x02\x03", "no text (byte 0x00"),
        (b"{\"workload\":\"register\",\"seed\":1}", "record of a run"),
        (b"\xef\xdc\x65\x76\x04\x00", "Maelstrom's journal"),
        (
            b"{\"Request\":{\"Key\":\"\"},\"Responses\":[]}",
            "watches of an etcd",
        ),
    ] {
        let error = super::super::read_from(text, None).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
