//! What a client may be told.

use std::time::Duration;

use kensho_protocol::session;

use crate::credentials::Credentials;

/// What a client may be told.
#[derive(Clone, Debug)]
pub struct Options {
    /// The cluster's name; nodes of another cluster refuse.
    pub cluster: String,
    /// The database within it. Default `public`, the only one there is.
    pub database: String,
    /// A node that has not accepted a connection by then counts as unreachable. Default 1 s.
    pub connect_timeout: Duration,
    /// Name and password of a user, if the cluster knows users. Default none.
    pub credentials: Option<Credentials>,
    /// How to retry, and when to give up. The default of the failover timeout is 60 s.
    pub session: session::Settings,
}

impl Options {
    /// The defaults, for the cluster of this name.
    #[must_use]
    pub fn new(cluster: impl Into<String>) -> Self {
        Options {
            cluster: cluster.into(),
            database: "public".to_owned(),
            connect_timeout: Duration::from_secs(1),
            credentials: None,
            session: session::Settings::default(),
        }
    }

    /// The same, as this user.
    #[must_use]
    pub fn user(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// The same, with another failover timeout: how long a statement may be tried again.
    #[must_use]
    pub fn failover_timeout(mut self, timeout: Duration) -> Self {
        self.session.failover_timeout = timeout;
        self
    }
}
