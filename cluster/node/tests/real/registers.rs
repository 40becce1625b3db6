//! The container that most tests use: registers by name.

use kensho_client::{Client, Condition, Container, Put};

/// As it is described in a request.
pub(crate) const REGISTERS: &str = r#"{"container_name":"registers","container_type":"COLLECTION",
    "rowkey":true,"columns":[{"name":"key","type":"STRING"},{"name":"value","type":"LONG"}]}"#;

/// A path of the database.
pub(crate) fn path(rest: &str) -> String {
    format!("/griddb/v2/test/dbs/public{rest}")
}

/// Creates the container.
pub(crate) async fn create_registers(client: &Client) {
    let container = Container::keyed("registers", "STRING").column("value", "LONG");
    client.create_container(&container).await.unwrap();
}

/// Puts a value into a register, whatever it has; tells which node has done it.
pub(crate) async fn put(client: &Client, key: &str, value: i64) -> String {
    let row = format!("[\"{key}\",{value}]");
    let put = client.put("registers", key, row, Condition::Any);
    let put = put.await.unwrap();
    assert!(matches!(put.value, Put::Stored { .. }), "{put:?}");
    put.node
}
