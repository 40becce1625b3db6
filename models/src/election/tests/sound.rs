//! With all rules in force nothing is found, and what should happen happens.

use super::super::SMALL;
use crate::exploration::{Order, explore};

#[test]
fn the_small_models_hold_to_their_end() {
    let mut other_sizes = Vec::new();
    for small in &SMALL {
        let name = small.name;
        let model = (small.model)();
        let found = explore(&model, Order::DepthFirst, 2_000_000);
        println!(
            "{name}: {} unique of {} states, depth {}, {:.1} s",
            found.unique_states, found.generated_states, found.depth, found.seconds
        );
        if let Some(counterexample) = &found.counterexample {
            panic!("{name}: {counterexample:#?}");
        }
        let seen = model.sights.seen();
        for sight in small.sights {
            assert!(seen.contains(sight), "{name} never saw {sight:?}");
        }
        if found.unique_states != small.unique_states {
            other_sizes.push((name, found.unique_states));
        }
    }
    assert!(
        other_sizes.is_empty(),
        "the protocol has changed, or its models have: {other_sizes:?}"
    );
}
