//! The file that says how a system is started and asked.
//!
//! Whatever is wrong with it is told with its line before anything starts.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

/// What stands for something else in the commands that start nodes.
const FOR_NODES: &[&str] = &[
    "name",
    "number",
    "data",
    "client",
    "client_host",
    "client_port",
    "peer",
    "peer_host",
    "peer_port",
    "advertise",
    "peers",
    "clients",
];
/// The same, in the command that starts a client.
const FOR_CLIENTS: &[&str] = &["number", "clients"];
/// The same, in the command that tells who is primary.
const FOR_PRIMARY: &[&str] = &["clients"];
const NODES_MAX: usize = 50;

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Spanned<String>,
    nodes: Spanned<usize>,
    #[serde(default)]
    one_port: bool,
    notices_after_ms: Option<Spanned<u64>>,
    start: CommandSection,
    #[serde(default)]
    ready: ReadySection,
    client: CommandSection,
    primary: Option<CommandSection>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommandSection {
    command: Spanned<Vec<Spanned<String>>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadySection {
    path: Option<Spanned<String>>,
    command: Option<Spanned<Vec<Spanned<String>>>>,
    within_s: Option<u64>,
}

/// A file that was read and found right.
#[derive(Clone, Debug)]
pub struct File {
    /// Where it is.
    pub path: PathBuf,
    /// The folder that it is in, in which all commands run.
    pub folder: PathBuf,
    /// What the system is called.
    pub name: String,
    /// How many nodes.
    pub nodes: usize,
    /// Whether clients and other nodes reach a node at the same port.
    pub one_port: bool,
    /// How long the system takes to notice that a node is gone, milliseconds.
    pub notices_after_ms: u64,
    /// How a node starts.
    pub start: Template,
    /// When a node is ready.
    pub ready: Ready,
    /// How long it may take for that.
    pub ready_within: Duration,
    /// How a client starts.
    pub client: Template,
    /// What tells who is primary, if anything does.
    pub primary: Option<Template>,
}

/// When a node is ready.
#[derive(Clone, Debug)]
pub enum Ready {
    /// When its port for clients takes connections.
    Port,
    /// When GET of this path on its port for clients is answered by 200.
    Url(String),
    /// When this command ends well.
    Command(Template),
}

/// A command with placeholders.
#[derive(Clone, Debug)]
pub struct Template {
    program: PathBuf,
    arguments: Vec<String>,
}

/// A command.
#[derive(Clone, Debug)]
pub struct Filled {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// What is put in place of placeholders.
#[derive(Clone, Debug, Default)]
pub struct Placeholders(BTreeMap<String, String>);

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

impl File {
    /// Reads a file.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(path: &Path) -> Result<File, WrongFile> {
        let text = fs::read_to_string(path).map_err(|error| WrongFile {
            path: path.to_owned(),
            line: None,
            reason: format!("cannot be read: {error}"),
        })?;
        File::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<File, WrongFile> {
        let checked = Checked { path, text };
        let written: Written = toml::from_str(text).map_err(|error| {
            let place = error.span().map(|span| span.start);
            checked.wrong(place, error.message())
        })?;
        let absolute = std::path::absolute(path);
        let absolute = absolute.map_err(|error| checked.wrong(None, error))?;
        let folder = absolute.parent().unwrap_or(Path::new("/")).to_owned();
        let nodes = *written.nodes.get_ref();
        if !(1..=NODES_MAX).contains(&nodes) {
            let place = Some(written.nodes.span().start);
            let reason = format!("nodes is {nodes}; it may be from 1 to {NODES_MAX}");
            return Err(checked.wrong(place, reason));
        }
        let name = written.name.get_ref();
        if name.is_empty() {
            let place = Some(written.name.span().start);
            return Err(checked.wrong(place, "the name is empty"));
        }
        let notices_after = written.notices_after_ms.as_ref();
        let notices_after_ms = notices_after.map_or(300, |ms| *ms.get_ref());
        if notices_after_ms == 0 {
            let place = notices_after.map(|ms| ms.span().start);
            return Err(checked.wrong(place, "notices_after_ms is 0; it may be from 1 on"));
        }
        let command = |section: &CommandSection, known: &[&str]| {
            checked.command(&folder, &section.command, known)
        };
        let ready = match (&written.ready.path, &written.ready.command) {
            (None, None) => Ready::Port,
            (Some(path), None) => {
                checked.placeholders(path, FOR_NODES)?;
                if !path.get_ref().starts_with('/') {
                    let place = Some(path.span().start);
                    return Err(checked.wrong(place, "a path begins with /"));
                }
                Ready::Url(path.get_ref().clone())
            }
            (None, Some(command)) => Ready::Command(checked.command(&folder, command, FOR_NODES)?),
            (Some(path), Some(_)) => {
                let place = Some(path.span().start);
                let reason = "a node is ready by a path or by a command, not by both";
                return Err(checked.wrong(place, reason));
            }
        };
        let primary = written.primary.as_ref();
        Ok(File {
            path: path.to_owned(),
            name: name.clone(),
            nodes,
            one_port: written.one_port,
            notices_after_ms,
            start: command(&written.start, FOR_NODES)?,
            ready,
            ready_within: Duration::from_secs(written.ready.within_s.unwrap_or(20)),
            client: command(&written.client, FOR_CLIENTS)?,
            primary: primary
                .map(|section| command(section, FOR_PRIMARY))
                .transpose()?,
            folder,
        })
    }

    /// How long a node may take to say that it is ready. A command takes longer than a question.
    pub(super) fn probe_limit(&self) -> Duration {
        match self.ready {
            Ready::Port | Ready::Url(_) => super::PROBE_LIMIT,
            Ready::Command(_) => Duration::from_secs(2),
        }
    }
}

/// A text that is being looked at.
struct Checked<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Checked<'_> {
    fn wrong(&self, place: Option<usize>, reason: impl Display) -> WrongFile {
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

    fn command(
        &self,
        folder: &Path,
        words: &Spanned<Vec<Spanned<String>>>,
        known: &[&str],
    ) -> Result<Template, WrongFile> {
        let Some((program, arguments)) = words.get_ref().split_first() else {
            let place = Some(words.span().start);
            return Err(self.wrong(place, "the command is empty; it begins with a program"));
        };
        for word in words.get_ref() {
            self.placeholders(word, known)?;
        }
        let found = find_program(folder, program.get_ref());
        let found = found.map_err(|why| self.wrong(Some(program.span().start), why))?;
        Ok(Template {
            program: found,
            arguments: arguments
                .iter()
                .map(|word| word.get_ref().clone())
                .collect(),
        })
    }

    fn placeholders(&self, word: &Spanned<String>, known: &[&str]) -> Result<(), WrongFile> {
        for name in placeholders_in(word.get_ref()) {
            if !known.contains(&name) {
                let known: Vec<String> = known.iter().map(|name| format!("{{{name}}}")).collect();
                let reason = format!(
                    "there is no placeholder {{{name}}} here; there are {}",
                    known.join(", ")
                );
                return Err(self.wrong(Some(word.span().start), reason));
            }
        }
        Ok(())
    }
}

/// The names in braces; braces around anything else are just braces.
fn placeholders_in(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split('{').skip(1);
    parts.filter_map(|part| {
        let (name, _) = part.split_once('}')?;
        let plain = |c: char| c.is_ascii_lowercase() || c == '_';
        (!name.is_empty() && name.chars().all(plain)).then_some(name)
    })
}

/// The file that a command's first word means.
fn find_program(folder: &Path, name: &str) -> Result<PathBuf, String> {
    if name.contains('/') {
        let path = folder.join(name);
        return match path.is_file() {
            true => Ok(path),
            false => Err(format!("there is no program {}", path.display())),
        };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = std::env::split_paths(&path).map(|folder| folder.join(name));
    let found = candidates.find(|path| path.is_file());
    found.ok_or_else(|| {
        format!("there is no program {name:?} in PATH; one in this folder is called ./{name}")
    })
}

impl Template {
    /// The command with everything in its place.
    pub(super) fn filled(&self, values: &Placeholders) -> Filled {
        let arguments = self.arguments.iter();
        Filled {
            program: self.program.clone(),
            arguments: arguments.map(|argument| values.fill(argument)).collect(),
        }
    }
}

impl Placeholders {
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// An address, and its parts.
    pub(super) fn address(&mut self, name: &str, address: SocketAddr) {
        self.set(name, address.to_string());
        self.set(&format!("{name}_host"), address.ip().to_string());
        self.set(&format!("{name}_port"), address.port().to_string());
    }

    /// Names and addresses, as `n1=127.0.0.1:10001,n2=127.0.0.1:10002`.
    pub(super) fn list(&mut self, name: &str, addresses: &BTreeMap<&str, String>) {
        let each = addresses.iter().map(|(name, at)| format!("{name}={at}"));
        self.set(name, each.collect::<Vec<_>>().join(","));
    }

    /// The text with everything in its place. What is put in is not looked at again.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let value = after
                .split_once('}')
                .and_then(|(name, rest)| Some((self.0.get(name)?, rest)));
            match value {
                Some((value, after)) => {
                    filled.push_str(value);
                    rest = after;
                }
                None => {
                    filled.push('{');
                    rest = after;
                }
            }
        }
        filled + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: &str = r#"name = "mine"
nodes = 3
[start]
command = ["sh", "-c", "serve {name} {client_port} '{}' {peers}"]
[client]
command = ["sh", "client.sh", "{clients}"]
"#;

    fn parse(text: &str) -> Result<File, String> {
        let parsed = File::parse(Path::new("/tmp/mine.toml"), text);
        parsed.map_err(|wrong| wrong.to_string())
    }

    /// What is said of the file when `from` is written in another way.
    fn wrong(from: &str, to: &str) -> String {
        assert!(RIGHT.contains(from));
        parse(&RIGHT.replace(from, to)).expect_err("it is wrong")
    }

    #[test]
    fn a_command_is_filled_and_other_braces_stay() {
        let file = parse(RIGHT).unwrap();
        assert_eq!((file.nodes, file.folder.as_path()), (3, Path::new("/tmp")));
        assert!(file.start.program.is_absolute());
        let mut values = Placeholders::default();
        values.set("name", "n1");
        values.address("client", "127.0.0.1:10001".parse().unwrap());
        values.list(
            "peers",
            &[("n2", "a:1".to_string()), ("n3", "b:2".to_string())].into(),
        );
        let filled = file.start.filled(&values);
        assert_eq!(
            filled.arguments,
            ["-c", "serve n1 10001 '{}' n2=a:1,n3=b:2"]
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (from, to, line, said) in [
            ("nodes = 3", "nodes = 300", 2, "from 1 to 50"),
            ("nodes = 3", "nodes = \"three\"", 2, "invalid type"),
            ("nodes = 3", "nods = 3", 2, "unknown field `nods`"),
            ("\"mine\"", "\"\"", 1, "empty"),
            ("{client_port}", "{port}", 4, "{client_port}"),
            ("{clients}", "{data}", 6, "{clients}"),
            (
                "\"sh\", \"client.sh\"",
                "\"./client.sh\"",
                6,
                "/tmp/./client.sh",
            ),
            ("\"sh\", \"client.sh\"", "\"no-such-program\"", 6, "PATH"),
            ("[client]\n", "[client\n", 5, ""),
        ] {
            let told = wrong(from, to);
            let place = format!("/tmp/mine.toml, line {line}: ");
            assert!(told.starts_with(&place) && told.contains(said), "{told}");
            assert!(!told.contains('\n'), "{told}");
        }
        let both = format!("{RIGHT}[ready]\npath = \"/up\"\ncommand = [\"true\"]\n");
        assert!(parse(&both).unwrap_err().contains("line 8: "), "{both}");
        let none = "name = \"mine\"\nnodes = 1\n";
        assert!(parse(none).unwrap_err().contains("`start`"));
        let missing = File::read(Path::new("/nowhere/at/all.toml")).unwrap_err();
        assert!(missing.to_string().contains("cannot be read"));
    }
}
