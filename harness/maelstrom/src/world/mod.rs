//! The world of a test, as one state machine without I/O: nodes on a network, clients, services,
//! faults, and the phases of a run.
//!
//! Whoever drives it ([`crate::real`], or a test in virtual time) hands in what nodes say and when
//! they end, calls [`World::tick`] when [`World::deadline`] has come, carries out the
//! [`Order`]s, and writes the events down. Time is a number of nanoseconds.

mod clients;
mod faults;
mod nodes;
mod phases;
mod remains;
mod trace;

use std::collections::HashMap;

use fastrand::Rng;
use kensho_checker::history::Event;
use kensho_results::progress::Stage;

use crate::body::Message;
use crate::fault::Planned;
use crate::net::{Address, Arrival, Conditions, Network, Packet};
use crate::service::Services;
use crate::workload::Workload;
use clients::Clients;
use faults::Faults;
use nodes::Node;
use phases::Phase;

pub use clients::Tally;
pub use remains::Remains;
pub use trace::{Trace, Traced, Way};

/// How often clients ask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// So many operations a second, on average.
    PerSecond(f64),
    /// As soon as a client is free.
    Max,
}

/// What a run is to be like.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The nodes' names.
    pub nodes: Vec<String>,
    /// How many clients there are; the k-th one talks to the k-th node, beginning anew after the
    /// last one.
    pub clients: usize,
    /// How often they ask.
    pub rate: Rate,
    /// How long the main part lasts.
    pub length_ns: u64,
    /// The network.
    pub conditions: Conditions,
    /// The faults.
    pub faults: Vec<Planned>,
    /// After so long a client gives up.
    pub call_timeout_ns: u64,
    /// After so long it is an error that a node has not answered `init`.
    pub setup_timeout_ns: u64,
    /// So long everything may take to arrive everywhere, after the main part.
    pub recovery_ns: u64,
    /// The seed of every choice.
    pub seed: u64,
    /// Whether to tell of each message when it is sent.
    pub log_net_send: bool,
    /// Whether to tell of each message when it arrives.
    pub log_net_recv: bool,
}

/// Something to be done to a node's process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Start it.
    Start(usize),
    /// End it at once.
    Kill(usize),
    /// Let it stand still.
    Pause(usize),
    /// Let it go on.
    Resume(usize),
    /// Write this line to it.
    Deliver(usize, String),
}

/// A node broke the protocol, which ends the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The node.
    pub node: String,
    /// What it did, what was expected, and what to do.
    pub text: String,
}

/// The world.
pub struct World {
    settings: Settings,
    workload: Box<dyn Workload>,
    network: Network,
    services: Services,
    nodes: Vec<Node>,
    clients: Clients,
    /// Who of the harness goes by the address `c0`, `c1`, …; those that are gone are missing.
    addresses: HashMap<u64, Owner>,
    next_address: u64,
    faults: Faults,
    phase: Phase,
    /// When the main part began.
    origin: u64,
    draw: Rng,
    orders: Vec<Order>,
    events: Vec<Event>,
    trouble: Option<Trouble>,
    interrupted: bool,
    trace: Trace,
    log: Vec<String>,
    /// The first message to a client that answers nothing, and how many there were.
    strays: (u64, Option<String>),
}

/// Whose address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// The setup of a node.
    Setup(usize),
    /// A client, by its number.
    Client(usize),
}

impl World {
    /// A world in which nothing has begun.
    pub fn new(settings: Settings, workload: Box<dyn Workload>) -> World {
        let mut draw = Rng::with_seed(settings.seed);
        World {
            network: Network::new(settings.conditions, draw.u64(..)),
            services: Services::new(draw.u64(..)),
            nodes: settings.nodes.iter().map(|_| Node::down()).collect(),
            clients: Clients::default(),
            addresses: HashMap::new(),
            next_address: 0,
            faults: Faults::new(settings.faults.len()),
            phase: Phase::Starting,
            origin: 0,
            draw,
            orders: Vec::new(),
            events: Vec::new(),
            trouble: None,
            interrupted: false,
            trace: Trace::default(),
            log: Vec::new(),
            strays: (0, None),
            settings,
            workload,
        }
    }

    /// Starts all nodes.
    pub fn start(&mut self, now: u64) {
        for node in 0..self.nodes.len() {
            self.start_node(now, node);
        }
        self.tick(now);
    }

    /// Does what is due by now.
    pub fn tick(&mut self, now: u64) {
        while self.phase != Phase::Over {
            let mut something = false;
            while let Some(arrival) = self.network.receive(now) {
                self.arrive(now, arrival);
                something = true;
            }
            something |= self.expire(now);
            something |= self.strike(now);
            something |= self.advance(now);
            if !something {
                break;
            }
        }
    }

    /// When [`World::tick`] has something to do; none if it waits for nodes alone.
    pub fn deadline(&self) -> Option<u64> {
        if self.phase == Phase::Over {
            return None;
        }
        let all = [
            self.network.deadline(),
            self.next_expiry(),
            self.next_strike(),
            self.next_advance(),
        ];
        all.into_iter().flatten().min()
    }

    /// A node has written a line.
    pub fn node_said(&mut self, now: u64, node: usize, line: String) {
        if self.phase == Phase::Over || self.nodes[node].is_down() {
            return;
        }
        let message = match Message::parse(&line) {
            Ok(message) => message,
            Err(why) => {
                let text = format!(
                    "it wrote a line to its standard output that is no message: {why}.\n  \
                     the line:  {}\n  expected:  {}\n  \
                     Logs belong on the standard error.",
                    shown(&line),
                    Message::FORM
                );
                return self.give_up(node, text);
            }
        };
        let nodes = &self.settings.nodes;
        let known = |name: &str| Address::named(name, nodes, self.next_address);
        let (src, dest) = (known(&message.src), known(&message.dest));
        let (Some(_), Some(dest)) = (src, dest) else {
            let (field, name) = match src {
                None => ("src", &message.src),
                Some(_) => ("dest", &message.dest),
            };
            let text = format!(
                "it sent a message whose \"{field}\" is {name:?}, and nobody has that name.\n  \
                 the line:  {}\n  expected:  a node ({}), a service (lin-kv, seq-kv, lww-kv, lin-tso) or a client that asked (c0, c1, …)",
                shown(&line),
                nodes.join(", "),
            );
            return self.give_up(node, text);
        };
        self.send(now, Address::Node(node), dest, line, message.body);
    }

    /// A node has written something that is not even a line.
    pub fn node_wrote(&mut self, node: usize, what: &str) {
        let text = format!(
            "it wrote {what} to its standard output.\n  expected:  {}",
            Message::FORM
        );
        self.give_up(node, text);
    }

    /// A node's process has ended, and nobody had asked it to.
    pub fn node_ended(&mut self, node: usize, status: &str, last_words: &str) {
        if self.phase == Phase::Over || self.nodes[node].is_down() {
            return;
        }
        let words = match last_words {
            "" => "It wrote nothing to its standard error.".to_owned(),
            words => format!("The end of its log:\n{words}"),
        };
        let text = format!(
            "it ended by itself ({status}); nodes must run until they are stopped.\n  {words}"
        );
        self.give_up(node, text);
    }

    /// Ends the run early.
    pub fn interrupt(&mut self) {
        self.interrupted = true;
        self.phase = Phase::Over;
    }

    /// Whether everything is over.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// What is to be done to nodes, in this order.
    pub fn take_orders(&mut self) -> Vec<Order> {
        std::mem::take(&mut self.orders)
    }

    /// What has happened, in this order.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// What is to be told of messages.
    pub fn take_log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }

    /// What the run is doing, in words.
    pub fn doing(&self) -> &'static str {
        self.phase.in_words()
    }

    /// The same for those who watch from elsewhere.
    pub fn stage(&self) -> Stage {
        self.phase.stage()
    }

    /// How many faults have begun.
    pub fn faults_begun(&self) -> u64 {
        self.faults.begun()
    }

    /// How operations ended so far.
    pub fn tally(&self) -> &Tally {
        self.clients.tally()
    }

    /// The fault that goes on, in words.
    pub fn present_fault(&self) -> Option<String> {
        self.faults.present()
    }

    /// How long the main part has lasted at this time.
    pub fn elapsed_ns(&self, now: u64) -> u64 {
        match self.phase {
            Phase::Starting => 0,
            _ => now.saturating_sub(self.origin),
        }
    }

    fn send(
        &mut self,
        now: u64,
        src: Address,
        dest: Address,
        line: String,
        body: serde_json::Value,
    ) {
        let at = now.saturating_sub(self.origin);
        self.trace.sent(at, src, dest, &body);
        if self.settings.log_net_send {
            self.log.push(format!("send {line}"));
        }
        self.network.send(now, src, dest, line, body);
    }

    fn arrive(&mut self, now: u64, arrival: Arrival) {
        let at = now.saturating_sub(self.origin);
        let packet = match arrival {
            Arrival::Received(packet) => packet,
            Arrival::Cut(packet) => {
                self.trace.ended(packet.id, at, Way::Cut);
                return;
            }
        };
        if let Address::Node(node) = packet.dest
            && !self.nodes[node].hears(packet.src)
        {
            self.trace.ended(packet.id, at, Way::FoundNobody);
            self.network.found_nobody();
            return;
        }
        self.network.delivered(&packet);
        self.trace.ended(packet.id, at, Way::Received);
        if self.settings.log_net_recv {
            self.log.push(format!("recv {}", packet.line));
        }
        match packet.dest {
            Address::Node(node) => self.orders.push(Order::Deliver(node, packet.line)),
            Address::Service(service) => {
                let mut answer = self.services.answer(service, packet.src, &packet.body);
                if let Some(id) = packet.body.get("msg_id") {
                    answer["in_reply_to"] = id.clone();
                }
                let message = Message {
                    src: service.name().to_owned(),
                    dest: packet.src.name(&self.settings.nodes),
                    body: answer,
                };
                let line = message.line();
                self.send(now, packet.dest, packet.src, line, message.body);
            }
            Address::Client(address) => self.client_hears(now, address, &packet),
        }
    }

    fn client_hears(&mut self, now: u64, address: u64, packet: &Packet) {
        match self.addresses.get(&address).copied() {
            Some(Owner::Setup(node)) => self.setup_hears(now, node, packet),
            Some(Owner::Client(client)) => self.call_hears(now, client, packet),
            // A late answer to a client that has given up.
            None => {}
        }
    }

    fn new_address(&mut self, owner: Owner) -> u64 {
        let address = self.next_address;
        self.next_address += 1;
        self.addresses.insert(address, owner);
        address
    }

    /// Ends the run because of what a node did.
    fn give_up(&mut self, node: usize, text: String) {
        let node = self.settings.nodes[node].clone();
        self.trouble.get_or_insert(Trouble { node, text });
        self.phase = Phase::Over;
    }
}

/// A line as an error shows it.
fn shown(line: &str) -> String {
    const LETTERS_MAX: usize = 400;
    match line.char_indices().nth(LETTERS_MAX) {
        None => line.to_owned(),
        Some((end, _)) => format!("{}… ({} bytes)", &line[..end], line.len()),
    }
}

#[cfg(test)]
mod tests;
