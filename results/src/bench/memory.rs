//! What nodes keep while the same rows are written again and again: memory, and log on disk.

use serde::{Deserialize, Serialize};

use crate::run::Host;

/// `memory.json`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemorySet {
    /// The command that measured it.
    pub command: String,
    /// The machine.
    pub host: Host,
    /// The cluster, in words.
    pub text: String,
    /// Checkpoints are made when a node's log on disk is longer than this, in bytes.
    pub checkpoint_after_bytes: u64,
    /// What was measured of each load.
    pub loads: Vec<MemoryLoad>,
}

/// What was measured of one load, on a cluster of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryLoad {
    /// What clients did, in words.
    pub text: String,
    /// For how long, in seconds.
    pub seconds: f64,
    /// Requests that were answered as they should be.
    pub requests: u64,
    /// Requests that were not, with the first answer.
    pub failed: u64,
    /// What was said to the first of those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_failure: Option<String>,
    /// The bodies of all requests, in bytes.
    pub sent_bytes: u64,
    /// By node.
    pub nodes: Vec<NodeMemory>,
}

/// What one node took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeMemory {
    /// Resident memory, in bytes, at equal intervals.
    pub resident_bytes: Vec<u64>,
    /// The most that its log took on disk, in bytes.
    pub log_max_bytes: u64,
}

/// Of a load's time, this part is left for memory to be taken that is kept.
const WARM_UP: f64 = 0.2;
/// Memory is flat if its mean in no third of the rest is more than this part above that in another one.
const FLAT: f64 = 0.1;
/// Means are taken over so many parts of the rest.
const PARTS: usize = 3;

impl NodeMemory {
    /// The mean of resident memory in each third of the time after the beginning.
    #[must_use]
    pub fn means(&self) -> Vec<f64> {
        let samples = &self.resident_bytes;
        let skipped = (samples.len() as f64 * WARM_UP) as usize;
        let rest = &samples[skipped..];
        let length = rest.len().div_ceil(PARTS).max(1);
        let mean = |part: &[u64]| part.iter().sum::<u64>() as f64 / part.len() as f64;
        rest.chunks(length).map(mean).collect()
    }

    /// By which part of it memory grew or shrank: 0.1 is 10 %.
    #[must_use]
    pub fn spread(&self) -> f64 {
        let means = self.means();
        let most = means.iter().copied().fold(0.0, f64::max);
        let least = means.iter().copied().fold(f64::INFINITY, f64::min);
        match least > 0.0 && least.is_finite() {
            true => most / least - 1.0,
            false => 0.0,
        }
    }
}

impl MemoryLoad {
    /// What is not as it should be; nothing if memory was flat, the log within twice its setting, and
    /// every request answered.
    #[must_use]
    pub fn complaints(&self, checkpoint_after_bytes: u64) -> Vec<String> {
        let mut complaints = Vec::new();
        if self.failed > 0 {
            let first = self.first_failure.as_deref().unwrap_or("no text");
            complaints.push(format!("{} requests failed: {first}", self.failed));
        }
        for (number, node) in (1..).zip(&self.nodes) {
            if node.spread() > FLAT {
                let spread = 100.0 * node.spread();
                complaints.push(format!("n{number}: memory moved by {spread:.0} %"));
            }
            if node.log_max_bytes > 2 * checkpoint_after_bytes {
                let (log, setting) = (node.log_max_bytes, checkpoint_after_bytes);
                complaints.push(format!(
                    "n{number}: the log took {log} bytes on disk, more than twice the {setting} of \
                     checkpoint_after_bytes"
                ));
            }
        }
        complaints
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(resident_bytes: Vec<u64>) -> NodeMemory {
        NodeMemory {
            resident_bytes,
            log_max_bytes: 150,
        }
    }

    fn load(nodes: Vec<NodeMemory>) -> MemoryLoad {
        MemoryLoad {
            text: "a load".to_owned(),
            seconds: 1.0,
            requests: 1,
            failed: 0,
            first_failure: None,
            sent_bytes: 1,
            nodes,
        }
    }

    #[test]
    fn memory_is_flat_if_it_is_the_same_in_all_thirds_after_the_beginning() {
        let flat = node(vec![10, 50, 100, 105, 95, 100, 110, 95, 100, 100]);
        assert_eq!(flat.means(), [100.0, 305.0 / 3.0, 100.0]);
        assert_eq!(load(vec![flat]).complaints(75), Vec::<String>::new());
        let growing = node((0..100).map(|second| 100 + second).collect());
        assert!((growing.spread() - 0.4).abs() < 0.1, "{}", growing.spread());
        let complaints = load(vec![growing]).complaints(74);
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert!(
            complaints[1].contains("more than twice the 74"),
            "{complaints:?}"
        );
        assert_eq!(node(Vec::new()).spread(), 0.0);
    }
}
