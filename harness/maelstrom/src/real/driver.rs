//! Drives the world with real processes until everything is over.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use kensho_results::store::RunFolder;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use super::journal::Journal;
use super::live::Live;
use super::process::{Launch, NodeProcess};
use super::progress::Progress;
use super::signals::Signals;
use crate::workload::Workload;
use crate::world::{Order, Remains, Settings, World};

/// So long the driver waits at most before it looks after its nodes.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// So much of a node's log is shown when it ends by itself.
const LAST_WORDS_BYTES: usize = 2_000;

/// What is run.
pub struct Setup<'a> {
    /// Tells those who watch.
    pub live: &'a mut Live,
    /// The world.
    pub settings: Settings,
    /// What clients do in it.
    pub workload: Box<dyn Workload>,
    /// The nodes' program.
    pub launch: Launch,
    /// Where everything is written.
    pub folder: RunFolder,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// What is left of the world.
    pub remains: Remains,
    /// The time of day when the main part began, milliseconds since 1970.
    pub began_unix_ms: u64,
    /// How long the main part lasted.
    pub length_ns: u64,
}

struct Driver<'a> {
    live: &'a mut Live,
    world: World,
    nodes: Vec<Option<NodeProcess>>,
    names: Vec<String>,
    launch: Launch,
    folder: RunFolder,
    journal: Journal,
    progress: Progress,
    signals: Signals,
    start: Instant,
    looked: Instant,
    wishes: u32,
}

/// Runs everything: afterwards the history is on disk, and no node is left.
///
/// # Errors
/// If nodes cannot be started, or files not be written.
pub fn run(setup: Setup<'_>) -> Result<Outcome> {
    let length = Duration::from_nanos(setup.settings.length_ns);
    let names = setup.settings.nodes.clone();
    let mut driver = Driver {
        live: setup.live,
        nodes: names.iter().map(|_| None).collect(),
        names,
        journal: Journal::create(&setup.folder.history())?,
        world: World::new(setup.settings, setup.workload),
        launch: setup.launch,
        folder: setup.folder,
        progress: Progress::start(length),
        signals: Signals::take()?,
        start: Instant::now(),
        looked: Instant::now(),
        wishes: 0,
    };
    let logs = driver.folder.path().join("logs");
    let folders = driver.names.iter().map(|name| driver.folder.node(name));
    for folder in folders.chain([logs]) {
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let began = SystemTime::now();
    driver.world.start(driver.now());
    let mut main_began = 0;
    while !driver.world.is_over() {
        driver.turn()?;
        let now = driver.now();
        main_began = now - driver.world.elapsed_ns(now);
    }
    driver.nodes.clear();
    driver.journal.write(driver.world.take_events())?;
    let began_unix_ms = began
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis() as u64
        + main_began / 1_000_000;
    let lasted = driver.now().saturating_sub(main_began);
    Ok(Outcome {
        remains: driver.world.into_remains(),
        began_unix_ms,
        length_ns: lasted.min(length.as_nanos() as u64),
    })
}

impl Driver<'_> {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Carries out what the world wants, then waits for what comes next, and hands it in.
    fn turn(&mut self) -> Result<()> {
        self.carry_out()?;
        self.journal.write(self.world.take_events())?;
        for line in self.world.take_log() {
            self.progress.say(&line);
        }
        let now = self.now();
        self.progress.show(&self.world, now);
        self.live.look(&self.world);
        if self.world.is_over() {
            return Ok(());
        }
        let ready = self.wait()?;
        for (node, [_, said, logged]) in ready.into_iter().enumerate() {
            if logged {
                self.hear_log(node);
            }
            if said {
                self.hear(node);
            }
        }
        self.look_after_nodes();
        self.world.tick(self.now());
        Ok(())
    }

    fn carry_out(&mut self) -> Result<()> {
        for order in self.world.take_orders() {
            match order {
                Order::Start(node) => self.start_node(node)?,
                Order::Kill(node) => self.nodes[node] = None,
                Order::Pause(node) => {
                    self.nodes[node]
                        .as_ref()
                        .map_or(Ok(()), NodeProcess::pause)?;
                }
                Order::Resume(node) => {
                    self.nodes[node]
                        .as_ref()
                        .map_or(Ok(()), NodeProcess::resume)?;
                }
                Order::Deliver(node, line) => {
                    if let Some(process) = &mut self.nodes[node] {
                        process.tell(&line);
                    }
                }
            }
        }
        for process in self.nodes.iter_mut().flatten() {
            process.write();
        }
        Ok(())
    }

    fn start_node(&mut self, node: usize) -> Result<()> {
        let log = self.log(node);
        let folder = self.folder.node(&self.names[node]);
        self.nodes[node] = Some(NodeProcess::start(&self.launch, &folder, &log)?);
        Ok(())
    }

    fn log(&self, node: usize) -> PathBuf {
        let logs = self.folder.path().join("logs");
        logs.join(format!("{}.log", self.names[node]))
    }

    /// Waits until something can be read or written, or it is time; says of each node's pipes
    /// whether they are ready.
    fn wait(&mut self) -> Result<Vec<[bool; 3]>> {
        let now = self.now();
        let until_due = self.world.deadline().map(|at| at.saturating_sub(now));
        let until_due = Duration::from_nanos(until_due.unwrap_or(u64::MAX));
        let shown = self.progress.next().min(self.live.next());
        let until_shown = shown.saturating_duration_since(Instant::now());
        let patience = until_due.min(until_shown).min(LOOK_EVERY);
        let kinds = [PollFlags::POLLOUT, PollFlags::POLLIN, PollFlags::POLLIN];
        let mut polled = vec![PollFd::new(self.signals.pipe(), PollFlags::POLLIN)];
        let mut owners = Vec::new();
        for (node, process) in self.nodes.iter().enumerate() {
            let pipes = process
                .iter()
                .flat_map(|process| process.pipes().into_iter().enumerate());
            for (kind, pipe) in pipes {
                if let Some(pipe) = pipe {
                    polled.push(PollFd::new(pipe, kinds[kind]));
                    owners.push((node, kind));
                }
            }
        }
        match ppoll(&mut polled, Some(TimeSpec::from(patience)), None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error).context("cannot wait for nodes"),
        }
        let mut ready = vec![[false; 3]; self.nodes.len()];
        for (pipe, (node, kind)) in polled[1..].iter().zip(owners) {
            ready[node][kind] = pipe.any().unwrap_or(false);
        }
        let signalled = polled[0].any().unwrap_or(false);
        drop(polled);
        if signalled {
            self.heed_signals();
        }
        Ok(ready)
    }

    fn heed_signals(&mut self) {
        // A node may have ended.
        self.looked = self.start;
        let wishes = self.signals.read();
        if wishes == 0 {
            return;
        }
        self.wishes += wishes;
        self.progress
            .say("stopping; what was done so far is judged (once more to stop at once)");
        self.world.interrupt();
    }

    fn hear(&mut self, node: usize) {
        let Some(process) = &mut self.nodes[node] else {
            return;
        };
        let said = process.read();
        let now = self.now();
        match said {
            Ok(lines) => {
                for line in lines {
                    self.world.node_said(now, node, line);
                }
            }
            Err(what) => self.world.node_wrote(node, &what),
        }
    }

    fn hear_log(&mut self, node: usize) {
        let Some(process) = &mut self.nodes[node] else {
            return;
        };
        for line in process.read_log() {
            self.progress.say(&format!("{}: {line}", self.names[node]));
        }
    }

    /// Finds nodes that have ended.
    fn look_after_nodes(&mut self) {
        if self.looked.elapsed() < LOOK_EVERY && self.looked != self.start {
            return;
        }
        self.looked = Instant::now();
        for node in 0..self.nodes.len() {
            let status = self.nodes[node].as_mut().and_then(NodeProcess::ended);
            if let Some(status) = status {
                // Its last words may explain it.
                self.hear(node);
                self.hear_log(node);
                self.nodes[node] = None;
                let words = self.last_words(node);
                self.world.node_ended(node, &status.to_string(), &words);
            }
        }
    }

    fn last_words(&self, node: usize) -> String {
        let log = std::fs::read(self.log(node)).unwrap_or_default();
        let from = log.len().saturating_sub(LAST_WORDS_BYTES);
        let words = String::from_utf8_lossy(&log[from..]).trim_end().to_owned();
        let cut = if from > 0 { "…" } else { "" };
        if words.is_empty() {
            return words;
        }
        format!("{cut}{words}")
    }
}
