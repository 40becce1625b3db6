//! Runs in a browser: a list of all of them, a page and the files of each, two beside each other,
//! and a live view of one that goes on.
//!
//! It only reads, and only below one folder. It is made for the person at this machine: it has no
//! accounts, listens on loopback unless told otherwise, and does not answer pages of other sites
//! that had a name of theirs lead here (`guard`). The pages work without scripts; with them the
//! list follows what is typed, and numbers move while a run lasts.

mod answer;
mod compare;
mod files;
mod guard;
mod list;
mod live;
mod page;
mod query;
mod router;
mod run;

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use kensho_results::listing::Listing;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::runner::interrupt::Interrupt;

/// A client has so long to send its request's head.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// After an error of `accept` (too many open files, mostly) the next one is tried this much later.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A server that listens.
pub struct Server {
    listener: TcpListener,
    listing: Arc<Listing>,
}

impl Server {
    /// Listens on an address (port 0 for any free one) to show the runs below `root`.
    ///
    /// # Errors
    /// If the address is taken, or is none of this machine's, or `root` is no folder.
    pub async fn bind(listen: SocketAddr, root: &Path) -> Result<Server> {
        std::fs::create_dir_all(root).with_context(|| {
            format!(
                "there is no folder of runs {}, and it cannot be made",
                root.display()
            )
        })?;
        let listener = match TcpListener::bind(listen).await {
            Ok(listener) => listener,
            Err(error) if error.kind() == ErrorKind::AddrInUse => bail!(
                "{listen} is in use, perhaps by another kensho serve; end that, or choose another \
                 port: --listen {}:{}",
                listen.ip(),
                listen.port().wrapping_add(1).max(1024)
            ),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot listen on {listen}"));
            }
        };
        Ok(Server {
            listener,
            listing: Arc::new(Listing::new(root)),
        })
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// If the operating system does not tell.
    pub fn address(&self) -> Result<SocketAddr> {
        self.listener
            .local_addr()
            .context("the listener has no address")
    }

    /// Serves until it is interrupted; then ends all answers, and returns.
    pub async fn run(self, mut interrupt: Interrupt) {
        let local = self.listener.local_addr();
        let loopback = local.is_ok_and(|address| address.ip().is_loopback());
        let mut connections = JoinSet::new();
        let ended = interrupt.clone();
        loop {
            let stream = tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        eprintln!("cannot accept a connection: {error}");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
                () = interrupt.wait() => break,
            };
            let site = router::Site {
                listing: Arc::clone(&self.listing),
                loopback,
                interrupt: ended.clone(),
            };
            connections.spawn(serve_connection(stream, site));
            while connections.try_join_next().is_some() {}
        }
        drop(self.listener);
        while connections.join_next().await.is_some() {}
    }
}

async fn serve_connection(stream: TcpStream, site: router::Site) {
    let mut interrupt = site.interrupt.clone();
    let service = service_fn(move |request| {
        let site = site.clone();
        async move { Ok::<_, Infallible>(router::answer(site, &request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // A browser that went away is no error of ours.
    let _ = tokio::select! {
        ended = connection.as_mut() => ended,
        () = interrupt.wait() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
}
