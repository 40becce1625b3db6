//! The load generator end to end: clusters are measured, compared and drawn in a few seconds, and
//! nothing is left running.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use programs::{kensho, nodes_in};

mod programs;

fn succeeded(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}\n{complained}");
    said
}

#[test]
fn modes_are_measured_compared_and_drawn() {
    let out = tempfile::tempdir().unwrap();
    let data = out.path().join("bench.json");
    let measured = kensho()
        .args([
            "bench",
            "--modes",
            "none,semi-sync",
            "--against",
            "echo",
            "--mix",
            "a",
        ])
        .args(["--connections", "4", "--records", "200", "--rounds", "2"])
        .args(["--window", "150ms", "--warm-up", "50ms", "--out"])
        .arg(out.path().join("runs"))
        .arg("--save")
        .arg(&data)
        .output()
        .unwrap();
    let said = succeeded(&measured);
    assert!(
        said.contains("semi-sync") && said.contains("echo"),
        "{said}"
    );
    assert_eq!(nodes_in(out.path()), 0);
    let set: Value = serde_json::from_slice(&fs::read(&data).unwrap()).unwrap();
    let contestants = set["experiments"][0]["contestants"].as_array().unwrap();
    assert_eq!(contestants.len(), 3);
    for contestant in contestants {
        let rounds = contestant["rounds"].as_array().unwrap();
        assert_eq!(rounds.len(), 2);
        for round in rounds {
            assert!(round["operations"].as_u64() > Some(0), "{contestant}");
            assert_eq!(round["errors"], 0, "{contestant}");
        }
    }
    let log = out.path().join("runs/bench/latest/command-line.hlog");
    let log = fs::read_to_string(log).unwrap();
    assert_eq!(
        log.lines().filter(|line| line.starts_with("Tag=")).count(),
        6,
        "{log}"
    );

    let compared = kensho()
        .arg("bench")
        .arg("--compare")
        .arg(&data)
        .arg("--measured")
        .arg(&data)
        .output();
    let said = succeeded(&compared.unwrap());
    assert!(said.contains("4 are the same within the noise"), "{said}");
}

#[test]
fn a_node_that_was_away_for_long_is_sent_data_images() {
    let out = tempfile::tempdir().unwrap();
    let data = out.path().join("catch-up.json");
    let measured = kensho()
        .args(["bench", "catch-up", "--megabytes", "2", "--around", "200ms"])
        .arg("--out")
        .arg(out.path().join("runs"))
        .arg("--save")
        .arg(&data)
        .output()
        .unwrap();
    let said = succeeded(&measured);
    assert!(said.contains("data images of"), "{said}");
    assert_eq!(nodes_in(out.path()), 0);
    let set: Value = serde_json::from_slice(&fs::read(&data).unwrap()).unwrap();
    let catch_up = &set["catch_up"];
    assert!(catch_up["images"].as_u64() >= Some(16), "one a partition");
    assert!(
        catch_up["image_bytes"].as_u64() > Some(2_000_000),
        "{catch_up}"
    );

    let drawn = kensho()
        .arg("charts")
        .arg(&data)
        .arg("--out")
        .arg(out.path())
        .output();
    let said = succeeded(&drawn.unwrap());
    assert!(said.contains("bring a node in sync again"), "{said}");
    assert!(out.path().join("catch-up.png").is_file());
}

#[test]
fn published_figures_are_drawn() {
    let out = tempfile::tempdir().unwrap();
    let published = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/published");
    let drawn = kensho()
        .arg("charts")
        .arg(published.join("failover.json"))
        .arg("--out")
        .arg(out.path())
        .output()
        .unwrap();
    let said = succeeded(&drawn);
    assert!(
        said.contains("After a kill, service is back within"),
        "{said}"
    );
    let svg = fs::read_to_string(out.path().join("failover-time.svg")).unwrap();
    assert!(svg.contains("After a kill, service is back within"));
    let png = fs::read(out.path().join("failover-time.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG"));

    let no_data = out.path().join("failover-time.svg");
    let refused = kensho()
        .arg("charts")
        .arg(&no_data)
        .arg("--out")
        .arg(out.path())
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(255));
    let complained = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(complained.contains("failover-time.svg"), "{complained}");
}
