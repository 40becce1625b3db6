//! What is wrong with a file, and where.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::placeholders::{Template, placeholders_in};

/// Something in a file that is not right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongFile {
    /// Where the file is.
    pub path: PathBuf,
    /// The line, if the mistake is in one.
    pub line: Option<usize>,
    /// What is wrong, and what would be right.
    pub reason: String,
}

impl std::fmt::Display for WrongFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let WrongFile { path, line, reason } = self;
        match line {
            Some(line) => write!(f, "{}, line {line}: {reason}", path.display()),
            None => write!(f, "{}: {reason}", path.display()),
        }
    }
}

impl std::error::Error for WrongFile {}

/// A text that is being looked at.
pub(super) struct Checked<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
    pub(super) folder: &'a Path,
    /// Whether programs in the folder may only be made later.
    pub(super) makes_programs: bool,
}

impl<'a> Checked<'a> {
    pub(super) fn new(path: &'a Path, folder: &'a Path, text: &'a str) -> Checked<'a> {
        Checked {
            path,
            text,
            folder,
            makes_programs: false,
        }
    }

    /// What is wrong with what begins at a byte of the text.
    pub(super) fn wrong(&self, place: Option<usize>, reason: impl Display) -> WrongFile {
        let line = |place: usize| {
            let before = &self.text.as_bytes()[..place.min(self.text.len())];
            before.iter().filter(|byte| **byte == b'\n').count() + 1
        };
        WrongFile {
            path: self.path.to_owned(),
            line: place.map(line),
            reason: reason.to_string().replace('\n', "; "),
        }
    }

    /// What is wrong with a value.
    pub(super) fn wrong_at<T>(&self, value: &Spanned<T>, reason: impl Display) -> WrongFile {
        self.wrong(Some(value.span().start), reason)
    }

    /// A command whose program is there, and whose placeholders are `known`.
    pub(super) fn command(
        &self,
        words: &Spanned<Vec<Spanned<String>>>,
        known: &[String],
    ) -> Result<Template, WrongFile> {
        let Some((program, arguments)) = words.get_ref().split_first() else {
            return Err(self.wrong_at(words, "the command is empty; it begins with a program"));
        };
        for word in words.get_ref() {
            self.placeholders(word, known)?;
        }
        let found = find_program(self.folder, program.get_ref(), self.makes_programs);
        let found = found.map_err(|why| self.wrong_at(program, why))?;
        let arguments = arguments.iter().map(|word| word.get_ref().clone());
        Ok(Template::new(found, arguments.collect()))
    }

    /// Whether all placeholders of a text are `known`.
    pub(super) fn placeholders(
        &self,
        word: &Spanned<String>,
        known: &[String],
    ) -> Result<(), WrongFile> {
        for name in placeholders_in(word.get_ref()) {
            if !known.iter().any(|known| known == name) {
                let known: Vec<String> = known.iter().map(|name| format!("{{{name}}}")).collect();
                let reason = format!(
                    "there is no placeholder {{{name}}} here; there are {}",
                    known.join(", ")
                );
                return Err(self.wrong_at(word, reason));
            }
        }
        Ok(())
    }
}

/// Whether a program is where programs are.
pub(super) fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Servers are often where only root looks for programs.
    let more = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    let mut candidates = std::env::split_paths(&path)
        .chain(more)
        .map(|folder| folder.join(name));
    candidates.find(|path| path.is_file())
}

/// The file that a command's first word means.
fn find_program(folder: &Path, name: &str, may_be_made: bool) -> Result<PathBuf, String> {
    if name.contains('/') {
        let path = folder.join(name);
        return match path.is_file() || may_be_made {
            true => Ok(path),
            false => Err(format!("there is no program {}", path.display())),
        };
    }
    in_path(name).ok_or_else(|| {
        format!("there is no program {name:?} in PATH; one in this folder is called ./{name}")
    })
}
