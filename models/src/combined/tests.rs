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
fn an_owner_crashes_and_asks_for_its_next_epoch() {
    holds("restart");
}

#[test]
fn a_node_loses_its_data_while_a_client_writes() {
    holds("wipe");
}

#[test]
fn a_backup_takes_over_and_serves() {
    holds("takeover");
}

/// Rules of either kind, and rules of data that only an election brings to light.
#[cfg(feature = "break-rules")]
#[test]
fn broken_rules_are_caught() {
    use kensho_protocol::rule::Rule;
    for (name, rule, passes, invariant) in [
        ("handover", Rule::NoQuorum, 0, "committed-table-only"),
        ("wipe", Rule::AckBeforeBackup, 0, "durable-ack"),
        // An owner that comes back enters no epoch before the promise that it may have given is over.
        ("restart", Rule::ResumeAfterRestart, 1, "one-server"),
    ] {
        let named = ALL.iter().find(|named| named.name == name);
        let named = named.expect("there is such a model");
        let mut model = (named.model)(Rules::sound().without(rule));
        model.replication.bounds.passes = passes;
        let found = explore(&model, Order::BreadthFirst, 20 * named.unique_states);
        let caught = found.counterexample.map(|example| example.invariant);
        assert_eq!(caught, Some(invariant), "{name}, {rule}");
    }
}
