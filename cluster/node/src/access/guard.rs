//! Who sent a request, and what they may do. A password is verified in tens of milliseconds, on a thread of
//! its own and one at a time; what came of it is remembered for minutes.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::Role;
use super::users::{User, Users, UsersError};

/// Right credentials are verified anew after this.
const RIGHT_FOR: Duration = Duration::from_secs(300);
/// Wrong ones after this: they are not verified again and again for a client that does not give up.
const WRONG_FOR: Duration = Duration::from_secs(10);
/// So many credentials are remembered.
const REMEMBERED_MAX: usize = 10_000;
/// So many may wait to be verified; more are told to come again.
const WAITING_MAX: usize = 64;
/// How often it is looked whether the file has changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why somebody may not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoEntry {
    /// There are no credentials, or wrong ones.
    Unknown,
    /// The user has this role, which is not enough.
    Role(Role),
    /// Too many credentials wait to be verified.
    Busy,
}

type Fingerprint = [u8; 32];

/// Knows the users.
pub(crate) struct Guard {
    /// What those may do who give no credentials.
    anonymous: Option<Role>,
    file: Option<PathBuf>,
    users: RefCell<Users>,
    /// How the file was when it was read, and when it was last looked at.
    seen: Cell<(Version, Instant)>,
    /// By a fingerprint of the credentials: what they are good for, and until when that holds.
    remembered: RefCell<HashMap<Fingerprint, (Option<Role>, Instant)>>,
    salt: [u64; 2],
    place: Semaphore,
    waiting: Cell<usize>,
}

/// Changes when a file changes.
type Version = Option<(u64, i64, i64, u64)>;

fn version(path: &Path) -> Version {
    let file = std::fs::metadata(path).ok()?;
    Some((file.ino(), file.mtime(), file.mtime_nsec(), file.len()))
}

impl Guard {
    /// Knows the users of `file`, if there is one.
    ///
    /// # Errors
    /// When the file is not what it should be.
    pub(crate) fn new(file: Option<PathBuf>, anonymous: Option<Role>) -> Result<Self, UsersError> {
        let seen = file.as_deref().and_then(version);
        let users = match &file {
            Some(file) => Users::read(file)?,
            None => Users::default(),
        };
        let state = RandomState::new();
        Ok(Guard {
            anonymous,
            file,
            users: RefCell::new(users),
            seen: Cell::new((seen, Instant::now())),
            remembered: RefCell::default(),
            salt: [state.hash_one(0), state.hash_one(1)],
            place: Semaphore::new(1),
            waiting: Cell::new(0),
        })
    }

    /// Whether whoever sent these headers may do what `needed` is for.
    pub(crate) async fn admit(&self, headers: &HeaderMap, needed: Role) -> Result<(), NoEntry> {
        if self.anonymous.is_some_and(|role| role >= needed) {
            return Ok(());
        }
        let unknown = match self.anonymous {
            Some(role) => NoEntry::Role(role),
            None => NoEntry::Unknown,
        };
        let Some(given) = headers.get(AUTHORIZATION) else {
            return Err(if self.file.is_some() {
                NoEntry::Unknown
            } else {
                unknown
            });
        };
        self.look_at_file();
        match self.role_of(given).await? {
            Some(role) if role >= needed => Ok(()),
            Some(role) => Err(NoEntry::Role(role)),
            None => Err(NoEntry::Unknown),
        }
    }

    async fn role_of(&self, given: &HeaderValue) -> Result<Option<Role>, NoEntry> {
        let fingerprint = self.fingerprint(given);
        if let Some(role) = self.remembered(&fingerprint) {
            return Ok(role);
        }
        if self.waiting.get() >= WAITING_MAX {
            return Err(NoEntry::Busy);
        }
        self.waiting.set(self.waiting.get() + 1);
        let _waiting = Waiting(&self.waiting);
        let _place = self.place.acquire().await.map_err(|_| NoEntry::Busy)?;
        // Who asks with many connections at once waits for the first of them only.
        if let Some(role) = self.remembered(&fingerprint) {
            return Ok(role);
        }
        let role = match credentials(given) {
            Some((name, password)) => self.verify(&name, password).await,
            None => None,
        };
        self.remember(fingerprint, role);
        Ok(role)
    }

    async fn verify(&self, name: &str, password: String) -> Option<Role> {
        let user: User = self.users.borrow().get(name).cloned()?;
        let role = user.role;
        let verified = tokio::task::spawn_blocking(move || user.has(&password)).await;
        match verified {
            Ok(true) => Some(role),
            Ok(false) | Err(_) => {
                tracing::warn!(user = name, "a wrong password was given");
                None
            }
        }
    }

    fn remembered(&self, fingerprint: &Fingerprint) -> Option<Option<Role>> {
        let remembered = self.remembered.borrow();
        let (role, until) = remembered.get(fingerprint)?;
        (*until > Instant::now()).then_some(*role)
    }

    fn remember(&self, fingerprint: Fingerprint, role: Option<Role>) {
        let now = Instant::now();
        let mut remembered = self.remembered.borrow_mut();
        if remembered.len() >= REMEMBERED_MAX {
            remembered.retain(|_, (role, until)| role.is_some() && *until > now);
        }
        if remembered.len() < REMEMBERED_MAX {
            let holds = if role.is_some() { RIGHT_FOR } else { WRONG_FOR };
            remembered.insert(fingerprint, (role, now + holds));
        }
    }

    /// Credentials are not kept: only what nobody can make them from.
    fn fingerprint(&self, given: &HeaderValue) -> Fingerprint {
        let mut hash = Sha256::new();
        for salt in self.salt {
            hash.update(salt.to_le_bytes());
        }
        hash.update(given.as_bytes());
        hash.finalize().into()
    }

    /// Reads the file again if it has changed; what is wrong with it leaves the users as they were.
    fn look_at_file(&self) {
        let (seen, looked) = self.seen.get();
        let Some(file) = self
            .file
            .as_ref()
            .filter(|_| looked.elapsed() >= LOOK_EVERY)
        else {
            return;
        };
        let now = version(file);
        self.seen.set((now, Instant::now()));
        if now == seen {
            return;
        }
        match Users::read(file) {
            Ok(users) => {
                tracing::info!("the users file was read anew");
                *self.users.borrow_mut() = users;
                self.remembered.borrow_mut().clear();
            }
            Err(error) => tracing::error!("{error}; the users stay as they were"),
        }
    }
}

struct Waiting<'a>(&'a Cell<usize>);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Name and password (RFC 7617).
fn credentials(given: &HeaderValue) -> Option<(String, String)> {
    let (scheme, encoded) = given.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(name: &str, password: &str) -> HeaderMap {
        let encoded = BASE64_STANDARD.encode(format!("{name}:{password}"));
        let value = HeaderValue::try_from(format!("Basic {encoded}")).expect("plain");
        HeaderMap::from_iter([(AUTHORIZATION, value)])
    }

    #[tokio::test]
    async fn each_may_do_what_the_role_allows() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("users");
        let mut users = Users::default();
        users.set("ann", Role::Admin, "a:1").expect("right");
        users.set("rob", Role::Read, "r").expect("right");
        users.write(&file).expect("written");
        let guard = Guard::new(Some(file.clone()), None).expect("right");
        let ann = basic("ann", "a:1");
        assert_eq!(guard.admit(&ann, Role::Admin).await, Ok(()));
        let rob = basic("rob", "r");
        assert_eq!(guard.admit(&rob, Role::Read).await, Ok(()));
        let refused = Err(NoEntry::Role(Role::Read));
        assert_eq!(guard.admit(&rob, Role::Write).await, refused);
        for wrong in [basic("ann", "a"), basic("eve", "a:1"), HeaderMap::new()] {
            let admitted = guard.admit(&wrong, Role::Read).await;
            assert_eq!(admitted, Err(NoEntry::Unknown), "{wrong:?}");
        }
        assert!(
            guard
                .remembered(&guard.fingerprint(&ann[AUTHORIZATION]))
                .is_some()
        );

        // A user who is removed is forgotten as soon as the file is looked at.
        users.remove("ann");
        users.write(&file).expect("written");
        let (seen, _) = guard.seen.get();
        guard.seen.set((seen, Instant::now() - LOOK_EVERY));
        assert_eq!(guard.admit(&ann, Role::Read).await, Err(NoEntry::Unknown));
        // What is no file of users leaves them as they were.
        std::fs::write(&file, "nonsense").expect("written");
        let (seen, _) = guard.seen.get();
        guard.seen.set((seen, Instant::now() - LOOK_EVERY));
        assert_eq!(guard.admit(&rob, Role::Read).await, Ok(()));
    }

    #[tokio::test]
    async fn without_credentials_there_may_be_a_role_too() {
        let guard = Guard::new(None, Some(Role::Read)).expect("right");
        let nobody = HeaderMap::new();
        assert_eq!(guard.admit(&nobody, Role::Read).await, Ok(()));
        let refused = Err(NoEntry::Role(Role::Read));
        assert_eq!(guard.admit(&nobody, Role::Admin).await, refused);
        let guard = Guard::new(None, None).expect("right");
        assert_eq!(
            guard.admit(&nobody, Role::Read).await,
            Err(NoEntry::Unknown)
        );
    }

    #[test]
    fn credentials_are_understood_or_refused() {
        let given = |text: &'static str| credentials(&HeaderValue::from_static(text));
        let right = Some(("a".to_owned(), "b:c".to_owned()));
        assert_eq!(given("Basic YTpiOmM="), right);
        assert_eq!(given("basic  YTpiOmM="), right);
        for wrong in ["", "Basic", "Basic !", "Bearer YTpi", "Basic YQ=="] {
            assert_eq!(given(wrong), None, "{wrong}");
        }
    }
}
