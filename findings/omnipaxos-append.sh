#!/usr/bin/env bash
# A replicated log, omnipaxos 0.2.4 (crates.io), three nodes in one process, no message lost but
# those to and from a node that is down. Guess: an append that answers Ok is decided once a majority
# has a leader again, or errs. True: with no leader known it is kept and decided; on a follower whose leader
# has just died it is sent to that leader only, and is never decided, though the same node then
# becomes leader or follows a new one, and later appends succeed. Ok of append promises nothing.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "append"
version = "0.0.0"
edition = "2021"
[dependencies]
omnipaxos = "=0.2.4"
omnipaxos_storage = "=0.2.4"
TOML
cat > src/main.rs <<'RUST'
use omnipaxos::storage::{Entry, NoSnapshot};
use omnipaxos::util::LogEntry;
use omnipaxos::{ClusterConfig, OmniPaxos, OmniPaxosConfig, ServerConfig};
use omnipaxos_storage::memory_storage::MemoryStorage;

#[derive(Clone, Debug)]
struct Number(u64);
impl Entry for Number {
    type Snapshot = NoSnapshot;
}
type Node = OmniPaxos<Number, MemoryStorage<Number>>;

fn node(pid: u64) -> Node {
    let cluster_config = ClusterConfig { configuration_id: 1, nodes: vec![1, 2, 3], ..Default::default() };
    let server_config =
        ServerConfig { pid, election_tick_timeout: 5, resend_message_tick_timeout: 20, ..Default::default() };
    OmniPaxosConfig { cluster_config, server_config }.build(MemoryStorage::default()).unwrap()
}

fn run(nodes: &mut [Node], down: Option<usize>) {
    for _ in 0..200 {
        for (at, node) in nodes.iter_mut().enumerate() {
            if Some(at) != down {
                node.tick();
            }
        }
        for _ in 0..4 {
            let mut messages = Vec::new();
            for (at, node) in nodes.iter_mut().enumerate() {
                let mut sent = Vec::new();
                node.take_outgoing_messages(&mut sent);
                if Some(at) != down {
                    messages.extend(sent);
                }
            }
            for message in messages {
                let to = message.get_receiver() as usize - 1;
                if Some(to) != down {
                    nodes[to].handle_incoming(message);
                }
            }
        }
    }
}

fn decided(node: &Node) -> Vec<u64> {
    let entries = node.read_decided_suffix(0).unwrap_or_default();
    entries.into_iter().filter_map(|e| if let LogEntry::Decided(n) = e { Some(n.0) } else { None }).collect()
}

fn main() {
    let mut nodes: Vec<Node> = (1..=3).map(node).collect();
    println!("no leader known: {}", nodes[0].append(Number(1)).is_ok());
    run(&mut nodes, None);
    println!("decided {:?}", decided(&nodes[0]));
    let leader = nodes[0].get_current_leader().unwrap().0 as usize - 1;
    let follower = (leader + 1) % 3;
    println!("leader down: {} {}", nodes[follower].append(Number(2)).is_ok(), nodes[follower].append(Number(3)).is_ok());
    run(&mut nodes, Some(leader));
    assert_ne!(nodes[follower].get_current_leader().unwrap().0 as usize - 1, leader);
    println!("decided {:?}", decided(&nodes[follower]));
    println!("new leader: {}", nodes[follower].append(Number(4)).is_ok());
    run(&mut nodes, None);
    println!("decided by all {:?}", nodes.iter().map(decided).collect::<Vec<_>>());
}
RUST
cargo run --quiet | tee out
printf '%s\n' 'no leader known: true' 'decided [1]' 'leader down: true true' 'decided [1]' 'new leader: true' \
  'decided by all [[1, 4], [1, 4], [1, 4]]' | diff - out
echo 'as stated'
