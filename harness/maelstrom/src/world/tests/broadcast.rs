//! Broadcasts: what they cost, how fast they are, and what a lossy network does to them.

use super::*;

/// Nodes that tell each other at once, and never again.
fn careless() -> impl FnMut(usize, &Message) -> Vec<(String, Value)> {
    let mut sets = vec![std::collections::BTreeSet::new(); 3];
    move |node, message| {
        let value = message.body["message"].as_i64();
        match crate::body::kind(&message.body) {
            "broadcast" => {
                sets[node].extend(value);
                let others = (0..3).filter(|other| *other != node);
                let tell = json!({"type": "tell", "message": value});
                let mut sent: Vec<_> = others
                    .map(|other| (format!("n{}", other + 1), tell.clone()))
                    .collect();
                sent.push(reply(message, json!({"type": "broadcast_ok"})));
                sent
            }
            "read" => vec![reply(
                message,
                json!({"type": "read_ok", "messages": sets[node]}),
            )],
            _ => {
                sets[node].extend(value);
                Vec::new()
            }
        }
    }
}

#[test]
fn a_broadcast_without_retries_is_right_until_a_message_is_lost() {
    let whole = play(settings(1), Name::Broadcast, &mut initialised(careless()));
    assert!(whole.report("broadcast").is_valid());
    assert!(
        whole.end < 5_100 * MS,
        "whoever has converged need not wait"
    );
    assert_eq!(whole.outcomes("final-read"), [3, 0, 0]);
    let broadcasts = whole.outcomes("broadcast")[0] as u64;
    assert_eq!(whole.remains.counts.servers.msg_count, 2 * broadcasts);
    let conditions = Conditions {
        loss: 0.05,
        ..Conditions::PERFECT
    };
    let settings = Settings {
        conditions,
        ..settings(1)
    };
    let lossy = play(settings, Name::Broadcast, &mut initialised(careless()));
    assert!(lossy.report("broadcast").is_invalid());
    assert!(
        lossy.end >= 15_000 * MS,
        "whoever has not converged is given time"
    );
    assert!(lossy.remains.counts.lost > 0);
}

/// Nodes that pass on what is new to them to all neighbours but the one that told them.
fn flooding() -> impl FnMut(usize, &Message) -> Vec<(String, Value)> {
    let mut neighbours: HashMap<usize, Vec<String>> = HashMap::new();
    let mut sets: HashMap<usize, std::collections::BTreeSet<i64>> = HashMap::new();
    move |node, message| {
        let known = sets.entry(node).or_default();
        match crate::body::kind(&message.body) {
            "init" => vec![reply(message, json!({"type": "init_ok"}))],
            "topology" => {
                let own = &message.body["topology"][format!("n{}", node + 1)];
                neighbours.insert(node, serde_json::from_value(own.clone()).unwrap());
                vec![reply(message, json!({"type": "topology_ok"}))]
            }
            "read" => vec![reply(
                message,
                json!({"type": "read_ok", "messages": known}),
            )],
            kind => {
                let mut sent = Vec::new();
                if known.insert(message.body["message"].as_i64().unwrap()) {
                    let others = neighbours[&node]
                        .iter()
                        .filter(|other| **other != message.src);
                    let tell = json!({"type": "tell", "message": message.body["message"]});
                    sent.extend(others.map(|other| (other.clone(), tell.clone())));
                }
                if kind == "broadcast" {
                    sent.push(reply(message, json!({"type": "broadcast_ok"})));
                }
                sent
            }
        }
    }
}

/// The figures of Maelstrom's guide: messages between servers for each broadcast, with 25 nodes,
/// and how long a broadcast may take, in hops.
#[test]
fn efficiency_and_latency_of_a_broadcast_depend_on_the_topology() {
    for (topology, messages, hops) in [
        (Topology::Grid, 80 - 24, 8),
        (Topology::Line, 24, 24),
        (Topology::Tree4, 24, 6),
    ] {
        let settings = Settings {
            nodes: (1..=25).map(|number| format!("n{number}")).collect(),
            clients: 25,
            length_ns: 30_000 * MS,
            conditions: Conditions {
                latency_ms: 100,
                ..Conditions::PERFECT
            },
            ..settings(1)
        };
        let played = play_on(topology, settings, Name::Broadcast, &mut flooding());
        let broadcasts = played.outcomes("broadcast")[0] as u64;
        assert_eq!(
            played.remains.counts.servers.msg_count,
            messages * broadcasts
        );
        let history = History::from_events(&played.events);
        let stability = crate::report::Stability::of(&history, "broadcast");
        assert_eq!(stability.stable_count as u64, broadcasts);
        let longest = stability.stable_latencies["1"].as_u64().unwrap();
        let bound = 100 * hops;
        assert!(
            (bound / 2..=bound).contains(&longest),
            "{topology:?}: {longest} ms"
        );
    }
}

#[test]
fn a_partition_swallows_messages() {
    let faults = fault::plan(&[fault::Kind::Partition], 500 * MS, 5_000 * MS, 4);
    let settings = Settings {
        faults,
        ..settings(4)
    };
    let played = play(settings, Name::Broadcast, &mut initialised(careless()));
    assert!(played.remains.counts.cut > 0);
    assert!(played.report("broadcast").is_invalid());
}
