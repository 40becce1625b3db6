//! The interface for clients: HTTP/1.1 on a listener of its own.
//!
//! [`router`] says what a path means, [`service`] finds out who is to carry it out, [`rows`], [`batch`],
//! [`blob`], [`transaction`], [`scan`] and [`containers`] make statements and queries of requests, and answers of what
//! comes of them; [`many`] and [`tql`] take requests that speak of several containers apart. [`operation`]
//! and [`state`] show how the node and the cluster are, [`metrics`] to Prometheus, [`nodes`] those of all members, [`backup`] gives out all rows, [`members`] changes who belongs to it, [`error`] is everything
//! that can be wrong.

mod answer;
mod backup;
mod batch;
mod blob;
mod containers;
mod error;
mod forward;
mod headers;
mod levelling;
mod many;
mod members;
mod metrics;
mod nodes;
mod numbered;
mod operation;
mod part;
mod partition_status;
mod permission;
mod router;
mod rows;
mod scan;
mod schema;
mod selected;
mod service;
mod state;
mod tql;
mod transaction;

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::access::Guard;
use crate::data::Data;
use crate::door::{Guest, GuestLimits, Guests, LOOK_EVERY, Source, Strangers, Watched};

use service::Service;

/// What there is to ask for, as OpenAPI 3.1.
const DESCRIPTION: &str = include_str!("openapi.json");
/// What people look at in a browser.
const DASHBOARD: &str = include_str!("dashboard.html");
/// The database that all containers belong to.
const DATABASE: &str = "public";
/// What a connection reads at once, and so the longest head of a request, in bytes.
const BUFFER_BYTES: usize = 128 << 10;
/// What a client is told for which there is no place.
const NO_PLACE: &str = concat!(
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n",
    "Connection: close\r\nContent-Length: 138\r\n\r\n",
    r#"{"version":"v2","errorCode":170007,"errorMessage":"the node has too many connections; try again "#,
    r#"later or at another node","definite":true}"#
);
/// After an error of `accept` (too many open files, mostly) the next one is tried this much later.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Who knows whom to let in.
pub(crate) struct Entrance {
    /// At the listener for nodes.
    pub(crate) strangers: Arc<Strangers>,
    /// The users.
    pub(crate) guard: Guard,
}

/// Serves clients until `stop` says so; then answers those who wait, and returns.
pub(crate) async fn serve(
    listener: TcpListener,
    data: Data,
    entrance: Entrance,
    stop: watch::Receiver<bool>,
) {
    let limits = data.plane.borrow().settings().limits;
    let guests = Guests::new(GuestLimits {
        connections: limits.client_connections,
        connections_by_address: limits.client_connections_by_address,
        buffer_bytes: limits.client_buffer_bytes,
        request_timeout: limits.request_timeout,
    });
    let service = Rc::new(Service::new(&data, Rc::clone(&guests), entrance));
    let looking = Rc::clone(&guests);
    tokio::task::spawn_local(async move {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            looking.look(Instant::now());
        }
    });
    let mut connections = JoinSet::new();
    let mut stopping = stop.clone();
    loop {
        let (stream, from) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        let Some(guest) = guests.admit(Source::from(from.ip()), Instant::now()) else {
            // Nobody waits for one who may not even read it.
            let _ = stream.try_write(NO_PLACE.as_bytes());
            continue;
        };
        let (service, guests, stop) = (Rc::clone(&service), Rc::clone(&guests), stop.clone());
        connections.spawn_local(async move {
            let watched = Rc::clone(&guest);
            let served = serve_connection(
                stream,
                service,
                (&guests, watched),
                stop,
                limits.request_timeout,
            );
            tokio::select! {
                () = served => {}
                () = guest.dismissed() => {}
            }
            guests.leave(&guest);
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn serve_connection(
    stream: TcpStream,
    service: Rc<Service>,
    (guests, guest): (&Rc<Guests>, Rc<Guest>),
    mut stop: watch::Receiver<bool>,
    request_timeout: Duration,
) {
    // Without the first, answers would wait for more to be sent with them; by the second a client
    // that does not take its answer is given up.
    let patience = u32::try_from(request_timeout.as_millis()).unwrap_or(u32::MAX);
    let prepared = stream.set_nodelay(true).is_ok()
        && setsockopt(&stream, sockopt::TcpUserTimeout, &patience).is_ok();
    if !prepared {
        return;
    }
    let stream = Watched::new(stream, Rc::clone(guests), Rc::clone(&guest));
    let service = service_fn(move |request| {
        let (service, guest) = (Rc::clone(&service), Rc::clone(&guest));
        async move { Ok::<_, Infallible>(service.answer(request, &guest).await) }
    });
    // Answers are short: a copy of one costs less than to write it from two places. While an answer
    // is awaited nothing is read, not even whether the client has gone: a statement is not taken
    // back then, and each read would need a new buffer as long as the request lies in the last one.
    let connection = http1::Builder::new()
        .writev(false)
        .half_close(true)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        _ = stop.wait_for(|stop| *stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a client's connection ended: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_finds_no_place_is_told_in_one_whole_answer() {
        let (head, body) = NO_PLACE.split_once("\r\n\r\n").expect("a head and a body");
        let length = format!("Content-Length: {}", body.len());
        assert!(head.ends_with(&length), "{length} is right");
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(body["errorCode"], 170_007);
    }
}
