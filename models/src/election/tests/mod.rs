//! The small models are explored to their end with every change.

use super::{Election, explore};

fn print(name: &str, model: &Election) {
    let found = explore(model, 100_000);
    println!(
        "{name}: {} unique of {} states, depth {}, {:?}, {:?}",
        found.unique_states, found.generated_states, found.depth, found.took, found.seen
    );
    if let Some(counterexample) = &found.counterexample {
        println!("{:#?}", counterexample.violation);
        for action in &counterexample.actions {
            println!("  {action:?}");
        }
        panic!("{name}");
    }
}

#[test]
fn sizes() {
    print("tournament", &Election::tournament());
    print("register", &Election::register());
    print("lost writes", &Election::lost_writes());
    print("changes", &Election::changes());
    print("handover", &Election::handover());
    print("unclean", &Election::unclean());
    print("disturbance", &Election::disturbance());
    print("birth", &Election::birth());
}
