//! What nodes answer, whatever they are asked.

use crate::cluster::Cluster;
use crate::registers::{REGISTERS, path};

#[test]
fn any_node_takes_any_request() {
    let cluster = Cluster::started(3, "");
    let containers = path("/containers");
    for (node, number) in cluster.nodes.iter().cycle().zip(0..12) {
        let name = format!("c{number}");
        let created = node.ask(
            "POST",
            &containers,
            "",
            &REGISTERS.replace("registers", &name),
        );
        assert_eq!(created.status, 201, "{created:?}");
        let row = path(&format!("/containers/{name}/rows/k"));
        let put = node.ask("PUT", &row, "", "[\"k\",1]");
        assert_eq!(put.status, 200, "{put:?}");
        let owner = cluster.owner_of(&name);
        assert_eq!(put.header("kensho-served-by"), Some(&owner[..]));
        let direct = node.ask("GET", &row, "Kensho-Forward: no\r\n", "");
        if node.name == owner {
            assert_eq!((direct.status, &direct.body[..]), (200, "[\"k\",1]"));
        } else {
            assert_eq!(direct.status, 421, "{direct:?}");
            assert_eq!(direct.json()["errorCode"], 170_001);
        }
        let info = node.get(&path(&format!("/containers/{name}/info"))).json();
        assert_eq!(info["container_name"], name);
        assert_eq!(info["columns"][1]["type"], "LONG");
    }
    let list = cluster.nodes[0]
        .get(&path("/containers?offset=1&limit=2"))
        .json();
    assert_eq!(list["total"], 12);
    assert_eq!(list["names"], serde_json::json!(["c1", "c10"]));
    let deleted = cluster.nodes[1].ask("DELETE", &containers, "", r#"["c1","c2","nowhere"]"#);
    assert_eq!(deleted.status, 204, "{deleted:?}");
    let list = cluster.nodes[2]
        .get(&format!("{containers}?limit=100"))
        .json();
    assert_eq!(list["total"], 10);
}

#[test]
fn a_retry_gets_the_first_outcome() {
    let cluster = Cluster::started(1, "replicas = 1");
    let node = &cluster.nodes[0];
    node.ask("POST", &path("/containers"), "", REGISTERS);
    let row = path("/containers/registers/rows/k");
    let headers = "Idempotency-Key: ab/1\r\nIf-None-Match: *\r\n";
    let first = node.ask("PUT", &row, headers, "[\"k\",1]");
    assert_eq!(first.status, 200, "{first:?}");
    node.ask("PUT", &row, "", "[\"k\",2]");
    let again = node.ask("PUT", &row, headers, "[\"k\",1]");
    assert_eq!(
        (again.status, again.header("etag")),
        (200, first.header("etag"))
    );
    let other = node.ask(
        "PUT",
        &row,
        "Idempotency-Key: ab/2\r\nIf-None-Match: *\r\n",
        "[\"k\",1]",
    );
    assert_eq!((other.status, &other.body[..]), (412, "[\"k\",2]"));
    assert_eq!(node.get(&row).body, "[\"k\",2]");
}

#[test]
fn many_rows_are_put_at_once() {
    let cluster = Cluster::started(3, "");
    let node = &cluster.nodes[0];
    node.ask("POST", &path("/containers"), "", REGISTERS);
    let rows = path("/containers/registers/rows");
    let row = |key: &str| node.get(&path(&format!("/containers/registers/rows/{key}")));
    let headers = "Idempotency-Key: ab/1\r\n";
    let body = r#"[["k",1], ["l","2"],["k", 3]]"#;
    let first = node.ask("PUT", &rows, headers, body);
    assert_eq!((first.status, &first.body[..]), (200, r#"{"count":3}"#));
    for (key, expected) in [("k", r#"["k",3]"#), ("l", r#"["l",2]"#)] {
        let found = row(key);
        assert_eq!((found.status, &found.body[..]), (200, expected));
        assert_eq!(found.header("etag"), first.header("etag"), "one version");
    }

    let one = path("/containers/registers/rows/k");
    assert_eq!(node.ask("PUT", &one, "", "[\"k\",4]").status, 200);
    let again = node.ask("PUT", &rows, headers, body);
    assert_eq!(
        (again.status, again.header("etag")),
        (200, first.header("etag"))
    );
    assert_eq!(row("k").body, "[\"k\",4]", "a retry is not executed again");

    let absent = node.ask("PUT", &rows, "If-None-Match: *\r\n", r#"[["m",1],["l",9]]"#);
    assert_eq!((absent.status, &absent.body[..]), (412, r#"["l",2]"#));
    let wrong = node.ask("PUT", &rows, "", r#"[["m",1],["n","x"]]"#);
    let error = wrong.json();
    let message = error["errorMessage"].as_str().expect("a text");
    assert_eq!((wrong.status, &error["errorCode"]), (400, &150_010.into()));
    assert!(
        message.contains("row 2, column \"value\" (LONG)"),
        "{message}"
    );
    assert_eq!(row("m").status, 404, "all rows or none");
    let none = node.ask("PUT", &rows, "", "[]");
    assert_eq!(none.status, 400, "{none:?}");
}

#[test]
fn rows_are_read_by_ranges_of_their_keys() {
    let cluster = Cluster::started(3, "");
    let (node, other) = (&cluster.nodes[0], &cluster.nodes[1]);
    node.ask("POST", &path("/containers"), "", REGISTERS);
    let rows = path("/containers/registers/rows");
    let body = r#"[["b",2],["a",1],["d'",4],["c",null]]"#;
    assert_eq!(node.ask("PUT", &rows, "", body).status, 200);
    // Any node takes it, and passes it on.
    for (node, asked, found) in [
        (
            node,
            r#"{"limit":2}"#,
            r#""rows":[["a",1],["b",2]],"total":4,"offset":0,"limit":2}"#,
        ),
        (
            other,
            r#"{"limit":9,"offset":1,"condition":"key >= 'b'","sort":"key desc"}"#,
            r#""rows":[["c",null],["b",2]],"total":3,"offset":1,"limit":9}"#,
        ),
        (
            node,
            r#"{"limit":9,"condition":"key = 'd\u0027\u0027'"}"#,
            r#""rows":[["d'",4]],"total":1,"#,
        ),
        (
            node,
            r#"{"limit":9,"condition":"key>'b' and key<'a'"}"#,
            r#""rows":[],"total":0,"#,
        ),
    ] {
        let answer = node.ask("POST", &rows, "", asked);
        assert_eq!(answer.status, 200, "{asked}: {answer:?}");
        let columns =
            r#"{"columns":[{"name":"key","type":"STRING"},{"name":"value","type":"LONG"}],"#;
        assert!(answer.body.starts_with(columns), "{asked}: {answer:?}");
        assert!(answer.body.contains(found), "{asked}: {answer:?}");
        assert!(answer.header("kensho-position").is_some(), "{answer:?}");
    }
}

#[test]
fn whatever_is_wrong_is_said_and_the_node_lives_on() {
    let cluster = Cluster::started(
        1,
        "replicas = 1\nbody_limit_bytes = 1000\nkey_limit_bytes = 20\nrequest_timeout_ms = 500",
    );
    let node = &cluster.nodes[0];
    assert_eq!(
        node.ask("POST", &path("/containers"), "", REGISTERS).status,
        201
    );
    let row = path("/containers/registers/rows/k");
    let containers = path("/containers");
    let rows = path("/containers/registers/rows");
    let long = "x".repeat(2000);
    let (long_key, long_row) = (
        path(&format!("/containers/registers/rows/{long}")),
        format!("[\"k\",\"{long}\"]"),
    );
    for (method, path, headers, body, status, code) in [
        ("GET", "/nowhere", "", "", 404, 150_002),
        (
            "GET",
            "/griddb/v2/other/dbs/public/containers",
            "",
            "",
            404,
            150_006,
        ),
        (
            "GET",
            "/griddb/v2/test/dbs/other/containers",
            "",
            "",
            404,
            150_007,
        ),
        ("POST", "/cluster/table", "", "", 405, 150_003),
        ("PATCH", &row, "", "", 405, 150_003),
        (
            "DELETE",
            &path("/containers/registers/info"),
            "",
            "",
            405,
            150_003,
        ),
        ("POST", &path("/sql"), "", "[]", 501, 150_012),
        (
            "GET",
            &path("/containers/registers/rows/%zz"),
            "",
            "",
            400,
            150_001,
        ),
        ("GET", &path("/containers?sort=up"), "", "", 400, 150_001),
        (
            "GET",
            &path("/containers/nowhere/rows/k"),
            "",
            "",
            404,
            150_008,
        ),
        (
            "GET",
            &path("/containers/nowhere/info"),
            "",
            "",
            404,
            150_008,
        ),
        (
            "PUT",
            &path("/containers/nowhere/rows/k"),
            "",
            "[\"k\",1]",
            404,
            150_008,
        ),
        (
            "DELETE",
            &path("/containers/nowhere/rows/k"),
            "",
            "",
            404,
            150_008,
        ),
        ("GET", &long_key, "", "", 400, 150_005),
        ("PUT", &row, "", &long_row, 413, 150_004),
        ("PUT", &row, "", "", 400, 150_010),
        ("PUT", &row, "", "{}", 400, 150_010),
        ("PUT", &row, "", "[\"k\"", 400, 150_010),
        ("PUT", &row, "", "[\"k\"]", 400, 150_010),
        ("PUT", &row, "", "[\"k\",1,2]", 400, 150_010),
        ("PUT", &row, "", "[\"k\",\"one\"]", 400, 150_010),
        ("PUT", &row, "", "[\"l\",1]", 400, 150_010),
        (
            "PUT",
            &row,
            "Idempotency-Key: 1\r\n",
            "[\"k\",1]",
            400,
            150_001,
        ),
        (
            "PUT",
            &row,
            "Kensho-As-Of: x\r\n",
            "[\"k\",1]",
            400,
            150_001,
        ),
        ("PUT", &row, "If-Match: 1\r\n", "[\"k\",1]", 400, 150_001),
        ("GET", &rows, "", "", 405, 150_003),
        ("PUT", &rows, "", "", 400, 150_010),
        ("PUT", &rows, "", "[\"k\",1]", 400, 150_010),
        ("PUT", &rows, "", "[[\"k\",1],[\"l\"]]", 400, 150_010),
        ("PUT", &rows, "", &format!("[{long_row}]"), 413, 150_004),
        (
            "PUT",
            &rows,
            "",
            &format!("[[\"{}\",1]]", "x".repeat(30)),
            400,
            150_005,
        ),
        (
            "PUT",
            &path("/containers/nowhere/rows"),
            "",
            "[]",
            404,
            150_008,
        ),
        ("POST", &rows, "", "", 400, 150_001),
        ("POST", &rows, "", "{}", 400, 150_001),
        ("POST", &rows, "", r#"{"limit":0}"#, 400, 150_001),
        ("POST", &rows, "", r#"{"limit":1,"x":1}"#, 400, 150_001),
        (
            "POST",
            &rows,
            "",
            r#"{"limit":1,"condition":"key or"}"#,
            400,
            151_001,
        ),
        (
            "POST",
            &rows,
            "",
            r#"{"limit":1,"condition":"values > 3"}"#,
            400,
            150_010,
        ),
        (
            "POST",
            &rows,
            "",
            r#"{"limit":1,"condition":"key > 5","sort":"value"}"#,
            400,
            150_018,
        ),
        (
            "POST",
            &path("/containers/nowhere/rows"),
            "",
            r#"{"limit":1}"#,
            404,
            150_008,
        ),
        ("POST", &containers, "", "", 400, 150_010),
        ("POST", &containers, "", "[]", 400, 150_010),
        ("POST", &containers, "", REGISTERS, 409, 150_009),
        ("DELETE", &containers, "", "{}", 400, 150_001),
    ] {
        let answer = node.ask(method, path, headers, body);
        let what = format!("{method} {path} {headers} {body}: {answer:?}");
        assert_eq!(answer.status, status, "{what}");
        let json = answer.json();
        assert_eq!(json["errorCode"], code, "{what}");
        assert_eq!(json["version"], "v2", "{what}");
        assert_eq!(json["definite"], true, "{what}");
        assert!(json["errorMessage"].as_str().unwrap().len() > 10, "{what}");
        assert_eq!(answer.header("allow").is_some(), status == 405, "{what}");
    }
    assert_eq!(node.get(&row).status, 404, "nothing of that was stored");
}

#[test]
fn the_description_names_the_methods_that_there_are() {
    let cluster = Cluster::started(1, "replicas = 1");
    let node = &cluster.nodes[0];
    let description = node.get("/openapi.json");
    assert_eq!(description.status, 200);
    let description = description.json();
    assert_eq!(description["openapi"], "3.1.0");
    for (described, operations) in description["paths"].as_object().expect("paths") {
        if described.ends_with("/rows/blob") {
            // It is the path of a row as well, and takes what rows take.
            continue;
        }
        let path = described
            .replace("{cluster}", "test")
            .replace("{database}", "public")
            .replace("{partition}", "0")
            .replace(['{', '}'], "");
        for method in ["GET", "PUT", "POST", "DELETE", "PATCH"] {
            let answer = node.ask(method, &path, "", "");
            let is_described = !operations[method.to_lowercase()].is_null();
            assert_eq!(
                answer.status != 405,
                is_described,
                "{method} {described}: {answer:?}"
            );
            if let Some(allowed) = answer.header("allow") {
                for method in allowed.split(", ") {
                    assert!(!operations[method].is_null(), "{described} allows {method}");
                }
            }
        }
    }
}

#[test]
fn what_is_no_http_does_no_harm() {
    let cluster = Cluster::started(1, "replicas = 1\nrequest_timeout_ms = 300");
    let node = &cluster.nodes[0];
    let endless = [b"GET / HTTP/1.1\r\nX: ".as_slice(), &[b'x'; 1 << 20]].concat();
    for bytes in [
        b"".as_slice(),
        b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PUT /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"PUT /x HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        &endless,
    ] {
        let answer = node.send(bytes);
        assert!(matches!(answer.status, 0 | 400..=499), "{answer:?}");
    }
    // Those that stall are closed after a while: the answer to nothing is the connection's end.
    let row = path("/containers/registers/rows/k");
    for stalled in [
        "GET /heal".to_owned(),
        format!("PUT {row} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n[\"k\""),
    ] {
        let answer = node.send(stalled.as_bytes());
        assert!(matches!(answer.status, 0 | 408), "{answer:?}");
    }
    assert_eq!(node.get("/healthz").status, 200);
}

#[test]
fn the_state_is_shown() {
    let cluster = Cluster::started(3, "");
    let node = &cluster.nodes[0];
    node.ask("POST", &path("/containers"), "", REGISTERS);
    node.ask(
        "PUT",
        &path("/containers/registers/rows/k"),
        "",
        "[\"k\",1]",
    );
    let table = node.get("/cluster/table");
    let etag = table.header("etag").expect("a stamp").to_owned();
    let shown = table.json();
    assert_eq!(shown["partitions"].as_array().unwrap().len(), 8);
    assert_eq!(shown["nodes"].as_array().unwrap().len(), 3);
    assert!(["n1", "n2", "n3"].contains(&shown["master"].as_str().unwrap()));
    let known = node.ask(
        "GET",
        "/cluster/table",
        &format!("If-None-Match: {etag}\r\n"),
        "",
    );
    assert_eq!((known.status, &known.body[..]), (304, ""));
    let mut masters = 0;
    let mut owned = 0;
    for node in &cluster.nodes {
        let stat = node.get("/node/stat").json();
        assert_eq!(stat["cluster"]["nodeName"], node.name);
        assert_eq!(stat["cluster"]["nodeStatus"], "ACTIVE");
        assert_eq!(stat["cluster"]["designatedCount"], 3);
        assert_eq!(stat["cluster"]["activeCount"], 3);
        assert_eq!(stat["kensho"]["lost_entries"], 0);
        masters += i32::from(stat["cluster"]["clusterStatus"] == "MASTER");
        owned += stat["performance"]["ownerCount"].as_i64().unwrap();
    }
    assert_eq!((masters, owned), (1, 8));
}

#[test]
fn a_row_whose_key_is_empty_is_one_like_any_other() {
    let cluster = Cluster::started(1, "replicas = 1");
    let node = &cluster.nodes[0];
    node.ask("POST", &path("/containers"), "", REGISTERS);
    let rows = path("/containers/registers/rows");
    let put = node.ask("PUT", &rows, "", r#"[["",1],["k",2]]"#);
    assert_eq!(put.status, 200, "{put:?}");
    let row = path("/containers/registers/rows/");
    assert_eq!(node.get(&row).body, r#"["",1]"#);
    assert_eq!(node.ask("PUT", &row, "", r#"["",3]"#).status, 200);
    assert_eq!(node.get(&row).body, r#"["",3]"#);
    assert_eq!(node.ask("DELETE", &row, "", "").status, 204);
    assert_eq!(node.get(&row).status, 404);
    assert_eq!(node.get(&format!("{row}k")).body, r#"["k",2]"#);
}

/// Under a raised limit, longer than what waits for another node, and than a file of the log, may be.
#[test]
fn a_row_of_seventy_megabytes_reaches_all_replicas() {
    let cluster = Cluster::started(
        2,
        "replicas = 2\nbody_limit_bytes = 80000000\nstatement_deadline_ms = 60000",
    );
    let node = &cluster.nodes[0];
    let create = REGISTERS.replace("LONG", "STRING");
    node.ask("POST", &path("/containers"), "", &create);
    let row = path("/containers/registers/rows/k");
    let body = format!("[\"k\",\"{}\"]", "x".repeat(70 << 20));
    let put = node.ask("PUT", &row, "", &body);
    assert_eq!(put.status, 200, "{put:?}");
    for node in &cluster.nodes {
        let found = node.get(&row);
        assert_eq!((found.status, found.body.len()), (200, body.len()));
    }
    cluster.wait_until_whole();
    let refused = node.ask(
        "PUT",
        &row,
        "",
        &format!("[\"k\",\"{}\"]", "x".repeat(77 << 20)),
    );
    assert_eq!(
        (refused.status, refused.json()["errorCode"].as_u64()),
        (413, Some(150_004))
    );
}
