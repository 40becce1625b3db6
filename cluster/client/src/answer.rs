//! What a node's HTTP answer means for a statement.

use bytes::Bytes;
use hyper::{Response, StatusCode};
use kensho_protocol::ids::Lsn;
use kensho_protocol::request::Refusal;
use kensho_protocol::session;
use serde::Deserialize;

/// The node that carried the statement out.
pub(crate) const SERVED_BY: &str = "kensho-served-by";
/// The youngest log entry that the answer knows of.
pub(crate) const LSN: &str = "kensho-lsn";

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

/// A header's text, if there is one.
pub(crate) fn header<'a>(response: &'a Response<Bytes>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// What the session has to know of the answer.
pub(crate) fn classify(response: &Response<Bytes>) -> session::Answer {
    let lsn = header(response, LSN)
        .and_then(|lsn| lsn.parse().ok())
        .map(Lsn);
    let status = response.status();
    if status.is_success() || status.is_client_error() && is_plain(status) {
        return session::Answer::Final { lsn };
    }
    let Ok(body) = serde_json::from_slice::<ErrorBody>(response.body()) else {
        // Not the words of a node; nobody knows how far the request came.
        return session::Answer::Lost;
    };
    if let Some(refusal) = Refusal::from_error_code(body.code, lsn.unwrap_or_default()) {
        session::Answer::Refused(refusal)
    } else if body.definite {
        session::Answer::Final { lsn }
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

    fn answer(status: u16, lsn: Option<u64>, body: &str) -> session::Answer {
        let mut response = Response::builder().status(status);
        if let Some(lsn) = lsn {
            response = response.header(LSN, lsn);
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
        let seen = Some(Lsn(7));
        assert_eq!(answer(200, Some(7), "[]"), Final { lsn: seen });
        assert_eq!(answer(404, None, ""), Final { lsn: None });
        assert_eq!(answer(412, Some(7), "[]"), Final { lsn: seen });
        assert_eq!(answer(409, Some(7), &error(1, true)), Final { lsn: seen });
        assert_eq!(
            answer(421, None, &error(170_001, true)),
            Refused(Refusal::NotOwner)
        );
        let forgotten = Refusal::OutcomeForgotten { now: Lsn(7) };
        assert_eq!(
            answer(409, Some(7), &error(170_005, false)),
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
