#!/usr/bin/env bash
# Linearizable reads of raft 0.7.0 (raft-rs, crates.io; ReadOnlyOption::Safe), three nodes in one
# process, no message lost. Guess: a read_index that cannot be served yet waits, or is refused. True: on a
# leader that has not committed in its own term yet it is dropped, also when a follower forwards it: there is
# never a ReadState for it, and no error. Asked a moment later it works. Without a leader it is
# dropped as silently, where propose says ProposalDropped. Who reads must ask again after a time limit of its own.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "read-index"
version = "0.0.0"
edition = "2021"
[dependencies]
raft = "=0.7.0"
slog = "=2.7.0"
TOML
cat > src/main.rs <<'RUST'
use raft::prelude::*;
use raft::storage::MemStorage;
use raft::{ReadOnlyOption, StateRole};

type Node = RawNode<MemStorage>;

fn node(id: u64) -> Node {
    let config = Config {
        id,
        election_tick: 10,
        heartbeat_tick: 1,
        check_quorum: true,
        read_only_option: ReadOnlyOption::Safe,
        ..Default::default()
    };
    let storage = MemStorage::new_with_conf_state((vec![1, 2, 3], vec![]));
    RawNode::new(&config, storage, &slog::Logger::root(slog::Discard, slog::o!())).unwrap()
}

/// Does what the node asks for; gives the messages, and notes the reads that were answered.
fn work(node: &mut Node, reads: &mut Vec<String>) -> Vec<Message> {
    let mut messages = Vec::new();
    while node.has_ready() {
        let mut ready = node.ready();
        messages.extend(ready.take_messages());
        reads.extend(ready.read_states().iter().map(|r| String::from_utf8(r.request_ctx.clone()).unwrap()));
        node.mut_store().wl().append(ready.entries()).unwrap();
        if let Some(state) = ready.hs() {
            node.mut_store().wl().set_hardstate(state.clone());
        }
        messages.extend(ready.take_persisted_messages());
        let mut light = node.advance(ready);
        if let Some(commit) = light.commit_index() {
            node.mut_store().wl().mut_hard_state().set_commit(commit);
        }
        messages.extend(light.take_messages());
        node.advance_apply();
    }
    messages
}

fn main() {
    let mut nodes: Vec<Node> = (1..=3).map(node).collect();
    let mut reads = vec![Vec::new(); 3];
    nodes[0].campaign().unwrap();
    let mut early = false;
    for step in 0..300 {
        let mut messages = Vec::new();
        for (node, reads) in nodes.iter_mut().zip(&mut reads) {
            messages.extend(work(node, reads));
        }
        if !early && nodes[0].raft.state == StateRole::Leader {
            early = true;
            println!("committed by the new leader: {}", nodes[0].raft.raft_log.committed);
            nodes[0].read_index(b"early".to_vec());
        }
        if step == 20 {
            nodes[0].read_index(b"later".to_vec());
            nodes[1].read_index(b"by a follower".to_vec());
        }
        for message in messages {
            nodes[message.to as usize - 1].step(message).unwrap();
        }
        if step > 25 {
            nodes.iter_mut().for_each(|node| { node.tick(); });
        }
    }
    println!("answered: {:?} {:?}", reads[0], reads[1]);
    let mut alone = node(1);
    println!("propose without a leader: {:?}", alone.propose(vec![], b"x".to_vec()));
    alone.read_index(b"x".to_vec());
    println!("read_index without a leader: anything to do: {}", alone.has_ready());
}
RUST
cargo run --quiet | tee out
printf '%s\n' 'committed by the new leader: 0' 'answered: ["later"] ["by a follower"]' \
  'propose without a leader: Err(ProposalDropped)' 'read_index without a leader: anything to do: false' | diff - out
echo 'as stated'
