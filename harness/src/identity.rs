//! Which programs made something, so that a figure or a verdict can be made again, or be held against
//! another one: the commit and whether it was changed, the programs' hashes, and the command.

use std::path::Path;
use std::process::Command;

use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// The field of a JSON object that says so.
const FIELD: &str = "made_by";

/// What identifies this program, and the nodes' program if there is one.
pub fn of_programs(node: Option<&Path>) -> Map<String, Value> {
    let mut map = Map::new();
    let mut add =
        |name: &str, value: Option<Value>| map.extend(value.map(|value| (name.to_owned(), value)));
    add("commit", git(&["rev-parse", "HEAD"]).map(Value::from));
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]);
    add(
        "changed since",
        changed.map(|files| json!(!files.is_empty())),
    );
    let this = std::env::current_exe().ok();
    add(
        "sha256 of kensho",
        this.as_deref().and_then(hash).map(Value::from),
    );
    add(
        "sha256 of the node program",
        node.and_then(hash).map(Value::from),
    );
    map
}

/// A JSON object that also says by which programs and which command it was made.
///
/// # Errors
/// If it cannot be told as JSON.
pub fn stamped(value: &impl Serialize, node: Option<&Path>) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(value)?;
    if let Value::Object(map) = &mut value {
        let mut made_by = of_programs(node);
        let command: Vec<String> = std::env::args().collect();
        made_by.insert("command".to_owned(), json!(command));
        map.insert(FIELD.to_owned(), Value::Object(made_by));
    }
    Ok(value)
}

/// What git says of the sources that this program was built from, if they are still there.
fn git(words: &[&str]) -> Option<String> {
    let sources = env!("CARGO_MANIFEST_DIR");
    let told = Command::new("git")
        .arg("-C")
        .arg(sources)
        .args(words)
        .output()
        .ok()?;
    let text = told
        .status
        .success()
        .then(|| String::from_utf8(told.stdout).ok());
    text.flatten().map(|text| text.trim().to_owned())
}

fn hash(program: &Path) -> Option<String> {
    let digest = Sha256::digest(std::fs::read(program).ok()?);
    Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_says_who_made_it() {
        let folder = tempfile::tempdir().unwrap();
        let node = folder.path().join("node");
        std::fs::write(&node, "abc").unwrap();
        let stamped = stamped(&json!({"runs": 3}), Some(&node)).unwrap();
        assert_eq!(stamped["runs"], 3);
        let made_by = &stamped["made_by"];
        // From the standard that defines it.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(made_by["sha256 of the node program"], abc);
        assert_eq!(made_by["sha256 of kensho"].as_str().map(str::len), Some(64));
        assert!(made_by["command"][0].is_string());
    }
}
