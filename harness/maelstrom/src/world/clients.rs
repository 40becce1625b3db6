//! Clients: each has at most one operation open, asks its own node, and gives up in time.

use std::collections::VecDeque;

use kensho_checker::history::{Event, Kind, Process};
use kensho_results::sample::Sample;
use serde_json::Value;

use super::{Owner, World, shown};
use crate::body::{Message, Request, in_reply_to};
use crate::error::{ErrorCode, RpcError};
use crate::net::{Address, Packet};
use crate::workload::{Operation, Step};

/// A client whose node is down does nothing for so long.
const REST_NS: u64 = 10_000_000;

/// All clients.
#[derive(Debug, Default)]
pub(super) struct Clients {
    all: Vec<Client>,
    /// Those that have no operation open, and do not rest.
    pub(super) free: Vec<usize>,
    /// Those that rest, with the time until which they do, in order.
    resting: VecDeque<(u64, usize)>,
    /// When calls are given up, in order; many are answered before.
    expiries: VecDeque<(u64, usize, u64)>,
    tally: Tally,
}

/// How operations ended.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// They succeeded.
    pub ok: u64,
    /// They had no effect.
    pub fail: u64,
    /// Nobody knows.
    pub info: u64,
    /// Operations of the main part, as they were measured.
    pub samples: Vec<Sample>,
}

#[derive(Debug)]
struct Client {
    node: usize,
    process: u64,
    address: u64,
    next_msg_id: u64,
    call: Option<Call>,
}

/// An open operation, with the request that is open.
#[derive(Debug)]
struct Call {
    operation: Operation,
    invoked: Event,
    request: Request,
    msg_id: u64,
    measured: bool,
}

impl Clients {
    pub(super) fn exist(&self) -> bool {
        !self.all.is_empty()
    }

    /// Whether no client has an operation open.
    pub(super) fn are_idle(&self) -> bool {
        self.all.iter().all(|client| client.call.is_none())
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(super) fn into_tally(self) -> Tally {
        self.tally
    }

    pub(super) fn is_free(&self, client: usize) -> bool {
        self.all[client].call.is_none()
    }
}

impl World {
    /// The clients come.
    pub(super) fn open_clients(&mut self) {
        for number in 0..self.settings.clients {
            let address = self.new_address(Owner::Client(number));
            self.clients.all.push(Client {
                node: number % self.nodes.len(),
                process: number as u64,
                address,
                next_msg_id: 1,
                call: None,
            });
            self.clients.free.push(number);
        }
    }

    /// A client begins an operation.
    pub(super) fn perform(&mut self, now: u64, number: usize, operation: Operation) {
        let client = &self.clients.all[number];
        let node = self.settings.nodes[client.node].clone();
        let time = now.saturating_sub(self.origin);
        let mut invoked = Event::invoke(0, time, Process::Client(client.process), operation.f)
            .with_value(operation.value.clone())
            .with_node(&node);
        invoked.key.clone_from(&operation.key);
        self.events.push(invoked.clone());
        let measured = self.phase.is_main();
        let step = self.workload.begin(number, &operation);
        let call = Call {
            operation,
            invoked,
            // Replaced by the first one that is asked.
            request: Request::generate(),
            msg_id: 0,
            measured,
        };
        self.clients.all[number].call = Some(call);
        self.go_on(now, number, step);
    }

    fn go_on(&mut self, now: u64, number: usize, step: Step) {
        match step {
            Step::Done(value) => self.complete(now, number, Kind::Ok, Some(value), None),
            Step::Crash => self.complete(now, number, Kind::Info, None, None),
            Step::Ask(request) => self.ask(now, number, request),
        }
    }

    fn ask(&mut self, now: u64, number: usize, request: Request) {
        let client = &mut self.clients.all[number];
        let Some(call) = &mut client.call else {
            return;
        };
        let msg_id = client.next_msg_id;
        client.next_msg_id += 1;
        let body = request.body(msg_id);
        call.request = request;
        call.msg_id = msg_id;
        let node = client.node;
        if !self.nodes[node].is_up() {
            let error = RpcError {
                code: ErrorCode::NODE_NOT_FOUND.code,
                text: Some(format!(
                    "{} is {}",
                    self.settings.nodes[node],
                    self.nodes[node].health()
                )),
            };
            self.clients.resting.push_back((now + REST_NS, number));
            return self.refused(now, number, &error);
        }
        let expiry = now + self.settings.call_timeout_ns;
        self.clients.expiries.push_back((expiry, number, msg_id));
        let src = Address::Client(client.address);
        let message = Message {
            src: src.name(&self.settings.nodes),
            dest: self.settings.nodes[node].clone(),
            body,
        };
        let line = message.line();
        self.send(now, src, Address::Node(node), line, message.body);
    }

    /// A message for a client has arrived.
    pub(super) fn call_hears(&mut self, now: u64, number: usize, packet: &Packet) {
        let Some(answers) = in_reply_to(&packet.body) else {
            self.strays.0 += 1;
            self.strays.1.get_or_insert_with(|| shown(&packet.line));
            return;
        };
        let client = &self.clients.all[number];
        let Some(call) = client.call.as_ref().filter(|call| call.msg_id == answers) else {
            return;
        };
        match call.request.read_answer(&packet.body) {
            Ok(Ok(answer)) => {
                let step = self
                    .workload
                    .answer(number, &call.operation, &call.request, answer);
                self.go_on(now, number, step);
            }
            Ok(Err(error)) => self.refused(now, number, &error),
            Err(why) => {
                let text = format!(
                    "it answered a client in another form than it should: {why}.\n  \
                     the request:  {}\n  the answer:   {}\n  expected:     {}",
                    shown(&call.request.body(call.msg_id).to_string()),
                    shown(&packet.body.to_string()),
                    call.request.form()
                );
                let node = client.node;
                self.give_up(node, text);
            }
        }
    }

    /// A request was refused, or not answered in time.
    fn refused(&mut self, now: u64, number: usize, error: &RpcError) {
        let Some(call) = &self.clients.all[number].call else {
            return;
        };
        let (operation, request) = (&call.operation, &call.request);
        if let Some(value) = self.workload.error(number, operation, request, error) {
            return self.complete(now, number, Kind::Ok, Some(value), None);
        }
        let nothing = error.is_definite() || self.workload.only_reads(operation.f);
        let kind = if nothing { Kind::Fail } else { Kind::Info };
        self.complete(now, number, kind, None, Some(error.to_string()));
    }

    fn complete(
        &mut self,
        now: u64,
        number: usize,
        kind: Kind,
        value: Option<Value>,
        error: Option<String>,
    ) {
        let client = &mut self.clients.all[number];
        let Some(call) = client.call.take() else {
            return;
        };
        let time = now.saturating_sub(self.origin);
        let invoke_ns = call.invoked.time;
        let mut event = Event {
            time,
            kind,
            error,
            ..call.invoked
        };
        if let Some(value) = value {
            event.value = value;
        }
        self.events.push(event);
        let tally = &mut self.clients.tally;
        match kind {
            Kind::Ok => tally.ok += 1,
            Kind::Fail => tally.fail += 1,
            Kind::Info | Kind::Invoke => tally.info += 1,
        }
        if call.measured {
            tally.samples.push(Sample {
                f: call.operation.f,
                partition: 0,
                intended_ns: invoke_ns,
                invoke_ns,
                complete_ns: time,
                kind,
                served: kind == Kind::Ok,
            });
        }
        if self
            .clients
            .resting
            .back()
            .is_none_or(|(_, last)| *last != number)
        {
            self.clients.free.push(number);
        }
        if kind == Kind::Info {
            self.replace(number);
        }
    }

    /// Another client takes the place of one that does not know what became of its operation.
    fn replace(&mut self, number: usize) {
        let address = self.new_address(Owner::Client(number));
        let process = self.settings.clients as u64;
        let client = &mut self.clients.all[number];
        let before = std::mem::replace(&mut client.address, address);
        client.process += process;
        self.addresses.remove(&before);
        self.workload.replaced(number);
    }

    /// Gives up what was not answered in time; those that have rested are free again.
    pub(super) fn expire(&mut self, now: u64) -> bool {
        let mut something = self.expire_setups(now);
        while let Some((_, number)) = self
            .clients
            .resting
            .front()
            .copied()
            .filter(|at| at.0 <= now)
        {
            self.clients.resting.pop_front();
            self.clients.free.push(number);
            something = true;
        }
        while let Some((_, number, msg_id)) = self.clients.expiries.front().copied() {
            let call = self.clients.all[number].call.as_ref();
            let open = call.is_some_and(|call| call.msg_id == msg_id);
            let due = self.clients.expiries[0].0 <= now;
            if open && !due {
                break;
            }
            self.clients.expiries.pop_front();
            if open {
                let seconds = self.settings.call_timeout_ns as f64 / 1e9;
                let error = RpcError {
                    code: ErrorCode::TIMEOUT.code,
                    text: Some(format!("no answer within {seconds} s")),
                };
                self.refused(now, number, &error);
                something = true;
            }
        }
        something
    }

    /// When [`World::expire`] has something to do.
    pub(super) fn next_expiry(&self) -> Option<u64> {
        let call = self.clients.expiries.front().map(|(at, ..)| *at);
        let rest = self.clients.resting.front().map(|(at, _)| *at);
        let all = [call, rest, self.next_setup_expiry()];
        all.into_iter().flatten().min()
    }
}
