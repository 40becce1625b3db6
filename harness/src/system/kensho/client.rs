//! A client of our cluster: calls of workloads in the words of its client library.

use std::time::Duration;

use kensho_client::{
    Answered as Said, Client, Condition, Container, Current, Delete, Error, Options, Put, ReadFrom,
    Row, Rows, Scan,
};
use kensho_workloads::call::{self, Answer, Call, Found};

use crate::system::{Answered, Client as TestClient};

/// A client with its own connections and its own cached table.
pub struct KenshoClient {
    client: Client,
    /// After this, the library is held to have failed.
    limit: Duration,
}

impl KenshoClient {
    /// A client of the cluster with nodes at `members`, which gives up after `timeout`.
    pub(super) fn new(cluster: &str, members: &[String], timeout: Duration) -> KenshoClient {
        KenshoClient::with(Options::new(cluster).failover_timeout(timeout), members)
    }

    /// The same, but it keeps to its cached table until a node refuses a statement: it waits for a
    /// silent owner until it gives up, and goes to it again with its next statement. Only such a
    /// client meets an owner that was replaced while it was paused.
    pub(super) fn stubborn(cluster: &str, members: &[String], timeout: Duration) -> KenshoClient {
        let mut options = Options::new(cluster).failover_timeout(timeout);
        options.session.attempt_timeout = timeout;
        options.session.probe_interval = timeout;
        KenshoClient::with(options, members)
    }

    fn with(options: Options, members: &[String]) -> KenshoClient {
        let timeout = options.session.failover_timeout;
        let client = Client::connect(members, options);
        KenshoClient {
            client,
            limit: 2 * timeout + Duration::from_secs(5),
        }
    }

    /// The library's client.
    pub(super) fn library(&self) -> &Client {
        &self.client
    }

    async fn get(client: &Client, container: &str, key: &str) -> Result<Answered, Error> {
        let said = client.get(container, key).await?;
        let row = said.value.as_ref().map(number_row).transpose();
        Ok(answered(&said, row.map(Answer::Row)))
    }

    async fn ask(&self, call: &Call) -> Result<Answered, Error> {
        match call {
            Call::Get { container, key } => Self::get(&self.client, container, key).await,
            Call::GetAny {
                container,
                key,
                max_age,
            } => {
                let max_age = *max_age;
                let client = self.client.reading_from(ReadFrom::Any { max_age });
                Self::get(&client, container, key).await
            }
            Call::Put {
                container,
                key,
                value,
                condition,
            } => {
                let row = format!("[{},{value}]", serde_json::Value::from(key.as_str()));
                let condition = match condition {
                    call::Condition::Always => Condition::Any,
                    call::Condition::Absent => Condition::IfAbsent,
                    call::Condition::Version(etag) => Condition::IfMatch(etag),
                };
                let said = self.client.put(container, key, row, condition).await?;
                let answer = match &said.value {
                    Put::Stored { etag } => Ok(Answer::Written(Some(etag.clone()))),
                    Put::ConditionFailed { current } => {
                        let found = current.as_ref().map_or(Ok(Found::Nothing), found);
                        found.map(Answer::Mismatch)
                    }
                };
                Ok(answered(&said, answer))
            }
            Call::Scan {
                container,
                from,
                to,
                limit,
            } => {
                let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
                let (column, from, to) = (Container::KEY, quoted(from), quoted(to));
                let scan = Scan::first(*limit)
                    .condition(format!("{column} >= {from} and {column} < {to}"));
                let said = self.client.scan(container, &scan).await?;
                let rows = numbers_in(&said.value);
                Ok(answered(&said, rows.map(Answer::Rows)))
            }
            Call::Transact {
                container,
                transaction,
            } => {
                let said = self.client.transact(container, transaction.body()).await?;
                let rows = said.value.results.iter().map(row_of).collect();
                let seen = transaction.seen(said.value.succeeded, rows);
                Ok(answered(&said, seen.map(Answer::Transacted)))
            }
            Call::Message { body, .. } => Ok(Answered {
                answer: Answer::Error {
                    definite: true,
                    text: format!("a cluster of rows knows no message {body}"),
                },
                node: None,
            }),
            Call::Delete { container, key } => {
                let said = self.client.delete(container, key, Condition::Any).await?;
                let answer = match &said.value {
                    Delete::Deleted => Ok(Answer::Deleted { existed: true }),
                    Delete::NotFound => Ok(Answer::Deleted { existed: false }),
                    failed @ Delete::ConditionFailed { .. } => {
                        Err(format!("{failed:?}, and there was no condition"))
                    }
                };
                Ok(answered(&said, answer))
            }
        }
    }
}

impl TestClient for KenshoClient {
    async fn perform(&self, call: Call) -> Answered {
        match tokio::time::timeout(self.limit, self.ask(&call)).await {
            Ok(Ok(answered)) => answered,
            Ok(Err(error)) => Answered {
                answer: Answer::Error {
                    definite: error.definite(),
                    text: error.to_string(),
                },
                node: error.node().map(String::from),
            },
            Err(_) => {
                let text = format!("the client library did not give up in {:?}", self.limit);
                Answered {
                    answer: Answer::Error {
                        definite: false,
                        text,
                    },
                    node: None,
                }
            }
        }
    }
}

fn answered<T>(said: &Said<T>, answer: Result<Answer, String>) -> Answered {
    // A row of another kind is no answer at all; whether it took effect, nobody knows.
    let answer = answer.unwrap_or_else(|text| Answer::Error {
        definite: false,
        text,
    });
    let node = Some(said.node.clone()).filter(|node| !node.is_empty());
    Answered { answer, node }
}

/// The row that stood against a condition.
fn found(current: &Current) -> Result<Found, String> {
    match &current.value {
        Some(row) => Ok(Found::Row(number_in(row)?, current.etag.clone())),
        None => Ok(Found::Unknown),
    }
}

/// The row that an operation of a transaction read, if it read one.
fn row_of(result: &serde_json::Value) -> Option<serde_json::Value> {
    result.get("row").filter(|row| !row.is_null()).cloned()
}

fn numbers_in(rows: &Rows) -> Result<Vec<(String, u64)>, String> {
    let number = |row: &serde_json::Value| {
        let parsed = serde_json::from_value(row.clone());
        parsed.map_err(|error| format!("the row {row} is not text and number: {error}"))
    };
    rows.rows.iter().map(number).collect()
}

fn number_row(row: &Row) -> Result<(u64, String), String> {
    Ok((number_in(&row.value)?, row.etag.clone()))
}

fn number_in(row: &[u8]) -> Result<u64, String> {
    match serde_json::from_slice::<(String, u64)>(row) {
        Ok((_, value)) => Ok(value),
        Err(error) => {
            let text = String::from_utf8_lossy(row);
            Err(format!(
                "the row {text:.100} is not text and number: {error}"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_holds_key_and_value() {
        let row = |value: &'static str| Row {
            value: value.into(),
            etag: "1-5".to_string(),
        };
        let read = number_row(&row(r#"["r7",18446744073709551615]"#)).unwrap();
        assert_eq!(read, (u64::MAX, "1-5".to_string()));
        assert!(
            number_row(&row(r#"["r7","x"]"#))
                .unwrap_err()
                .contains("not text and number")
        );
    }
}
