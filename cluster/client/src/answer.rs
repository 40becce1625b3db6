//! What a node's HTTP answer means for a statement.

use http::StatusCode;
use kensho_protocol::request::Refusal;
use kensho_protocol::session;
use serde::Deserialize;

use crate::response::Response;

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
pub(crate) fn stored(response: &Response) -> Option<u32> {
    #[derive(Deserialize)]
    struct Stored {
        count: u32,
    }
    let stored: Stored = serde_json::from_slice(&response.body).ok()?;
    Some(stored.count)
}

/// What the session has to know of the answer.
pub(crate) fn classify(response: &Response) -> session::Answer {
    let (status, at) = (response.status, response.position);
    if status.is_success() || status.is_client_error() && is_plain(status) {
        return session::Answer::Final { at };
    }
    let Ok(body) = serde_json::from_slice::<ErrorBody>(&response.body) else {
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
    use bytes::Bytes;
    use kensho_protocol::ids::{Epoch, Lsn, Position};

    fn answer(status: u16, at: Option<&str>, body: &str) -> session::Answer {
        classify(&Response {
            status: StatusCode::from_u16(status).expect("a status"),
            position: at.map(|at| at.parse().expect("a position")),
            body: Bytes::copy_from_slice(body.as_bytes()),
            ..Response::default()
        })
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
