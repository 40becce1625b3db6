//! Transactions on rows of one container: POST of `/containers/{container}/transaction`.
//!
//! A container lives in one partition, so a transaction is one statement: one entry of the log, carried
//! out as a whole or not at all, and retried like any other.

use hyper::StatusCode;
use kensho_storage::tables::{Done, Outcome, ValidTransaction};
use serde::Serialize;
use serde_json::value::RawValue;

use super::answer::{self, Answer};
use super::error::Error;
use super::rows::{execute_checked, not_done};
use super::schema::Schema;
use super::service::{Asked, Kind, Service, as_of};

/// The answer.
#[derive(Serialize)]
struct Transacted<'a> {
    /// Whether all of `if` was true, so that `then` was done, and not `else`.
    succeeded: bool,
    /// What came of each operation.
    results: Vec<Result<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Result<'a> {
    Row {
        row: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        version: Option<String>,
    },
    Stored {
        version: String,
    },
    Deleted {
        existed: bool,
    },
}

/// Carries a transaction out.
pub(super) async fn execute(
    service: &Service,
    asked: &Asked,
    container: &str,
) -> std::result::Result<Answer, Error> {
    let partition = service.partition(container)?;
    if let Some(elsewhere) = service.elsewhere(partition, asked, Kind::Update).await {
        return elsewhere;
    }
    let make = |schema: &Schema| {
        let valid =
            ValidTransaction::read(&schema.info, &asked.body).map_err(Error::does_not_fit)?;
        for key in valid.key_texts() {
            service.check_length("row key", key)?;
        }
        Ok(valid.statement(container, schema.created))
    };
    let executed = execute_checked(service, asked, partition, container, make).await?;
    match Outcome::decode(&executed.outcome) {
        Some(Outcome::Transacted { succeeded, results }) => {
            let results = results.iter().map(result).collect();
            let body = serde_json::to_vec(&Transacted { succeeded, results });
            let body = body.expect("rows are JSON");
            Ok(as_of(answer::json(StatusCode::OK, body), executed.at))
        }
        Some(Outcome::Faulty {
            succeeded,
            index,
            fault,
        }) => {
            let list = if succeeded { "then" } else { "else" };
            Err(Error::does_not_fit(format!(
                "{list}[{index}]: {fault}; nothing was changed"
            )))
        }
        outcome => not_done(service, container, &executed, outcome.as_ref()),
    }
}

fn result<'a>(done: &'a Done<'_>) -> Result<'a> {
    match done {
        Done::Row { version, value } => Result::Row {
            row: serde_json::from_slice(&value.0).ok(),
            version: Some(version.to_string()),
        },
        Done::NoRow => Result::Row {
            row: None,
            version: None,
        },
        Done::Stored(version) => Result::Stored {
            version: version.to_string(),
        },
        Done::Deleted { existed } => Result::Deleted { existed: *existed },
    }
}
