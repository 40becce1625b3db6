//! What a node takes on.

use crate::cluster::Cluster;
use crate::registers::{REGISTERS, path};

/// A client that sends one update after the other is never told to come again later, however slow the
/// disk is: it waits.
#[test]
fn one_client_is_not_refused_for_being_faster_than_the_disk() {
    let settings = "replicas = 1\ndurability = \"delayed\"\ndelayed_flush_interval_ms = 10\n\
                    flush_delay_ms = 2000";
    let cluster = Cluster::started(1, settings);
    let node = &cluster.nodes[0];
    node.ask(
        "POST",
        &path("/containers"),
        "",
        &REGISTERS.replace("LONG", "STRING"),
    );
    let rows = path("/containers/registers/rows");
    let value = "x".repeat(1 << 20);
    let batch: Vec<String> = (0..12)
        .map(|key| format!(r#"["{key}","{value}"]"#))
        .collect();
    let batch = format!("[{}]", batch.join(","));
    // Twice what may wait for the disk, within one flush.
    for _ in 0..11 {
        let stored = node.ask("PUT", &rows, "", &batch);
        assert_eq!(stored.status, 200, "{stored:?}");
    }
    let stat = node.get("/node/stat").json();
    assert_eq!(stat["kensho"]["refused_busy"], 0);
}
