//! The protocol depends on nothing that could do I/O, start threads, read a clock or draw random
//! numbers. What its own code may not use of the standard library is listed in `clippy.toml`.

use std::collections::BTreeSet;

/// Bytes and their encoding: none of these does more than that.
const ALLOWED: &[&str] = &["bytes", "crc32fast", "postcard", "serde"];

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may read the manifest")]
fn the_manifest_names_nothing_but_bytes_and_their_encoding() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let manifest = String::from_utf8(std::fs::read(path).unwrap()).unwrap();
    let section = manifest
        .split("[dependencies]")
        .nth(1)
        .expect("there are dependencies");
    let section = section.split("\n[").next().unwrap();
    let names: BTreeSet<&str> = section
        .lines()
        .filter_map(|line| line.split(['.', '=', ' ']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .collect();
    assert!(
        names.contains("serde"),
        "the section was not found: {manifest}"
    );
    let foreign: Vec<_> = names
        .iter()
        .filter(|name| !ALLOWED.contains(name))
        .collect();
    assert!(
        foreign.is_empty(),
        "{foreign:?} in the protocol's dependencies"
    );
    assert!(!manifest.contains("target."), "no dependency on a platform");
}
