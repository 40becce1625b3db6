//! Reads from backups: who answers, what the answer says of its age, and what sessions see.

use std::collections::BTreeSet;
use std::time::Duration;

use kensho_client::ReadFrom;

use crate::cluster::{Answer, Cluster, Node, wait_until};
use crate::registers::{create_registers, path, put};

const ANY: &str = "Kensho-Read: any\r\nKensho-Forward: no\r\n";

fn read(node: &Node, headers: &str) -> Answer {
    let row = path("/containers/registers/rows/k");
    node.ask("GET", &row, headers, "")
}

#[tokio::test]
async fn any_replica_answers_who_asks_for_that_and_says_how_old_its_data_may_be() {
    let cluster = Cluster::started(3, "");
    let client = cluster.client();
    create_registers(&client).await;
    let owner = put(&client, "k", 1).await;
    let seen = client.seen("registers").expect("it has put a row");
    let headers = format!("{ANY}Kensho-Max-Age-Ms: 60000\r\nKensho-As-Of: {seen}\r\n");
    for node in &cluster.nodes {
        // On a busy machine the owner may take longer than a backup waits.
        wait_until("the node answers", || read(node, &headers).status == 200);
        let answer = read(node, &headers);
        assert_eq!((answer.status, &answer.body[..]), (200, "[\"k\",1]"));
        assert_eq!(answer.header("kensho-served-by"), Some(&node.name[..]));
        let age = answer.header("kensho-age-ms");
        if node.name == owner {
            assert_eq!((answer.header("kensho-role"), age), (Some("owner"), None));
        } else {
            assert_eq!(answer.header("kensho-role"), Some("backup"));
            let age_ms: u64 = age.and_then(|age| age.parse().ok()).expect("an age");
            assert!(age_ms < 60_000, "{answer:?}");
            // Who does not ask for a backup gets none.
            assert_eq!(read(node, "Kensho-Forward: no\r\n").status, 421);
            let default = read(node, "");
            assert_eq!(default.header("kensho-served-by"), Some(&owner[..]));
            assert_eq!(default.header("kensho-role"), None);
        }
    }
}

#[tokio::test]
async fn what_a_backup_does_not_know_of_it_refuses_and_says_who_may_know() {
    let cluster = Cluster::started(3, "");
    let client = cluster.client();
    create_registers(&client).await;
    let owner = put(&client, "k", 1).await;
    let seen = client.seen("registers").expect("it has put a row");
    let (epoch, _) = seen.split_once('-').expect("a position");
    let ahead = format!("Kensho-As-Of: {epoch}-999999\r\n");
    let backup = cluster.nodes.iter().find(|node| node.name != owner);
    let backup = backup.expect("there are two");
    let answer = read(backup, &format!("{ANY}{ahead}"));
    assert_eq!(
        (answer.status, &answer.json()["errorCode"]),
        (503, &170_010.into())
    );
    let owners = cluster.nodes.iter().find(|node| node.name == owner);
    let owners = owners.expect("it is one of them");
    assert_eq!(answer.header("kensho-owner"), Some(&owners.client[..]));
    // The owner shows everything that there is: what it does not know of is lost.
    for (node, headers) in [(owners, ANY), (backup, "Kensho-Read: any\r\n")] {
        let answer = read(node, &format!("{headers}{ahead}"));
        let told = (answer.status, answer.json()["errorCode"].clone());
        assert_eq!(told, (409, 170_011.into()), "{answer:?}");
    }
    for wrong in [
        "Kensho-Read: backup\r\n",
        "Kensho-Read: any\r\nKensho-Max-Age-Ms: 0\r\n",
        "Kensho-Max-Age-Ms: 5\r\n",
        "Kensho-Read: any\r\nKensho-As-Of: 17\r\n",
    ] {
        assert_eq!(read(backup, wrong).status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_session_reads_its_writes_wherever_it_reads_also_when_a_backup_is_gone() {
    let mut cluster = Cluster::started(3, "");
    let client = cluster.client();
    create_registers(&client).await;
    let max_age = Duration::from_secs(5);
    let reader = client.reading_from(ReadFrom::Any { max_age });
    let mut answered = BTreeSet::new();
    let mut from_backups = 0;
    let mut gone = None;
    for value in 0..60 {
        let owner = put(&client, "k", value).await;
        let row = reader.get("registers", "k").await.unwrap();
        let expected = format!("[\"k\",{value}]");
        let told = row.value.expect("there is a row").value;
        assert_eq!(told, expected.as_bytes(), "from {}", row.node);
        from_backups += u32::from(row.age.is_some());
        answered.insert(row.node);
        if value == 30 {
            let backup = cluster.nodes.iter_mut().find(|node| node.name != owner);
            let backup = backup.expect("there are two");
            backup.kill();
            gone = Some(backup.name.clone());
        }
    }
    assert!(answered.len() >= 2 && from_backups > 0, "{answered:?}");
    assert!(gone.is_some());
    // Another client begins where this one has come to.
    let other = cluster.client().reading_from(ReadFrom::Nearest { max_age });
    let token = client.seen("registers").expect("it has seen something");
    other.see("registers", &token).unwrap();
    let row = other.get("registers", "k").await.unwrap();
    let told = row.value.expect("there is a row").value;
    assert_eq!(&told[..], b"[\"k\",59]");
}
