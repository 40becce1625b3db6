//! Which partition a container belongs to (requirement A6).

use crate::ids::PartitionId;

/// What decides over a container's partition: the CRC-32 (IEEE) of its lower-cased name, or of what
/// follows the first `@`, so that containers with the same hint are neighbours.
#[must_use]
pub fn container_hash(container: &str) -> u32 {
    let hashed = container
        .split_once('@')
        .map_or(container, |(_, hint)| hint);
    crc32fast::hash(hashed.to_lowercase().as_bytes())
}

/// The partition, of `partitions` in all, that a container belongs to.
#[must_use]
pub fn partition_of(container: &str, partitions: u16) -> PartitionId {
    let number = container_hash(container) % u32::from(partitions.max(1));
    PartitionId(u16::try_from(number).expect("less than the number of partitions"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_hashed_without_case_and_hints_instead_of_names() {
        assert_eq!(container_hash("123456789"), 0xcbf4_3926);
        assert_eq!(container_hash("Meters"), container_hash("mEtErS"));
        assert_eq!(container_hash("a@north"), container_hash("b@North"));
        assert_eq!(container_hash("a@north"), container_hash("north"));
    }
}
