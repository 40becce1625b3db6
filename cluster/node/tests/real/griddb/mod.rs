//! Conversations as the reference of GridDB's Web API describes them, with values of our own. Each is held
//! with a node that has to pass most of it on.

mod alter;
mod blobs;
mod documented;

use serde_json::{Value, json};

use crate::cluster::{Answer, Cluster, Node};
use crate::registers::path;

const EVERYTHING: &str = r#"{"container_name":"everything","container_type":"COLLECTION","rowkey":true,"columns":[
    {"name":"id","type":"INTEGER","index":["TREE"]},{"name":"flag","type":"BOOL"},
    {"name":"text","type":"STRING","index":null},{"name":"byte","type":"BYTE"},{"name":"short","type":"SHORT"},
    {"name":"long","type":"LONG"},{"name":"float","type":"FLOAT"},{"name":"double","type":"DOUBLE"},
    {"name":"time","type":"TIMESTAMP","timePrecision":"MILLISECOND"},{"name":"place","type":"GEOMETRY"},
    {"name":"bytes","type":"BLOB"},{"name":"flags","type":"BOOL_ARRAY"},{"name":"longs","type":"LONG_ARRAY"},
    {"name":"texts","type":"STRING_ARRAY"},{"name":"times","type":"TIMESTAMP_ARRAY"}]}"#;

const SERIES: &str = r#"{"container_name":"series","container_type":"TIME_SERIES","rowkey":true,"columns":[
    {"name":"date","type":"TIMESTAMP"},{"name":"value","type":"DOUBLE"},{"name":"str","type":"STRING"}]}"#;

const LOG: &str = r#"{"container_name":"log","container_type":"COLLECTION","rowkey":false,"columns":[
    {"name":"line","type":"STRING","notNull":true}]}"#;

fn cluster() -> Cluster {
    let cluster = Cluster::started(3, "");
    for description in [EVERYTHING, SERIES, LOG] {
        let created = ask(&cluster.nodes[0], "POST", "/containers", description);
        assert_eq!((created.status, &*created.body), (201, ""), "{created:?}");
    }
    cluster
}

fn ask(node: &Node, method: &str, to: &str, body: &str) -> Answer {
    node.ask(method, &path(to), "", body)
}

/// Every node gives this answer.
#[track_caller]
fn all_answer(
    cluster: &Cluster,
    (method, to, body): (&str, &str, &str),
    status: u16,
    expected: &Value,
) {
    for node in &cluster.nodes {
        let answer = ask(node, method, to, body);
        assert_eq!(answer.status, status, "{method} {to} {body}: {answer:?}");
        match expected {
            Value::Null => assert_eq!(answer.body, "", "{method} {to} {body}"),
            expected => assert_eq!(&answer.json(), expected, "{method} {to} {body}"),
        }
    }
}

/// Every node refuses it with this code, and says this.
#[track_caller]
fn all_refuse(
    cluster: &Cluster,
    (method, to, body): (&str, &str, &str),
    (status, code): (u16, u32),
    says: &str,
) {
    for node in &cluster.nodes {
        let answer = ask(node, method, to, body);
        assert_eq!(answer.status, status, "{method} {to} {body}: {answer:?}");
        let error = answer.json();
        assert_eq!(error["errorCode"], code, "{method} {to} {body}: {error}");
        assert_eq!(error["version"], "v2");
        let message = error["errorMessage"].as_str().expect("a text");
        assert!(message.contains(says), "{method} {to} {body}: {message}");
    }
}

#[test]
fn containers_are_made_listed_described_and_deleted() {
    let cluster = cluster();
    let list =
        |query: &str| ask(&cluster.nodes[1], "GET", &format!("/containers{query}"), "").json();
    let expected = json!({"names":["everything","log","series"],"total":3,"offset":0,"limit":9});
    assert_eq!(list("?limit=9"), expected);
    let expected = json!({"names":["series"],"total":1,"offset":0,"limit":9});
    assert_eq!(list("?limit=9&type=TIME_SERIES"), expected);
    let expected = json!({"names":["log"],"total":3,"offset":1,"limit":1});
    assert_eq!(list("?limit=1&offset=1&sort=desc"), expected);
    assert_eq!(list("?limit=0&offset=7")["names"], json!([]));
    assert_eq!(list("?limit=20000")["limit"], json!(10_000));
    assert_eq!(
        list("?limit=9&prefix=EVERY")["names"],
        json!(["everything"])
    );
    for query in [
        "",
        "?offset=1",
        "?limit=9&type=TABLE",
        "?limit=x",
        "?limit=9&sort=up",
        "?limit=9&order=asc",
        "?limit=-1",
    ] {
        all_refuse(
            &cluster,
            ("GET", &format!("/containers{query}"), ""),
            (400, 150_001),
            "",
        );
    }

    let described = ask(&cluster.nodes[2], "GET", "/containers/series/info", "");
    assert_eq!(
        described.body,
        r#"{"container_name":"series","container_type":"TIME_SERIES","rowkey":true,"columns":[{"name":"date","type":"TIMESTAMP","index":[]},{"name":"value","type":"DOUBLE","index":[]},{"name":"str","type":"STRING","index":[]}]}"#
    );
    let described = ask(&cluster.nodes[2], "GET", "/containers/everything/info", "").json();
    assert_eq!(described["columns"][0]["index"], json!(["TREE"]));
    all_refuse(
        &cluster,
        ("POST", "/containers", SERIES),
        (409, 150_009),
        "series",
    );
    for (wrong, says) in [
        (SERIES.replace("TIMESTAMP", "LONG"), "TIMESTAMP"),
        (SERIES.replace("DOUBLE", "NUMBER"), "\"NUMBER\""),
        (
            SERIES.replace("\"rowkey\":true", "\"rowkey\":false"),
            "row key of a time series",
        ),
        (SERIES.replace("\"rowkey\":true,", ""), "rowkey"),
        (
            SERIES.replace("\"name\":\"str\"", "\"name\":\"Value\""),
            "two columns",
        ),
        (SERIES.replace("\"series\"", "\"a b\""), "\"a b\""),
    ] {
        all_refuse(
            &cluster,
            ("POST", "/containers", &wrong),
            (400, 150_010),
            says,
        );
    }
    all_answer(
        &cluster,
        ("DELETE", "/containers", r#"["series","nowhere"]"#),
        204,
        &Value::Null,
    );
    all_refuse(
        &cluster,
        ("GET", "/containers/series/info", ""),
        (404, 150_008),
        "series",
    );
    all_answer(&cluster, ("GET", "/checkConnection", ""), 200, &Value::Null);
}

#[test]
fn rows_of_every_type_come_back() {
    let cluster = cluster();
    let rows = "/containers/everything/rows";
    let all = r#"[[1,true,"ä\"b\n",-128,-32768,-9223372036854775808,0.5,1e300,"2026-01-31T23:59:59.999Z",
        "POINT(1 2)","YWJj",[true,false],[1,9223372036854775807],["a",""],["1970-01-01T00:00:00.000Z"]],
        ["2","FALSE",null,"127","32767","9223372036854775807","1.5","-0.25",null,null,null,["true"],[],null,[]]]"#;
    all_answer(&cluster, ("PUT", rows, all), 200, &json!({"count":2}));
    let found = ask(&cluster.nodes[0], "POST", rows, r#"{"limit":9}"#);
    let expected = r#""rows":[[1,true,"ä\"b\n",-128,-32768,-9223372036854775808,0.5,1e+300,"2026-01-31T23:59:59.999Z","POINT(1 2)","YWJj",[true,false],[1,9223372036854775807],["a",""],["1970-01-01T00:00:00.000Z"]],[2,false,null,127,32767,9223372036854775807,1.5,-0.25,null,null,null,[true],[],null,[]]],"total":2,"offset":0,"limit":9}"#;
    assert!(found.body.ends_with(expected), "{found:?}");
    let columns = found.json()["columns"].clone();
    assert_eq!(columns[8], json!({"name":"time","type":"TIMESTAMP"}));

    let nulls = ",null".repeat(13);
    for (row, says) in [
        (format!("[null,null{nulls}]"), "column \"id\" (INTEGER)"),
        (format!("[2147483648,null{nulls}]"), "-2147483648 to 2147483647"),
        (format!("[3,\"yes\"{nulls}]"), "column \"flag\" (BOOL)"),
        ("[3,true,5,null,null,null,null,null,null,null,null,null,null,null,null]".to_owned(), "column \"text\" (STRING)"),
        ("[3,true,null,128,null,null,null,null,null,null,null,null,null,null,null]".to_owned(), "-128 to 127"),
        ("[3,true,null,null,null,9223372036854775808,null,null,null,null,null,null,null,null,null]".to_owned(), "\"long\""),
        ("[3,true,null,null,null,null,1e39,null,null,null,null,null,null,null,null]".to_owned(), "32 bits"),
        ("[3,true,null,null,null,null,null,\"NaN\",null,null,null,null,null,null,null]".to_owned(), "\"double\""),
        ("[3,true,null,null,null,null,null,null,\"2026-01-31\",null,null,null,null,null,null]".to_owned(), "\"time\""),
        ("[3,true,null,null,null,null,null,null,null,\"POINT(1)\",null,null,null,null,null]".to_owned(), "well-known text"),
        ("[3,true,null,null,null,null,null,null,null,null,\"@\",null,null,null,null]".to_owned(), "base64"),
        ("[3,true,null,null,null,null,null,null,null,null,null,null,[null],null,null]".to_owned(), "\"longs\""),
        ("[3]".to_owned(), "row 2 has 1 values"),
    ] {
        let good = format!("[9,null{nulls}]");
        let body = format!("[{good},{row}]");
        all_refuse(&cluster, ("PUT", rows, &body), (400, 150_010), says);
    }
    let nine = r#"{"limit":9,"condition":"id = 9"}"#;
    assert_eq!(
        ask(&cluster.nodes[0], "POST", rows, nine).json()["total"],
        0,
        "all rows or none"
    );

    all_answer(&cluster, ("DELETE", rows, "[1,\"7\"]"), 204, &Value::Null);
    assert_eq!(
        ask(&cluster.nodes[0], "POST", rows, r#"{"limit":9}"#).json()["total"],
        1
    );
    all_refuse(
        &cluster,
        ("DELETE", rows, "[\"x\"]"),
        (400, 150_010),
        "column \"id\"",
    );
    all_refuse(
        &cluster,
        ("DELETE", "/containers/log/rows", "[1]"),
        (400, 150_010),
        "no row key",
    );
    all_refuse(
        &cluster,
        ("DELETE", "/containers/nowhere/rows", "[1]"),
        (404, 150_008),
        "nowhere",
    );
}

#[test]
fn rows_without_key_are_added_and_have_ids() {
    let cluster = cluster();
    let node = &cluster.nodes[0];
    let rows = "/containers/log/rows";
    let first = ask(node, "PUT", rows, r#"[["b"],["a"]]"#);
    assert_eq!(first.json(), json!({"count":2}));
    assert_eq!(ask(node, "PUT", rows, r#"[["b"]]"#).status, 200);
    let found = ask(
        node,
        "POST",
        rows,
        r#"{"limit":9,"condition":"line <> 'a'"}"#,
    )
    .json();
    assert_eq!(found["rows"], json!([["b"], ["b"]]));
    let version = first
        .header("etag")
        .expect("a version")
        .trim_matches('"')
        .to_owned();
    let (_, lsn) = version.split_once('-').expect("epoch and number");
    let second = format!("{rows}/{lsn}.1");
    all_answer(&cluster, ("GET", &second, ""), 200, &json!(["a"]));
    assert_eq!(ask(node, "DELETE", &second, "").status, 204);
    assert_eq!(ask(node, "GET", &second, "").status, 404);
    all_refuse(
        &cluster,
        ("PUT", &second, r#"["c"]"#),
        (400, 150_010),
        "never replaced",
    );
    all_refuse(
        &cluster,
        ("GET", &format!("{rows}/x"), ""),
        (400, 150_010),
        "17.0",
    );
    all_refuse(
        &cluster,
        ("PUT", rows, "[[null]]"),
        (400, 150_010),
        "got null",
    );
}

#[test]
fn rows_are_found_by_conditions() {
    let cluster = cluster();
    let rows = "/containers/series/rows";
    let put = r#"[["2026-01-01T00:00:00.000Z",100.5,"normal"],["2026-01-01T00:10:00.000Z",173.9,"high"],
        ["2026-01-01T00:20:00.000Z",173.9,null]]"#;
    all_answer(&cluster, ("PUT", rows, put), 200, &json!({"count":3}));
    let (first, second, third) = (
        json!(["2026-01-01T00:00:00.000Z", 100.5, "normal"]),
        json!(["2026-01-01T00:10:00.000Z", 173.9, "high"]),
        json!(["2026-01-01T00:20:00.000Z", 173.9, null]),
    );
    for (body, found, total) in [
        (json!({"limit":2}), json!([first, second]), 3),
        (
            json!({"limit":20_000,"offset":1}),
            json!([second, third]),
            3,
        ),
        (
            json!({"limit":9,"sort":"date desc"}),
            json!([third, second, first]),
            3,
        ),
        (
            json!({"limit":9,"sort":"value desc, str"}),
            json!([second, third, first]),
            3,
        ),
        (
            json!({"limit":1,"offset":1,"condition":"value >= 100 and str is not null","sort":"value"}),
            json!([second]),
            2,
        ),
        (
            json!({"limit":9,"condition":"str like 'n%' or str is null"}),
            json!([first, third]),
            2,
        ),
        (
            json!({"limit":9,"condition":"date > TIMESTAMP('2026-01-01T00:10:00Z')"}),
            json!([third]),
            1,
        ),
        (
            json!({"limit":9,"condition":"date < TIMESTAMPADD(YEAR, NOW(), -1000)"}),
            json!([]),
            0,
        ),
        (
            json!({"limit":9,"condition":"","sort":null}),
            json!([first, second, third]),
            3,
        ),
    ] {
        let limit = body["limit"].as_u64().expect("a number").min(10_000);
        let offset = body["offset"].as_u64().unwrap_or_default();
        let expected = json!({"columns":[{"name":"date","type":"TIMESTAMP"},{"name":"value","type":"DOUBLE"},
            {"name":"str","type":"STRING"}],"rows":found,"total":total,"offset":offset,"limit":limit});
        all_answer(&cluster, ("POST", rows, &body.to_string()), 200, &expected);
    }
    for (body, code, says) in [
        (
            json!({"limit":1,"condition":"valve > 1"}),
            150_010,
            "no column valve (at character 1)",
        ),
        (
            json!({"limit":1,"condition":"value = 1 and str = 5"}),
            150_018,
            "column str (STRING) and 5",
        ),
        (
            json!({"limit":1,"condition":"value >"}),
            151_001,
            "the condition: expected a value",
        ),
        (
            json!({"limit":1,"sort":"value downward"}),
            151_001,
            "the sort order",
        ),
        (
            json!({"limit":1,"condition":"1 / 0 = 1"}),
            150_010,
            "divided by 0",
        ),
        (json!({"limit":0}), 150_001, "limit"),
        (json!({"offset":0}), 150_001, "limit"),
        (json!({"limit":-1}), 150_001, "limit"),
    ] {
        all_refuse(
            &cluster,
            ("POST", rows, &body.to_string()),
            (400, code),
            says,
        );
    }
}

#[test]
fn statements_of_tql_are_answered() {
    let cluster = cluster();
    let put = r#"[["2026-01-01T00:00:00.000Z",4,"a"],["2026-01-01T00:00:10.000Z",3,"b"],
        ["2026-01-01T00:00:20.000Z",2,"c"],["2026-01-01T00:00:40.000Z",1,"d"]]"#;
    all_answer(
        &cluster,
        ("PUT", "/containers/series/rows", put),
        200,
        &json!({"count":4}),
    );
    all_answer(
        &cluster,
        ("PUT", "/containers/log/rows", r#"[["x"]]"#),
        200,
        &json!({"count":1}),
    );
    let asked = json!([
        {"name":"series","stmt":"select * where value >= 2 order by value limit 2","columns":null,"hasPartialExecution":true},
        {"name":"log","stmt":"select * from log limit 100","columns":["line"]},
        {"name":"series","stmt":"select count(*)"},
        {"name":"series","stmt":"select time_avg(value)"},
        {"name":"series","stmt":"select time_sampling(value, TIMESTAMP('2026-01-01T00:00:00Z'), TIMESTAMP('2026-01-01T00:00:15Z'), 5, SECOND)","columns":["value"]},
    ]);
    let date = json!({"name":"date","type":"TIMESTAMP","timePrecision":"MILLISECOND"});
    let value = json!({"name":"value","type":"DOUBLE"});
    let text = json!({"name":"str","type":"STRING"});
    let expected = json!([
        {"columns":[date, value, text],"results":[["2026-01-01T00:00:20.000Z",2.0,"c"],["2026-01-01T00:00:10.000Z",3.0,"b"]],
         "offset":0,"limit":2,"total":3,"responseSizeByte":34},
        {"columns":[{"name":"line","type":"STRING"}],"results":[["x"],["x"],["x"]],"offset":0,"limit":100,"total":3,"responseSizeByte":3},
        {"columns":[{"name":"aggregationResult","type":"DOUBLE"}],"results":[[4.0]]},
        {"columns":[{"name":"aggregationResult","type":"DOUBLE"}],"results":[[2.25]]},
        {"columns":[value],"results":[[4.0],[3.5],[3.0],[2.5]],"offset":0,"limit":10000,"total":4,"responseSizeByte":32},
    ]);
    // The log was given its row by each node.
    all_answer(
        &cluster,
        ("POST", "/tql", &asked.to_string()),
        200,
        &expected,
    );
    for (stmt, status, code, says) in [
        ("select valve", 400, 151_001, "columns"),
        (
            "select * where valve = 1",
            400,
            150_010,
            "container series: there is no column valve",
        ),
        ("select sum(str)", 400, 150_018, "column str is STRING"),
        (
            "update series set value = 1",
            400,
            151_001,
            "PUT of /containers",
        ),
        ("select * from other", 400, 150_010, "FROM names other"),
        (
            "select time_sampling(*, NOW(), NOW(), 0, DAY)",
            400,
            150_018,
            "above 0",
        ),
    ] {
        let body = json!([{"name":"log","stmt":"select *"},{"name":"series","stmt":stmt}]);
        all_refuse(
            &cluster,
            ("POST", "/tql", &body.to_string()),
            (status, code),
            says,
        );
    }
    let body = json!([{"name":"nowhere","stmt":"select *"}]);
    all_refuse(
        &cluster,
        ("POST", "/tql", &body.to_string()),
        (404, 150_008),
        "nowhere",
    );
    for body in ["[]", "{}", r#"[{"name":"series"}]"#] {
        all_refuse(&cluster, ("POST", "/tql", body), (400, 150_001), "");
    }
    for sql in ["/sql", "/sql/select", "/sql/dml/query", "/sql/ddl"] {
        all_refuse(&cluster, ("POST", sql, "[]"), (501, 150_012), "/tql");
    }
}

#[test]
fn rows_of_several_containers_go_in_one_request() {
    let cluster = cluster();
    let several = "/containers/rows";
    let ids = r#"{"container_name":"ids","container_type":"COLLECTION","rowkey":true,"columns":[
        {"name":"id","type":"LONG"},{"name":"value","type":"LONG"}]}"#;
    assert_eq!(
        ask(&cluster.nodes[0], "POST", "/containers", ids).status,
        201
    );
    let put = json!([
        {"containerName":"series","rows":[["2026-01-01T00:00:00.000Z",1,"a"],["2026-01-02T00:00:00.000Z",2,"b"]]},
        {"containerName":"ids","rows":[[1,10],[2,20],["3","30"]]},
    ]);
    let told =
        json!([{"containerName":"series","updatedRows":2},{"containerName":"ids","updatedRows":3}]);
    all_answer(&cluster, ("PUT", several, &put.to_string()), 200, &told);
    let asked = json!([
        {"name":"ids","startKeyValue":2,"finishKeyValue":"9","limit":1},
        {"name":"series","keyValues":["2026-01-02T00:00:00.000Z","2026-01-03T00:00:00.000Z"]},
        {"name":"ids","keyValues":[3, 1],"startKeyValue":9,"offset":1},
    ]);
    let columns = json!([{"name":"id","type":"LONG"},{"name":"value","type":"LONG"}]);
    let found = json!([
        {"container":"ids","columns":columns,"results":[[2,20]],"total":2,"offset":0,"limit":1},
        {"container":"series","columns":[{"name":"date","type":"TIMESTAMP"},{"name":"value","type":"DOUBLE"},
            {"name":"str","type":"STRING"}],"results":[["2026-01-02T00:00:00.000Z",2.0,"b"]],"total":1,"offset":0,"limit":10000},
        {"container":"ids","columns":columns,"results":[[3,30]],"total":2,"offset":1,"limit":10000},
    ]);
    all_answer(&cluster, ("POST", several, &asked.to_string()), 200, &found);

    // What does not fit one container changes none.
    for (part, status, code, says) in [
        (
            json!({"containerName":"series","rows":[["2026-02-01T00:00:00.000Z","x",null]]}),
            400,
            150_010,
            "container series: row 1, column \"value\"",
        ),
        (
            json!({"containerName":"nowhere","rows":[["a"]]}),
            404,
            150_008,
            "nowhere",
        ),
        (
            json!({"containerName":"series","rows":[]}),
            400,
            150_010,
            "container series: there is no row",
        ),
        (
            json!({"containerName":"IDS","rows":[[1,2]]}),
            400,
            150_001,
            "twice",
        ),
        (
            json!({"name":"series","rows":[]}),
            400,
            150_001,
            "containerName",
        ),
    ] {
        let body = json!([{"containerName":"ids","rows":[[9, 9]]}, part]);
        all_refuse(
            &cluster,
            ("PUT", several, &body.to_string()),
            (status, code),
            says,
        );
    }
    let nine = json!([{"name":"ids","keyValues":[9]}]).to_string();
    assert_eq!(
        ask(&cluster.nodes[0], "POST", several, &nine).json()[0]["total"],
        0
    );
    for (part, status, code, says) in [
        (
            json!({"name":"log","keyValues":[1]}),
            400,
            150_010,
            "no row key",
        ),
        (json!({"name":"log"}), 400, 150_010, "no row key"),
        (
            json!({"name":"everything","startKeyValue":1.5}),
            400,
            150_001,
            "array",
        ),
        (
            json!({"name":"ids","startKeyValue":"x"}),
            400,
            150_010,
            "whole number",
        ),
        (json!({"name":"ids","limit":0}), 400, 150_001, "limit"),
        (json!({"name":"nowhere"}), 404, 150_008, "nowhere"),
    ] {
        let body = json!([{"name":"ids"}, part]);
        all_refuse(
            &cluster,
            ("POST", several, &body.to_string()),
            (status, code),
            says,
        );
    }
    let numbered = cluster.nodes[0].ask(
        "PUT",
        &path(several),
        "Idempotency-Key: 1/1\r\n",
        &put.to_string(),
    );
    assert_eq!(numbered.status, 400, "{numbered:?}");
}

#[test]
fn transactions_are_atomic_and_happen_once() {
    let cluster = cluster();
    let accounts = r#"{"container_name":"accounts","container_type":"COLLECTION","rowkey":true,"columns":[
        {"name":"id","type":"STRING"},{"name":"balance","type":"LONG"},{"name":"log","type":"LONG_ARRAY"}]}"#;
    let node = &cluster.nodes[0];
    assert_eq!(ask(node, "POST", "/containers", accounts).status, 201);
    let transaction = "/containers/accounts/transaction";
    let rows = "/containers/accounts/rows";
    assert_eq!(
        ask(node, "PUT", rows, r#"[["ann",10,[]],["bob",0,null]]"#).status,
        200
    );
    let transfer = r#"{"if":[{"key":"ann","column":"balance","operator":">=","value":7}],
        "then":[{"add":{"key":"ann","column":"balance","value":-7}},{"add":{"key":"bob","column":"balance","value":7}},
                {"append":{"key":"ann","column":"log","value":1}},{"get":"ann"},{"get":"nobody"},{"delete":"nobody"}],
        "else":[{"get":"ann"}]}"#;
    let number = "Idempotency-Key: ab/1\r\n";
    let first = node.ask("POST", &path(transaction), number, transfer);
    let done = first.json();
    assert_eq!(
        (first.status, &done["succeeded"]),
        (200, &json!(true)),
        "{first:?}"
    );
    assert_eq!(done["results"][3]["row"], json!(["ann", 3, [1]]));
    assert_eq!(done["results"][4], json!({"row":null}));
    assert_eq!(done["results"][5], json!({"existed":false}));
    let version = done["results"][0]["version"].clone();
    assert_eq!(done["results"][3]["version"], version);
    let failed = ask(node, "POST", transaction, transfer).json();
    assert_eq!(failed["succeeded"], json!(false));
    assert_eq!(
        failed["results"],
        json!([{"row":["ann",3,[1]],"version":version}])
    );
    // A retry, at any node, is told what was done before.
    assert_eq!(ask(node, "PUT", rows, r#"[["ann",100,[]]]"#).status, 200);
    for node in &cluster.nodes {
        let again = node.ask("POST", &path(transaction), number, transfer);
        assert_eq!(
            (again.status, again.json()),
            (200, done.clone()),
            "{again:?}"
        );
    }
    let used = node.ask("POST", &path(transaction), number, r#"{"then":[]}"#);
    assert_eq!(used.status, 422, "{used:?}");
    let found = ask(node, "POST", rows, r#"{"limit":9}"#).json();
    assert_eq!(found["rows"], json!([["ann", 100, []], ["bob", 7, null]]));

    let too_much = r#"{"then":[{"put":["cid",1,[]]},{"add":{"key":"bob","column":"balance","value":9223372036854775807}}]}"#;
    all_refuse(
        &cluster,
        ("POST", transaction, too_much),
        (400, 150_010),
        "then[1]: the sum is too large",
    );
    assert_eq!(
        ask(node, "GET", &format!("{rows}/cid"), "").status,
        404,
        "all or nothing"
    );
    for (body, says) in [
        (
            r#"{"then":[{"get":1}]}"#,
            "then[0]: row 1, column \"id\" (STRING)",
        ),
        (r#"{"if":[{"key":"ann"}]}"#, "if[0]"),
        ("[]", "no transaction"),
    ] {
        all_refuse(&cluster, ("POST", transaction, body), (400, 150_010), says);
    }
    all_refuse(
        &cluster,
        ("POST", "/containers/nowhere/transaction", "{}"),
        (404, 150_008),
        "nowhere",
    );
    all_refuse(&cluster, ("GET", transaction, ""), (405, 150_003), "POST");
}
