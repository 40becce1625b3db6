//! How long the update log on disk gets.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::cluster::Cluster;
use crate::registers::path;

const CHECKPOINT_AFTER_BYTES: u64 = 1 << 20;
const CONTAINERS: usize = 16;

/// What the files of a node's log take.
fn log_bytes(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).expect("a data folder");
    let bytes = files.map(|file| {
        let file = file.expect("a file");
        match file.file_name().to_string_lossy().starts_with("log-") {
            // It may have been removed just now.
            true => file.metadata().map_or(0, |file| file.len()),
            false => 0,
        }
    });
    bytes.sum()
}

/// However fast clients are, and however slow the disk that checkpoints are written to: updates wait for
/// the log to be cut, on its owner's node and where the backup is. None is refused.
#[test]
fn the_log_on_disk_stays_within_twice_its_setting() {
    let settings = format!(
        "replicas = 2\ndurability = \"delayed\"\ndelayed_flush_interval_ms = 200\nflush_delay_ms = 5\n\
         checkpoint_after_bytes = {CHECKPOINT_AFTER_BYTES}"
    );
    let cluster = Cluster::started(2, &settings);
    let node = &cluster.nodes[0];
    for container in 0..CONTAINERS {
        let text = format!(
            r#"{{"container_name":"c{container}","container_type":"COLLECTION","rowkey":true,
               "columns":[{{"name":"key","type":"STRING"}},{{"name":"value","type":"STRING"}}]}}"#
        );
        let created = node.ask("POST", &path("/containers"), "", &text);
        assert!(created.status < 300, "{created:?}");
    }
    let row = |key: usize| format!(r#"["{key}","{}"]"#, "x".repeat(16 << 10));
    let batch = format!("[{},{}]", row(0), row(1));
    let next = AtomicUsize::new(0);
    let longest = |name: &str| log_bytes(&cluster.folder.path().join(name));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= 200 {
                        return;
                    }
                    let rows = path(&format!("/containers/c{}/rows", number % CONTAINERS));
                    let node = &cluster.nodes[number % 2];
                    let stored = node.ask("PUT", &rows, "", &batch);
                    assert_eq!(stored.status, 200, "{stored:?}");
                    for name in ["n1", "n2"] {
                        let bytes = longest(name);
                        assert!(
                            bytes <= 2 * CHECKPOINT_AFTER_BYTES,
                            "{name}: {bytes} bytes after {number} batches"
                        );
                    }
                }
            });
        }
    });
    for node in &cluster.nodes {
        assert_eq!(node.get("/node/stat").json()["kensho"]["refused_busy"], 0);
    }
}
