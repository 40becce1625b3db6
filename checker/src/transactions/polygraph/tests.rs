//! The same questions to two searches that have hardly anything in common: this one, and the one
//! that looks at whole orders of versions.

use super::super::dependencies::{Dependencies, KnownOrder};
use super::super::log::{Log, Objects, Reading};
use super::super::search::{Outcome, Search};
use super::clocks::Clocks;
use super::*;
use crate::budget::Budget;
use crate::formats::{self, Format};
use crate::generate::Random;
use crate::value::Value;

/// Transactions that read from snapshots of any age, and now and then anything, as Plume writes them.
fn text(random: &mut Random) -> String {
    let (sessions, keys) = (1 + random.below(5), 1 + random.below(4));
    let lag = random.below(6);
    let wild = [0, 0, 1, 8][random.below(4)];
    let mut lines = vec![String::new(); sessions];
    let mut states = vec![vec![0; keys]];
    let mut written = vec![vec![0]; keys];
    let mut value = 0;
    for at in 0..4 + random.below(25) {
        let session = random.below(sessions);
        let snapshot = states.len() - 1 - random.below(lag + 1).min(states.len() - 1);
        let mut mine = states[snapshot].clone();
        let mut newest = states[states.len() - 1].clone();
        for _ in 0..1 + random.below(4) {
            let key = random.below(keys);
            let kind = if random.below(2) == 0 {
                value += 1;
                mine[key] = value;
                newest[key] = value;
                written[key].push(value);
                'w'
            } else {
                if random.below(30) < wild {
                    mine[key] = written[key][random.below(written[key].len())];
                }
                'r'
            };
            lines[session].push_str(&format!("{kind}({key},{},{session},{at})\n", mine[key]));
        }
        states.push(newest);
    }
    lines.concat()
}

fn closes(circle: &[crate::transactions::graph::Edge]) -> bool {
    !circle.is_empty()
        && (0..circle.len()).all(|at| circle[at].to == circle[(at + 1) % circle.len()].from)
}

#[test]
fn both_searches_come_to_the_same_answer() {
    let deadline = Budget::default().deadline();
    // Per rule and order: how often it does not hold, does, and was not clear without a guess.
    let mut counts = std::collections::BTreeMap::<String, [u32; 3]>::new();
    for seed in 0..4_000 {
        let mut random = Random::new(seed);
        let history = formats::read(text(&mut random).as_bytes(), Format::Plume).unwrap();
        let reading = Reading {
            objects: Objects::Registers,
            initial: &Value::Int(0),
            nil_is_unknown: false,
        };
        let log = Log::of(&history, &reading).unwrap();
        let known = KnownOrder {
            chains: vec![Vec::new(); log.key_count()],
            writes_follow_reads: true,
            ..KnownOrder::default()
        };
        let dependencies = Dependencies::of(&log, known);
        let timeline = Timeline::of(&log, &dependencies.happened);
        for (rule, shape) in [
            (Rule::Serializable, Shape::Serializable),
            (Rule::Snapshot, Shape::Snapshot),
            (Rule::Prefix, Shape::Prefix),
        ] {
            let order = [Order::None, Order::Session][random.below(2)];
            let search = || Search::new(&dependencies, &timeline, order, rule);
            let expected = search().run(&[], deadline, &mut u64::MAX.clone());
            let holds = matches!(expected, Outcome::Holds);
            assert!(!matches!(expected, Outcome::Undecided));
            let count = counts.entry(format!("{rule:?} {order:?}")).or_default();
            count[usize::from(holds)] += 1;
            let check = |decision: Decision| match decision {
                Decision::Holds(positions) => {
                    assert!(holds, "seed {seed}: {rule:?} {order:?}");
                    assert!(search().keeps(&positions, &mut u64::MAX.clone()));
                }
                Decision::Refuted(refutation) => {
                    assert!(!holds, "seed {seed}: {rule:?} {order:?}");
                    assert!(!refutation.circles.is_empty(), "seed {seed}");
                    for circle in &refutation.circles {
                        assert!(closes(circle), "seed {seed}: {circle:?}");
                    }
                }
                Decision::Undecided(_) => panic!("seed {seed}"),
            };
            let mut work = u64::MAX;
            let decision = decide(&dependencies, &timeline, order, rule, deadline, &mut work);
            check(decision.unwrap());
            // And with all left to guesses.
            let polygraph = Polygraph::of(&dependencies, &timeline, order, shape, Readers::All);
            if Clocks::of(&polygraph, None, &mut work).is_some() {
                count[2] += 1;
                let nothing = Clocks::nothing(&dependencies);
                check(guesses::decide(
                    polygraph, &timeline, &nothing, rule, deadline, &mut work,
                ));
            }
        }
    }
    for (what, count) in counts {
        assert!(count.iter().all(|count| *count > 100), "{what}: {count:?}");
    }
}
