//! What clients do: they ask, wait, ask again, and note how it ended.

use kensho_protocol::request::Reply;

use super::client::{End, Next, Operation};
use super::sights::Sight;
use super::table_service::partition_id;
use super::{Happening, OperationId, World};
use crate::invariants::linearizable::Asked;

impl World {
    /// The clients' place in the network.
    fn clients_place(&self) -> usize {
        self.plan.nodes + 1
    }

    /// A client begins an operation, or asks again.
    pub(super) fn client_goes_on(&mut self, client: usize) {
        self.figures.events += 1;
        if self.clients[client].open().is_none() {
            let Some(mut random) = self.chooser.begins(client, self.turbulent) else {
                return self.client_pauses(client, self.plan.clients.think_max_ns);
            };
            let partition = if self.turbulent {
                partition_id(random.index(self.plan.partitions))
            } else if let Some(number) = self.written.iter().position(|written| !written) {
                partition_id(number)
            } else {
                return;
            };
            self.last_value += 1;
            let (fresh, known) = (self.last_value, self.watch.known(partition));
            let plan = &self.plan.clients;
            let open = self.clients[client].begin(partition, fresh, known, plan, &mut random);
            self.journal.begin(client, self.now_ns, open);
            if self.trace.is_kept() {
                let text = format!("client {client} begins {open:?}");
                self.say(format_args!("{text}"));
            }
        }
        let next = self.clients[client].attempt(&self.plan.clients);
        self.client_does(client, next);
    }

    fn client_does(&mut self, client: usize, next: Next) {
        match next {
            Next::Wait => {}
            Next::Ask(node) => self.client_asks(client, node),
            Next::Pause => {
                let longest_ns = self.plan.heartbeat_ns() / 4;
                self.client_pauses(client, longest_ns);
            }
            Next::End(operation, end) => self.client_ends(client, &operation, end),
        }
    }

    fn client_pauses(&mut self, client: usize, longest_ns: u64) {
        let pause_ns = self.streams.clients.below(longest_ns + 1);
        let again = Happening::Again { client };
        self.schedule.put(self.now_ns + pause_ns, again);
    }

    fn client_asks(&mut self, client: usize, node: usize) {
        let Some(open) = self.clients[client].open() else {
            return;
        };
        let operation = OperationId {
            client,
            number: open.number,
            attempt: open.attempts,
        };
        let request = Happening::Request {
            to: node,
            operation,
            partition: open.partition,
            asked: open.asked,
            as_of: open.as_of,
        };
        let from = self.clients_place();
        let random = &mut self.streams.network;
        // A request is never doubled on its way: only clients repeat requests.
        let arrivals = self.network.send(from, node, self.now_ns, random);
        if let Some(at_ns) = arrivals.first_ns {
            self.schedule.put(at_ns, request);
        }
        let until_ns = self.now_ns + self.plan.clients.patience_ns;
        // One timer for each client: most attempts are answered long before.
        if self.patience[client]
            .replace((until_ns, operation))
            .is_none()
        {
            self.schedule.put(until_ns, Happening::Patience { client });
        }
    }

    pub(super) fn client_impatient(&mut self, client: usize) {
        let Some((until_ns, operation)) = self.patience[client] else {
            return;
        };
        if self.now_ns < until_ns {
            return self.schedule.put(until_ns, Happening::Patience { client });
        }
        self.figures.events += 1;
        self.patience[client] = None;
        let OperationId {
            client,
            number,
            attempt,
        } = operation;
        let (plan, nodes) = (&self.plan.clients, self.plan.nodes);
        let next = self.clients[client].lose_patience(number, attempt, plan, nodes);
        self.client_does(client, next);
    }

    /// A reply is on its way to a client.
    pub(super) fn reply_to_client(&mut self, from: usize, operation: OperationId, reply: Reply) {
        let to = self.clients_place();
        let random = &mut self.streams.network;
        let arrivals = self.network.send(from, to, self.now_ns, random);
        if let Some(at_ns) = arrivals.first_ns {
            let reply = Happening::Reply {
                operation,
                from,
                reply,
            };
            self.schedule.put(at_ns, reply);
        }
    }

    pub(super) fn client_hears(&mut self, operation: OperationId, from: usize, reply: &Reply) {
        self.figures.events += 1;
        let OperationId {
            client,
            number,
            attempt,
        } = operation;
        let nodes = self.plan.nodes;
        let next = self.clients[client].hear((number, attempt), from, reply, nodes);
        self.client_does(client, next);
    }

    fn client_ends(&mut self, client: usize, operation: &Operation, end: End) {
        if self.trace.is_kept() {
            self.say(format_args!("client {client} ends: {end:?}"));
        }
        self.journal.end(client, self.now_ns, end);
        let partition = operation.partition;
        match end {
            End::Read(_) => self.figures.reads += 1,
            End::Done(_) => {
                self.figures.updates += 1;
                if operation.attempts > 1 {
                    self.sometimes.saw(Sight::RetryAcknowledged);
                }
                if !self.turbulent {
                    self.written[usize::from(partition.0)] = true;
                }
            }
            End::Failed => {
                self.figures.failed += 1;
                if let Asked::Update { statement, .. } = operation.asked {
                    self.watch.refused(partition, statement.value());
                }
            }
            End::Unknown => self.figures.unknown += 1,
        }
        self.client_pauses(client, self.plan.clients.think_max_ns);
    }
}
