//! The page of the protocol says what the code says: each rule, requirement, invariant and broken rule
//! that one of them names is in the other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use kensho_protocol::rule::Rule;

const PAGE: &str = "cluster/PROTOCOL.md";

/// Folders with code whose comments cite the page.
const ROOMS: &[&str] = &[
    "checker",
    "cluster",
    "harness",
    "models",
    "nemesis",
    "results",
    "workloads",
];

fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().expect("models is in a room").to_owned()
}

fn page() -> String {
    fs::read_to_string(root().join(PAGE)).expect("the page is there")
}

/// All files below `folder` whose names end so.
fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            if !["target", "fixtures", "published"].contains(&file_name(&path)) {
                files(&path, ending, found);
            }
        } else if file_name(&path).ends_with(ending) {
            found.push(path);
        }
    }
}

fn file_name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("")
}

/// Whether `word` has the form of an id: M1, R14, A5.
fn is_id(word: &str) -> bool {
    let (kind, number) = word.split_at(word.len().min(1));
    ["M", "R", "A"].contains(&kind)
        && (1..=2).contains(&number.len())
        && !number.starts_with('0')
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The ids that a text names; `R1-R3` names R2 as well.
fn ids(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    for word in &words {
        if is_id(word) {
            found.insert((*word).to_owned());
        }
    }
    for pair in text.split_whitespace().filter(|word| word.contains('-')) {
        let ends: Vec<&str> = pair
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| is_id(word))
            .collect();
        if let [first, last] = ends[..]
            && first[..1] == last[..1]
        {
            let number = |id: &str| id[1..].parse::<u32>().expect("digits");
            found.extend((number(first)..=number(last)).map(|n| format!("{}{n}", &first[..1])));
        }
    }
    found
}

/// The rules and requirements that the page states.
fn stated() -> BTreeSet<String> {
    let rule = |line: &str| line.strip_prefix("**").map(str::to_owned);
    let requirement = |line: &str| line.strip_prefix("| A").map(|rest| format!("A{rest}"));
    page()
        .lines()
        .filter_map(|line| rule(line).or_else(|| requirement(line)))
        .filter_map(|text| text.split(' ').next().map(str::to_owned))
        .filter(|word| is_id(word))
        .collect()
}

/// The rows of the table under `heading`, each as its cells.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let page = page();
    let section = page.split(&format!("\n## {heading}\n")).nth(1);
    let section = section.unwrap_or_else(|| panic!("no section {heading:?}"));
    let section = section.split("\n## ").next().unwrap_or_default();
    let cells = |line: &str| -> Vec<String> {
        let line = line.trim_matches('|');
        line.split(" | ")
            .map(|cell| cell.trim().to_owned())
            .collect()
    };
    let rows: Vec<_> = section
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .map(cells)
        .collect();
    assert!(rows.len() > 5, "the table under {heading:?} was not found");
    rows
}

#[test]
fn what_the_code_cites_is_on_the_page_and_what_the_page_states_is_cited() {
    let stated = stated();
    assert!(stated.len() > 30, "{stated:?}");
    let mut cited: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut code = Vec::new();
    for room in ROOMS {
        files(&root().join(room), ".rs", &mut code);
    }
    for path in code {
        let text = fs::read_to_string(&path).expect("a text");
        // Comments only: in code such a word may be anything.
        let comments = text.lines().filter_map(|line| {
            line.split_once("// ")
                .or(line.split_once("//! "))
                .or(line.split_once("/// "))
        });
        for (_, comment) in comments {
            for id in ids(comment) {
                cited.entry(id).or_insert_with(|| path.clone());
            }
        }
    }
    let unknown: Vec<_> = cited
        .iter()
        .filter(|(id, _)| !stated.contains(*id))
        .collect();
    assert!(unknown.is_empty(), "cited, but not on {PAGE}: {unknown:?}");
    let unused: Vec<_> = stated
        .iter()
        .filter(|id| !cited.contains_key(*id))
        .collect();
    assert!(
        unused.is_empty(),
        "on {PAGE}, but cited nowhere in the code: {unused:?}"
    );
}

#[test]
fn pages_cite_what_the_page_states() {
    let stated = stated();
    for page in [
        "ARCHITECTURE.md",
        "README.md",
        "cluster/DECISIONS.md",
        "models/README.md",
        "models/FINDINGS.md",
        PAGE,
    ] {
        let text = fs::read_to_string(root().join(page)).expect("a page");
        let unknown: Vec<_> = ids(&text)
            .into_iter()
            .filter(|id| !stated.contains(id))
            .collect();
        assert!(
            unknown.is_empty(),
            "{page} cites {unknown:?}, which {PAGE} does not state"
        );
    }
}

#[test]
fn each_rule_stands_where_the_page_says_and_has_the_broken_rules_that_it_says() {
    let root = root();
    let source =
        fs::read_to_string(root.join("cluster/protocol/src/rule.rs")).expect("the list of rules");
    let mut of_rule: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for rule in Rule::ALL {
        let line = format!("= \"{}\",", rule.name());
        let before = source.split(&line).next().expect("the rule is listed");
        let id = before
            .lines()
            .rev()
            .find_map(|line| line.trim().strip_prefix("/// ")?.split_once(" broken"));
        let (id, _) = id.unwrap_or_else(|| panic!("{rule} does not say which rule it breaks"));
        of_rule
            .entry(id.to_owned())
            .or_default()
            .insert(rule.name());
    }
    let stated: BTreeSet<String> = stated()
        .into_iter()
        .filter(|id| !id.starts_with('A'))
        .collect();
    let mut listed = BTreeSet::new();
    for row in rows("Rule, code, broken rule") {
        let [id, code, broken] = &row[..] else {
            panic!("a row of three cells: {row:?}");
        };
        listed.insert(id.clone());
        for file in code.split(", ") {
            let file = file.trim_matches('`');
            let room = match file.starts_with("kernel/") {
                true => "cluster",
                false => "cluster/protocol/src",
            };
            let path = root.join(room).join(file);
            let text =
                fs::read_to_string(&path).unwrap_or_else(|_| panic!("{id}: there is no {file}"));
            assert!(ids(&text).contains(id), "{file} does not name {id}");
        }
        let names: BTreeSet<&str> = broken
            .split(", ")
            .filter(|name| !name.starts_with('('))
            .collect();
        assert_eq!(
            names,
            of_rule.remove(id).unwrap_or_default(),
            "broken rules of {id}"
        );
    }
    assert_eq!(listed, stated);
    assert!(of_rule.is_empty(), "not in the table: {of_rule:?}");
}

#[test]
fn the_invariants_are_those_that_are_checked() {
    let mut checked = Vec::new();
    for folder in ["models/src/invariants", "models/src/election/invariants"] {
        files(&root().join(folder), ".rs", &mut checked);
    }
    let checked: BTreeSet<String> = checked
        .iter()
        .map(|path| file_name(path).trim_end_matches(".rs").replace('_', "-"))
        .filter(|name| !["mod", "watch"].contains(&name.as_str()))
        .collect();
    let listed: BTreeSet<String> = rows("Invariants")
        .into_iter()
        .map(|row| row[0].clone())
        .collect();
    assert_eq!(listed, checked);
}

#[test]
fn each_requirement_is_shown_by_tests_that_there_are() {
    let requirements: BTreeSet<String> = stated()
        .into_iter()
        .filter(|id| id.starts_with('A'))
        .collect();
    let mut shown = BTreeSet::new();
    for row in rows("What shows it") {
        let [id, file, tests] = &row[..] else {
            panic!("a row of three cells: {row:?}");
        };
        shown.insert(id.clone());
        let file = file.trim_matches('`');
        let text = fs::read_to_string(root().join(file));
        let text = text.unwrap_or_else(|_| panic!("{id}: there is no {file}"));
        for test in tests.split(", ") {
            assert!(
                text.contains(&format!("fn {test}(")),
                "{id}: there is no test {test} in {file}"
            );
        }
    }
    assert_eq!(shown, requirements);
}
