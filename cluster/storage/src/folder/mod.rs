//! A node's data folder: who the node is, what its coordinator remembers, and the log.

mod coordinator;
mod lost;
mod mark;
mod node;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use kensho_protocol::coordinator::Saved;
use kensho_protocol::ids::{Incarnation, NodeId};
use kensho_protocol::table::Identity;

use crate::disk::{Disk, FolderLock, RealDisk};
use crate::error::StorageError;
use crate::log::{LogSettings, Recovery, Store};

pub use coordinator::save;
pub use lost::keep_lost;
pub use mark::clear as mark_synced;
use node::NodeFile;

/// Everything that a node finds in its data folder when it starts.
#[derive(Debug)]
pub struct DataFolder<F> {
    /// Who the node is: drawn when the folder was made.
    pub node: NodeId,
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
    let folder = open_on(&mut disk, identity, settings, draw_node_id)?;
    Ok((disk, lock, folder))
}

/// As [`open`], on any disk; `draw` gives the identity of a new node.
///
/// # Errors
/// As [`open`].
pub fn open_on<D: Disk>(
    disk: &mut D,
    identity: &Identity,
    settings: LogSettings,
    draw: impl FnOnce() -> Result<NodeId, StorageError>,
) -> Result<DataFolder<D::File>, StorageError> {
    let file = match NodeFile::read(disk)? {
        Some(file) => file,
        None => NodeFile::begin(disk, identity, draw()?)?,
    };
    file.check(disk, identity)?;
    let file = if file.ready {
        file
    } else {
        // The folder was being made. Nothing in it was ever relied on, so it is made again.
        save(disk, &Saved::default())?;
        Store::create(disk, file.node, settings)?;
        file.complete(disk)?
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
    let (store, recovery) = Store::open(disk, file.node, file.incarnation, settings)?;
    Ok(DataFolder {
        node: file.node,
        incarnation: file.incarnation,
        may_lack_updates,
        saved,
        recovery,
        store,
    })
}

/// Never 0, which stands for no node.
fn draw_node_id() -> Result<NodeId, StorageError> {
    const SOURCE: &str = "/dev/urandom";
    let mut source = File::open(SOURCE).map_err(StorageError::io("open", SOURCE))?;
    let mut bytes = [0; 4];
    loop {
        source
            .read_exact(&mut bytes)
            .map_err(StorageError::io("read", SOURCE))?;
        let drawn = u32::from_le_bytes(bytes);
        if drawn != 0 {
            return Ok(NodeId(drawn));
        }
    }
}
