//! What a path means.
//!
//! | path | what |
//! | --- | --- |
//! | `/` | all runs; filtered and sorted as the query says |
//! | `/api/runs` | the same as data |
//! | `/run/RUN` | one run |
//! | `/compare?run=A&run=B` | two of them beside each other |
//! | `/files/PATH` | a file, or what is in a folder |
//! | `/live` | events: what runs there are, how far those have come that go on |
//! | `/live/RUN` | events: how one run goes on |

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use kensho_results::html::STYLE;
use kensho_results::listing::Listing;

use super::answer::{self, Body, refusal};
use super::query::Query;
use super::{compare, files, guard, list, live, run};
use crate::runner::interrupt::Interrupt;

const OWN_STYLE: &str = include_str!("serve.css");
const SCRIPT: &str = include_str!("serve.js");

/// What all answers are made from.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) listing: Arc<Listing>,
    /// Whether it listens on loopback.
    pub(super) loopback: bool,
    pub(super) interrupt: Interrupt,
}

/// Answers a request.
pub(super) async fn answer(site: Site, request: &Request<Incoming>) -> Response<Body> {
    if let Err(refused) = guard::check(request.method(), request.headers(), site.loopback) {
        return refusal(refused.status, refused.why);
    }
    let Some(path) = decode(request.uri().path()) else {
        return refusal(StatusCode::BAD_REQUEST, "the path is not UTF-8");
    };
    let query = request.uri().query().unwrap_or_default().to_string();
    let from = live::last_event(request.headers());
    // Reading many files takes its time, and live views go on meanwhile.
    let answered = tokio::task::spawn_blocking(move || match path.strip_prefix("/live") {
        Some("" | "/") => live::all(&site),
        Some(name) => live::one(&site, name.trim_matches('/'), from),
        None => show(&site.listing, &path, &query),
    });
    answered.await.unwrap_or_else(|error| {
        refusal(
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("this page could not be made: {error}"),
        )
    })
}

fn show(listing: &Listing, path: &str, query: &str) -> Response<Body> {
    let pairs = pairs(query);
    match path {
        "/" | "/api/runs" => match Query::of(&pairs) {
            Err(why) => refusal(StatusCode::BAD_REQUEST, &why),
            Ok(query) if path == "/" => answer::html(list::page(listing, &query)),
            Ok(query) => answer::json(&list::data(listing, &query)),
        },
        "/compare" => compare::show(listing, &pairs),
        "/assets/style.css" => answer::asset("text/css; charset=utf-8", STYLE),
        "/assets/serve.css" => answer::asset("text/css; charset=utf-8", OWN_STYLE),
        "/assets/serve.js" => answer::asset("text/javascript; charset=utf-8", SCRIPT),
        _ => {
            if let Some(name) = path.strip_prefix("/run/") {
                run::show(listing, name.trim_end_matches('/'))
            } else if let Some(name) = path.strip_prefix("/files") {
                files::show(listing.root(), name)
            } else {
                refusal(StatusCode::NOT_FOUND, "there is no such page")
            }
        }
    }
}

/// The pairs of a query, decoded; what is not UTF-8 is left out.
fn pairs(query: &str) -> Vec<(String, String)> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .filter_map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let text = |text: &str| decode(&text.replace('+', " "));
            Some((text(name)?, text(value)?))
        })
        .collect()
}

/// Text whose `%41` are letters again.
fn decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            decoded.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

/// A path as a link has it: everything but letters, digits, `/` and `-._~` as `%41`.
pub(super) fn encode(path: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_once_and_encoded_back() {
        assert_eq!(decode("/a%20b%2Fc").as_deref(), Some("/a b/c"));
        assert_eq!(decode("%252e").as_deref(), Some("%2e"));
        for wrong in ["%", "%4", "%zz", "%ff"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
        for path in ["a b/ü&?#%", "register/20260315T093001.000Z"] {
            assert_eq!(decode(&encode(path)).as_deref(), Some(path));
        }
    }

    #[test]
    fn queries_have_pairs() {
        let pair = |name: &str, value: &str| (name.to_string(), value.to_string());
        assert_eq!(
            pairs("q=kill+owner&run=a%2Fb&&flag&bad=%ff"),
            [
                pair("q", "kill owner"),
                pair("run", "a/b"),
                pair("flag", "")
            ]
        );
    }
}
