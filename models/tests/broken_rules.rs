//! Broken rules are caught: those that show soon, so that this can run with every change. All of
//! them, with figures: `cargo run --release -p kensho-models --features break-rules --example bugs`.

use kensho_models::broken::{in_model, in_simulation};
use kensho_models::invariants::Invariant;
use kensho_models::replication::models::ALL;
use kensho_protocol::rule::Rule;
use kensho_protocol::settings::Mode;

/// The rule, the model in which it shows, and the invariants that may show it.
const IN_MODEL: [(Rule, &str, Invariant); 0] = [];

/// The rule, the mode, how many seeds are enough, and the invariant that shows it.
const IN_SIMULATION: [(Rule, Mode, u64, Invariant); 0] = [];

#[test]
fn the_models_notice() {
    for (rule, name, invariant) in IN_MODEL {
        let small = ALL
            .iter()
            .find(|small| small.name == name)
            .expect("a model");
        let found = in_model(Some(rule), small, 400_000);
        assert_eq!(found.by, Some(invariant), "{rule} in {name}");
        let sound = in_model(
            None,
            small,
            usize::try_from(found.after).expect("few states"),
        );
        assert_eq!(sound.by, None, "{name}");
    }
}

#[test]
fn the_simulated_world_notices() {
    std::panic::set_hook(Box::new(|_| {}));
    for (rule, mode, seeds_max, invariant) in IN_SIMULATION {
        let found = in_simulation(Some(rule), Some(mode), seeds_max, f64::MAX);
        assert_eq!(found.by, Some(invariant), "{rule}");
        let sound = in_simulation(None, Some(mode), found.after, f64::MAX);
        assert_eq!(sound.by, None, "{mode:?}");
    }
}
