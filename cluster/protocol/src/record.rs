//! What a replica keeps on disk. Storage writes these records and reads them back; what they mean
//! is decided here, so that a log written by one world can be read in another.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ids::{Epoch, Incarnation, Life, Lsn, Position};
use crate::log::Entry;

/// One durable step of a replica: all of it is on disk, or nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Record {
    /// The log changes: what stands above `keep` is dropped, then `entries` are appended.
    Log {
        /// The lowest epoch that the replica still listens to (rule R4).
        promised: Epoch,
        /// Whose owner's log this is (rule R7).
        log_epoch: Epoch,
        /// The last entry that stays.
        keep: Lsn,
        /// The entries that follow it.
        entries: Vec<Entry>,
    },
    /// The data are replaced as a whole (rule R12).
    Image {
        /// As above.
        promised: Epoch,
        /// As above.
        log_epoch: Epoch,
        /// The last entry that the image knows of; the log begins after it.
        at: Position,
        /// See [`Replica::image`](crate::replica::Replica::image).
        image: Bytes,
    },
}

/// What a replica finds on its disk when it starts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Recovered {
    /// Which start of the node this is (rule R14).
    pub life: Life,
    /// Which life of the data this is.
    pub incarnation: Incarnation,
    /// The lowest epoch that the replica still listens to (rule R4).
    pub promised: Epoch,
    /// Whose owner's log this is (rule R7).
    pub log_epoch: Epoch,
    /// The last entry that the image knows of.
    pub base: Position,
    /// The last image, if one was ever made.
    pub image: Option<Bytes>,
    /// The entries after it, without a gap.
    pub entries: Vec<Entry>,
}

impl Recovered {
    /// A replica that holds nothing yet, in a folder that is being made.
    #[must_use]
    pub fn empty(incarnation: Incarnation) -> Self {
        Recovered {
            life: Life::default(),
            incarnation,
            promised: Epoch(0),
            log_epoch: Epoch(0),
            base: Position::default(),
            image: None,
            entries: Vec::new(),
        }
    }

    /// Takes one more record into account, in the order in which they were written.
    ///
    /// # Errors
    /// When the record cannot follow what came before it: the log is damaged.
    pub fn replay(&mut self, record: Record) -> Result<(), OutOfOrder> {
        match record {
            Record::Log {
                promised,
                log_epoch,
                keep,
                entries,
            } => {
                let Some(kept) = keep.0.checked_sub(self.base.lsn.0) else {
                    return self.replay_below_base(promised, log_epoch, keep, entries);
                };
                let kept = usize::try_from(kept).map_err(|_| OutOfOrder { keep })?;
                if kept > self.entries.len() {
                    return Err(OutOfOrder { keep });
                }
                self.entries.truncate(kept);
                self.entries.extend(entries);
                self.promised = promised;
                self.log_epoch = log_epoch;
            }
            Record::Image {
                promised,
                log_epoch,
                at,
                image,
            } => {
                self.promised = promised;
                self.log_epoch = log_epoch;
                self.base = at;
                self.image = Some(image);
                self.entries.clear();
            }
        }
        Ok(())
    }

    /// A record from before the checkpoint that recovery started from: only what reaches above the
    /// checkpoint counts, and nothing of what the checkpoint knows is cut, for it was committed.
    fn replay_below_base(
        &mut self,
        promised: Epoch,
        log_epoch: Epoch,
        keep: Lsn,
        entries: Vec<Entry>,
    ) -> Result<(), OutOfOrder> {
        let above: Vec<Entry> = entries
            .into_iter()
            .filter(|entry| entry.at.lsn > self.base.lsn)
            .collect();
        if above
            .first()
            .is_some_and(|first| first.at.lsn != self.base.lsn.next())
        {
            return Err(OutOfOrder { keep });
        }
        self.entries = above;
        self.promised = self.promised.max(promised);
        self.log_epoch = self.log_epoch.max(log_epoch);
        Ok(())
    }
}

/// A record speaks of entries that do not come before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfOrder {
    /// The last entry that the record takes for granted.
    pub keep: Lsn,
}

impl std::fmt::Display for OutOfOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "a record continues after log sequence number {}, which is missing",
            self.keep
        )
    }
}

impl std::error::Error for OutOfOrder {}
