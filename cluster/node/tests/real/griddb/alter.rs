//! Containers that are changed while they serve. The Web API has nothing of the kind.

use serde_json::json;

use super::{all_answer, all_refuse, ask, cluster};
use crate::registers::path;

#[test]
fn a_container_is_altered_while_it_serves() {
    let cluster = cluster();
    let node = &cluster.nodes[0];
    let (info, rows) = ("/containers/series/info", "/containers/series/rows");
    // Every node remembers what the container was like.
    for (node, day) in cluster.nodes.iter().zip(1..) {
        let row = json!([[format!("2026-01-0{day}T00:00:00.000Z"), day, "a"]]).to_string();
        assert_eq!(ask(node, "PUT", rows, &row).status, 200);
    }
    let change = r#"{"rename":{"str":"note"},"index":{"value":["TREE"]},"add":[{"name":"tags","type":"STRING_ARRAY"}]}"#;
    let number = "Idempotency-Key: aa/1\r\n";
    let done = node.ask("PATCH", &path(info), number, change);
    let expected = json!({"container_name":"series","container_type":"TIME_SERIES","rowkey":true,"columns":[
        {"name":"date","type":"TIMESTAMP","index":[]},{"name":"value","type":"DOUBLE","index":["TREE"]},
        {"name":"note","type":"STRING","index":[]},{"name":"tags","type":"STRING_ARRAY","index":[]}]});
    assert_eq!(
        (done.status, done.json()),
        (200, expected.clone()),
        "{done:?}"
    );
    // A retry, at any node, is told the same.
    for node in &cluster.nodes {
        let again = node.ask("PATCH", &path(info), number, change);
        assert_eq!(
            (again.status, again.json()),
            (200, expected.clone()),
            "{again:?}"
        );
        assert_eq!(ask(node, "GET", info, "").json(), expected);
    }
    let found = ask(
        node,
        "POST",
        rows,
        r#"{"limit":1,"condition":"note = 'a' and tags is null"}"#,
    );
    assert_eq!(found.json()["total"], 3, "{found:?}");
    assert_eq!(
        found.json()["rows"],
        json!([["2026-01-01T00:00:00.000Z", 1.0, "a", null]])
    );
    let row = r#"[["2026-01-09T00:00:00.000Z",9,"b",["x"]]]"#;
    for node in &cluster.nodes {
        // A node that remembers the container as it was refuses the row once, with nothing done.
        let stored = match ask(node, "PUT", rows, row) {
            refused if refused.status == 409 => ask(node, "PUT", rows, row),
            stored => stored,
        };
        assert_eq!(stored.status, 200, "{stored:?}");
    }
    all_answer(
        &cluster,
        (
            "POST",
            "/tql",
            r#"[{"name":"series","stmt":"select * where value = 9","columns":["tags"]}]"#,
        ),
        200,
        &json!([{"columns":[{"name":"tags","type":"STRING_ARRAY"}],"results":[[["x"]]],"offset":0,"limit":10000,
            "total":1,"responseSizeByte":1}]),
    );
    for (to, change, status, code, says) in [
        (
            info,
            r#"{"add":[{"name":"date","type":"LONG"}]}"#,
            400,
            150_010,
            "two columns",
        ),
        (
            info,
            r#"{"rename":{"nothing":"x"}}"#,
            400,
            150_010,
            "no column \"nothing\"",
        ),
        (info, "[]", 400, 150_010, "no change of a container"),
        ("/containers/nowhere/info", "{}", 404, 150_008, "nowhere"),
    ] {
        all_refuse(&cluster, ("PATCH", to, change), (status, code), says);
    }
}
