//! Durability `delayed`: what a node that crashes may lack, and what a stop in good order keeps
//! (rule R5).

use crate::cluster::{Cluster, Node, wait_until};
use crate::registers::{create_registers, put};
use kensho_client::Client;

/// The log is flushed only when somebody waits for it: what a crash takes is not left to chance.
const DELAYED: &str = "durability = \"delayed\"\ndelayed_flush_interval_ms = 3600000";

/// A cluster in which steps 0 to 49 were put.
async fn after_fifty_steps(nodes: usize) -> (Cluster, Client) {
    let cluster = Cluster::started(nodes, DELAYED);
    let client = cluster.client();
    create_registers(&client).await;
    for step in 0..50 {
        put_step(&client, step).await;
    }
    (cluster, client)
}

async fn put_step(client: &Client, step: i64) -> String {
    put(client, &format!("k{step}"), step).await
}

async fn all_there(client: &Client, steps: std::ops::Range<i64>) {
    for step in steps {
        let row = client.get("registers", &format!("k{step}")).await.unwrap();
        let value = row.value.expect("it was acknowledged").value;
        assert_eq!(value, format!("[\"k{step}\",{step}]"));
    }
}

fn ours(node: &Node, figure: &str) -> u64 {
    node.get("/node/stat").json()["kensho"][figure]
        .as_u64()
        .expect("a number")
}

#[tokio::test]
async fn a_node_that_crashed_catches_up_before_its_data_count() {
    let (mut cluster, client) = after_fifty_steps(3).await;
    let first = cluster.owner_of("registers");
    assert_eq!(ours(cluster.node(&first), "incarnation"), 0);
    cluster.node(&first).kill();
    for step in 50..100 {
        assert_ne!(put_step(&client, step).await, first);
    }
    cluster.node(&first).start();
    cluster.wait_until_whole();
    assert_ne!(ours(cluster.node(&first), "incarnation"), 0, "drawn anew");
    let log = cluster.node(&first).log();
    assert!(log.contains("the node catches up"), "{log}");
    // Now it has everything, and may become owner again.
    let second = cluster.owner_of("registers");
    assert_ne!(second, first);
    cluster.node(&second).kill();
    all_there(&client, 0..100).await;
    for node in cluster.nodes.iter().filter(|node| node.name != second) {
        assert_eq!(ours(node, "possible_losses"), 0);
    }
}

#[tokio::test]
async fn a_stop_in_good_order_loses_nothing() {
    let (mut cluster, client) = after_fifty_steps(2).await;
    for node in &mut cluster.nodes {
        assert!(node.stop().success());
    }
    for node in &mut cluster.nodes {
        node.start();
    }
    cluster.wait_until_whole();
    all_there(&client, 0..50).await;
    for node in &cluster.nodes {
        assert_eq!(ours(node, "incarnation"), 0);
        assert_eq!(ours(node, "possible_losses"), 0);
    }
}

#[tokio::test]
async fn when_all_crashed_the_service_comes_back_and_says_that_something_may_be_lost() {
    let (mut cluster, client) = after_fifty_steps(3).await;
    for node in &mut cluster.nodes {
        node.kill();
    }
    // Two are a quorum, but the third may know more: nobody is made owner before it has reported.
    for node in &mut cluster.nodes[..2] {
        node.start();
    }
    let unavailable = "no node of its in-sync set can be reached";
    wait_until("the master has looked for an owner", || {
        let mut running = cluster.nodes[..2].iter();
        running.any(|node| node.log().contains(unavailable))
    });
    for node in &cluster.nodes[..2] {
        assert_eq!(ours(node, "possible_losses"), 0);
    }
    cluster.nodes[2].start();
    cluster.wait_until_whole();
    let losses: u64 = cluster
        .nodes
        .iter()
        .map(|node| ours(node, "possible_losses"))
        .sum();
    assert!(losses >= 8, "one for each partition: {losses}");
    let told = |node: &Node| node.log().contains("acknowledged updates may be lost");
    assert!(cluster.nodes.iter().any(told));
    // Whatever of it was lost, there are no holes: what is there was there before.
    let mut missing = 0;
    for step in 0..50 {
        match client.get("registers", &format!("k{step}")).await {
            Ok(row) => match row.value {
                Some(row) => {
                    assert_eq!(row.value, format!("[\"k{step}\",{step}]"));
                    assert_eq!(missing, 0, "a hole before {step}");
                }
                None => missing += 1,
            },
            // Even the container may be gone.
            Err(error) => {
                assert!(error.to_string().contains("no container"), "{error}");
                missing += 1;
            }
        }
    }
    create_registers(&client).await;
    put_step(&client, 100).await;
    all_there(&client, 100..101).await;
}
