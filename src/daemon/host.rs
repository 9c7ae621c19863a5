//! Receives clients: accepts their connections, so many at a time, and sees that the socket stays
//! where they look for it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::api::server::Server;
use crate::api::socket::Listener;
use crate::causes::with_causes;

/// How many connections are served at a time; more wait to be accepted.
const GUESTS_MAX: usize = 64;

/// How often it is checked that the socket was not deleted.
const CHECK: Duration = Duration::from_secs(5);

/// How long to wait after a connection could not be accepted, for want of file descriptors say.
const BREATH: Duration = Duration::from_millis(200);

/// How long answers that are on the way may take when the daemon ends.
const PARTING: Duration = Duration::from_millis(500);

/// Serves clients until `ending` says that the daemon ends.
pub(super) async fn receive(
    mut listener: Listener,
    server: Server,
    mut ending: watch::Receiver<bool>,
) {
    let mut guests = JoinSet::new();
    let mut check = tokio::time::interval(CHECK);
    let for_guests = ending.clone();
    loop {
        tokio::select! {
            () = said(&mut ending) => break,
            accepted = listener.accept(), if guests.len() < GUESTS_MAX => match accepted {
                Ok(stream) => {
                    guests.spawn(server.clone().serve(stream, for_guests.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "no connection could be accepted");
                    tokio::time::sleep(BREATH).await;
                }
            },
            Some(_served) = guests.join_next(), if !guests.is_empty() => {}
            _now = check.tick() => if !listener.is_there() {
                match listener.reopen() {
                    Ok(()) => tracing::warn!("the socket was deleted and is there again"),
                    Err(error) => {
                        tracing::error!(error = with_causes(&error), "the socket is gone");
                    }
                }
            },
        }
    }
    // From here on clients find that no daemon runs.
    drop(listener);
    let all_served = async { while guests.join_next().await.is_some() {} };
    if tokio::time::timeout(PARTING, all_served).await.is_err() {
        guests.shutdown().await;
    }
}

/// Waits until it is said that the daemon ends.
async fn said(ending: &mut watch::Receiver<bool>) {
    // An error means that nobody is left to say it.
    let _said = ending.wait_for(|ending| *ending).await;
}
