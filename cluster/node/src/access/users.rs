//! The file of users: one a line, with name, role and the hash of the password (argon2id, as PHC text). A
//! line that begins with `#` is a remark.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

use super::Role;

/// What stands at the head of a file that the program has written.
const REMARK: &str =
    "# name, role (read, write or admin), hash of the password; see kensho-node user --help\n";

/// Users by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users(BTreeMap<String, User>);

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// What the user may do.
    pub role: Role,
    /// The hash of the password.
    hash: String,
}

/// What is wrong with a file of users. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    /// It cannot be read or written.
    #[error("the users file {path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is not what it should be.
    #[error(
        "the users file {path}, line {line}: {what}; write NAME ROLE HASH, as kensho-node user add does"
    )]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// A name that cannot be one.
    #[error("{0:?} is no name for a user: use 1 to 64 letters, digits, '-', '_', '.' and '@'")]
    Name(String),
    /// A password that cannot be one.
    #[error("{0}")]
    Password(&'static str),
}

impl Users {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or is not what it should be.
    pub fn read(path: &Path) -> Result<Self, UsersError> {
        let text = std::fs::read_to_string(path).map_err(|source| UsersError::File {
            path: path.to_owned(),
            source,
        })?;
        let mut users = Users::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            users.take_line(line).map_err(|what| UsersError::Line {
                path: path.to_owned(),
                line: index + 1,
                what,
            })?;
        }
        Ok(users)
    }

    fn take_line(&mut self, line: &str) -> Result<(), String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, role, hash] = words[..] else {
            return Err(format!("there are {} words instead of three", words.len()));
        };
        if !is_name(name) {
            return Err(UsersError::Name(name.to_owned()).to_string());
        }
        let role = role.parse()?;
        // The hash itself is not told: it may stand in a log.
        PasswordHash::new(hash).map_err(|error| format!("the hash is none: {error}"))?;
        let hash = hash.to_owned();
        match self.0.insert(name.to_owned(), User { role, hash }) {
            None => Ok(()),
            Some(_) => Err(format!("there is a user {name} already")),
        }
    }

    /// Writes a file, which nobody else may read, in the place of the one that is there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), UsersError> {
        let mut text = String::from(REMARK);
        for (name, User { role, hash }) in &self.0 {
            writeln!(text, "{name} {role} {hash}").expect("a string can always be written to");
        }
        let write = || {
            let mut new = path.as_os_str().to_owned();
            new.push(".new");
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&new, path)
        };
        write().map_err(|source| UsersError::File {
            path: path.to_owned(),
            source,
        })
    }

    /// Adds a user, or gives one another role and password.
    ///
    /// # Errors
    /// When name or password cannot be ones.
    pub fn set(&mut self, name: &str, role: Role, password: &str) -> Result<(), UsersError> {
        if !is_name(name) {
            return Err(UsersError::Name(name.to_owned()));
        }
        if password.is_empty() {
            return Err(UsersError::Password("the password is empty; give one"));
        }
        let hash = Argon2::default().hash_password(password.as_bytes());
        let hash = hash.map_err(|_| UsersError::Password("the password is too long"))?;
        let hash = hash.to_string();
        self.0.insert(name.to_owned(), User { role, hash });
        Ok(())
    }

    /// Removes a user; whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    /// All users, by their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &User)> {
        self.0.iter().map(|(name, user)| (name.as_str(), user))
    }

    /// The user of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&User> {
        self.0.get(name)
    }
}

impl User {
    /// Whether this is the user's password. It takes tens of milliseconds, and is meant to.
    #[must_use]
    pub fn has(&self, password: &str) -> bool {
        PasswordHash::new(&self.hash).is_ok_and(|hash| {
            let verified = Argon2::default().verify_password(password.as_bytes(), &hash);
            verified.is_ok()
        })
    }
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_knows_passwords() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("users");
        let mut users = Users::default();
        users.set("ann", Role::Admin, "pass word").expect("right");
        users.set("bob@x", Role::Read, "検証").expect("right");
        users.write(&path).expect("it is written");
        let read = Users::read(&path).expect("it is read");
        assert_eq!(read, users);
        let ann = read.get("ann").expect("she is there");
        assert_eq!(ann.role, Role::Admin);
        assert!(ann.has("pass word") && !ann.has("pass") && !ann.has(""));
        assert!(read.get("bob@x").expect("he is there").has("検証"));
        use std::os::unix::fs::PermissionsExt;
        let mode = path.metadata().expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "nobody else reads it");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_without_the_hash() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("users");
        let mut users = Users::default();
        users.set("ann", Role::Write, "p").expect("right");
        users.write(&path).expect("it is written");
        let line = std::fs::read_to_string(&path).expect("text");
        let line = line.lines().nth(1).expect("a user");
        let wrong = |text: &str| {
            std::fs::write(&path, text).expect("it is written");
            Users::read(&path).expect_err("it is wrong").to_string()
        };
        let twice = wrong(&format!("# a remark\n\n{line}\n{line}\n"));
        assert!(
            twice.contains("line 4: there is a user ann already"),
            "{twice}"
        );
        assert!(wrong("ann\n").contains("line 1: there are 1 words"));
        assert!(wrong(&line.replace(" write ", " all ")).contains("read, write and admin"));
        let hash = wrong("ann write s3cret\n");
        assert!(
            hash.contains("the hash is none") && !hash.contains("s3cret"),
            "{hash}"
        );
        assert!(wrong(&line.replace("ann", "a/b")).contains("no name for a user"));
        assert!(Users::read(&folder.path().join("none")).is_err());
    }
}
