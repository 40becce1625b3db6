//! A cluster of three real nodes: what clients see while nodes die and come back.

use crate::cluster::{Cluster, wait_until};
use crate::registers::{create_registers, put};
use kensho_client::{Condition, Container, Create, Current, Delete, Put};
use nix::sys::signal::Signal;

#[tokio::test]
async fn rows_are_stored_compared_and_deleted() {
    let cluster = Cluster::started(3, "");
    let client = cluster.client();
    let container = Container::keyed("registers", "STRING").column("value", "LONG");
    assert_eq!(
        client.create_container(&container).await.unwrap().value,
        Create::Created
    );
    assert_eq!(
        client.create_container(&container).await.unwrap().value,
        Create::Exists
    );

    assert_eq!(client.get("registers", "k/1").await.unwrap().value, None);
    let put = client
        .put("registers", "k/1", "[\"k/1\", 1]", Condition::IfAbsent)
        .await
        .unwrap();
    let Put::Stored { etag } = put.value else {
        panic!("{put:?}");
    };
    assert_eq!(put.node, cluster.owner_of("registers"));
    let row = client.get("registers", "k/1").await.unwrap().value.unwrap();
    assert_eq!((&row.value[..], &row.etag), (&b"[\"k/1\",1]"[..], &etag));

    let stale = Condition::IfMatch("\"1-0\"");
    let put = client
        .put("registers", "k/1", "[\"k/1\",2]", stale)
        .await
        .unwrap();
    let current = Some(Current {
        etag: row.etag,
        value: Some(row.value),
    });
    assert_eq!(put.value, Put::ConditionFailed { current });
    let matching = Condition::IfMatch(&etag);
    let put = client
        .put("registers", "k/1", "[\"k/1\",2]", matching)
        .await
        .unwrap();
    assert!(matches!(put.value, Put::Stored { .. }));
    let absent = client
        .put("registers", "k/2", "[\"k/2\",2]", matching)
        .await
        .unwrap();
    assert_eq!(absent.value, Put::ConditionFailed { current: None });

    let delete = client
        .delete("registers", "k/1", Condition::Any)
        .await
        .unwrap();
    assert_eq!(delete.value, Delete::Deleted);
    let delete = client
        .delete("registers", "k/1", Condition::Any)
        .await
        .unwrap();
    assert_eq!(delete.value, Delete::NotFound);

    let error = client.get("nowhere", "k").await.unwrap_err();
    assert!(
        error.definite() && error.to_string().contains("no container nowhere"),
        "{error}"
    );
    let error = client
        .put("registers", "k", "[\"k\",\"x\"]", Condition::Any)
        .await
        .unwrap_err();
    assert!(
        error.definite() && error.to_string().contains("\"value\""),
        "{error}"
    );
}

#[tokio::test]
async fn while_nothing_fails_the_table_is_fetched_once_and_connections_are_kept() {
    let cluster = Cluster::started(3, "");
    let client = cluster.trusting_client();
    for number in 0..20 {
        let name = format!("container{number}");
        let container = Container::keyed(&name, "LONG").column("value", "LONG");
        client.create_container(&container).await.unwrap();
        for key in 0..10 {
            let row = format!("[{key},{number}]");
            client
                .put(&name, &key.to_string(), row, Condition::Any)
                .await
                .unwrap();
            client.get(&name, &key.to_string()).await.unwrap();
        }
    }
    let counters = client.counters();
    assert_eq!(counters.table_fetches, 1);
    assert_eq!((counters.attempts, counters.retries), (20 * 21, 0));
    // One for each node: there was one statement at a time.
    assert_eq!(counters.connections_opened, 3);
}

#[tokio::test]
async fn a_killed_owner_is_replaced_and_becomes_backup_again_by_itself() {
    let mut cluster = Cluster::started(3, "");
    let client = cluster.client();
    create_registers(&client).await;
    let put = async |step: i64| put(&client, &format!("k{}", step % 10), step).await;
    let first = cluster.owner_of("registers");
    for step in 0..50 {
        assert_eq!(put(step).await, first);
    }
    cluster.node(&first).kill();
    for step in 50..100 {
        assert_ne!(put(step).await, first);
    }
    cluster.node(&first).start();
    cluster.wait_until_whole();
    // Now the one that came back has everything: it can even take over.
    let second = cluster.owner_of("registers");
    assert_ne!(second, first);
    cluster.node(&second).kill();
    for step in 100..150 {
        assert_ne!(put(step).await, second);
    }
    for key in 0..10 {
        let row = client
            .get("registers", &format!("k{key}"))
            .await
            .unwrap()
            .value
            .unwrap();
        assert_eq!(row.value, format!("[\"k{key}\",{}]", 140 + key));
    }
}

#[tokio::test]
async fn without_a_quorum_nothing_is_served_and_nothing_is_lost() {
    let mut cluster = Cluster::started(3, "");
    let client = cluster.client();
    let container = Container::keyed("registers", "STRING").column("value", "LONG");
    client.create_container(&container).await.unwrap();
    put(&client, "k", 1).await;
    cluster.nodes[1].kill();
    cluster.nodes[2].kill();
    let alone = &cluster.nodes[0];
    wait_until("the node that is left does not serve", || {
        alone.get("/readyz").status == 503
    });
    assert_eq!(alone.get("/healthz").status, 200);
    cluster.nodes[1].start();
    cluster.nodes[2].start();
    let row = client.get("registers", "k").await.unwrap().value.unwrap();
    assert_eq!(row.value, "[\"k\",1]");
    cluster.wait_until_whole();
}

#[tokio::test]
async fn an_orderly_stop_answers_keeps_and_exits_with_0() {
    let mut cluster = Cluster::started(3, "");
    let client = cluster.client();
    let container = Container::keyed("registers", "STRING").column("value", "LONG");
    client.create_container(&container).await.unwrap();
    put(&client, "k", 1).await;
    for node in &mut cluster.nodes {
        assert_eq!(node.stop().code(), Some(0), "{}", node.log());
    }
    for node in &mut cluster.nodes {
        node.start();
    }
    let row = client.get("registers", "k").await.unwrap().value.unwrap();
    assert_eq!(row.value, "[\"k\",1]");
}

#[tokio::test]
async fn a_paused_owner_that_continues_serves_nothing_old() {
    let mut cluster = Cluster::started(3, "");
    let client = cluster.client();
    create_registers(&client).await;
    put(&client, "k", 0).await;
    for round in 1..=3 {
        let paused = cluster.owner_of("registers");
        cluster.node(&paused).pause();
        // The client still has its connections to the owner that does not answer any more.
        let row = format!("[\"k\",{round}]");
        let put = client
            .put("registers", "k", row.clone(), Condition::Any)
            .await
            .unwrap();
        assert_ne!(put.node, paused);
        cluster.node(&paused).signal(Signal::SIGCONT);
        // Asked directly it may know no better than to refuse, but it must not answer from the past.
        let path = "/griddb/v2/test/dbs/public/containers/registers/rows/k";
        for _ in 0..20 {
            let answer = cluster
                .node(&paused)
                .ask("GET", path, "Kensho-Forward: no\r\n", "");
            assert!(answer.status != 200 || answer.body == row, "{answer:?}");
        }
        cluster.wait_until_whole();
    }
}

#[tokio::test]
async fn a_node_that_is_back_is_reached_by_a_client_with_a_dead_connection() {
    let mut cluster = Cluster::started(1, "replicas = 1");
    let client = cluster.client();
    create_registers(&client).await;
    put(&client, "k", 1).await;
    cluster.nodes[0].kill();
    cluster.nodes[0].start();
    cluster.wait_until_whole();
    // The connection that the client kept is dead; a new one takes its place.
    let row = client.get("registers", "k").await.unwrap();
    assert_eq!(row.value.unwrap().value, "[\"k\",1]");
}

#[tokio::test]
async fn what_an_async_failover_loses_is_counted_and_written_down() {
    let mut cluster = Cluster::started(3, "mode = \"async\"");
    let client = cluster.client();
    create_registers(&client).await;
    put(&client, "k", 1).await;
    let owner = cluster.owner_of("registers");
    let others: Vec<String> = cluster.nodes.iter().map(|node| node.name.clone()).collect();
    let others: Vec<String> = others.into_iter().filter(|name| *name != owner).collect();
    // The log of the partition, as far as it is on the owner's disk.
    let durable = |cluster: &mut Cluster| {
        let stat = cluster.node(&owner).get("/node/stat").json();
        let partitions = stat["partitions"].as_array().expect("partitions").clone();
        let lsns = partitions
            .iter()
            .map(|partition| partition["durableLsn"].as_u64().unwrap());
        (
            lsns.sum::<u64>(),
            stat["kensho"]["lost_entries"].as_u64().unwrap(),
        )
    };
    cluster.wait_until_whole();
    let (before, lost) = durable(&mut cluster);
    assert_eq!(lost, 0);
    for name in &others {
        cluster.node(name).pause();
    }
    let late = tokio::spawn({
        let client = client.clone();
        async move {
            client
                .put("registers", "k", "[\"k\",2]", Condition::Any)
                .await
        }
    });
    while durable(&mut cluster).0 == before {
        tokio::task::yield_now().await;
    }
    late.abort();
    // The backups never see it: what waits in their sockets is gone with them.
    for name in others.iter().chain([&owner]) {
        cluster.node(name).kill();
    }
    for name in &others {
        cluster.node(name).start();
    }
    client
        .put("registers", "l", "[\"l\",3]", Condition::Any)
        .await
        .unwrap();
    cluster.node(&owner).start();
    cluster.wait_until_whole();
    assert_eq!(durable(&mut cluster).1, 1);
    let row = client.get("registers", "k").await.unwrap().value.unwrap();
    assert_eq!(row.value, "[\"k\",1]", "the update is lost");
    let folder = cluster.folder.path().join(&owner);
    wait_until("the loss is written down", || {
        let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let lost = files.filter(|file| file.file_name().to_string_lossy().starts_with("lost-"));
        let texts = lost.filter_map(|file| std::fs::read_to_string(file.path()).ok());
        texts.collect::<String>().contains("[\"k\",2]")
    });
}

/// Where the log of partition `partition` begins at a node.
fn log_base(cluster: &mut Cluster, name: &str, partition: usize) -> u64 {
    let stat = cluster.node(name).get("/node/stat").json();
    stat["partitions"][partition]["logBaseLsn"]
        .as_u64()
        .unwrap()
}

#[tokio::test]
async fn what_the_log_no_longer_holds_is_in_checkpoints_and_images() {
    let settings = "log_segment_bytes = 65536\ncheckpoint_after_bytes = 131072\n\
                    log_retention_bytes = 20000";
    let mut cluster = Cluster::started(3, settings);
    let client = cluster.client();
    let container = Container::keyed("registers", "LONG").column("value", "STRING");
    client.create_container(&container).await.unwrap();
    let owner = cluster.owner_of("registers");
    let away = cluster
        .nodes
        .iter()
        .find(|node| node.name != owner)
        .unwrap()
        .name
        .clone();
    cluster.node(&away).kill();
    let filler = "x".repeat(2_000);
    let row = |key: i64| format!("[{key},\"{key} {filler}\"]");
    let mut count = 0;
    let partition = kensho_protocol::routing::partition_of("registers", 8);
    let partition = usize::from(partition.0);
    // Until the absent node lacks more than the log retains.
    while count % 50 != 0 || log_base(&mut cluster, &owner, partition) < 100 {
        let key = count.to_string();
        let put = client.put("registers", &key, row(count), Condition::Any);
        put.await.unwrap();
        count += 1;
    }
    cluster.node(&away).start();
    cluster.wait_until_whole();
    assert!(
        cluster
            .node(&away)
            .log()
            .contains("a data image replaced the data")
    );
    for node in &mut cluster.nodes {
        node.kill();
        node.start();
    }
    for key in 0..count {
        let found = client
            .get("registers", &key.to_string())
            .await
            .unwrap()
            .value
            .unwrap();
        assert_eq!(found.value, row(key));
    }
}
