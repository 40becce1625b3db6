#!/usr/bin/env bash
# A bounded exploration with stateright 0.31.0 (crates.io): target_max_depth(5) with spawn_dfs. Guess:
# every state that can be reached within the bound is checked, in any order of actions. True: a state that is
# first generated at the end of a long way is cut there, and counts as visited; when a short way leads to
# it, it is passed over, with all that follows. A violation in three steps is missed or found depending on the
# order in which actions are listed, and assert_properties passes. spawn_bfs finds it in both orders.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "bound"
version = "0.0.0"
edition = "2021"
[dependencies]
stateright = "=0.31.0"
TOML
cat > src/main.rs <<'RUST'
use stateright::{Checker, Model, Property};

/// From 0 the short way 0-1-10-11 and the long one 0-2-3-4-10; 11 must not be reached.
#[derive(Clone)]
struct Ways(Vec<(u8, u8)>);

impl Model for Ways {
    type State = u8;
    type Action = u8;
    fn init_states(&self) -> Vec<u8> {
        vec![0]
    }
    fn actions(&self, state: &u8, actions: &mut Vec<u8>) {
        actions.extend(self.0.iter().filter(|edge| edge.0 == *state).map(|edge| edge.1));
    }
    fn next_state(&self, _: &u8, action: u8) -> Option<u8> {
        Some(action)
    }
    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("never 11", |_, state| *state != 11)]
    }
}

fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    for start in [[(0, 1), (0, 2)], [(0, 2), (0, 1)]] {
        let mut ways = start.to_vec();
        ways.extend([(1, 10), (2, 3), (3, 4), (4, 10), (10, 11)]);
        let checker = || Ways(ways.clone()).checker().target_max_depth(5);
        let deep = checker().spawn_dfs().join();
        let broad = checker().spawn_bfs().join();
        let passes = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| deep.assert_properties())).is_ok();
        println!(
            "depth first: {} (assert_properties passes: {passes}), breadth first: {}",
            deep.discovery("never 11").is_some(),
            broad.discovery("never 11").is_some()
        );
    }
}
RUST
cargo run --quiet | tee out
printf '%s\n' 'depth first: false (assert_properties passes: true), breadth first: true' \
  'depth first: true (assert_properties passes: false), breadth first: true' | diff - out
echo 'as stated'
