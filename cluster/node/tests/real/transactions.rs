//! Transactions while an owner dies: all of each or nothing, and each once.

use std::collections::BTreeSet;

use kensho_client::Client;

use crate::cluster::{Cluster, wait_until};
use crate::registers::path;

const ACCOUNTS: &str = r#"{"container_name":"accounts","container_type":"COLLECTION","rowkey":true,"columns":[
    {"name":"id","type":"STRING"},{"name":"balance","type":"LONG"},{"name":"log","type":"LONG_ARRAY"}]}"#;
const CLIENTS: i64 = 8;
const TRANSFERS: i64 = 60;

/// Moves 3 from one account to another, if it is there, and notes the transfer's number in both; true if it
/// was.
async fn transfer(client: &Client, number: i64) -> bool {
    let (from, to) = (number % 3, (number + 1) % 3);
    let body = format!(
        r#"{{"if":[{{"key":"{from}","column":"balance","operator":">=","value":3}}],
            "then":[{{"add":{{"key":"{from}","column":"balance","value":-3}}}},
                    {{"append":{{"key":"{from}","column":"log","value":{number}}}}},
                    {{"add":{{"key":"{to}","column":"balance","value":3}}}},
                    {{"append":{{"key":"{to}","column":"log","value":{number}}}}}],
            "else":[{{"get":"{from}"}}]}}"#
    );
    let done = client.transact("accounts", body).await.unwrap().value;
    done.succeeded
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_transfer_is_lost_done_twice_or_half() {
    let mut cluster = Cluster::started(3, "");
    let created = cluster.nodes[0].ask("POST", &path("/containers"), "", ACCOUNTS);
    assert_eq!(created.status, 201, "{created:?}");
    let client = cluster.client();
    let rows = r#"[["0",30,[]],["1",30,[]],["2",30,[]]]"#;
    client.put_rows("accounts", rows).await.unwrap();
    let workers: Vec<_> = (0..CLIENTS)
        .map(|worker| {
            let client = cluster.client();
            tokio::spawn(async move {
                let mut done = Vec::new();
                for transfer_number in 0..TRANSFERS {
                    let number = worker * TRANSFERS + transfer_number;
                    if transfer(&client, number).await {
                        done.push(number);
                    }
                }
                done
            })
        })
        .collect();
    // Some were made, and others are under way.
    let node = &cluster.nodes[0];
    let all = path("/containers/accounts/rows");
    wait_until("some transfers are made", || {
        let rows = node.ask("POST", &all, "", r#"{"limit":9}"#);
        rows.status == 200
            && rows.json()["rows"][0][2]
                .as_array()
                .is_some_and(|log| log.len() > 20)
    });
    let owner = cluster.owner_of("accounts");
    cluster.node(&owner).kill();
    let mut done = BTreeSet::new();
    for worker in workers {
        done.extend(worker.await.unwrap());
    }
    assert_ne!(cluster.owner_of("accounts"), owner);
    let scan = kensho_client::Scan::first(9);
    let rows = client.scan("accounts", &scan).await.unwrap().value.rows;
    let sum: i64 = rows.iter().map(|row| row[1].as_i64().unwrap()).sum();
    assert_eq!(sum, 90);
    let log = |row: &serde_json::Value| -> Vec<i64> {
        serde_json::from_value(row[2].clone()).expect("numbers")
    };
    let mut noted: Vec<i64> = rows.iter().flat_map(log).collect();
    noted.sort_unstable();
    let expected: Vec<i64> = done.iter().flat_map(|number| [*number, *number]).collect();
    assert_eq!(noted, expected, "each in two accounts, once");
    assert!(done.len() > 40, "{} transfers were made", done.len());
}
