//! Who may ask: requests that only read, and, on loopback, only under a name of loopback.
//!
//! A page of any site can have its own name lead to 127.0.0.1 (*DNS rebinding*), and the browser
//! would let it read our answers as its own. Its requests carry that name as their `Host`, so on
//! loopback no other names than those of loopback are answered.

use hyper::header::HOST;
use hyper::{HeaderMap, Method, StatusCode};

/// Why a request is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) why: &'static str,
}

/// Whether a request may be answered.
pub(super) fn check(method: &Method, headers: &HeaderMap, loopback: bool) -> Result<(), Refused> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Err(Refused {
            status: StatusCode::METHOD_NOT_ALLOWED,
            why: "this server only shows; it answers GET and HEAD",
        });
    }
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(Refused {
            status: StatusCode::BAD_REQUEST,
            why: "a request has one Host header",
        });
    };
    if loopback && !host.to_str().is_ok_and(is_loopback) {
        return Err(Refused {
            status: StatusCode::MISDIRECTED_REQUEST,
            why: "this server is for this machine alone: ask for it as localhost or 127.0.0.1",
        });
    }
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    if name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    bare.unwrap_or(name)
        .parse()
        .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(method: &str, hosts: &[&str], loopback: bool) -> u16 {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, host.parse().unwrap());
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        check(&method, &headers, loopback).map_or_else(|refused| refused.status.as_u16(), |()| 200)
    }

    #[test]
    fn names_of_loopback_are_answered_there_and_no_others() {
        for host in [
            "localhost",
            "LocalHost:7070",
            "127.0.0.1:7070",
            "127.8.8.8",
            "[::1]:7070",
            "[::1]",
        ] {
            assert_eq!(status("GET", &[host], true), 200, "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:7070",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "",
            "[",
        ] {
            assert_eq!(status("GET", &[host], true), 421, "{host}");
            assert_eq!(status("GET", &[host], false), 200, "{host}");
        }
    }

    #[test]
    fn only_reading_with_one_host_is_answered() {
        assert_eq!(status("HEAD", &["localhost"], true), 200);
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT"] {
            assert_eq!(status(method, &["localhost"], true), 405, "{method}");
        }
        assert_eq!(status("GET", &[], true), 400);
        assert_eq!(status("GET", &["localhost", "evil.example"], true), 400);
    }
}
