//! When to end: a signal, or nothing left to do.

use std::future::pending;

use tokio::signal::unix::Signal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

use crate::daemon::Fatal;

/// What a signal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signalled {
    /// End, with grace; the second time, at once.
    Stop,
    /// Read the settings again.
    Reload,
}

/// The signals that mean something, and those that must not end the process.
pub(super) struct Signals {
    stop: [Signal; 2],
    reload: Signal,
    /// Listened to so that the system does not end the process for them.
    _ignored: [Signal; 2],
}

impl Signals {
    /// Takes over the signals.
    pub(super) fn listen() -> Result<Self, Fatal> {
        let listen = |kind| {
            signal(kind).map_err(|source| Fatal::System {
                what: "listen to signals",
                source,
            })
        };
        Ok(Self {
            stop: [
                listen(SignalKind::interrupt())?,
                listen(SignalKind::terminate())?,
            ],
            reload: listen(SignalKind::hangup())?,
            _ignored: [
                listen(SignalKind::user_defined1())?,
                listen(SignalKind::user_defined2())?,
            ],
        })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Signalled {
        let [interrupt, terminate] = &mut self.stop;
        let (received, meaning) = tokio::select! {
            received = interrupt.recv() => (received, Signalled::Stop),
            received = terminate.recv() => (received, Signalled::Stop),
            received = self.reload.recv() => (received, Signalled::Reload),
        };
        if received.is_none() {
            pending::<()>().await;
        }
        meaning
    }
}

/// Whether nothing is arriving, as far as the inbox has looked.
#[derive(Debug, Default)]
pub(super) struct Idle {
    n_settling: Option<usize>,
    is_asked: bool,
}

impl Idle {
    /// The inbox has looked.
    pub(super) fn looked(&mut self, n_settling: usize) {
        self.n_settling = Some(n_settling);
        self.is_asked = false;
    }

    /// What was dropped while a job ran may not have been seen yet.
    pub(super) fn job_ended(&mut self) {
        self.n_settling = None;
        self.is_asked = false;
    }

    /// Returns true if nothing is arriving.
    pub(super) fn is_over(&self) -> bool {
        self.n_settling == Some(0)
    }

    /// Returns true once when there is no look to go by.
    pub(super) fn wants_look(&mut self) -> bool {
        self.n_settling.is_none() && !std::mem::replace(&mut self.is_asked, true)
    }
}
