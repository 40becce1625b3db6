//! As whom a client asks.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// Name and password of a user, as requests carry them (HTTP Basic).
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    name: String,
    authorization: String,
}

impl Credentials {
    /// Those of the user `name`, which has no colon.
    #[must_use]
    pub fn new(name: &str, password: &str) -> Self {
        let encoded = BASE64_STANDARD.encode(format!("{name}:{password}"));
        Credentials {
            name: name.to_owned(),
            authorization: format!("Basic {encoded}"),
        }
    }

    /// The value of the header `Authorization`.
    #[must_use]
    pub fn authorization(&self) -> &str {
        &self.authorization
    }
}

/// Without the password.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials of {}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_that_of_the_standard_and_nothing_shows_the_password() {
        // The example of RFC 7617.
        let credentials = Credentials::new("Aladdin", "open sesame");
        assert_eq!(
            credentials.authorization(),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
        assert_eq!(format!("{credentials:?}"), "Credentials of Aladdin");
    }
}
