//! `kensho replay`: again what `kensho simulate --shrink` or `kensho model --schedule` wrote.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use kensho_models::catalogue;
use kensho_models::replay::{Recipe, VERSION, Visit, Way, broken_rules};
use kensho_models::run::{Given, Run, explore, explore_aloud};

use super::refusal::Refusal;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Tell only how it ends
    #[arg(long)]
    quiet: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let path = arguments.file.display();
    let text =
        std::fs::read_to_string(&arguments.file).with_context(|| format!("cannot read {path}"))?;
    let refuse = |wrong: String| Refusal(format!("{path} cannot be replayed: {wrong}"));
    let any: serde_json::Value = serde_json::from_str(&text).map_err(|e| refuse(e.to_string()))?;
    if any.get("model").is_some() {
        let way: Way = serde_json::from_value(any).map_err(|e| refuse(e.to_string()))?;
        return retrace(&way, arguments.quiet).map_err(|wrong| refuse(wrong).into());
    }
    let recipe = Recipe::parse(&text).map_err(refuse)?;
    let given = recipe.given().map_err(refuse)?;
    let violated = recipe.world.visit(
        &given,
        Again {
            seed: recipe.seed,
            given: &given,
            quiet: arguments.quiet,
        },
    );
    let found = violated.as_ref().map(|(name, _)| *name);
    match &violated {
        None => println!("nothing is violated"),
        Some((_, told)) => println!("{told}"),
    }
    if let Some(then) = recipe
        .violates
        .as_deref()
        .filter(|then| found != Some(*then))
    {
        println!("it violated {then} when {path} was written");
    }
    Ok(u8::from(violated.is_some()))
}

/// Goes a way through a model again.
fn retrace(way: &Way, quiet: bool) -> Result<u8, String> {
    if way.version != VERSION {
        let version = way.version;
        return Err(format!(
            "it is of version {version}, and only {VERSION} is understood"
        ));
    }
    let entries = catalogue::all();
    let entry = entries.iter().find(|entry| entry.name == way.model);
    let entry = entry.ok_or_else(|| format!("there is no model {:?}", way.model))?;
    let rules = broken_rules(&way.broken_rules)?;
    let Some(violated) = entry.retrace(rules, &way.path)? else {
        println!(
            "nothing is violated; it violated {} when it was written",
            way.violates
        );
        return Ok(0);
    };
    if quiet {
        println!("{}", violated.story.ending);
    } else {
        print!("{}", violated.story);
    }
    Ok(1)
}

struct Again<'a> {
    seed: u64,
    given: &'a Given,
    quiet: bool,
}

impl Visit for Again<'_> {
    /// The invariant that is violated, and how.
    type Result = Option<(&'static str, String)>;

    fn visit<R: Run>(self) -> Self::Result {
        let outcome = if self.quiet {
            explore::<R>(self.seed, self.given)
        } else {
            let (outcome, story) = explore_aloud::<R>(self.seed, self.given);
            println!("{story}");
            outcome
        };
        let violation = outcome.violation?;
        Some((violation.invariant().name(), violation.to_string()))
    }
}
