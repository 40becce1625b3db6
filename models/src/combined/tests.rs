//! The combined models are explored to their end with every change.

use kensho_protocol::rule::Rules;

use super::models::ALL;
use crate::exploration::{Order, explore};

fn holds(name: &str) {
    let named = ALL.iter().find(|named| named.name == name);
    let named = named.expect("there is such a model");
    let model = (named.model)(Rules::sound());
    let found = explore(&model, Order::DepthFirst, 20 * named.unique_states);
    let counterexample = &found.counterexample;
    assert!(counterexample.is_none(), "{name}: {counterexample:#?}");
    assert!(found.finished, "{name} is much larger than it was");
    assert_eq!(found.unique_states, named.unique_states, "{name}");
    let (seen, sometimes) = (model.election.sights.seen(), model.replication.sometimes());
    for sight in named.coordinators {
        assert!(seen.contains(sight), "{name}: never {sight:?}");
    }
    for sight in named.replicas {
        assert!(sometimes.count(*sight) > 0, "{name}: never {sight:?}");
    }
}

#[test]
fn clients_write_and_read_while_the_next_master_is_elected() {
    holds("handover");
}

#[test]
fn a_node_crashes_while_the_next_master_is_elected() {
    holds("restart");
}

#[test]
fn a_node_loses_its_data() {
    holds("wipe");
}

/// Rules of either kind, and rules of data that only an election brings to light.
#[cfg(feature = "break-rules")]
#[test]
fn broken_rules_are_caught() {
    use kensho_protocol::rule::Rule;
    for (name, rule, invariant) in [
        ("handover", Rule::NoQuorum, "one-master"),
        ("wipe", Rule::PromoteUnclean, "durable-ack"),
        ("wipe", Rule::AckBeforeBackup, "durable-ack"),
        ("restart", Rule::ResumeAfterRestart, "one-server"),
    ] {
        let named = ALL.iter().find(|named| named.name == name);
        let named = named.expect("there is such a model");
        let model = (named.model)(Rules::sound().without(rule));
        let found = explore(&model, Order::BreadthFirst, 20 * named.unique_states);
        let caught = found.counterexample.map(|example| example.invariant);
        assert_eq!(caught, Some(invariant), "{name}, {rule}");
    }
}
