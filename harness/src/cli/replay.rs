//! `kensho replay`: again what `kensho simulate --shrink` or `kensho model --schedule` wrote, or what
//! the nodes of a real run recorded.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use kensho_models::catalogue;
use kensho_models::records::{self, Validity};
use kensho_models::replay::{Recipe, VERSION, Visit, Way, broken_rules};
use kensho_models::run::{Given, Run, explore, explore_aloud};

use super::refusal::Refusal;

const EXPLANATION: &str = "\
A file that kensho simulate --shrink or kensho model --schedule wrote is run again, and its story told.

What nodes recorded (kensho test --record, or the setting record_dir of kensho-node) is fed to the same code \
again: it must give the same outputs as at the time, no message may be received that nobody sent, disks must \
hold at each start what was written, and the invariants of the protocol must hold over all nodes together. For \
that give the records of all nodes: the folder of a run, or a folder or file for each node.

Example: kensho test register --record --time-limit 20s && kensho replay results/runs/register/latest

Exit codes: 0 nothing is violated, 1 something is, or an output differs, 2 a record is damaged and what could \
be read holds, 254 wrong arguments, or PATH holds nothing that can be replayed.";

#[derive(Debug, Args)]
#[command(after_help = EXPLANATION)]
pub(super) struct Arguments {
    /// A file to run again, or files of inputs and folders of such files
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Tell only how it ends
    #[arg(long)]
    quiet: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let is_counterexample = |path: &PathBuf| path.is_file() && !records::is_record(path);
    match &arguments.paths[..] {
        [file] if !file.is_dir() && !records::is_record(file) => run_again(file, arguments.quiet),
        paths => match paths.iter().find(|path| is_counterexample(path)) {
            Some(file) => {
                let text = format!(
                    "{} is no record of inputs; give other files one at a time",
                    file.display()
                );
                Err(Refusal(text).into())
            }
            None => validate(paths, arguments.quiet),
        },
    }
}

/// Validates what nodes recorded.
fn validate(paths: &[PathBuf], quiet: bool) -> Result<u8> {
    let outcome = records::replay(paths)
        .map_err(|unreadable| Refusal(format!("cannot be replayed: {unreadable}")))?;
    let validity = outcome.validity();
    if quiet {
        println!("{validity}");
    } else {
        print!("{outcome}");
    }
    Ok(match validity {
        Validity::Holds => 0,
        Validity::Violated => 1,
        Validity::Unknown => 2,
    })
}

/// Runs a counterexample again.
fn run_again(file: &Path, quiet: bool) -> Result<u8> {
    let path = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {path}"))?;
    let refuse = |wrong: String| Refusal(format!("{path} cannot be replayed: {wrong}"));
    let any: serde_json::Value = serde_json::from_str(&text).map_err(|e| refuse(e.to_string()))?;
    if any.get("model").is_some() {
        let way: Way = serde_json::from_value(any).map_err(|e| refuse(e.to_string()))?;
        return retrace(&way, quiet).map_err(|wrong| refuse(wrong).into());
    }
    let recipe = Recipe::parse(&text).map_err(refuse)?;
    let given = recipe.given().map_err(refuse)?;
    let violated = recipe.world.visit(
        &given,
        Again {
            seed: recipe.seed,
            given: &given,
            quiet,
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
