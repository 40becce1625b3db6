//! ARCHITECTURE.md says which package may use which: the manifests must agree with it, and its links and
//! files must be there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().expect("models is in a room").to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What the page allows: by room, the rooms that it may use.
fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    let page = read("ARCHITECTURE.md");
    let block = page.split("Who may use whom").nth(1).expect("the block");
    let block = block.split("```").nth(1).expect("a block of arrows");
    let arrow = |line: &str| {
        let (room, uses) = line.split_once("->")?;
        let uses = uses.split(',').map(|used| used.trim().to_owned());
        Some((
            room.trim().to_owned(),
            uses.filter(|used| used != "nothing").collect(),
        ))
    };
    block.lines().filter_map(arrow).collect()
}

/// What the manifests say: by room, the rooms that its program or library uses.
fn used() -> BTreeMap<String, BTreeSet<String>> {
    let workspace = read("Cargo.toml");
    let members = workspace.split("\nmembers = [").nth(1).expect("members");
    let members = members.split(']').next().unwrap_or_default();
    let rooms: Vec<String> = members
        .split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    let name_of = |room: &String| {
        let manifest = read(&format!("{room}/Cargo.toml"));
        let line = manifest.lines().find(|line| line.starts_with("name = "));
        line.expect("a name")
            .trim_start_matches("name = ")
            .trim_matches('"')
            .to_owned()
    };
    let room_of: BTreeMap<String, String> = rooms.iter().map(|r| (name_of(r), r.clone())).collect();
    let dependencies = |room: &String| {
        let manifest = read(&format!("{room}/Cargo.toml"));
        let section = manifest
            .split("\n[dependencies]\n")
            .nth(1)
            .unwrap_or_default();
        let section = section.split("\n[").next().unwrap_or_default();
        let names = section
            .lines()
            .filter_map(|line| line.split(['.', ' ', '=']).next());
        names
            .filter_map(|name| room_of.get(name).cloned())
            .collect()
    };
    rooms
        .iter()
        .map(|room| (room.clone(), dependencies(room)))
        .collect()
}

#[test]
fn rooms_use_what_the_page_lets_them_use() {
    let (allowed, used) = (allowed(), used());
    assert!(used.len() >= 10, "the members were not found: {used:?}");
    assert_eq!(used, allowed, "left: the manifests, right: ARCHITECTURE.md");
}

/// The targets of the links of a page, but for those that lead out of the repository.
fn links(text: &str) -> Vec<&str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|target| !target.starts_with("http"))
        .collect()
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words
            .chars()
            .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn links_of_pages_lead_somewhere() {
    let pages = [
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "README.md",
        "PERFORMANCE.md",
        "checker/README.md",
        "cluster/DECISIONS.md",
        "cluster/PROTOCOL.md",
        "models/FINDINGS.md",
        "models/README.md",
        "results/README.md",
        "findings/README.md",
        "harness/maelstrom/README.md",
    ];
    let mut seen = 0;
    for page in pages {
        let text = read(page);
        for link in links(&text) {
            seen += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let folder = Path::new(page).parent().expect("a folder");
            let path = if file.is_empty() {
                root().join(page)
            } else {
                root().join(folder).join(file)
            };
            assert!(path.exists(), "{page}: there is no {link}");
            let there = || fs::read_to_string(&path).expect("a text");
            assert!(
                anchor.is_empty() || anchors(&there()).contains(anchor),
                "{page}: {link} leads nowhere"
            );
        }
    }
    assert!(seen > 20, "only {seen} links were found");
}

#[test]
fn the_files_to_read_first_are_there() {
    let page = read("ARCHITECTURE.md");
    let section = page
        .split("## Read these five files first")
        .nth(1)
        .expect("the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let files: Vec<&str> = section.split('`').skip(1).step_by(2).collect();
    assert_eq!(files.len(), 5);
    for file in files {
        assert!(root().join(file).is_file(), "there is no {file}");
    }
    assert!(
        page.lines().count() <= 250,
        "ARCHITECTURE.md fits in 250 lines"
    );
}
