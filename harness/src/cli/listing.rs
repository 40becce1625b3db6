//! `kensho workloads`, `kensho faults`: what there is, with a sentence each.

use anyhow::Result;
use clap::Args;
use kensho_nemesis::catalogue;
use serde::Serialize;
use serde_json::{Map, Value, json};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// One JSON object a line, for scripts
    #[arg(long)]
    json: bool,
}

/// One thing that there is.
#[derive(Debug, Serialize)]
struct Entry {
    name: &'static str,
    text: &'static str,
    /// What else a script may want to know.
    #[serde(flatten)]
    more: Map<String, Value>,
}

pub(super) fn workloads(arguments: &Arguments) -> Result<u8> {
    let entries = kensho_workloads::ALL.iter().map(|workload| {
        let mut more = Map::new();
        more.insert("operations".into(), json!(workload.operations()));
        let calls: Vec<&str> = workload.calls().iter().map(|call| call.name()).collect();
        more.insert("calls".into(), json!(calls));
        Entry {
            name: workload.name(),
            text: workload.text(),
            more,
        }
    });
    print(arguments, &entries.collect::<Vec<_>>())
}

pub(super) fn faults(arguments: &Arguments) -> Result<u8> {
    let entries = catalogue::all().map(|fault| {
        let mut more = Map::new();
        more.insert("family".into(), json!(fault.family));
        // One that is not drawn for its family is had by its own name only.
        more.insert("drawn".into(), json!(fault.weight > 0));
        let needs: Vec<&str> = fault.needs().iter().map(|need| need.name()).collect();
        more.insert("needs".into(), json!(needs));
        Entry {
            name: fault.name,
            text: fault.text,
            more,
        }
    });
    print(arguments, &entries.collect::<Vec<_>>())
}

fn print(arguments: &Arguments, entries: &[Entry]) -> Result<u8> {
    let width = entries.iter().map(|entry| entry.name.len()).max();
    let width = width.unwrap_or_default();
    for entry in entries {
        if arguments.json {
            println!("{}", serde_json::to_string(entry)?);
        } else {
            println!("{:<width$}  {}", entry.name, entry.text);
        }
    }
    Ok(0)
}
