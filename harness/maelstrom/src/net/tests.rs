use super::*;
use serde_json::json;

const NODES: [Address; 3] = [Address::Node(0), Address::Node(1), Address::Node(2)];

fn send(network: &mut Network, now: u64, src: Address, dest: Address, number: u64) {
    network.send(now, src, dest, number.to_string(), json!({"type": "x"}));
}

fn received(network: &mut Network, now: u64) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(arrival) = network.receive(now) {
        if let Arrival::Received(packet) = arrival {
            network.delivered(&packet);
            lines.push(packet.line);
        }
    }
    lines
}

fn latency(latency_ms: u64) -> Conditions {
    Conditions {
        latency_ms,
        ..Conditions::PERFECT
    }
}

#[test]
fn a_message_takes_its_time_between_nodes_and_none_to_clients() {
    let mut network = Network::new(latency(10), 0);
    send(&mut network, 5, NODES[0], NODES[1], 1);
    send(&mut network, 5, Address::Client(0), NODES[1], 2);
    send(&mut network, 5, NODES[1], Address::Client(0), 3);
    assert_eq!(network.deadline(), Some(5));
    assert_eq!(received(&mut network, 5), ["2", "3"]);
    assert_eq!(network.deadline(), Some(10_000_005));
    assert_eq!(received(&mut network, 10_000_004), [""; 0]);
    assert_eq!(received(&mut network, 10_000_005), ["1"]);
    assert_eq!(network.deadline(), None);
}

#[test]
fn with_constant_latency_messages_keep_their_order() {
    let mut network = Network::new(latency(1), 0);
    for number in 0..100 {
        send(&mut network, number, NODES[0], NODES[1], number);
    }
    let order: Vec<u64> = received(&mut network, u64::MAX)
        .iter()
        .map(|line| line.parse().unwrap())
        .collect();
    assert!(order.is_sorted());
}

#[test]
fn some_are_overtaken_if_that_is_asked_for() {
    let conditions = Conditions {
        reorder: 0.2,
        ..Conditions::PERFECT
    };
    let mut network = Network::new(conditions, 3);
    for number in 0..100 {
        send(&mut network, number * 1_000, NODES[0], NODES[1], number);
    }
    let order: Vec<u64> = received(&mut network, u64::MAX)
        .iter()
        .map(|line| line.parse().unwrap())
        .collect();
    assert_eq!(order.len(), 100);
    assert!(!order.is_sorted());
}

#[test]
fn a_cut_link_swallows_what_would_arrive_until_it_is_healed() {
    let mut network = Network::new(latency(10), 0);
    network.cut(4, BTreeSet::from([(0, 1)]));
    send(&mut network, 0, NODES[0], NODES[1], 1);
    send(&mut network, 0, NODES[1], NODES[0], 2);
    send(&mut network, 0, NODES[0], Address::Client(0), 3);
    assert_eq!(received(&mut network, 10_000_000), ["3", "2"]);
    send(&mut network, 10_000_000, NODES[0], NODES[1], 4);
    network.heal(4);
    assert_eq!(received(&mut network, 20_000_000), ["4"]);
    assert_eq!(network.counts().cut, 1);
}

#[test]
fn messages_are_counted_with_and_without_clients() {
    let conditions = Conditions {
        duplicate: 1.0,
        ..Conditions::PERFECT
    };
    let mut network = Network::new(conditions, 0);
    send(&mut network, 0, Address::Client(0), NODES[0], 1);
    send(&mut network, 0, NODES[0], NODES[1], 2);
    send(&mut network, 0, NODES[0], NODES[2], 3);
    received(&mut network, 0);
    let counts = network.counts();
    let of = |counts: Counts| (counts.send_count, counts.recv_count, counts.msg_count);
    assert_eq!(of(counts.all), (3, 5, 3));
    assert_eq!(of(counts.clients), (1, 1, 1));
    assert_eq!(of(counts.servers), (2, 4, 2));
    assert_eq!(counts.servers.msgs_per_op(4), Some(0.5));
    assert_eq!(counts.servers.msgs_per_op(0), None);
    assert_eq!(counts.servers_by_type["x"], 2);
}
