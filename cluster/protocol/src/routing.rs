//! Which partition a container belongs to (requirement A6). Nodes and clients must agree on it, so it
//! is here, and it never changes.

use crate::ids::PartitionId;

/// The partition of `container`, of `partitions` that there are: the CRC-32 (IEEE) of the lower-cased
/// name modulo the number of partitions. Of a name like `name@hint` only the hint counts, so that
/// containers can be kept together.
///
/// # Panics
/// When there are no partitions.
#[must_use]
pub fn partition_of(container: &str, partitions: u16) -> PartitionId {
    let number = container_hash(container) % u32::from(partitions);
    PartitionId(u16::try_from(number).expect("below the number of partitions"))
}

/// What decides over a container's partition, for those who do not know yet how many there are.
#[must_use]
pub fn container_hash(container: &str) -> u32 {
    let hashed = match container.split_once('@') {
        Some((_, hint)) => hint,
        None => container,
    };
    checksum_of_lower_case(hashed)
}

/// In small pieces, so that nothing is allocated.
fn checksum_of_lower_case(text: &str) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    let mut buffer = [0; 64];
    for piece in text.as_bytes().chunks(buffer.len()) {
        let lower = &mut buffer[..piece.len()];
        lower.copy_from_slice(piece);
        lower.make_ascii_lowercase();
        hasher.update(lower);
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of CRC-32/ISO-HDLC, and values that zlib gives.
    #[test]
    fn the_checksum_is_crc_32_ieee() {
        for (text, checksum) in [
            ("", 0),
            ("123456789", 0xcbf4_3926),
            ("a", 0xe8b7_be43),
            ("abc", 0x3524_41c2),
            ("the quick brown fox jumps over the lazy dog", 0xce0c_5114),
        ] {
            assert_eq!(checksum_of_lower_case(text), checksum, "{text}");
        }
    }

    #[test]
    fn case_does_not_matter_however_long_the_name() {
        let name = "Sensor_".repeat(50);
        assert_eq!(
            checksum_of_lower_case(&name),
            crc32fast::hash(name.to_lowercase().as_bytes())
        );
        assert_eq!(partition_of("ABC", 128), partition_of("abc", 128));
    }

    #[test]
    fn a_hint_takes_the_place_of_the_name() {
        assert_eq!(partition_of("a@abc", 128), partition_of("abc", 128));
        assert_eq!(partition_of("b@ABC", 128), PartitionId(0x41c2 % 128));
        assert_ne!(partition_of("a@abc", 128), partition_of("a", 128));
    }

    #[test]
    fn names_spread_over_the_partitions() {
        let mut counts = [0; 16];
        for index in 0..1600 {
            counts[usize::from(partition_of(&format!("container{index}"), 16).0)] += 1;
        }
        assert!(counts.iter().all(|count| (50..150).contains(count)));
    }
}
