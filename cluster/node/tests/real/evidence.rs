//! Processes that are gone at the default heartbeat: they refuse connections, and others take over long
//! before they could be missed (rule M8).

use std::time::{Duration, Instant};

use crate::cluster::{Cluster, wait_until};
use crate::registers::{create_registers, put};

const HEARTBEAT: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_gone_is_replaced_long_before_it_could_be_missed() {
    let mut cluster = Cluster::started(3, "heartbeat_ms = 5000");
    let client = cluster.client();
    create_registers(&client).await;
    for step in 0..2 {
        assert_eq!(
            put(&client, "k", step).await,
            cluster.owner_of("registers"),
            "it serves"
        );
        // Once the owner, once the master.
        let owner = cluster.owner_of("registers");
        let table = cluster.nodes[0].table().expect("a table");
        let master = table["master"].as_str().expect("a master").to_owned();
        let dead = if step == 0 { owner } else { master };
        let killed = Instant::now();
        cluster.node(&dead).kill();
        wait_until("all is owned by others", || {
            let tables = cluster.nodes.iter().filter_map(crate::cluster::Node::table);
            let mut partitions = tables.flat_map(|table| {
                let partitions = table["partitions"].as_array().cloned();
                partitions.unwrap_or_default()
            });
            partitions.all(|partition| partition["owner"].as_str() != Some(&dead))
        });
        assert_ne!(put(&client, "k", 10 + step).await, dead);
        // Silence alone takes three heartbeats.
        assert!(killed.elapsed() < HEARTBEAT * 2, "{:?}", killed.elapsed());
        println!("{dead} was replaced after {:?}", killed.elapsed());
        cluster.node(&dead).start();
        tokio::task::block_in_place(|| cluster.wait_until_whole());
    }
}
