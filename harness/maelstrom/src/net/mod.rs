//! The network: it carries messages between nodes, clients and services, and harms those that no
//! client is part of.
//!
//! It has no clock: whoever sends says when, and whoever receives asks what has arrived by then.
//! Clients talk to nodes without any delay, as if they lived there; delays between them would only
//! hide anomalies. Links are cut between nodes alone: services are always reached.

mod address;
mod count;
mod fate;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use serde_json::Value;

pub use address::Address;
pub use count::{Counts, NetCounts};
pub use fate::{Conditions, Distribution};

/// A message on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Packet {
    /// Its number, from 0; the copies of a doubled message have the same.
    pub id: u64,
    /// Who sent it.
    pub src: Address,
    /// Who is to get it.
    pub dest: Address,
    /// The whole message as it was sent, without the end of the line.
    pub line: String,
    /// Its body.
    pub body: Value,
}

/// What became of a packet that was due.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrival {
    /// It arrived.
    Received(Packet),
    /// Its link is cut.
    Cut(Packet),
}

/// The network.
#[derive(Debug)]
pub struct Network {
    conditions: Conditions,
    seed: u64,
    next_id: u64,
    /// How many packets each link was given.
    links: HashMap<(Address, Address), u64>,
    /// By the time at which each is due, then by the order of sending.
    due: BinaryHeap<Reverse<(u64, u64)>>,
    under_way: HashMap<u64, Packet>,
    scheduled: u64,
    /// The links that each fault has cut, by its number: from a node, to a node.
    cuts: BTreeMap<usize, BTreeSet<(usize, usize)>>,
    counts: NetCounts,
}

impl Network {
    /// A network where nothing is under way.
    pub fn new(conditions: Conditions, seed: u64) -> Network {
        Network {
            conditions,
            seed,
            next_id: 0,
            links: HashMap::new(),
            due: BinaryHeap::new(),
            under_way: HashMap::new(),
            scheduled: 0,
            cuts: BTreeMap::new(),
            counts: NetCounts::default(),
        }
    }

    /// Takes a message at this time. Returns its number.
    pub fn send(
        &mut self,
        now: u64,
        src: Address,
        dest: Address,
        line: String,
        body: Value,
    ) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let packet = Packet {
            id,
            src,
            dest,
            line,
            body,
        };
        self.counts.sent(&packet);
        let mut fate = if src.is_client() || dest.is_client() {
            vec![0]
        } else {
            let count = self.links.entry((src, dest)).or_default();
            *count += 1;
            self.conditions.fate(self.seed, (src, dest), *count - 1)
        };
        let Some(last) = fate.pop() else {
            self.counts.lost += 1;
            return id;
        };
        for latency in fate {
            self.counts.doubled += 1;
            self.schedule(now + latency, packet.clone());
        }
        self.schedule(now + last, packet);
        id
    }

    fn schedule(&mut self, at: u64, packet: Packet) {
        let number = self.scheduled;
        self.scheduled += 1;
        self.due.push(Reverse((at, number)));
        self.under_way.insert(number, packet);
    }

    /// When the next packet is due.
    pub fn deadline(&self) -> Option<u64> {
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    /// The next packet that is due by now.
    pub fn receive(&mut self, now: u64) -> Option<Arrival> {
        if self.deadline()? > now {
            return None;
        }
        let Reverse((_, number)) = self.due.pop()?;
        let packet = self.under_way.remove(&number)?;
        if let (Address::Node(src), Address::Node(dest)) = (packet.src, packet.dest)
            && self.cuts.values().any(|cut| cut.contains(&(src, dest)))
        {
            self.counts.cut += 1;
            return Some(Arrival::Cut(packet));
        }
        Some(Arrival::Received(packet))
    }

    /// A packet that arrived has been given to whom it was for.
    pub fn delivered(&mut self, packet: &Packet) {
        self.counts.received(packet);
    }

    /// A packet that arrived found nobody.
    pub fn found_nobody(&mut self) {
        self.counts.found_nobody += 1;
    }

    /// A fault cuts these links, given as from whom and to whom.
    pub fn cut(&mut self, fault: usize, links: BTreeSet<(usize, usize)>) {
        self.cuts.insert(fault, links);
    }

    /// The links that a fault has cut are whole again.
    pub fn heal(&mut self, fault: usize) {
        self.cuts.remove(&fault);
    }

    /// What was counted so far.
    pub fn counts(&self) -> &NetCounts {
        &self.counts
    }
}

#[cfg(test)]
mod tests;
