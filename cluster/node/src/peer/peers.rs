//! All nodes that this one talks to, on one plane.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use kensho_protocol::ids::NodeId;
use kensho_protocol::table::{Member, Table};
use serde::Serialize;
use tokio::sync::mpsc;

use super::{Encoder, Hello, Introduction, Link, LinkSettings, Outbox};

/// What the links of a plane tell.
pub(crate) enum Seen {
    /// A node answered.
    Met(Met),
    /// Where the node of this name has answered, nobody listens any more.
    Gone(String),
}

/// A node answered: from now on messages to it can be sent.
pub(crate) struct Met {
    pub(crate) member: Member,
    outbox: Arc<Outbox>,
}

/// The nodes that this one talks to.
pub(crate) struct Peers {
    settings: LinkSettings,
    /// The names of those that a link was made to.
    linked: HashSet<String>,
    peers: HashMap<NodeId, Peer>,
    seen: mpsc::UnboundedSender<Seen>,
}

struct Peer {
    name: String,
    outbox: Arc<Outbox>,
    waiting: Encoder,
}

impl Peers {
    /// No nodes yet. The receiver says who answers; each is to be handed to [`Peers::meet`]. A node
    /// answers once for each connection, so there are never many of them.
    pub(crate) fn new(settings: LinkSettings) -> (Self, mpsc::UnboundedReceiver<Seen>) {
        let (seen, receiver) = mpsc::unbounded_channel();
        let peers = Peers {
            linked: HashSet::from([settings.hello.ours.member.name.clone()]),
            settings,
            peers: HashMap::new(),
            seen,
        };
        (peers, receiver)
    }

    /// What this node goes by.
    pub(crate) fn hello(&self) -> &Hello {
        &self.settings.hello
    }

    /// Connects to the node `name` at `address`, and goes on trying, unless that was done before.
    pub(crate) fn link(&mut self, name: &str, address: &str) {
        if !self.linked.insert(name.to_owned()) {
            return;
        }
        let link = Link::new(&self.settings, name, address);
        let (met, gone) = (self.seen.clone(), self.seen.clone());
        // They are heard by nobody only while the node stops.
        let met = move |theirs: &Introduction, outbox: &Arc<Outbox>| {
            let _ = met.send(Seen::Met(Met {
                member: theirs.member.clone(),
                outbox: Arc::clone(outbox),
            }));
        };
        let gone = move |name: &str| {
            let _ = gone.send(Seen::Gone(name.to_owned()));
        };
        tokio::spawn(link.run(met, gone));
    }

    /// Connects to a node that no address was configured for.
    pub(crate) fn link_member(&mut self, member: &Member) {
        self.link(&member.name, &member.peer_address);
    }

    /// Connects to all members of the table.
    pub(crate) fn link_members(&mut self, table: &Table) {
        for member in table.members.values() {
            self.link_member(member);
        }
    }

    /// Remembers under which identity a node answers.
    pub(crate) fn meet(&mut self, met: Met) {
        // A node whose data was wiped comes back under another identity.
        self.peers.retain(|_, peer| peer.name != met.member.name);
        let peer = Peer {
            name: met.member.name,
            outbox: met.outbox,
            waiting: Encoder::default(),
        };
        self.peers.insert(met.member.id, peer);
    }

    /// Queues a message; it is dropped if the node is not known.
    pub(crate) fn send<M: Serialize>(&mut self, to: NodeId, message: &M) {
        if let Some(peer) = self.peers.get_mut(&to)
            && peer.outbox.is_connected()
        {
            peer.waiting.push(message);
        }
    }

    /// Hands over what was queued: all messages to one node as one piece.
    pub(crate) fn flush(&mut self) {
        for peer in self.peers.values_mut() {
            if !peer.waiting.is_empty() {
                peer.outbox.push(peer.waiting.take());
            }
        }
    }

    /// For each node that answered once: its name, whether it is connected, and how many batches of
    /// messages to it were dropped.
    pub(crate) fn figures(&self) -> Vec<(String, bool, u64)> {
        let figure = |peer: &Peer| {
            (
                peer.name.clone(),
                peer.outbox.is_connected(),
                peer.outbox.dropped(),
            )
        };
        self.peers.values().map(figure).collect()
    }
}
