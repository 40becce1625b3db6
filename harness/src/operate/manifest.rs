//! What a backup consists of. The manifest is written last: a folder without one is no backup.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::snapshot;

/// The file's name.
const NAME: &str = "backup.json";
/// Changes when older programs could not read a backup.
const FORMAT: u32 = 1;

/// What a backup consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The form of the backup.
    pub format: u32,
    /// Of which cluster it is.
    pub cluster: String,
    /// When it was begun, in UTC.
    pub begun: String,
    /// How many partitions the cluster has.
    pub partitions: usize,
    /// A file for each partition.
    pub files: Vec<Listed>,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Its name.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// How many containers it has.
    pub containers: usize,
    /// How many rows.
    pub rows: usize,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

impl Listed {
    /// What is to be listed of a text.
    ///
    /// # Errors
    /// When it is no text of a partition's rows.
    pub(super) fn of(partition: usize, text: &str) -> Result<Self> {
        let parts = snapshot::read(text)?;
        Ok(Listed {
            file: format!("partition-{partition:05}.jsonl"),
            bytes: text.len() as u64,
            containers: parts.len(),
            rows: parts.iter().map(|part| part.rows.len()).sum(),
            sha256: digest(text.as_bytes()),
        })
    }
}

fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").expect("a string can always be written to");
    }
    text
}

impl Manifest {
    pub(super) fn new(cluster: String, begun: String, files: Vec<Listed>) -> Self {
        Manifest {
            format: FORMAT,
            cluster,
            begun,
            partitions: files.len(),
            files,
        }
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// How long all files are together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).context("the manifest")?;
        write(&folder.join(NAME), text.as_bytes())
    }
}

/// Writes a file that is there as a whole or not at all.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || {
        let new = path.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&new, path)?;
        match path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}

/// The manifest of the backup in `folder`, all of whose files are as they were written.
///
/// # Errors
/// When one is missing or damaged, which is named.
pub fn check(folder: &Path) -> Result<Manifest> {
    let path = folder.join(NAME);
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!(
            "{} cannot be read: a folder without it is no backup that was finished",
            path.display()
        )
    })?;
    let manifest: Manifest = serde_json::from_str(&text)
        .with_context(|| format!("{} is no manifest of a backup", path.display()))?;
    if manifest.format != FORMAT {
        bail!(
            "{} has form {}, and this program knows {FORMAT}: use the program that wrote it",
            path.display(),
            manifest.format
        );
    }
    for (partition, listed) in manifest.files.iter().enumerate() {
        text_of(folder, partition, listed)?;
    }
    Ok(manifest)
}

/// The rows of a partition, if they are as they were written.
pub(super) fn text_of(folder: &Path, partition: usize, listed: &Listed) -> Result<String> {
    let path: PathBuf = folder.join(&listed.file);
    let damaged = || format!("{} is damaged: take another backup", path.display());
    let bytes =
        std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let found = digest(&bytes);
    if found != listed.sha256 {
        bail!(
            "{}: it has {} bytes and SHA-256 {found}, and was written with {} and {}",
            damaged(),
            bytes.len(),
            listed.bytes,
            listed.sha256
        );
    }
    let text = String::from_utf8(bytes).with_context(damaged)?;
    if Listed::of(partition, &text).with_context(damaged)? != *listed {
        bail!("{}: the manifest says otherwise", damaged());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_found_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let text = "{\"container\":{\"container_name\":\"a\"},\"rows\":1}\n[1]\n{\"containers\":1,\"rows\":1}\n";
        let listed = Listed::of(0, text).unwrap();
        let file = folder.path().join(&listed.file);
        write(&file, text.as_bytes()).unwrap();
        let unfinished = check(folder.path()).unwrap_err().to_string();
        assert!(
            unfinished.contains("no backup that was finished"),
            "{unfinished}"
        );
        let manifest = Manifest::new("c".into(), "now".into(), vec![listed]);
        manifest.write(folder.path()).unwrap();
        assert_eq!(check(folder.path()).unwrap(), manifest);
        for place in 0..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[place] ^= 1;
            std::fs::write(&file, &bytes).unwrap();
            let damaged = check(folder.path()).unwrap_err().to_string();
            assert!(
                damaged.contains("partition-00000.jsonl is damaged"),
                "{damaged}"
            );
        }
        std::fs::remove_file(&file).unwrap();
        let missing = check(folder.path()).unwrap_err().to_string();
        assert!(
            missing.contains("partition-00000.jsonl cannot be read"),
            "{missing}"
        );
    }
}
