//! A run as a file: all that it takes to run it again, to the byte.

use std::str::FromStr;
use std::sync::Arc;

use kensho_protocol::rule::{Rule, Rules};
use kensho_protocol::settings::{Durability, Mode};
use serde::{Deserialize, Serialize};

use crate::asked_for::Nemesis;
use crate::choice::Kept;
use crate::cluster::Cluster;
use crate::cluster::play::Play;
use crate::run::{Given, Run};
use crate::sights::Sighted;
use crate::world::World;

/// The form of the file. One of another form is refused.
pub const VERSION: u32 = 1;

/// The worlds in virtual time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Replicas and clients, under one atomic table ([`World`]).
    Replicas,
    /// Whole clusters ([`Cluster`]).
    Cluster,
}

/// A run as a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Recipe {
    /// Must be [`VERSION`].
    pub version: u32,
    /// In which world.
    pub world: Place,
    /// The seed that draws everything.
    pub seed: u64,
    /// How many nodes there are, if that is not drawn.
    pub nodes: Option<usize>,
    /// `async` or `semi-sync`, if that is not drawn.
    pub mode: Option<String>,
    /// `sync` or `delayed`.
    pub durability: String,
    /// How long faults strike in virtual time, if that is not drawn, in milliseconds.
    pub duration_ms: Option<u64>,
    /// The workload that clients play, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
    /// The faults that strike it by name, if they are not drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nemesis: Option<Vec<String>>,
    /// Rules that are broken, by name.
    pub broken_rules: Vec<String>,
    /// The faults and operations that are not left out; all, if not given.
    pub only: Option<Kept>,
    /// The invariant that the run violated when this was written.
    pub violates: Option<String>,
}

impl Recipe {
    /// The recipe of a run.
    #[must_use]
    pub fn new(world: Place, seed: u64, given: &Given) -> Self {
        let broken = Rule::ALL.iter().filter(|rule| given.rules.broken(**rule));
        Recipe {
            version: VERSION,
            world,
            seed,
            nodes: given.nodes,
            mode: given.mode.map(|mode| mode.name().to_owned()),
            durability: given.durability.name().to_owned(),
            duration_ms: given.turbulent_ns.map(|ns| ns / 1_000_000),
            workload: given.workload.map(|workload| workload.name().to_owned()),
            nemesis: given.nemesis.as_ref().map(|n| n.names().to_vec()),
            broken_rules: broken.map(|rule| rule.name().to_owned()).collect(),
            only: given.only.as_deref().cloned(),
            violates: None,
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let recipe: Recipe = serde_json::from_str(text).map_err(|wrong| wrong.to_string())?;
        if recipe.version == VERSION {
            Ok(recipe)
        } else {
            let version = recipe.version;
            Err(format!(
                "it is of version {version}, and only {VERSION} is understood"
            ))
        }
    }

    /// What the run is given.
    ///
    /// # Errors
    /// When a mode or rule does not exist, or this build can break no rules.
    pub fn given(&self) -> Result<Given, String> {
        Ok(Given {
            nodes: self.nodes,
            mode: self.mode.as_deref().map(parse_mode).transpose()?,
            durability: parse_durability(&self.durability, self.world)?,
            rules: broken_rules(&self.broken_rules)?,
            turbulent_ns: self.duration_ms.map(|ms| ms.saturating_mul(1_000_000)),
            workload: self
                .workload
                .as_deref()
                .map(kensho_workloads::find)
                .transpose()?,
            nemesis: self.nemesis.as_deref().map(Nemesis::of).transpose()?,
            only: self.only.clone().map(Arc::new),
        })
    }
}

/// A way through a model as a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Way {
    /// Must be [`VERSION`].
    pub version: u32,
    /// The name of the model.
    pub model: String,
    /// Rules that are broken, by name.
    pub broken_rules: Vec<String>,
    /// Which of the first states, and then which of all that could happen.
    pub path: Vec<usize>,
    /// The invariant that was violated when this was written.
    pub violates: String,
}

/// The durability with this name, in a world that has it.
///
/// # Errors
/// When there is none, or the disks of that world know nothing of it.
pub fn parse_durability(name: &str, world: Place) -> Result<Durability, String> {
    let durability: Durability = parse(name)?;
    match (durability, world) {
        (Durability::Delayed, Place::Cluster) => {
            Err("durability delayed is simulated in the world replicas only".to_owned())
        }
        _ => Ok(durability),
    }
}

/// The mode with this name.
///
/// # Errors
/// When there is none.
pub fn parse_mode(name: &str) -> Result<Mode, String> {
    parse(name)
}

fn parse<T: FromStr<Err: ToString>>(name: &str) -> Result<T, String> {
    name.parse().map_err(|unknown: T::Err| unknown.to_string())
}

/// All rules but these.
///
/// # Errors
/// When there is no such rule, or this build can break none.
pub fn broken_rules(names: &[String]) -> Result<Rules, String> {
    names.iter().try_fold(Rules::sound(), |rules, name| {
        let rule: Rule = parse(name)?;
        without(rules, rule)
    })
}

#[cfg(feature = "break-rules")]
fn without(rules: Rules, rule: Rule) -> Result<Rules, String> {
    Ok(rules.without(rule))
}

#[cfg(not(feature = "break-rules"))]
fn without(_: Rules, rule: Rule) -> Result<Rules, String> {
    Err(format!(
        "this program cannot break the rule {rule}: it was built without the feature break-rules"
    ))
}

/// Something to do in whichever world it is to be done.
pub trait Visit {
    /// What comes of it.
    type Result;

    /// Does it in the world `R`.
    fn visit<R: Run<Sight: Sighted>>(self) -> Self::Result;
}

impl Place {
    /// Its name, as on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Place::Replicas => "replicas",
            Place::Cluster => "cluster",
        }
    }

    /// Does something in this world, where clients do what is given.
    pub fn visit<V: Visit>(self, given: &Given, visit: V) -> V::Result {
        match (self, given.workload) {
            (Place::Replicas, _) => visit.visit::<World>(),
            (Place::Cluster, None) => visit.visit::<Cluster>(),
            (Place::Cluster, Some(_)) => visit.visit::<Cluster<Play>>(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::{Begun, Strike};

    #[test]
    fn a_recipe_survives_its_file() {
        let given = Given {
            nodes: Some(3),
            mode: Some(Mode::SemiSync),
            turbulent_ns: Some(5_000_000_000),
            workload: kensho_workloads::find("register").ok(),
            nemesis: Nemesis::of(&["kill".to_owned()]).ok(),
            only: Some(Arc::new(Kept {
                faults: [Strike {
                    fault: "crash".to_owned(),
                    number: 2,
                }]
                .into(),
                operations: [Begun {
                    client: 0,
                    number: 3,
                }]
                .into(),
            })),
            ..Given::default()
        };
        let recipe = Recipe::new(Place::Cluster, 7, &given);
        let text = serde_json::to_string(&recipe).expect("it is JSON");
        assert_eq!(Recipe::parse(&text), Ok(recipe.clone()));
        assert_eq!(recipe.given(), Ok(given));
    }

    #[test]
    fn what_is_no_recipe_is_refused() {
        assert!(Recipe::parse("{}").is_err());
        let recipe = Recipe::new(Place::Replicas, 7, &Given::default());
        let other = Recipe {
            version: 99,
            ..recipe.clone()
        };
        let text = serde_json::to_string(&other).expect("it is JSON");
        assert!(Recipe::parse(&text).is_err_and(|wrong| wrong.contains("version 99")));
        let unknown = Recipe {
            broken_rules: vec!["gravity".to_owned()],
            ..recipe
        };
        assert!(unknown.given().is_err());
    }
}
