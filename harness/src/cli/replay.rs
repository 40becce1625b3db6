//! `kensho replay`: a run in virtual time again, from the file that `kensho simulate --shrink` wrote.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use kensho_models::replay::{Recipe, Visit};
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
    let recipe = Recipe::parse(&text).map_err(refuse)?;
    let given = recipe.given().map_err(refuse)?;
    let violated = recipe.world.visit(Again {
        seed: recipe.seed,
        given: &given,
        quiet: arguments.quiet,
    });
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
