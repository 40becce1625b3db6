//! With all rules in force nothing is found, and what should happen happens.

use super::super::{SMALL, explore};

#[test]
fn the_small_models_hold_to_their_end() {
    let mut other_sizes = Vec::new();
    for small in &SMALL {
        let name = small.name;
        let found = explore(&(small.model)(), 2_000_000);
        println!(
            "{name}: {} unique of {} states, depth {}, {:?}",
            found.unique_states, found.generated_states, found.depth, found.took
        );
        if let Some(counterexample) = &found.counterexample {
            panic!("{name}: {counterexample:#?}");
        }
        for sight in small.sights {
            assert!(found.seen.contains(sight), "{name} never saw {sight:?}");
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
