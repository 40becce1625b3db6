//! Signals to processes, by their number.

use std::io;

use nix::errno::Errno;
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

/// A signal that is not taken: there is no such process, or it is not ours.
#[derive(Debug, thiserror::Error)]
#[error("cannot send {signal} to process {pid}: {source}")]
pub struct SignalError {
    signal: Signal,
    pid: u32,
    source: io::Error,
}

/// Ends the process at once (SIGKILL).
///
/// # Errors
/// As [`SignalError`] says.
pub fn kill(pid: u32) -> Result<(), SignalError> {
    send(pid, Signal::SIGKILL)
}

/// Stops the process where it stands (SIGSTOP).
///
/// # Errors
/// As [`SignalError`] says.
pub fn pause(pid: u32) -> Result<(), SignalError> {
    send(pid, Signal::SIGSTOP)
}

/// Lets a paused process go on (SIGCONT).
///
/// # Errors
/// As [`SignalError`] says.
pub fn resume(pid: u32) -> Result<(), SignalError> {
    send(pid, Signal::SIGCONT)
}

/// Asks the process to end in order (SIGTERM).
///
/// # Errors
/// As [`SignalError`] says.
pub fn terminate(pid: u32) -> Result<(), SignalError> {
    send(pid, Signal::SIGTERM)
}

/// Whether the process stands still, as the kernel has it: a signal that was sent may take a moment.
///
/// # Errors
/// If there is no such process.
pub fn stands_still(pid: u32) -> io::Result<bool> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name before it is in brackets, and may hold anything.
    let state = stat.rsplit_once(") ").map(|(_, after)| after);
    Ok(state.is_some_and(|state| state.starts_with('T')))
}

fn send(pid: u32, signal: Signal) -> Result<(), SignalError> {
    let number = i32::try_from(pid).ok().filter(|&number| number > 1);
    // 0 and negative numbers would mean whole groups of processes.
    let sent = number.map_or(Err(Errno::ESRCH), |number| {
        signal::kill(Pid::from_raw(number), signal)
    });
    sent.map_err(|errno| SignalError {
        signal,
        pid,
        source: errno.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_process_is_paused_resumed_and_killed() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let await_still = |wanted: bool| {
            while stands_still(child.id()).unwrap() != wanted {
                std::thread::yield_now();
            }
        };
        pause(child.id()).unwrap();
        await_still(true);
        resume(child.id()).unwrap();
        await_still(false);
        kill(child.id()).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(
            std::os::unix::process::ExitStatusExt::signal(&status),
            Some(9)
        );
        assert!(
            kill(child.id())
                .unwrap_err()
                .to_string()
                .contains("SIGKILL")
        );
    }

    #[test]
    fn groups_of_processes_are_never_meant() {
        assert!(kill(0).is_err());
        assert!(kill(u32::MAX).is_err());
    }
}
