//! The partition table as a node gives it (`GET /cluster/table`).

use std::collections::HashMap;

use kensho_protocol::ids::{Life, Revision, Term};
use kensho_protocol::session::{Address, Directory};
use kensho_protocol::table::Stamp;
use serde::Deserialize;

#[derive(Deserialize)]
struct Table<'a> {
    stamp: Stamped,
    #[serde(borrow)]
    partitions: Vec<Partition<'a>>,
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Stamped {
    term: u64,
    revision: u64,
}

#[derive(Deserialize)]
struct Partition<'a> {
    owner: Option<&'a str>,
    #[serde(borrow, default)]
    in_sync: Vec<&'a str>,
}

#[derive(Deserialize)]
struct Node {
    name: String,
    client: String,
}

/// Reads a table.
pub(crate) fn read(body: &[u8]) -> Result<Directory, serde_json::Error> {
    let table: Table<'_> = serde_json::from_slice(body)?;
    let stamp = Stamp {
        term: Term(table.stamp.term),
        revision: Revision(table.stamp.revision),
        // Not told to clients: two masters of one term would look alike to them.
        life: Life::default(),
    };
    let numbers: HashMap<&str, u16> = table
        .nodes
        .iter()
        .zip(0..)
        .map(|(node, number)| (node.name.as_str(), number))
        .collect();
    let owner = |partition: &Partition<'_>| numbers.get(partition.owner?).copied();
    let owners = table.partitions.iter().map(owner).collect();
    let backups = |partition: &Partition<'_>| {
        let others = partition.in_sync.iter();
        let others = others.filter(|name| Some(**name) != partition.owner);
        others
            .filter_map(|name| numbers.get(name).copied())
            .collect()
    };
    let backups = table.partitions.iter().map(backups).collect();
    let nodes = table.nodes.iter();
    let nodes = nodes.map(|node| Address::from(node.client.as_str()));
    Ok(Directory::new(stamp, nodes.collect(), owners).with_backups(backups))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kensho_protocol::ids::PartitionId;

    #[test]
    fn a_table_is_read() {
        let body = br#"{"stamp":{"term":1,"revision":3},"master":"n1","partitions":[
            {"id":0,"epoch":1,"owner":"n2","in_sync":["n1","n2"],"catch_up":[]},
            {"id":1,"epoch":0,"owner":null,"in_sync":[],"catch_up":[]},
            {"id":2,"epoch":1,"owner":"n9","in_sync":[],"catch_up":[]}],
            "nodes":[{"name":"n1","client":"127.0.0.1:1"},{"name":"n2","client":"127.0.0.1:2"}]}"#;
        let directory = read(body).expect("it is a table");
        let owner = |number| directory.owner(PartitionId(number)).map(|owner| &**owner);
        assert_eq!(
            [owner(0), owner(1), owner(2)],
            [Some("127.0.0.1:2"), None, None]
        );
        let replicas = directory.replicas(PartitionId(0)).map(|node| &**node);
        assert_eq!(replicas.collect::<Vec<_>>(), ["127.0.0.1:2", "127.0.0.1:1"]);
        assert_eq!(directory.stamp().revision, Revision(3));
        assert!(read(b"[]").is_err());
    }
}
