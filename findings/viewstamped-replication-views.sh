#!/usr/bin/env bash
# The crate viewstamped-replication 0.9.0 (crates.io), three replicas in one process; messages of the replicas that
# are cut off are lost. Guess: a request that was committed and answered is in every later view (the new primary takes the
# log "from its last normal view", as its protocol says). True: a log keeps the view of its last *new* request; a
# view that takes it over and commits it leaves that number. So a log with an uncommitted request of a view in
# between ranks higher and replaces the committed one (the case of figure 8 of the Raft paper): the request was
# answered and is gone, and the replicas have carried out different requests under one number.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "views"
version = "0.0.0"
edition = "2021"
[dependencies]
viewstamped-replication = "=0.9.0"
TOML
cat > src/main.rs <<'RUST'
use viewstamped_replication::buffer::{BufferedMailbox, ProtocolPayload};
use viewstamped_replication::{Client, Configuration, Protocol, Replica, Service};

/// Requests in the order in which a replica carried them out.
#[derive(Clone)]
struct Done(Vec<String>);
impl Protocol for Done {
    type Request = String;
    type Prediction = ();
    type Reply = String;
    type Checkpoint = Vec<String>;
}
impl From<Vec<String>> for Done {
    fn from(done: Vec<String>) -> Self { Done(done) }
}
impl Service for Done {
    fn predict(&self, _: &String) {}
    fn checkpoint(&self) -> Vec<String> { self.0.clone() }
    fn invoke(&mut self, request: &String, _: &()) -> String {
        self.0.push(request.clone());
        request.clone()
    }
}

type Mailboxes = Vec<BufferedMailbox<Done>>;

/// Delivers what the replicas of `group` send each other until nothing is under way; all else is lost.
fn settle(replicas: &mut [Replica<Done>], mailboxes: &mut Mailboxes, group: &[usize]) {
    loop {
        let mut under_way = Vec::new();
        for from in 0..replicas.len() {
            let mailbox = &mut mailboxes[from];
            for reply in mailbox.drain_replies() {
                println!("replica {from} answers the client of {}", reply.payload.payload);
            }
            let sent: Vec<_> = mailbox.drain_send().map(|sent| (sent.destination, sent.payload)).collect();
            let others = (0..3).filter(|&to| to != from);
            let told: Vec<_> =
                mailbox.drain_broadcast().flat_map(|told| others.clone().map(move |to| (to, told.clone()))).collect();
            under_way.extend(sent.into_iter().chain(told).filter(|(to, _)| group.contains(&from) && group.contains(to)));
        }
        if under_way.is_empty() {
            return;
        }
        for (to, message) in under_way {
            let (replica, out) = (&mut replicas[to], &mut mailboxes[to]);
            match message {
                ProtocolPayload::Prepare(message) => replica.handle_prepare(message, out),
                ProtocolPayload::PrepareOk(message) => replica.handle_prepare_ok(message, out),
                ProtocolPayload::Commit(message) => replica.handle_commit(message, out),
                ProtocolPayload::StartViewChange(message) => replica.handle_start_view_change(message, out),
                ProtocolPayload::DoViewChange(message) => replica.handle_do_view_change(message, out),
                ProtocolPayload::StartView(message) => replica.handle_start_view(message, out),
                _ => unreachable!("no recovery and no state transfer is needed"),
            }
        }
    }
}

fn main() {
    let configuration = Configuration::from(3);
    let mut replicas: Vec<_> = (0..3).map(|index| Replica::new(configuration, index, Done(vec![]))).collect();
    let mut mailboxes: Mailboxes = (0..3).map(|_| BufferedMailbox::default()).collect();
    let request = |payload: &str| Client::new(configuration).new_request(payload.to_string());

    // View 0: x reaches its primary, 0, alone.
    replicas[0].handle_request(request("x"), &mut mailboxes[0]);
    settle(&mut replicas, &mut mailboxes, &[0]);
    // View 1, of 1 and 2: y reaches its primary, 1, alone.
    replicas[1].idle(&mut mailboxes[1]);
    settle(&mut replicas, &mut mailboxes, &[1, 2]);
    replicas[1].handle_request(request("y"), &mut mailboxes[1]);
    settle(&mut replicas, &mut mailboxes, &[1]);
    // View 2, of 0 and 2: takes over x, commits it, answers; 0 is told.
    replicas[2].idle(&mut mailboxes[2]);
    settle(&mut replicas, &mut mailboxes, &[0, 2]);
    replicas[2].idle(&mut mailboxes[2]);
    settle(&mut replicas, &mut mailboxes, &[0, 2]);
    // View 3, of 0 and 1: 0 has x and has carried it out.
    replicas[0].idle(&mut mailboxes[0]);
    settle(&mut replicas, &mut mailboxes, &[0, 1]);
    println!("0 is the primary: {}", replicas[0].is_primary());
    for (index, replica) in replicas.iter().enumerate() {
        println!("replica {index} carried out {:?}", replica.checkpoint().state);
    }
}
RUST
cargo run --quiet | tee out
diff - out <<'OUT'
replica 2 answers the client of x
0 is the primary: true
replica 0 carried out ["x"]
replica 1 carried out ["y"]
replica 2 carried out ["x"]
OUT
echo 'as stated'
