//! Nodes that join and leave a running cluster (requirement A12).

use crate::cluster::{Cluster, wait_until};
use crate::registers::{create_registers, put};
use serde_json::Value;

/// The names of the members, as `node` shows them.
fn members(cluster: &Cluster, node: usize) -> Vec<String> {
    let Some(table) = cluster.nodes[node].table() else {
        return Vec::new();
    };
    let nodes = table["nodes"].as_array().expect("nodes");
    let mut names: Vec<String> = nodes
        .iter()
        .map(|node| node["name"].as_str().expect("a name").to_owned())
        .collect();
    names.sort();
    names
}

/// How many partitions give `name` a role, as `node` shows them.
fn roles(cluster: &Cluster, node: usize, name: &str) -> usize {
    let table = cluster.nodes[node].table().expect("a table");
    let partitions = table["partitions"].as_array().expect("partitions");
    let has_role = |partition: &&Value| {
        let in_sync = partition["in_sync"].as_array().expect("names");
        in_sync.iter().any(|node| node == name)
    };
    partitions.iter().filter(has_role).count()
}

fn leave(cluster: &Cluster, told: usize, name: &str) -> u16 {
    let body = format!("{{\"name\": \"{name}\"}}");
    let answer = cluster.nodes[told].ask("POST", "/node/leave", "", &body);
    answer.status
}

#[tokio::test]
async fn a_node_joins_by_itself_and_takes_the_place_of_one_that_leaves() {
    let mut cluster = Cluster::started(3, "");
    let client = cluster.client();
    create_registers(&client).await;
    for key in 0..50 {
        put(&client, &format!("k{key}"), key).await;
    }

    let new = cluster.join();
    wait_until("the new node is a member", || {
        (0..4).all(|node| members(&cluster, node) == ["n1", "n2", "n3", "n4"])
    });
    let stat = cluster.nodes[new].get("/node/stat").json();
    assert_eq!(stat["kensho"]["member"], true);
    assert_eq!(stat["cluster"]["designatedCount"], 4);

    // Any node takes the request; it is repeated, as a person would, until it is done.
    wait_until("n1 has left", || {
        leave(&cluster, 1, "n1") == 204 && members(&cluster, 1) == ["n2", "n3", "n4"]
    });
    assert_eq!(roles(&cluster, 1, "n4"), 8, "it took all that n1 had");
    wait_until("n1 knows", || {
        let stat = cluster.nodes[0].get("/node/stat").json();
        stat["kensho"]["member"] == false && stat["cluster"]["nodeStatus"] == "INACTIVE"
    });
    cluster.nodes[0].kill();
    for key in 0..50 {
        let row = client.get("registers", &format!("k{key}")).await.unwrap();
        let row = row.value.expect("no row is lost").value;
        assert_eq!(row, format!("[\"k{key}\",{key}]").as_bytes());
        put(&client, &format!("k{key}"), key + 1).await;
    }

    // What was joined is remembered: it starts like any other member.
    cluster.nodes[new].kill();
    cluster.nodes[new].start();
    wait_until("it is back", || {
        cluster.nodes[new].get("/readyz").status == 200
    });
}

#[tokio::test]
async fn a_member_that_is_needed_stays_and_one_that_left_may_come_back() {
    let mut cluster = Cluster::started(3, "");
    cluster.nodes[2].kill();
    wait_until("n3 is missed", || roles(&cluster, 0, "n3") == 0);
    let answer = cluster.nodes[1].ask("POST", "/node/leave", "", "{\"name\": \"n2\"}");
    assert_eq!(answer.status, 409, "{answer:?}");
    assert!(answer.body.contains("150014"), "{answer:?}");
    assert!(answer.body.contains("too few are alive"), "{answer:?}");
    let answer = cluster.nodes[1].ask("POST", "/node/leave", "", "{}");
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(cluster.nodes[1].get("/node/leave").status, 405);

    wait_until("n3 has left", || leave(&cluster, 0, "n3") == 204);
    cluster.nodes[2].start();
    wait_until("n3 knows", || members(&cluster, 2) == ["n1", "n2"]);
    let peer = cluster.nodes[0].peer.clone();
    let body = format!("{{\"through\": [{{\"name\": \"n1\", \"peer\": \"{peer}\"}}]}}");
    let answer = cluster.nodes[2].ask("POST", "/node/join", "", &body);
    assert_eq!(answer.status, 202, "{answer:?}");
    cluster.wait_until_whole();
    assert_eq!(members(&cluster, 1), ["n1", "n2", "n3"]);
}
