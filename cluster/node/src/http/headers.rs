//! What requests say in their headers.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{self, HeaderMap, HeaderName};
use kensho_kernel::data::Query;
use kensho_protocol::ids::{ClientId, Position, Sequence};
use kensho_protocol::request::{ReadFrom, RequestId};
use kensho_storage::tables::Condition;

use super::error::Error;
use super::forward::FORWARD;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const AS_OF: HeaderName = HeaderName::from_static("kensho-as-of");

const READ: HeaderName = HeaderName::from_static("kensho-read");
const MAX_AGE_MS: HeaderName = HeaderName::from_static("kensho-max-age-ms");

/// How old a backup's answer may be, if the client does not say.
const MAX_AGE_DEFAULT: Duration = Duration::from_secs(10);

/// The text of a header, if it is there.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Error> {
    match headers.get(name) {
        None => Ok(None),
        Some(value) => match value.to_str() {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(Error::malformed(format!(
                "the header {name} is not plain text"
            ))),
        },
    }
}

/// Names the update for all its retries: `Idempotency-Key: <client>/<sequence>`, the client as up
/// to 16 hexadecimal digits.
pub(super) fn request_id(headers: &HeaderMap) -> Result<Option<RequestId>, Error> {
    let Some(text) = text(headers, &IDEMPOTENCY_KEY)? else {
        return Ok(None);
    };
    let parse = || {
        let (client, sequence) = text.split_once('/')?;
        Some(RequestId {
            client: ClientId(u64::from_str_radix(client, 16).ok()?),
            sequence: Sequence(sequence.parse().ok()?),
        })
    };
    match parse() {
        Some(id) => Ok(Some(id)),
        None => Err(Error::malformed(format!(
            "Idempotency-Key is {text}; it is <client>/<sequence>, the client as up to 16 hexadecimal \
             digits drawn at random, the sequence as a number"
        ))),
    }
}

/// `Kensho-As-Of: <epoch>-<lsn>`: the youngest log entry that the client had seen before it first
/// sent this update; of a read, what the answer must know of.
pub(super) fn as_of(headers: &HeaderMap) -> Result<Position, Error> {
    match text(headers, &AS_OF)? {
        None => Ok(Position::default()),
        Some(text) => text.parse().map_err(|_| {
            Error::malformed(format!(
                "Kensho-As-Of is {text}; it is the Kensho-Position of an answer, like 3-17"
            ))
        }),
    }
}

/// Who may answer a read: `Kensho-Read: owner` (the default) or `any`, which takes backups, too, whose data
/// are not older than `Kensho-Max-Age-Ms: <milliseconds>`.
pub(super) fn read_from(headers: &HeaderMap) -> Result<ReadFrom, Error> {
    let max_age = match text(headers, &MAX_AGE_MS)? {
        None => None,
        Some(text) => Some(text.parse().ok().filter(|ms| *ms > 0).ok_or_else(|| {
            Error::malformed(format!(
                "Kensho-Max-Age-Ms is {text}; it is a whole number of milliseconds, 1 or more"
            ))
        })?),
    };
    match (text(headers, &READ)?, max_age) {
        (None | Some("owner"), None) => Ok(ReadFrom::Owner),
        (Some("any"), max_age) => Ok(ReadFrom::Any {
            max_age: max_age.map_or(MAX_AGE_DEFAULT, Duration::from_millis),
        }),
        (None | Some("owner"), Some(_)) => Err(Error::malformed(
            "Kensho-Max-Age-Ms goes with Kensho-Read: any; what the owner answers is never old",
        )),
        (Some(other), _) => Err(Error::malformed(format!(
            "Kensho-Read is {other}; it is owner (the default) or any (a backup may answer)"
        ))),
    }
}

/// The query `bytes`, to be answered by whom the request allows, who must know of its
/// `Kensho-As-Of`.
pub(super) fn query(headers: &HeaderMap, bytes: Bytes) -> Result<Query, Error> {
    Ok(Query {
        bytes,
        from: read_from(headers)?,
        seen: as_of(headers)?,
    })
}

/// `If-Match: "<version>" or `If-None-Match: *`.
pub(super) fn condition(headers: &HeaderMap) -> Result<Condition, Error> {
    match (
        text(headers, &header::IF_MATCH)?,
        text(headers, &header::IF_NONE_MATCH)?,
    ) {
        (None, None) => Ok(Condition::Any),
        (None, Some("*")) => Ok(Condition::IfAbsent),
        (None, Some(other)) => Err(Error::malformed(format!(
            "If-None-Match is {other}; only * (there is no such row) is possible here"
        ))),
        (Some(text), None) => match version(text) {
            Some(version) => Ok(Condition::IfVersion(version)),
            None => Err(Error::malformed(format!(
                "If-Match is {text}; it is one ETag of a row, like \"3-17\" with the quotes"
            ))),
        },
        (Some(_), Some(_)) => Err(Error::malformed("give If-Match or If-None-Match, not both")),
    }
}

/// A row's version from its ETag.
fn version(etag: &str) -> Option<Position> {
    etag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

/// Whether the request may be passed on to the node that owns the partition.
pub(super) fn may_be_forwarded(headers: &HeaderMap) -> bool {
    headers.get(FORWARD).is_none_or(|value| value != "no")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kensho_protocol::ids::{Epoch, Lsn};

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().expect("a value")));
        pairs.collect()
    }

    #[test]
    fn conditions_are_understood_or_refused() {
        let condition = |pairs: &[_]| condition(&headers(pairs)).ok();
        assert_eq!(condition(&[]), Some(Condition::Any));
        assert_eq!(
            condition(&[(header::IF_NONE_MATCH, "*")]),
            Some(Condition::IfAbsent)
        );
        let version = Position {
            epoch: Epoch(3),
            lsn: Lsn(17),
        };
        let expected = Some(Condition::IfVersion(version));
        assert_eq!(condition(&[(header::IF_MATCH, "\"3-17\"")]), expected);
        for wrong in [
            "*",
            "3-17",
            "\"3\"",
            "W/\"3-17\"",
            "\"3-17\", \"3-18\"",
            "\"3--17\"",
        ] {
            assert_eq!(condition(&[(header::IF_MATCH, wrong)]), None, "{wrong}");
        }
        assert_eq!(condition(&[(header::IF_NONE_MATCH, "\"3-17\"")]), None);
        assert_eq!(
            condition(&[(header::IF_MATCH, "\"3-17\""), (header::IF_NONE_MATCH, "*")]),
            None
        );
    }

    #[test]
    fn what_was_seen_is_a_position() {
        let seen = |text| as_of(&headers(&[(AS_OF, text)])).ok();
        let position = Position {
            epoch: Epoch(3),
            lsn: Lsn(17),
        };
        assert_eq!(seen("3-17"), Some(position));
        assert_eq!(as_of(&headers(&[])).ok(), Some(Position::default()));
        for wrong in ["", "17", "3-", "\"3-17\""] {
            assert_eq!(seen(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn who_may_answer_a_read_is_understood_or_refused() {
        let from = |pairs: &[_]| read_from(&headers(pairs)).ok();
        let any = |ms| {
            Some(ReadFrom::Any {
                max_age: Duration::from_millis(ms),
            })
        };
        assert_eq!(from(&[]), Some(ReadFrom::Owner));
        assert_eq!(from(&[(READ, "owner")]), Some(ReadFrom::Owner));
        assert_eq!(from(&[(READ, "any")]), any(10_000));
        assert_eq!(from(&[(READ, "any"), (MAX_AGE_MS, "250")]), any(250));
        for wrong in ["backup", "", "Any"] {
            assert_eq!(from(&[(READ, wrong)]), None, "{wrong}");
        }
        for wrong in ["", "0", "-1", "1.5", "1s"] {
            assert_eq!(from(&[(READ, "any"), (MAX_AGE_MS, wrong)]), None, "{wrong}");
        }
        assert_eq!(from(&[(MAX_AGE_MS, "250")]), None, "of the owner");
    }

    #[test]
    fn idempotency_keys_are_understood_or_refused() {
        let id = |text| request_id(&headers(&[(IDEMPOTENCY_KEY, text)]));
        let parsed = id("ff00000000000001/12")
            .expect("it is right")
            .expect("it is there");
        assert_eq!(
            (parsed.client.0, parsed.sequence.0),
            (0xff00_0000_0000_0001, 12)
        );
        for wrong in [
            "",
            "1",
            "/",
            "1/",
            "/1",
            "g/1",
            "1ff00000000000001/1",
            "1/x",
            "1/-1",
        ] {
            assert!(id(wrong).is_err(), "{wrong}");
        }
    }
}
