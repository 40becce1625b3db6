//! What an async failover lost, kept where a person can find it.

use kensho_protocol::ids::PartitionId;
use kensho_protocol::log::Entry;
use kensho_storage::disk::RealDisk;
use kensho_storage::folder::keep_lost;

use crate::failure;

/// Writes the entries to a file of the data folder, on a thread of its own: nothing waits for it.
pub(super) fn keep(disk: &RealDisk, partition: PartitionId, entries: Vec<Entry>) {
    let mut disk = disk.clone();
    std::thread::spawn(move || {
        let (partition_number, count) = (partition.0, entries.len());
        match keep_lost(&mut disk, partition, &entries) {
            Ok(file) => tracing::warn!(
                partition = partition_number,
                entries = count,
                file,
                "updates that may have been acknowledged are lost; they are in the file"
            ),
            // After a failed flush nobody may rely on the disk, whatever it was that was flushed.
            Err(error) if !error.is_full() => failure::stop_at_once(&error),
            Err(error) => tracing::error!(
                partition = partition_number,
                entries = count,
                "updates that may have been acknowledged are lost, and cannot be written down: {error}"
            ),
        }
    });
}
