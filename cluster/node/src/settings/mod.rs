//! What a node may be told, by a TOML file and by flags; flags win.

mod discovery;
mod given;
pub(crate) mod limits;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, Subcommand};
use kensho_protocol::settings::{Durability, Mode, Settings as ProtocolSettings};
use kensho_protocol::table::Identity;
use kensho_storage::log::{self, LogSettings};

use crate::access::{Role, UserCommand};

pub use discovery::{Discovery, JoinBy};
pub use given::{Given, MemberSetting};

/// A node of a kensho cluster: a replicated, partitioned store of containers that speaks HTTP.
///
/// Every setting can stand in the file as well, under the same name with `_` for `-`; a flag
/// overrides the file. Exit codes: 0 stopped orderly, 254 wrong arguments or settings, 255 failure.
#[derive(Debug, Parser)]
#[command(name = "kensho-node", version, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    /// Something else than to run a node.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The settings file (TOML).
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The settings given as flags.
    #[command(flatten)]
    pub given: Given,
}

/// What the program does besides running a node.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Keep the file of users that the setting users_file names
    User(UserCommand),
}

/// What is wrong with the settings. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read the settings file {path}: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("the settings file {path} is wrong: {message}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and where.
        message: String,
    },
    /// A setting is missing that has no default.
    #[error("the setting {0} is missing: give it in the file or as --{flag}", flag = .0.replace('_', "-"))]
    Missing(&'static str),
    /// A setting has a value that it cannot have.
    #[error("the setting {name} is {value}: {requirement}")]
    Unsuitable {
        /// Which setting.
        name: &'static str,
        /// What it is.
        value: String,
        /// What it should be.
        requirement: String,
    },
}

/// What a node goes by. See [`Given`] for the meaning of each.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The node's name.
    pub name: String,
    /// What must be the same on all nodes.
    pub identity: Identity,
    /// Where the node keeps its data.
    pub data_dir: PathBuf,
    /// What the files there may take together, in bytes.
    pub data_limit_bytes: Option<u64>,
    /// Where it listens for clients.
    pub client_listen: SocketAddr,
    /// Where clients reach it, if that differs from where it listens.
    pub client_advertise: Option<String>,
    /// Where it listens for nodes.
    pub peer_listen: SocketAddr,
    /// Where nodes reach it, if that differs from where it listens.
    pub peer_advertise: Option<String>,
    /// The initial members; this node is among them.
    pub members: Vec<MemberSetting>,
    /// Members of a running cluster that this node is to join.
    pub join: Vec<MemberSetting>,
    /// How it makes itself known, and finds a cluster to join.
    pub discovery: Discovery,
    /// Who is preferred as master.
    pub priority: u32,
    /// What nodes know each other by.
    pub secret: String,
    /// The file of users, if there is one.
    pub users_file: Option<PathBuf>,
    /// What those may do who give no credentials, if anything.
    pub anonymous: Option<Role>,
    /// What is logged.
    pub log: String,
    /// The settings of the protocol.
    pub protocol: ProtocolSettings,
    /// When to stop waiting for a statement.
    pub statement_deadline: Duration,
    /// Limits for what clients send.
    pub limits: Limits,
    /// The settings of the update log.
    pub update_log: LogSettings,
    /// Where the inputs of the state machines are recorded, if they are.
    pub record_dir: Option<PathBuf>,
    /// How much longer each flush of the update log takes than the disk needs.
    pub flush_delay: Duration,
}

/// How much a node takes on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest request body, in bytes. From it follow the longest statement, message to another node
    /// and record of the log.
    pub body_bytes: usize,
    /// The longest row key and container name, in bytes.
    pub key_bytes: usize,
    /// How many statements may wait at the same time.
    pub statements: usize,
    /// How many connections of clients may be open.
    pub client_connections: usize,
    /// How many of them from one address.
    pub client_connections_by_address: usize,
    /// What requests and answers of all clients may hold in memory, in bytes.
    pub client_buffer_bytes: usize,
    /// How many connections at the listener for nodes may be open that have not shown the secret.
    pub strangers: usize,
    /// How many of them from one address.
    pub strangers_by_address: usize,
    /// How many bytes may wait for one other node.
    pub peer_queue_bytes: usize,
    /// How long a client may take to send the head of a request, or its body.
    pub request_timeout: Duration,
}

impl Arguments {
    /// The settings from file and flags together.
    ///
    /// # Errors
    /// When the file cannot be read, or a setting is unknown, missing or unsuitable.
    pub fn settings(self) -> Result<Settings, SettingsError> {
        let from_file = match &self.config {
            Some(path) => read_file(path)?,
            None => Given::default(),
        };
        self.given.or(from_file).complete()
    }
}

fn read_file(path: &Path) -> Result<Given, SettingsError> {
    let text = std::fs::read_to_string(path).map_err(|source| SettingsError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    toml::from_str(&text).map_err(|error| SettingsError::Malformed {
        path: path.to_owned(),
        message: one_line(&text, &error),
    })
}

/// The parser's message as one line, which names line and setting.
fn one_line(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().replace('\n', " ");
    match error.span() {
        Some(span) => {
            let line = text[..span.start].matches('\n').count() + 1;
            format!("line {line}: {message}")
        }
        None => message,
    }
}

impl Given {
    /// These settings, and what they leave open from `other`.
    #[must_use]
    fn or(self, other: Given) -> Given {
        macro_rules! either {
            ($($field:ident)*) => {
                Given {
                    members: if self.members.is_empty() { other.members } else { self.members },
                    join: if self.join.is_empty() { other.join } else { self.join },
                    #[cfg(feature = "break-rules")]
                    break_rules: [self.break_rules, other.break_rules].concat(),
                    $($field: self.$field.or(other.$field),)*
                }
            };
        }
        either!(name cluster data_dir client_listen client_advertise peer_listen peer_advertise
            partitions replicas mode durability delayed_flush_interval_ms flush_delay_ms min_in_sync
            data_limit_bytes
            distrust_disks levelling
            join_by notice_group notice_interface notice_interval_ms
            heartbeat_ms replace_after_ms priority
            secret secret_file users_file anonymous log statement_deadline_ms body_limit_bytes key_limit_bytes statement_limit
            client_connection_limit client_connection_limit_by_address client_buffer_limit_bytes
            stranger_limit stranger_limit_by_address peer_queue_limit_bytes request_timeout_ms
            log_retention_bytes log_segment_bytes checkpoint_after_bytes record_dir)
    }

    fn complete(self) -> Result<Settings, SettingsError> {
        let name = self.name.ok_or(SettingsError::Missing("name"))?;
        check(
            "name",
            &name,
            is_name(&name),
            "use letters, digits, '-', '_' and '.' only",
        )?;
        let cluster = self.cluster.unwrap_or_else(|| given::CLUSTER.to_owned());
        check(
            "cluster",
            &cluster,
            is_name(&cluster),
            "use letters, digits, '-', '_' and '.' only",
        )?;
        let partitions = self.partitions.unwrap_or(given::PARTITIONS);
        check(
            "partitions",
            &partitions,
            partitions > 0,
            "at least 1 is needed",
        )?;
        let replicas = self.replicas.unwrap_or(given::REPLICAS);
        check("replicas", &replicas, replicas > 0, "at least 1 is needed")?;
        let heartbeat_ms = self.heartbeat_ms.unwrap_or(given::HEARTBEAT_MS);
        check(
            "heartbeat_ms",
            &heartbeat_ms,
            heartbeat_ms >= 10,
            "at least 10 ms are needed",
        )?;
        let min_in_sync = self.min_in_sync.unwrap_or(given::MIN_IN_SYNC);
        check(
            "min_in_sync",
            &min_in_sync,
            (1..=replicas).contains(&min_in_sync),
            format!("it must be between 1 and replicas, which is {replicas}"),
        )?;
        let members = self.members;
        let listed = members.is_empty() || members.iter().any(|member| member.name == name);
        check(
            "members",
            &names(&members),
            listed,
            format!("this node, {name}, must be among them"),
        )?;
        let join = self.join;
        check(
            "join",
            &names(&join),
            join.is_empty() || members.is_empty(),
            "a node either begins a cluster (members) or joins one",
        )?;
        check(
            "join",
            &names(&join),
            join.iter().all(|member| member.name != name),
            format!("this node, {name}, cannot join through itself"),
        )?;
        check(
            "join_by",
            &names(&[join.as_slice(), members.as_slice()].concat()),
            self.join_by.is_none() || join.is_empty() && members.is_empty(),
            "a node that looks for a cluster is given neither members nor join",
        )?;
        let discovery = Discovery::complete(
            self.notice_group,
            self.notice_interface,
            self.notice_interval_ms,
            self.join_by,
        )?;
        let mut unique: Vec<&str> = members.iter().map(|member| &member.name[..]).collect();
        unique.sort_unstable();
        unique.dedup();
        check(
            "members",
            &names(&members),
            unique.len() == members.len(),
            "a name must not occur twice",
        )?;
        let secret = read_secret(self.secret, self.secret_file)?;
        let (client_listen, peer_listen) = (
            self.client_listen.unwrap_or(given::CLIENT_LISTEN),
            self.peer_listen.unwrap_or(given::PEER_LISTEN),
        );
        check(
            "peer_listen",
            &peer_listen,
            peer_listen.ip().is_loopback() || !secret.is_empty(),
            "without a secret anybody could take part in the cluster, so that a node listens on loopback \
             only: give all nodes the same secret_file",
        )?;
        let anonymous = match (self.anonymous, &self.users_file) {
            (Some(given), _) => given.role(),
            (None, Some(_)) => None,
            (None, None) => Some(Role::Admin),
        };
        check(
            "client_listen",
            &client_listen,
            client_listen.ip().is_loopback()
                || self.users_file.is_some()
                || self.anonymous.is_some(),
            "without users anybody could read and change everything, so that a node listens on loopback \
             only: give it a users_file (kensho-node user add), or say by anonymous what everybody may do",
        )?;
        let mut protocol = ProtocolSettings::with_heartbeat(Duration::from_millis(heartbeat_ms));
        protocol.replicas = usize::from(replicas);
        protocol.min_in_sync = usize::from(min_in_sync);
        protocol.distrust_disks = self.distrust_disks.unwrap_or(false);
        protocol.levelling.on = self.levelling.unwrap_or(true);
        protocol.mode = match self.mode.unwrap_or(given::Mode::SemiSync) {
            given::Mode::Async => Mode::Async,
            given::Mode::SemiSync => Mode::SemiSync,
        };
        if let Some(after) = self.replace_after_ms {
            protocol.replace_after = Duration::from_millis(after);
        }
        if let Some(bytes) = self.log_retention_bytes {
            protocol.log_retention_bytes = bytes;
        }
        let mut update_log = LogSettings::default();
        match self.durability.unwrap_or(given::Durability::Sync) {
            given::Durability::Sync => {}
            given::Durability::Delayed => {
                let interval = self
                    .delayed_flush_interval_ms
                    .unwrap_or(given::DELAYED_FLUSH_INTERVAL_MS);
                protocol.durability = Durability::Delayed;
                update_log.durability = log::Durability::Delayed {
                    flush_interval: Duration::from_millis(interval),
                };
            }
        }
        if let Some(bytes) = self.checkpoint_after_bytes {
            update_log = update_log.with_checkpoints_after(bytes);
        }
        if let Some(bytes) = self.log_segment_bytes {
            check(
                "log_segment_bytes",
                &bytes,
                bytes >= 4096,
                "at least 4096 are needed",
            )?;
            update_log.segment_bytes = bytes;
        }
        if let Some(limit) = self.data_limit_bytes {
            let least = 4 * update_log.segment_bytes;
            check(
                "data_limit_bytes",
                &limit,
                limit >= least,
                format!("at least four times log_segment_bytes are needed, which is {least}"),
            )?;
        }
        #[cfg(feature = "break-rules")]
        for rule in self.break_rules {
            protocol.rules = protocol.rules.without(rule.0);
        }
        let body_bytes = self.body_limit_bytes.unwrap_or(given::BODY_LIMIT_BYTES);
        check(
            "body_limit_bytes",
            &body_bytes,
            (limits::SMALLEST_BODY_BYTES..=limits::LARGEST_BODY_BYTES).contains(&body_bytes),
            format!(
                "it must be between {} and {}: messages between nodes and records of the log are made \
                 for that, and need no limits of their own",
                limits::SMALLEST_BODY_BYTES,
                limits::LARGEST_BODY_BYTES
            ),
        )?;
        let milliseconds =
            |given: Option<u64>, default| Duration::from_millis(given.unwrap_or(default));
        Ok(Settings {
            identity: Identity {
                cluster,
                partitions,
                replicas,
                outcomes: protocol.outcomes,
            },
            data_dir: self.data_dir.ok_or(SettingsError::Missing("data_dir"))?,
            data_limit_bytes: self.data_limit_bytes,
            client_listen,
            client_advertise: self.client_advertise,
            peer_listen,
            peer_advertise: self.peer_advertise,
            members,
            join,
            discovery,
            priority: self.priority.unwrap_or(0),
            secret,
            users_file: self.users_file,
            anonymous,
            log: self.log.unwrap_or_else(|| given::LOG.to_owned()),
            protocol,
            statement_deadline: milliseconds(
                self.statement_deadline_ms,
                given::STATEMENT_DEADLINE_MS,
            ),
            update_log,
            record_dir: self.record_dir,
            flush_delay: milliseconds(self.flush_delay_ms, 0),
            limits: Limits {
                body_bytes,
                key_bytes: self.key_limit_bytes.unwrap_or(given::KEY_LIMIT_BYTES),
                statements: self.statement_limit.unwrap_or(given::STATEMENT_LIMIT),
                client_connections: self
                    .client_connection_limit
                    .unwrap_or(given::CLIENT_CONNECTION_LIMIT),
                client_connections_by_address: self
                    .client_connection_limit_by_address
                    .unwrap_or(given::CLIENT_CONNECTION_LIMIT_BY_ADDRESS),
                client_buffer_bytes: self
                    .client_buffer_limit_bytes
                    .unwrap_or(given::CLIENT_BUFFER_LIMIT_BYTES),
                strangers: self.stranger_limit.unwrap_or(given::STRANGER_LIMIT),
                strangers_by_address: self
                    .stranger_limit_by_address
                    .unwrap_or(given::STRANGER_LIMIT_BY_ADDRESS),
                peer_queue_bytes: self
                    .peer_queue_limit_bytes
                    .unwrap_or(given::PEER_QUEUE_LIMIT_BYTES),
                request_timeout: milliseconds(self.request_timeout_ms, given::REQUEST_TIMEOUT_MS),
            },
            name,
        })
    }
}

/// The secret itself, or what the first line of a file says.
fn read_secret(given: Option<String>, file: Option<PathBuf>) -> Result<String, SettingsError> {
    let Some(path) = file else {
        return Ok(given.unwrap_or_default());
    };
    check(
        "secret_file",
        &path.display(),
        given.is_none(),
        "there is a secret as well; give one of them",
    )?;
    let text = std::fs::read_to_string(&path).map_err(|error| SettingsError::Unsuitable {
        name: "secret_file",
        value: path.display().to_string(),
        requirement: format!("it cannot be read: {error}"),
    })?;
    let secret = text.lines().next().unwrap_or_default().trim();
    check(
        "secret_file",
        &path.display(),
        !secret.is_empty(),
        "its first line is empty; write the secret there",
    )?;
    Ok(secret.to_owned())
}

fn check(
    name: &'static str,
    value: &impl ToString,
    suitable: bool,
    requirement: impl Into<String>,
) -> Result<(), SettingsError> {
    if suitable {
        return Ok(());
    }
    Err(SettingsError::Unsuitable {
        name,
        value: value.to_string(),
        requirement: requirement.into(),
    })
}

/// Names stand in paths, headers and file names, so they are plain.
fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(plain)
}

fn names(members: &[MemberSetting]) -> String {
    let names: Vec<&str> = members.iter().map(|member| &member.name[..]).collect();
    format!("[{}]", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(file: &str, flags: &[&str]) -> Result<Settings, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("node.toml");
        std::fs::write(&path, file).expect("a file");
        let config = ["kensho-node", "--config", path.to_str().expect("a path")];
        Arguments::try_parse_from(config.iter().chain(flags))
            .map_err(|error| error.to_string())?
            .settings()
            .map_err(|error| error.to_string())
    }

    #[test]
    fn flags_override_the_file() {
        let file = "name = \"n1\"\ndata_dir = \"/data\"\nheartbeat_ms = 100\npartitions = 8\n\
            mode = \"async\"\nmembers = [{name = \"n1\", peer = \"a:1\"}, {name = \"n2\", peer = \"b:1\"}]";
        let settings = settings(file, &["--partitions", "16"]).expect("they are right");
        assert_eq!(settings.identity.partitions, 16);
        assert_eq!(settings.protocol.heartbeat, Duration::from_millis(100));
        assert_eq!(settings.protocol.mode, Mode::Async);
        assert_eq!(settings.members[1].peer, "b:1");
        assert!(settings.client_listen.ip().is_loopback());
    }

    #[test]
    fn who_is_open_to_other_machines_has_a_lock() {
        let file = "name = \"n1\"\ndata_dir = \"/data\"";
        let given = |flags: &[&str]| settings(file, flags);
        let refused = given(&["--peer-listen", "0.0.0.0:1"]).expect_err("no secret");
        assert!(refused.contains("secret_file"), "{refused}");
        assert!(given(&["--peer-listen", "0.0.0.0:1", "--secret", "s"]).is_ok());
        let refused = given(&["--client-listen", "[::]:1"]).expect_err("no users");
        assert!(refused.contains("users_file"), "{refused}");
        let open = given(&["--client-listen", "[::]:1", "--anonymous", "read"]);
        assert_eq!(open.expect("it was said").anonymous, Some(Role::Read));
        let users = given(&["--client-listen", "[::]:1", "--users-file", "u"]);
        assert_eq!(users.expect("there are users").anonymous, None);
        assert_eq!(given(&[]).expect("loopback").anonymous, Some(Role::Admin));
        let refused = given(&["--anonymous", "refused"]).expect("nobody gets in");
        assert_eq!(refused.anonymous, None);
    }

    #[test]
    fn a_secret_may_stand_in_a_file() {
        let file = "name = \"n1\"\ndata_dir = \"/data\"";
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        let flag = path.to_str().expect("a path");
        std::fs::write(&path, "s3cret\n").expect("a file");
        let given = |flags: &[&str]| settings(file, flags);
        assert_eq!(
            given(&["--secret-file", flag]).expect("right").secret,
            "s3cret"
        );
        let both = given(&["--secret-file", flag, "--secret", "x"]).expect_err("both");
        assert!(both.contains("one of them"), "{both}");
        std::fs::write(&path, "\n").expect("a file");
        assert!(
            given(&["--secret-file", flag])
                .expect_err("empty")
                .contains("first line")
        );
    }

    #[test]
    fn durability_goes_to_protocol_and_log() {
        let file = "name = \"n1\"\ndata_dir = \"/data\"\ndurability = \"delayed\"";
        let flags = ["--delayed-flush-interval-ms", "250"];
        let settings = settings(file, &flags).expect("they are right");
        assert_eq!(settings.protocol.durability, Durability::Delayed);
        let flush_interval = Duration::from_millis(250);
        let expected = log::Durability::Delayed { flush_interval };
        assert_eq!(settings.update_log.durability, expected);
    }

    #[test]
    fn nothing_is_recorded_unless_a_folder_is_given() {
        let file = "name = \"n1\"\ndata_dir = \"/data\"";
        let given = |flags: &[&str]| settings(file, flags).expect("they are right").record_dir;
        assert_eq!(given(&[]), None);
        let flags = ["--record-dir", "/records"];
        assert_eq!(given(&flags), Some(PathBuf::from("/records")));
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line() {
        let base = "name = \"n1\"\ndata_dir = \"/data\"\n";
        let wrong = |more: &str, flags: &[&str]| {
            settings(&format!("{base}{more}"), flags).expect_err("it is wrong")
        };
        let unknown = wrong("heartbeat = 5", &[]);
        assert!(
            unknown.contains("line 3: unknown field `heartbeat`"),
            "{unknown}"
        );
        assert!(
            unknown.contains("`heartbeat_ms`"),
            "names the known ones: {unknown}"
        );
        assert!(!unknown.contains('\n'), "{unknown}");
        assert!(wrong("", &["--replicas", "0"]).contains("at least 1"));
        assert!(wrong("min_in_sync = 4", &[]).contains("replicas, which is 3"));
        assert!(wrong("members = [{name = \"n2\", peer = \"a:1\"}]", &[]).contains("n1, must be"));
        let both =
            "members = [{name = \"n1\", peer = \"a:1\"}]\njoin = [{name = \"n2\", peer = \"b:1\"}]";
        assert!(wrong(both, &[]).contains("or joins one"));
        assert!(wrong("", &["--join", "n1=a:1"]).contains("through itself"));
        assert!(wrong("mode = \"sync\"", &[]).contains("semi-sync"));
        let group = "notice_group = '10.0.0.1:31999'";
        assert!(wrong(group, &[]).contains("a multicast address"));
        assert!(wrong("join_by = 'notice'", &[]).contains("notice_group says where"));
        assert!(wrong("join_by = 'https://x'", &[]).contains("begins with http://"));
        assert!(
            wrong("join_by = 'http://x'", &["--join", "n2=x:1"])
                .contains("neither members nor join")
        );
        assert!(wrong("body_limit_bytes = 1", &[]).contains("between 256 and 268435456"));
        assert!(wrong("body_limit_bytes = 268435457", &[]).contains("between 256 and"));
        assert!(wrong("data_limit_bytes = 1000000", &[]).contains("which is 67108864"));
        assert!(settings("", &[]).expect_err("no name").contains("--name"));
    }

    /// There is no way to break a rule in a normal build.
    #[cfg(not(feature = "break-rules"))]
    #[test]
    fn a_normal_build_has_no_setting_that_breaks_rules() {
        let file = "name = \"n1\"\ndata_dir = \"/data\"\nbreak_rules = [\"local-read\"]";
        let error = settings(file, &[]).expect_err("there is no such setting");
        assert!(error.contains("unknown field `break_rules`"), "{error}");
        let error = settings("", &["--break-rules", "local-read"]).expect_err("no such flag");
        assert!(error.contains("unexpected argument"), "{error}");
    }

    #[cfg(feature = "break-rules")]
    #[test]
    fn rules_are_broken_by_name() {
        use kensho_protocol::rule::Rule;
        let file = "name = \"n1\"\ndata_dir = \"/data\"\nbreak_rules = [\"local-read\"]";
        let rules = settings(file, &["--break-rules", "ack-before-fsync"])
            .expect("right")
            .protocol
            .rules;
        assert!(rules.broken(Rule::LocalRead) && rules.broken(Rule::AckBeforeFsync));
        let error = settings(&file.replace("local-read", "local"), &[]).expect_err("no such rule");
        assert!(error.contains("there is no rule \"local\""), "{error}");
    }
}
