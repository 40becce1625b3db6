//! What a person sees while a run lasts: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kensho_checker::history::Kind;
use tokio::task::JoinHandle;

/// Plain lines come this often.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Counts of a run that goes on.
#[derive(Debug, Default)]
pub struct Tally {
    answered: AtomicU64,
    failed: AtomicU64,
    unknown: AtomicU64,
    fault: Mutex<Option<String>>,
    faults: AtomicU64,
}

/// A tally at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Operations that the database answered.
    pub answered: u64,
    /// Operations that had no effect.
    pub failed: u64,
    /// Operations of unknown outcome.
    pub unknown: u64,
    /// Faults that were begun.
    pub faults: u64,
    /// The fault that goes on now, in words.
    pub fault: Option<String>,
}

impl Tally {
    /// An operation has completed.
    pub fn count(&self, kind: Kind, served: bool) {
        let counter = match (kind, served) {
            (_, true) => &self.answered,
            (Kind::Fail, false) => &self.failed,
            (_, false) => &self.unknown,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// The fault that goes on now, in words.
    pub fn set_fault(&self, fault: Option<String>) {
        if fault.is_some() {
            self.faults.fetch_add(1, Ordering::Relaxed);
        }
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        Counts {
            answered: read(&self.answered),
            failed: read(&self.failed),
            unknown: read(&self.unknown),
            faults: read(&self.faults),
            fault: fault.clone(),
        }
    }

    fn line(&self, since: &mut u64, elapsed: Duration) -> String {
        let Counts {
            answered,
            failed,
            unknown,
            faults,
            fault,
        } = self.counts();
        let rate = (answered - *since) as f64 / elapsed.as_secs_f64().max(0.001);
        *since = answered;
        let fault = fault.as_deref().unwrap_or("quiet");
        format!(
            "{answered} answered ({rate:.0}/s), {failed} failed, {unknown} unknown, fault {faults}: {fault}"
        )
    }
}

/// Shows progress until it is dropped.
pub struct Progress {
    task: JoinHandle<()>,
    bar: ProgressBar,
}

impl Progress {
    /// Shows the tally of a phase that lasts about `length`, if that is known.
    pub fn start(tally: Arc<Tally>, length: Option<Duration>) -> Progress {
        let terminal = std::io::stderr().is_terminal();
        let bar = match length {
            Some(length) => ProgressBar::new(length.as_secs()),
            None => ProgressBar::new_spinner(),
        };
        let template = match length {
            Some(_) => "{bar:30} {pos}/{len} s  {msg}",
            None => "{spinner} {elapsed_precise}  {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        if !terminal {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let shown = bar.clone();
        let task = tokio::spawn(async move {
            let every = if terminal {
                Duration::from_millis(250)
            } else {
                LINE_EVERY
            };
            let (mut since, mut last) = (0, std::time::Instant::now());
            loop {
                tokio::time::sleep(every).await;
                let line = tally.line(&mut since, last.elapsed());
                last = std::time::Instant::now();
                if terminal {
                    shown.set_position(shown.elapsed().as_secs());
                    shown.set_message(line);
                } else {
                    eprintln!("{:4} s  {line}", shown.elapsed().as_secs());
                }
            }
        });
        Progress { task, bar }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.task.abort();
        self.bar.finish_and_clear();
    }
}
