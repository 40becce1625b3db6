//! `kensho cluster status` and the others that speak to a cluster that runs.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use kensho_client::Credentials;
use kensho_results::text::{counted, thousands};
use kensho_results::utc::Utc;

use super::options::count;
use super::refusal::Refusal;
use super::span::Span;
use crate::operate::{self, Health, NodeHealth, Reach, columns};

/// Something calls for somebody.
const NOT_WHOLE: u8 = 1;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show how a cluster and its nodes are. Exit code 1: something calls for somebody
    Status(Status),
    /// Show the partition table: who is what for each partition
    Table(Status),
    /// Have a node that runs, and is no member, join a cluster
    Join(Join),
    /// Have a member leave the cluster, after others have taken over what it holds
    Leave(Leave),
    /// Show what is left to be moved until all nodes have a like share of owners and copies
    Plan(Status),
    /// Have a member own a partition; if it has no copy of it, it gets one first
    Move(Move),
    /// Pause or resume the levelling of roles, or say how much is moved at a time
    Levelling(Levelling),
    /// Have partitions go on that wait for nodes which may hold more
    Failover(Failover),
    /// Back up all rows of a running cluster into a folder
    Backup(Backup),
    /// Put the rows of a backup into an empty cluster, and compare
    Restore(Restore),
}

/// Which cluster, and as whom.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cluster")]
struct ReachOptions {
    /// Where nodes listen for clients; one that answers is enough
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "HOST:PORT,...",
        default_value = "127.0.0.1:10001"
    )]
    at: Vec<String>,
    /// The user to ask as, if the cluster knows users; the password comes from the environment variable
    /// KENSHO_PASSWORD, or from a file
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// A file whose first line is the password
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// A node that has not answered by then does not
    #[arg(long, default_value = "5s", value_name = "TIME")]
    patience: Span,
}

impl ReachOptions {
    fn reach(&self) -> Result<Reach> {
        let credentials = match &self.user {
            Some(name) => Some(Credentials::new(name, &self.password()?)),
            None => None,
        };
        Ok(Reach {
            addresses: self.at.clone(),
            credentials,
            patience: self.patience.duration(),
        })
    }

    fn password(&self) -> Result<String> {
        let Some(path) = &self.password_file else {
            let refusal = "the password is missing: set KENSHO_PASSWORD, or give --password-file";
            return std::env::var("KENSHO_PASSWORD").map_err(|_| Refusal(refusal.into()).into());
        };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(text.lines().next().unwrap_or_default().to_owned())
    }
}

#[derive(Debug, Args)]
pub(super) struct Status {
    #[command(flatten)]
    cluster: ReachOptions,
    /// As JSON, for scripts
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Join {
    #[command(flatten)]
    node: ReachOptions,
    /// Members of the cluster to join, and where the node reaches them (their peer_listen)
    #[arg(long, value_delimiter = ',', value_name = "NAME=HOST:PORT,...", required = true, value_parser = member)]
    through: Vec<(String, String)>,
    /// It has so long
    #[arg(long, default_value = "60s", value_name = "TIME")]
    limit: Span,
}

#[derive(Debug, Args)]
pub(super) struct Leave {
    #[command(flatten)]
    cluster: ReachOptions,
    /// The member's name
    #[arg(long, value_name = "NAME")]
    name: String,
    /// It is waited for so long
    #[arg(long, default_value = "1h", value_name = "TIME")]
    limit: Span,
}

#[derive(Debug, Args)]
pub(super) struct Move {
    #[command(flatten)]
    cluster: ReachOptions,
    /// The partition's number; kensho cluster table shows them
    partition: u16,
    /// The member's name
    #[arg(long, value_name = "NAME")]
    to: String,
    /// It is waited for so long
    #[arg(long, default_value = "1h", value_name = "TIME")]
    limit: Span,
}

#[derive(Debug, Args)]
pub(super) struct Levelling {
    #[command(flatten)]
    cluster: ReachOptions,
    /// Roles stay where they are; what was begun is finished, and missing copies are made all the same
    #[arg(long, conflicts_with = "resume")]
    pause: bool,
    /// Roles are levelled again
    #[arg(long)]
    resume: bool,
    /// At most so many partitions are copied to other nodes at a time
    #[arg(long, value_name = "NUMBER", value_parser = count(1, 1 << 16))]
    copies_at_once: Option<usize>,
    /// At most so many partitions are handed over to other owners at a time
    #[arg(long, value_name = "NUMBER", value_parser = count(1, 1 << 16))]
    hand_overs_at_once: Option<usize>,
}

#[derive(Debug, Args)]
pub(super) struct Failover {
    #[command(flatten)]
    cluster: ReachOptions,
    /// What the missing nodes alone hold is given up: nobody can tell whether that loses acknowledged updates
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
pub(super) struct Backup {
    #[command(flatten)]
    cluster: ReachOptions,
    /// Where to: a folder that is not there yet, or empty
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// A partition that is not served is waited for so long
    #[arg(long, default_value = "60s", value_name = "TIME")]
    limit: Span,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    #[command(flatten)]
    cluster: ReachOptions,
    /// The folder of the backup
    #[arg(long, value_name = "FOLDER")]
    from: PathBuf,
    /// A partition that is not served is waited for so long
    #[arg(long, default_value = "60s", value_name = "TIME")]
    limit: Span,
    /// Only look whether the backup is whole
    #[arg(long)]
    check: bool,
}

fn member(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, peer)) if !name.is_empty() && peer.contains(':') => {
            Ok((name.to_owned(), peer.to_owned()))
        }
        _ => Err("write it as NAME=HOST:PORT".to_owned()),
    }
}

pub(super) async fn run(command: &Command) -> Result<u8> {
    match command {
        Command::Status(options) => status(options).await,
        Command::Table(options) => table(options).await,
        Command::Join(options) => join(options).await,
        Command::Leave(options) => leave(options).await,
        Command::Plan(options) => plan(options).await,
        Command::Move(options) => move_partition(options).await,
        Command::Levelling(options) => level(options).await,
        Command::Failover(options) => fail_over(options).await,
        Command::Backup(options) => back_up(options).await,
        Command::Restore(options) => restore(options).await,
    }
}

async fn status(options: &Status) -> Result<u8> {
    let health = operate::look(&options.cluster.reach()?).await?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&health)?);
    } else {
        print!("{}", shown(&health, std::io::stdout().is_terminal()));
    }
    Ok(if health.problems.is_empty() {
        0
    } else {
        NOT_WHOLE
    })
}

/// A cluster as people look at it.
fn shown(health: &Health, colours: bool) -> String {
    let name = health.cluster.as_deref().unwrap_or("(unknown)");
    let master = health.master.as_deref().unwrap_or("none known");
    let (term, revision) = health.table;
    let mut text = format!(
        "cluster {name}, master {master}, term {term}, table {revision}, {} on {} each\n\n",
        counted(health.partitions as u64, "partition"),
        counted(health.replicas as u64, "node")
    );
    let titles = [
        "node", "address", "is", "owner", "backup", "catch-up", "rows", "disk", "free", "clients",
    ];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(health.nodes.iter().map(row));
    text.push_str(&columns(&rows));
    text.push('\n');
    let (red, green, plain) = match colours {
        true => ("\x1b[31m", "\x1b[32m", "\x1b[0m"),
        false => ("", "", ""),
    };
    if health.problems.is_empty() {
        text.push_str(&format!(
            "{green}whole{plain}: every partition is served, and on as many nodes as it should be\n"
        ));
    }
    for problem in &health.problems {
        text.push_str(&format!("{red}!{plain} {problem}\n"));
    }
    text
}

fn row(node: &NodeHealth) -> Vec<String> {
    let numbers = [node.owner, node.backup, node.catch_up].map(|count| count.to_string());
    let told = node.told.as_ref();
    let is = told.map_or("does not answer".to_owned(), |stat| {
        stat.cluster.cluster_status.to_lowercase()
    });
    let size = |bytes: Option<u64>| bytes.map_or("-".to_owned(), size);
    let [rows, used, free, clients] = match told {
        Some(stat) => [
            thousands(stat.performance.total_row_num),
            size(stat.kensho.disk.used_bytes),
            size(stat.kensho.disk.free_bytes),
            thousands(stat.kensho.door.connections),
        ],
        None => ["-", "-", "-", "-"].map(str::to_owned),
    };
    let [owner, backup, catch_up] = numbers;
    let (name, address) = (node.name.clone(), node.address.clone());
    vec![
        name, address, is, owner, backup, catch_up, rows, used, free, clients,
    ]
}

/// So many bytes, with the unit that suits.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{bytes} B"),
        _ => format!("{value:.1} {}", UNITS[unit]),
    }
}

async fn table(options: &Status) -> Result<u8> {
    let told = operate::table(&options.cluster.reach()?).await?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&told.table)?);
        return Ok(0);
    }
    let titles = ["partition", "epoch", "owner", "backups", "catching up"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    for partition in &told.table.partitions {
        let owner = partition.owner.clone();
        let backups = partition
            .in_sync
            .iter()
            .filter(|name| Some(*name) != owner.as_ref());
        let backups: Vec<&str> = backups.map(String::as_str).collect();
        rows.push(vec![
            partition.id.to_string(),
            partition.epoch.to_string(),
            owner.clone().unwrap_or_else(|| "none".to_owned()),
            backups.join(" "),
            partition.catch_up.join(" "),
        ]);
    }
    print!("{}", columns(&rows));
    Ok(0)
}

async fn join(options: &Join) -> Result<u8> {
    let reach = options.node.reach()?;
    let name = operate::join(&reach, &options.through, options.limit.duration()).await?;
    println!(
        "{name} is a member; it soon has its share of owners and copies; kensho cluster plan shows what is left"
    );
    Ok(0)
}

async fn leave(options: &Leave) -> Result<u8> {
    let reach = options.cluster.reach()?;
    let tell = |how_far: &str| eprintln!("{how_far}");
    operate::leave(&reach, &options.name, options.limit.duration(), &tell).await?;
    println!("{} has left: it can be stopped", options.name);
    Ok(0)
}

async fn plan(options: &Status) -> Result<u8> {
    let plan = operate::plan(&options.cluster.reach()?).await?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&plan)?);
    } else {
        print!("{}", shown_plan(&plan));
    }
    Ok(0)
}

fn shown_plan(plan: &operate::Plan) -> String {
    let levelling = plan.levelling;
    let mut text = match levelling.on {
        true => format!(
            "roles are levelled, at most {} copied and {} handed over at a time\n",
            counted(levelling.copies_at_once as u64, "partition"),
            levelling.hand_overs_at_once
        ),
        false => "levelling is paused (kensho cluster levelling --resume)\n".to_owned(),
    };
    if plan.steps.is_empty() {
        text.push_str("nothing is to be moved\n");
        return text;
    }
    let titles = ["", "partition", "step", "from", "to"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    for (number, step) in (1..).zip(&plan.steps) {
        let name = |name: &Option<String>| name.clone().unwrap_or_default();
        rows.push(vec![
            format!("{number}"),
            step.partition.to_string(),
            step.step.clone(),
            name(&step.from),
            name(&step.to),
        ]);
    }
    text.push_str(&columns(&rows));
    text
}

async fn move_partition(options: &Move) -> Result<u8> {
    let reach = options.cluster.reach()?;
    let tell = |how_far: &str| eprintln!("{how_far}");
    let limit = options.limit.duration();
    operate::move_partition(&reach, options.partition, &options.to, limit, &tell).await?;
    println!("{} owns partition {}", options.to, options.partition);
    Ok(0)
}

async fn level(options: &Levelling) -> Result<u8> {
    let on = match (options.pause, options.resume) {
        (false, false) => None,
        (pause, _) => Some(!pause),
    };
    let (copies, hand_overs) = (options.copies_at_once, options.hand_overs_at_once);
    if on.is_none() && copies.is_none() && hand_overs.is_none() {
        let refusal = "say what is to be set: --pause, --resume, --copies-at-once or --hand-overs-at-once; \
            kensho cluster plan shows what is set";
        return Err(Refusal(refusal.to_owned()).into());
    }
    operate::set_levelling(&options.cluster.reach()?, on, copies, hand_overs).await?;
    println!(
        "the master has taken it; kensho cluster plan shows what is set and what is left to be moved"
    );
    Ok(0)
}

async fn fail_over(options: &Failover) -> Result<u8> {
    if !options.force {
        let refusal = "a failover gives up what missing nodes alone hold, and nobody can tell whether that \
            loses acknowledged updates: start the missing nodes if they can be had, and say --force otherwise";
        return Err(Refusal(refusal.to_owned()).into());
    }
    operate::fail_over(&options.cluster.reach()?).await?;
    println!(
        "partitions that wait go on as soon as their leases have run out; kensho cluster status says which are served"
    );
    Ok(0)
}

fn progress(what: &'static str, length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if let Ok(style) =
        ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} partitions {msg}")
    {
        bar.set_style(style);
    }
    bar.with_prefix(what)
}

async fn back_up(options: &Backup) -> Result<u8> {
    let reach = patient(options.cluster.reach()?, options.limit.duration());
    let partitions = operate::table(&reach).await?.table.partitions.len();
    let bar = progress("backup", partitions as u64);
    let tell = |done: usize, bytes: u64| {
        bar.set_position(done as u64);
        bar.set_message(size(bytes));
    };
    let begun = Utc::now().text();
    let (to, limit) = (&options.to, options.limit.duration());
    let manifest = operate::back_up(&reach, to, begun, limit, &tell).await;
    bar.finish_and_clear();
    let manifest = manifest?;
    println!("{}", told(&manifest, "backed up to", to));
    Ok(0)
}

/// A node may take long for a whole partition.
fn patient(reach: Reach, limit: Duration) -> Reach {
    Reach {
        patience: reach.patience.max(limit),
        ..reach
    }
}

fn told(manifest: &operate::Manifest, what: &str, folder: &Path) -> String {
    format!(
        "{} of cluster {}, {}, {what} {}",
        counted(manifest.rows() as u64, "row"),
        manifest.cluster,
        size(manifest.bytes()),
        folder.display()
    )
}

async fn restore(options: &Restore) -> Result<u8> {
    let from = &options.from;
    if options.check {
        let manifest = operate::check_backup(from)?;
        println!("{}", told(&manifest, "whole in", from));
        return Ok(0);
    }
    let reach = patient(options.cluster.reach()?, options.limit.duration());
    let partitions = operate::table(&reach).await?.table.partitions.len();
    let bar = progress("restore", partitions as u64);
    let tell = |done: usize| bar.set_position(done as u64);
    let restored = operate::restore(&reach, from, options.limit.duration(), &tell).await;
    bar.finish_and_clear();
    println!("{}", told(&restored?, "restored and compared, from", from));
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_unit_that_suits() {
        let sizes = [0, 1023, 1024, 1536 << 10, 3 << 40].map(size);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.5 MiB", "3.0 TiB"]);
    }

    #[test]
    fn a_plan_is_shown_step_by_step() {
        let mut plan = operate::Plan {
            levelling: operate::Levelling {
                on: true,
                copies_at_once: 1,
                hand_overs_at_once: 2,
            },
            steps: vec![operate::Step {
                step: "copy".to_owned(),
                partition: 12,
                from: Some("n1".to_owned()),
                to: Some("n4".to_owned()),
            }],
        };
        let text = shown_plan(&plan);
        assert!(
            text.starts_with("roles are levelled, at most 1 partition copied and 2 handed over")
        );
        let step = text.lines().last().expect("a step");
        let words: Vec<&str> = step.split_whitespace().collect();
        assert_eq!(words, ["1", "12", "copy", "n1", "n4"]);
        plan.steps.clear();
        plan.levelling.on = false;
        let text = shown_plan(&plan);
        assert!(
            text.starts_with("levelling is paused") && text.ends_with("nothing is to be moved\n")
        );
    }

    #[test]
    fn a_cluster_is_shown_with_what_is_wrong() {
        let node = |name: &str| NodeHealth {
            name: name.to_owned(),
            address: "a:1".to_owned(),
            told: None,
            owner: 2,
            backup: 1,
            catch_up: 0,
        };
        let mut health = Health {
            cluster: Some("c".to_owned()),
            master: None,
            table: (3, 7),
            partitions: 2,
            replicas: 1,
            nodes: vec![node("n1")],
            problems: vec!["n1 burns".to_owned()],
        };
        let text = shown(&health, false);
        let expected = "cluster c, master none known, term 3, table 7, 2 partitions on 1 node each\n\n\
            node  address  is               owner  backup  catch-up  rows  disk  free  clients\n\
            n1    a:1      does not answer      2       1         0     -     -     -        -\n\n\
            ! n1 burns\n";
        assert_eq!(text, expected);
        health.problems.clear();
        assert!(shown(&health, true).contains("\x1b[32mwhole"));
    }
}
