//! What a user may do.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;
use serde::Deserialize;

/// What a user may do; each may also do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Reads rows, and how the cluster is.
    Read,
    /// Changes rows and containers.
    Write,
    /// Decides who belongs to the cluster, and what becomes of its data as a whole.
    Admin,
}

impl Role {
    /// Its name, as people write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Role::Read => "read",
            Role::Write => "write",
            Role::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        let all = [Role::Read, Role::Write, Role::Admin];
        let found = all.into_iter().find(|role| role.name() == name);
        found.ok_or_else(|| format!("there is no role {name:?}; there are read, write and admin"))
    }
}
