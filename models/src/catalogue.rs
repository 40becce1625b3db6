//! The models of all kinds by name: what a person can ask for.

use std::net::SocketAddr;

use kensho_protocol::rule::Rules;
use stateright::Model;

use crate::combined::{self, Combined};
use crate::election::{self, Election};
use crate::exploration::{Exploration, Order, explore};
use crate::path;
use crate::replication::{self, Replication};
use crate::sights::Sighted;
use crate::story::Story;

/// A model by name.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// How many different states it has, if it is explored to its end with every change.
    pub unique_states: Option<usize>,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Replication(&'static replication::models::Named),
    Election {
        model: fn() -> Election,
        sights: &'static [election::Sight],
    },
    Combined(&'static combined::models::Named),
}

/// What came of exploring a model.
#[derive(Clone, Debug)]
pub struct Explored {
    /// Its states, and what is violated, if anything.
    pub found: Exploration<Violated>,
    /// What should have been seen in a small model, and was not.
    pub never: Vec<String>,
}

/// A way through a model to where an invariant is violated.
#[derive(Clone, Debug)]
pub struct Violated {
    /// The invariant.
    pub invariant: &'static str,
    /// What happened.
    pub story: Story,
    /// The same as numbers, see [`path`].
    pub path: Vec<usize>,
}

/// All of them: those of the election first, the small ones of each kind first.
#[must_use]
pub fn all() -> Vec<Entry> {
    let plain = |name: &str| name.replace(", ", "-").replace(' ', "-");
    let small = election::SMALL.iter().map(|small| Entry {
        name: format!("election-{}", plain(small.name)),
        unique_states: Some(small.unique_states),
        kind: Kind::Election {
            model: small.model,
            sights: small.sights,
        },
    });
    let large = election::LARGE.iter().map(|(name, model)| Entry {
        name: format!("election-{}-large", plain(name)),
        unique_states: None,
        kind: Kind::Election {
            model: *model,
            sights: &[],
        },
    });
    let replication = replication::models::ALL.iter().map(|named| Entry {
        name: format!("replication-{}", named.name),
        unique_states: named.unique_states,
        kind: Kind::Replication(named),
    });
    let combined = combined::models::ALL.iter().map(|named| Entry {
        name: format!("combined-{}", named.name),
        unique_states: Some(named.unique_states),
        kind: Kind::Combined(named),
    });
    small
        .chain(large)
        .chain(replication)
        .chain(combined)
        .collect()
}

impl Entry {
    /// What bounds it, as people read it.
    #[must_use]
    pub fn bounds(&self) -> String {
        match &self.kind {
            Kind::Replication(named) => bounds_of_replication(&(named.bounds)(Rules::sound())),
            Kind::Election { model, .. } => bounds_of_election(&model()),
            Kind::Combined(named) => {
                let Combined {
                    election,
                    replication,
                } = (named.model)(Rules::sound());
                let replication = bounds_of_replication(&replication.bounds);
                format!("{}; {replication}", bounds_of_election(&election))
            }
        }
    }

    /// Explores it to its end, or until about `states_max` states were generated, or something is
    /// violated.
    #[must_use]
    pub fn explore(&self, rules: Rules, order: Order, states_max: usize) -> Explored {
        match &self.kind {
            Kind::Replication(named) => {
                let model = Replication::new((named.bounds)(rules));
                let found = explore(&model, order, states_max)
                    .map(|example| violated_in_replication(&model, &example));
                let sometimes = model.sometimes();
                let never = named.sometimes.iter();
                let never = never.filter(|sight| sometimes.count(**sight) == 0);
                let never = never.map(|sight| sight.name().to_owned()).collect();
                Explored { found, never }
            }
            Kind::Election { model, sights } => {
                let model = model().with_rules(rules);
                let found = explore(&model, order, states_max)
                    .map(|example| violated_in_election(&model, &example));
                let seen = model.sights.seen();
                let never = sights.iter().filter(|sight| !seen.contains(sight));
                let never = never.map(|sight| format!("{sight:?}")).collect();
                Explored { found, never }
            }
            Kind::Combined(named) => {
                let model = (named.model)(rules);
                let found = explore(&model, order, states_max)
                    .map(|example| violated_in_combined(&model, &example));
                let (seen, sometimes) =
                    (model.election.sights.seen(), model.replication.sometimes());
                let coordinators = named.coordinators.iter();
                let coordinators = coordinators.filter(|sight| !seen.contains(sight));
                let replicas = named.replicas.iter();
                let replicas = replicas.filter(|sight| sometimes.count(**sight) == 0);
                let replicas = replicas.map(|sight| sight.name().to_owned());
                let never = coordinators
                    .map(|sight| format!("{sight:?}"))
                    .chain(replicas);
                let never = never.collect();
                Explored { found, never }
            }
        }
    }

    /// Goes a way through the model again; none if nothing is violated where it ends.
    ///
    /// # Errors
    /// When the path leads nowhere in this model.
    pub fn retrace(&self, rules: Rules, path: &[usize]) -> Result<Option<Violated>, String> {
        match &self.kind {
            Kind::Replication(named) => {
                let model = Replication::new((named.bounds)(rules));
                let (actions, last) = path::follow(&model, path)?;
                let example = last
                    .violation
                    .map(|invariant| replication::Counterexample { invariant, actions });
                Ok(example.map(|example| violated_in_replication(&model, &example)))
            }
            Kind::Election { model, .. } => {
                let model = model().with_rules(rules);
                let (actions, last) = path::follow(&model, path)?;
                let violation = last.witness.violation().cloned();
                let example =
                    violation.map(|violation| election::Counterexample { violation, actions });
                Ok(example.map(|example| violated_in_election(&model, &example)))
            }
            Kind::Combined(named) => {
                let model = (named.model)(rules);
                let (actions, last) = path::follow(&model, path)?;
                let example = last
                    .violation()
                    .map(|invariant| combined::Counterexample { invariant, actions });
                Ok(example.map(|example| violated_in_combined(&model, &example)))
            }
        }
    }

    /// Opens stateright's Explorer at `address`, and does not return while it is open. It asks nobody
    /// for a name, so the address should be one of this machine only.
    pub fn serve(&self, rules: Rules, address: SocketAddr) {
        match &self.kind {
            Kind::Replication(named) => {
                let model = Replication::new((named.bounds)(rules));
                let _ = model.checker().serve(address);
            }
            Kind::Election { model, .. } => {
                let _ = model().with_rules(rules).checker().serve(address);
            }
            Kind::Combined(named) => {
                let _ = (named.model)(rules).checker().serve(address);
            }
        }
    }
}

fn bounds_of_replication(bounds: &replication::Bounds) -> String {
    let often = [
        ("writes", bounds.writes),
        ("reads", bounds.reads),
        ("retries", bounds.retries.into()),
        ("crashes", bounds.crashes.into()),
        ("wipes", bounds.wipes.into()),
        ("failovers", bounds.failovers.into()),
        ("catch-ups named", bounds.named.into()),
        ("messages doubled", bounds.doubled.into()),
        ("steps of time", bounds.passes.into()),
    ];
    let often = often.iter().filter(|(_, count)| *count > 0);
    let often: Vec<String> = often.map(|(what, n)| format!("{what} {n}")).collect();
    let (nodes, mode) = (bounds.nodes, bounds.settings.mode.name());
    format!("{nodes} nodes, {mode}, {}", often.join(", "))
}

fn bounds_of_election(model: &Election) -> String {
    let budget = model.budget;
    let often = [
        ("restarts", budget.restarts),
        ("unclean restarts", budget.unclean_restarts),
        ("messages doubled", budget.duplicates),
        ("deadlines", budget.ticks),
        ("pauses", budget.pauses),
        ("changes asked for", budget.asks),
        ("nodes added", budget.joins),
        ("nodes removed", budget.removals),
    ];
    let often = often.iter().filter(|(_, count)| *count > 0);
    let often: Vec<String> = often.map(|(what, n)| format!(", {what} {n}")).collect();
    let (nodes, term) = (model.nodes, model.term_max.0);
    let outside = match model.outside {
        0 => String::new(),
        outside => format!(" ({outside} outside)"),
    };
    format!("{nodes} nodes{outside}, terms to {term}{}", often.join(""))
}

fn violated_in_replication(model: &Replication, example: &replication::Counterexample) -> Violated {
    let there = |state: &replication::state::State| state.violation == Some(example.invariant);
    Violated {
        invariant: example.invariant.name(),
        story: example.story(model),
        path: path::numbers(model, &example.actions, there).unwrap_or_default(),
    }
}

fn violated_in_election(model: &Election, example: &election::Counterexample) -> Violated {
    let there = |state: &election::State| state.witness.violation() == Some(&example.violation);
    Violated {
        invariant: example.invariant().name(),
        story: example.story(),
        path: path::numbers(model, &example.actions, there).unwrap_or_default(),
    }
}

fn violated_in_combined(model: &Combined, example: &combined::Counterexample) -> Violated {
    let there = |state: &combined::State| state.violation() == Some(example.invariant);
    Violated {
        invariant: example.invariant,
        story: example.story(model),
        path: path::numbers(model, &example.actions, there).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_model_has_a_name_of_its_own() {
        let mut names: Vec<String> = all().into_iter().map(|entry| entry.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(names.iter().all(|name| !name.contains([' ', ','])));
    }

    #[cfg(feature = "break-rules")]
    #[test]
    fn a_violation_is_told_as_a_story() {
        use kensho_protocol::rule::Rule;
        let all = all();
        for (name, rule) in [
            ("replication-restart", Rule::AckBeforeFsync),
            ("election-tournament", Rule::NoQuorum),
        ] {
            let entry = all
                .iter()
                .find(|entry| entry.name == name)
                .expect("a model");
            let rules = Rules::sound().without(rule);
            let explored = entry.explore(rules, Order::BreadthFirst, 200_000);
            let violated = explored.found.counterexample.expect("the rule matters");
            let story = &violated.story;
            assert!(!story.steps.is_empty(), "{story}");
            assert!(story.ending.contains(violated.invariant), "{story}");
            for step in &story.steps {
                assert!(story.lanes.contains(&step.at), "{story}");
            }
            // The same way again, without a checker.
            let again = entry
                .retrace(rules, &violated.path)
                .expect("it leads somewhere");
            assert_eq!(again.map(|again| again.story), Some(violated.story));
            let sound = entry.retrace(Rules::sound(), &violated.path);
            assert!(!matches!(sound, Ok(Some(_))), "{name}");
        }
    }
}
