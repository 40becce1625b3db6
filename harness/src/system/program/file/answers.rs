//! What a system's answers mean: a table that a file has, which both its reader and the harness use.
//!
//! A client program that does not know gives an error without a code and only says what it was told. The
//! first row that fits says whether the operation certainly had no effect, and never will have; without
//! one nobody knows.

use serde::Deserialize;

/// One row, as a file has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// What the answer says; `*` stands for anything, and anything may stand around it.
    pub says: String,
    /// What became of the operation.
    pub means: Means,
    /// Where this was seen, or why it is so.
    pub seen: String,
}

/// What became of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Means {
    /// It had no effect, and never will.
    Failed,
    /// It may have happened, or may still.
    Unknown,
}

impl Answer {
    /// Whether an answer is one of this row's.
    pub fn fits(&self, said: &str) -> bool {
        let mut rest = said;
        self.says.split('*').all(|part| match rest.find(part) {
            Some(at) => {
                rest = &rest[at + part.len()..];
                true
            }
            None => false,
        })
    }
}

/// The row for an answer.
pub fn row<'a>(table: &'a [Answer], said: &str) -> Option<&'a Answer> {
    table.iter().find(|answer| answer.fits(said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_row_that_fits_counts() {
        let answer = |says: &str, means| Answer {
            says: says.into(),
            means,
            seen: String::new(),
        };
        let table = [
            answer("503 * unhealthy cluster", Means::Failed),
            answer("503 *", Means::Unknown),
        ];
        let means = |said| row(&table, said).map(|row| row.means);
        assert_eq!(means("503 14 etcd: unhealthy cluster"), Some(Means::Failed));
        assert_eq!(means("it said 503 14 timed out"), Some(Means::Unknown));
        assert_eq!(means("unhealthy cluster 503 "), Some(Means::Unknown));
        assert_eq!(means("closed"), None);
    }
}
