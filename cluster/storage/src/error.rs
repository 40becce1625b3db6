//! What can go wrong, told to the person who has to do something about it.

use std::io;

/// Storage cannot go on. Every text says what happened, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The operating system refused something. After a failed write or flush nobody knows what is on
    /// the disk, so it is never tried again; the next start reads what is really there.
    #[error(
        "cannot {action} {path}: {source}; the node stops, since it cannot know what reached the disk: \
         check the disk and start the node again"
    )]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// There is no room for more log.
    #[error(
        "the disk is full: cannot {action} {path}; nothing that was confirmed is lost: make room and \
         start the node again"
    )]
    Full {
        /// What was tried.
        action: &'static str,
        /// For which file.
        path: String,
    },
    /// A file does not hold what was once safely written to it.
    #[error(
        "{path} is damaged at byte {offset}: {what}; the node does not start on data that it knows to \
         be wrong: put the data folder back from a copy, or move it away, so that the node joins anew \
         and is brought in sync by the others"
    )]
    Damaged {
        /// The file.
        path: String,
        /// Where in it, in bytes from its beginning.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// A file is not there.
    #[error(
        "{path} is missing: {what}; put the data folder back from a copy, or move it away, so that the \
         node joins anew and is brought in sync by the others"
    )]
    Missing {
        /// The file.
        path: String,
        /// How it is known that it should be there.
        what: String,
    },
    /// Another process works on the folder.
    #[error(
        "the data folder {path} is in use by process {process}; stop that process, or choose another folder"
    )]
    InUse {
        /// The folder.
        path: String,
        /// The process, as it said itself.
        process: String,
    },
    /// The folder belongs to a cluster that was set up differently.
    #[error(
        "the data folder {path} belongs to {found}, but the node was started for {wanted}; start it with \
         the settings of its cluster, or choose another folder"
    )]
    OtherCluster {
        /// The folder.
        path: String,
        /// What the folder is for.
        found: String,
        /// What it was opened for.
        wanted: String,
    },
    /// A file was written by a version of the program that this one does not know.
    #[error(
        "{path} has format version {found}, but this program knows version {known} only; start the version that wrote it"
    )]
    OtherVersion {
        /// The file.
        path: String,
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
}

impl StorageError {
    /// For `map_err`: what was tried, and on which file.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<String>,
    ) -> impl FnOnce(io::Error) -> Self {
        move |source| {
            let path = path.into();
            if source.kind() == io::ErrorKind::StorageFull {
                StorageError::Full { action, path }
            } else {
                StorageError::Io {
                    action,
                    path,
                    source,
                }
            }
        }
    }

    /// Whether there was no room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, StorageError::Full { .. })
    }
}
