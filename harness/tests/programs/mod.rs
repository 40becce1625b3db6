//! The programs under test, for all tests that run them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The program, with the node's program beside it.
pub(crate) fn kensho() -> Command {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let program = BUILT.get_or_init(|| {
        let kensho = PathBuf::from(env!("CARGO_BIN_EXE_kensho"));
        // Tests of the whole workspace have built it; tests of this package alone have not.
        if !kensho.with_file_name("kensho-node").is_file() {
            let folder = kensho.parent().unwrap();
            let mut build = Command::new(env!("CARGO"));
            build.args(["build", "--quiet", "--package", "kensho-node"]);
            if folder.ends_with("release") {
                build.arg("--release");
            }
            build.arg("--target-dir").arg(folder.parent().unwrap());
            assert!(
                build.status().unwrap().success(),
                "the node's program can be built"
            );
        }
        kensho
    });
    Command::new(program)
}

/// The nodes that run in `folder`.
#[allow(dead_code, reason = "not every test that runs programs counts them")]
pub(crate) fn nodes_in(folder: &Path) -> usize {
    let folder = folder.to_str().unwrap();
    let running = fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
        let arguments = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
        arguments.contains(folder) && arguments.contains("--config")
    });
    running.count()
}
