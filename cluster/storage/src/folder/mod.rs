//! A node's data folder: who the node is, what its coordinator remembers, and the log.

mod coordinator;
mod lost;
mod mark;
mod node;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use kensho_protocol::coordinator::Saved;
use kensho_protocol::ids::{Incarnation, Life, NodeId};
use kensho_protocol::table::Identity;

use crate::disk::{Disk, FolderLock, RealDisk};
use crate::error::StorageError;
use crate::log::{LogSettings, Recovery, Store};

pub use coordinator::save;
pub use lost::keep_lost;
pub use mark::clear as mark_synced;
pub use node::Drawn;
use node::NodeFile;

/// Everything that a node finds in its data folder when it starts.
#[derive(Debug)]
pub struct DataFolder<F> {
    /// Who the node is: drawn when the folder was made.
    pub node: NodeId,
    /// Which start this is (rule R14).
    pub life: Life,
    /// Which life of the data this is.
    pub incarnation: Incarnation,
    /// A new one began just now: the last run ended in a crash, and its durability was delayed, so
    /// that what was acknowledged last may be missing (rule R5).
    pub may_lack_updates: bool,
    /// What the coordinator remembers.
    pub saved: Saved,
    /// What the replicas find.
    pub recovery: Recovery,
    /// The log, ready to be continued.
    pub store: Store<F>,
}

/// Opens the data folder at `path` for a node of the cluster `identity`; makes it if it is not there.
/// The folder is the caller's as long as the lock is held.
///
/// # Errors
/// When another process uses the folder, it belongs to another cluster, something in it is damaged or
/// missing, or the disk fails.
pub fn open(
    path: &Path,
    identity: &Identity,
    settings: LogSettings,
) -> Result<(RealDisk, FolderLock, DataFolder<File>), StorageError> {
    let mut disk = RealDisk::open(path)?;
    let lock = disk.lock()?;
    let folder = open_on(&mut disk, identity, settings, draw)?;
    Ok((disk, lock, folder))
}

/// As [`open`], on any disk; `draw` gives what is drawn at a start.
///
/// # Errors
/// As [`open`].
pub fn open_on<D: Disk>(
    disk: &mut D,
    identity: &Identity,
    settings: LogSettings,
    draw: impl FnOnce() -> Result<Drawn, StorageError>,
) -> Result<DataFolder<D::File>, StorageError> {
    let drawn = draw()?;
    let file = match NodeFile::read(disk)? {
        Some(file) => file,
        None => NodeFile::begin(disk, identity, drawn)?,
    };
    file.check(disk, identity)?;
    let was_there = file.ready;
    let file = if file.ready {
        file
    } else {
        // The folder was being made. Nothing in it was ever relied on, so it is made again.
        save(disk, &Saved::default())?;
        Store::create(disk, file.node, settings)?;
        file.complete(disk)?
    };
    let file = match was_there {
        true => file.start_again(disk, drawn.nonce)?,
        false => file,
    };
    let saved = coordinator::load(disk)?;
    coordinator::prepare(disk, &saved)?;
    let crashed = mark::is_set(disk)?;
    // A node that never accepted a table had nothing to acknowledge.
    let may_lack_updates = crashed && saved.accepted.is_some();
    let file = match may_lack_updates {
        true => file.renew(disk)?,
        false => file,
    };
    match (settings.durability.is_delayed(), crashed) {
        (true, false) => mark::set(disk)?,
        (false, true) => mark_synced(disk)?,
        (true, true) | (false, false) => {}
    }
    let (store, mut recovery) = Store::open(disk, file.node, file.incarnation, settings)?;
    for recovered in recovery.partitions.values_mut() {
        recovered.life = file.life;
    }
    Ok(DataFolder {
        node: file.node,
        life: file.life,
        incarnation: file.incarnation,
        may_lack_updates,
        saved,
        recovery,
        store,
    })
}

/// The node's disk went back in time, as others could tell: its data begin the life `incarnation` (rules
/// R5, R14). It is safe when this returns.
///
/// # Errors
/// When the disk fails, or the folder is not a node's any more.
pub fn begin_another_life<D: Disk>(
    disk: &mut D,
    incarnation: Incarnation,
) -> Result<(), StorageError> {
    let file = NodeFile::read(disk)?.ok_or_else(|| StorageError::Missing {
        path: disk.path(""),
        what: "the folder is no node's any more".to_owned(),
    })?;
    file.with_incarnation(disk, incarnation)?;
    Ok(())
}

fn draw() -> Result<Drawn, StorageError> {
    const SOURCE: &str = "/dev/urandom";
    let mut source = File::open(SOURCE).map_err(StorageError::io("open", SOURCE))?;
    let mut read = |bytes: &mut [u8]| {
        let read = source.read_exact(bytes);
        read.map_err(StorageError::io("read", SOURCE))
    };
    let mut nonce = [0; 16];
    read(&mut nonce)?;
    loop {
        let mut node = [0; 4];
        read(&mut node)?;
        let node = NodeId(u32::from_le_bytes(node));
        if node != NodeId(0) {
            return Ok(Drawn {
                node,
                nonce: u128::from_le_bytes(nonce),
            });
        }
    }
}
