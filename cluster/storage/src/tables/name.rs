//! Names of containers.

use std::borrow::Cow;

/// Names are compared in lower case.
pub(super) fn folded(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        name.to_ascii_lowercase().into()
    } else {
        name.into()
    }
}

/// Longest name in bytes.
const LIMIT: usize = 1024;

/// Whether `name` can be the name of a container: letters, digits and `_-./=`, and after `@`, if
/// there is one, the hint that chooses its partition.
///
/// # Errors
/// When it cannot.
pub fn check_name(name: &str) -> Result<(), InvalidName> {
    let (own, hint) = match name.split_once('@') {
        Some((own, hint)) => (own, Some(hint)),
        None => (name, None),
    };
    let allowed = |text: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./=".contains(&byte);
        !text.is_empty() && text.bytes().all(allowed)
    };
    if name.len() > LIMIT || !allowed(own) || !hint.is_none_or(allowed) {
        return Err(InvalidName(name.chars().take(64).collect()));
    }
    Ok(())
}

/// No container can have this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" cannot be the name of a container: a name has 1 to {LIMIT} of the characters A-Z a-z 0-9 _ - . / =, \
     with an optional hint after one @"
)]
pub struct InvalidName(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for name in ["a", "Sensors_1", "plant/area-2/t=7.x", "users@hint"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in [
            "",
            "@",
            "a@",
            "@b",
            "a@b@c",
            "a b",
            "ä",
            "a\"b",
            &"x".repeat(1025),
        ] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
