//! Who may do what.

use std::io::Write;
use std::process::{Command, Stdio};

use kensho_client::{Condition, Credentials, Options};

use crate::cluster::{CLUSTER, Cluster, PATIENCE, program, wait_until};
use crate::registers::{create_registers, path, put};

/// Adds a user as a person would.
fn add_user(file: &std::path::Path, name: &str, role: &str, password: &str) {
    let mut process = Command::new(program())
        .args(["user", "add", name, "--role", role, "--users-file"])
        .arg(file)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut input = process.stdin.take().expect("its input");
    writeln!(input, "{password}").expect("it reads");
    drop(input);
    assert!(process.wait().expect("it ends").success());
}

fn line(credentials: &Credentials) -> String {
    format!("Authorization: {}\r\n", credentials.authorization())
}

#[tokio::test]
async fn a_cluster_with_users_knows_who_may_do_what() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("users");
    let admin = Credentials::new("ann", "pass: word");
    add_user(&file, "ann", "admin", "pass: word");
    add_user(&file, "wil", "write", "w");
    add_user(&file, "rob", "read", "r");
    let mut cluster = Cluster::new(3, &format!("users_file = {file:?}"));
    for node in &mut cluster.nodes {
        node.user = line(&admin);
        node.start();
    }
    cluster.wait_until_whole();
    let client = |name, password| {
        let options = Options::new(CLUSTER).failover_timeout(PATIENCE);
        cluster.client_with(options.user(Credentials::new(name, password)))
    };
    // Statements are passed on between nodes as well: to each the table and the rows are open.
    create_registers(&client("wil", "w")).await;
    put(&client("wil", "w"), "k", 1).await;
    let rows = path("/containers/registers/rows/k");
    for node in &cluster.nodes {
        assert_eq!(node.get(&rows).status, 200);
    }
    let reader = client("rob", "r");
    assert!(reader.get("registers", "k").await.unwrap().value.is_some());
    let refused = reader
        .put("registers", "k", "[\"k\",2]", Condition::Any)
        .await;
    let refused = refused.expect_err("rob only reads");
    assert!(
        refused.definite() && refused.to_string().contains("150016"),
        "{refused}"
    );

    let admin = &cluster.nodes[0].user;
    let ask = |user: &str, method, path: &str, headers: &str| {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{user}{headers}\r\n"
        );
        cluster.nodes[0].send(head.as_bytes())
    };
    let unknown = ask("", "GET", "/node/stat", "");
    assert_eq!(unknown.status, 401, "{unknown:?}");
    assert!(
        unknown
            .header("www-authenticate")
            .is_some_and(|it| it.starts_with("basic")),
        "{unknown:?}"
    );
    let wrong = line(&Credentials::new("ann", "pass"));
    assert_eq!(ask(&wrong, "GET", &rows, "").status, 401);
    let writer = line(&Credentials::new("wil", "w"));
    assert_eq!(ask(&writer, "POST", "/node/failover", "").status, 403);
    assert_eq!(ask(admin, "POST", "/node/failover", "").status, 202);
    for open in ["/healthz", "/readyz", "/openapi.json"] {
        assert_eq!(ask("", "GET", open, "").status, 200, "{open}");
    }

    // A user who is added while nodes run is known soon; nothing shows a secret.
    add_user(&file, "new", "read", "n");
    let new = line(&Credentials::new("new", "n"));
    wait_until("the new user is known", || {
        ask(&new, "GET", &rows, "").status == 200
    });
    let text = std::fs::read_to_string(&file).expect("the users");
    let mut secrets: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|user| user.split(' ').nth(2))
        .collect();
    secrets.extend(["pass: word", "cGFzczogd29yZA", "shared"]);
    for node in &cluster.nodes {
        let log = node.log();
        assert!(log.contains("the node starts"));
        for secret in &secrets {
            assert!(!log.contains(secret), "{} tells {secret}: {log}", node.name);
        }
    }
}

#[test]
fn pages_of_other_sites_change_nothing_and_see_nothing() {
    let cluster = Cluster::started(1, "replicas = 1");
    let node = &cluster.nodes[0];
    let body = "{\"name\": \"n1\"}";
    let page = "Origin: http://evil.example\r\nContent-Type: text/plain\r\n";
    let refused = node.ask("POST", "/node/leave", page, body);
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(refused.body.contains("150017"), "{refused:?}");
    let refused = node.ask("POST", &path("/containers/c/transaction"), page, "{}");
    assert_eq!(refused.status, 403, "{refused:?}");
    let own = "Origin: http://localhost\r\n";
    let taken = node.ask("POST", "/node/failover", own, "");
    assert_eq!(taken.status, 202, "{taken:?}");
    let renamed = node
        .send(b"GET /cluster/table HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    assert_eq!(renamed.status, 403, "{renamed:?}");
}
