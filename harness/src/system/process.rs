//! A node's process, with those that it has started itself. It never outlives this program: it is killed when its handle is dropped, and
//! by the kernel if this program is killed.

use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use kensho_means::{signal, tree};

/// How to start a node's program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// A program, with its arguments, that runs the node's so that it dies with this process;
    /// without one, only dropping the handle stops the node.
    pub guard: Vec<String>,
}

impl Launch {
    /// The command, without arguments for the program.
    pub(crate) fn command(&self) -> Command {
        match self.guard.split_first() {
            Some((guard, rest)) => {
                let mut command = Command::new(guard);
                command
                    .args(rest)
                    .arg(std::process::id().to_string())
                    .arg(&self.program);
                command
            }
            None => Command::new(&self.program),
        }
    }
}

/// A process that was started.
#[derive(Debug)]
pub(crate) struct NodeProcess {
    child: Child,
    paused: bool,
}

impl NodeProcess {
    /// Starts the program with `arguments`, in the folder `within`; what it says is added to the file
    /// `log`.
    pub(crate) fn start(
        launch: &Launch,
        arguments: &[&str],
        within: &Path,
        log: &Path,
    ) -> Result<NodeProcess> {
        let cannot = || format!("cannot start {}", launch.program.display());
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(cannot)?;
        let mut command = launch.command();
        let child = command
            .args(arguments)
            .current_dir(within)
            .stdin(Stdio::null())
            .stdout(log.try_clone().with_context(cannot)?)
            .stderr(log)
            // Ctrl-C on the terminal is for this program alone, which then stops the nodes.
            .process_group(0)
            .spawn()
            .with_context(cannot)?;
        Ok(NodeProcess {
            child,
            paused: false,
        })
    }

    /// Its number; what runs it dead with this process takes its place, and has the same number.
    pub(crate) fn number(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn pause(&mut self) -> Result<()> {
        tree::pause(self.child.id())?;
        self.paused = true;
        Ok(())
    }

    pub(crate) fn resume(&mut self) -> Result<()> {
        tree::resume(self.child.id())?;
        self.paused = false;
        Ok(())
    }

    pub(crate) fn paused(&self) -> bool {
        self.paused
    }

    /// How it ended, if it has.
    pub(crate) fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Ends it at once.
    pub(crate) fn kill(mut self) -> Result<()> {
        tree::kill(self.child.id())?;
        self.child.wait().context("cannot wait for a killed node")?;
        Ok(())
    }

    /// Ends it in order, with force after `patience`. Gives whether it obeyed.
    pub(crate) async fn stop(mut self, patience: Duration) -> Result<bool> {
        if self.exited().is_some() {
            return Ok(true);
        }
        signal::terminate(self.child.id())?;
        if self.paused {
            self.resume()?;
        }
        let begin = Instant::now();
        while begin.elapsed() < patience {
            if self.exited().is_some() {
                return Ok(true);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.kill()?;
        Ok(false)
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        // The number of one that has ended may be another's by now.
        if self.exited().is_none() {
            // Both fail for a process that is just ending, and then there is nothing to do.
            let _ = tree::kill(self.child.id());
            let _ = self.child.wait();
        }
    }
}

/// Runs `program` in place of this process so that it dies with its parent `parent`: what a
/// [`Launch::guard`] does. Returns only if that is not possible.
pub fn run_with_parent(parent: u32, program: &Path, arguments: &[String]) -> anyhow::Error {
    use nix::sys::{prctl, signal::Signal};
    if let Err(error) = prctl::set_pdeathsig(Signal::SIGKILL) {
        return anyhow::Error::from(error).context("cannot ask to die with the parent process");
    }
    // It may have died before that.
    if u32::try_from(nix::unistd::getppid().as_raw()) != Ok(parent) {
        return anyhow::anyhow!("the parent process {parent} has ended");
    }
    let error = Command::new(program).args(arguments).exec();
    anyhow::Error::from(error).context(format!("cannot run {}", program.display()))
}
