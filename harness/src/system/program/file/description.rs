//! What a file says of its system to a reader: it can be told where nothing of the system is installed.

use std::collections::BTreeMap;
use std::path::Path;

use super::answers::Answer;
use super::checked::{Checked, WrongFile};
use super::needs::Needs;
use super::setting::Setting;
use super::trial::Trial;
use super::written;

/// What there is to say of a system.
#[derive(Clone, Debug)]
pub struct Description {
    /// What it is called.
    pub name: String,
    /// What it is, in a sentence.
    pub text: Option<String>,
    /// What it promises, and what shows whether it keeps that.
    pub promises: Option<String>,
    /// What it needs.
    pub needs: Needs,
    /// The workloads that its client knows; any, if it does not say.
    pub workloads: Option<Vec<String>>,
    /// How many nodes.
    pub nodes: usize,
    /// Whether there is a proxy on the links between nodes.
    pub links: bool,
    /// Its settings, by name.
    pub settings: BTreeMap<String, Setting>,
    /// What its answers mean.
    pub answers: Vec<Answer>,
    /// Runs that show what it does.
    pub trials: Vec<Trial>,
}

impl Description {
    /// Reads the text of the file at `path`.
    ///
    /// # Errors
    /// If it is no such file.
    pub fn parse(path: &Path, text: &str) -> Result<Description, WrongFile> {
        let folder = path.parent().unwrap_or(Path::new("/"));
        let checked = Checked::new(path, folder, text);
        let written = written(&checked)?;
        let settings = written.settings.into_iter();
        let workloads = written.workloads.into_iter();
        Ok(Description {
            name: written.name.into_inner(),
            text: written.text,
            promises: written.promises,
            needs: written.needs,
            workloads: workloads
                .map(|names| names.into_iter().map(toml::Spanned::into_inner).collect())
                .next(),
            nodes: written.nodes.into_inner(),
            links: written.links,
            settings: settings
                .map(|(name, setting)| (name, setting.into_inner()))
                .collect(),
            answers: written.answers,
            trials: written.trials,
        })
    }
}
