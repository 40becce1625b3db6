//! What a person sees while a run lasts: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::world::World;

/// Shows how far a run has come.
pub(super) struct Progress {
    bar: ProgressBar,
    terminal: bool,
    next: Instant,
}

impl Progress {
    pub(super) fn start(length: Duration) -> Progress {
        let terminal = std::io::stderr().is_terminal();
        let bar = ProgressBar::new(length.as_secs());
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} s  {msg}") {
            bar.set_style(style);
        }
        if !terminal {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        Progress {
            bar,
            terminal,
            next: Instant::now() + Self::every(terminal),
        }
    }

    /// When there is something to show.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    fn every(terminal: bool) -> Duration {
        match terminal {
            true => Duration::from_millis(250),
            false => Duration::from_secs(5),
        }
    }

    /// Shows it, if it is time.
    pub(super) fn show(&mut self, world: &World, now: u64) {
        if Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + Self::every(self.terminal);
        let tally = world.tally();
        let fault = match world.present_fault() {
            Some(fault) => format!(", fault: {fault}"),
            None => String::new(),
        };
        let line = format!(
            "{}: {} ok, {} failed, {} unknown{fault}",
            world.doing(),
            tally.ok,
            tally.fail,
            tally.info
        );
        let seconds = world.elapsed_ns(now) / 1_000_000_000;
        if self.terminal {
            self.bar.set_position(seconds);
            self.bar.set_message(line);
        } else {
            eprintln!("{seconds:4} s  {line}");
        }
    }

    /// A line above the bar.
    pub(super) fn say(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
