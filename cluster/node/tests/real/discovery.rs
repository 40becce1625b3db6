//! How nodes and clients find a cluster of which they know no address.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};
use std::time::Duration;

use kensho_client::{Client, Condition, Group, NoticeKey, Options, discovery};
use serde_json::json;

use crate::cluster::{CLUSTER, Cluster, PATIENCE, wait_until};
use crate::registers::create_registers;

/// A group on this machine alone, with a port that nobody uses at the moment.
fn group() -> Group {
    let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = free.local_addr().expect("an address").port();
    Group {
        address: SocketAddrV4::new(Ipv4Addr::new(239, 0, 0, 1), port),
        interface: Ipv4Addr::LOCALHOST,
    }
}

fn settings(group: Group) -> String {
    let Group { address, interface } = group;
    format!(
        "notice_group = \"{address}\"\nnotice_interface = \"{interface}\"\nnotice_interval_ms = 50\n"
    )
}

fn has_member(cluster: &Cluster, name: &str) -> bool {
    let table = cluster.nodes[0].table();
    table.is_some_and(|table| {
        let nodes = table["nodes"].as_array().expect("nodes");
        nodes.iter().any(|node| node["name"] == name)
    })
}

#[tokio::test]
async fn the_master_is_found_by_its_notice_also_after_it_died() {
    let group = group();
    let mut cluster = Cluster::started(3, &settings(group));
    let key = NoticeKey::of("shared");
    let master = cluster.nodes[0].table().expect("a table")["master"].clone();
    let master = master.as_str().expect("a master").to_owned();
    let found = discovery::by_notice(CLUSTER, &key, group, PATIENCE).await;
    assert_eq!(found.unwrap(), cluster.node(&master).client);

    cluster.node(&master).kill();
    loop {
        let found = discovery::by_notice(CLUSTER, &key, group, PATIENCE).await;
        let found = found.expect("another one is master");
        if found != cluster.node(&master).client {
            let client = Client::connect([found], Options::new(CLUSTER));
            create_registers(&client).await;
            let put = client.put("registers", "k", r#"["k",1]"#, Condition::Any);
            put.await.unwrap();
            break;
        }
    }
    // What others say counts for nothing, as does what is said of other clusters.
    for (cluster, key) in [(CLUSTER, NoticeKey::of("guessed")), ("other", key)] {
        let patience = Duration::from_millis(300);
        let found = discovery::by_notice(cluster, &key, group, patience).await;
        let error = found.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut, "{error}");
    }
}

#[test]
fn a_node_joins_the_cluster_that_it_hears_of() {
    let group = group();
    let mut cluster = Cluster::started(2, &format!("replicas = 2\n{}", settings(group)));
    let looking = format!("join_by = \"notice\"\nreplicas = 2\n{}", settings(group));
    let mut node = cluster.prepared("late", &looking);
    node.start();
    wait_until("it has joined", || has_member(&cluster, "late"));
    // It is known now, and needs no notice to come back.
    node.kill();
    node.start();
    wait_until("it is back", || node.get("/readyz").status == 200);
}

/// Gives this text to everybody who asks, as long as the test runs.
fn provider(text: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 1024];
            let _ = stream.read(&mut request);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", text.len());
            let _ = stream.write_all((head + &text).as_bytes());
        }
    });
    format!("http://{address}/members")
}

#[tokio::test]
async fn a_provider_tells_nodes_and_clients_of_members() {
    let mut cluster = Cluster::started(2, "replicas = 2");
    let members = cluster.nodes.iter().map(
        |node| json!({"name": node.name, "peer": node.peer, "client": node.client, "more": 1}),
    );
    let url = provider(json!(members.collect::<Vec<_>>()).to_string());
    let found = discovery::by_provider(&url, PATIENCE).await.unwrap();
    let clients: Vec<String> = cluster
        .nodes
        .iter()
        .map(|node| node.client.clone())
        .collect();
    assert_eq!(found, clients);
    let theirs = r#"[{"transaction":{"address":"127.0.0.1","port":10001},"sync":{}}]"#;
    let found = discovery::by_provider(&provider(theirs.to_owned()), PATIENCE).await;
    assert_eq!(found.unwrap(), ["127.0.0.1:10001"]);
    for (wrong, says) in [("{}", "no list"), ("[{\"name\":1}]", "no list")] {
        let error = discovery::by_provider(&provider(wrong.to_owned()), PATIENCE).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }

    let mut node = cluster.prepared("late", &format!("join_by = \"{url}\"\nreplicas = 2"));
    node.start();
    wait_until("it has joined", || has_member(&cluster, "late"));
}
