//! Roles are spread over nodes that come, and move to whom people name, while clients read and write (rule M9).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kensho_client::{Client, Condition, Container};

use crate::cluster::{Cluster, wait_until};

/// Containers, in different partitions for the most part.
const CONTAINERS: usize = 8;

/// How many partitions each node owns and holds, as `node` shows them.
fn shares(cluster: &Cluster, node: usize) -> BTreeMap<String, (usize, usize)> {
    let table = cluster.nodes[node].table().expect("a table");
    let list = |value: &serde_json::Value| value.as_array().cloned().expect("a list");
    let text = |value: &serde_json::Value| value.as_str().expect("a name").to_owned();
    let nodes = list(&table["nodes"]);
    let nodes = nodes.iter().map(|node| (text(&node["name"]), (0, 0)));
    let mut shares: BTreeMap<String, (usize, usize)> = nodes.collect();
    for partition in list(&table["partitions"]) {
        shares.entry(text(&partition["owner"])).or_default().0 += 1;
        for name in list(&partition["in_sync"]) {
            shares.entry(text(&name)).or_default().1 += 1;
        }
    }
    shares
}

fn are_level(shares: &BTreeMap<String, (usize, usize)>, nodes: usize) -> bool {
    let apart = |of: fn(&(usize, usize)) -> usize| {
        let counts = shares.values().map(of);
        counts.clone().max().unwrap_or(0) - counts.min().unwrap_or(0)
    };
    shares.len() == nodes && apart(|share| share.0) <= 1 && apart(|share| share.1) <= 1
}

/// Writes and reads one row of a container until told to stop.
async fn work(client: Client, container: String, stop: Arc<AtomicBool>) -> u64 {
    let mut step = 0;
    while !stop.load(Ordering::Relaxed) {
        step += 1;
        let row = format!("[\"k\",{step}]");
        let put = client.put(&container, "k", row, Condition::Any).await;
        put.unwrap_or_else(|error| panic!("{container}, write {step}: {error}"));
        let got = client.get(&container, "k").await;
        let got = got.unwrap_or_else(|error| panic!("{container}, read {step}: {error}"));
        let row = got.value.expect("it was written").value;
        assert_eq!(row, format!("[\"k\",{step}]").as_bytes());
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    step
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_joins_under_load_gets_its_share_and_partitions_move_at_a_word() {
    let mut cluster = Cluster::started(3, "");
    let client = cluster.client();
    let stop = Arc::new(AtomicBool::new(false));
    let mut workers = Vec::new();
    for number in 0..CONTAINERS {
        let name = format!("c{number}");
        let container = Container::keyed(&name, "STRING").column("value", "LONG");
        client.create_container(&container).await.expect("created");
        let worker = work(cluster.client(), name, Arc::clone(&stop));
        workers.push(tokio::spawn(worker));
    }
    let fourth = cluster.join();
    wait_until("all have like shares", || {
        let (members, table) = (4, cluster.nodes[fourth].table());
        table.is_some() && are_level(&shares(&cluster, fourth), members)
    });
    let told = cluster.nodes[0].get("/cluster/plan").json();
    assert_eq!(told["steps"], serde_json::json!([]), "{told}");
    assert_eq!(told["levelling"]["on"], true);

    // Any node takes it.
    let pause = cluster.nodes[1].ask("POST", "/cluster/levelling", "", r#"{"on": false}"#);
    assert_eq!(pause.status, 202);
    wait_until("it is paused", || {
        let stat = cluster.nodes[2].get("/node/stat").json();
        stat["kensho"]["levelling"]["on"] == false
    });
    let table = cluster.nodes[0].table().expect("a table");
    let outside = |partition: &&serde_json::Value| {
        let in_sync = partition["in_sync"].as_array().expect("a list");
        !in_sync.iter().any(|name| name == "n4")
    };
    let partitions = table["partitions"].as_array().expect("a list");
    let partition = partitions.iter().find(outside).expect("one")["id"].clone();
    let body = serde_json::json!({"partition": partition, "to": "n4"}).to_string();
    let moved = cluster.nodes[2].ask("POST", "/cluster/move", "", &body);
    assert_eq!(moved.status, 202);
    wait_until(
        "n4 owns it, and there are no more copies than before",
        || {
            let table = cluster.nodes[0].table().expect("a table");
            let at = &table["partitions"]
                [usize::try_from(partition.as_u64().expect("a number")).expect("small")];
            at["owner"] == "n4" && at["in_sync"].as_array().map(Vec::len) == Some(3)
        },
    );
    let nobody = cluster.nodes[0].ask(
        "POST",
        "/cluster/move",
        "",
        r#"{"partition": 0, "to": "n9"}"#,
    );
    assert_eq!(nobody.status, 400);
    let none = cluster.nodes[0].ask("POST", "/cluster/levelling", "", r#"{"copies_at_once": 0}"#);
    assert_eq!(none.status, 400);

    stop.store(true, Ordering::Relaxed);
    for worker in workers {
        assert!(worker.await.expect("no statement failed") > 0);
    }
}
