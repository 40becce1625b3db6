//! The file that says how a system is started and asked.
//!
//! Whatever is wrong with it is told with its line before anything starts.

pub mod answers;
mod checked;
mod description;
mod needs;
mod placeholders;
mod setting;
#[cfg(test)]
mod tests;
mod trial;
mod written;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use answers::Answer;
use checked::Checked;
use placeholders::is_name;
use written::Written;

pub use checked::WrongFile;
pub use description::Description;
pub use needs::Needs;
pub use placeholders::{Filled, Placeholders, Template};
pub use setting::Setting;
pub use trial::{Expected, Trial};

/// What stands for something else in the commands that start nodes, besides ports and settings.
const FOR_NODES: &[&str] = &[
    "name",
    "number",
    "data",
    "advertise",
    "peers",
    "clients",
    "direct",
];
/// The same, in the command that starts a client.
const FOR_CLIENTS: &[&str] = &["number", "clients"];
/// The same, in the command that tells who is primary.
const FOR_PRIMARY: &[&str] = &["clients", "direct"];
/// The port that clients come to, and the one that other nodes come to.
pub(super) const CLIENT: &str = "client";
pub(super) const PEER: &str = "peer";
const NODES_MAX: usize = 50;

/// A file that was read and found right.
#[derive(Clone, Debug)]
pub struct File {
    /// Where it is.
    pub path: PathBuf,
    /// The folder that it is in, in which all commands run.
    pub folder: PathBuf,
    /// What the system is called.
    pub name: String,
    /// The workloads that its client knows; any, if it does not say.
    pub workloads: Option<Vec<String>>,
    /// How many nodes.
    pub nodes: usize,
    /// The names of a node's ports.
    pub ports: Vec<String>,
    /// Whether all reach a port of a node at the same address.
    pub shared_ports: bool,
    /// Whether there is a proxy on the links between nodes.
    pub links: bool,
    /// How long the system takes to notice that a node is gone, milliseconds.
    pub notices_after_ms: u64,
    /// Its settings, by name.
    pub settings: BTreeMap<String, Setting>,
    /// The settings of this run.
    pub chosen: BTreeMap<String, String>,
    /// What tells its version.
    pub version: Option<Template>,
    /// What is run once before anything starts: it may make the programs of the other commands.
    pub prepare: Option<Template>,
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
    /// What its answers mean.
    pub answers: Vec<Answer>,
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

impl File {
    /// Reads a file.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(path: &Path) -> Result<File, WrongFile> {
        let wrong = |reason: String| WrongFile {
            path: path.to_owned(),
            line: None,
            reason,
        };
        let text = fs::read_to_string(path);
        let text = text.map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let absolute = std::path::absolute(path).map_err(|error| wrong(error.to_string()))?;
        let folder = absolute.parent().unwrap_or(Path::new("/"));
        File::parse(path, folder, &text)
    }

    /// Reads the text of a file at `path`, whose commands run in `folder`.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub(super) fn parse(path: &Path, folder: &Path, text: &str) -> Result<File, WrongFile> {
        let mut checked = Checked::new(path, folder, text);
        let written = written(&checked)?;
        if let Some(missing) = written.needs.missing() {
            return Err(checked.wrong(None, missing));
        }
        let nodes = *written.nodes.get_ref();
        if !(1..=NODES_MAX).contains(&nodes) {
            let reason = format!("nodes is {nodes}; it may be from 1 to {NODES_MAX}");
            return Err(checked.wrong_at(&written.nodes, reason));
        }
        if written.name.get_ref().is_empty() {
            return Err(checked.wrong_at(&written.name, "the name is empty"));
        }
        let notices_after_ms = match &written.notices_after_ms {
            Some(ms) if *ms.get_ref() == 0 => {
                let reason = "notices_after_ms is 0; it may be from 1 on";
                return Err(checked.wrong_at(ms, reason));
            }
            Some(ms) => *ms.get_ref(),
            None => 300,
        };
        let workloads = workloads(&checked, &written)?;
        let ports = ports(&checked, &written)?;
        let mut settings = BTreeMap::new();
        for (name, setting) in &written.settings {
            let refused = setting.get_ref().refuses(&setting.get_ref().default);
            let refused = refused.map(|why| format!("the default of {name} cannot be so: {why}"));
            let refused = refused.or_else(|| {
                (!is_name(name)).then(|| format!("{name:?} is no name: write a to z and _"))
            });
            if let Some(why) = refused {
                return Err(checked.wrong_at(setting, why));
            }
            settings.insert(name.clone(), setting.get_ref().clone());
        }
        let known = Known {
            ports: &ports,
            shared: written.shared_ports.is_some(),
            settings: &settings,
        };
        let (for_nodes, for_clients) = (known.to_nodes(), known.besides_ports(FOR_CLIENTS));
        let prepare = written.prepare.as_ref();
        let prepare = prepare.map(|section| checked.command(&section.command, &[]));
        let prepare = prepare.transpose()?;
        checked.makes_programs = prepare.is_some();
        let ready = match (&written.ready.path, &written.ready.command) {
            (None, None) => Ready::Port,
            (Some(path), None) => {
                checked.placeholders(path, &for_nodes)?;
                if !path.get_ref().starts_with('/') {
                    return Err(checked.wrong_at(path, "a path begins with /"));
                }
                Ready::Url(path.get_ref().clone())
            }
            (None, Some(command)) => Ready::Command(checked.command(command, &for_nodes)?),
            (Some(path), Some(_)) => {
                let reason = "a node is ready by a path or by a command, not by both";
                return Err(checked.wrong_at(path, reason));
            }
        };
        let version = written.version.as_ref();
        let primary = written.primary.as_ref();
        let for_primary = known.besides_ports(FOR_PRIMARY);
        Ok(File {
            path: path.to_owned(),
            folder: folder.to_owned(),
            name: written.name.get_ref().clone(),
            workloads,
            nodes,
            shared_ports: known.shared,
            links: written.links,
            notices_after_ms,
            version: version
                .map(|section| checked.command(&section.command, &[]))
                .transpose()?,
            prepare,
            start: checked.command(&written.start.command, &for_nodes)?,
            ready,
            ready_within: Duration::from_secs(written.ready.within_s.unwrap_or(20)),
            client: checked.command(&written.client.command, &for_clients)?,
            primary: primary
                .map(|section| checked.command(&section.command, &for_primary))
                .transpose()?,
            answers: written.answers,
            chosen: setting::choose(&settings, &[]).unwrap_or_default(),
            settings,
            ports,
        })
    }

    /// Takes what was chosen, as `name=value`, and the defaults of all other settings.
    ///
    /// # Errors
    /// A name or a value that there is not.
    pub fn choose(&mut self, chosen: &[String]) -> Result<(), String> {
        self.chosen = setting::choose(&self.settings, chosen)?;
        Ok(())
    }

    /// Whether clients and other nodes come to the same port.
    pub(super) fn one_port(&self) -> bool {
        !self.ports.iter().any(|name| name == PEER)
    }

    /// How long a node may take to say that it is ready. A command takes longer than a question.
    pub(super) fn probe_limit(&self) -> Duration {
        match self.ready {
            Ready::Port | Ready::Url(_) => super::PROBE_LIMIT,
            // On a machine that has much to do a program takes long to begin.
            Ready::Command(_) => Duration::from_secs(5),
        }
    }
}

fn written(checked: &Checked<'_>) -> Result<Written, WrongFile> {
    toml::from_str(checked.text).map_err(|error| {
        let place = error.span().map(|span| span.start);
        checked.wrong(place, error.message())
    })
}

fn workloads(checked: &Checked<'_>, written: &Written) -> Result<Option<Vec<String>>, WrongFile> {
    let Some(names) = &written.workloads else {
        return Ok(None);
    };
    let mut known = Vec::new();
    for name in names {
        kensho_workloads::find(name.get_ref()).map_err(|why| checked.wrong_at(name, why))?;
        known.push(name.get_ref().clone());
    }
    Ok(Some(known))
}

fn ports(checked: &Checked<'_>, written: &Written) -> Result<Vec<String>, WrongFile> {
    let Some(shared) = &written.shared_ports else {
        let ports: &[&str] = if written.one_port {
            &[CLIENT]
        } else {
            &[CLIENT, PEER]
        };
        return Ok(ports.iter().map(ToString::to_string).collect());
    };
    let names: Vec<String> = shared.iter().map(|name| name.get_ref().clone()).collect();
    for (number, name) in shared.iter().enumerate() {
        let text = name.get_ref();
        let taken = names[..number].contains(text) || FOR_NODES.contains(&text.as_str());
        if taken || !is_name(text) {
            let reason = format!("{text:?} cannot be a port's name: write a to z and _, each once");
            return Err(checked.wrong_at(name, reason));
        }
    }
    match (names.iter().any(|name| name == CLIENT), shared.first()) {
        (true, _) => Ok(names),
        (false, Some(first)) => Err(checked.wrong_at(first, "one of the ports is called client")),
        (false, None) => Err(checked.wrong(None, "shared_ports is empty; one is called client")),
    }
}

/// Which placeholders there are.
struct Known<'a> {
    ports: &'a [String],
    shared: bool,
    settings: &'a BTreeMap<String, Setting>,
}

impl Known<'_> {
    fn to_nodes(&self) -> Vec<String> {
        let mut known = self.besides_ports(FOR_NODES);
        let old = [CLIENT.to_string(), PEER.to_string()];
        let names: &[String] = if self.shared { self.ports } else { &old };
        for name in names {
            known.extend(["", "_host", "_port"].map(|part| format!("{name}{part}")));
            if self.shared {
                let address = ["_address", "_address_host", "_address_port"];
                known.extend(address.map(|part| format!("{name}{part}")));
            }
        }
        known
    }

    fn besides_ports(&self, own: &[&str]) -> Vec<String> {
        let mut known: Vec<String> = own.iter().map(ToString::to_string).collect();
        known.extend(self.settings.keys().cloned());
        if self.shared {
            known.extend(self.ports.iter().map(|name| format!("{name}_addresses")));
        }
        known
    }
}
