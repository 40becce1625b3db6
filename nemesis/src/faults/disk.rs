//! Disks have no more room, and have it again when the fault ends.

use crate::catalogue::{Does, Entry, Family};
use crate::fault::{Action, Target};

const fn full_disk(
    name: &'static str,
    weight: usize,
    targets: &'static [Target],
    text: &'static str,
) -> Entry {
    Entry {
        name,
        family: Family::Disk,
        with: None,
        weight,
        text,
        does: Does::AtOnce(Action::FillDisk, targets),
    }
}

pub(crate) static FAULTS: &[Entry] = &[
    full_disk(
        "full-disk",
        2,
        &[Target::Owner],
        "the disk of a partition's owner has no more room",
    ),
    full_disk(
        "full-disk-backup",
        1,
        &[Target::Backup],
        "the disk of an in-sync backup has no more room",
    ),
    full_disk(
        "full-disk-all",
        1,
        &[Target::All],
        "no disk has any more room",
    ),
];
