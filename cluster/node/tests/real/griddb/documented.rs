//! What the reference says of single requests, one after the other: a table of requests and answers.

use serde_json::{Value, json};

use super::{all_answer, all_refuse, ask, cluster};

const KEYED: &str = r#"{"container_name":"keyed","container_type":"COLLECTION","rowkey":true,"columns":[
    {"name":"id","type":"LONG","index":["TREE"]},{"name":"value","type":"DOUBLE","index":[]},
    {"name":"str","type":"STRING","index":["TREE"]}]}"#;
const PEOPLE: &str = r#"{"container_name":"people","container_type":"COLLECTION","rowkey":true,"columns":[
    {"name":"name","type":"STRING"},{"name":"age","type":"INTEGER"}]}"#;

#[test]
fn requests_are_answered_as_the_reference_says() {
    let cluster = cluster();
    let node = &cluster.nodes[0];
    for description in [KEYED, PEOPLE] {
        assert_eq!(ask(node, "POST", "/containers", description).status, 201);
    }
    let rows = "/containers/keyed/rows";
    let many = "/containers/rows";
    let date = |name: &str, kind: &str| json!({"name": name, "type": kind});
    let columns = json!([
        date("id", "LONG"),
        date("value", "DOUBLE"),
        date("str", "STRING")
    ]);
    let put: Vec<Value> = (1..=60)
        .map(|id| {
            json!([
                id,
                f64::from(id) + 0.5,
                (id % 2 == 0).then(|| format!("s{id:02}"))
            ])
        })
        .collect();
    let answers = [
        ("GET", "/checkConnection", json!(null), 200, json!(null)),
        (
            "GET",
            "/checkConnection?timeout=5",
            json!(null),
            200,
            json!(null),
        ),
        (
            "GET",
            "/checkConnection?timeout=0",
            json!(null),
            200,
            json!(null),
        ),
        ("PUT", rows, json!(put), 200, json!({"count":60})),
        // Updates count as well.
        (
            "PUT",
            rows,
            json!([put[0], put[1]]),
            200,
            json!({"count":2}),
        ),
        (
            "POST",
            rows,
            json!({"offset":1,"limit":2,"condition":"id >= 50","sort":"id desc"}),
            200,
            json!({"columns":columns,"rows":[put[58],put[57]],"total":11,"offset":1,"limit":2}),
        ),
        (
            "POST",
            rows,
            json!({"limit":2,"sort":"id asc"}),
            200,
            json!({"columns":columns,"rows":[put[0],put[1]],"total":60,"offset":0,"limit":2}),
        ),
        (
            "POST",
            rows,
            json!({"offset":60,"limit":2}),
            200,
            json!({"columns":columns,"rows":[],"total":60,"offset":60,"limit":2}),
        ),
        (
            "POST",
            rows,
            json!({"limit":5,"condition":"str = 's04' or value = 1.5"}),
            200,
            json!({"columns":columns,"rows":[put[0],put[3]],"total":2,"offset":0,"limit":5}),
        ),
        (
            "POST",
            rows,
            json!({"limit":5,"condition":"str is null and id <= 3"}),
            200,
            json!({"columns":columns,"rows":[put[0],put[2]],"total":2,"offset":0,"limit":5}),
        ),
        (
            "POST",
            many,
            json!([{"name":"keyed","startKeyValue":10,"finishKeyValue":20,"limit":2,"offset":1}]),
            200,
            json!([{"container":"keyed","columns":columns,"results":[put[10],put[11]],"total":11,"offset":1,"limit":2}]),
        ),
        (
            "POST",
            many,
            json!([{"name":"keyed","keyValues":[3,1],"startKeyValue":50}]),
            200,
            json!([{"container":"keyed","columns":columns,"results":[put[0],put[2]],"total":2,"offset":0,"limit":10000}]),
        ),
        (
            "POST",
            many,
            json!([{"name":"people"}]),
            200,
            json!([{"container":"people","columns":[date("name","STRING"),date("age","INTEGER")],"results":[],
                "total":0,"offset":0,"limit":10000}]),
        ),
        (
            "PUT",
            many,
            json!([{"containerName":"people","rows":[["ann",7],["bob",null]]},
            {"containerName":"keyed","rows":[[1,1.5,null]]}]),
            200,
            json!([{"containerName":"people","updatedRows":2},{"containerName":"keyed","updatedRows":1}]),
        ),
        (
            "POST",
            many,
            json!([{"name":"people","keyValues":["bob","nobody"]}]),
            200,
            json!([{"container":"people","columns":[date("name","STRING"),date("age","INTEGER")],
                "results":[["bob",null]],"total":1,"offset":0,"limit":10000}]),
        ),
        (
            "POST",
            "/tql",
            json!([{"name":"keyed","stmt":"select * where id > 57 limit 100","columns":null,"hasPartialExecution":true},
            {"name":"keyed","stmt":"select * limit 1","columns":["value"]}]),
            200,
            json!([{"columns":columns,"results":[put[57],put[58],put[59]],"offset":0,"limit":100,"total":3,"responseSizeByte":54},
                {"columns":[date("value","DOUBLE")],"results":[[1.5]],"offset":0,"limit":1,"total":60,"responseSizeByte":8}]),
        ),
        (
            "POST",
            "/tql",
            json!([{"name":"keyed","stmt":"SELECT * ORDER BY id DESC LIMIT 20000 OFFSET 59"}]),
            200,
            json!([{"columns":columns,"results":[put[0]],"offset":59,"limit":10000,"total":60,"responseSizeByte":16}]),
        ),
        (
            "POST",
            "/tql",
            json!([{"name":"keyed","stmt":"select MAX(id)"},{"name":"keyed","stmt":"select AVG(value) where id <= 3"}]),
            200,
            json!([{"columns":[date("aggregationResult","DOUBLE")],"results":[[60.0]]},
                {"columns":[date("aggregationResult","DOUBLE")],"results":[[2.5]]}]),
        ),
        ("DELETE", rows, json!([1, "2", 999]), 204, json!(null)),
        (
            "POST",
            rows,
            json!({"limit":1}),
            200,
            json!({"columns":columns,"rows":[put[2]],"total":58,"offset":0,"limit":1}),
        ),
        ("DELETE", rows, json!([]), 204, json!(null)),
        ("DELETE", "/containers", json!([]), 204, json!(null)),
    ];
    for (method, to, body, status, expected) in answers {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        all_answer(&cluster, (method, to, &body), status, &expected);
    }
    let info = ask(node, "GET", "/containers/keyed/info", "").json();
    assert_eq!(info, serde_json::from_str::<Value>(KEYED).expect("JSON"));
}

#[test]
fn requests_are_refused_as_the_reference_says() {
    let cluster = cluster();
    let node = &cluster.nodes[0];
    for description in [KEYED, PEOPLE] {
        assert_eq!(ask(node, "POST", "/containers", description).status, 201);
    }
    let (rows, many, containers) = ("/containers/keyed/rows", "/containers/rows", "/containers");
    let describe = |from: &str, to: &str| KEYED.replace("keyed", "other").replace(from, to);
    let eleven: Vec<Value> = vec![json!({"name":"keyed","stmt":"select *"}); 11];
    let refusals = [
        (
            "GET",
            "/checkConnection?timeout=x",
            json!(null),
            400,
            "timeout",
        ),
        (
            "GET",
            "/checkConnection?timeout=-1",
            json!(null),
            400,
            "timeout",
        ),
        ("GET", "/containers?offset=3", json!(null), 400, "limit"),
        ("GET", "/containers?limit=-3", json!(null), 400, "limit"),
        (
            "GET",
            "/containers/nowhere/info",
            json!(null),
            404,
            "nowhere",
        ),
        ("POST", rows, json!({}), 400, "limit"),
        ("POST", rows, json!({"limit":0}), 400, "limit"),
        ("POST", rows, json!({"limit":1,"offset":-1}), 400, "-1"),
        ("POST", rows, json!({"limit":1.5}), 400, "limit"),
        ("POST", rows, json!([0, 9]), 400, "it is an object"),
        (
            "POST",
            rows,
            json!({"limit":1,"condition":"id >="}),
            400,
            "condition",
        ),
        (
            "POST",
            rows,
            json!({"limit":1,"condition":"str like 1"}),
            400,
            "LIKE",
        ),
        (
            "POST",
            rows,
            json!({"limit":1,"sort":"nothing desc"}),
            400,
            "nothing",
        ),
        (
            "POST",
            "/containers/nowhere/rows",
            json!({"limit":1}),
            404,
            "nowhere",
        ),
        ("PUT", rows, json!([]), 400, "no row"),
        ("PUT", rows, json!({}), 400, "array of rows"),
        ("PUT", rows, json!([1]), 400, "array"),
        ("PUT", rows, json!([[1, 2.5]]), 400, "row 1 has 2 values"),
        (
            "PUT",
            rows,
            json!([[1, 2.5, "x", 4]]),
            400,
            "row 1 has 4 values",
        ),
        (
            "PUT",
            rows,
            json!([[1, 2.5, "x"], [2, "a", "x"]]),
            400,
            "row 2, column \"value\" (DOUBLE)",
        ),
        (
            "PUT",
            rows,
            json!([[1.5, 2.5, "x"]]),
            400,
            "row 1, column \"id\" (LONG)",
        ),
        (
            "PUT",
            rows,
            json!([[null, 2.5, "x"]]),
            400,
            "row 1, column \"id\" (LONG)",
        ),
        (
            "PUT",
            "/containers/series/rows",
            json!([["2026/01/17T14:32:33.888Z", 1, null]]),
            400,
            "column \"date\"",
        ),
        (
            "PUT",
            "/containers/series/rows",
            json!([["2026-01-18", 1, null]]),
            400,
            "column \"date\"",
        ),
        (
            "PUT",
            "/containers/series/rows",
            json!([["2026-01-18T00:00:00Z", 1, null]]),
            400,
            "column \"date\"",
        ),
        (
            "PUT",
            "/containers/nowhere/rows",
            json!([[1]]),
            404,
            "nowhere",
        ),
        ("DELETE", rows, json!(["x"]), 400, "column \"id\""),
        ("DELETE", rows, json!({}), 400, "array of row keys"),
        (
            "DELETE",
            "/containers/log/rows",
            json!(["x"]),
            400,
            "no row key",
        ),
        (
            "DELETE",
            "/containers/nowhere/rows",
            json!([1]),
            404,
            "nowhere",
        ),
        ("POST", many, json!([]), 400, "0 elements"),
        ("POST", many, json!([{}]), 400, "name"),
        ("POST", many, json!([{"name":"nowhere"}]), 404, "nowhere"),
        ("POST", many, json!([{"name":"log"}]), 400, "no row key"),
        (
            "POST",
            many,
            json!([{"name":"people","startKeyValue":"a"}]),
            400,
            "STRING",
        ),
        (
            "POST",
            many,
            json!([{"name":"keyed","keyValues":["x"]}]),
            400,
            "whole number",
        ),
        (
            "POST",
            many,
            json!([{"name":"keyed","offset":-1}]),
            400,
            "array",
        ),
        (
            "PUT",
            many,
            json!([{"containerName":"people","rows":[["a"]]}]),
            400,
            "container people: row 1 has 1 values",
        ),
        (
            "PUT",
            many,
            json!([{"containerName":"people","rows":[]}]),
            400,
            "no row",
        ),
        (
            "PUT",
            many,
            json!([{"containerName":"nowhere","rows":[[1]]}]),
            404,
            "nowhere",
        ),
        ("POST", "/tql", json!([]), 400, "0 elements"),
        ("POST", "/tql", json!(eleven), 400, "11 elements"),
        (
            "POST",
            "/tql",
            json!([{"name":"keyed","stmt":""}]),
            400,
            "container keyed",
        ),
        (
            "POST",
            "/tql",
            json!([{"name":"keyed","stmt":"select *","columns":["nothing"]}]),
            400,
            "no column nothing",
        ),
        (
            "POST",
            "/tql",
            json!([{"name":"nowhere","stmt":"select *"}]),
            404,
            "nowhere",
        ),
        ("DELETE", containers, json!({}), 400, "array"),
        ("DELETE", containers, json!([1]), 400, "array"),
    ];
    for (method, to, body, status, says) in refusals {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        refuse(&cluster, (method, to, &body), status, says);
    }
    for (description, status, says) in [
        (describe("other", "keyed"), 409, "keyed"),
        // Case does not count.
        (describe("other", "KEYED"), 409, "KEYED"),
        (
            describe("\"container_name\":\"other\",", ""),
            400,
            "container_name",
        ),
        (describe("other", ""), 400, "name"),
        (describe("COLLECTION", "TABLE"), 400, "TABLE"),
        (
            describe("\"container_type\":\"COLLECTION\",", ""),
            400,
            "container_type",
        ),
        (describe("\"LONG\"", "\"DOUBLE\""), 400, "row key"),
        (describe("\"LONG\"", "\"BLOB\""), 400, "BLOB"),
        (describe("\"DOUBLE\"", "\"REAL\""), 400, "REAL"),
        (
            describe("\"DOUBLE\",", "\"DOUBLE\",\"precision\":3,"),
            400,
            "precision",
        ),
        (describe("TREE", "HASH"), 400, "HASH"),
        (
            describe("\"index\":[]", "\"index\":[\"SPATIAL\"]"),
            400,
            "SPATIAL",
        ),
        ("[]".to_owned(), 400, "container"),
        ("{".to_owned(), 400, "container"),
    ] {
        refuse(&cluster, ("POST", containers, &description), status, says);
    }
    for to in [
        "/sql",
        "/sql/select",
        "/sql/update",
        "/sql/ddl",
        "/sql/dcl",
        "/sql/dml/query",
        "/sql/dml/update",
    ] {
        refuse(
            &cluster,
            ("POST", to, r#"[{"stmt":"select * from keyed"}]"#),
            501,
            "SQL is not offered",
        );
    }
    for (method, to) in [
        ("PATCH", rows),
        ("POST", "/containers/keyed/info"),
        ("GET", "/tql"),
        ("POST", "/checkConnection"),
    ] {
        refuse(&cluster, (method, to, "{}"), 405, "takes");
    }
}

#[track_caller]
fn refuse(cluster: &crate::cluster::Cluster, asked: (&str, &str, &str), status: u16, says: &str) {
    let (method, to, body) = asked;
    let error = ask(&cluster.nodes[0], method, to, body).json();
    let code = error["errorCode"].as_u64().unwrap_or_default();
    assert!(
        error["definite"] == json!(true),
        "{method} {to} {body}: {error}"
    );
    let code = u32::try_from(code).expect("a code");
    all_refuse(cluster, asked, (status, code), says);
}
