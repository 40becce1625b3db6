//! A disk that is plain data.
//!
//! It remembers what was flushed and what was merely written, so its power can be cut at any moment.
//! What a power cut does is drawn from a seed: of what was not flushed any part may be lost, in any
//! order, and a write may be torn anywhere. So do real disks: they hold writes back and reorder them.
//! A folder's changes that were not flushed may be lost singly as well.

use std::collections::BTreeMap;
use std::io;

use super::Disk;

/// A file of a [`SimulatedDisk`] that is open. It stays valid if the file is renamed or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SimulatedFile(u64);

/// A disk in memory, with faults on demand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SimulatedDisk {
    files: BTreeMap<SimulatedFile, Content>,
    /// As the running system sees it.
    names: BTreeMap<String, SimulatedFile>,
    /// As it is on the disk.
    safe_names: BTreeMap<String, SimulatedFile>,
    /// Changes of names since then.
    unsafe_changes: Vec<Rename>,
    next_file: u64,
    /// What files may take altogether.
    capacity_bytes: Option<u64>,
    /// How many operations that change something still succeed; none does after that.
    remaining_operations: Option<u64>,
    failing_syncs: u32,
    /// The next flush of the file of this name fails.
    failing_sync_of: Option<String>,
    operations: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Content {
    /// As the running system sees it.
    bytes: Vec<u8>,
    /// As it is on the disk.
    safe: Vec<u8>,
    /// Writes since then.
    unsafe_writes: Vec<(u64, Vec<u8>)>,
}

/// A change of names that happens as a whole or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Rename {
    remove: Option<String>,
    set: Vec<(String, SimulatedFile)>,
}

impl Rename {
    fn apply(&self, names: &mut BTreeMap<String, SimulatedFile>) {
        if let Some(name) = &self.remove {
            names.remove(name);
        }
        for (name, file) in &self.set {
            names.insert(name.clone(), *file);
        }
    }
}

impl Content {
    fn write(bytes: &mut Vec<u8>, offset: u64, new: &[u8]) {
        let offset = usize::try_from(offset).expect("a simulated file fits in memory");
        let end = offset + new.len();
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[offset..end].copy_from_slice(new);
    }
}

impl SimulatedDisk {
    /// An empty disk without faults.
    #[must_use]
    pub fn new() -> Self {
        SimulatedDisk::default()
    }

    /// The power fails and comes back. Of what was not flushed, what is left is drawn from `seed`.
    /// Faults that were asked for end.
    pub fn cut_power(&mut self, seed: u64) {
        let mut random = Random(seed);
        for content in self.files.values_mut() {
            for (offset, bytes) in std::mem::take(&mut content.unsafe_writes) {
                for (offset, piece) in survivors(&mut random, offset, &bytes) {
                    Content::write(&mut content.safe, offset, piece);
                }
            }
            content.bytes.clone_from(&content.safe);
        }
        for change in std::mem::take(&mut self.unsafe_changes) {
            if random.below(2) == 0 {
                change.apply(&mut self.safe_names);
            }
        }
        self.names.clone_from(&self.safe_names);
        let used: Vec<SimulatedFile> = self.names.values().copied().collect();
        self.files.retain(|file, _| used.contains(file));
        self.remaining_operations = None;
        self.failing_syncs = 0;
        self.failing_sync_of = None;
    }

    /// After `operations` more that change or flush something, nothing succeeds any more until
    /// [`SimulatedDisk::cut_power`].
    pub fn fail_after(&mut self, operations: u64) {
        self.remaining_operations = Some(operations);
    }

    /// The next `count` flushes of files fail. As real systems do, the disk then takes what it could
    /// not flush for flushed: it can still be read, but a power cut loses it, whatever is flushed
    /// later.
    pub fn fail_syncs(&mut self, count: u32) {
        self.failing_syncs = count;
    }

    /// The next flush of the file that has this name then fails, as those of
    /// [`SimulatedDisk::fail_syncs`] do; an empty name stands for the folder.
    pub fn fail_sync_of(&mut self, name: &str) {
        self.failing_sync_of = Some(name.to_owned());
    }

    /// Whether the flush that was to fail by [`SimulatedDisk::fail_sync_of`] has failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failing_sync_of.is_none()
    }

    /// Whether this flush is to fail; it counts as having failed then.
    fn fails(&mut self, file: Option<SimulatedFile>) -> bool {
        let named = |name: &String| match file {
            Some(file) => self.names.get(name) == Some(&file),
            None => name.is_empty(),
        };
        if self.failing_sync_of.as_ref().is_some_and(named) {
            self.failing_sync_of = None;
            return true;
        }
        let fails = file.is_some() && self.failing_syncs > 0;
        self.failing_syncs -= u32::from(fails);
        fails
    }

    /// Files may take this many bytes altogether.
    pub fn limit(&mut self, bytes: Option<u64>) {
        self.capacity_bytes = bytes;
    }

    /// Operations that changed or flushed something so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.operations
    }

    /// The bytes of a file, to be looked at or damaged. What is damaged is so on the disk, too.
    pub fn damage(&mut self, name: &str, change: impl Fn(&mut Vec<u8>)) {
        let file = self.names.get(name).expect("a file of this name");
        let content = self.files.get_mut(file).expect("a named file has content");
        change(&mut content.bytes);
        change(&mut content.safe);
    }

    /// A file's bytes as the running system sees them.
    #[must_use]
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        let file = self.names.get(name)?;
        Some(&self.files[file].bytes)
    }

    fn operate(&mut self) -> io::Result<()> {
        if let Some(remaining) = &mut self.remaining_operations {
            if *remaining == 0 {
                return Err(io::Error::other("the simulated power is off"));
            }
            *remaining -= 1;
        }
        self.operations += 1;
        Ok(())
    }

    fn used_bytes(&self) -> u64 {
        let used = self.names.values();
        used.map(|file| self.files[file].bytes.len() as u64).sum()
    }

    fn content(&mut self, file: SimulatedFile) -> io::Result<&mut Content> {
        self.files
            .get_mut(&file)
            .ok_or_else(|| io::Error::other("the file was opened before the power was cut"))
    }

    fn change_names(&mut self, change: Rename) {
        change.apply(&mut self.names);
        self.unsafe_changes.push(change);
    }

    fn write(&mut self, file: SimulatedFile, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.operate()?;
        let end = offset + bytes.len() as u64;
        let grows = end.saturating_sub(self.content(file)?.bytes.len() as u64);
        let full = |capacity| grows > 0 && self.used_bytes() + grows > capacity;
        if self.capacity_bytes.is_some_and(full) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let content = self.content(file)?;
        Content::write(&mut content.bytes, offset, bytes);
        content.unsafe_writes.push((offset, bytes.to_vec()));
        Ok(())
    }
}

impl Disk for SimulatedDisk {
    type File = SimulatedFile;

    fn path(&self, name: &str) -> String {
        format!("simulated/{name}")
    }

    fn list(&mut self) -> io::Result<Vec<String>> {
        Ok(self.names.keys().cloned().collect())
    }

    fn open(&mut self, name: &str) -> io::Result<SimulatedFile> {
        let file = self.names.get(name).copied();
        file.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create(&mut self, name: &str) -> io::Result<SimulatedFile> {
        self.operate()?;
        let file = SimulatedFile(self.next_file);
        self.next_file += 1;
        self.files.insert(file, Content::default());
        self.change_names(Rename {
            remove: None,
            set: vec![(name.to_owned(), file)],
        });
        Ok(file)
    }

    fn allocate(&mut self, file: &SimulatedFile, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).expect("a simulated file fits in memory");
        self.write(*file, 0, &vec![0; length])
    }

    fn length(&mut self, file: &SimulatedFile) -> io::Result<u64> {
        Ok(self.content(*file)?.bytes.len() as u64)
    }

    fn read_at(&mut self, file: &SimulatedFile, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let bytes = &self.content(*file)?.bytes;
        let range = usize::try_from(offset)
            .ok()
            .and_then(|from| bytes.get(from..from + buffer.len()))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(range);
        Ok(())
    }

    fn write_at(&mut self, file: &SimulatedFile, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write(*file, offset, bytes)
    }

    fn sync(&mut self, file: &SimulatedFile) -> io::Result<()> {
        self.operate()?;
        let fails = self.fails(Some(*file));
        let content = self.content(*file)?;
        for (offset, bytes) in std::mem::take(&mut content.unsafe_writes) {
            if !fails {
                Content::write(&mut content.safe, offset, &bytes);
            }
        }
        if fails {
            return Err(io::Error::other("the simulated disk failed to flush"));
        }
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.operate()?;
        let file = self.open(from)?;
        self.change_names(Rename {
            remove: Some(from.to_owned()),
            set: vec![(to.to_owned(), file)],
        });
        Ok(())
    }

    fn exchange(&mut self, one: &str, other: &str) -> io::Result<()> {
        self.operate()?;
        let (first, second) = (self.open(one)?, self.open(other)?);
        self.change_names(Rename {
            remove: None,
            set: vec![(one.to_owned(), second), (other.to_owned(), first)],
        });
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.operate()?;
        self.open(name)?;
        self.change_names(Rename {
            remove: Some(name.to_owned()),
            set: Vec::new(),
        });
        Ok(())
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        self.operate()?;
        if self.fails(None) {
            self.unsafe_changes.clear();
            return Err(io::Error::other("the simulated disk failed to flush"));
        }
        self.unsafe_changes.clear();
        self.safe_names.clone_from(&self.names);
        // Files without a name on the disk or in the system are still readable by whoever has them
        // open, so they stay until the power is cut.
        Ok(())
    }

    fn free_bytes(&mut self) -> io::Result<u64> {
        let capacity = self.capacity_bytes.unwrap_or(u64::MAX);
        Ok(capacity.saturating_sub(self.used_bytes()))
    }
}

/// What is left of a write that was not flushed: all of it, nothing, or some of its sectors and a
/// part of one of them.
fn survivors<'a>(random: &mut Random, offset: u64, bytes: &'a [u8]) -> Vec<(u64, &'a [u8])> {
    const SECTOR: usize = 512;
    match random.below(4) {
        0 => Vec::new(),
        1 => vec![(offset, bytes)],
        2 => {
            // A prefix, torn at any byte.
            let length = random.below(bytes.len() as u64 + 1) as usize;
            vec![(offset, &bytes[..length])]
        }
        _ => {
            // Any set of sectors.
            let mut pieces = Vec::new();
            let mut at = 0;
            while at < bytes.len() {
                let in_sector = (offset as usize + at) % SECTOR;
                let end = (at + SECTOR - in_sector).min(bytes.len());
                if random.below(2) == 0 {
                    pieces.push((offset + at as u64, &bytes[at..end]));
                }
                at = end;
            }
            pieces
        }
    }
}

/// A small deterministic generator (splitmix64, <https://prng.di.unimi.it/splitmix64.c>).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }
}
