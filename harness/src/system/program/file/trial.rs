//! Runs that show what a system does: with what is expected of them.

use kensho_results::verdict::Validity;
use serde::Deserialize;

/// One run, as a file has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// What is typed after `kensho test`, without the system.
    pub options: String,
    /// The verdict that is expected.
    pub expect: Expected,
    /// What the verdict means.
    pub shows: String,
}

/// An expected verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expected {
    /// Nothing is found.
    Valid,
    /// Something is.
    Invalid,
}

impl Expected {
    /// The verdict.
    pub fn validity(self) -> Validity {
        match self {
            Expected::Valid => Validity::Valid,
            Expected::Invalid => Validity::Invalid,
        }
    }
}
