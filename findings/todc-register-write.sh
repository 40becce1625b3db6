#!/usr/bin/env bash
# The atomic register of todc-net 0.1.0 (crates.io), three instances over HTTP on loopback; the third is slow to start. Its
# documentation has each instance serve reads and writes, atomic if at most a minority crashes. Guess: a write
# takes a number that no acknowledged write has, by asking a majority first. True: it takes the next after the number this
# instance has heard of; that is the algorithm for a single writer. So an instance that missed writes (as any of
# a minority may) writes under an old number: the others answer and keep what they have, which counts as agreement.
# The write returns Ok and no read ever shows it; of two writes of one number the larger value stays.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "register"
version = "0.0.0"
edition = "2021"
[dependencies]
todc-net = "=0.1.0"
hyper = { version = "1", features = ["server", "http1"] }
hyper-util = { version = "0.1", features = ["tokio"] }
tokio = { version = "1", features = ["full"] }
TOML
cat > src/main.rs <<'RUST'
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use todc_net::register::AtomicRegister;
use tokio::net::TcpListener;

/// From here on the instance can be reached.
fn serve(register: &AtomicRegister<String>, listener: TcpListener) {
    let register = register.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = register.clone();
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut listeners = Vec::new();
    for _ in 0..3 {
        listeners.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
    }
    let ports: Vec<u16> = listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
    let registers: Vec<AtomicRegister<String>> = (0..3).map(|own| {
        let others = ports.iter().enumerate().filter(|(other, _)| *other != own);
        AtomicRegister::new(others.map(|(_, port)| format!("http://127.0.0.1:{port}").parse().unwrap()).collect())
    }).collect();
    let third = listeners.pop().unwrap();
    for (register, listener) in registers.iter().zip(listeners) {
        serve(register, listener);
    }
    for value in ["one", "two"] {
        println!("write {value} at the first: {:?}", registers[0].write(value.into()).await.is_ok());
    }
    serve(&registers[2], third);
    println!("write three at the third: {:?}", registers[2].write("three".into()).await.is_ok());
    for (at, register) in ["first", "second", "third"].iter().zip(&registers) {
        println!("read at the {at}: {}", register.read().await.unwrap());
    }
}
RUST
cargo run --quiet | tee out
diff - out <<'OUT'
write one at the first: true
write two at the first: true
write three at the third: true
read at the first: two
read at the second: two
read at the third: two
OUT
echo 'as stated'
