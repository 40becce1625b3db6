mod dbcop;
mod foreign;
mod packed;

use super::*;
use crate::history::{Event, Kind, NEVER, Outcome, Process, Writer};
use crate::value::Value;
use serde_json::json;

fn outcomes(history: &History) -> Vec<(u32, Outcome, Value)> {
    history
        .operations
        .iter()
        .map(|operation| {
            (
                operation.process,
                operation.outcome,
                history.value(operation.result),
            )
        })
        .collect()
}

#[test]
fn every_notation_of_one_history_is_recognised_and_read_alike() {
    let expected = [
        (0, Outcome::Ok, Value::Int(3)),
        (1, Outcome::Unknown, Value::Nil),
    ];
    for text in [
        "{:process 0, :type :invoke, :f :read, :value nil}\n{:process 1 :type :invoke :f :write :value 3}{:process 0, :type :ok, :f :read, :value 3} ; done",
        "[{:process 0 :type :invoke :f :read} #_ignored {:process 1 :type :invoke :f :write :value 3}\n#jepsen.history.Op{:process 0 :type :ok :f :read :value 3}]",
        "({:type :invoke, :process 0, :f :read} {:process 1 :type :invoke :f :write :value 3} {:type :info :process :nemesis :f :start :value #{:n1 #inst \"x\"}} {:type :ok, :process 0, :f :read :value 3})",
        "0\t:invoke\t:read\tnil\n1\t:invoke\t:write\t3\n0\t:ok\t:read\t3\n",
        "INFO  jepsen.util - 0\t:invoke\t:read\tnil\nINFO  jepsen.util - 1\t:invoke\t:write\t3\nINFO  jepsen.util - 0\t:ok\t:read\t3\n",
        "INFO  jepsen.util - 0   :invoke :read   nil  \nINFO  jepsen.util - 1 :invoke :write  3\nINFO  jepsen.util - 0  :ok :read   3  \n",
        "[{\"process\":0,\"type\":\"invoke\",\"f\":\"read\"},\n{\"process\":1,\"type\":\"invoke\",\"f\":\"write\",\"value\":3},{\"process\":0,\"type\":\"ok\",\"f\":\"read\",\"value\":3}]",
        "{\"process\":0,\"type\":\"invoke\",\"f\":\"read\"}\n{\"process\":1,\"type\":\"invoke\",\"f\":\"write\",\"value\":3,\"more\":[{}]}\n{\"process\":0,\"type\":\"ok\",\"f\":\"read\",\"value\":3}",
    ] {
        let format = Format::detect(text.as_bytes());
        let history = read(text.as_bytes(), format).unwrap_or_else(|e| panic!("{format:?} {e}"));
        assert_eq!(outcomes(&history), expected, "{format:?}: {text}");
        assert!(history.problems.is_empty(), "{:?}", history.problems);
    }
}

#[test]
fn what_the_writers_write_the_readers_read() {
    let write = Event::invoke(0, 5, Process::Client(3), "cas")
        .with_value(json!([1, 2]))
        .with_key("r7")
        .with_node("n1");
    let events = [
        write.clone(),
        Event {
            error: Some("busy \"n1\"".to_owned()),
            ..write.complete(1, 9, Kind::Fail)
        }
        .with_observed(json!("x")),
        Event::invoke(2, 11, Process::Nemesis, "kill").with_value(json!({"targets": ["n2"]})),
    ];
    let mut writer = Writer::new(Vec::new());
    let mut edn = String::new();
    for event in &events {
        writer.write(event).unwrap();
        edn.push_str(&super::edn::write(event));
        edn.push('\n');
    }
    let jsonl = writer.into_inner();
    assert_eq!(Format::detect(&jsonl), Format::Jsonl);
    assert_eq!(Format::detect(edn.as_bytes()), Format::Edn);
    for (text, format) in [(&jsonl[..], Format::Jsonl), (edn.as_bytes(), Format::Edn)] {
        let history = read(text, format).unwrap();
        let operation = history.operations[0];
        assert_eq!((operation.invoke, operation.complete), (0, 1));
        assert_eq!((operation.invoke_time, operation.complete_time), (5, 9));
        assert_eq!(history.value(operation.argument).to_string(), "[1 2]");
        assert_eq!(history.value(operation.result), Value::from("x"));
        assert_eq!(history.key_text(operation.key).as_deref(), Some("r7"));
        assert_eq!(history.name(operation.node), "n1");
        assert_eq!(history.error(0), Some("busy \"n1\""));
        assert_eq!(history.faults.len(), 1);
        assert_eq!(history.faults[0].f, "kill");
    }
}

#[test]
fn errors_say_where_and_what() {
    for (text, format, expected) in [
        (
            "[{:type :ok}",
            Format::Edn,
            "line 1, column 1: what opens here is never closed: expected ']'",
        ),
        (
            "{:type :ok}\n {:a}",
            Format::Edn,
            "line 2, column 2: this map has a key without a value",
        ),
        (
            "{:type :ok} 5",
            Format::Edn,
            "line 1, column 13: an event must be a map, not a number",
        ),
        (
            "{:type :ok :value \"x",
            Format::Edn,
            "line 1, column 19: this text is never closed",
        ),
        ("]", Format::Edn, "line 1, column 1: ']' closes nothing"),
        (
            "{:type :ok :value 12x}",
            Format::Edn,
            "line 1, column 19: 12x is not a number",
        ),
        (
            "hello\nworld",
            Format::PorcupineLog,
            "line 1, column 1: expected a process, :invoke, :ok, :fail or :info, a name and a value",
        ),
        (
            "0\t:ok\t:read\t[1",
            Format::JepsenTxt,
            "line 1, column 13: expected a value in EDN, not \"[1\"",
        ),
        (
            "0\t:invoke\t:read\tnil\n0\t:o",
            Format::JepsenTxt,
            "line 2, column 1: expected a process, :invoke, :ok, :fail or :info, a name and a value",
        ),
        (
            "{\"index\":0}\n",
            Format::Jsonl,
            "line 1, column 1: the event has no :type",
        ),
        (
            "{\"index\":0\n",
            Format::Jsonl,
            "line 1, column 10: EOF while parsing an object",
        ),
        (
            "[{\"type\":\"ok\"},\n{\"type\":4}]",
            Format::ElleJson,
            "line 2, column 1: :type must be :invoke, :ok, :fail or :info, not 4",
        ),
        (
            "{:process [1] :type :invoke :f :read}",
            Format::Edn,
            "line 1, column 1: :process must be a number or a name, not [1]",
        ),
        (
            "{\"process\":true,\"type\":\"ok\",\"f\":\"read\"}\n",
            Format::Jsonl,
            "line 1, column 1: :process must be a number or a name, not true",
        ),
    ] {
        assert_eq!(wrong(text.as_bytes(), format), expected, "{text}");
    }
}

/// What is said of a text that is wrong: as an error, or of the part that could be read.
fn wrong(text: &[u8], format: Format) -> String {
    const REST: &str = "; what comes after that was not read, only the ";
    match read(text, format) {
        Err(error) => error.to_string(),
        Ok(history) => {
            let last = history.problems.last().expect("a problem");
            assert!(last.grave, "{last:?}");
            let (what, rest) = last.text.split_once(REST).expect("what was not read");
            assert_eq!(rest, format!("{} event(s) before it", history.events));
            what.to_owned()
        }
    }
}

#[test]
fn what_is_whole_of_a_cut_file_is_kept_and_the_rest_is_told() {
    let line =
        |at: usize| format!("{{:process {at}, :type :invoke, :f :write, :value \"{at}\"}}\n");
    let edn: String = (0..50).map(line).collect();
    let json = |at: usize| {
        format!("{{\"process\":{at},\"type\":\"invoke\",\"f\":\"write\",\"value\":\"{at}\"}}")
    };
    let jsonl: String = (0..50).map(|at| json(at) + "\n").collect();
    let elle = format!("[{}]", (0..50).map(json).collect::<Vec<_>>().join(",\n"));
    for (text, format) in [
        (edn, Format::Edn),
        (jsonl, Format::Jsonl),
        (elle, Format::ElleJson),
    ] {
        for end in 0..text.trim_end().len() {
            let cut = &text[..end];
            // Each event has one quoted value and one closing brace.
            let whole = cut.matches('}').count();
            let Ok(history) = read(cut.as_bytes(), format) else {
                assert_eq!(whole, 0, "{format:?} {cut}");
                continue;
            };
            assert_eq!(history.operations.len(), whole, "{format:?} {end}");
            let between =
                cut.trim_end().ends_with('}') && format != Format::ElleJson || cut.is_empty();
            assert_eq!(history.problems.is_empty(), between, "{format:?} {end}");
            assert!(history.problems.iter().all(|problem| problem.grave));
        }
        assert!(read(text.as_bytes(), format).unwrap().problems.is_empty());
    }
}

#[test]
fn deep_nesting_is_an_error_and_no_crash() {
    let deep = "[".repeat(100_000);
    assert!(read(deep.as_bytes(), Format::Edn).is_err());
    assert!(edn::parse(deep.as_bytes()).is_err());
    assert!(edn::parse("#_".repeat(100_000).as_bytes()).is_err());
    assert!(read(deep.as_bytes(), Format::ElleJson).is_err());
}

#[test]
fn tuples_are_split_only_when_asked() {
    let text = b"{:process 0 :type :invoke :f :read :value [7 nil]} {:process 0 :type :ok :f :read :value [7 3]}";
    let mut history = read(text, Format::Edn).unwrap();
    assert_eq!(history.operations[0].key, NEVER);
    history.split_tuples();
    assert_eq!(
        history.key_text(history.operations[0].key).as_deref(),
        Some("7")
    );
    assert_eq!(history.value(history.operations[0].result), Value::Int(3));
}

#[test]
fn bytes_that_are_no_text_are_told_with_what_to_do() {
    for (bytes, expected) in [
        (&b"PK\x03\x04"[..], "unpack it with unzip first"),
        (&b"\xff\xfe{\x00"[..], "convert it with iconv"),
        (
            &b"0\t:invoke\t:read\tnil\n0\t:ok\t:read\t\xff\n"[..],
            "line 2, column 13: expected UTF-8 text",
        ),
    ] {
        let error = wrong(bytes, Format::detect(bytes));
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn lines_of_a_log_without_an_event_are_counted_not_lost() {
    let text = "INFO  jepsen.core - starting\nINFO  jepsen.util - 0\t:invoke\t:read\tnil\nWARN  x\nINFO  jepsen.util - 0\t:ok\t:read\tnil\n";
    let history = read(text.as_bytes(), Format::detect(text.as_bytes())).unwrap();
    assert_eq!(history.operations.len(), 1);
    let told: Vec<_> = history
        .problems
        .iter()
        .map(|p| (p.grave, &*p.text))
        .collect();
    let expected = "2 line(s) of the log hold no event, the first is line 1";
    assert_eq!(told, [(false, expected)]);
}

/// What other people's histories are like, and what they mean.
#[test]
fn odd_shapes_of_edn_are_read_for_what_they_mean() {
    let plain = "{:process 0 :type :invoke :f :read :value nil} {:process 0 :type :ok :f :read :value [1 :a]}";
    let expected = {
        let history = read(plain.as_bytes(), Format::Edn).unwrap();
        outcomes(&history)
    };
    for odd in [
        // Windows: a mark of the byte order, and carriage returns.
        format!("\u{feff}{}", plain.replace("} {", "}\r\n{")),
        // Records with their tag, types as symbols or text, keys as text.
        plain.replace('{', "#jepsen.history.Op{"),
        plain.replace(":invoke", "invoke").replace(":ok", "\"ok\""),
        plain
            .replace(":process", "\"process\"")
            .replace(":type", "\"type\""),
        // A list in a vector, commas, comments, discarded forms, metadata.
        format!("[({})]", plain.replace("} {", "}, ; then\n {")),
        format!("#_{{:not :this}} ^{{:line 3}} {plain}"),
        // Entries that nobody knows, and nothing where something is left out.
        plain.replace(
            ":process 0",
            ":process 0 :time nil :index nil :clock {:a #inst \"2020-01-01\"}",
        ),
        // Lists, sets by another name, whole numbers with a mark.
        plain.replace("[1 :a]", "(1 :a)"),
        plain.replace("[1 :a]", "[1N :a]"),
    ] {
        let format = Format::detect(odd.as_bytes());
        assert_eq!(format, Format::Edn, "{odd}");
        let history = read(odd.as_bytes(), format).unwrap_or_else(|e| panic!("{e}: {odd}"));
        assert_eq!(outcomes(&history), expected, "{odd}");
        assert!(history.problems.is_empty(), "{:?}: {odd}", history.problems);
    }
}

#[test]
fn types_and_names_may_be_written_in_capitals() {
    let text = br#"{"process":1,"type":"INVOKE","f":"WRITE","value":3,"time":1.0E12}
{"process":1,"type":"OK","f":"WRITE","value":3,"time":1.1E12}"#;
    let history = read(text, Format::Jsonl).unwrap();
    assert_eq!(history.name(history.operations[0].f), "write");
    assert_eq!(history.operations[0].outcome, Outcome::Ok);
}

#[test]
fn a_process_is_a_client_by_its_number_and_the_nemesis_by_its_name() {
    let text = r#"[{"process":"3","type":"invoke","f":"read"},{"process":"nemesis","type":"info","f":"kill"},{"process":"3","type":"ok","f":"read","value":1}]"#;
    let history = read(text.as_bytes(), Format::ElleJson).unwrap();
    assert_eq!(history.operations.len(), 1);
    assert_eq!(history.operations[0].process, 3);
    assert_eq!(history.faults.len(), 1);
}

#[test]
fn final_reads_are_marked() {
    let edn = "{:process 0 :type :invoke :f :read :value nil :final? true}\n\
               {:process 0 :type :ok :f :read :value [1]}\n\
               {:process 1 :type :invoke :f :read :value nil :final? false}\n";
    let jsonl = r#"{"index":0,"time":0,"process":0,"type":"invoke","f":"read","final":true}
{"index":1,"time":1,"process":0,"type":"ok","f":"read","value":[1],"final":true}
{"index":2,"time":2,"process":1,"type":"invoke","f":"read"}
"#;
    for (text, format) in [(edn, Format::Edn), (jsonl, Format::Jsonl)] {
        let history = read(text.as_bytes(), format).unwrap();
        assert!(history.is_final(0) && !history.is_final(1), "{format:?}");
    }
}
