//! The operating system's disk.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;

use super::Disk;
use crate::error::StorageError;

/// A folder of the operating system.
#[derive(Clone, Debug)]
pub struct RealDisk {
    path: Arc<PathBuf>,
    flush_delay: Duration,
    /// What all files of the folder may take together, in bytes.
    limit_bytes: Option<u64>,
}

/// Zeros are written in pieces of this size.
static ZEROS: [u8; 256 << 10] = [0; 256 << 10];

impl RealDisk {
    /// The folder at `path`, which is made if it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        fs::create_dir_all(path).map_err(StorageError::io(
            "make the folder",
            path.display().to_string(),
        ))?;
        Ok(RealDisk {
            path: Arc::new(path.to_owned()),
            flush_delay: Duration::ZERO,
            limit_bytes: None,
        })
    }

    /// The same folder, whose files may take so many bytes together, by their lengths. Files of others
    /// that lie there count as well.
    #[must_use]
    pub fn with_limit(self, limit_bytes: Option<u64>) -> Self {
        RealDisk {
            limit_bytes,
            ..self
        }
    }

    /// The same folder as on a slow disk: each flush takes so much longer.
    #[must_use]
    pub fn with_flush_delay(self, flush_delay: Duration) -> Self {
        RealDisk {
            flush_delay,
            ..self
        }
    }

    /// Where the folder is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.path
    }

    /// The lengths of all files of the folder together, in bytes.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn used_bytes(&self) -> io::Result<u64> {
        let mut used = 0;
        for entry in fs::read_dir(&*self.path)? {
            match entry?.metadata() {
                Ok(metadata) if metadata.is_file() => used += metadata.len(),
                // It was removed just now.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(used)
    }

    /// Whether the limit lets `file` be `end` bytes long.
    fn check_limit(&self, file: &File, end: u64) -> io::Result<()> {
        let Some(limit) = self.limit_bytes else {
            return Ok(());
        };
        let grows = end.saturating_sub(file.metadata()?.len());
        if grows > 0 && self.used_bytes()? + grows > limit {
            let text = format!("the files of the data folder may take {limit} bytes together");
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, text));
        }
        Ok(())
    }

    /// Makes sure that no other process works on the folder, for as long as the lock is held.
    ///
    /// # Errors
    /// [`StorageError::InUse`] when one does.
    pub fn lock(&self) -> Result<FolderLock, StorageError> {
        let path = self.path.join("lock");
        let name = path.display().to_string();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(StorageError::io("open", &name))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut process = String::new();
                let read = file.read_to_string(&mut process);
                let process = match process.trim() {
                    known if read.is_ok() && !known.is_empty() => known.to_owned(),
                    _ => "unknown".to_owned(),
                };
                return Err(StorageError::InUse {
                    path: self.path.display().to_string(),
                    process,
                });
            }
            Err(TryLockError::Error(error)) => return Err(StorageError::io("lock", name)(error)),
        }
        file.set_len(0)
            .and_then(|()| write!(file, "{}", std::process::id()))
            .map_err(StorageError::io("write", name))?;
        Ok(FolderLock { _file: file })
    }
}

/// While this lives, no other process can lock the folder. The operating system lets go of it when
/// the process ends, however it ends.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl Disk for RealDisk {
    type File = File;

    fn path(&self, name: &str) -> String {
        self.path.join(name).display().to_string()
    }

    fn list(&mut self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&*self.path)? {
            // Names that are no text are none of ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn open(&mut self, name: &str) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(self.path.join(name))
    }

    fn create(&mut self, name: &str) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(self.path.join(name))
    }

    fn allocate(&mut self, file: &File, length: u64) -> io::Result<()> {
        self.check_limit(file, length)?;
        // Asking for the room first finds a full disk before anything was written.
        let size = i64::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?;
        match nix::fcntl::posix_fallocate(file, 0, size) {
            Ok(()) | Err(Errno::EOPNOTSUPP | Errno::EINVAL) => {}
            Err(error) => return Err(error.into()),
        }
        // Room that was merely promised makes every first flush of it slower than zeros do.
        let mut offset = 0;
        while offset < length {
            let piece = ZEROS.len().min((length - offset) as usize);
            file.write_all_at(&ZEROS[..piece], offset)?;
            offset += piece as u64;
        }
        Ok(())
    }

    fn length(&mut self, file: &File) -> io::Result<u64> {
        Ok(file.metadata()?.len())
    }

    fn read_at(&mut self, file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        file.read_exact_at(buffer, offset)
    }

    fn write_at(&mut self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.check_limit(file, offset + bytes.len() as u64)?;
        file.write_all_at(bytes, offset)
    }

    fn sync(&mut self, file: &File) -> io::Result<()> {
        if !self.flush_delay.is_zero() {
            std::thread::sleep(self.flush_delay);
        }
        file.sync_data()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn exchange(&mut self, one: &str, other: &str) -> io::Result<()> {
        use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
        let (one, other) = (self.path.join(one), self.path.join(other));
        let exchanged = renameat2(
            AT_FDCWD,
            &one,
            AT_FDCWD,
            &other,
            RenameFlags::RENAME_EXCHANGE,
        );
        exchanged.map_err(|error| match error {
            // Not all file systems, and kernels, can do that.
            Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP => io::ErrorKind::Unsupported.into(),
            error => error.into(),
        })
    }

    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    fn exchange(&mut self, _one: &str, _other: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        File::open(&*self.path)?.sync_all()
    }

    fn free_bytes(&mut self) -> io::Result<u64> {
        let state = nix::sys::statvfs::statvfs(&*self.path)?;
        let free = state
            .blocks_available()
            .saturating_mul(state.fragment_size());
        Ok(match self.limit_bytes {
            Some(limit) => free.min(limit.saturating_sub(self.used_bytes()?)),
            None => free,
        })
    }
}
