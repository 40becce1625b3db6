//! The file as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::answers::Answer;
use super::needs::Needs;
use super::setting::Setting;
use super::trial::Trial;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub(super) name: Spanned<String>,
    pub(super) text: Option<String>,
    pub(super) promises: Option<String>,
    #[serde(default)]
    pub(super) needs: Needs,
    pub(super) workloads: Option<Vec<Spanned<String>>>,
    pub(super) nodes: Spanned<usize>,
    #[serde(default)]
    pub(super) one_port: bool,
    pub(super) shared_ports: Option<Vec<Spanned<String>>>,
    #[serde(default = "yes")]
    pub(super) links: bool,
    pub(super) notices_after_ms: Option<Spanned<u64>>,
    #[serde(default)]
    pub(super) settings: BTreeMap<String, Spanned<Setting>>,
    pub(super) version: Option<CommandSection>,
    pub(super) prepare: Option<CommandSection>,
    pub(super) start: CommandSection,
    #[serde(default)]
    pub(super) ready: ReadySection,
    pub(super) client: CommandSection,
    pub(super) primary: Option<CommandSection>,
    #[serde(default)]
    pub(super) answers: Vec<Answer>,
    #[serde(default)]
    pub(super) trials: Vec<Trial>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CommandSection {
    pub(super) command: Spanned<Vec<Spanned<String>>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadySection {
    pub(super) path: Option<Spanned<String>>,
    pub(super) command: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) within_s: Option<u64>,
}

fn yes() -> bool {
    true
}
