//! Updates that are sent again (rule R11).

use crate::cluster::Cluster;
use crate::registers::{REGISTERS, path};

/// What the cluster holds, to see that nothing was changed.
fn rows(cluster: &Cluster) -> Vec<String> {
    let all = ["registers", "others"].map(|container| {
        let path = path(&format!("/containers/{container}/rows"));
        let rows = cluster.nodes[0].ask("POST", &path, "", r#"{"limit":9}"#);
        assert_eq!(rows.status, 200, "{rows:?}");
        rows.body
    });
    all.into()
}

#[test]
fn a_key_that_was_used_for_another_update_is_refused_whatever_they_are() {
    let cluster = Cluster::started(3, "");
    let node = &cluster.nodes[0];
    node.ask("POST", &path("/containers"), "", REGISTERS);
    let others = REGISTERS.replace("registers", "others");
    node.ask("POST", &path("/containers"), "", &others);
    let temporary = REGISTERS.replace("registers", "temporary");
    let (container, containers) = (path("/containers/registers/rows"), path("/containers"));
    let row = format!("{container}/k");
    let other_row = path("/containers/others/rows/k");
    let absent = "If-None-Match: *\r\n";
    // Of one partition, whose outcomes a key is looked for in; and two that differ in one thing each.
    let updates = [
        ("PUT", &row, "", r#"["k",1]"#),
        ("PUT", &row, "", r#"["k",2]"#),
        ("PUT", &row, absent, r#"["k",1]"#),
        ("DELETE", &row, "", ""),
        ("PUT", &container, "", r#"[["k",1]]"#),
        ("PUT", &container, "", r#"[["k",1],["l",2]]"#),
        ("PUT", &container, absent, r#"[["k",1]]"#),
    ];
    for (sequence, first) in (1..).zip(updates) {
        let number = format!("Idempotency-Key: ab/{sequence}\r\n");
        let send = |node: usize, (method, path, headers, body): (&str, &String, &str, &str)| {
            let headers = format!("{number}{headers}");
            cluster.nodes[node].ask(method, path, &headers, body)
        };
        let answer = send(0, first);
        assert!(answer.status < 500 && answer.status != 422, "{answer:?}");
        let before = rows(&cluster);
        for (count, other) in updates.into_iter().enumerate() {
            // Any node takes it, and passes it on.
            let answer_to_other = send(count % 3, other);
            let what = format!("{first:?}, then {other:?}: {answer_to_other:?}");
            if other == first {
                assert_eq!(answer_to_other.status, answer.status, "{what}");
                assert_eq!(
                    answer_to_other.header("etag"),
                    answer.header("etag"),
                    "{what}"
                );
                continue;
            }
            assert_eq!(answer_to_other.status, 422, "{what}");
            let error = answer_to_other.json();
            assert_eq!(
                (&error["errorCode"], &error["definite"]),
                (&170_008.into(), &true.into())
            );
        }
        assert_eq!(rows(&cluster), before);
    }
    // What makes and removes containers is an update, too.
    let number = "Idempotency-Key: ab/99\r\n";
    for (node, (method, body, status)) in [
        ("POST", &temporary[..], 201),
        ("POST", &temporary, 201),
        ("DELETE", r#"["temporary"]"#, 422),
        ("DELETE", r#"[ "temporary" ]"#, 422),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = cluster.nodes[node % 3].ask(method, &containers, number, body);
        assert_eq!(answer.status, status, "{method} {body}: {answer:?}");
    }
    let number = "Idempotency-Key: ab/100\r\n";
    for (node, body) in [r#"["temporary"]"#, r#"[ "temporary" ]"#]
        .into_iter()
        .enumerate()
    {
        let answer = cluster.nodes[node].ask("DELETE", &containers, number, body);
        assert_eq!(answer.status, 204, "{body}: {answer:?}");
    }
    // Outcomes are kept by partition. In another one nobody knows of the first update, and the second is
    // executed; it is not dropped in either case.
    let elsewhere = node.ask("PUT", &other_row, "Idempotency-Key: ab/1\r\n", r#"["k",1]"#);
    let expected = if elsewhere.status == 422 { 404 } else { 200 };
    assert_eq!(node.get(&other_row).status, expected, "{elsewhere:?}");
}

#[test]
fn a_retry_is_told_what_stood_against_it_as_long_as_it_stands_there() {
    let cluster = Cluster::started(3, "");
    let node = &cluster.nodes[0];
    node.ask("POST", &path("/containers"), "", REGISTERS);
    let row = path("/containers/registers/rows/k");
    let stored = node.ask("PUT", &row, "", "[\"k\",1]");
    let headers = "Idempotency-Key: ab/1\r\nIf-None-Match: *\r\n";
    for node in &cluster.nodes {
        let failed = node.ask("PUT", &row, headers, "[\"k\",2]");
        assert_eq!((failed.status, &failed.body[..]), (412, "[\"k\",1]"));
        assert_eq!(failed.header("etag"), stored.header("etag"));
    }
    node.ask("PUT", &row, "", "[\"k\",3]");
    for node in &cluster.nodes {
        let failed = node.ask("PUT", &row, headers, "[\"k\",2]");
        assert_eq!((failed.status, &failed.body[..]), (412, ""));
        assert_eq!(failed.header("etag"), stored.header("etag"));
    }
}

/// The row that stands against a condition is no part of what is kept for a retry.
#[test]
fn a_failed_condition_on_a_large_row_takes_no_memory() {
    let cluster = Cluster::started(1, "replicas = 1");
    let node = &cluster.nodes[0];
    node.ask(
        "POST",
        &path("/containers"),
        "",
        &REGISTERS.replace("LONG", "STRING"),
    );
    let row = path("/containers/registers/rows/k");
    let large = format!(r#"["k","{}"]"#, "x".repeat(1 << 20));
    assert_eq!(node.ask("PUT", &row, "", &large).status, 200);
    let before = node.resident_bytes();
    for client in 0..150 {
        let headers = format!("Idempotency-Key: {client:x}/1\r\nIf-None-Match: *\r\n");
        let failed = node.ask("PUT", &row, &headers, r#"["k","x"]"#);
        assert_eq!((failed.status, failed.body.len()), (412, large.len()));
    }
    let grown = node.resident_bytes().saturating_sub(before);
    assert!(
        grown < 50 << 20,
        "150 outcomes of a megabyte took {grown} bytes"
    );
}
