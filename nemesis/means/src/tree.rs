//! A process with all that it has started: a node may be several processes, and what is done to the node
//! is done to all of them.

use std::fs;
use std::io;

use crate::signal::{self, SignalError};

/// A process that forks while it is being paused is looked at again so many times.
const LOOKS_MAX: usize = 20;

/// The process and its descendants, itself first. One that has ended has none.
pub fn members(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&pid) = found.get(next) {
        next += 1;
        for child in children(pid) {
            if !found.contains(&child) {
                found.push(child);
            }
        }
    }
    found
}

fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"));
    let tasks = tasks.into_iter().flatten().flatten();
    let texts = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let numbers = |text: String| {
        let words: Vec<u32> = text
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        words
    };
    texts.flat_map(numbers).collect()
}

/// Ends all of it at once.
///
/// # Errors
/// If the process itself cannot be killed; a descendant may have ended by itself.
pub fn kill(root: u32) -> Result<(), SignalError> {
    // Who is killed first could be missed by its children, and those not found any more.
    let descendants = members(root).split_off(1);
    let killed = signal::kill(root);
    for pid in descendants {
        let _ = signal::kill(pid);
    }
    killed
}

/// Stops all of it where it stands.
///
/// # Errors
/// If the process itself cannot be stopped.
pub fn pause(root: u32) -> Result<(), SignalError> {
    signal::pause(root)?;
    let mut paused = vec![root];
    for _ in 0..LOOKS_MAX {
        let fresh: Vec<u32> = members(root)
            .into_iter()
            .filter(|pid| !paused.contains(pid))
            .collect();
        if fresh.is_empty() {
            break;
        }
        for pid in fresh {
            // It may have ended by itself.
            let _ = signal::pause(pid);
            paused.push(pid);
        }
    }
    Ok(())
}

/// Lets all of it go on.
///
/// # Errors
/// If the process itself cannot be continued.
pub fn resume(root: u32) -> Result<(), SignalError> {
    for pid in members(root).split_off(1) {
        let _ = signal::resume(pid);
    }
    signal::resume(root)
}

/// Whether all of it stands still.
///
/// # Errors
/// If there is no such process.
pub fn stands_still(root: u32) -> io::Result<bool> {
    let descendants = members(root).split_off(1);
    let still = |pid: &u32| signal::stands_still(*pid).unwrap_or(true);
    Ok(signal::stands_still(root)? && descendants.iter().all(still))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// A shell that waits for a process of its own, in a session of that one's own.
    fn family() -> (std::process::Child, Vec<u32>) {
        let shell = Command::new("sh")
            .args(["-c", "setsid sleep 60 & sleep 60 & wait"])
            .spawn()
            .unwrap();
        let all = loop {
            let all = members(shell.id());
            if all.len() == 3 {
                break all;
            }
            std::thread::yield_now();
        };
        (shell, all)
    }

    #[test]
    fn what_is_done_to_a_process_is_done_to_all_that_it_has_started() {
        let (mut shell, all) = family();
        let await_still = |wanted: bool| {
            let each = |pid: &u32| signal::stands_still(*pid).unwrap() == wanted;
            while !all.iter().all(each) {
                std::thread::yield_now();
            }
        };
        pause(shell.id()).unwrap();
        await_still(true);
        assert!(stands_still(shell.id()).unwrap());
        resume(shell.id()).unwrap();
        await_still(false);
        kill(shell.id()).unwrap();
        shell.wait().unwrap();
        for pid in all {
            // Its own parent may not have waited for it: then it is there, and is dead.
            while fs::read_to_string(format!("/proc/{pid}/stat"))
                .is_ok_and(|stat| !stat.rsplit_once(") ").unwrap().1.starts_with('Z'))
            {
                std::thread::yield_now();
            }
        }
    }
}
