//! The interface for clients: HTTP/1.1 on a listener of its own.
//!
//! [`router`] says what a path means, [`service`] finds out who is to carry it out, [`rows`], [`batch`],
//! [`transaction`], [`scan`] and [`containers`] make statements and queries of requests, and answers of what
//! comes of them; [`many`] and [`tql`] take requests that speak of several containers apart. [`operation`]
//! shows how the node and the cluster are, [`members`] changes who belongs to it, [`error`] is everything
//! that can be wrong.

mod activity;
mod answer;
mod batch;
mod containers;
mod error;
mod forward;
mod headers;
mod many;
mod members;
mod numbered;
mod operation;
mod part;
mod partition_status;
mod router;
mod rows;
mod scan;
mod schema;
mod selected;
mod service;
mod tql;
mod transaction;

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::data::Data;

use activity::Activity;
use service::Service;

/// What there is to ask for, as OpenAPI 3.1.
const DESCRIPTION: &str = include_str!("openapi.json");
/// The database that all containers belong to.
const DATABASE: &str = "public";
/// After an error of `accept` (too many open files, mostly) the next one is tried this much later.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves clients until `stop` says so; then answers those who wait, and returns.
pub(crate) async fn serve(listener: TcpListener, data: Data, stop: watch::Receiver<bool>) {
    let limits = data.plane.borrow().settings().limits;
    let places = Arc::new(Semaphore::new(limits.client_connections));
    let service = Rc::new(Service::new(&data));
    let mut connections = JoinSet::new();
    let mut stopping = stop.clone();
    loop {
        // Those that are too many wait in the operating system's queue.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            break;
        };
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        let (service, stop) = (Rc::clone(&service), stop.clone());
        connections.spawn_local(async move {
            serve_connection(stream, service, stop, limits.request_timeout).await;
            drop(place);
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn serve_connection(
    stream: TcpStream,
    service: Rc<Service>,
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
    let activity = Rc::new(Activity::new());
    let answering = Rc::clone(&activity);
    let service = service_fn(move |request| {
        let (service, activity) = (Rc::clone(&service), Rc::clone(&answering));
        async move {
            let _answering = activity.answering();
            Ok::<_, Infallible>(service.answer(request).await)
        }
    });
    // Answers are short: a copy of one costs less than to write it from two places. While an answer
    // is awaited nothing is read, not even whether the client has gone: a statement is not taken
    // back then, and each read would need a new buffer as long as the request lies in the last one.
    let connection = http1::Builder::new()
        .writev(false)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        _ = stop.wait_for(|stop| *stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = activity.silence(request_timeout) => return,
    };
    if let Err(error) = ended {
        tracing::debug!("a client's connection ended: {error}");
    }
}
