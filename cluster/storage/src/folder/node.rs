//! The file `node`: whose folder this is.

use kensho_protocol::ids::{Incarnation, Life, NodeId};
use kensho_protocol::table::Identity;
use serde::{Deserialize, Serialize};

use crate::disk::Disk;
use crate::error::StorageError;
use crate::log::is_file_of_log;
use crate::sealed;

const NAME: &str = "node";
const KIND: sealed::Kind = sealed::Kind {
    magic: *b"KenshoNd",
    version: 3,
};

/// What is drawn at a start.
#[derive(Clone, Copy, Debug)]
pub struct Drawn {
    /// The identity of the node, if its folder is new. Not 0, which stands for no node.
    pub node: NodeId,
    /// What makes this start different from all others (rule R14).
    pub nonce: u128,
}

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NodeFile {
    pub(super) node: NodeId,
    pub(super) incarnation: Incarnation,
    /// The present start, or the last one (rule R14).
    pub(super) life: Life,
    identity: Identity,
    /// Whether everything else is there. It is written last.
    pub(super) ready: bool,
}

impl NodeFile {
    /// Nothing, if the folder is new.
    pub(super) fn read<D: Disk>(disk: &mut D) -> Result<Option<Self>, StorageError> {
        let Some(body) = sealed::read(disk, NAME, &KIND)? else {
            return Ok(None);
        };
        postcard::from_bytes(&body)
            .map(Some)
            .map_err(|error| StorageError::Damaged {
                path: disk.path(NAME),
                offset: 0,
                what: format!("it cannot be decoded: {error}"),
            })
    }

    /// Claims a new folder.
    pub(super) fn begin<D: Disk>(
        disk: &mut D,
        identity: &Identity,
        drawn: Drawn,
    ) -> Result<Self, StorageError> {
        let names = disk
            .list()
            .map_err(StorageError::io("list the folder of", disk.path(NAME)))?;
        if let Some(other) = names.iter().find(|name| is_file_of_log(name)) {
            return Err(StorageError::Missing {
                path: disk.path(NAME),
                what: format!("{other} is there, so this is the folder of some node"),
            });
        }
        let file = NodeFile {
            node: drawn.node,
            life: Life {
                counter: 1,
                nonce: drawn.nonce,
            },
            // As the cluster's first table expects of all its members (rule M5).
            incarnation: Incarnation(0),
            identity: identity.clone(),
            ready: false,
        };
        file.write(disk)?;
        Ok(file)
    }

    /// Everything else is there now.
    pub(super) fn complete<D: Disk>(self, disk: &mut D) -> Result<Self, StorageError> {
        let file = NodeFile {
            ready: true,
            ..self
        };
        file.write(disk)?;
        Ok(file)
    }

    /// The node starts again from a folder that was there (rule R14). It starts without room on the disk,
    /// too: what was drawn makes its life another one even if it cannot be counted.
    pub(super) fn start_again<D: Disk>(
        self,
        disk: &mut D,
        nonce: u128,
    ) -> Result<Self, StorageError> {
        let counter = self.life.counter + 1;
        let file = NodeFile {
            life: Life { counter, nonce },
            ..self
        };
        match file.write(disk) {
            Err(error) if !error.is_full() => Err(error),
            _ => Ok(file),
        }
    }

    /// Another life of the data begins (rule R5). It is of the present start, so that a copy of the folder
    /// never comes to the same.
    pub(super) fn renew<D: Disk>(self, disk: &mut D) -> Result<Self, StorageError> {
        let incarnation = self.life.incarnation_after(self.incarnation);
        self.with_incarnation(disk, incarnation)
    }

    pub(super) fn with_incarnation<D: Disk>(
        self,
        disk: &mut D,
        incarnation: Incarnation,
    ) -> Result<Self, StorageError> {
        let file = NodeFile {
            incarnation,
            ..self
        };
        file.write(disk)?;
        Ok(file)
    }

    fn write<D: Disk>(&self, disk: &mut D) -> Result<(), StorageError> {
        let body = postcard::to_stdvec(self).expect("a few numbers can be encoded");
        sealed::replace(disk, NAME, &KIND, &[&body])
    }

    /// Whether the folder is one of the cluster.
    pub(super) fn check<D: Disk>(&self, disk: &D, identity: &Identity) -> Result<(), StorageError> {
        if self.identity == *identity {
            return Ok(());
        }
        Err(StorageError::OtherCluster {
            path: disk.path(""),
            found: describe(&self.identity),
            wanted: describe(identity),
        })
    }
}

fn describe(identity: &Identity) -> String {
    format!(
        "cluster \"{}\" with {} partitions and {} replicas, which keeps outcomes of {}",
        identity.cluster, identity.partitions, identity.replicas, identity.outcomes
    )
}
