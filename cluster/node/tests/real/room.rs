//! Disks that are full: what their nodes do, and what clients see (rule M6).

use crate::cluster::{Cluster, wait_until};
use crate::registers::{create_registers, put};

const LIMIT: u64 = 64 << 20;
/// Files of the log so small that a full disk is noticed after a few dozen updates.
const SETTINGS: &str = "data_limit_bytes = 67108864\nlog_segment_bytes = 8192\n";

impl Cluster {
    /// A file that counts for the limit of a node's data folder, and takes no room.
    fn fill(&self, name: &str) {
        let path = self.folder.path().join(name).join("ballast");
        let file = std::fs::File::create(path).expect("a file");
        file.set_len(LIMIT).expect("a sparse file");
    }

    fn make_room(&self, name: &str) {
        let path = self.folder.path().join(name).join("ballast");
        std::fs::remove_file(path).expect("it was filled");
    }

    /// Whether the committed table gives the node no role.
    fn has_no_role(&self, name: &str) -> bool {
        let table = self.nodes.iter().find_map(crate::cluster::Node::table);
        let Some(table) = table else {
            return false;
        };
        let partitions = table["partitions"].as_array().expect("partitions");
        let text = format!("\"{name}\"");
        partitions.iter().all(|p| !p.to_string().contains(&text))
    }
}

#[tokio::test]
async fn a_full_disk_costs_no_update_while_another_node_has_room_and_never_a_read() {
    let mut cluster = Cluster::started(3, SETTINGS);
    let client = cluster.client();
    create_registers(&client).await;
    let mut step = 0;
    let mut full = Vec::new();
    // One owner after the other has no room any more; the last one is left with all partitions.
    for left in [2, 1] {
        let owner = cluster.owner_of("registers");
        cluster.fill(&owner);
        while !cluster.has_no_role(&owner) {
            step += 1;
            put(&client, "k", step).await;
        }
        assert_ne!(put(&client, "k", step).await, owner);
        let node = cluster.node(&owner);
        let ready = node.get("/readyz");
        assert_eq!(ready.status, 503);
        assert!(ready.body.contains("the disk is full"), "{ready:?}");
        let disk = &node.get("/node/stat").json()["kensho"]["disk"];
        assert_eq!(disk["room"], false, "{disk}");
        assert_eq!(disk["limit_bytes"], LIMIT);
        let log = node.log();
        assert!(
            log.contains("\"WARN\"") && log.contains("the disk is full"),
            "{log}"
        );
        assert!(
            cluster
                .nodes
                .iter()
                .any(|n| n.log().contains("a node's disk is full"))
        );
        full.push(owner);
        assert_eq!(full.len() + left, 3);
    }

    // Nobody has room: updates are refused by name, and reads go on.
    let last = cluster.owner_of("registers");
    cluster.fill(&last);
    let row = format!(
        "/griddb/v2/{}/dbs/public/containers/registers/rows/k",
        crate::cluster::CLUSTER
    );
    let refused = std::cell::RefCell::new(None);
    wait_until("an update is refused", || {
        let node = cluster.nodes.iter().find(|node| node.name == last);
        let node = node.expect("it is one of them");
        let answer = node.ask("PUT", &row, "", &format!("[\"k\",{}]", step + 1));
        let is_refused = answer.status != 200;
        if is_refused {
            *refused.borrow_mut() = Some(answer);
        }
        is_refused
    });
    let refused = refused.into_inner().expect("it was refused");
    assert_eq!(
        (refused.status, refused.json()["errorCode"].as_u64()),
        (503, Some(170_009))
    );
    assert_eq!(refused.json()["definite"], true);
    let read = cluster.node(&last).get(&row);
    assert_eq!(read.status, 200, "{read:?}");
    assert_eq!(read.body, format!("[\"k\",{}]", step + 1));
    // Even a node that starts again finds its way without room.
    assert_eq!(cluster.node(&full[0]).stop().code(), Some(0));
    cluster.node(&full[0]).start();

    // All take part again as soon as there is room.
    for name in full.iter().chain([&last]) {
        cluster.make_room(name);
    }
    cluster.wait_until_whole();
    step += 2;
    put(&client, "k", step).await;
    let row = client.get("registers", "k").await.unwrap().value.unwrap();
    assert_eq!(row.value, format!("[\"k\",{step}]"));
}

/// A backup without room leaves the in-sync set, and nobody waits for it.
#[tokio::test]
async fn a_full_disk_of_a_backup_blocks_nobody() {
    let cluster = Cluster::started(3, SETTINGS);
    let client = cluster.client();
    create_registers(&client).await;
    let owner = cluster.owner_of("registers");
    let backup = cluster.nodes.iter().find(|node| node.name != owner);
    let backup = backup.expect("there are backups").name.clone();
    cluster.fill(&backup);
    let mut step = 0;
    while !cluster.has_no_role(&backup) {
        step += 1;
        assert_eq!(put(&client, "k", step).await, owner);
    }
    cluster.make_room(&backup);
    cluster.wait_until_whole();
}
