//! An orderly stop (rule M7): what a node does between the signal to stop and its end.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::control::{Heard, Shown};
use crate::service_manager;

/// The signals that a node stops for.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Waits for a signal (SIGTERM, SIGINT); then until the node's roles are with others, and it is missed by
/// nobody. Another signal, and the coordinator's own limit, end that.
///
/// # Errors
/// When the operating system takes no signals.
pub(crate) fn wait(
    control: &mpsc::Sender<Heard>,
    mut shown: watch::Receiver<Shown>,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut signals = Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        };
        signals.next().await;
        service_manager::stopping();
        tracing::info!("the node is to stop: others take over what it owns; a second signal stops it at once");
        let parts = async {
            // The control thread ends with the process.
            let _ = control.send(Heard::Goodbye).await;
            let _ = shown.wait_for(|shown| shown.view.may_stop).await;
        };
        tokio::select! {
            () = parts => {}
            () = signals.next() => tracing::warn!("the node stops at once: others have to find out"),
        }
        Ok(())
    })
}
