//! Commands with names in braces, and what is put in place of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

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

/// The names in braces; braces around anything else are just braces.
pub(super) fn placeholders_in(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split('{').skip(1);
    parts.filter_map(|part| {
        let (name, _) = part.split_once('}')?;
        is_name(name).then_some(name)
    })
}

/// Whether something can be the name of a placeholder.
pub(super) fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c == '_';
    !text.is_empty() && text.chars().all(plain)
}

impl Template {
    pub(super) fn new(program: PathBuf, arguments: Vec<String>) -> Template {
        Template { program, arguments }
    }

    /// The command with everything in its place.
    pub(in super::super) fn filled(&self, values: &Placeholders) -> Filled {
        let arguments = self.arguments.iter();
        Filled {
            program: self.program.clone(),
            arguments: arguments.map(|argument| values.fill(argument)).collect(),
        }
    }
}

impl Placeholders {
    pub(in super::super) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// An address, and its parts.
    pub(in super::super) fn address(&mut self, name: &str, address: SocketAddr) {
        self.set(name, address.to_string());
        self.set(&format!("{name}_host"), address.ip().to_string());
        self.set(&format!("{name}_port"), address.port().to_string());
    }

    /// Names and addresses, as `n1=127.0.0.1:10001,n2=127.0.0.1:10002`.
    pub(in super::super) fn list(&mut self, name: &str, addresses: &BTreeMap<&str, String>) {
        let each = addresses.iter().map(|(name, at)| format!("{name}={at}"));
        self.set(name, each.collect::<Vec<_>>().join(","));
    }

    /// The text with everything in its place. What is put in is not looked at again.
    pub(in super::super) fn fill(&self, text: &str) -> String {
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

    #[test]
    fn a_command_is_filled_and_other_braces_stay() {
        let arguments = ["-c", "serve {name} {client_port} '{}' {peers} {other}"];
        let template = Template::new("/bin/sh".into(), arguments.map(String::from).into());
        let mut values = Placeholders::default();
        values.set("name", "n1");
        values.address("client", "127.0.0.1:10001".parse().unwrap());
        values.list(
            "peers",
            &[("n2", "a:1".to_string()), ("n3", "{name}:2".to_string())].into(),
        );
        let filled = template.filled(&values);
        assert_eq!(
            filled.arguments,
            ["-c", "serve n1 10001 '{}' n2=a:1,n3={name}:2 {other}"]
        );
    }
}
