//! What a system needs that may not be installed.

use std::process::{Command, Stdio};

use serde::Deserialize;

use super::checked::in_path;

/// What must be there, as a file has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Needs {
    /// Programs in the path.
    #[serde(default)]
    pub programs: Vec<String>,
    /// Modules of Python.
    #[serde(default)]
    pub python: Vec<String>,
    /// The command that installs all of it.
    pub install: Option<String>,
}

impl Needs {
    /// What is missing, and how to get it.
    pub fn missing(&self) -> Option<String> {
        let programs = self.programs.iter().filter(|name| in_path(name).is_none());
        let mut missing: Vec<String> = programs.cloned().collect();
        let modules = self.python.iter().filter(|name| !has_module(name));
        missing.extend(modules.map(|name| format!("the Python module {name}")));
        if missing.is_empty() {
            return None;
        }
        let how = self.install.as_ref();
        let how = how.map(|how| format!("; {how}")).unwrap_or_default();
        Some(format!("{} is not installed{how}", missing.join(" and ")))
    }
}

fn has_module(name: &str) -> bool {
    let mut command = Command::new("python3");
    command
        .args([
            "-c",
            "import importlib, sys; importlib.import_module(sys.argv[1])",
            name,
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_way_to_get_it() {
        let needs = |programs: &[&str]| Needs {
            programs: programs.iter().map(ToString::to_string).collect(),
            python: Vec::new(),
            install: Some("apt-get install it".into()),
        };
        assert_eq!(needs(&["sh"]).missing(), None);
        let missing = needs(&["sh", "no-such-program"]).missing().unwrap();
        assert_eq!(
            missing,
            "no-such-program is not installed; apt-get install it"
        );
    }
}
