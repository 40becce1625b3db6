//! A transaction on rows of one container, as our database has them: operations that happen all or none.

use serde_json::{Value, json};

/// The column that holds what workloads write.
pub const COLUMN: &str = "value";

/// What is done to rows of a container, in order, each seeing what those before it did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// Nothing is done if this is so before.
    pub unless: Option<Below>,
    /// What is done.
    pub acts: Vec<Act>,
}

/// A number is less than another one. A row that is not there has no number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Below {
    /// The row's key.
    pub key: String,
    /// What its number is less than.
    pub value: i64,
}

/// One operation of a transaction, on the row with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Read it.
    Get(String),
    /// Write a number.
    Put(String, i64),
    /// Add an element to its list; a row that is not there begins as an empty one.
    Append(String, i64),
    /// Add to its number; a row that is not there begins at 0.
    Add(String, i64),
}

impl Transaction {
    /// Whether it may change something.
    pub fn changes(&self) -> bool {
        let reads = |act: &Act| matches!(act, Act::Get(_));
        !self.acts.iter().all(reads)
    }

    /// The body of a request, see `cluster/HTTP.md`.
    pub fn body(&self) -> String {
        let acts: Vec<Value> = self.acts.iter().map(Act::body).collect();
        let body = match &self.unless {
            None => json!({ "then": acts }),
            Some(Below { key, value }) => json!({
                "if": [{"key": key, "column": COLUMN, "operator": "<", "value": value}],
                "then": [],
                "else": acts,
            }),
        };
        body.to_string()
    }

    /// What the acts saw, given whether the requirement was met and the rows that were read, in order;
    /// none if nothing was done.
    ///
    /// # Errors
    /// If that is no answer to this transaction.
    pub fn seen(
        &self,
        succeeded: bool,
        rows: Vec<Option<Value>>,
    ) -> Result<Option<Vec<Value>>, String> {
        if self.unless.is_some() && succeeded {
            return Ok(None);
        }
        if rows.len() != self.acts.len() {
            return Err(format!(
                "{} results of {} operations",
                rows.len(),
                self.acts.len()
            ));
        }
        let column = |row: Option<Value>| row.map_or(Value::Null, |mut row| row[1].take());
        Ok(Some(rows.into_iter().map(column).collect()))
    }
}

impl Act {
    fn body(&self) -> Value {
        let change = |key: &str, value: &i64| json!({"key": key, "column": COLUMN, "value": value});
        match self {
            Act::Get(key) => json!({ "get": key }),
            Act::Put(key, value) => json!({ "put": [key, value] }),
            Act::Append(key, value) => json!({ "append": change(key, value) }),
            Act::Add(key, value) => json!({ "add": change(key, value) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_written_as_the_database_reads_it() {
        let plain = Transaction {
            unless: None,
            acts: vec![
                Act::Get("a".into()),
                Act::Append("a".into(), 3),
                Act::Put("b".into(), -1),
            ],
        };
        assert_eq!(
            plain.body(),
            r#"{"then":[{"get":"a"},{"append":{"column":"value","key":"a","value":3}},{"put":["b",-1]}]}"#
        );
        let guarded = Transaction {
            unless: Some(Below {
                key: "a".into(),
                value: 7,
            }),
            acts: vec![Act::Add("a".into(), 1)],
        };
        let expected = r#"{"else":[{"add":{"column":"value","key":"a","value":1}}],"if":[{"column":"value","key":"a","operator":"<","value":7}],"then":[]}"#;
        assert_eq!(guarded.body(), expected);
        assert_eq!(guarded.seen(true, vec![]), Ok(None));
        let rows = vec![Some(json!(["a", [1, 2]])), None, None];
        assert_eq!(
            plain.seen(true, rows),
            Ok(Some(vec![json!([1, 2]), Value::Null, Value::Null]))
        );
        assert!(plain.seen(true, vec![None]).is_err());
    }
}
