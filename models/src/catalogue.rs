//! The models of all kinds by name: what a person can ask for.

use std::net::SocketAddr;

use kensho_protocol::rule::Rules;
use stateright::Model;

use crate::election::{self, Election};
use crate::replication::exploration::{self, Order};
use crate::replication::{self, Replication};
use crate::sights::Sighted;
use crate::story::Story;
use crate::{cpu, memory, path};

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
}

/// What came of exploring a model.
#[derive(Clone, Debug)]
pub struct Explored {
    /// Different states.
    pub unique_states: usize,
    /// States that were generated, the same one again included.
    pub generated_states: usize,
    /// The longest history without a detour; with [`Order::BreadthFirst`] the longest of the shortest.
    pub depth: usize,
    /// Whether nothing was left to visit.
    pub finished: bool,
    /// Processor time.
    pub cpu_seconds: f64,
    /// The most memory that the program had meanwhile, where the system tells it.
    pub peak_bytes: Option<u64>,
    /// What should have been seen in a small model, and was not.
    pub never: Vec<String>,
    /// What is violated, and how it came to that.
    pub violated: Option<Violated>,
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
    small.chain(large).chain(replication).collect()
}

impl Explored {
    /// Bytes of memory for each different state, if there are so many states that hardly anything
    /// else takes memory.
    #[must_use]
    pub fn bytes_per_state(&self) -> Option<f64> {
        let peak = self
            .peak_bytes
            .filter(|_| self.unique_states >= 1_000_000)?;
        Some(peak as f64 / self.unique_states as f64)
    }
}

impl Entry {
    /// What bounds it, as people read it.
    #[must_use]
    pub fn bounds(&self) -> String {
        match &self.kind {
            Kind::Replication(named) => {
                let bounds = (named.bounds)(Rules::sound());
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
                let mode = crate::replay::mode_name(bounds.settings.mode);
                format!("{} nodes, {mode}, {}", bounds.nodes, often.join(", "))
            }
            Kind::Election { model, .. } => {
                let model = model();
                let budget = model.budget;
                let often = [
                    ("restarts", budget.restarts),
                    ("unclean restarts", budget.unclean_restarts),
                    ("messages doubled", budget.duplicates),
                    ("deadlines", budget.ticks),
                    ("pauses", budget.pauses),
                    ("changes asked for", budget.asks),
                ];
                let often = often.iter().filter(|(_, count)| *count > 0);
                let often: Vec<String> = often.map(|(what, n)| format!(", {what} {n}")).collect();
                format!(
                    "{} nodes, terms to {}{}",
                    model.nodes,
                    model.term_max.0,
                    often.join("")
                )
            }
        }
    }

    /// Explores it to its end, or until about `states_max` states were generated, or something is
    /// violated.
    #[must_use]
    pub fn explore(&self, rules: Rules, order: Order, states_max: usize) -> Explored {
        let before = cpu::seconds();
        memory::reset_peak();
        let mut explored = match &self.kind {
            Kind::Replication(named) => in_replication(named, rules, order, states_max),
            Kind::Election { model, sights } => {
                in_election(&model().with_rules(rules), sights, order, states_max)
            }
        };
        let used = before
            .zip(cpu::seconds())
            .map(|(before, after)| after - before);
        explored.cpu_seconds = used.unwrap_or(explored.cpu_seconds);
        explored.peak_bytes = memory::peak_bytes();
        explored
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
                    .map(|invariant| exploration::Counterexample { invariant, actions });
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
        }
    }
}

fn in_replication(
    named: &replication::models::Named,
    rules: Rules,
    order: Order,
    states_max: usize,
) -> Explored {
    let model = Replication::new((named.bounds)(rules));
    let found = exploration::explore(&model, order, states_max);
    let never = named
        .sometimes
        .iter()
        .filter(|sight| found.sometimes.count(**sight) == 0);
    Explored {
        unique_states: found.unique_states,
        generated_states: found.generated_states,
        depth: found.depth,
        finished: found.finished,
        cpu_seconds: found.cpu_seconds,
        peak_bytes: None,
        never: never.map(|sight| sight.name().to_owned()).collect(),
        violated: found
            .counterexample
            .map(|example| violated_in_replication(&model, &example)),
    }
}

fn in_election(
    model: &Election,
    sights: &[election::Sight],
    order: Order,
    states_max: usize,
) -> Explored {
    let found = match order {
        Order::DepthFirst => election::explore(model, states_max),
        Order::BreadthFirst => election::find_violation(model, states_max),
    };
    let never = sights.iter().filter(|sight| !found.seen.contains(sight));
    let violated = found.counterexample.as_ref();
    Explored {
        unique_states: found.unique_states,
        generated_states: found.generated_states,
        depth: found.depth,
        finished: violated.is_none() && found.generated_states < states_max,
        cpu_seconds: found.took.as_secs_f64(),
        peak_bytes: None,
        never: never.map(|sight| format!("{sight:?}")).collect(),
        violated: violated.map(|example| violated_in_election(model, example)),
    }
}

fn violated_in_replication(model: &Replication, example: &exploration::Counterexample) -> Violated {
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
            let violated = explored.violated.expect("the rule matters");
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
