//! A system of one's own: what `kensho init system` writes runs at once, its planted bug is found, and a
//! file that is wrong is refused before anything starts.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use assert_cmd::cargo::CommandCargoExt;

fn kensho(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::cargo_bin("kensho").unwrap();
    command
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}

/// The store is in Python, and clients in several languages, which a machine that builds kensho need not
/// have.
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        eprintln!("skipped: there is no {program}");
    }
    found
}

fn processes_in(folder: &Path) -> usize {
    let running = fs::read_dir("/proc").unwrap().flatten();
    let here = |entry: &fs::DirEntry| {
        let place = fs::read_link(entry.path().join("cwd"));
        place.is_ok_and(|place| place == folder)
    };
    running.filter(here).count()
}

fn test(folder: &Path, nemesis: &str, time_limit: &str) -> Output {
    let load = [
        "--clients",
        "6",
        "--rate",
        "200",
        "--time-limit",
        time_limit,
    ];
    let run = ["test", "register", "--system", "system.toml", "--seed", "1"];
    kensho(&[&run[..], &load, &["--nemesis", nemesis]].concat(), folder)
}

#[test]
fn the_planted_bug_of_the_store_is_found_and_nothing_where_it_cannot_show() {
    if !has("python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = fs::canonicalize(folder.path()).unwrap();
    let written = kensho(&["init", "system"], &folder);
    assert!(written.status.success(), "{}", said(&written));
    let again = kensho(&["init", "system"], &folder);
    assert_eq!(again.status.code(), Some(254), "{}", said(&again));

    let found = test(&folder, "none", "5s");
    let text = said(&found);
    assert_eq!(found.status.code(), Some(1), "{text}");
    assert!(
        text.starts_with("INVALID") && text.contains("stale read"),
        "{text}"
    );
    let run = folder.join("results/runs/register/latest");
    assert!(run.join("report.html").is_file());
    assert_eq!(processes_in(&folder), 0, "nothing is left behind");

    // A single node has nobody who could be behind.
    let file = folder.join("system.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("nodes = 3", "nodes = 1")).unwrap();
    let right = test(&folder, "none", "5s");
    assert_eq!(right.status.code(), Some(0), "{}", said(&right));
    assert_eq!(processes_in(&folder), 0, "nothing is left behind");
}

#[test]
fn a_client_in_any_language_runs_at_once() {
    for (language, program) in [("javascript", "node"), ("go", "go"), ("rust", "rustc")] {
        if !has("python3") || !has(program) {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let folder = fs::canonicalize(folder.path()).unwrap();
        let written = kensho(&["init", "system", "--language", language], &folder);
        assert!(written.status.success(), "{}", said(&written));
        let file = folder.join("system.toml");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace("nodes = 3", "nodes = 1")).unwrap();
        // Reads, writes and compare-and-sets must all have succeeded for that.
        let right = test(&folder, "none", "4s");
        assert_eq!(right.status.code(), Some(0), "{language}: {}", said(&right));
        assert_eq!(processes_in(&folder), 0, "nothing is left behind");
    }
}

#[test]
fn what_is_wrong_with_a_file_is_told_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let right = "name = \"mine\"\nnodes = 3\n[start]\ncommand = [\"sleep\", \"60\"]\n[client]\ncommand = [\"cat\"]\n";
    let refused = |text: &str, more: &[&str]| {
        fs::write(folder.path().join("mine.toml"), text).unwrap();
        let run = ["test", "register", "--system", "mine.toml"];
        let output = kensho(&[&run[..], more].concat(), folder.path());
        assert_eq!(output.status.code(), Some(254), "{}", said(&output));
        assert!(!folder.path().join("results").exists(), "nothing was begun");
        said(&output)
    };
    let told = refused(&right.replace("\"sleep\"", "\"sleepp\""), &[]);
    assert!(
        told.contains("mine.toml, line 4: ") && told.contains("sleepp"),
        "{told}"
    );
    let told = refused(right, &["--nemesis", "kill-owner"]);
    assert!(
        told.contains("kill-owner") && told.contains("primary"),
        "{told}"
    );
    let told = refused(right, &["--nodes", "5"]);
    assert!(told.contains("--nodes"), "{told}");
}

#[test]
fn a_client_that_cannot_be_spoken_to_ends_the_run_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    // Its nodes are ready when a command says so.
    let text = "name = \"mine\"\nnodes = 1\n[start]\ncommand = [\"sleep\", \"60\"]\n\
        [ready]\ncommand = [\"true\"]\n[client]\ncommand = [\"cat\"]\n";
    fs::write(folder.path().join("mine.toml"), text).unwrap();
    let run = ["test", "register", "--system", "mine.toml"];
    let output = kensho(&run, folder.path());
    assert_eq!(output.status.code(), Some(255), "{}", said(&output));
    assert!(said(&output).contains("in_reply_to"), "{}", said(&output));
}
