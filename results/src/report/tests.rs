//! What a report must say, whatever it looks like.

use crate::answers::Answers;
use std::collections::BTreeMap;

use kensho_checker::history::Kind;
use serde_json::{Map, Value, json};

use super::surroundings::Surroundings;
use crate::figures::{FaultSpan, Figures, Input};
use crate::run::{Host, RunRecord};
use crate::sample::Sample;
use crate::store::RunFolder;
use crate::verdict::{
    Counts, Failover, FaultOutcome, FaultRecord, InjectionKind, InjectionRecord, Loss, Losses,
    LostWriteRecord, Validity, Verdict,
};

fn page(record: &RunRecord, verdict: &Verdict) -> String {
    super::page(record, verdict, &Surroundings::none(verdict))
}

fn record() -> RunRecord {
    RunRecord {
        workload: "register".to_string(),
        system: "kensho".to_string(),
        began: "2026-03-15T09:30:05Z".to_string(),
        seed: 42,
        command: ["kensho", "test", "register", "--seed", "42"]
            .map(String::from)
            .to_vec(),
        options: Map::from_iter([("nodes".to_string(), json!(3))]),
        broken_rules: BTreeMap::new(),
        planned_faults: Value::Null,
        versions: Map::new(),
        host: Host {
            system: "linux".to_string(),
            processors: 2,
            memory_bytes: 8 << 30,
            disk: String::new(),
        },
    }
}

fn fault() -> FaultRecord {
    let health = |word: &str| BTreeMap::from([("n1".to_string(), word.to_string())]);
    FaultRecord {
        name: "kill-owner".to_string(),
        text: "the owner of a partition is killed".to_string(),
        targets: vec!["n1".to_string()],
        start_ms: 1_000,
        end_ms: 2_000,
        outcome: FaultOutcome::Applied,
        injections: vec![InjectionRecord {
            kind: Some(InjectionKind::Kill),
            action: "kill".to_string(),
            targets: vec!["n1".to_string()],
            outcome: FaultOutcome::Applied,
            why: None,
            at_ms: 1_000,
            owners: vec!["n1".to_string()],
            master: true,
        }],
        partition: Some(1),
        owned: vec![0, 1],
        health_before: health("ready"),
        health_during: health("down"),
        health_after: health("up"),
    }
}

fn verdict(valid: Validity) -> Verdict {
    let samples: Vec<Sample> = (0..300)
        .map(|number| Sample {
            f: "write",
            partition: number % 2,
            intended_ns: u64::from(number) * 10_000_000,
            invoke_ns: u64::from(number) * 10_000_000,
            complete_ns: u64::from(number) * 10_000_000 + 2_000_000,
            kind: Kind::Ok,
            served: true,
        })
        .collect();
    let figures = Figures::of(Input {
        samples: &samples,
        faults: &[FaultSpan {
            start_ns: 1_000_000_000,
            end_ns: 2_000_000_000,
        }],
        operations: &["write"],
        partitions: 2,
        length_ns: 3_000_000_000,
        rate: None,
    });
    Verdict {
        valid,
        summary: "All is <well> & good.".to_string(),
        missing: Vec::new(),
        anomalies: Vec::new(),
        losses: Losses::default(),
        checker: Value::Null,
        faults: vec![fault()],
        counts: Counts {
            faults_applied: 1,
            owner_kills: 1,
            ..Counts::default()
        },
        failovers: vec![Failover {
            at_ms: 1_400,
            after_ms: Some(1_300),
            recorded: false,
            partition: Some(1),
            from: Some("n1".to_string()),
            to: Some("n2".to_string()),
            number: 7,
            fault: Some(0),
        }],
        unexpected_exits: Vec::new(),
        answers: Answers::default(),
        object: "register".to_string(),
        began_unix_ms: None,
        figures,
    }
}

/// The page is well formed as far as pairs of tags go.
fn assert_balanced(page: &str) {
    let void = ["meta", "!DOCTYPE"];
    let mut open: Vec<&str> = Vec::new();
    let mut page = page.to_string();
    for name in ["style", "script"] {
        // What is in them is no HTML.
        while let Some(from) = page.find(&format!("<{name}")) {
            let end = format!("</{name}>");
            let to = page[from..].find(&end).expect("it is closed") + from;
            page.replace_range(from..to + end.len(), "");
        }
    }
    for tag in page.split('<').skip(1) {
        let name = tag
            .split(['>', ' ', '\n', '/'])
            .find(|part| !part.is_empty())
            .unwrap();
        let closed_at_once = tag.split('>').next().unwrap().ends_with('/');
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "in {:?}", &tag[..tag.len().min(80)]);
        } else if !(closed_at_once || void.contains(&name)) {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn a_page_is_whole_and_fetches_nothing() {
    for valid in [Validity::Valid, Validity::Invalid, Validity::Unknown] {
        let page = page(&record(), &verdict(valid)).replace("&quot;", "'");
        assert_balanced(&page);
        // The only address is the name of a kind of elements.
        let page = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!page.contains("http:"));
        for fetched in [
            "https:", "<link", "src=", "@import", "url(", "fetch(", "import(",
        ] {
            assert!(!page.contains(fetched), "{fetched}");
        }
    }
}

#[test]
fn the_verdict_and_how_to_run_it_again_are_told() {
    let page = page(&record(), &verdict(Validity::Valid));
    assert!(page.contains("<h1>Valid</h1>"));
    assert!(
        page.contains("All is &lt;well&gt; &amp; good."),
        "text is never taken for HTML"
    );
    assert!(page.contains("kensho test register --seed 42"));
    assert!(
        page.contains("<b>kill-owner</b> on n1, with the master") && page.contains("owner of 1")
    );
}

#[test]
fn what_is_missing_is_listed() {
    let mut verdict = verdict(Validity::Unknown);
    verdict.missing = vec!["no cas succeeded after the faults".to_string()];
    assert!(page(&record(), &verdict).contains("<li>no cas succeeded after the faults</li>"));
}

#[test]
fn violations_and_losses_are_shown() {
    let mut verdict = verdict(Validity::Invalid);
    verdict.anomalies = vec![json!({
        "name": "stale read", "key": "r7", "text": "process 3 read 4 after 5 was written",
        "operations": [
            {"process": 1, "f": "write", "value": 5, "type": "ok", "invoke_ns": 10, "complete_ns": 20, "role": "proof", "node": "n2"},
            {"process": 3, "f": "cas", "value": [4, 6], "type": "info", "invoke_ns": 30, "complete_ns": null, "role": "proof"},
            {"process": 4, "f": "write", "value": 4, "type": "ok", "invoke_ns": 1, "complete_ns": 2, "role": "source"}
        ],
        "partition": 1,
    })];
    verdict.losses = Losses {
        count: 1,
        by_failover: vec![Loss {
            failover: "partition 1: owner n1 -> n2".to_string(),
            at_ms: Some(1_400),
            count: 1,
            writes: vec![LostWriteRecord {
                key: "r7".to_string(),
                partition: 1,
                value: json!(5),
                acknowledged_ms: 900,
                missed_ms: 1_600,
                seen: json!(4),
            }],
        }],
    };
    let page = page(&record(), &verdict);
    assert_balanced(&page);
    assert!(page.contains("Stale read") && page.contains("register r7"));
    assert!(page.contains("write 5 · n2") && page.contains("cas 4 → 6 ?"));
    assert!(page.contains("A read returned a value that had been replaced before the read began."));
    assert!(page.contains("Process 1 writes 5: n2 confirms it. <b>This cannot be right.</b>"));
    assert!(page.contains("partition 1: owner n1 -&gt; n2"));
    let change = "Partition 1, which holds the register, is seen to have another owner: n2 instead of n1 (it happened between 1.300 and 1.400 s).";
    assert!(!page.contains(change), "that came much later");
    let mut later = |milliseconds: u64| {
        for operation in verdict.anomalies[0]["operations"].as_array_mut().unwrap() {
            for name in ["invoke_ns", "complete_ns"] {
                if let Some(ns) = operation[name].as_u64() {
                    operation[name] = json!(ns + milliseconds * 1_000_000);
                }
            }
        }
        self::page(&record(), &verdict)
    };
    let page = later(500);
    assert!(
        page.contains(change),
        "the new owner answered before it was seen to be one"
    );
    let page = later(1_000);
    assert!(page.contains("Fault 1 begins on n1: the owner of a partition is killed."));
    assert!(page.contains(change));
}

#[test]
fn what_a_broken_rule_leads_to_is_told() {
    let mut record = record();
    record
        .options
        .insert("break-rules".to_string(), json!("local-read,no-quorum"));
    let text = "an owner answers <reads>".to_string();
    record.broken_rules = BTreeMap::from([("local-read".to_string(), text)]);
    let page = page(&record, &verdict(Validity::Invalid));
    assert!(page.contains("<code>local-read</code> is broken in them"));
    assert!(page.contains("Without it an owner answers &lt;reads&gt;."));
    assert!(page.contains("<code>no-quorum</code> is broken in them"));
}

#[test]
fn a_run_without_faults_and_operations_can_be_drawn() {
    let figures = Figures::of(Input {
        samples: &[],
        faults: &[],
        operations: &["read"],
        partitions: 0,
        length_ns: 0,
        rate: None,
    });
    let verdict = Verdict {
        faults: Vec::new(),
        figures,
        ..verdict(Validity::Unknown)
    };
    let page = page(&record(), &verdict);
    assert_balanced(&page);
    assert!(!page.contains("NaN") && !page.contains("inf"));
}

#[test]
fn what_nodes_logged_around_a_violation_is_shown_and_never_taken_for_html() {
    let root = tempfile::tempdir().unwrap();
    let folder = RunFolder::open(root.path());
    let log = folder.node("n1").join("log");
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    let line = |time: &str, message: &str| {
        format!(
            "{{\"timestamp\":\"2026-03-15T{time}Z\",\"level\":\"WARN\",\"message\":\"{message}\"}}\n"
        )
    };
    let lines = [
        line("09:30:06.500000", "no longer <owner>"),
        line("09:31:00.000000", "long after"),
    ];
    std::fs::write(log, lines.concat()).unwrap();
    std::fs::write(
        folder.table(),
        "{\"at_ms\":5,\"table\":{\"master\":\"n1\"}}\n",
    )
    .unwrap();
    let mut verdict = verdict(Validity::Invalid);
    verdict.failovers.clear();
    verdict.began_unix_ms = Some(1_773_567_005_000);
    verdict.anomalies = vec![json!({
        "name": "stale read", "key": "r7", "text": "",
        "operations": [{"process": 3, "f": "read", "value": 4, "type": "ok", "invoke_ns": 1_400_000_000, "complete_ns": 1_600_000_000, "role": "proof", "node": "n2"}],
    })];
    super::write(&folder, &record(), &verdict).unwrap();
    let page = std::fs::read_to_string(folder.report()).unwrap();
    assert_balanced(&page);
    assert!(page.contains("1.500 s</span> <b>n1</b> <span>no longer &lt;owner&gt;</span>"));
    assert!(!page.contains("long after"));
    assert!(page.contains("class=\"master\""), "the master is drawn");
}
