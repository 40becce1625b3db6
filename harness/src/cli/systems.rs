//! `kensho systems`: what can be tested, and what there is to say of one of them.

use anyhow::Result;
use clap::Args;
use kensho_nemesis::capability::Capability;
use kensho_workloads::call::CallKind;
use serde_json::{Value, json};

use super::refusal::Refusal;
use crate::system::program::built_in::{self, BuiltIn};
use crate::system::program::file::Description;
use crate::system::program::file::answers::Means;
use crate::system::{self, Described, program};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Tell all about one: what it promises, its settings, what its answers mean
    name: Option<String>,
    /// One JSON object a line, for scripts
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    match &arguments.name {
        None => list(arguments.json)?,
        Some(name) => tell(name, arguments.json)?,
    }
    Ok(0)
}

fn list(as_json: bool) -> Result<()> {
    let names = system::ALL.iter().map(|system| system.name);
    let names = names.chain(built_in::ALL.iter().map(|system| system.name));
    let width = names.map(str::len).max().unwrap_or_default();
    for system in system::ALL {
        match as_json {
            true => println!("{}", of_described(system)),
            false => println!("{:<width$}  {}", system.name, system.text),
        }
    }
    for system in built_in::ALL {
        let described = system.described()?;
        if as_json {
            println!("{}", of_built_in(&described));
            continue;
        }
        let text = described.text.as_deref().unwrap_or_default();
        let missing = described.needs.missing();
        let missing = missing.map(|missing| format!(" ({missing})"));
        let missing = missing.unwrap_or_default();
        println!("{:<width$}  {text}{missing}", system.name);
    }
    Ok(())
}

fn of_described(system: &Described) -> Value {
    let able: Vec<&str> = system.able.iter().map(|able| able.name()).collect();
    let calls: Vec<&str> = system.calls.iter().map(|call| call.name()).collect();
    json!({"name": system.name, "text": system.text, "able": able, "calls": calls})
}

fn of_built_in(system: &Description) -> Value {
    let mut able = vec![Capability::Processes.name()];
    able.extend(system.links.then(|| Capability::Links.name()));
    let calls: Vec<&str> = program::CALLS.iter().copied().map(CallKind::name).collect();
    json!({
        "name": system.name,
        "text": system.text,
        "able": able,
        "calls": calls,
        "workloads": system.workloads,
        "missing": system.needs.missing(),
        "install": system.needs.install,
    })
}

fn tell(name: &str, as_json: bool) -> Result<()> {
    if let Some(system) = built_in::find(name) {
        return tell_built_in(system, as_json);
    }
    let Some(system) = system::ALL.iter().find(|system| system.name == name) else {
        let names = system::ALL.iter().map(|system| system.name);
        let names = names.chain(built_in::ALL.iter().map(|system| system.name));
        let names = names.collect::<Vec<_>>().join(", ");
        let text = format!("there is no system {name:?}; there are: {names}");
        return Err(Refusal(text).into());
    };
    match as_json {
        true => println!("{}", of_described(system)),
        false => println!("{}: {}", system.name, system.text),
    }
    Ok(())
}

fn tell_built_in(system: &BuiltIn, as_json: bool) -> Result<()> {
    let described = system.described()?;
    if as_json {
        println!("{}", of_built_in(&described));
        return Ok(());
    }
    let known = described.workloads.clone().unwrap_or_default();
    println!("{}", described.text.unwrap_or_default());
    println!("\nnodes      {}", described.nodes);
    println!("workloads  {}", known.join(", "));
    println!("promises   {}", described.promises.unwrap_or_default());
    let installed = described.needs.missing();
    let installed = installed.unwrap_or_else(|| "yes".to_string());
    println!("installed  {installed}");
    if !described.settings.is_empty() {
        println!("\nsettings, for --set NAME=VALUE:");
    }
    for (name, setting) in &described.settings {
        let values = match setting.values.is_empty() {
            true => String::new(),
            false => format!(" ({})", setting.values.join(", ")),
        };
        println!("  {name}={}{values}", setting.default);
        println!("      {}", setting.text);
    }
    println!("\nwhat its answers mean for an update (failed: it never happens; unknown: it may):");
    for answer in &described.answers {
        let means = match answer.means {
            Means::Failed => "failed",
            Means::Unknown => "unknown",
        };
        println!("  {means:<8} {}", answer.says.trim_end());
        println!("           {}", answer.seen);
    }
    println!("  unknown  anything else");
    let workload = known.first().map_or("register", String::as_str);
    let name = system.name;
    println!(
        "\nNow:\n  kensho test {workload} --system {name} --clients 10 --rate 300 --time-limit 30s"
    );
    Ok(())
}
