//! The small models are explored to their end with every change.

use kensho_protocol::rule::Rules;

use super::exploration::{Order, explore};
use super::models::{ALL, Small};
use super::{Bounds, Replication};

/// Explores a small model to its end. Its number of states is part of the test: another number is
/// another protocol, or another model.
fn holds(small: &Small) {
    let model = Replication::new((small.bounds)(Rules::sound()));
    let found = explore(&model, Order::DepthFirst, 20 * small.unique_states);
    assert!(
        found.counterexample.is_none(),
        "{}: {:#?}",
        small.name,
        found.counterexample
    );
    assert!(found.finished, "{} is larger than it should be", small.name);
    assert_eq!(found.unique_states, small.unique_states, "{}", small.name);
    for sight in small.sometimes {
        assert!(found.sometimes.count(*sight) > 0, "{}: never {sight:?}", small.name);
    }
}

#[test]
fn the_small_models_hold_and_have_the_size_that_they_had() {
    for small in ALL {
        holds(&small);
    }
}

#[test]
fn a_bound_can_be_set_by_its_name() {
    let mut bounds: Bounds = (ALL[0].bounds)(Rules::sound());
    bounds.set("writes", 7).expect("there is such a bound");
    assert_eq!(bounds.writes, 7);
    assert!(bounds.set("reigns", 7).is_err());
}
