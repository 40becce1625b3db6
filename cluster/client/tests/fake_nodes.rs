//! What a client makes of nodes that misbehave; real ones are tested with the node.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kensho_client::{Client, Condition, Error, Options, Put};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a node answers to a request that is not for the table.
enum Answer {
    /// This, whatever it is.
    Send(String),
    /// Nothing; the connection is closed.
    Close,
    /// Nothing, for ever.
    Wait,
}

/// A node that answers requests for the table, with itself as the owner of everything, and all
/// others with what the test says.
struct FakeNode {
    address: String,
    connections: Arc<AtomicUsize>,
}

impl FakeNode {
    async fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let connections = Arc::<AtomicUsize>::default();
        let (shown, count, answer) = (address.clone(), Arc::clone(&connections), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream, shown.clone(), Arc::clone(&answer)));
            }
        });
        FakeNode {
            address,
            connections,
        }
    }

    fn client(&self, failover_timeout: Duration) -> Client {
        let options = Options::new("c").failover_timeout(failover_timeout);
        Client::connect([&self.address], options)
    }
}

async fn serve(mut stream: TcpStream, address: String, answer: Arc<impl Fn(&str) -> Answer>) {
    while let Some(request) = read_request(&mut stream).await {
        let response = if request.starts_with("GET /cluster/table ") {
            let table = format!(
                "{{\"stamp\":{{\"term\":1,\"revision\":1}},\"partitions\":[{{\"owner\":\"n1\"}}],\
                 \"nodes\":[{{\"name\":\"n1\",\"client\":\"{address}\"}}]}}"
            );
            ok(&table)
        } else {
            match answer(&request) {
                Answer::Send(response) => response,
                Answer::Close => return,
                Answer::Wait => std::future::pending().await,
            }
        };
        if stream.write_all(response.as_bytes()).await.is_err() || response.contains("close") {
            return;
        }
    }
}

/// The head and body of the next request.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut lengths = head
                .lines()
                .filter_map(|line| line.strip_prefix("content-length: "));
            let length = lengths
                .next()
                .map_or(0, |length| length.parse().expect("a number"));
            if body.len() >= length {
                return Some(text);
            }
        }
        if stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
    }
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nETag: \"1-1\"\r\nKensho-Served-By: n1\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_connection_that_the_node_closes_is_no_failure() {
    let closing = ok("[1]").replace("ETag", "Connection: close\r\nETag");
    let node = FakeNode::start(move |_| Answer::Send(closing.clone())).await;
    let client = node.client(Duration::from_secs(60));
    for _ in 0..5 {
        let row = client.get("c", "k").await.expect("it is answered");
        assert_eq!(
            (row.attempts, row.value.expect("a row").value),
            (1, "[1]".into())
        );
    }
    // The first statement went over the connection that the table had come over.
    assert_eq!(node.connections.load(Ordering::Relaxed), 5);
    assert_eq!(client.counters().retries, 0);
}

#[tokio::test]
async fn an_update_whose_answer_is_lost_is_sent_again_under_the_same_number() {
    let numbers = Arc::<Mutex<Vec<String>>>::default();
    let seen = Arc::clone(&numbers);
    let node = FakeNode::start(move |request| {
        let mut lines = request.lines();
        let number = lines.find(|line| line.starts_with("idempotency-key: "));
        let mut seen = seen.lock().expect("nobody panicked");
        seen.push(number.expect("an update has a number").to_owned());
        if seen.len() <= 2 {
            Answer::Close
        } else {
            Answer::Send(ok(""))
        }
    })
    .await;
    let client = node.client(Duration::from_secs(60));
    let put = client
        .put("c", "k", "[1]", Condition::Any)
        .await
        .expect("it succeeds at last");
    assert_eq!(put.attempts, 3);
    let etag = "\"1-1\"".to_owned();
    assert_eq!(put.value, Put::Stored { etag });
    let numbers = numbers.lock().expect("nobody panicked");
    assert!(
        numbers.iter().all(|number| *number == numbers[0]),
        "{numbers:?}"
    );
}

#[tokio::test]
async fn an_update_whose_answer_never_comes_is_not_definite() {
    let node = FakeNode::start(|_| Answer::Close).await;
    let client = node.client(Duration::from_millis(300));
    let error = client
        .put("c", "k", "[1]", Condition::Any)
        .await
        .expect_err("no answer");
    assert!(!error.definite());
    assert_eq!(error.node(), Some(&node.address[..]));
    let text = error.to_string();
    assert!(
        text.contains("put k into c") && text.contains("may have taken effect"),
        "{text}"
    );
    let error = client.get("c", "k").await.expect_err("no answer");
    assert!(error.definite(), "a read has no effect: {error}");
}

#[tokio::test]
async fn without_any_node_an_update_certainly_has_no_effect() {
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = gone.local_addr().expect("an address").to_string();
    drop(gone);
    let options = Options::new("c").failover_timeout(Duration::from_millis(300));
    let client = Client::connect([address], options);
    let error = client
        .put("c", "k", "[1]", Condition::Any)
        .await
        .expect_err("nobody is there");
    assert!(
        error.definite() && matches!(error, Error::GaveUp { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_no_answer_of_a_node_is_no_result() {
    for nonsense in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        "HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\n[]",
        "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: close\r\n\r\n[",
        "SSH-2.0-nonsense\r\n",
    ] {
        let node = FakeNode::start(|_| Answer::Send(nonsense.to_owned())).await;
        let client = node.client(Duration::from_millis(200));
        let error = client
            .put("c", "k", "[1]", Condition::Any)
            .await
            .expect_err(nonsense);
        assert!(!error.definite(), "{nonsense}: {error}");
    }
}

#[tokio::test]
async fn a_statement_that_its_caller_gives_up_leaves_nothing_behind() {
    let node = FakeNode::start(|request| {
        if request.starts_with("GET") {
            Answer::Send(ok("[1]"))
        } else {
            Answer::Wait
        }
    })
    .await;
    let client = node.client(Duration::from_secs(60));
    client.get("c", "k").await.expect("it is answered");
    let put = client.put("c", "k", "[1]", Condition::Any);
    tokio::time::timeout(Duration::from_millis(20), put)
        .await
        .expect_err("it waits");
    let row = client.get("c", "k").await.expect("it is answered");
    assert_eq!(row.attempts, 1);
    assert_eq!(client.open_statements(), 0);
}

#[tokio::test]
async fn many_rows_are_put_at_once_and_counted() {
    let node = FakeNode::start(|request| {
        let first = request.lines().next().unwrap_or_default();
        assert_eq!(
            first,
            "PUT /griddb/v2/c/dbs/public/containers/a%20b/rows HTTP/1.1"
        );
        assert!(request.contains("idempotency-key: "), "{request}");
        Answer::Send(ok(match request.ends_with(r#"[["k",1],["l",2]]"#) {
            true => r#"{"count":2}"#,
            false => "[]",
        }))
    })
    .await;
    let client = node.client(Duration::from_millis(200));
    let put = client.put_rows("a b", r#"[["k",1],["l",2]]"#).await;
    assert_eq!(put.expect("it is answered").value, 2);
    let odd = client.put_rows("a b", "[]").await;
    assert!(!odd.expect_err("that is no count").definite());
}
