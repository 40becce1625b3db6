//! The container that most tests use: registers by name.

use kensho_client::{Client, Condition, Container, Put};

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
