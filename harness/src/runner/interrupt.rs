//! Ctrl-C and SIGTERM: the run ends early, in order. The second one ends it at once.

use anyhow::{Result, bail};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Tells whether the run is to end early. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Interrupt(watch::Receiver<bool>);

/// Ends a run early, as a signal would.
#[derive(Debug)]
pub struct Interrupter(watch::Sender<bool>);

impl Interrupter {
    /// Ends it.
    pub fn interrupt(&self) {
        self.0.send_replace(true);
    }
}

impl Interrupt {
    /// One that comes when the returned half says so.
    pub fn manual() -> (Interrupter, Interrupt) {
        let (sender, receiver) = watch::channel(false);
        (Interrupter(sender), Interrupt(receiver))
    }

    /// One that comes with Ctrl-C or SIGTERM.
    ///
    /// # Errors
    /// If the signals cannot be waited for.
    pub fn on_signals() -> std::io::Result<Interrupt> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let (interrupter, receiver) = Interrupt::manual();
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            eprintln!("\nstopping; once more to stop at once");
            interrupter.interrupt();
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            // The kernel kills the nodes with this process.
            std::process::exit(255);
        });
        Ok(receiver)
    }

    /// Whether it has come.
    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// What the measurement `task` finds.
    ///
    /// # Errors
    /// If the measurement fails, or if the interrupt comes before its end.
    pub async fn or<T>(&mut self, task: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            found = task => found,
            () = self.wait() => bail!("interrupted; the nodes are stopped"),
        }
    }

    /// Waits until it comes.
    pub async fn wait(&mut self) {
        if self.0.wait_for(|set| *set).await.is_err() {
            // Nobody is left who could interrupt.
            std::future::pending::<()>().await;
        }
    }
}
