//! Where a request of a browser comes from. A page of any site can have its reader's browser send requests to
//! a node that the browser reaches: they carry the page's `Origin`. And a site can have its own name lead to
//! a node (*DNS rebinding*): the requests of its pages then carry that name as `Host`.

use std::net::IpAddr;

use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Why a request is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Foreign {
    /// A page of another site sent it.
    #[error(
        "a page of another site sent this request (Origin); only pages of this node may change anything"
    )]
    Page,
    /// It asks for a name that is not the node's.
    #[error(
        "this node is for its own machine alone, and takes no requests for the name in Host: ask for it as \
         localhost or 127.0.0.1, or let it listen on another address"
    )]
    Name,
}

/// Whether a request is to be taken: one that `changes` something, and one for a node that listens on
/// `loopback_only`, where whoever gets through may do something without credentials.
pub(crate) fn check(
    headers: &HeaderMap,
    changes: bool,
    loopback_only: bool,
) -> Result<(), Foreign> {
    let host = headers.get(HOST);
    if loopback_only && host.is_some_and(|host| !host.to_str().is_ok_and(is_loopback)) {
        return Err(Foreign::Name);
    }
    if changes {
        let of_this_node = |origin: &HeaderValue| {
            let origin = origin.to_str().ok();
            let authority = origin.and_then(|origin| origin.split_once("://"));
            let host = host.and_then(|host| host.to_str().ok());
            authority
                .zip(host)
                .is_some_and(|((_, authority), host)| authority.eq_ignore_ascii_case(host))
        };
        let foreign_site = headers
            .get(FETCH_SITE)
            .is_some_and(|site| site != "same-origin" && site != "none");
        if foreign_site || !headers.get_all(ORIGIN).iter().all(of_this_node) {
            return Err(Foreign::Page);
        }
    }
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    name.eq_ignore_ascii_case("localhost")
        || bare
            .unwrap_or(name)
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn pages_of_others_change_nothing() {
        let judge = |pairs: &[_]| check(&headers(pairs), true, false);
        assert_eq!(
            judge(&[(HOST, "10.0.0.1:80")]),
            Ok(()),
            "no browser sent it"
        );
        let own = [
            (HOST, "n1:80"),
            (ORIGIN, "http://n1:80"),
            (FETCH_SITE, "same-origin"),
        ];
        assert_eq!(judge(&own), Ok(()));
        for foreign in [
            "http://evil.example",
            "null",
            "",
            "http://n1",
            "http://n1:80.evil",
            "n1:80",
        ] {
            assert_eq!(
                judge(&[(HOST, "n1:80"), (ORIGIN, foreign)]),
                Err(Foreign::Page),
                "{foreign}"
            );
        }
        assert_eq!(
            judge(&[(HOST, "n1:80"), (FETCH_SITE, "cross-site")]),
            Err(Foreign::Page)
        );
        let both = [
            (HOST, "n1"),
            (ORIGIN, "http://n1"),
            (ORIGIN, "http://evil.example"),
        ];
        let mut twice = headers(&both[..2]);
        twice.append(ORIGIN, HeaderValue::from_static("http://evil.example"));
        assert_eq!(check(&twice, true, false), Err(Foreign::Page));
        assert_eq!(
            check(&twice, false, false),
            Ok(()),
            "what only reads is not shown to it"
        );
    }

    #[test]
    fn on_loopback_only_names_of_loopback_are_taken() {
        let judge = |host| check(&headers(&[(HOST, host)]), false, true);
        for host in [
            "localhost",
            "LocalHost:1",
            "127.0.0.1:1",
            "127.8.8.8",
            "[::1]:1",
            "[::1]",
        ] {
            assert_eq!(judge(host), Ok(()), "{host}");
        }
        for host in [
            "evil.example:1",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "",
            "[",
        ] {
            assert_eq!(judge(host), Err(Foreign::Name), "{host}");
        }
        assert_eq!(check(&HeaderMap::new(), false, true), Ok(()));
    }
}
