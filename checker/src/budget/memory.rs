//! How much memory this process has.
//!
//! What counts is what the limit promises and what an operating system kills a process for: the
//! memory that is resident, all of it, whoever asked for it and whatever the allocator keeps. So
//! the system is asked, which takes about a microsecond; a counting allocator would slow down
//! every allocation, and would not see what it keeps. Where the system does not tell (anything but
//! Linux), only the tables of the search at hand are counted.

use std::fs::File;
use std::sync::OnceLock;

/// Bytes of this process in memory, if the system tells.
pub(crate) fn resident() -> Option<usize> {
    static SOURCE: OnceLock<Option<Source>> = OnceLock::new();
    SOURCE.get_or_init(Source::open).as_ref()?.resident()
}

/// `/proc/self/statm`, which counts in pages.
struct Source {
    statm: File,
    page: usize,
}

impl Source {
    fn open() -> Option<Source> {
        Some(Source {
            statm: File::open("/proc/self/statm").ok()?,
            page: page_size()?,
        })
    }

    #[cfg(unix)]
    fn resident(&self) -> Option<usize> {
        use std::os::unix::fs::FileExt;
        let mut text = [0; 128];
        let length = self.statm.read_at(&mut text, 0).ok()?;
        let text = std::str::from_utf8(&text[..length]).ok()?;
        let pages: usize = text.split(' ').nth(1)?.parse().ok()?;
        Some(pages * self.page)
    }

    #[cfg(not(unix))]
    fn resident(&self) -> Option<usize> {
        None
    }
}

/// From what the kernel told this program when it began: pairs of a kind and a value.
fn page_size() -> Option<usize> {
    const PAGE_SIZE: usize = 6;
    let told = std::fs::read("/proc/self/auxv").ok()?;
    let mut numbers = told
        .chunks_exact(size_of::<usize>())
        .filter_map(|bytes| bytes.try_into().ok().map(usize::from_ne_bytes));
    while let (Some(kind), Some(value)) = (numbers.next(), numbers.next()) {
        if kind == PAGE_SIZE {
            return Some(value);
        }
    }
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_used_is_seen() {
        const MORE: usize = 64 << 20;
        let used = vec![1_u8; MORE];
        assert!(resident().unwrap() > MORE);
        assert_eq!(
            used.iter().map(|byte| usize::from(*byte)).sum::<usize>(),
            MORE
        );
    }
}
