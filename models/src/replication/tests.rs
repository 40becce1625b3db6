//! The small models are explored to their end with every change.

use kensho_protocol::rule::Rules;

use super::exploration::{Order, explore};
use super::models::{ALL, Named};
use super::{Bounds, Replication};

/// Explores a small model to its end. Its number of states is part of the test: another number is
/// another protocol, or another model.
fn holds(small: &Named, unique_states: usize) {
    let model = Replication::new((small.bounds)(Rules::sound()));
    let found = explore(&model, Order::DepthFirst, 20 * unique_states);
    let name = small.name;
    let counterexample = &found.counterexample;
    assert!(counterexample.is_none(), "{name}: {counterexample:#?}");
    assert!(found.finished, "{name} is much larger than it was");
    assert_eq!(found.unique_states, unique_states, "{name}");
    for sight in small.sometimes {
        let count = found.sometimes.count(*sight);
        assert!(count > 0, "{name}: never {sight:?}");
    }
}

#[test]
fn the_small_models_hold_and_have_the_size_that_they_had() {
    for small in &ALL {
        if let Some(unique_states) = small.unique_states {
            holds(small, unique_states);
        }
    }
}

#[test]
fn a_bound_can_be_set_by_its_name() {
    let mut bounds: Bounds = (ALL[0].bounds)(Rules::sound());
    bounds.set("writes", 7).expect("there is such a bound");
    assert_eq!(bounds.writes, 7);
    assert!(bounds.set("reigns", 7).is_err());
}
