//! Partitions that nobody serves: what is still answered, and what is said of the rest.

use std::collections::BTreeSet;

use crate::cluster::{Cluster, Node, wait_until};
use crate::registers::{REGISTERS, path};

/// Nodes that hold each partition once.
fn without_backups(count: usize, extra: &str) -> Cluster {
    let mut cluster = Cluster::new(count, &format!("replicas = 1\n{extra}"));
    for node in &mut cluster.nodes {
        node.start();
    }
    wait_until("all nodes are ready", || {
        let ready = |node: &Node| node.table().is_some() && node.get("/readyz").status == 200;
        cluster.nodes.iter().all(ready)
    });
    cluster
}

/// The partitions that the node owns, as the table of another one says.
fn owned(cluster: &Cluster, owner: &str) -> BTreeSet<u64> {
    let table = cluster.nodes.iter().find_map(Node::table);
    let table = table.expect("a table");
    let partitions = table["partitions"].as_array().expect("partitions");
    let owned = partitions
        .iter()
        .filter(|partition| partition["owner"] == owner);
    owned
        .map(|partition| partition["id"].as_u64().expect("a number"))
        .collect()
}

fn partition_status(cluster: &Cluster, name: &str) -> String {
    let node = cluster.nodes.iter().find(|node| node.name == name);
    let stat = node.expect("a node").get("/node/stat").json();
    let status = stat["cluster"]["partitionStatus"].as_str();
    status.expect("a text").to_owned()
}

#[test]
fn what_is_served_is_listed_and_what_is_not_is_named() {
    let mut cluster = without_backups(3, "");
    let containers = path("/containers");
    let names: Vec<String> = (10..40).map(|number| format!("c{number}")).collect();
    for name in &names {
        let body = REGISTERS.replace("registers", name);
        assert_eq!(
            cluster.nodes[0].ask("POST", &containers, "", &body).status,
            201
        );
    }
    let whole = cluster.nodes[1]
        .get(&format!("{containers}?limit=100"))
        .json();
    assert_eq!(whole["names"], serde_json::json!(names));
    assert_eq!(whole.get("missing"), None, "{whole}");

    let table = cluster.nodes[0].table().expect("a table");
    let master = table["master"].as_str().expect("a master").to_owned();
    assert_eq!(partition_status(&cluster, &master), "NORMAL");
    let away = cluster.nodes.iter().map(|node| node.name.clone());
    let away = away
        .into_iter()
        .find(|name| *name != master)
        .expect("a follower");
    assert_eq!(
        partition_status(&cluster, &away),
        "INITIAL",
        "it cannot tell"
    );
    let gone = owned(&cluster, &away);
    let (lost, left): (Vec<&String>, Vec<&String>) = names
        .iter()
        .partition(|name| cluster.owner_of(name) == away);
    assert!(!lost.is_empty() && !left.is_empty());
    cluster.node(&away).kill();

    for node in cluster.nodes.iter().filter(|node| node.name != away) {
        let list = node.get(&format!("{containers}?limit=100"));
        assert_eq!(list.status, 200, "{list:?}");
        let list = list.json();
        assert_eq!(list["names"], serde_json::json!(left));
        assert_eq!(list["total"], left.len());
        assert_eq!(list["missing"], serde_json::json!(gone));
    }
    wait_until("the master misses it", || {
        partition_status(&cluster, &master) == "OWNER_LOSS"
    });
    cluster.node(&away).start();
    wait_until("all is well again", || {
        partition_status(&cluster, &master) == "NORMAL"
    });
}

/// A read has no effect, whoever it was passed on to: it is over when it failed.
#[test]
fn a_read_that_was_passed_on_in_vain_is_refused_as_a_read() {
    let cluster = without_backups(2, "statement_deadline_ms = 300");
    cluster.nodes[0].ask("POST", &path("/containers"), "", REGISTERS);
    let owner = cluster.owner_of("registers");
    let (owner, other) = match cluster.nodes[0].name == owner {
        true => (&cluster.nodes[0], &cluster.nodes[1]),
        false => (&cluster.nodes[1], &cluster.nodes[0]),
    };
    let rows = path("/containers/registers/rows");
    let row = path("/containers/registers/rows/k");
    owner.pause();
    for (method, path, body, code, definite) in [
        ("GET", &row, "", 170_006, true),
        ("POST", &rows, r#"{"limit":1}"#, 170_006, true),
        ("PUT", &row, "[\"k\",1]", 170_004, false),
    ] {
        let answer = other.ask(method, path, "", body);
        let error = answer.json();
        assert_eq!(answer.status, 504, "{method} {path}: {answer:?}");
        assert_eq!(error["errorCode"], code, "{method} {path}: {answer:?}");
        assert_eq!(error["definite"], definite, "{method} {path}: {answer:?}");
    }
}
