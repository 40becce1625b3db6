//! Wrong arguments: one line that names what there is, and exit code 254.

use assert_cmd::Command;

/// What `kensho` says to `arguments` of what went wrong, with its exit code.
fn kensho(arguments: &[&str]) -> (i32, String) {
    let output = Command::cargo_bin("kensho")
        .unwrap()
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), said)
}

fn assert_refused(arguments: &[&str], expected: &[&str]) {
    let (code, said) = kensho(arguments);
    assert_eq!(code, 254, "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "one line, not {said:?}");
    for words in expected {
        assert!(said.contains(words), "{said:?} does not say {words:?}");
    }
}

#[test]
fn an_unknown_option_is_refused_with_those_there_are() {
    assert_refused(
        &["test", "register", "--speed", "9"],
        &[
            "kensho test",
            "--speed",
            "--nodes",
            "--nemesis",
            "--break-rules",
        ],
    );
}

#[test]
fn an_unknown_subcommand_is_refused_with_those_there_are() {
    assert_refused(
        &["tset"],
        &["tset", "test", "check", "cluster", "bench", "serve"],
    );
}

#[test]
fn an_unknown_workload_is_refused_with_those_there_are() {
    assert_refused(&["test", "bnak"], &["bnak", "register"]);
}

#[test]
fn what_maelstrom_does_not_have_is_refused_with_what_there_is() {
    assert_refused(
        &["maelstrom", "--bin", "/bin/cat", "--nemesis", "flood"],
        &["flood", "partition", "kill", "pause"],
    );
    assert_refused(
        &["maelstrom", "-w", "bnak", "--bin", "/bin/cat"],
        &["kensho maelstrom", "bnak", "lin-kv"],
    );
    assert_refused(
        &["maelstrom", "--bin", "/no/such/node"],
        &["--bin /no/such/node"],
    );
}

#[test]
fn an_unknown_fault_is_refused_with_those_there_are() {
    assert_refused(
        &["test", "register", "--nemesis", "kill,flood"],
        &["flood", "pause", "partition", "kill-owner", "majority-ring"],
    );
}

#[test]
fn values_that_cannot_be_are_refused() {
    assert_refused(
        &["test", "register", "--time-limit", "60"],
        &["--time-limit", "such as 100ms"],
    );
    assert_refused(
        &["test", "register", "--mode", "hope"],
        &["hope", "semi-sync", "async"],
    );
    assert_refused(&["test", "register", "--rate", "-3"], &["--rate"]);
    assert_refused(
        &["test", "register", "--nodes", "0"],
        &["--nodes", "from 1 to"],
    );
    assert_refused(
        &["test", "register", "--nodes", "2", "--replicas", "3"],
        &["--replicas 3"],
    );
    assert_refused(
        &["test", "register", "--time-limit", "2s"],
        &["too short for a fault"],
    );
    assert_refused(&["test"], &["WORKLOAD"]);
}

#[test]
fn a_missing_node_program_is_a_failure_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let (code, said) = kensho(&[
        "test",
        "register",
        "--out",
        out,
        "--node-binary",
        "/no/such",
    ]);
    assert_eq!(code, 255, "{said}");
    assert!(
        said.contains("/no/such") && said.contains("cargo build"),
        "{said}"
    );
}

#[test]
fn help_shows_every_option_with_its_default() {
    let output = Command::cargo_bin("kensho")
        .unwrap()
        .args(["test", "--help"])
        .output()
        .unwrap();
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).unwrap();
    for words in [
        "--nodes",
        "[default: 5]",
        "--heartbeat",
        "[default: 100ms]",
        "--seed",
        "--out",
    ] {
        assert!(help.contains(words), "{words}");
    }
}

#[test]
fn a_run_that_is_not_there_cannot_be_checked() {
    let mut check = Command::cargo_bin("kensho").unwrap();
    let output = check.args(["check", "/no/such/run"]).output().unwrap();
    assert_eq!(output.status.code(), Some(255));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("/no/such/run") && said.contains("cannot be read"),
        "{said}"
    );
}
