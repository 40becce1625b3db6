//! The services that nodes may use: they answer at once, and are never harmed themselves.

mod key_value;
mod last_write_wins;
mod sequential;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::body;
use crate::error::ErrorCode;
use crate::net::Address;
use key_value::{Command, Linearizable};
use last_write_wins::LastWriteWins;
use sequential::Sequential;

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// A linearizable store of keys and values.
    LinKv,
    /// A sequentially consistent one: it may answer from the past.
    SeqKv,
    /// One that loses writes: copies that are merged now and then, and the later write wins.
    LwwKv,
    /// Timestamps, each greater than all before.
    LinTso,
}

impl Service {
    /// All of them.
    pub const ALL: [Service; 4] = [
        Service::LinKv,
        Service::SeqKv,
        Service::LwwKv,
        Service::LinTso,
    ];

    /// Its name, which is its address.
    pub fn name(self) -> &'static str {
        match self {
            Service::LinKv => "lin-kv",
            Service::SeqKv => "seq-kv",
            Service::LwwKv => "lww-kv",
            Service::LinTso => "lin-tso",
        }
    }

    /// The service of this name.
    pub fn named(name: &str) -> Option<Service> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }
}

/// The state of all services.
#[derive(Debug)]
pub struct Services {
    lin_kv: Linearizable,
    seq_kv: Sequential,
    lww_kv: LastWriteWins,
    next_timestamp: u64,
}

impl Services {
    /// Empty ones; what they choose is drawn from this seed.
    pub fn new(seed: u64) -> Services {
        let mut draw = Rng::with_seed(seed);
        Services {
            lin_kv: Linearizable::default(),
            seq_kv: Sequential::new(draw.fork()),
            lww_kv: LastWriteWins::new(draw.fork()),
            next_timestamp: 0,
        }
    }

    /// Answers a request; the answer has no `in_reply_to` yet.
    pub fn answer(&mut self, service: Service, from: Address, request: &Value) -> Value {
        if service == Service::LinTso {
            return match body::kind(request) {
                "ts" => {
                    self.next_timestamp += 1;
                    json!({"type": "ts_ok", "ts": self.next_timestamp - 1})
                }
                other => not_supported(service, other),
            };
        }
        let command = match Command::of(request) {
            Ok(Some(command)) => command,
            Ok(None) => return not_supported(service, body::kind(request)),
            Err(missing) => return ErrorCode::MALFORMED_REQUEST.body(missing),
        };
        match service {
            Service::LinKv => self.lin_kv.execute(&command),
            Service::SeqKv => self.seq_kv.execute(from, &command),
            Service::LwwKv => self.lww_kv.execute(&command),
            Service::LinTso => unreachable!("answered above"),
        }
    }
}

fn not_supported(service: Service, kind: &str) -> Value {
    ErrorCode::NOT_SUPPORTED.body(format!("{} does not know {kind:?}", service.name()))
}

#[cfg(test)]
mod tests;
