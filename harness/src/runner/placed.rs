//! When owners and masters changed, as the nodes themselves recorded it.
//!
//! Whoever watches from outside sees a change after it took effect, sometimes after its effects. Nodes
//! write into their logs when they begin to serve, with epoch or term; where such a line is found,
//! its time is taken.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};

use kensho_results::store::RunFolder;
use kensho_results::utc::Utc;
use kensho_results::verdict::Failover;
use serde_json::Value;

/// What a change is known by: node, partition (none for a master), epoch or term.
type Change = (String, Option<u32>, u64);

/// Takes the times of changes from the logs of `nodes`, as far as they tell them, and brings the changes
/// into the order of time.
pub fn by_records(
    folder: &RunFolder,
    nodes: &[String],
    began_unix_ms: u64,
    failovers: &mut [Failover],
) {
    let mut recorded: HashMap<Change, u64> = HashMap::new();
    for node in nodes {
        let Ok(file) = File::open(folder.node(node).join("log")) else {
            continue;
        };
        for line in BufReader::new(file).split(b'\n').map_while(Result::ok) {
            if let Some((partition, number, unix_ms)) = change(&line) {
                // Whatever happened before the run's clock began was no change of this run.
                let at_ms = unix_ms.checked_sub(began_unix_ms);
                let at_ms = at_ms.into_iter();
                recorded.extend(at_ms.map(|at_ms| ((node.clone(), partition, number), at_ms)));
            }
        }
    }
    for failover in failovers.iter_mut() {
        let Some(to) = failover.to.clone() else {
            continue;
        };
        let known = recorded.get(&(to, failover.partition, failover.number));
        // It cannot have been seen before it was.
        if let Some(&at_ms) = known.filter(|at_ms| **at_ms <= failover.at_ms + CLOCKS_DIFFER_MS) {
            failover.at_ms = at_ms;
            failover.after_ms = None;
            failover.recorded = true;
        }
    }
    failovers.sort_by_key(|failover| failover.at_ms);
}

/// The clock of a run is set once, by the time of day: that may be adjusted meanwhile, milliseconds.
const CLOCKS_DIFFER_MS: u64 = 100;

/// Partition, epoch or term, and time of a line that tells that its node took over.
fn change(line: &[u8]) -> Option<(Option<u32>, u64, u64)> {
    let has = |words: &[u8]| line.windows(words.len()).any(|part| part == words);
    if !has(b"\"owner, serving\"") && !has(b"\"this node is master\"") {
        return None;
    }
    let line: Value = serde_json::from_slice(line).ok()?;
    let at_ms = Utc::unix_ms(line["timestamp"].as_str()?)?;
    let at_ms = (at_ms >= 0.0).then_some(at_ms.round() as u64)?;
    match line["message"].as_str()? {
        "owner, serving" => {
            let partition = u32::try_from(line["partition"].as_u64()?).ok()?;
            Some((Some(partition), line["epoch"].as_u64()?, at_ms))
        }
        "this node is master" => Some((None, line["term"].as_u64()?, at_ms)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failover(partition: Option<u32>, number: u64, at_ms: u64) -> Failover {
        Failover {
            at_ms,
            after_ms: Some(at_ms - 100),
            recorded: false,
            partition,
            from: Some("n1".to_string()),
            to: Some("n2".to_string()),
            number,
            fault: None,
        }
    }

    #[test]
    fn a_change_is_placed_where_the_node_recorded_it_and_else_between_two_looks() {
        let root = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(root.path(), "register", Utc::now()).unwrap();
        std::fs::create_dir_all(folder.node("n2")).unwrap();
        let log = r#"{"timestamp":"2026-03-15T09:30:05.250Z","level":"INFO","message":"owner, serving","partition":3,"epoch":7}
no line of JSON
{"timestamp":"2026-03-15T09:30:05.100Z","level":"INFO","message":"this node is master","term":4,"rounds":1}
{"timestamp":"2026-03-15T09:30:09.000Z","level":"INFO","message":"owner, serving","partition":3,"epoch":9}
"#;
        std::fs::write(folder.node("n2").join("log"), log).unwrap();
        let began = Utc::unix_ms("2026-03-15T09:30:05.000Z").unwrap() as u64;
        let mut failovers = vec![
            failover(Some(3), 7, 300),
            failover(Some(3), 8, 310),
            failover(None, 4, 320),
        ];
        by_records(
            &folder,
            &["n1".to_string(), "n2".to_string()],
            began,
            &mut failovers,
        );
        let told: Vec<String> = failovers.iter().map(Failover::when).collect();
        let expected = ["at 0.100 s", "at 0.250 s", "between 0.210 and 0.310 s"];
        assert_eq!(told, expected);
    }
}
