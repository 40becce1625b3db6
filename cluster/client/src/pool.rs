//! The connections to all nodes. As many are open to a node as were needed at the same time.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kensho_protocol::session::Address;

use crate::connection::{Broken, Connection};
use crate::response::Response;

pub(crate) struct Pool {
    connect_timeout: Duration,
    idle: Mutex<HashMap<Address, Vec<Connection>>>,
    opened: AtomicU64,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// No connection could be made: the request was not sent.
    Unreachable,
    /// The connection broke after the request was sent.
    Lost,
}

impl Pool {
    pub(crate) fn new(connect_timeout: Duration) -> Self {
        Pool {
            connect_timeout,
            idle: Mutex::default(),
            opened: AtomicU64::new(0),
        }
    }

    /// How many connections were opened.
    pub(crate) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// Sends a request and waits for the whole answer. A connection whose request is given up by
    /// dropping this future is closed, since an answer might still come.
    pub(crate) async fn exchange(
        &self,
        address: &Address,
        request: &[u8],
    ) -> Result<Response, NoAnswer> {
        loop {
            let idle = self.take(address);
            let reused = idle.is_some();
            let mut connection = match idle {
                Some(connection) => connection,
                None => self.open(address).await?,
            };
            match connection.exchange(request).await {
                Ok(response) => {
                    if connection.is_reusable() {
                        self.give_back(address, connection);
                    }
                    return Ok(response);
                }
                // The node had closed it meanwhile: that says nothing about the node now.
                Err(Broken::Unsent) if reused => {}
                Err(Broken::Unsent) => return Err(NoAnswer::Unreachable),
                Err(Broken::Sent) => return Err(NoAnswer::Lost),
            }
        }
    }

    async fn open(&self, address: &Address) -> Result<Connection, NoAnswer> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        Connection::open(address, self.connect_timeout)
            .await
            .map_err(|_| NoAnswer::Unreachable)
    }

    fn take(&self, address: &Address) -> Option<Connection> {
        self.idle
            .lock()
            .expect("nobody panicked")
            .get_mut(address)?
            .pop()
    }

    fn give_back(&self, address: &Address, connection: Connection) {
        let mut idle = self.idle.lock().expect("nobody panicked");
        match idle.get_mut(address) {
            Some(connections) => connections.push(connection),
            None => {
                idle.insert(address.clone(), vec![connection]);
            }
        }
    }
}
