//! Signals as something that can be read: Ctrl-C, a wish to end, the end of a node.

use std::os::fd::{AsFd, BorrowedFd};

use anyhow::{Context, Result};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, pthread_sigmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// Takes signals from this thread while it lives. Other threads must not exist, or have these
/// signals blocked: one that has not would take them instead.
pub(super) struct Signals {
    source: SignalFd,
    before: SigSet,
}

impl Signals {
    pub(super) fn take() -> Result<Signals> {
        let mut set = SigSet::empty();
        for signal in [
            Signal::SIGINT,
            Signal::SIGTERM,
            Signal::SIGHUP,
            Signal::SIGCHLD,
        ] {
            set.add(signal);
        }
        let mut before = SigSet::empty();
        pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&set), Some(&mut before))
            .context("cannot block signals")?;
        let source = SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
            .context("cannot read signals")?;
        Ok(Signals { source, before })
    }

    pub(super) fn pipe(&self) -> BorrowedFd<'_> {
        self.source.as_fd()
    }

    /// How often somebody asked that the run ends, since the last call.
    pub(super) fn read(&mut self) -> u32 {
        let mut wishes = 0;
        while let Ok(Some(signal)) = self.source.read_signal() {
            if signal.ssi_signo != Signal::SIGCHLD as u32 {
                wishes += 1;
            }
        }
        wishes
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&self.before), None);
    }
}
