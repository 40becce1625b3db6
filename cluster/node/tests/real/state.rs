//! What a node tells of itself and of the cluster, to people and to what watches it.

use crate::cluster::{Cluster, wait_until};
use crate::registers::{REGISTERS, path};
use serde_json::Value;

#[test]
fn partitions_nodes_settings_and_log_are_told() {
    let cluster = Cluster::started(3, "");
    let node = &cluster.nodes[1];
    let partitions = node.get("/node/partition").json();
    let partitions = partitions.as_array().expect("a list");
    assert_eq!(partitions.len(), 8);
    for partition in partitions {
        assert_eq!(partition["status"], "ON", "{partition}");
        assert_eq!(
            partition["backup"].as_array().map(Vec::len),
            Some(2),
            "{partition}"
        );
        let owner = &partition["owner"];
        let address = format!(
            "{}:{}",
            owner["address"].as_str().expect("an address"),
            owner["port"]
        );
        let owns = cluster.nodes.iter().find(|node| node.client == address);
        assert_eq!(owner["name"], owns.expect("it is one of them").name);
    }
    let config = node.get("/node/config").json();
    assert_eq!(config["self"]["name"], "n2");
    assert_eq!(config["self"]["status"], "ACTIVE");
    assert_eq!(config["followers"].as_array().map(Vec::len), Some(2));
    assert_eq!(config["settings"]["secret"], true);
    assert!(
        !config.to_string().contains("shared"),
        "it is not told: {config}"
    );
    let log = node.get("/node/log").json();
    let lines = log.as_array().expect("lines");
    assert!(
        lines
            .iter()
            .any(|line| line["message"] == "the node starts"),
        "{log}"
    );
}

#[test]
fn figures_are_told_to_prometheus() {
    let cluster = Cluster::started(1, "replicas = 1");
    let node = &cluster.nodes[0];
    node.ask("POST", &path("/containers"), "", REGISTERS);
    node.ask(
        "PUT",
        &path("/containers/registers/rows/k"),
        "",
        "[\"k\",1]",
    );
    let told = node.get("/metrics");
    assert_eq!(told.status, 200);
    assert!(
        told.header("content-type")
            .is_some_and(|kind| kind.contains("version=0.0.4"))
    );
    let value = |name: &str| {
        let lines = told.body.lines();
        let mut found = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        found.next().map(str::to_owned)
    };
    for (name, expected) in [
        ("kensho_ready", "1"),
        ("kensho_in_quorum", "1"),
        ("kensho_master", "1"),
        ("kensho_rows", "1"),
        ("kensho_partitions_owned", "8"),
        ("kensho_updates_total", "2"),
        ("kensho_disk_room", "1"),
    ] {
        assert_eq!(value(name).as_deref(), Some(expected), "{name}");
    }
    // Every figure that the program knows of has a place in what the node says, but for a limit that is not set.
    let count = told
        .body
        .lines()
        .filter(|line| line.starts_with("# TYPE"))
        .count();
    assert_eq!(count, 3 + 37 - 1 + 3, "{}", told.body);
}

#[test]
fn without_a_quorum_nobody_is_told_that_all_is_well() {
    let mut cluster = Cluster::started(3, "");
    let check = path("/checkConnection");
    assert_eq!(cluster.nodes[0].get(&check).status, 200);
    cluster.nodes[1].kill();
    cluster.nodes[2].kill();
    wait_until("the node notices", || {
        cluster.nodes[0].get("/readyz").status == 503 && cluster.nodes[0].get(&check).status == 503
    });
    assert_eq!(cluster.nodes[0].get("/healthz").status, 200, "it lives");
    let metrics = cluster.nodes[0].get("/metrics").body;
    assert!(metrics.contains("\nkensho_in_quorum 0\n"), "{metrics}");
}

#[test]
fn the_owner_of_a_partition_tells_all_its_rows() {
    let cluster = Cluster::started(1, "replicas = 1");
    let node = &cluster.nodes[0];
    node.ask("POST", &path("/containers"), "", REGISTERS);
    node.ask(
        "PUT",
        &path("/containers/registers/rows"),
        "",
        "[[\"a\",1],[\"b\",2]]",
    );
    let partition = kensho_protocol::routing::partition_of("registers", 8).0;
    let told = node.get(&format!("/node/backup/{partition}"));
    assert_eq!(told.status, 200, "{told:?}");
    assert!(told.header("kensho-position").is_some());
    let lines: Vec<Value> = told
        .body
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines[0]["container"]["container_name"], "registers");
    assert_eq!(lines[1], serde_json::json!(["a", 1]));
    assert_eq!(lines[3], serde_json::json!({"containers": 1, "rows": 2}));
    assert_eq!(node.get("/node/backup/8").status, 400);
}

#[test]
fn a_page_shows_all_nodes_and_asks_one() {
    let mut cluster = Cluster::started(3, "");
    let page = cluster.nodes[0].get("/");
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'none'"), "{policy}");
    for never in ["innerHTML", "document.write", "http://", "https://"] {
        assert!(
            !page.body.contains(never),
            "it is self-contained, and what nodes say is text: {never}"
        );
    }
    let told = cluster.nodes[0].get("/cluster/stat").json();
    for node in &cluster.nodes {
        assert_eq!(told[&node.name]["cluster"]["nodeName"], node.name, "{told}");
    }
    cluster.nodes[2].kill();
    wait_until("one does not answer", || {
        let told = cluster.nodes[0].get("/cluster/stat").json();
        told["n3"].is_null() && told["n2"].is_object()
    });
}
