//! With all rules in force nothing is found, and what should happen happens.

use super::super::{SMALL, explore};

#[test]
fn the_small_models_hold_to_their_end() {
    for small in &SMALL {
        let found = explore(&(small.model)(), 10_000_000);
        let name = small.name;
        println!(
            "{name}: {} unique of {} states, depth {}, {:?}",
            found.unique_states, found.generated_states, found.depth, found.took
        );
        if let Some(counterexample) = &found.counterexample {
            panic!("{name}: {counterexample:#?}");
        }
        assert_eq!(found.unique_states, small.unique_states, "{name}");
        for sight in small.sights {
            assert!(found.seen.contains(sight), "{name} never saw {sight:?}");
        }
    }
}
