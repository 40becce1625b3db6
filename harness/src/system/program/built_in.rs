//! Real systems that can be named: files and client programs that lie ready in this program, and are
//! written into the folder of each run.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::file::{Description, File, WrongFile};

/// A system whose files lie ready.
#[derive(Debug)]
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// Its files: names, and what is in them.
    files: &'static [(&'static str, &'static str)],
}

macro_rules! built_in {
    ($name:literal, $($file:literal),+) => {
        BuiltIn {
            name: $name,
            files: &[$((
                $file,
                include_str!(concat!("../../../systems/", $name, "/", $file)),
            )),+],
        }
    };
}

/// What all client programs share.
const SHARED: &[(&str, &str)] = &[("kensho.py", include_str!("../../../systems/kensho.py"))];
/// The file that says how a system is started and asked.
const FILE: &str = "system.toml";

/// All of them.
pub static ALL: &[BuiltIn] = &[
    built_in!("etcd", "system.toml", "client.py"),
    built_in!("redis-sentinel", "system.toml", "client.py", "start.py"),
    built_in!("postgresql", "system.toml", "client.py", "start.py"),
    built_in!("mariadb-galera", "system.toml", "client.py", "start.py"),
    built_in!("nats-jetstream", "system.toml", "client.py", "start.py"),
    built_in!("zookeeper", "system.toml", "client.py", "start.py"),
    built_in!("pysyncobj", "system.toml", "client.py", "node.py"),
];

/// The one with this name.
pub fn find(name: &str) -> Option<&'static BuiltIn> {
    ALL.iter().find(|system| system.name == name)
}

impl BuiltIn {
    fn text_of_file(&self) -> &'static str {
        let found = self.files.iter().find(|(name, _)| *name == FILE);
        found.map_or("", |(_, text)| text)
    }

    /// Its file.
    ///
    /// # Errors
    /// If something that it needs is not installed.
    pub fn file(&self) -> Result<File, WrongFile> {
        // Its commands run in a folder that is only made with the run.
        File::parse(Path::new(self.name), Path::new("/"), self.text_of_file())
    }

    /// What there is to say of it, whether or not it is installed.
    ///
    /// # Errors
    /// If its file is wrong.
    pub fn described(&self) -> Result<Description, WrongFile> {
        Description::parse(Path::new(self.name), self.text_of_file())
    }

    /// Writes its files into `folder`; its commands run there.
    ///
    /// # Errors
    /// If that is not possible.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let own = folder.join(self.name);
        fs::create_dir_all(&own)
            .with_context(|| format!("cannot make the folder {}", own.display()))?;
        let own = self.files.iter().map(|(name, text)| (own.join(name), text));
        let shared = SHARED.iter().map(|(name, text)| (folder.join(name), text));
        for (path, text) in own.chain(shared) {
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_lies_ready_says_what_it_is_and_how_it_is_installed() {
        for system in ALL {
            let described = system.described().unwrap();
            assert_eq!(described.name, system.name);
            assert!(described.needs.install.is_some(), "{}", system.name);
            assert!(described.text.is_some() && described.promises.is_some());
            assert!(!described.answers.is_empty() && described.workloads.is_some());
            if let Some(missing) = described.needs.missing() {
                eprintln!("skipped: {}: {missing}", system.name);
                continue;
            }
            assert!(system.file().unwrap().version.is_some());
        }
    }
}
