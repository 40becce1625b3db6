//! Client programs that do not do what they should.

use std::time::Duration;

use kensho_workloads::call::{Answer, Call};
use serde_json::json;

use super::client::{Origin, ProgramClient};
use super::file::Filled;
use super::file::answers;
use crate::system::Client;

fn client(folder: &std::path::Path, script: &str) -> ProgramClient {
    ProgramClient::new(Origin {
        number: 4,
        command: Filled {
            program: "/bin/sh".into(),
            arguments: ["-c", script].map(String::from).to_vec(),
        },
        guard: Vec::new(),
        folder: folder.to_owned(),
        log: folder.join("client.log"),
        nodes: json!({"n1": "127.0.0.1:1"}),
        settings: json!({}),
        answers: vec![answers::Answer {
            says: "503 * unhealthy".into(),
            means: answers::Means::Failed,
            seen: "here".into(),
        }],
        timeout: Duration::from_millis(300),
    })
}

fn read() -> Call {
    Call::Message {
        body: json!({"type": "read", "key": "r1"}),
        changes: false,
    }
}

/// Answers init, and then does something for each line.
fn after_init(then: &str) -> String {
    format!(
        "read line; case $line in *init*) echo '{{\"type\":\"init_ok\",\"in_reply_to\":0}}';; esac
         while read line; do {then}; done"
    )
}

#[tokio::test]
async fn an_answer_is_the_line_that_names_its_question() {
    let folder = tempfile::tempdir().unwrap();
    let script = after_init(
        "n=$((n+1)); echo \"{\\\"type\\\":\\\"read_ok\\\",\\\"value\\\":$n,\\\"in_reply_to\\\":$n,\\\"node\\\":\\\"n2\\\"}\"",
    );
    let client = client(folder.path(), &script);
    client.ready().await;
    for number in 1..=3 {
        let answered = client.perform(read()).await;
        let Answer::Message(body) = answered.answer else {
            panic!("{answered:?}")
        };
        assert_eq!(body["value"], number);
        assert_eq!(answered.node.as_deref(), Some("n2"));
    }
}

#[tokio::test]
async fn what_is_no_answer_leaves_the_outcome_open_and_the_next_operation_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    for (then, said) in [
        ("echo hello", "hello"),
        ("echo '{\"type\":\"read_ok\",\"value\":1}'", "in_reply_to"),
        ("exit 3", "ended"),
        ("sleep 5", "no answer"),
    ] {
        let client = client(folder.path(), &after_init(then));
        for _ in 0..2 {
            let answered = client.perform(read()).await;
            let Answer::Error { definite, text } = answered.answer else {
                panic!("{answered:?}")
            };
            assert!(!definite && text.contains(said), "{text}");
        }
    }
}

#[tokio::test]
async fn a_program_that_does_not_begin_has_done_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for (script, said) in [
        ("exit 1", "ended"),
        (
            "read line; echo '{\"type\":\"no\",\"in_reply_to\":0}'",
            "init_ok",
        ),
    ] {
        let client = client(folder.path(), script);
        assert!(client.greet().await.unwrap_err().contains(said));
        let answered = client.perform(read()).await;
        let Answer::Error { definite, text } = answered.answer else {
            panic!("{answered:?}")
        };
        assert!(definite && text.contains(said), "{text}");
    }
}

#[tokio::test]
async fn an_error_without_a_code_means_what_the_table_says() {
    let folder = tempfile::tempdir().unwrap();
    for (said, code) in [("503 14 unhealthy", 11), ("503 14 timed out", 0)] {
        let then = format!(
            "n=$((n+1)); echo \"{{\\\"type\\\":\\\"error\\\",\\\"text\\\":\\\"{said}\\\",\\\"in_reply_to\\\":$n}}\""
        );
        let client = client(folder.path(), &after_init(&then));
        let Answer::Message(body) = client.perform(read()).await.answer else {
            panic!("it is an answer")
        };
        assert_eq!(body["code"], code, "{body}");
    }
}
