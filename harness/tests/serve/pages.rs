//! Lists, runs, comparisons, files, and what is refused.

use crate::client::{get, send};
use crate::fixture::{INVALID, Served, VALID};
use kensho::serve::Server;
use serde_json::Value;

fn paths(served: &Served, query: &str) -> Vec<String> {
    let answer = get(served.address, &format!("/api/runs{query}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let data: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(data["count"], 4);
    let runs = data["runs"].as_array().unwrap();
    runs.iter()
        .map(|run| run["path"].as_str().unwrap().to_string())
        .collect()
}

#[test]
fn all_runs_are_listed_filtered_and_sorted_whatever_state_they_are_in() {
    let served = Served::start();
    assert_eq!(paths(&served, "").len(), 4);
    assert_eq!(paths(&served, "?verdict=invalid"), [INVALID]);
    assert_eq!(paths(&served, "?q=MODE%3Dasync+stale"), [INVALID]);
    assert_eq!(
        paths(&served, "?q=stale"),
        [INVALID],
        "the valid run's summary says that no stale value was read"
    );
    assert_eq!(
        paths(&served, "?verdict=damaged"),
        ["register/20260314T093001.000Z"]
    );
    assert_eq!(paths(&served, "?sort=mode&order=up")[0], INVALID);
    assert_eq!(paths(&served, "?sort=mode&order=down")[0], VALID);
    let page = get(served.address, "/");
    for words in [
        "damaged",
        "verdict.json is not what it should be",
        "kensho check judges it",
        "kill, &lt;pause&gt;",
        "stale read",
    ] {
        assert!(page.text().contains(words), "{words}");
    }
    let filtered = get(served.address, "/?verdict=valid");
    assert!(filtered.text().contains(VALID) && !filtered.text().contains(INVALID));
    let refused = get(served.address, "/?sort=colour");
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("there are verdict, workload"));
}

#[test]
fn a_run_has_a_page_and_two_can_be_compared() {
    let served = Served::start();
    let page = get(served.address, &format!("/run/{VALID}"));
    assert_eq!(page.status, 200);
    assert!(page.text().contains("The verdict is valid."));
    assert!(page.text().contains(&format!("/files/{VALID}/report.html")));
    let pair = get(
        served.address,
        &format!("/compare?run={VALID}&run={INVALID}"),
    );
    assert_eq!(pair.status, 200);
    for words in [
        "Options that differ",
        "<td>mode</td><td>semi-sync</td><td>async</td>",
        "100 %",
        "class=\"series b\"",
    ] {
        assert!(pair.text().contains(words), "{words}");
    }
    for (path, status, words) in [
        ("/run/register/none", 404, "there is no run"),
        ("/run/register", 404, "there is no run"),
        ("/compare?run=x", 400, "1 were chosen"),
        ("/compare?run=x&run=y", 404, "with a verdict"),
        ("/other", 404, "no such page"),
        ("/%ff", 400, "UTF-8"),
    ] {
        let answer = get(served.address, path);
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.text().contains(words), "{path}: {}", answer.text());
    }
}

#[test]
fn files_have_their_types_and_whole_contents() {
    let served = Served::start();
    for (file, content_type) in [
        ("report.html", "text/html; charset=utf-8"),
        ("verdict.json", "application/json"),
        ("history.jsonl", "text/plain; charset=utf-8"),
        ("nodes/n1/log", "text/plain; charset=utf-8"),
    ] {
        let answer = get(served.address, &format!("/files/{VALID}/{file}"));
        assert_eq!(answer.status, 200, "{file}");
        assert_eq!(answer.header("content-type"), content_type);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(
            answer
                .header("content-security-policy")
                .starts_with("sandbox")
        );
        let whole = std::fs::read(served.root.path().join(VALID).join(file)).unwrap();
        assert_eq!(answer.body, whole, "{file}");
        assert_eq!(answer.header("content-length"), whole.len().to_string());
    }
    let folder = get(served.address, &format!("/files/{VALID}/nodes"));
    assert!(folder.text().contains(&format!("/files/{VALID}/nodes/n1")));
    let address = served.address;
    let head = send(
        address,
        &format!(
            "HEAD /files/{VALID}/history.jsonl HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        ),
    );
    assert_eq!(head.status, 200);
    assert!(head.body.is_empty() && head.header("content-length") == "240000");
}

#[test]
fn nothing_outside_the_folder_of_runs_is_told() {
    let served = Served::start();
    for path in [
        "/files/../secret",
        "/files/register/../../../../etc/passwd",
        "/files/%2e%2e/%2e%2e/etc/passwd",
        "/files/..%2f..%2fetc%2fpasswd",
        "/files//etc/passwd",
        "/files/register/outside/passwd",
        "/run/register/outside",
        "/run/../../etc",
        "/live/register/outside",
        "/compare?run=../x&run=register/outside",
    ] {
        let answer = get(served.address, path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.text().contains("root:"), "{path}");
    }
}

#[test]
fn other_names_and_other_methods_are_refused() {
    let served = Served::start();
    let ask = |head: &str| {
        send(
            served.address,
            &format!("{head}\r\nConnection: close\r\n\r\n"),
        )
    };
    assert_eq!(ask("GET / HTTP/1.1\r\nHost: evil.example").status, 421);
    assert_eq!(ask("POST / HTTP/1.1\r\nHost: localhost").status, 405);
    assert_eq!(ask("GET / HTTP/1.1\r\nHost: localhost:1").status, 200);
}

#[test]
fn a_port_that_is_taken_is_told_with_what_to_do() {
    let served = Served::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let bound = runtime.block_on(Server::bind(served.address, served.root.path()));
    let error = bound.err().unwrap().to_string();
    assert!(
        error.contains("is in use") && error.contains("--listen 127.0.0.1:"),
        "{error}"
    );
}
