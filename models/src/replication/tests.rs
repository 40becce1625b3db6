//! The small models are explored to their end with every change.

use kensho_protocol::rule::Rules;

use super::models::ALL;
use super::{Bounds, Replication};
use crate::exploration::{Order, explore};

/// Explores a small model to its end. Its number of states is part of the test: another number is
/// another protocol, or another model.
fn holds(name: &str) {
    let small = ALL.iter().find(|named| named.name == name);
    let small = small.expect("there is such a model");
    let unique_states = small.unique_states.expect("it is a small one");
    let model = Replication::new((small.bounds)(Rules::sound()));
    let found = explore(&model, Order::DepthFirst, 20 * unique_states);
    let counterexample = &found.counterexample;
    assert!(counterexample.is_none(), "{name}: {counterexample:#?}");
    assert!(found.finished, "{name} is much larger than it was");
    assert_eq!(found.unique_states, unique_states, "{name}");
    let sometimes = model.sometimes();
    for sight in small.sometimes {
        let count = sometimes.count(*sight);
        assert!(count > 0, "{name}: never {sight:?}");
    }
}

/// One test for each small model.
macro_rules! holds {
    ($($test:ident = $name:literal,)*) => {
        /// The models that have a test.
        const TESTED: &[&str] = &[$($name),*];
        $(
            #[test]
            fn $test() {
                holds($name);
            }
        )*
    };
}

holds! {
    two_nodes_of_which_one_loses_its_data = "wipe",
    two_nodes_of_which_one_crashes = "restart",
    two_nodes_in_async = "run-ahead",
    two_nodes_that_see_old_tables = "stale-tables",
    a_second_node_joins = "growth",
    an_owner_fails_and_comes_back = "failover",
    a_write_is_asked_for_again = "retry",
    three_nodes = "three",
    reads_by_lease_on_clocks_that_drift = "leases",
    an_owner_hands_over = "hand-over",
}

#[test]
fn every_small_model_has_a_test() {
    let small = ALL.iter().filter(|named| named.unique_states.is_some());
    let names: Vec<&str> = small.map(|named| named.name).collect();
    assert_eq!(names, TESTED);
}

#[test]
fn a_bound_can_be_set_by_its_name() {
    let mut bounds: Bounds = (ALL[0].bounds)(Rules::sound());
    bounds.set("writes", 7).expect("there is such a bound");
    assert_eq!(bounds.writes, 7);
    assert!(bounds.set("reigns", 7).is_err());
}
