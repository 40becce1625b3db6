//! Which measurements a data file holds.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bench::BenchSet;
use crate::bench::catch_up::CatchUpSet;
use crate::bench::loss::LossSet;
use crate::bench::outage::OutageSet;

/// Measurements that charts are made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// `bench.json`
    Bench(BenchSet),
    /// `failover.json`
    Failover(BTreeMap<String, FailoverTimes>),
    /// `outage.json`
    Outage(OutageSet),
    /// `catch-up.json`
    CatchUp(Box<CatchUpSet>),
    /// `loss.json`
    Loss(LossSet),
    /// `election.json`
    Election(ElectionSet),
}

/// Times without service after kills of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailoverTimes {
    /// All of them, milliseconds.
    pub each_ms: Vec<f64>,
}

/// Elections in simulated clusters of growing size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ElectionSet {
    /// The command that measured it.
    pub command: String,
    /// One for each circumstance.
    pub series: Vec<ElectionSeries>,
}

/// Elections under one circumstance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ElectionSeries {
    /// The circumstance.
    pub name: String,
    /// By size of the cluster.
    pub points: Vec<ElectionPoint>,
}

/// Elections in clusters of one size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ElectionPoint {
    /// How many nodes.
    pub nodes: f64,
    /// Rounds until there was a master.
    pub rounds: ElectionRounds,
}

/// Rounds of many elections.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ElectionRounds {
    /// On average.
    pub mean: f64,
    /// 99 of 100 took no more.
    pub p99: f64,
}

/// Reads a data file; by its fields, not by its name.
///
/// # Errors
/// If it cannot be read, or is nothing that charts are made of.
pub fn read(path: &Path) -> Result<Source> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    recognise(&bytes).with_context(|| format!("in {}", path.display()))
}

fn recognise(bytes: &[u8]) -> Result<Source> {
    let value: Value = serde_json::from_slice(bytes).context("this is no JSON")?;
    let has = |field: &str| value.get(field).is_some();
    let begins_with = |field: &str| value.pointer(&format!("/series/0/{field}")).is_some();
    if has("experiments") {
        return Ok(Source::Bench(serde_json::from_value(value)?));
    }
    if has("outages") {
        return Ok(Source::Outage(serde_json::from_value(value)?));
    }
    if has("catch_up") {
        return Ok(Source::CatchUp(serde_json::from_value(value)?));
    }
    if begins_with("kills") {
        return Ok(Source::Loss(serde_json::from_value(value)?));
    }
    if begins_with("points") {
        return Ok(Source::Election(serde_json::from_value(value)?));
    }
    serde_json::from_value(value).map(Source::Failover).map_err(|_| {
        anyhow!(
            "no chart is made of this: give what `kensho bench`, `failover`, `outage`, `catch-up`, `loss` or the election simulator have written"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_recognised_by_its_fields() {
        let failover = br#"{"owner":{"kills":1,"median_ms":2.0,"max_ms":2.0,"each_ms":[2.0]}}"#;
        assert!(matches!(recognise(failover), Ok(Source::Failover(_))));
        let election = br#"{"command":"x","series":[{"name":"no loss","points":[{"nodes":3,"rounds":{"mean":2.1,"p99":3},"messages":{"mean":9}}]}]}"#;
        assert!(matches!(recognise(election), Ok(Source::Election(_))));
        for wrong in ["", "[1]", r#"{"a":1}"#] {
            assert!(recognise(wrong.as_bytes()).is_err(), "{wrong}");
        }
        let text = recognise(br#"{"experiments":3}"#).unwrap_err().to_string();
        assert!(
            text.contains("experiments") || text.contains("missing") || text.contains("sequence"),
            "{text}"
        );
    }
}
