//! Each rule, when broken, is caught by the invariant that is about it. This is the evidence that
//! the invariants see anything.

use kensho_protocol::rule::{Rule, Rules};

use super::super::{BREAKABLE, Counterexample};
use crate::broken::WIRING;
use crate::exploration::{Order, explore};

#[test]
fn each_broken_rule_is_caught_by_the_right_invariant() {
    for breakable in &BREAKABLE {
        let rule = breakable.rule;
        let model = (breakable.model)().with_rules(Rules::sound().without(rule));
        let found = explore(&model, Order::BreadthFirst, 1_000_000);
        let caught = found.counterexample.as_ref().map(Counterexample::invariant);
        println!(
            "{rule}: {caught:?} in {} steps, {} states, {:.1} s",
            found.counterexample.as_ref().map_or(0, |c| c.actions.len()),
            found.unique_states,
            found.seconds
        );
        assert_eq!(caught, Some(breakable.invariant), "{rule}: {found:#?}");
    }
}

#[test]
fn every_rule_about_master_and_table_is_in_the_list() {
    let listed: Vec<Rule> = BREAKABLE.iter().map(|breakable| breakable.rule).collect();
    let first = Rule::ALL.iter().position(|r| *r == Rule::VoteTwice);
    let last = Rule::ALL.iter().position(|r| *r == Rule::BirthByMajority);
    let (first, last) = (first.expect("is a rule"), last.expect("is a rule"));
    // These models have no wiring; simulated clusters have.
    let has_wiring = |rule: &&Rule| WIRING.iter().any(|(wiring, ..)| wiring == *rule);
    for rule in Rule::ALL[first..=last]
        .iter()
        .filter(|rule| !has_wiring(rule))
    {
        assert!(listed.contains(rule), "nothing shows that {rule} is caught");
    }
}
