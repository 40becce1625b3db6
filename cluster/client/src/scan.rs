//! Rows by a condition.

use serde::{Deserialize, Serialize};

/// Which rows of a container are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scan {
    offset: u32,
    limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sort: Option<String>,
}

/// Rows as they were read.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Rows {
    /// The rows: a JSON array of each, in the order of the columns.
    pub rows: Vec<serde_json::Value>,
    /// How many rows the condition holds for, those beyond offset and limit included.
    pub total: u64,
}

impl Scan {
    /// The first `limit` rows in the order of their keys; at most 10,000.
    #[must_use]
    pub fn first(limit: u32) -> Self {
        Scan {
            offset: 0,
            limit,
            condition: None,
            sort: None,
        }
    }

    /// Of these, those for which a condition holds: `id >= 50 and id < 60`, or, for a text,
    /// `name = 'it''s'`. What it says of the row key limits what is looked at.
    #[must_use]
    pub fn condition(mut self, condition: impl Into<String>) -> Self {
        self.condition = Some(condition.into());
        self
    }

    /// In this order: `id desc`.
    #[must_use]
    pub fn sort(mut self, sort: impl Into<String>) -> Self {
        self.sort = Some(sort.into());
        self
    }

    /// After so many others.
    #[must_use]
    pub fn offset(mut self, offset: u32) -> Self {
        self.offset = offset;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_is_what_nodes_read() {
        let text = |scan: &Scan| serde_json::to_string(scan).unwrap();
        assert_eq!(text(&Scan::first(3)), r#"{"offset":0,"limit":3}"#);
        let scan = Scan::first(3).condition("k > 'a'").sort("k desc").offset(2);
        assert_eq!(
            text(&scan),
            r#"{"offset":2,"limit":3,"condition":"k > 'a'","sort":"k desc"}"#
        );
    }
}
