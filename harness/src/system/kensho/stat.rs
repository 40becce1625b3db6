//! What a node tells of its replicas' logs, at `/node/stat`.

use serde::Deserialize;

/// The log of one replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct ReplicaLog {
    /// Its partition.
    #[serde(rename = "pId")]
    pub partition: u32,
    /// The log reaches back to what follows this entry; who lacks more needs a data image.
    #[serde(rename = "logBaseLsn")]
    pub base: u64,
    /// The last entry.
    #[serde(rename = "lsn")]
    pub last: u64,
}

pub(super) fn logs(text: &[u8]) -> serde_json::Result<Vec<ReplicaLog>> {
    #[derive(Deserialize)]
    struct Stat {
        partitions: Vec<ReplicaLog>,
    }
    serde_json::from_slice::<Stat>(text).map(|stat| stat.partitions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_that_nodes_tell_is_read() {
        let text = br#"{"cluster":{},"partitions":[{"pId":5,"role":"owner","promisedEpoch":1,
            "logEpoch":1,"logBaseLsn":40,"lsn":90,"commitLsn":90,"durableLsn":90}]}"#;
        let log = ReplicaLog {
            partition: 5,
            base: 40,
            last: 90,
        };
        assert_eq!(logs(text).unwrap(), [log]);
    }
}
