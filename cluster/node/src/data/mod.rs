//! The data plane's thread: it drives the data plane's machine ([`kensho_kernel::data`]).
//!
//! Clients' connections, other nodes' streams and the log's progress all belong to this thread. A batch
//! ends once there is nothing more to take ([`DataPlane::finish_batch`]).

mod lost;
mod notes;
mod plane;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use kensho_kernel::data::Told;
use kensho_protocol::ids::PartitionId;
use kensho_protocol::replica;
use kensho_protocol::time::Time;
use kensho_storage::log::LogProgress;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::clock;
use crate::control::Shown;
use crate::failure;
use crate::peer::{Received, Seen};

pub(crate) use plane::{DataPlane, Parts};

/// How a client that waits is told something.
pub(crate) type Waiter = oneshot::Sender<Told>;
/// What a waiting client is told; an error means that the node stops.
pub(crate) type Answered = oneshot::Receiver<Told>;

/// What replicas on different nodes say to each other.
pub(crate) type Message = (PartitionId, replica::Message);

/// At most this many pieces from other nodes are taken at once before what follows is carried out.
const BATCH_MAX: usize = 64;
/// How often a thread that is late looks whether more has arrived.
const CATCH_UP_ROUNDS: usize = 16;

/// The data plane as its thread's tasks share it.
#[derive(Clone)]
pub(crate) struct Data {
    pub(crate) plane: Rc<RefCell<DataPlane>>,
    /// There is something to finish.
    pub(crate) wake: Rc<Notify>,
}

/// What comes in, besides the statements of clients.
pub(crate) struct Inputs {
    /// From other nodes' replicas.
    pub(crate) messages: mpsc::Receiver<Received<Message>>,
    /// From the log.
    pub(crate) progress: LogProgress,
    /// From the coordinator.
    pub(crate) view: watch::Receiver<Shown>,
    /// Nodes that answer, or do so no more; of the latter the control plane hears as well.
    pub(crate) seen: mpsc::UnboundedReceiver<Seen>,
}

impl Data {
    pub(crate) fn new(plane: DataPlane) -> Self {
        Data {
            plane: Rc::new(RefCell::new(plane)),
            wake: Rc::default(),
        }
    }

    /// Runs until the node stops.
    pub(crate) async fn run(self, mut inputs: Inputs) {
        let mut timer = std::pin::pin!(tokio::time::sleep(Duration::ZERO));
        let mut planned = Time(0);
        loop {
            let deadline = self.plane.borrow().deadline();
            if deadline != planned {
                planned = deadline;
                timer.as_mut().reset(clock::instant_of(deadline));
            }
            tokio::select! {
                biased;
                progress = inputs.progress.next() => match progress {
                    Ok(progress) => self.plane.borrow_mut().progress(progress),
                    Err(stopped) => failure::stop_at_once(&stopped),
                },
                Ok(()) = inputs.view.changed() => {
                    let view = inputs.view.borrow_and_update().clone();
                    self.plane.borrow_mut().follow(view);
                }
                Some(seen) = inputs.seen.recv() => if let Seen::Met(met) = seen {
                    self.plane.borrow_mut().meet(met);
                },
                Some(received) = inputs.messages.recv() => {
                    self.plane.borrow_mut().receive(received);
                    self.drain(&mut inputs.messages);
                }
                () = self.wake.notified() => {}
                () = &mut timer => planned = Time(0),
            }
            // Whoever was held up must hear what others said meanwhile before it judges them silent.
            for _ in 0..CATCH_UP_ROUNDS {
                if self.plane.borrow().deadline() > clock::now() {
                    break;
                }
                tokio::task::yield_now().await;
                if !self.drain(&mut inputs.messages) {
                    break;
                }
            }
            // What has arrived while this batch was taken goes with it: under load that is as much
            // again, and each write, flush and message to a node is shared by more statements.
            tokio::task::yield_now().await;
            self.drain(&mut inputs.messages);
            self.plane.borrow_mut().finish_batch();
            // Lets all that has arrived meanwhile be taken before the next batch is finished.
            tokio::task::yield_now().await;
        }
    }

    /// Takes what has arrived from other nodes; whether there was anything.
    fn drain(&self, messages: &mut mpsc::Receiver<Received<Message>>) -> bool {
        let mut plane = self.plane.borrow_mut();
        for taken in 0..BATCH_MAX {
            match messages.try_recv() {
                Ok(received) => plane.receive(received),
                Err(_) => return taken > 0,
            }
        }
        true
    }
}
