//! The commands that run artificial worlds, end to end.

use std::process::Output;

use assert_cmd::Command;

fn kensho(arguments: &[&str]) -> Output {
    let mut command = Command::cargo_bin("kensho").expect("the program was built");
    command.args(arguments).output().expect("it can be run")
}

fn text(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("it is text")
}

#[test]
fn the_same_seed_tells_the_same_story_to_the_byte() {
    for world in ["replicas", "cluster"] {
        let story = || kensho(&["simulate", "--world", world, "--trace", "7"]);
        let (first, second) = (story(), story());
        assert_eq!(first.status.code(), Some(0), "{first:?}");
        assert!(text(&first).contains("faults end"), "{world}");
        assert!(
            first.stdout == second.stdout,
            "two runs of a seed differ in the world {world}"
        );
    }
}

#[test]
fn a_workload_runs_in_virtual_time_and_its_history_is_one_that_check_reads() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.jsonl");
    let path = path.to_str().expect("a path");
    let play = [
        "simulate",
        "--workload",
        "register",
        "--nemesis",
        "kill,pause",
    ];
    let trace = ["--duration", "10s", "--trace", "2", "--history", path];
    let ended = kensho(&[&play[..], &trace].concat());
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(text(&ended).contains("the workload begins"));
    let checked = kensho(&["check", "--model", "register", path]);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    for (wrong, why) in [
        (&["--workload", "juggling"][..], "there is no workload"),
        (&["--workload", "register", "--nemesis", "flood"], "flood"),
        (
            &["--workload", "register", "--world", "replicas"],
            "whole clusters",
        ),
    ] {
        let refused = kensho(&[&["simulate"], wrong].concat());
        assert_eq!(refused.status.code(), Some(254));
        let told = String::from_utf8_lossy(&refused.stderr);
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn shards_run_each_seed_once_and_write_figures() {
    let folder = tempfile::tempdir().expect("a folder");
    let runs: u64 = ["1/2", "2/2"]
        .iter()
        .map(|shard| {
            let out = folder.path().join(shard.replace('/', "-"));
            let out = out.to_str().expect("a path");
            let ended = kensho(&[
                "simulate", "--seeds", "0..21", "--shard", shard, "--out", out,
            ]);
            assert_eq!(ended.status.code(), Some(0), "{ended:?}");
            let figures = std::fs::read_to_string(out).expect("figures");
            let figures: serde_json::Value = serde_json::from_str(&figures).expect("JSON");
            assert!(figures["events"].as_u64().is_some_and(|events| events > 0));
            figures["runs"].as_u64().expect("a number")
        })
        .sum();
    assert_eq!(runs, 21);
}

#[test]
fn a_file_that_is_no_run_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.json");
    std::fs::write(&path, "{\"version\": 1}").expect("it can be written");
    let ended = kensho(&["replay", path.to_str().expect("a path")]);
    assert_eq!(ended.status.code(), Some(254));
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(told.contains("cannot be replayed"), "{told}");
}

#[test]
fn models_are_listed_and_a_small_one_is_explored() {
    let list = kensho(&["model", "--list"]);
    assert!(text(&list).contains("replication-divergence"));
    let ended = kensho(&["model", "election-handover"]);
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(text(&ended).contains("1689 states"), "{}", text(&ended));
    assert_eq!(
        kensho(&["model", "perpetuum-mobile"]).status.code(),
        Some(254)
    );
}
