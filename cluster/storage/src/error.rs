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
    /// There is no room. It was asked for before anything relied on it, so that nothing is lost, and
    /// the same can be tried again.
    #[error(
        "the disk is full: cannot {action} {path}: {source}; make room, and the node goes on by itself"
    )]
    Full {
        /// What was tried.
        action: &'static str,
        /// For which file.
        path: String,
        /// What the operating system, or the limit of the data folder, said.
        source: io::Error,
    },
    /// A file does not hold what was once safely written to it.
    #[error(
        "{path} is damaged at byte {offset}: {what}; the node cannot start without it; {}",
        begin_anew(path)
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
        "{path} is missing: {what}; the node cannot start without it; {}",
        begin_anew(path)
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
            if is_full(&source) {
                StorageError::Full {
                    action,
                    path,
                    source,
                }
            } else {
                StorageError::Io {
                    action,
                    path,
                    source,
                }
            }
        }
    }

    /// For `map_err` of a flush. One that failed is never tried again, whatever the reason: the
    /// operating system may have dropped what it could not write, and take it for flushed.
    pub(crate) fn flush(path: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| StorageError::Io {
            action: "flush",
            path: path.into(),
            source,
        }
    }

    /// Whether there was no room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, StorageError::Full { .. })
    }
}

/// Whether there was no room: on the disk, or within a quota.
fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// What to type when a node has to begin anew. Never: to put back an older copy, which does not know
/// what the node has acknowledged and promised since.
fn begin_anew(path: &str) -> String {
    let folder = path.rsplit_once('/').map_or(".", |(folder, _)| folder);
    format!(
        "to begin anew, type: mv {folder} {folder}.damaged; then start the node again, and the others \
         bring it in sync (never put an older copy of the folder in its place: that would lose what \
         was acknowledged since)"
    )
}
