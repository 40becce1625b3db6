//! Names of the files in an archive.

use std::collections::HashSet;

/// The names that were given so far.
pub(super) struct Names {
    columns: usize,
    given: HashSet<String>,
}

impl Names {
    /// Of the files of so many columns.
    pub(super) fn new(columns: usize) -> Self {
        Names {
            columns,
            given: HashSet::new(),
        }
    }

    /// A name for the file of the `place`-th BLOB of a row, counted from 1: the one that is wanted, if no
    /// other file has it. Where several columns have BLOBs, its place stands before it; otherwise a number
    /// does only if the name is taken. Without a name, or with one that no file can have, it is a
    /// random one.
    pub(super) fn next(&mut self, wanted: Option<&str>, place: usize) -> String {
        let Some(wanted) = wanted.filter(|name| is_possible(name)) else {
            return self.random();
        };
        if self.columns == 1 && self.given.insert(wanted.to_owned()) {
            return wanted.to_owned();
        }
        for number in place.. {
            let name = format!("{number}_{wanted}");
            if self.given.insert(name.clone()) {
                return name;
            }
        }
        unreachable!("there are more numbers than files")
    }

    fn random(&mut self) -> String {
        loop {
            let name = random();
            if self.given.insert(name.clone()) {
                return name;
            }
        }
    }
}

/// A random name, in the form of a UUID.
pub(super) fn random() -> String {
    let mut bits = fastrand::u128(..);
    // Version 4, variant 1 (RFC 9562).
    bits = bits & !(0xf << 76) | 4 << 76;
    bits = bits & !(0b11 << 62) | 0b10 << 62;
    let text = format!("{bits:032x}");
    let [a, b, c, d, e] = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)].map(|(a, b)| &text[a..b]);
    format!("{a}-{b}-{c}-{d}-{e}")
}

/// Whether a file of any system could be called so.
fn is_possible(name: &str) -> bool {
    let forbidden = |c: char| c.is_control() || "/\\:*?\"<>|".contains(c);
    !name.trim().is_empty()
        && name.len() <= 200
        && !name.contains(forbidden)
        && !matches!(name, "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_files_have_one_name() {
        let mut one = Names::new(1);
        let mut given: Vec<String> = (0..3).map(|_| one.next(Some("a.png"), 1)).collect();
        assert_eq!(given, ["a.png", "1_a.png", "2_a.png"]);
        for wanted in [None, Some(""), Some("../a"), Some("a\0"), Some("..")] {
            let name = one.next(wanted, 1);
            assert_eq!(name.len(), 36, "{name}");
            assert_eq!(&name[14..15], "4", "{name}");
            assert!(!given.contains(&name));
            given.push(name);
        }
        let mut two = Names::new(2);
        let given: Vec<String> = (1..=2).map(|place| two.next(Some("a"), place)).collect();
        assert_eq!(given, ["1_a", "2_a"]);
        assert_eq!(two.next(Some("a"), 1), "3_a");
    }
}
