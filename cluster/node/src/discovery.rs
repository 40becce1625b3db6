//! The master makes itself known, and a node that is to join a cluster finds it.

use std::io;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use kensho_notice::{Group, Key, Notice};
use kensho_protocol::coordinator::Standing;
use kensho_protocol::table::Member;
use serde::Deserialize;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::control::{Heard, Shown};
use crate::settings::{Discovery, JoinBy, MemberSetting, Settings};

/// A provider has so long to answer...
const PROVIDER_PATIENCE: Duration = Duration::from_secs(5);
/// ...with at most so many bytes.
const PROVIDER_BYTES: usize = 1 << 20;
/// After an error nothing is tried again before.
const PAUSE: Duration = Duration::from_secs(1);

/// What is told, and heard, with a node's name for itself.
pub(crate) struct Known {
    cluster: String,
    key: Key,
    discovery: Discovery,
    me: Member,
    shown: watch::Receiver<Shown>,
}

impl Known {
    pub(crate) fn new(settings: &Settings, me: Member, shown: watch::Receiver<Shown>) -> Self {
        Known {
            cluster: settings.identity.cluster.clone(),
            key: Key::of(&settings.secret),
            discovery: settings.discovery.clone(),
            me,
            shown,
        }
    }

    /// Makes this node known to the group while it is master: at once, and then at an interval.
    pub(crate) async fn announce(mut self) {
        let Some(group) = self.discovery.group else {
            return;
        };
        let mut ticks = interval(self.discovery.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut socket = None;
        let mut was_master = false;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                changed = self.shown.changed() => {
                    let is_master = self.notice().is_some();
                    if changed.is_err() {
                        return;
                    }
                    if is_master == std::mem::replace(&mut was_master, is_master) {
                        continue;
                    }
                }
            }
            if let Some(notice) = self.notice()
                && let Err(error) = send(&mut socket, group, &self.key.sign(&notice)).await
            {
                tracing::warn!(group = %group.address, "the notice cannot be sent: {error}");
                socket = None;
            }
        }
    }

    /// What there is to tell, if this node is master.
    fn notice(&self) -> Option<Notice> {
        let shown = self.shown.borrow();
        let table = shown.view.table.as_ref().filter(|table| table.born)?;
        let is_master = matches!(shown.view.standing, Standing::Master);
        is_master.then(|| Notice {
            cluster: self.cluster.clone(),
            master: self.me.name.clone(),
            client: self.me.client_address.clone(),
            peer: self.me.peer_address.clone(),
            term: table.stamp.term.0,
            revision: table.stamp.revision.0,
        })
    }

    /// Looks for members of the cluster until this node is one, and says each time whom it has found.
    pub(crate) async fn look(self, found: mpsc::Sender<Heard>) {
        let Some(by) = self.discovery.join_by.clone() else {
            return;
        };
        let mut listening = None;
        while self.shown.borrow().view.table.is_none() {
            let members = match &by {
                JoinBy::Notice => self.hear(&mut listening).await,
                JoinBy::Provider(url) => ask(url).await,
            };
            match members {
                Ok(members) => {
                    tracing::info!(?members, "members of a cluster to join were found");
                    if found.send(Heard::Join(members)).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(self.discovery.interval).await;
                }
                Err(error) => {
                    tracing::warn!(?by, "no cluster to join is found: {error}");
                    listening = None;
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// The master, by its next notice.
    async fn hear(&self, listening: &mut Option<UdpSocket>) -> io::Result<Vec<MemberSetting>> {
        let group = self.discovery.group.expect("the settings were checked");
        let socket = match listening {
            Some(socket) => socket,
            None => listening.insert(UdpSocket::from_std(group.listener()?)?),
        };
        let mut datagram = [0; kensho_notice::LONGEST];
        loop {
            let (length, from) = socket.recv_from(&mut datagram).await?;
            match self.key.read(&datagram[..length], &self.cluster) {
                Some(notice) => {
                    return Ok(vec![MemberSetting {
                        name: notice.master,
                        peer: notice.peer,
                    }]);
                }
                None => tracing::debug!(%from, "a datagram is no notice of this cluster"),
            }
        }
    }
}

async fn send(socket: &mut Option<UdpSocket>, group: Group, datagram: &[u8]) -> io::Result<()> {
    let socket = match socket {
        Some(socket) => socket,
        None => socket.insert(UdpSocket::from_std(group.sender()?)?),
    };
    socket.send_to(datagram, group.address).await.map(drop)
}

/// A member as a provider has it. What else is said of it is for others.
#[derive(Deserialize)]
struct Provided {
    name: String,
    peer: String,
}

impl From<Provided> for MemberSetting {
    fn from(Provided { name, peer }: Provided) -> Self {
        MemberSetting { name, peer }
    }
}

/// The members that are listed at a URL: a JSON array of `{"name":"n1","peer":"host:port"}`.
async fn ask(url: &str) -> io::Result<Vec<MemberSetting>> {
    let wrong = |what: String| io::Error::other(format!("{url}: {what}"));
    let address = url.parse().map_err(|error| wrong(format!("{error}")))?;
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let exchange = async {
        let answer = client.get(address).await;
        let answer = answer.map_err(|error| wrong(error.to_string()))?;
        if !answer.status().is_success() {
            return Err(wrong(format!("the answer is {}", answer.status())));
        }
        let body = Limited::new(answer.into_body(), PROVIDER_BYTES).collect();
        let body = body.await.map_err(|error| wrong(error.to_string()))?;
        let members: Vec<Provided> =
            serde_json::from_slice(&body.to_bytes()).map_err(|error| {
                wrong(format!(
                    "the answer is no list such as [{{\"name\":\"n1\",\"peer\":\"host:port\"}}]: {error}"
                ))
            })?;
        match members.is_empty() {
            true => Err(wrong("the list is empty".to_owned())),
            false => Ok(members.into_iter().map(MemberSetting::from).collect()),
        }
    };
    let answered = timeout(PROVIDER_PATIENCE, exchange).await;
    answered.unwrap_or_else(|_| Err(wrong("no answer came in time".to_owned())))
}
