//! A node's process, with its pipes. It never outlives its handle.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

use anyhow::{Context, Result};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// How to start a node.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// A program, with arguments, that runs the node's so that it dies with this process; it is
    /// given the number of this process and the program behind them. Without one, a node outlives
    /// a harness that is killed, unless it ends at the end of its input.
    pub guard: Vec<String>,
    /// Whether what nodes log is also shown here.
    pub shows_log: bool,
}

/// A node's process.
#[derive(Debug)]
pub(super) struct NodeProcess {
    child: Child,
    stdin: ChildStdin,
    /// None after its end.
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    log: File,
    /// Output that is no whole line yet.
    said: Vec<u8>,
    logged: Vec<u8>,
    /// Input that the pipe has no room for yet.
    unheard: VecDeque<u8>,
}

/// A line may have so many bytes.
const LINE_MAX: usize = 64 << 20;

impl NodeProcess {
    /// Starts a node in `folder`; what it logs is added to the file `log`.
    pub(super) fn start(launch: &Launch, folder: &Path, log: &Path) -> Result<NodeProcess> {
        let cannot = || {
            let program = launch.program.display();
            format!("cannot start {program} (a script must begin with #!)")
        };
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("cannot open {}", log.display()))?;
        let mut command = match launch.guard.split_first() {
            Some((guard, rest)) => {
                let mut command = Command::new(guard);
                command
                    .args(rest)
                    .arg(std::process::id().to_string())
                    .arg(&launch.program);
                command
            }
            None => Command::new(&launch.program),
        };
        let stderr = match launch.shows_log {
            true => Stdio::piped(),
            false => Stdio::from(log.try_clone().with_context(cannot)?),
        };
        let mut child = command
            .args(&launch.arguments)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            // Signals are for the node with all that it starts, and Ctrl-C for this program alone.
            .process_group(0)
            .spawn()
            .with_context(cannot)?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let stderr = child.stderr.take();
        let (Some(stdin), Some(stdout)) = (stdin, stdout) else {
            anyhow::bail!("a node has no pipes");
        };
        never_wait(stdin.as_fd())?;
        never_wait(stdout.as_fd())?;
        if let Some(stderr) = &stderr {
            never_wait(stderr.as_fd())?;
        }
        Ok(NodeProcess {
            child,
            stdin,
            stdout: Some(stdout),
            stderr,
            log,
            said: Vec::new(),
            logged: Vec::new(),
            unheard: VecDeque::new(),
        })
    }

    /// Its pipes: input if something waits for it, output, log.
    pub(super) fn pipes(&self) -> [Option<BorrowedFd<'_>>; 3] {
        let waits = !self.unheard.is_empty();
        [
            waits.then(|| self.stdin.as_fd()),
            self.stdout.as_ref().map(AsFd::as_fd),
            self.stderr.as_ref().map(AsFd::as_fd),
        ]
    }

    /// A line for the node; it is written when there is room.
    pub(super) fn tell(&mut self, line: &str) {
        self.unheard.extend(line.as_bytes());
        self.unheard.push_back(b'\n');
    }

    /// Writes as much as there is room for.
    pub(super) fn write(&mut self) {
        while !self.unheard.is_empty() {
            let (first, _) = self.unheard.as_slices();
            match self.stdin.write(first) {
                Ok(written) => drop(self.unheard.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // It does not listen any more: its end is told elsewhere.
                Err(_) => self.unheard.clear(),
            }
        }
    }

    /// Reads what it has said; gives whole lines. An error is one in the form of what it says.
    pub(super) fn read(&mut self) -> Result<Vec<String>, String> {
        let Some(stdout) = &mut self.stdout else {
            return Ok(Vec::new());
        };
        if pour(stdout, &mut self.said) == Flow::Over {
            self.stdout = None;
        }
        let lines = lines(&mut self.said);
        if self.said.len() > LINE_MAX {
            return Err(format!("a line of more than {} MiB", LINE_MAX >> 20));
        }
        lines
            .into_iter()
            .map(|line| {
                String::from_utf8(line).map_err(|error| format!("text that is not UTF-8 ({error})"))
            })
            .collect()
    }

    /// Reads what it logs, where that does not go to its file by itself; gives whole lines.
    pub(super) fn read_log(&mut self) -> Vec<String> {
        let Some(stderr) = &mut self.stderr else {
            return Vec::new();
        };
        if pour(stderr, &mut self.logged) == Flow::Over {
            self.stderr = None;
            if !self.logged.is_empty() {
                self.logged.push(b'\n');
            }
        }
        let lines = lines(&mut self.logged);
        for line in &lines {
            // A log that cannot be written is no reason to end a test.
            let _ = self
                .log
                .write_all(line)
                .and_then(|()| self.log.write_all(b"\n"));
        }
        lines
            .into_iter()
            .map(|line| String::from_utf8_lossy(&line).into_owned())
            .collect()
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Lets it stand still, with all that it has started.
    pub(super) fn pause(&self) -> Result<()> {
        self.signal(Signal::SIGSTOP).context("cannot pause a node")
    }

    /// Lets it go on.
    pub(super) fn resume(&self) -> Result<()> {
        self.signal(Signal::SIGCONT).context("cannot resume a node")
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let number = i32::try_from(self.child.id())?;
        Ok(killpg(Pid::from_raw(number), signal)?)
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        // They fail where everything has ended already.
        let _ = self.signal(Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

/// How reading ended.
#[derive(PartialEq, Eq)]
enum Flow {
    /// There is no more at present.
    Dry,
    /// There will be no more.
    Over,
}

/// Reads all there is, but not for ever.
fn pour(source: &mut impl Read, into: &mut Vec<u8>) -> Flow {
    const AT_ONCE: usize = 64 << 10;
    const READS_MAX: usize = 8;
    for _ in 0..READS_MAX {
        let end = into.len();
        into.resize(end + AT_ONCE, 0);
        let read = source.read(&mut into[end..]);
        into.truncate(end + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => return Flow::Over,
            Ok(read) if read < AT_ONCE => return Flow::Dry,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Flow::Dry,
            Err(_) => return Flow::Over,
        }
    }
    Flow::Dry
}

/// Takes whole lines, without their ends; empty ones are left out.
fn lines(text: &mut Vec<u8>) -> Vec<Vec<u8>> {
    let Some(end) = text.iter().rposition(|byte| *byte == b'\n') else {
        return Vec::new();
    };
    let rest = text.split_off(end + 1);
    let whole = std::mem::replace(text, rest);
    let lines = whole.split(|byte| *byte == b'\n');
    lines
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty())
        .map(<[u8]>::to_vec)
        .collect()
}

fn never_wait(pipe: BorrowedFd<'_>) -> Result<()> {
    let flags = OFlag::from_bits_truncate(fcntl(pipe, FcntlArg::F_GETFL)?);
    fcntl(pipe, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_whole() {
        let mut text = b"one\r\n\ntwo\nthr".to_vec();
        assert_eq!(lines(&mut text), [b"one".to_vec(), b"two".to_vec()]);
        assert_eq!(text, b"thr");
        text.extend(b"ee\n");
        assert_eq!(lines(&mut text), [b"three".to_vec()]);
        assert!(text.is_empty());
    }
}
