//! Transactions on rows of one container.

use bytes::Bytes;
use http::{Method, StatusCode};
use serde::Deserialize;

use crate::client::{Answered, Client, Condition, refused};
use crate::error::Error;

/// What came of a transaction.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Transacted {
    /// Whether all requirements were met, so that `then` was done, and not `else`.
    pub succeeded: bool,
    /// What came of each operation, as JSON: `{"row":[…],"version":"…"}` of a get (`{"row":null}` if there is
    /// no such row), `{"version":"…"}` of a put, an append and an add, `{"existed":…}` of a delete.
    pub results: Vec<serde_json::Value>,
}

impl Client {
    /// Carries a transaction out: requirements, and operations on rows of one container, all of which happen or
    /// none. `body` is the JSON text `{"if":[…],"then":[…],"else":[…]}`, for example
    /// `{"if":[{"key":"a","exists":true}],"then":[{"append":{"key":"a","column":"log","value":1}}]}`.
    ///
    /// # Errors
    /// See [`Error`]; among others if an operation cannot be carried out.
    pub async fn transact(
        &self,
        container: &str,
        body: impl Into<Bytes>,
    ) -> Result<Answered<Transacted>, Error> {
        let what = || format!("transaction on {container}");
        let path = &[container, "transaction"];
        let statement = self.update(&what, Method::POST, path, Condition::Any, body.into())?;
        let answered = self.run(&what, container, statement).await?;
        answered.map(|response| match serde_json::from_slice(&response.body) {
            Ok(transacted) if response.status == StatusCode::OK => Ok(transacted),
            _ => Err(refused(what(), &response)),
        })
    }
}
