//! What is wrong with a condition or a statement.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} (at character {})", at + 1)]
pub struct Wrong {
    /// Of what kind.
    pub code: Code,
    /// How many characters of the text are before the place.
    pub at: usize,
    /// In words.
    pub what: Cow<'static, str>,
}

/// The kinds of what can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Code {
    /// The text is not of the language.
    Syntax,
    /// There is no such column or function, or it is not meant for this.
    Name,
    /// A value or an argument is not of the type that is needed there.
    Type,
    /// A value cannot be computed, for instance since it is too large.
    Value,
}

impl Wrong {
    pub(crate) fn new(code: Code, at: usize, what: impl Into<Cow<'static, str>>) -> Self {
        let what = what.into();
        Wrong { code, at, what }
    }

    pub(crate) fn syntax(at: usize, what: impl Into<Cow<'static, str>>) -> Self {
        Wrong::new(Code::Syntax, at, what)
    }

    pub(crate) fn name(at: usize, what: impl Into<Cow<'static, str>>) -> Self {
        Wrong::new(Code::Name, at, what)
    }

    pub(crate) fn kind(at: usize, what: impl Into<Cow<'static, str>>) -> Self {
        Wrong::new(Code::Type, at, what)
    }

    pub(crate) fn value(at: usize, what: impl Into<Cow<'static, str>>) -> Self {
        Wrong::new(Code::Value, at, what)
    }
}

/// The beginning of a text, for a message.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}
