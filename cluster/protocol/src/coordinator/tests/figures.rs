//! How an election grows with the number of nodes (requirement A2). The figures are printed:
//! `cargo test --release -p kensho-protocol figures -- --nocapture`.

use std::time::Duration;

use super::network::{Cluster, HEARTBEAT};
use crate::coordinator::Note;

struct Election {
    rounds: u32,
    messages: u64,
    took: Duration,
}

fn election_after_a_masters_death(nodes: u32, seed: u64) -> Election {
    let mut cluster = Cluster::born(nodes, seed);
    cluster.run_for(HEARTBEAT * 2);
    let old = cluster.master().expect("there is one");
    let (notes, messages) = (cluster.notes.len(), cluster.election_messages);
    cluster.kill(old);
    let took = cluster.run_until("new master", |c| c.master().is_some_and(|m| m != old));
    cluster.run_for(HEARTBEAT);
    let rounds = cluster.notes[notes..]
        .iter()
        .find_map(|(_, _, note)| match note {
            Note::BecameMaster { rounds, .. } => Some(*rounds),
            _ => None,
        });
    Election {
        rounds: rounds.expect("somebody won"),
        messages: cluster.election_messages - messages,
        took,
    }
}

#[test]
fn rounds_grow_logarithmically_and_messages_linearly() {
    println!(
        "nodes  rounds: mean, most   messages per node: mean, most   ms until master: mean, most"
    );
    for nodes in [2, 3, 5, 8, 16, 32, 64, 128, 256_u32] {
        if nodes == 2 {
            continue;
        }
        let seeds = (600 / u64::from(nodes)).clamp(5, 60);
        let elections: Vec<_> = (0..seeds)
            .map(|seed| election_after_a_masters_death(nodes, seed))
            .collect();
        let count = elections.len() as f64;
        let rounds = elections.iter().map(|e| f64::from(e.rounds)).sum::<f64>() / count;
        let rounds_most = elections.iter().map(|e| e.rounds).max().expect("some");
        let per_node = |e: &Election| e.messages as f64 / f64::from(nodes);
        let messages = elections.iter().map(per_node).sum::<f64>() / count;
        let messages_most = elections.iter().map(per_node).fold(0.0, f64::max);
        let ms = |e: &Election| e.took.as_secs_f64() * 1000.0;
        let took = elections.iter().map(ms).sum::<f64>() / count;
        let took_most = elections.iter().map(ms).fold(0.0, f64::max);
        println!(
            "{nodes:5}  {rounds:6.2} {rounds_most:5}   {messages:6.2} {messages_most:6.2}   {took:6.0} {took_most:6.0}"
        );
        let log = f64::from(nodes).log2();
        assert!(
            rounds <= 3.0 * log + 2.0,
            "{rounds} rounds for {nodes} nodes"
        );
        assert!(
            messages <= 30.0,
            "{messages} messages per node for {nodes} nodes"
        );
    }
}
