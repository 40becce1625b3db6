//! Writes what the coordinator must not forget, on a thread of its own.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use kensho_protocol::coordinator::Saved;
use kensho_protocol::ids::Ticket;
use kensho_storage::disk::Disk;
use kensho_storage::error::StorageError;
use kensho_storage::folder;

use crate::failure;

/// How often a full disk is asked whether it has room again.
const ASK_FOR_ROOM: Duration = Duration::from_millis(250);

/// Takes what is to be written. The coordinator waits for each write before it goes on, so that
/// there are never many of them.
pub(crate) struct Saver {
    wanted: Sender<(Ticket, Saved)>,
}

impl Saver {
    /// Starts the thread; `saved` is told of each write that is safe.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(crate) fn start<D>(
        disk: D,
        saved: tokio::sync::mpsc::UnboundedSender<Ticket>,
    ) -> std::io::Result<Self>
    where
        D: Disk + Send + 'static,
    {
        let (wanted, receiver) = channel();
        std::thread::Builder::new()
            .name("saver".to_owned())
            .spawn(move || {
                if let Err(error) = write(disk, &receiver, &saved) {
                    failure::stop_at_once(&error);
                }
            })?;
        Ok(Saver { wanted })
    }

    pub(crate) fn save(&self, ticket: Ticket, saved: Saved) {
        // The thread ends only together with the process.
        let _ = self.wanted.send((ticket, saved));
    }
}

/// Room is set aside for what is saved. If it has grown beyond that, and the disk is full, the
/// coordinator says nothing until there is room.
fn save<D: Disk>(disk: &mut D, saved: &Saved) -> Result<(), StorageError> {
    let mut said = false;
    loop {
        match folder::save(disk, saved) {
            Err(error) if error.is_full() => {
                if !std::mem::replace(&mut said, true) {
                    tracing::warn!("this node cannot vote: {error}");
                }
                std::thread::sleep(ASK_FOR_ROOM);
            }
            saved => return saved,
        }
    }
}

fn write<D: Disk>(
    mut disk: D,
    wanted: &Receiver<(Ticket, Saved)>,
    written: &tokio::sync::mpsc::UnboundedSender<Ticket>,
) -> Result<(), StorageError> {
    while let Ok(mut newest) = wanted.recv() {
        // Each replaces the one before: the last one is enough.
        while let Ok(newer) = wanted.try_recv() {
            newest = newer;
        }
        let (ticket, saved) = newest;
        save(&mut disk, &saved)?;
        if written.send(ticket).is_err() {
            break;
        }
    }
    Ok(())
}
