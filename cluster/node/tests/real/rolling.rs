//! Nodes that stop in order and start again, one after the other, at the default heartbeat, while clients
//! read and write (rule M7).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kensho_client::{Client, Condition, Container};

use crate::cluster::Cluster;

/// Containers, in different partitions for the most part.
const CONTAINERS: usize = 12;

/// Writes and reads one row of a container until told to stop; the longest statement.
async fn work(client: Client, container: String, stop: Arc<AtomicBool>) -> (u64, Duration) {
    let (mut step, mut longest) = (0, Duration::ZERO);
    while !stop.load(Ordering::Relaxed) {
        step += 1;
        let began = Instant::now();
        let row = format!("[\"k\",{step}]");
        let put = client.put(&container, "k", row, Condition::Any).await;
        put.unwrap_or_else(|error| panic!("{container}, write {step}: {error}"));
        longest = longest.max(began.elapsed());
        let began = Instant::now();
        let got = client.get(&container, "k").await;
        let got = got.unwrap_or_else(|error| panic!("{container}, read {step}: {error}"));
        let row = got.value.expect("it was written").value;
        assert_eq!(row, format!("[\"k\",{step}]").as_bytes());
        longest = longest.max(began.elapsed());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    (step, longest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_notices_a_rolling_restart_at_the_default_heartbeat() {
    let mut cluster = Cluster::started(3, "heartbeat_ms = 5000");
    let client = cluster.client();
    let stop = Arc::new(AtomicBool::new(false));
    let mut workers = Vec::new();
    for number in 0..CONTAINERS {
        let name = format!("c{number}");
        let container = Container::keyed(&name, "STRING").column("value", "LONG");
        client.create_container(&container).await.unwrap();
        workers.push(tokio::spawn(work(
            cluster.client(),
            name,
            Arc::clone(&stop),
        )));
    }
    for index in 0..cluster.nodes.len() {
        let cluster = &mut cluster;
        tokio::task::block_in_place(|| {
            assert!(cluster.nodes[index].stop().success());
            let log = cluster.nodes[index].log();
            assert!(log.contains("the node has stopped"), "{log}");
            cluster.nodes[index].start();
            cluster.wait_until_whole();
        });
    }
    stop.store(true, Ordering::Relaxed);
    for worker in workers {
        let (steps, longest) = worker.await.expect("no statement failed");
        assert!(steps > 0);
        println!("{steps} steps, the longest statement took {longest:?}");
    }
    for node in &cluster.nodes {
        let log = node.log();
        let missed = [
            "was not heard for too long",
            "a follower is silent",
            "a backup is silent",
        ];
        for line in missed {
            assert!(!log.contains(line), "{}: {line}", node.name);
        }
    }
}
