//! The proxy between real sockets.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

use super::{Conduct, Flow, Link};

/// Long enough for anything that will happen; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

struct Bench {
    link: Link,
    target: TcpListener,
}

async fn bench() -> Bench {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = Link::open(target.local_addr().unwrap()).await.unwrap();
    Bench { link, target }
}

impl Bench {
    async fn connect(&self) -> (TcpStream, TcpStream) {
        let client = TcpStream::connect(self.link.address().unwrap())
            .await
            .unwrap();
        let (server, _) = timeout(PATIENCE, self.target.accept())
            .await
            .unwrap()
            .unwrap();
        (client, server)
    }
}

async fn expect(stream: &mut TcpStream, expected: &[u8]) {
    let mut got = vec![0; expected.len()];
    timeout(PATIENCE, stream.read_exact(&mut got))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(got, expected);
}

async fn expect_closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut rest))
        .await
        .unwrap();
    assert!(
        read.is_err() || rest.is_empty(),
        "nothing may come, not {rest:?}"
    );
}

/// Sends a byte round trip, so that everything sent before has gone through the proxy.
async fn settle(from: &mut TcpStream, to: &mut TcpStream) {
    from.write_all(b"!").await.unwrap();
    expect(to, b"!").await;
}

#[tokio::test]
async fn bytes_pass_both_ways_and_an_end_of_stream_too() {
    let bench = bench().await;
    let (mut client, mut server) = bench.connect().await;
    let long: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let (sent, ()) = tokio::join!(client.write_all(&long), expect(&mut server, &long));
    sent.unwrap();
    client.shutdown().await.unwrap();
    expect_closed(&mut server).await;
    server.write_all(b"late answer").await.unwrap();
    expect(&mut client, b"late answer").await;
}

#[tokio::test]
async fn a_cut_link_holds_and_a_released_one_lets_it_flow() {
    let bench = bench().await;
    let (mut client, mut server) = bench.connect().await;
    settle(&mut client, &mut server).await;
    bench.link.set(Conduct::CUT);
    client.write_all(b"held").await.unwrap();
    server.write_all(b"answer").await.unwrap();
    let mut byte = [0];
    let short = Duration::from_millis(100);
    assert!(
        timeout(short, server.read(&mut byte)).await.is_err(),
        "nothing passes"
    );
    assert!(
        timeout(short, client.read(&mut byte)).await.is_err(),
        "nothing comes back"
    );
    bench.link.set(Conduct::OPEN);
    expect(&mut server, b"held").await;
    expect(&mut client, b"answer").await;
}

#[tokio::test]
async fn one_direction_can_be_held_alone() {
    let bench = bench().await;
    let (mut client, mut server) = bench.connect().await;
    settle(&mut client, &mut server).await;
    bench.link.set(Conduct {
        backward: Flow::Hold,
        ..Conduct::OPEN
    });
    client.write_all(b"request").await.unwrap();
    expect(&mut server, b"request").await;
    server.write_all(b"answer").await.unwrap();
    let mut byte = [0];
    assert!(
        timeout(Duration::from_millis(100), client.read(&mut byte))
            .await
            .is_err()
    );
    bench.link.set(Conduct::OPEN);
    expect(&mut client, b"answer").await;
}

#[tokio::test]
async fn closing_loses_what_was_held() {
    let bench = bench().await;
    let (mut client, mut server) = bench.connect().await;
    settle(&mut client, &mut server).await;
    bench.link.set(Conduct::CUT);
    client.write_all(b"lost").await.unwrap();
    bench.link.close_connections();
    expect_closed(&mut server).await;
    expect_closed(&mut client).await;
    bench.link.set(Conduct::OPEN);
    let (mut client, mut server) = bench.connect().await;
    settle(&mut client, &mut server).await;
}

#[tokio::test]
async fn a_connection_to_a_cut_link_reaches_the_target_only_afterwards() {
    let bench = bench().await;
    bench.link.set(Conduct::CUT);
    let mut client = TcpStream::connect(bench.link.address().unwrap())
        .await
        .unwrap();
    client.write_all(b"early").await.unwrap();
    assert!(
        timeout(Duration::from_millis(100), bench.target.accept())
            .await
            .is_err()
    );
    bench.link.set(Conduct::OPEN);
    let (mut server, _) = timeout(PATIENCE, bench.target.accept())
        .await
        .unwrap()
        .unwrap();
    expect(&mut server, b"early").await;
}

#[tokio::test]
async fn who_does_not_read_does_not_keep_a_connection_open() {
    let bench = bench().await;
    let (mut client, server) = bench.connect().await;
    let flood = tokio::spawn(async move {
        let bytes = vec![7; 1 << 20];
        while client.write_all(&bytes).await.is_ok() {}
    });
    // The flood stands still when all buffers on its way are full; then it must still end.
    tokio::task::yield_now().await;
    bench.link.close_connections();
    timeout(PATIENCE, flood).await.unwrap().unwrap();
    drop(server);
}

#[tokio::test]
async fn a_refusing_link_closes_and_a_dead_target_closes_too() {
    let bench = bench().await;
    bench.link.set(Conduct::REFUSE);
    let mut client = TcpStream::connect(bench.link.address().unwrap())
        .await
        .unwrap();
    expect_closed(&mut client).await;
    bench.link.set(Conduct::OPEN);
    drop(bench.target);
    let mut client = TcpStream::connect(bench.link.address().unwrap())
        .await
        .unwrap();
    expect_closed(&mut client).await;
}

#[tokio::test]
async fn delayed_bytes_come_late_and_in_order() {
    let bench = bench().await;
    let (mut client, mut server) = bench.connect().await;
    settle(&mut client, &mut server).await;
    let delay = Duration::from_millis(50);
    bench.link.set(Conduct {
        forward: Flow::Delay(delay),
        ..Conduct::OPEN
    });
    let begin = Instant::now();
    client.write_all(b"one").await.unwrap();
    expect(&mut server, b"one").await;
    assert!(
        begin.elapsed() >= delay,
        "the delay is a lower bound on any machine"
    );
    client.write_all(b"two").await.unwrap();
    bench.link.set(Conduct::OPEN);
    expect(&mut server, b"two").await;
}
