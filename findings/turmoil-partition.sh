#!/usr/bin/env bash
# turmoil 0.6.6 and 0.7.2 (crates.io), simulated networks with a latency of 100 ms. What becomes of a message that
# was sent 20 ms before partition() or hold(), and of the TCP connection afterwards? Guess: a partition cuts links,
# what is under way arrives or not alike in both versions, and TCP sends again what was lost once the link is
# repaired. True: 0.6.6 delivers what is under way at its time, in a partition and in a hold; 0.7.2 drops it in a
# partition, and in a hold keeps it back until release(). In both a TCP stream with one lost piece is dead for
# good and does not say so: writes after repair() succeed, and nothing arrives. And connect() takes one latency, not a
# round trip. So the same seed and faults test another network after an update.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
mkdir src
cat > src/main.rs <<'RUST'
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;
use turmoil::net::{TcpListener, TcpStream, UdpSocket};

const MS: Duration = Duration::from_millis(1);

fn arrived(how: &str, bytes: &[u8]) {
    println!("  {how} {} at {} ms", String::from_utf8_lossy(bytes), turmoil::elapsed().as_millis());
}

fn run(fault: &'static str) {
    println!("{fault}");
    let mut builder = turmoil::Builder::new();
    let mut sim = builder.min_message_latency(100 * MS).max_message_latency(100 * MS).build();
    sim.host("server", || async {
        let datagrams = UdpSocket::bind("0.0.0.0:9000").await?;
        let listener = TcpListener::bind("0.0.0.0:9001").await?;
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = [0; 16];
            while let Ok(n @ 1..) = stream.read(&mut bytes).await {
                arrived("tcp", &bytes[..n]);
            }
        });
        let mut bytes = [0; 16];
        loop {
            let (n, _) = datagrams.recv_from(&mut bytes).await?;
            arrived("udp", &bytes[..n]);
        }
    });
    sim.client("client", async move {
        let datagrams = UdpSocket::bind("0.0.0.0:0").await?;
        let mut stream = TcpStream::connect("server:9001").await?;
        println!("  connected at {} ms", turmoil::elapsed().as_millis());
        datagrams.send_to(b"before", "server:9000").await?;
        stream.write_all(b"before").await?;
        sleep(20 * MS).await;
        if fault == "hold" { turmoil::hold("client", "server") } else { turmoil::partition("client", "server") }
        datagrams.send_to(b"during", "server:9000").await?;
        stream.write_all(b"during").await?;
        sleep(1000 * MS).await;
        if fault == "hold" { turmoil::release("client", "server") } else { turmoil::repair("client", "server") }
        datagrams.send_to(b"after", "server:9000").await?;
        println!("  tcp write after: {:?}", stream.write_all(b"after").await);
        sleep(5000 * MS).await;
        Ok(())
    });
    sim.run().unwrap();
}

fn main() {
    run("partition");
    run("hold");
}
RUST
for version in 0.6.6 0.7.2; do
  cat > Cargo.toml <<TOML
[package]
name = "cut"
version = "0.0.0"
edition = "2021"
[dependencies]
turmoil = "=$version"
tokio = { version = "1", features = ["io-util", "rt", "time"] }
TOML
  echo "turmoil $version"
  cargo run --quiet
done | tee out
diff - out <<'OUT'
turmoil 0.6.6
partition
  connected at 100 ms
  udp before at 200 ms
  tcp before at 200 ms
  tcp write after: Ok(())
  udp after at 1220 ms
hold
  connected at 100 ms
  udp before at 200 ms
  tcp before at 200 ms
  tcp write after: Ok(())
  udp during at 1121 ms
  tcp during at 1121 ms
  udp after at 1220 ms
  tcp after at 1220 ms
turmoil 0.7.2
partition
  connected at 100 ms
  tcp write after: Ok(())
  udp after at 1220 ms
hold
  connected at 100 ms
  tcp write after: Ok(())
  udp before at 1121 ms
  udp during at 1121 ms
  tcp before at 1121 ms
  tcp during at 1121 ms
  udp after at 1220 ms
  tcp after at 1220 ms
OUT
echo 'as stated'
