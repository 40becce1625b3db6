//! The kernel depends on the protocol and on bytes, and on nothing that could do I/O, start threads, read a
//! clock or draw random numbers. What its own code may not use of the standard library is listed in
//! `clippy.toml`, which it shares with the protocol.

use std::collections::BTreeSet;

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may read the manifest")]
fn the_manifest_names_nothing_but_the_protocol_and_bytes() {
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
    assert_eq!(names, BTreeSet::from(["bytes", "kensho-protocol"]));
    assert!(!manifest.contains("target."), "no dependency on a platform");
}
