//! A node's life: it is started, told who it is, set up for the workload, and takes part.

use super::{Order, Owner, World, shown};
use crate::body::{Message, Request, in_reply_to};
use crate::net::{Address, Packet};

/// A node as the world sees it.
#[derive(Debug)]
pub(super) struct Node {
    life: Life,
    pub(super) paused: bool,
    /// Whether its process was given `init`, which is the first that it gets.
    told: bool,
}

#[derive(Debug)]
enum Life {
    Down,
    /// It has to answer this before clients ask it anything. It may need others for that.
    Starting(Setup),
    Up,
}

/// A request of the harness itself.
#[derive(Debug)]
struct Setup {
    address: u64,
    msg_id: u64,
    request: Request,
    deadline: u64,
}

impl Node {
    pub(super) fn down() -> Node {
        Node {
            life: Life::Down,
            paused: false,
            told: false,
        }
    }

    pub(super) fn is_down(&self) -> bool {
        matches!(self.life, Life::Down)
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(self.life, Life::Up)
    }

    /// Its health, for readers.
    pub(super) fn health(&self) -> &'static str {
        match &self.life {
            Life::Down => "down",
            _ if self.paused => "paused",
            Life::Starting(_) => "starting",
            Life::Up => "up",
        }
    }

    /// Whether it gets what this one sends.
    pub(super) fn hears(&mut self, src: Address) -> bool {
        if let (Life::Starting(setup), Address::Client(address)) = (&self.life, src) {
            self.told |= setup.address == address;
        }
        self.told
    }
}

impl World {
    /// Starts a node, and tells it who it is.
    pub(super) fn start_node(&mut self, now: u64, node: usize) {
        self.orders.push(Order::Start(node));
        self.nodes[node].paused = false;
        let address = self.new_address(Owner::Setup(node));
        let request = Request::init(&self.settings.nodes[node], &self.settings.nodes);
        self.set_up(now, node, address, 1, request);
    }

    /// Ends a node's process.
    pub(super) fn kill_node(&mut self, node: usize) {
        self.orders.push(Order::Kill(node));
        let before = std::mem::replace(&mut self.nodes[node], Node::down());
        if let Life::Starting(setup) = before.life {
            self.addresses.remove(&setup.address);
        }
    }

    pub(super) fn pause_node(&mut self, node: usize) {
        self.orders.push(Order::Pause(node));
        self.nodes[node].paused = true;
    }

    /// Time in which it stood still does not count for its start.
    pub(super) fn resume_node(&mut self, now: u64, node: usize) {
        self.orders.push(Order::Resume(node));
        self.nodes[node].paused = false;
        if let Life::Starting(setup) = &mut self.nodes[node].life {
            setup.deadline = now + self.settings.setup_timeout_ns;
        }
    }

    fn set_up(&mut self, now: u64, node: usize, address: u64, msg_id: u64, request: Request) {
        let message = Message {
            src: Address::Client(address).name(&self.settings.nodes),
            dest: self.settings.nodes[node].clone(),
            body: request.body(msg_id),
        };
        self.nodes[node].life = Life::Starting(Setup {
            address,
            msg_id,
            request,
            deadline: now + self.settings.setup_timeout_ns,
        });
        let line = message.line();
        let dest = Address::Node(node);
        self.send(now, Address::Client(address), dest, line, message.body);
    }

    /// A node answers a request of the harness.
    pub(super) fn setup_hears(&mut self, now: u64, node: usize, packet: &Packet) {
        let Life::Starting(setup) = &self.nodes[node].life else {
            return;
        };
        if in_reply_to(&packet.body) != Some(setup.msg_id) {
            return;
        }
        let (address, msg_id) = (setup.address, setup.msg_id);
        let refusal = match setup.request.read_answer(&packet.body) {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(format!("it is an error: {error}")),
            Err(why) => Some(why),
        };
        if let Some(why) = refusal {
            let text = format!(
                "it was sent {:?}, and its answer is none: {why}.\n  the line:  {}\n  expected:  {}",
                setup.request.kind(),
                shown(&packet.line),
                setup.request.form()
            );
            return self.give_up(node, text);
        }
        let was_init = setup.request.kind() == "init";
        match self.workload.setup().filter(|_| was_init) {
            Some(request) => self.set_up(now, node, address, msg_id + 1, request),
            None => {
                self.nodes[node].life = Life::Up;
                self.addresses.remove(&address);
            }
        }
    }

    /// Ends the run if a node has not answered for too long.
    pub(super) fn expire_setups(&mut self, now: u64) -> bool {
        let late = self.nodes.iter().position(|node| match &node.life {
            Life::Starting(setup) => !node.paused && setup.deadline <= now,
            _ => false,
        });
        let Some(node) = late else {
            return false;
        };
        if let Life::Starting(setup) = &self.nodes[node].life {
            let text = format!(
                "it did not answer {:?} within {} s.\n  \
                 expected:  a line with the body {}\n  \
                 Does it read lines from its standard input, and flush its standard output after each line?",
                setup.request.kind(),
                self.settings.setup_timeout_ns / 1_000_000_000,
                setup.request.form()
            );
            self.give_up(node, text);
        }
        true
    }

    /// When [`World::expire_setups`] has something to do.
    pub(super) fn next_setup_expiry(&self) -> Option<u64> {
        let waiting = self.nodes.iter().filter(|node| !node.paused);
        waiting
            .filter_map(|node| match &node.life {
                Life::Starting(setup) => Some(setup.deadline),
                _ => None,
            })
            .min()
    }
}
