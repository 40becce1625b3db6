//! What a node's HTTP answer means for a statement.

use bytes::Bytes;
use hyper::{Response, StatusCode};
use kensho_protocol::ids::Position;
use kensho_protocol::request::Refusal;
use kensho_protocol::session;
use serde::Deserialize;

/// The node that carried the statement out.
pub(crate) const SERVED_BY: &str = "kensho-served-by";
/// The youngest log entry that the answer knows of.
pub(crate) const POSITION: &str = "kensho-position";

/// The body of an error answer.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ErrorBody {
    #[serde(rename = "errorCode")]
    pub(crate) code: u32,
    #[serde(rename = "errorMessage")]
    pub(crate) message: String,
    pub(crate) definite: bool,
}

/// How many rows were stored, as the answer to a put of many says.
pub(crate) fn stored(response: &Response<Bytes>) -> Option<u32> {
    #[derive(Deserialize)]
    struct Stored {
        count: u32,
    }
    let stored: Stored = serde_json::from_slice(response.body()).ok()?;
    Some(stored.count)
}

/// A header's text, if there is one.
pub(crate) fn header<'a>(response: &'a Response<Bytes>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// What the session has to know of the answer.
pub(crate) fn classify(response: &Response<Bytes>) -> session::Answer {
    let at: Option<Position> = header(response, POSITION).and_then(|at| at.parse().ok());
    let status = response.status();
    if status.is_success() || status.is_client_error() && is_plain(status) {
        return session::Answer::Final { at };
    }
    let Ok(body) = serde_json::from_slice::<ErrorBody>(response.body()) else {
        // Not the words of a node; nobody knows how far the request came.
        return session::Answer::Lost;
    };
    if let Some(refusal) = Refusal::from_error_code(body.code, at.unwrap_or_default()) {
        session::Answer::Refused(refusal)
    } else if body.definite {
        session::Answer::Final { at }
    } else {
        session::Answer::Lost
    }
}

/// Whether this status of a client's error never means that the statement should be sent again.
fn is_plain(status: StatusCode) -> bool {
    !matches!(
        status,
        StatusCode::MISDIRECTED_REQUEST | StatusCode::CONFLICT | StatusCode::REQUEST_TIMEOUT
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use kensho_protocol::ids::{Epoch, Lsn};

    fn answer(status: u16, at: Option<&str>, body: &str) -> session::Answer {
        let mut response = Response::builder().status(status);
        if let Some(at) = at {
            response = response.header(POSITION, at);
        }
        let body = Bytes::copy_from_slice(body.as_bytes());
        classify(&response.body(body).expect("a response"))
    }

    fn error(code: u32, definite: bool) -> String {
        format!(r#"{{"version":"v2","errorCode":{code},"errorMessage":"…","definite":{definite}}}"#)
    }

    #[test]
    fn outcomes_are_final_and_refusals_are_not() {
        use session::Answer::{Final, Lost, Refused};
        let seven = Position {
            epoch: Epoch(2),
            lsn: Lsn(7),
        };
        let seen = Some(seven);
        assert_eq!(answer(200, Some("2-7"), "[]"), Final { at: seen });
        assert_eq!(answer(404, None, ""), Final { at: None });
        assert_eq!(answer(412, Some("2-7"), "[]"), Final { at: seen });
        assert_eq!(
            answer(409, Some("2-7"), &error(1, true)),
            Final { at: seen }
        );
        assert_eq!(
            answer(421, None, &error(170_001, true)),
            Refused(Refusal::NotOwner)
        );
        let forgotten = Refusal::OutcomeForgotten { now: seven };
        assert_eq!(
            answer(409, Some("2-7"), &error(170_005, false)),
            Refused(forgotten)
        );
        assert_eq!(
            answer(503, None, &error(170_007, true)),
            Refused(Refusal::Overloaded)
        );
        assert_eq!(answer(500, None, &error(1, false)), Lost);
        assert_eq!(answer(502, None, "<html>"), Lost);
    }
}
