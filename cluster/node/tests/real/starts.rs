//! How nodes start, and what they say when they cannot.

use std::net::TcpListener;
use std::process::{Command, Output};

use crate::cluster::{Cluster, free_addresses, program, wait_until};

/// Runs the program to its end.
fn run(arguments: &[&str]) -> Output {
    let output = Command::new(program()).args(arguments).output();
    output.expect("the program starts")
}

/// The exit code, and what was said last.
fn complaint(output: &Output) -> (Option<i32>, String) {
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().last().unwrap_or_default().to_owned();
    (output.status.code(), last)
}

#[test]
fn wrong_arguments_and_settings_are_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("node.toml");
    let settings = settings.to_str().unwrap();
    std::fs::write(settings, "name = \"n1\"\ndata_dir = \"x\"\nheart = 1").unwrap();
    for (arguments, expected) in [
        (vec!["--no-such-option"], "--no-such-option"),
        (vec!["--partitions", "many", "--name", "n1"], "--partitions"),
        (vec![], "the setting name is missing"),
        (vec!["--name", "n1"], "the setting data_dir is missing"),
        (
            vec!["--name", "a b", "--data-dir", "x"],
            "the setting name is a b",
        ),
        (
            vec!["--config", "/nowhere.toml"],
            "cannot read the settings file /nowhere.toml",
        ),
        (vec!["--config", settings], "line 3: unknown field `heart`"),
        (
            vec!["--name", "n1", "--data-dir", "x", "--log", "=="],
            "the setting log is ==",
        ),
    ] {
        let output = run(&arguments);
        let (code, text) = complaint(&output);
        assert_eq!(code, Some(254), "{arguments:?}: {text}");
        assert!(text.contains(expected), "{arguments:?}: {text}");
        assert_eq!(
            String::from_utf8_lossy(&output.stderr).lines().count(),
            1,
            "{output:?}"
        );
    }
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
}

#[test]
fn an_address_in_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let free = free_addresses(1).remove(0);
    for (client, peer, setting) in [
        (&taken, &free, "client_listen"),
        (&free, &taken, "peer_listen"),
    ] {
        let output = run(&[
            "--name",
            "n1",
            "--data-dir",
            data.to_str().unwrap(),
            "--client-listen",
            client,
            "--peer-listen",
            peer,
        ]);
        let (code, text) = complaint(&output);
        assert_eq!(code, Some(255), "{text}");
        assert!(text.contains(&taken) && text.contains(setting), "{text}");
    }
}

#[test]
fn a_data_folder_belongs_to_one_process_and_one_cluster() {
    let mut cluster = Cluster::started(1, "replicas = 1");
    let data = cluster.folder.path().join("n1");
    let data = data.to_str().unwrap().to_owned();
    let start = |name: &str| {
        run(&[
            "--name",
            "n1",
            "--cluster",
            name,
            "--data-dir",
            &data,
            "--replicas",
            "1",
            "--partitions",
            "8",
            "--client-listen",
            "127.0.0.1:0",
            "--peer-listen",
            "127.0.0.1:0",
        ])
    };
    let (code, text) = complaint(&start("test"));
    assert_eq!(code, Some(255), "{text}");
    assert!(text.contains("in use") && text.contains(&data), "{text}");
    cluster.nodes[0].stop();
    let (code, text) = complaint(&start("other"));
    assert_eq!(code, Some(255), "{text}");
    assert!(
        text.contains("\"test\"") && text.contains("\"other\""),
        "{text}"
    );
}

/// Starts two nodes of which the second one has other settings, and waits until both say so.
fn refused(extra: &str, said: &[&str]) {
    let mut cluster = Cluster::new(2, "replicas = 2");
    cluster.nodes[0].start();
    let settings = cluster.folder.path().join("n2.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    let (line, _) = extra.split_once('=').unwrap();
    let others = text.lines().filter(|old| !old.starts_with(line));
    let text = others.chain([extra]).collect::<Vec<_>>().join("\n");
    std::fs::write(&settings, text).unwrap();
    cluster.nodes[1].start();
    for node in &cluster.nodes {
        wait_until("the refusal is said", || {
            let log = node.log();
            said.iter().all(|part| log.contains(part))
        });
        assert_eq!(node.get("/healthz").status, 200, "it lives on");
        assert_eq!(node.get("/readyz").status, 503, "but does not serve");
    }
}

#[test]
fn a_node_of_another_cluster_is_refused_by_name() {
    refused(
        "cluster = \"other\"",
        &["has cluster other", "has cluster test"],
    );
}

#[test]
fn a_node_with_another_number_of_partitions_is_refused_by_name() {
    refused(
        "partitions = 16",
        &["has partitions 16", "has partitions 8"],
    );
}

#[test]
fn a_node_with_another_secret_is_refused() {
    refused(
        "secret = \"guessed\"",
        &["the secret is not that of this cluster"],
    );
}
