//! BLOBs as files of a zip archive.

use std::io::{Cursor, Read, Write};

use serde_json::{Value, json};

use super::{all_refuse, ask};
use crate::cluster::{Answer, Cluster, Node};
use crate::registers::path;

const PICTURES: &str = r#"{"container_name":"pictures","container_type":"COLLECTION","rowkey":true,"columns":[
    {"name":"key","type":"INTEGER"},{"name":"data","type":"BLOB"},{"name":"title","type":"STRING"}]}"#;
const TWO: &str = r#"{"container_name":"two","container_type":"COLLECTION","rowkey":true,"columns":[
    {"name":"key","type":"STRING"},{"name":"left","type":"BLOB"},{"name":"right","type":"BLOB"}]}"#;

fn cluster() -> Cluster {
    let cluster = Cluster::started(3, "");
    for description in [PICTURES, TWO] {
        let created = ask(&cluster.nodes[0], "POST", "/containers", description);
        assert_eq!(created.status, 201, "{created:?}");
    }
    cluster
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(*name, options).expect("memory");
        archive.write_all(bytes).expect("memory");
    }
    archive.finish().expect("memory").into_inner()
}

/// The parts of a form, as a client sends them.
fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, bytes) in parts {
        body.extend_from_slice(b"--limit-7\r\nContent-Disposition: form-data; name=\"");
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(b"\"; filename=\"f.zip\"\r\n\r\n");
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--limit-7--\r\n");
    body
}

fn put(node: &Node, container: &str, body: &[u8]) -> Answer {
    let to = path(&format!("/containers/{container}/rows/blob"));
    let head = format!(
        "PUT {to} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: multipart/form-data; boundary=limit-7\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    node.send(&[head.as_bytes(), body].concat())
}

/// The rows of an answer, and the files of its archive.
fn read(answer: &Answer) -> (Value, Vec<(String, Vec<u8>)>) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let kind = answer.header("content-type").expect("a type");
    let boundary = kind.strip_prefix("multipart/form-data;boundary=");
    let limit = format!("--{}", boundary.expect("a form"));
    let body = match &answer.binary {
        Some(bytes) => bytes.clone(),
        None => answer.body.clone().into_bytes(),
    };
    let at = |needle: &[u8], from: usize| {
        let rest = &body[from..];
        from + rest
            .windows(needle.len())
            .position(|window| window.eq_ignore_ascii_case(needle))
            .expect("it is there")
    };
    let (first, second) = (at(b"\r\n\r\n", 0) + 4, at(limit.as_bytes(), 1));
    let rows = serde_json::from_slice(&body[first..second - 2]).expect("JSON");
    let archive = at(b"\r\n\r\n", second) + 4;
    let end = at(limit.as_bytes(), archive) - 2;
    let archive = Cursor::new(&body[archive..end]);
    let mut archive = zip::ZipArchive::new(archive).expect("a zip file");
    let files = (0..archive.len()).map(|place| {
        let mut file = archive.by_index(place).expect("a file");
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).expect("it is whole");
        (file.name().expect("a text").into_owned(), bytes)
    });
    (rows, files.collect())
}

#[test]
fn blobs_come_and_go_as_files_of_an_archive() {
    let cluster = cluster();
    let to = "/containers/pictures/rows/blob";
    let archive = zip(&[
        ("a.png", b"\x89PNG\0\xff"),
        ("sub/b.png", b"bb"),
        ("unused", b""),
    ]);
    let rows = br#"[[1,"a.png","one"],["2","sub/b.png","one"],[3,null,"three"],[4,"",null]]"#;
    for node in &cluster.nodes {
        let stored = put(
            node,
            "pictures",
            &form(&[("rows", rows), ("file", &archive)]),
        );
        assert_eq!((stored.status, &*stored.body), (200, ""), "{stored:?}");
    }
    for node in &cluster.nodes {
        let all = ask(node, "POST", "/containers/pictures/rows", r#"{"limit":9}"#).json();
        let expected = json!([
            [1, "iVBORwD/", "one"],
            [2, "YmI=", "one"],
            [3, null, "three"],
            [4, null, null]
        ]);
        assert_eq!(all["rows"], expected);

        let asked = r#"{"offset":0,"limit":2,"condition":"key < 4","sort":"key desc","fileNameCol":"TITLE"}"#;
        let (rows, files) = read(&ask(node, "POST", to, asked));
        let expected = json!({"columns":[{"name":"key","type":"INTEGER"},{"name":"data","type":"BLOB"},
            {"name":"title","type":"STRING"}],"rows":[[3,null,"three"],[2,"(BLOB)one","one"]],
            "total":3,"offset":0,"limit":2});
        assert_eq!(rows, expected);
        assert_eq!(files, [("one".to_owned(), b"bb".to_vec())]);
        let (rows, files) = read(&ask(
            node,
            "POST",
            to,
            r#"{"limit":9,"fileNameCol":"title"}"#,
        ));
        assert_eq!(rows["rows"][1], json!([2, "(BLOB)1_one", "one"]));
        let [(first, bytes), (second, _)] = &files[..] else {
            panic!("two files: {files:?}");
        };
        assert_eq!((&**first, &**second), ("one", "1_one"));
        assert_eq!(bytes, b"\x89PNG\0\xff");
        // Without a name for it, a file has a random one.
        let (rows, files) = read(&ask(node, "POST", to, r#"{"limit":1}"#));
        assert_eq!(rows["rows"][0][1], json!(format!("(BLOB){}", files[0].0)));
        let (rows, files) = read(&ask(
            node,
            "POST",
            to,
            r#"{"limit":9,"condition":"key = 3"}"#,
        ));
        assert_eq!((&rows["total"], files.len()), (&json!(1), 0));
    }
    // Of several columns, each file is numbered.
    let node = &cluster.nodes[0];
    let rows = br#"[["k","a.png","sub/b.png"]]"#;
    let stored = put(node, "two", &form(&[("file", &archive), ("rows", rows)]));
    assert_eq!(stored.status, 200, "{stored:?}");
    let asked = r#"{"limit":9,"fileNameCol":"key"}"#;
    let (rows, files) = read(&ask(node, "POST", "/containers/two/rows/blob", asked));
    assert_eq!(rows["rows"], json!([["k", "(BLOB)1_k", "(BLOB)2_k"]]));
    assert_eq!(files[1], ("2_k".to_owned(), b"bb".to_vec()));
    // It is the name of a row as well.
    let stored = ask(
        node,
        "PUT",
        "/containers/two/rows/blob",
        r#"["blob",null,"YQ=="]"#,
    );
    assert_eq!(stored.status, 200, "{stored:?}");
    let row = ask(node, "GET", "/containers/two/rows/blob", "").json();
    assert_eq!(row, json!(["blob", null, "YQ=="]));
}

#[test]
fn what_is_wrong_with_a_form_is_told() {
    let cluster = cluster();
    let archive = zip(&[("a.png", b"a")]);
    let rows: &[u8] = br#"[[1,"a.png","one"],[2,"b.png","two"]]"#;
    let good: &[u8] = br#"[[1,"a.png","one"]]"#;
    for (container, parts, status, says) in [
        (
            "pictures",
            vec![("rows", rows), ("file", &*archive)],
            400,
            "row 2, column \\\"data\\\" (BLOB): the zip file has no file b.png",
        ),
        (
            "pictures",
            vec![("rows", br#"[[1,2,"x"]]"#), ("file", &*archive)],
            400,
            "row 1, column \\\"data\\\" (BLOB): the name of a file is a text",
        ),
        (
            "pictures",
            vec![("rows", br#"[[1,"a.png"]]"#), ("file", &*archive)],
            400,
            "row 1 has 2 values",
        ),
        (
            "pictures",
            vec![("rows", b"[]"), ("file", &*archive)],
            400,
            "there is no row",
        ),
        (
            "pictures",
            vec![("rows", b"{}"), ("file", &*archive)],
            400,
            "an array of rows",
        ),
        (
            "pictures",
            vec![("rows", good), ("file", b"PK no zip file")],
            400,
            "no zip file",
        ),
        (
            "pictures",
            vec![("rows", good)],
            400,
            "there is no part file",
        ),
        (
            "pictures",
            vec![("file", &*archive)],
            400,
            "there is no part rows",
        ),
        (
            "pictures",
            vec![("rows", good), ("rows", good)],
            400,
            "two parts rows",
        ),
        (
            "pictures",
            vec![("rows", good), ("more", good)],
            400,
            "there is a part more",
        ),
        (
            "nowhere",
            vec![("rows", good), ("file", &*archive)],
            404,
            "nowhere",
        ),
    ] {
        let node = &cluster.nodes[0];
        let refused = put(node, container, &form(&parts));
        assert_eq!(refused.status, status, "{says}: {refused:?}");
        assert!(refused.body.contains(says), "{says}: {refused:?}");
    }
    let to = "/containers/pictures/rows/blob";
    let none = ask(
        &cluster.nodes[0],
        "POST",
        "/containers/pictures/rows",
        r#"{"limit":9}"#,
    );
    assert_eq!(none.json()["total"], 0, "nothing was stored");
    for (asked, code, says) in [
        (r#"{"limit":0}"#, 150_001, "limit"),
        (
            r#"{"limit":1,"fileNameCol":"name"}"#,
            150_010,
            "fileNameCol: there is no column name",
        ),
        (r#"{"limit":1,"condition":"x = 1"}"#, 150_010, "no column x"),
    ] {
        all_refuse(&cluster, ("POST", to, asked), (400, code), says);
    }
}

/// An archive that is small but unpacks to more than a request may be.
#[test]
fn an_archive_that_grows_too_large_is_refused() {
    let cluster = Cluster::started(1, "body_limit_bytes = 4096");
    assert_eq!(
        ask(&cluster.nodes[0], "POST", "/containers", PICTURES).status,
        201
    );
    let archive = zip(&[("a", &vec![0; 200_000])]);
    let body = form(&[("rows", br#"[[1,"a","x"]]"#), ("file", &archive)]);
    let refused = put(&cluster.nodes[0], "pictures", &body);
    assert_eq!(refused.status, 413, "{refused:?}");
    assert!(refused.body.contains("unpacked"), "{refused:?}");
}
