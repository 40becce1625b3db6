//! One partition on its way back: its checkpoint, and the records after that.

use kensho_protocol::ids::{Epoch, Incarnation, Lsn, PartitionId};
use kensho_protocol::record::{Record, Recovered};

use super::super::batch::Stored;
use super::super::manifest::Reference;
use super::super::{RecordNumber, checkpoint};
use super::reader::Source;
use crate::disk::Disk;
use crate::error::StorageError;

/// One partition on its way back.
pub(super) struct Rebuilt {
    recovered: Recovered,
    /// The checkpoint that it began with was made after this record.
    as_of: RecordNumber,
    /// What the checkpoint said.
    promised: Epoch,
    log_epoch: Epoch,
    /// Whether a restart was found (see `trail.rs`). Records before it are skipped.
    restarted: bool,
    /// The first record that was skipped though the checkpoint does not know it.
    skipped: Option<Skipped>,
}

/// A record that continues what is not there. A later restart may make up for that.
struct Skipped {
    source: Source,
    number: RecordNumber,
    keep: Lsn,
}

impl Rebuilt {
    pub(super) fn empty(incarnation: Incarnation) -> Self {
        Rebuilt {
            recovered: Recovered::empty(incarnation),
            as_of: RecordNumber(0),
            promised: Epoch(0),
            log_epoch: Epoch(0),
            restarted: false,
            skipped: None,
        }
    }

    pub(super) fn from_checkpoint<D: Disk>(
        disk: &mut D,
        partition: PartitionId,
        reference: &Reference,
        incarnation: Incarnation,
    ) -> Result<Self, StorageError> {
        let checkpoint = checkpoint::read(disk, partition, reference)?;
        Ok(Rebuilt {
            recovered: Recovered {
                promised: checkpoint.promised,
                log_epoch: checkpoint.log_epoch,
                base: checkpoint.at,
                image: Some(checkpoint.image),
                ..Recovered::empty(incarnation)
            },
            as_of: reference.as_of,
            promised: checkpoint.promised,
            log_epoch: checkpoint.log_epoch,
            restarted: false,
            skipped: None,
        })
    }

    /// Takes a record into account.
    pub(super) fn replay<D: Disk>(
        &mut self,
        disk: &mut D,
        source: &Source,
        partition: PartitionId,
        number: RecordNumber,
        stored: Stored,
    ) -> Result<(), StorageError> {
        let record = match stored {
            Stored::Record(record) => record,
            // The checkpoint knows more than this image, whose file may be gone.
            Stored::Image(image) if number <= self.as_of => Record::Log {
                promised: image.promised,
                log_epoch: image.log_epoch,
                keep: image.at.lsn,
                entries: Vec::new(),
            },
            Stored::Image(image) => Record::Image {
                promised: image.promised,
                log_epoch: image.log_epoch,
                at: image.at,
                image: checkpoint::read_image(disk, partition, number, &image)?,
            },
        };
        if !self.restarted {
            match &record {
                Record::Log { keep, .. } if *keep > self.recovered.base.lsn => {
                    if number > self.as_of && self.skipped.is_none() {
                        self.skipped = Some(Skipped {
                            source: source.clone(),
                            number,
                            keep: *keep,
                        });
                    }
                    return Ok(());
                }
                Record::Log { .. } | Record::Image { .. } => self.restarted = true,
            }
        }
        self.recovered.replay(record).map_err(|error| {
            source.damaged(format!(
                "record {number}, of partition {partition}: {error}"
            ))
        })
    }

    pub(super) fn finish(self, partition: PartitionId) -> Result<Recovered, StorageError> {
        if let Some(skipped) = self.skipped
            && !self.restarted
        {
            return Err(skipped.source.damaged(format!(
                "record {}, of partition {partition}, continues after log sequence number {}, but \
                 what comes before is missing",
                skipped.number, skipped.keep
            )));
        }
        // If the last record is older than the checkpoint, the checkpoint knows better.
        Ok(Recovered {
            promised: self.recovered.promised.max(self.promised),
            log_epoch: self.recovered.log_epoch.max(self.log_epoch),
            ..self.recovered
        })
    }
}
