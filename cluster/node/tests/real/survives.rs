//! A cluster of three real nodes: what clients see while nodes die and come back.

use crate::cluster::{Cluster, wait_until};
use kensho_client::{Condition, Container, Create, Delete, Put};

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
    assert_eq!(put.value, Put::ConditionFailed { current: Some(row) });
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
    let client = cluster.client();
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
    let container = Container::keyed("registers", "STRING").column("value", "LONG");
    client.create_container(&container).await.unwrap();
    let put = async |step: i64| {
        let row = format!("[\"k{}\",{step}]", step % 10);
        let key = format!("k{}", step % 10);
        let put = client
            .put("registers", &key, row, Condition::Any)
            .await
            .unwrap();
        assert!(matches!(put.value, Put::Stored { .. }), "{put:?}");
        put.node
    };
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
    client
        .put("registers", "k", "[\"k\",1]", Condition::Any)
        .await
        .unwrap();
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
    client
        .put("registers", "k", "[\"k\",1]", Condition::Any)
        .await
        .unwrap();
    for node in &mut cluster.nodes {
        assert_eq!(node.stop().code(), Some(0), "{}", node.log());
    }
    for node in &mut cluster.nodes {
        node.start();
    }
    let row = client.get("registers", "k").await.unwrap().value.unwrap();
    assert_eq!(row.value, "[\"k\",1]");
}
