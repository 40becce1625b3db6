//! Whoever connects and then only waits, at either listener, disturbs nobody.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use kensho_client::{Condition, Container, Put};
use serde_json::Value;

use crate::cluster::{Cluster, Node, PATIENCE, wait_until};
use crate::registers::{create_registers, path, put};

const BUFFER_LIMIT: u64 = 32 << 20;

/// What connects to a node, says this, and says nothing more.
fn silent(address: &str, said: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("the node listens");
    stream
        .set_write_timeout(Some(Duration::from_millis(50)))
        .expect("a socket");
    // A node that has enough of it does not read all.
    let _ = stream.write_all(said);
    stream
}

fn door(node: &Node) -> Value {
    node.get("/node/stat").json()["kensho"]["door"].clone()
}

fn number(figures: &Value, name: &str) -> u64 {
    figures[name].as_u64().expect("a number")
}

/// All that a stranger may do short of knowing the secret or sending whole requests.
fn besiege(node: &Node) -> Vec<TcpStream> {
    let at_peers: [&[u8]; 5] = [
        b"",
        b"P",
        b"POST /peer/control/hello HTTP/1.1\r\nHost: localhost\r\n",
        b"POST /peer/data/hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n",
        b"POST /peer/data/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer hex-00\r\nTransfer-Encoding: chunked\r\n\r\n",
    ];
    let rows = path("/containers/registers/rows");
    let mut body =
        format!("PUT {rows} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16000000\r\n\r\n")
            .into_bytes();
    let half_a_head = body[..40].to_vec();
    body.resize(1_300_000, b' ');
    let at_clients: [&[u8]; 2] = [b"", &half_a_head];
    let peers = at_peers.iter().cycle().take(260);
    let mut connections: Vec<TcpStream> = peers.map(|said| silent(&node.peer, said)).collect();
    let clients = at_clients.iter().cycle().take(200);
    connections.extend(clients.map(|said| silent(&node.client, said)));
    connections.extend((0..40).map(|_| silent(&node.client, &body)));
    connections
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_connections_that_wait_disturb_nobody() {
    let settings = format!("client_buffer_limit_bytes = {BUFFER_LIMIT}\nheartbeat_ms = 1000");
    let cluster = Cluster::started(3, &settings);
    let client = cluster.client();
    create_registers(&client).await;
    let texts = Container::keyed("texts", "STRING").column("value", "STRING");
    client.create_container(&texts).await.unwrap();
    let stamp = |node: &Node| node.table().expect("a table")["stamp"].clone();
    let before: Vec<Value> = cluster.nodes.iter().map(stamp).collect();
    let memory: Vec<u64> = cluster.nodes.iter().map(Node::resident_bytes).collect();

    let connections: Vec<TcpStream> = cluster.nodes.iter().flat_map(besiege).collect();
    for key in 0..200 {
        put(&client, &format!("k{key}"), key).await;
    }
    assert_eq!(client.counters().retries, 0, "no statement was sent twice");
    // What is large finds room, too.
    let row = format!("[\"long\",\"{}\"]", "x".repeat(4 << 20));
    for _ in 0..4 {
        let stored = client.put("texts", "long", row.clone(), Condition::Any);
        assert!(matches!(stored.await.unwrap().value, Put::Stored { .. }));
    }
    for (node, (before, memory)) in cluster.nodes.iter().zip(before.iter().zip(memory)) {
        assert_eq!(stamp(node), *before, "nobody was taken for dead");
        let figures = door(node);
        assert!(number(&figures, "strangers") <= 64, "{figures}");
        let buffered = number(&figures, "buffered_bytes");
        assert!(
            buffered <= BUFFER_LIMIT + (16 << 20) + 300 * (64 << 10),
            "{figures}"
        );
        let grown = node.resident_bytes().saturating_sub(memory);
        assert!(
            grown < BUFFER_LIMIT + (160 << 20),
            "{} grew by {grown}",
            node.name
        );
    }
    // Those who hold memory that others wait for lose it; the others have their time.
    wait_until("there is room again", || {
        cluster
            .nodes
            .iter()
            .all(|node| number(&door(node), "buffered_bytes") < BUFFER_LIMIT)
    });
    for node in &cluster.nodes {
        let figures = door(node);
        assert!(number(&figures, "strangers_dismissed") > 0, "{figures}");
        assert!(number(&figures, "dismissed") > 0, "{figures}");
    }
    drop(connections);
}

#[test]
fn a_connection_too_many_costs_the_one_that_waits_longest_its_place() {
    let cluster = Cluster::started(1, "replicas = 1\nclient_connection_limit_by_address = 10");
    let node = &cluster.nodes[0];
    let waiting: Vec<TcpStream> = (0..10).map(|_| silent(&node.client, b"GET /")).collect();
    // All have just come: for a moment nobody has to go.
    wait_until("there is a place", || node.get("/healthz").status == 200);
    let mut first = &waiting[0];
    first.set_read_timeout(Some(PATIENCE)).expect("a socket");
    assert_eq!(first.read(&mut [0; 1]).expect("it was closed"), 0);
    let figures = door(node);
    assert!(number(&figures, "dismissed") >= 1, "{figures}");
    assert!(number(&figures, "connections") <= 10, "{figures}");
}
