//! Writes a log anew, without what was damaged: otherwise the next start would find it again, and not
//! know that those partitions have begun another life since.

use std::collections::BTreeSet;

use kensho_protocol::ids::{NodeId, PartitionId};
use kensho_protocol::record::{Record, Recovered};

use super::super::LogSettings;
use super::super::batch::Batch;
use super::super::manifest::Manifest;
use super::super::segment::{self, Segment};
use super::super::trail::Trails;
use super::super::writer::{End, Writer};
use super::reader::Read;
use super::remove_images;
use crate::disk::Disk;
use crate::error::StorageError;

/// Writes what is whole to a segment after the `newest` one. It counts, and the rest is forgotten, when
/// the manifest is replaced; a crash before that leaves a log that says the same twice.
pub(super) fn write<D: Disk>(
    disk: &mut D,
    (node, settings): (NodeId, LogSettings),
    manifest: &mut Manifest,
    newest: u64,
    read: &Read,
) -> Result<(Writer<D::File>, Trails), StorageError> {
    let current = Segment::create(disk, node, newest + 1, settings.segment_bytes)?;
    let number = current.number;
    let end = End {
        offset: segment::BATCHES,
        sealed: false,
    };
    let mut writer = Writer::new(node, settings, current, end, None, read.last, Vec::new());
    // Should the manifest not be replaced, these batches are read after those that are damaged, and
    // must prove nothing of them.
    writer.say_nothing_of_earlier_records(true);
    let mut trails = Trails::default();
    for (partition, recovered) in &read.whole {
        let mut batch = Batch::after(writer.written());
        for record in records(*partition, recovered, manifest) {
            batch.append(*partition, &record);
        }
        let segment = writer.write(disk, &mut batch)?;
        writer.sync(disk)?;
        for step in &batch.steps {
            trails.add(segment, step);
        }
    }
    let whole: BTreeSet<PartitionId> = read.whole.keys().copied().collect();
    manifest.lives.begin_anew(&whole);
    manifest
        .checkpoints
        .retain(|partition, _| whole.contains(partition));
    manifest.beginning = (number, read.last);
    manifest.write(disk)?;
    manifest.remove_superfluous(disk)?;
    remove_images(disk, |number| number <= read.last)?;
    manifest.inform(&mut trails);
    writer.say_nothing_of_earlier_records(false);
    Ok((writer, trails))
}

/// What gives the partition back, together with its checkpoint if that is still the newest image.
fn records(partition: PartitionId, recovered: &Recovered, manifest: &Manifest) -> Vec<Record> {
    let (promised, log_epoch) = (recovered.promised, recovered.log_epoch);
    let checkpoint = manifest.checkpoints.get(&partition);
    let has_image = checkpoint.is_some_and(|c| c.base == recovered.base.lsn);
    let image = recovered.image.as_ref().filter(|_| !has_image);
    let image = image.map(|image| Record::Image {
        promised,
        log_epoch,
        at: recovered.base,
        image: image.clone(),
    });
    let log = Record::Log {
        promised,
        log_epoch,
        keep: recovered.base.lsn,
        entries: recovered.entries.clone(),
    };
    image.into_iter().chain([log]).collect()
}
