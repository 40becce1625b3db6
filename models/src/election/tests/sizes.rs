use super::super::{Budget, Election, explore};
use kensho_protocol::ids::Term;
fn show(name: &str, model: &Election) {
    let found = explore(model, 600_000);
    println!(
        "{name}: {} unique of {} states, depth {}, {:?}, {:?}",
        found.unique_states, found.generated_states, found.depth, found.took, found.seen
    );
    assert!(found.counterexample.is_none(), "{found:#?}");
}
#[test]
fn sizes() {
    let none = Budget::default();
    let t = |b: Budget, term: u64, m: Election| Election {
        budget: b,
        term_max: Term(term),
        ..m
    };
    show("tournament none", &t(none, 2, Election::tournament()));
    show(
        "tournament restart",
        &t(
            Budget {
                restarts: 1,
                ..none
            },
            2,
            Election::tournament(),
        ),
    );
    show(
        "tournament dup",
        &t(
            Budget {
                duplicates: 1,
                ..none
            },
            2,
            Election::tournament(),
        ),
    );
    show(
        "tournament tick",
        &t(Budget { ticks: 1, ..none }, 2, Election::tournament()),
    );
    show(
        "tournament tick restart",
        &t(
            Budget {
                ticks: 1,
                restarts: 1,
                ..none
            },
            2,
            Election::tournament(),
        ),
    );
    show("register 2", &t(none, 2, Election::register()));
    show(
        "register 2 restart",
        &t(
            Budget {
                restarts: 1,
                ..none
            },
            2,
            Election::register(),
        ),
    );
    show("register 3", &t(none, 3, Election::register()));
    show("lost writes", &Election::lost_writes());
    show(
        "changes ask",
        &t(Budget { asks: 1, ..none }, 2, Election::changes()),
    );
    show(
        "changes ask dup",
        &t(
            Budget {
                asks: 1,
                duplicates: 1,
                ..none
            },
            2,
            Election::changes(),
        ),
    );
    show(
        "changes ask pause",
        &t(
            Budget {
                asks: 1,
                pauses: 1,
                ..none
            },
            2,
            Election::changes(),
        ),
    );
    show(
        "changes ask pause tick",
        &t(
            Budget {
                asks: 1,
                pauses: 1,
                ticks: 1,
                ..none
            },
            2,
            Election::changes(),
        ),
    );
    show(
        "changes 2asks pause tick",
        &t(
            Budget {
                asks: 2,
                pauses: 1,
                ticks: 1,
                ..none
            },
            2,
            Election::changes(),
        ),
    );
    show("handover 0", &t(none, 3, Election::handover()));
    show(
        "handover ask",
        &t(Budget { asks: 1, ..none }, 3, Election::handover()),
    );
    show(
        "unclean p1",
        &t(
            Budget {
                unclean_restarts: 1,
                pauses: 1,
                ..none
            },
            2,
            Election::unclean(),
        ),
    );
    show(
        "unclean p1 t1",
        &t(
            Budget {
                unclean_restarts: 1,
                pauses: 1,
                ticks: 1,
                ..none
            },
            2,
            Election::unclean(),
        ),
    );
    show(
        "survivors",
        &t(
            Budget {
                unclean_restarts: 1,
                pauses: 1,
                ..none
            },
            2,
            Election::survivors(),
        ),
    );
    show("survivors t", &Election::survivors());
    show(
        "disturbance 8",
        &t(Budget { ticks: 8, ..none }, 4, Election::disturbance()),
    );
    show("birth 1", &t(none, 1, Election::birth()));
    show(
        "birth 1 restart",
        &t(
            Budget {
                restarts: 1,
                ..none
            },
            1,
            Election::birth(),
        ),
    );
    show("birth 2", &t(none, 2, Election::birth()));
}
