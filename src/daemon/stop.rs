//! When to end: a signal, or nothing left to do.

use std::future::pending;

use tokio::signal::unix::Signal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

use crate::daemon::Fatal;

/// The signals that end the process with grace.
pub(super) struct StopSignals([Signal; 3]);

impl StopSignals {
    /// Takes over the signals.
    pub(super) fn listen() -> Result<Self, Fatal> {
        let listen = |kind| {
            signal(kind).map_err(|source| Fatal::System {
                what: "listen to signals",
                source,
            })
        };
        Ok(Self([
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ]))
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        let received = tokio::select! {
            received = interrupt.recv() => received,
            received = terminate.recv() => received,
            received = hangup.recv() => received,
        };
        if received.is_none() {
            pending::<()>().await;
        }
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
