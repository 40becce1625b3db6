//! How much memory this program has had at once: what the states of a model take.

use std::fs;

/// From now on [`peak_bytes`] counts anew. Without effect where the system does not know of it.
pub fn reset_peak() {
    // See proc(5): 5 resets the peak of resident memory. Only the figure would be missing.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The most bytes that were resident at once since [`reset_peak`]; `None` where the system does not
/// say.
#[must_use]
pub fn peak_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_touched_counts() {
        reset_peak();
        let touched = vec![1_u8; 64 << 20];
        let sum: u64 = touched.iter().copied().map(u64::from).sum();
        // Only Linux tells.
        assert!(peak_bytes().is_none_or(|peak| peak >= sum));
    }
}
