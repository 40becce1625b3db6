//! Events of runs that go on.

use std::fs::{self, OpenOptions};
use std::io::Write;

use kensho_results::progress::{Progress, Stage};
use kensho_results::verdict::Validity;

use crate::client::{Events, get};
use crate::fixture::{Served, VALID, make_run};

pub(crate) const RUNNING: &str = "register/20260317T093001.000Z";

pub(crate) fn line(elapsed_ms: u64, stage: Stage, answered: u64) -> String {
    let progress = Progress {
        elapsed_ms,
        stage,
        stage_ms: elapsed_ms,
        length_ms: Some(60_000),
        answered,
        failed: 0,
        unknown: 0,
        faults: 1,
        faults_planned: 3,
        fault: Some("an owner is killed".to_string()),
        why: None,
    };
    serde_json::to_string(&progress).unwrap() + "\n"
}

pub(crate) fn append(served: &Served, text: &str) {
    let folder = served.root.path().join(RUNNING);
    fs::create_dir_all(&folder).unwrap();
    let mut options = OpenOptions::new();
    let file = options
        .create(true)
        .append(true)
        .open(folder.join("progress.jsonl"));
    file.unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_run_that_goes_on_is_told_line_by_line_until_its_verdict() {
    let served = Served::start();
    append(&served, &line(500, Stage::Starting, 0));
    append(&served, &line(1_000, Stage::Main, 100));
    let page = get(served.address, &format!("/run/{RUNNING}"));
    assert!(page.text().contains("id=\"live\""));
    let mut events = Events::open(served.address, &format!("/live/{RUNNING}"));
    let mut answered = || {
        let (name, data) = events.next().unwrap();
        assert_eq!(name, "progress");
        data["answered"].as_u64().unwrap()
    };
    assert_eq!([answered(), answered()], [0, 100]);
    // Half a line is no event; the whole one is.
    let next = line(1_500, Stage::Main, 250);
    append(&served, &next[..20]);
    append(&served, &next[20..]);
    assert_eq!(answered(), 250);
    append(&served, &line(2_000, Stage::Judging, 300));
    assert_eq!(answered(), 300);
    make_run(served.root.path(), RUNNING, Validity::Invalid, "async");
    append(&served, &line(2_500, Stage::Ended, 300));
    let rest: Vec<String> = std::iter::from_fn(|| events.next())
        .map(|(name, _)| name)
        .collect();
    assert_eq!(rest, ["progress", "verdict"]);
    assert!(
        Events::open(served.address, &format!("/live/{VALID}"))
            .next()
            .unwrap()
            .0
            == "verdict"
    );
}

#[test]
fn a_run_that_was_given_up_ends_with_why() {
    let served = Served::start();
    append(
        &served,
        &line(500, Stage::Failed, 0).replace("}\n", ",\"why\":\"no whole cluster\"}\n"),
    );
    let mut events = Events::open(served.address, &format!("/live/{RUNNING}"));
    assert_eq!(events.next().unwrap().0, "progress");
    let (name, data) = events.next().unwrap();
    assert_eq!(
        (name.as_str(), data["why"].as_str()),
        ("ended", Some("no whole cluster"))
    );
    assert!(events.next().is_none());
}

#[test]
fn the_list_tells_of_new_runs_and_ends_with_the_server() {
    let mut served = Served::start();
    let mut events = Events::open(served.address, "/live");
    let (name, first) = events.next().unwrap();
    assert_eq!(name, "runs");
    append(&served, &line(500, Stage::Main, 7));
    let (name, second) = events.next().unwrap();
    assert_eq!(name, "runs");
    assert_ne!(first["mark"], second["mark"]);
    let (name, progress) = events.next().unwrap();
    assert_eq!(name, "progress");
    assert_eq!(progress["path"], RUNNING);
    assert_eq!(progress["progress"]["answered"], 7);
    served.stop();
    while events.next().is_some() {}
}
