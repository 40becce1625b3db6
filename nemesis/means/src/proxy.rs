//! A TCP proxy on one link, that can hold, delay or refuse what passes.
//!
//! A [`Link`] passes each connection on to its target: those that come to a port of its own, or those
//! that it is [handed](Link::carry). What it does with bytes and connections is its [`Conduct`], one for
//! each direction, which can change at any time and takes effect at once, on old connections too. A held link looks as a cut cable does:
//! connections stay open, and nothing comes. Bytes are never lost or altered within a connection,
//! since TCP would not do so either: a link that loses is one whose connections are closed.
//!
//! Needs no rights, works everywhere; costs a copy through user space, and delays have a grain of
//! about 1 ms.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use kensho_nemesis::conduct::{Conduct, Flow};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Bytes read at a time; also what one direction holds back before it stops reading.
const BUFFER_BYTES: usize = 64 * 1024;
/// How many delayed portions one direction keeps before it stops reading.
const DELAYED_MAX: usize = 256;

#[derive(Clone, Copy, Debug)]
struct State {
    conduct: Conduct,
    /// Connections of an older generation are closed.
    generation: u64,
}

/// A proxied link. Ends, with its connections, when dropped.
#[derive(Debug)]
pub struct Link {
    state: watch::Sender<State>,
    /// Where it listens, if it does.
    door: Option<Door>,
}

/// Takes connections at a port of loopback until it is dropped.
#[derive(Debug)]
pub(crate) struct Door {
    address: SocketAddr,
    acceptor: JoinHandle<()>,
}

impl Door {
    /// Hands each connection to `take`.
    pub(crate) async fn open(
        mut take: impl FnMut(TcpStream, SocketAddr) + Send + 'static,
    ) -> io::Result<Door> {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let accept = async move {
            loop {
                match listener.accept().await {
                    Ok((stream, from)) => take(stream, from),
                    // Out of file descriptors, or a connection that was gone already: go on in a while.
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        };
        let acceptor = tokio::spawn(accept);
        Ok(Door { address, acceptor })
    }

    /// Where to connect to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

impl Link {
    /// Listens on a free port of loopback and passes connections on to `target`.
    ///
    /// # Errors
    /// If there is no port to listen on.
    pub async fn open(target: SocketAddr) -> io::Result<Link> {
        let mut link = Link::without_door();
        let watched = link.state.subscribe();
        let door = Door::open(move |stream, _| carry(&watched, stream, target)).await?;
        link.door = Some(door);
        Ok(link)
    }

    /// A link that listens nowhere, and carries what it is handed.
    pub fn without_door() -> Link {
        let (state, _) = watch::channel(State {
            conduct: Conduct::OPEN,
            generation: 0,
        });
        Link { state, door: None }
    }

    /// Where to connect to, if it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.door.as_ref().map(Door::address)
    }

    /// Passes a connection on to `target`.
    pub fn carry(&self, stream: TcpStream, target: SocketAddr) {
        carry(&self.state.subscribe(), stream, target);
    }

    /// What the link does now.
    pub fn conduct(&self) -> Conduct {
        self.state.borrow().conduct
    }

    /// From now on the link does this, on old connections too.
    pub fn set(&self, conduct: Conduct) {
        self.state.send_modify(|state| state.conduct = conduct);
    }

    /// Closes every connection there is; what they held is lost.
    pub fn close_connections(&self) {
        self.state.send_modify(|state| state.generation += 1);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.close_connections();
    }
}

fn carry(state: &watch::Receiver<State>, client: TcpStream, target: SocketAddr) {
    let mut state = state.clone();
    let State {
        conduct,
        generation,
    } = *state.borrow_and_update();
    if conduct.accept {
        tokio::spawn(connection(client, target, Watch { state, generation }));
    }
}

/// A connection's view of its link.
#[derive(Clone)]
struct Watch {
    state: watch::Receiver<State>,
    generation: u64,
}

impl Watch {
    /// The conduct now; `None` if the connection is to be closed.
    fn conduct(&self) -> Option<Conduct> {
        let state = *self.state.borrow();
        (state.generation == self.generation).then_some(state.conduct)
    }

    /// Waits for a change; `None` if the connection is to be closed.
    async fn changed(&mut self) -> Option<Conduct> {
        self.state.changed().await.ok()?;
        self.conduct()
    }
}

async fn connection(mut client: TcpStream, target: SocketAddr, mut watch: Watch) {
    // On a cut link the target does not even hear of the connection.
    while watch
        .conduct()
        .is_some_and(|conduct| conduct.forward == Flow::Hold)
    {
        if watch.changed().await.is_none() {
            return;
        }
    }
    let Ok(mut server) = TcpStream::connect(target).await else {
        return;
    };
    // Small messages must not wait for one another; without it the proxy would only be slower.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (client_read, client_write) = client.split();
    let (server_read, server_write) = server.split();
    let forward = pump(client_read, server_write, watch.clone(), |conduct| {
        conduct.forward
    });
    let backward = pump(server_read, client_write, watch, |conduct| conduct.backward);
    // An end of stream in one direction leaves the other one open; an error or a change of
    // generation ends both.
    let _ = tokio::try_join!(forward, backward);
}

/// The connection is over.
struct Closed;

/// Carries one direction until its end of stream.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut watch: Watch,
    direction: fn(Conduct) -> Flow,
) -> Result<(), Closed> {
    let mut buffer = vec![0; BUFFER_BYTES];
    // What was read and must not pass yet, with the time at which it may; an empty portion is the
    // end of the stream.
    let mut waiting: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
    let mut ended = false;
    loop {
        let flow = direction(watch.conduct().ok_or(Closed)?);
        if flow != Flow::Hold {
            let due = |at: Instant| flow == Flow::Pass || at <= Instant::now();
            while waiting.front().is_some_and(|(at, _)| due(*at)) {
                let (_, portion) = waiting.pop_front().expect("there is a first one");
                if portion.is_empty() {
                    let _ = to.shutdown().await;
                    return Ok(());
                }
                write(&mut to, &portion, &mut watch).await?;
            }
        }
        let limit = if flow == Flow::Hold { 1 } else { DELAYED_MAX };
        let next_due = waiting
            .front()
            .map(|(at, _)| *at)
            .filter(|_| flow != Flow::Hold);
        tokio::select! {
            changed = watch.changed() => {
                changed.ok_or(Closed)?;
            }
            () = tokio::time::sleep_until(next_due.unwrap_or_else(Instant::now)),
                if next_due.is_some() => {}
            read = from.read(&mut buffer), if !ended && waiting.len() < limit => {
                let count = read.map_err(|_| Closed)?;
                ended = count == 0;
                // The link may have been cut while this was under way.
                let flow = direction(watch.conduct().ok_or(Closed)?);
                if flow == Flow::Pass && waiting.is_empty() && !ended {
                    write(&mut to, &buffer[..count], &mut watch).await?;
                    continue;
                }
                let delay = if let Flow::Delay(delay) = flow { delay } else { Duration::ZERO };
                waiting.push_back((Instant::now() + delay, buffer[..count].to_vec()));
            }
        }
    }
}

/// Writes all of `bytes`, unless the connection is to be closed meanwhile: who does not read (a
/// paused process) must not keep it open.
async fn write(to: &mut WriteHalf<'_>, bytes: &[u8], watch: &mut Watch) -> Result<(), Closed> {
    let mut left = bytes;
    while !left.is_empty() {
        tokio::select! {
            biased;
            written = to.write(left) => left = &left[written.map_err(|_| Closed)?..],
            changed = watch.changed() => {
                changed.ok_or(Closed)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
